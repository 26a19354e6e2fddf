"""How long the battery lasts, for units that do not say: the formula of vendor driver 1.02."""

from dataclasses import dataclass
import math

_LOG10_30_MIN = 3.2552725
"""log10 of 1800 s, in the vendor driver's own digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConstants:
    """What the formula needs of a model."""

    load_for_30_min: float
    """Load in % that a full battery carries for 30 minutes (the vendor's C1)."""
    idle_drain: float
    """Charge in % per second that the unit itself takes (the vendor's k)."""
    minutes_at_full_load: float
    """The vendor's T."""

    def runtime_s(self, *, charge: float, load: float) -> int:
        """Return the seconds left at `charge` percent with `load` percent attached."""
        if load <= 0:
            return int(charge / self.idle_drain)
        at_full_load = math.log10(60 * self.minutes_at_full_load)
        exponent = (_LOG10_30_MIN - at_full_load) / (math.log10(self.load_for_30_min) - 2)
        factor = 10 ** (at_full_load - 2 * exponent)
        full_s = int(factor * load**exponent)
        return int(charge / (100 / full_s + self.idle_drain / 100))
