"""The shutdown plan: stops hosts in order when the battery runs down, and brings them back.

An asyncio library of its own that knows nothing of Home Assistant, of the driver or of the NUT
server. What it needs of them stands in `ports`.
"""
