"""Stand-ins for the hosts' APIs, with the traps that the real ones set."""
