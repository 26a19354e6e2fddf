"""The UPS: a battery that discharges with the load, an output, and its delayed off."""

from collections.abc import Callable
from dataclasses import dataclass

from .facts import Facts, What

START_DELAY_S = 10.0
"""From mains to output, after the output was off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsSpec:
    """What one UPS is like."""

    rated_w: float = 340.0
    full_load_s: float = 600.0
    """Seconds from full to empty at rated power; at half of it twice as long."""
    charge: float = 100.0
    charge_low: float = 30.0
    recharge_s: float = 1800.0
    """Seconds from empty to full."""
    longest_delay_s: float = 600.0
    idle_w: float = 10.0
    """What hangs on the UPS besides the machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Countdown:
    """A delayed off that runs."""

    at: float
    returns: bool


class RackUps:
    """Follows the truth; what is told of it may be something else."""

    def __init__(self, spec: UpsSpec, facts: Facts, watts: Callable[[], float]) -> None:
        """Begin on mains."""
        self.spec = spec
        self.charge = spec.charge
        self.mains = True
        self.output = True
        self.countdown: Countdown | None = None
        self.low_at: float | None = None
        """When low battery began, in this outage."""
        self.low_early_at: float | None = None
        """Charge at which low battery comes earlier than the setting says."""
        self.true_capacity = 1.0
        """Less than 1 if the battery is older than the UPS believes."""
        self.on_battery_since: float | None = None
        self._facts = facts
        self._watts = watts
        self.stays_off = False
        """Whether it was told to stay off until somebody presses its switch."""
        self._starts_at: float | None = None

    @property
    def on_battery(self) -> bool:
        """Whether the output is fed from the battery."""
        return not self.mains and self.output

    @property
    def is_low(self) -> bool:
        """Whether the low battery flag is set."""
        return self.low_at is not None

    @property
    def load(self) -> float:
        """The load, per cent of the rated power."""
        return 100.0 * (self._watts() + self.spec.idle_w) / self.spec.rated_w

    @property
    def runtime_s(self) -> float:
        """Seconds to an empty battery at this load, as the UPS believes."""
        return self.charge / 100.0 * self.spec.full_load_s * 100.0 / max(self.load, 1.0)

    @property
    def true_runtime_s(self) -> float:
        """Seconds to an empty battery at this load."""
        return self.runtime_s * self.true_capacity

    def set_mains(self, *, on: bool) -> None:
        """Switch the mains."""
        if on is self.mains:
            return
        self.mains = on
        self._facts.add(What.MAINS_BACK if on else What.MAINS_LOST)
        self.on_battery_since = None if on else self._facts.now()
        self.low_at = None

    def step(self, seconds: float) -> None:
        """Let time pass."""
        if self.on_battery:
            drop = 100.0 * seconds * self.load / 100.0 / self.spec.full_load_s
            self.charge = max(0.0, self.charge - drop / self.true_capacity)
        elif self.mains:
            self.charge = min(100.0, self.charge + 100.0 * seconds / self.spec.recharge_s)
        self._note_low()
        self._count_down()
        if self.on_battery and self.charge <= 0.0:
            self._facts.add(What.EMPTY)
            self._switch_off(stays_off=False)
        self._start()

    def arm(self, delay_s: float, *, returns: bool) -> None:
        """Begin a countdown, in place of an earlier one."""
        self.countdown = Countdown(at=self._facts.now() + delay_s, returns=returns)
        self._facts.add(What.ARMED, detail=f"{delay_s:.0f} s")

    def cancel(self) -> None:
        """Stop a countdown."""
        self._facts.add(What.CANCELLED)
        self.countdown = None

    def press_switch(self) -> None:
        """Let a person switch it on again."""
        self.stays_off = False

    def _note_low(self) -> None:
        """Set the flag once the charge is low."""
        threshold = max(self.spec.charge_low, self.low_early_at or 0.0)
        if self.on_battery and self.low_at is None and self.charge <= threshold:
            self.low_at = self._facts.now()
            self._facts.add(What.LOW, detail=f"{self.charge:.0f} %")

    def _count_down(self) -> None:
        """Switch off when the countdown is over."""
        if self.countdown is not None and self._facts.now() >= self.countdown.at:
            stays_off = not self.countdown.returns
            self.countdown = None
            if self.output:
                self._facts.add(What.OUTPUT_OFF)
                self._switch_off(stays_off=stays_off)

    def _switch_off(self, *, stays_off: bool) -> None:
        self.output = False
        self.countdown = None
        self.stays_off = stays_off
        self._starts_at = None

    def _start(self) -> None:
        """Switch the output on some time after mains is there."""
        if self.output or self.stays_off or not self.mains:
            self._starts_at = None
            return
        if self._starts_at is None:
            self._starts_at = self._facts.now() + START_DELAY_S
        if self._facts.now() >= self._starts_at:
            self.output = True
            self._facts.add(What.OUTPUT_ON)
