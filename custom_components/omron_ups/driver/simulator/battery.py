"""The simulated battery: how it drains, recharges, and what voltage it shows."""

import math

from .profiles import BatteryRow

# Runtime falls faster than the load grows; the exponent of vendor driver 1.02's runtime formula.
_LOAD_EXPONENT = 1.334897356
# A worn battery keeps this share of its runtime.
_WORN_SHARE = 0.2
# A lead-acid block of 12 V, in V.
_BLOCK_EMPTY = 10.5
_BLOCK_FULL = 12.7
_BLOCK_CHARGING_EMPTY = 12.9
_BLOCK_SAG_PER_PERCENT = 0.006


class SimulatedBattery:
    """Charge in percent, and everything that follows from it."""

    def __init__(self, row: BatteryRow) -> None:
        """Start full."""
        self.charge = 100.0
        self.worn = False
        self._row = row
        self._load_drain = (100.0 / row.runtime_s - row.idle_drain) / math.pow(
            row.load, _LOAD_EXPONENT
        )

    def drain_rate(self, load: float) -> float:
        """Return percent per second lost at `load` percent."""
        rate = self._row.idle_drain + self._load_drain * math.pow(load, _LOAD_EXPONENT)
        return rate / _WORN_SHARE if self.worn else rate

    @property
    def recharge_rate(self) -> float:
        """Percent per second gained on mains."""
        return 100.0 / self._row.recharge_s

    def runtime_s(self, load: float) -> float:
        """Return how long the charge would carry `load` percent, in seconds."""
        return self.charge / self.drain_rate(load)

    def drain(self, load: float, seconds: float) -> None:
        """Lose what `load` percent takes in so many seconds; never below empty."""
        self.charge = max(0.0, self.charge - self.drain_rate(load) * seconds)

    def recharge(self, seconds: float) -> None:
        """Gain what the charger gives in so many seconds; never above full."""
        self.charge = min(100.0, self.charge + self.recharge_rate * seconds)

    def discharging_voltage(self, load: float) -> float:
        """Return the voltage under `load` percent, as the unit reports it."""
        block = _BLOCK_EMPTY + (_BLOCK_FULL - _BLOCK_EMPTY) * self.charge / 100.0
        return self._row.blocks * (block - _BLOCK_SAG_PER_PERCENT * load)

    @property
    def charging_voltage(self) -> float:
        """Voltage on the charger; the float voltage when full."""
        empty = self._row.blocks * _BLOCK_CHARGING_EMPTY
        return empty + (self._row.float_voltage - empty) * self.charge / 100.0
