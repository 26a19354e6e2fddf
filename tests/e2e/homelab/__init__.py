"""The reference homelab with fake hosts around a real Home Assistant."""
