"""Holds nothing: the tests of driver/ and nut/ run without Home Assistant's test plug-in."""
