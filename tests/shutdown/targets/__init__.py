"""Tests of the kinds of targets, one module each."""
