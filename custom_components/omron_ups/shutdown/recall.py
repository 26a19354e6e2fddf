"""The power as the journal remembers it, for a restart in an outage whose data do not come back."""

from dataclasses import replace
from typing import Final

from .folding import PlanRecord
from .models import Power
from .ports import Clock
from .power import PowerNow, PowerTracker
from .records import Stamp

DATA_WAIT_S: Final = 30.0
"""How long the first reading after a start may take."""
RECENT_S: Final = 900.0
"""An outage that lasted this short a time ago still does, if nobody says otherwise."""


class Recall:
    """Knows the power: by the readings, else by the last entries of the journal."""

    def __init__(self, tracker: PowerTracker, clock: Clock) -> None:
        """Know what `tracker` knows."""
        self._tracker = tracker
        self._clock = clock
        self._began = clock.monotonic()
        self._last: Stamp | None = None
        self._outage_since: float | None = None

    def remember(self, record: PlanRecord) -> None:
        """Take over what the journal of an open plan says, unless it is old or of another boot."""
        if record.has_mains or record.known is None:
            return
        self.remember_outage(record.known)

    def remember_outage(self, stamp: Stamp) -> None:
        """Take over what was known of an outage, unless it is old or of another boot."""
        gone_s = self._now_is(stamp)
        if gone_s is None or gone_s > RECENT_S:
            return
        self._began = self._clock.monotonic()
        self._last = stamp
        if stamp.on_battery_s:
            self._outage_since = stamp.monotonic - stamp.on_battery_s

    def forget(self) -> None:
        """Know only what is read from now on: the outage that was known of is over."""
        self._last = self._outage_since = None
        self._tracker.forget()

    def now(self) -> PowerNow:
        """Return what is known at this moment."""
        now = self._tracker.now()
        if self._last is None or self._is_read(now):
            return self._with_earlier(now)
        since_s = self._clock.monotonic() - self._began
        silent_s = self._now_is(self._last)
        if since_s < DATA_WAIT_S or silent_s is None:
            return now
        return replace(
            now,
            power=Power.BATTERY,
            silent_s=silent_s,
            charge=self._run_down(self._last.charge, silent_s),
            charge_low=self._last.charge_low,
            runtime_s=self._run_down(self._last.runtime_s, silent_s),
            on_battery_s=max(now.on_battery_s, (self._last.on_battery_s or 0.0) + silent_s),
        )

    def _with_earlier(self, now: PowerNow) -> PowerNow:
        """Count the time on battery from before our restart, once readings have confirmed it."""
        is_new = now.on_battery_s < self._tracker.triggers.debounce_s
        if self._outage_since is None or is_new or self._tracker.has_seen_mains:
            return now
        lasted_s = self._clock.monotonic() - self._outage_since
        return replace(now, on_battery_s=max(now.on_battery_s, lasted_s))

    @staticmethod
    def _is_read(now: PowerNow) -> bool:
        """Return whether anything but a mains entity has told of the power since the start."""
        return now.power is Power.MAINS or now.readings > 0

    def _now_is(self, stamp: Stamp) -> float | None:
        """Return the seconds since an entry; None if it was in another boot."""
        if stamp.boot_id != self._clock.boot_id:
            return None
        return self._clock.monotonic() - stamp.monotonic

    def _run_down(self, value: float | None, silent_s: float) -> float | None:
        """Return what a value has fallen to by now, at the rate of the last estimate."""
        runtime_s = self._last.runtime_s if self._last else None
        if value is None or not runtime_s:
            return value
        return value * max(0.0, runtime_s - silent_s) / runtime_s
