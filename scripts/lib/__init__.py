"""The Python parts of the scripts."""
