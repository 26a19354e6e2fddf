"""When a plan begins by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .models import Power, Reason
from .power import PowerNow
from .specs import Triggers

READINGS: Final = 3
"""How many readings in a row must fulfil a trigger that has to hold."""

type _Test = Callable[[Triggers, PowerNow, float | None], bool]


def _reached(value: float | None, limit: float | None) -> bool:
    """Return whether a value that is known has reached a limit that is set."""
    return value is not None and limit is not None and value >= limit


def _below(value: float | None, limit: float | None) -> bool:
    """Return whether a value that is known lies below a limit that is set."""
    return value is not None and limit is not None and value < limit


# Beyond the debounce time these act at once: they are times, which do not flicker.
_AT_ONCE: Final[tuple[tuple[Reason, _Test], ...]] = (
    (
        Reason.TIME_ON_BATTERY,
        lambda triggers, now, _: _reached(now.on_battery_s, triggers.time_on_battery_s),
    ),
    (
        # A source that fell silent on mains, long ago, must not shorten a later outage.
        Reason.DATA_LOST,
        lambda triggers, now, _: _reached(
            min(now.silent_s, now.on_battery_s), triggers.data_lost_s
        ),
    ),
)
# These are estimates, which may be wrong for one reading.
_HELD: Final[tuple[tuple[Reason, _Test], ...]] = (
    (Reason.RUNTIME, lambda triggers, now, _: _below(now.runtime_s, triggers.runtime_below_s)),
    (Reason.CHARGE, lambda triggers, now, _: _below(now.charge, triggers.charge_below)),
    (Reason.MARGIN, lambda triggers, _, margin_s: _below(margin_s, triggers.margin_below_s)),
)


@dataclass(frozen=True, slots=True)
class _Hold:
    """Since when a trigger has been fulfilled without a break."""

    since: float
    first_reading: int


class TriggerWatch:
    """Watches one outage after the other; armed or not is not its business."""

    def __init__(self, triggers: Triggers) -> None:
        """Begin with nothing fulfilled."""
        self.triggers = triggers
        self._holds: dict[Reason, _Hold] = {}

    def reset(self) -> None:
        """Forget what has been fulfilled so far."""
        self._holds.clear()

    def evaluate(self, now: PowerNow, *, margin_s: float | None, monotonic: float) -> Reason | None:
        """Return why a plan should begin at this moment, None if it should not.

        Call it at every reading, and every second in between.

        Args:
            now: the power.
            margin_s: time to low battery minus what the plan needs; None if unknown.
            monotonic: the time, in seconds.

        """
        if now.power is not Power.BATTERY:
            self.reset()
            return Reason.FORCED if now.forced else None
        self._note(now, margin_s, monotonic)
        if now.is_low:
            return Reason.LOW_BATTERY
        if now.forced:
            return Reason.FORCED
        if now.on_battery_s < self.triggers.debounce_s:
            return None
        return self._at_once(now, margin_s) or self._held(now, monotonic)

    def _at_once(self, now: PowerNow, margin_s: float | None) -> Reason | None:
        """Return the first trigger that need not hold and is fulfilled."""
        met = (reason for reason, test in _AT_ONCE if test(self.triggers, now, margin_s))
        return next(met, None)

    def _held(self, now: PowerNow, monotonic: float) -> Reason | None:
        """Return the first trigger that has held for long enough."""
        return next((r for r, _ in _HELD if self._has_held(r, now, monotonic)), None)

    def _note(self, now: PowerNow, margin_s: float | None, monotonic: float) -> None:
        """Note which triggers are fulfilled, and since when."""
        for reason, test in _HELD:
            hold = self._holds.get(reason)
            if not test(self.triggers, now, margin_s):
                self._holds.pop(reason, None)
            elif hold is None or now.readings < hold.first_reading:
                self._holds[reason] = _Hold(monotonic, now.readings)

    def _has_held(self, reason: Reason, now: PowerNow, monotonic: float) -> bool:
        """Return whether the trigger has been fulfilled long enough and often enough."""
        if (hold := self._holds.get(reason)) is None:
            return False
        if monotonic - hold.since < self.triggers.hold_s:
            return False
        # While the source is silent no reading can confirm what the clock made of the last ones.
        return now.is_silent or now.readings - hold.first_reading >= READINGS - 1
