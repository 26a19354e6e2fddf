"""A rack that exists only in memory: hosts, a UPS, a network, and a Home Assistant that may die."""
