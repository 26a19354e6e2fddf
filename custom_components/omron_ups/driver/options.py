"""How the owner of a Ups wants it treated."""

from dataclasses import dataclass, field

from .capabilities import Dialect
from .delays import Delays


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The driver's clockwork, in seconds."""

    poll_s: float = 1.0
    """From one Q1 to the next on mains."""
    poll_on_battery_s: float = 0.5
    """The same on battery, where the link is fast enough."""
    stale_after_s: float = 4.0
    """Readings are history after this long without a good Q1 reply."""
    reconnect_first_s: float = 1.0
    reconnect_longest_s: float = 5.0
    """From one try to open a lost link to the next: doubled each time, up to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsOptions:
    """How to treat the unit."""

    version: str
    """Version of the product, for ``driver.version``."""
    dialect: Dialect = Dialect.OMRON
    timing: Timing = Timing()
    delays: Delays = field(default_factory=Delays)
    """What goes into shutdown commands until somebody sets it otherwise."""
    battery_packs: int = 1
    """How often the reported battery voltage has to be taken to be that of the whole battery."""
    offers_unproven: bool = False
    """Offer also what no unit was published to obey: the self-test, the output voltage."""
