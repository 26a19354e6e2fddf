"""A simulated UPS: for rehearsing a power cut without pulling the plug, for the demo and the tests.

From the bottom up: `battery` and `machine` (what a UPS is), `power` (mains, load, charge),
`commands` (what it answers), `faults` (what goes wrong on the way), `unit` (all of it).
"""

from .profiles import PROFILES, SimulatorProfile
from .unit import SimulatedUps

__all__ = ["PROFILES", "SimulatedUps", "SimulatorProfile"]
