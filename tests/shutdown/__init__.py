"""Tests of the shutdown plan."""
