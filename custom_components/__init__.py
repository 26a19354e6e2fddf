"""Custom components of this checkout, importable by the tests."""
