"""What is known of the power now: the last reading, and what the clock made of it since."""

from dataclasses import dataclass
from typing import Final

from .discharge import Discharge
from .models import Power, PowerView
from .ports import Clock
from .specs import Triggers

# Longer than any source takes between two readings; a shorter gap is no silence.
SILENT_AFTER_S: Final = 10.0
# Whoever says FSD on mains and is off for this long has not cut our power.
FORCED_ON_MAINS_S: Final = 600.0
# Two views of one reading differ by what the clock moved while they were made.
_SAME_READING_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerNow:
    """The power at this moment; None stands for unknown."""

    power: Power
    """The last that was read, for as long as nothing else is: neither silence nor an unknown
    status changes it. Only a mains entity that is off makes a silent source BATTERY."""
    silent_s: float = 0.0
    """Seconds since the last good reading, or since the start if there was none."""
    low: bool | None = None
    """Low battery, as it was read last; unknown if only the mains entity tells of the outage."""
    forced: bool = False
    """FSD, as it was told last. One that was set on battery by a source that is now silent, for
    it followed its own FSD, ends when the mains entity proves mains."""
    charge: float | None = None
    """Per cent; while on battery and silent, what is left of it at the last estimate."""
    charge_low: float | None = None
    """Charge at which the UPS reports low battery, per cent."""
    runtime_s: float | None = None
    """Seconds to an empty battery: the shorter of the UPS's estimate and the rate at which the
    charge really falls, run down by the clock since the last reading while on battery."""
    load: float | None = None
    """Per cent of the rated power."""
    on_battery_s: float = 0.0
    """Seconds on battery without a reading of mains, silence included; 0 on mains."""
    mains_s: float = 0.0
    """Seconds of mains as the UPS proves it, without a break, up to the last reading; 0 after more
    than 10 s without one, and then counted anew."""
    mains_entity_s: float = 0.0
    """Seconds for which the mains entity has been on; 0 if it is off, silent or not there, or was
    on already while the UPS said battery. It proves mains where the UPS is expected to be silent,
    because the plan stopped its source."""
    readings: int = 0
    """Good readings since the outage began; 0 on mains."""

    @property
    def is_low(self) -> bool:
        """Whether the battery is low: as it was read, or in a silence by the clock."""
        if self.low or not self.is_silent or self.charge is None or self.charge_low is None:
            return bool(self.low)
        return self.charge <= self.charge_low

    @property
    def is_silent(self) -> bool:
        """Whether the source has been silent for longer than a gap between two readings."""
        return self.silent_s > SILENT_AFTER_S


class PowerTracker:
    """Keeps the last good reading and how long what it says has lasted."""

    def __init__(self, clock: Clock, triggers: Triggers) -> None:
        """Begin without any reading."""
        self.triggers = triggers
        self.has_seen_mains = False
        """Whether any reading was on mains."""
        self._clock = clock
        self._view: PowerView | None = None
        self._is_past = False
        self._read_at = clock.monotonic()
        self._forced = False
        self._forced_at = self._read_at
        self._readings = 0
        self._battery_since: float | None = None
        self._mains_since: float | None = None
        self._entity: bool | None = None
        self._entity_since = self._read_at
        self._discharge: Discharge | None = None

    def update(self, view: PowerView) -> None:
        """Take over a reading, or the same one again, older, while the source is silent.

        A view of unknown power is no reading: it tells only of FSD and the mains entity.
        """
        moment = self._clock.monotonic()
        read_at = moment - view.age_s
        entity_outage = self._entity_outage_since(moment)
        self._note_entity(view.mains_entity, moment)
        self._forced = view.forced and not self._is_past
        if view.forced:
            self._forced_at = read_at
        if view.power is Power.UNKNOWN or self._is_older(read_at):
            return
        if self._is_same(view, read_at):
            self._view = view
            return
        if view.power is Power.BATTERY:
            self._note_battery(view, read_at, entity_outage)
        else:
            self._note_mains(read_at)
        self._view, self._read_at, self._is_past = view, read_at, False
        self._forced = view.forced

    def forget(self) -> None:
        """Take the last reading for past: mains came back, and the UPS could not tell.

        Nothing is known until the next reading; the same one again is none.
        """
        self._view = None
        self._is_past = True
        self._forced = False
        self._battery_since = self._mains_since = self._discharge = None
        self._readings = 0

    def now(self) -> PowerNow:
        """Return what is known at this moment."""
        moment = self._clock.monotonic()
        silent_s = max(0.0, moment - self._read_at)
        since, is_read = self._outage(moment)
        on_battery_s = 0.0 if since is None else max(0.0, moment - since)
        charge, runtime_s = self._run_down(min(silent_s, on_battery_s))
        mains_entity_s = self._mains_entity_s(moment)
        view = self._view
        return PowerNow(
            power=self._power(is_on_battery=since is not None),
            silent_s=silent_s,
            low=view.low if view and (since is None or is_read) else None,
            forced=self._forced and not self._is_outlived(silent_s, mains_entity_s),
            charge=charge,
            charge_low=view.charge_low if view else None,
            runtime_s=runtime_s,
            load=view.load if view else None,
            on_battery_s=on_battery_s,
            mains_s=self._mains_s(silent_s),
            mains_entity_s=mains_entity_s,
            readings=self._readings,
        )

    def _is_older(self, read_at: float) -> bool:
        """Return whether a newer reading is known already."""
        if self._is_past:
            return read_at < self._read_at + _SAME_READING_S
        return self._view is not None and read_at < self._read_at - _SAME_READING_S

    def _is_same(self, view: PowerView, read_at: float) -> bool:
        """Return whether this reading was counted already; a change of the power always counts."""
        if self._view is None or view.power is not self._view.power:
            return False
        return read_at < self._read_at + _SAME_READING_S

    def _note_entity(self, entity: bool | None, moment: float) -> None:  # noqa: FBT001
        """Note since when the mains entity has said what it says."""
        if entity is not self._entity:
            self._entity, self._entity_since = entity, moment

    def _mains_entity_s(self, moment: float) -> float:
        """Return for how long the mains entity has proved mains.

        One that was on while the UPS was on battery (a plug on another circuit, a value that is
        only kept) proves nothing before it has changed.
        """
        if not self._entity:
            return 0.0
        if self._battery_since is not None and self._entity_since <= self._read_at:
            return 0.0
        return moment - self._entity_since

    def _note_battery(self, view: PowerView, read_at: float, entity_outage: float | None) -> None:
        """Note a reading on battery; the mains entity may have told of the same outage before."""
        if self._battery_since is None:
            self._battery_since = read_at if entity_outage is None else entity_outage
            self._discharge = Discharge(self._battery_since)
            self._readings = 0
        if self._discharge is not None:
            self._discharge.note(view.charge, read_at)
        self._mains_since = None
        self._readings += 1

    def _note_mains(self, read_at: float) -> None:
        """Note a reading on mains; nobody knows what happened during a silence."""
        if self._mains_since is None or read_at - self._read_at > SILENT_AFTER_S:
            self._mains_since = read_at
        self._battery_since = self._discharge = None
        self._readings = 0
        self.has_seen_mains = True

    def _outage(self, moment: float) -> tuple[float | None, bool]:
        """Return since when we are on battery, None on mains, and whether the UPS said so."""
        if self._battery_since is not None:
            return self._battery_since, True
        return self._entity_outage_since(moment), False

    def _entity_outage_since(self, moment: float) -> float | None:
        """Return since when the mains entity, in place of a silent source, shows an outage."""
        if self._entity is not False or moment - self._read_at <= SILENT_AFTER_S:
            return None
        since = max(self._entity_since, self._read_at)
        return since if moment - since >= self.triggers.debounce_s else None

    def _power(self, *, is_on_battery: bool) -> Power:
        """Return what the power counts as."""
        if is_on_battery:
            return Power.BATTERY
        return self._view.power if self._view else Power.UNKNOWN

    def _is_outlived(self, silent_s: float, mains_entity_s: float) -> bool:
        """Return whether FSD was for an outage that is over, which its source cannot tell us."""
        if silent_s <= SILENT_AFTER_S:
            return False
        if self._battery_since is None:
            return self._clock.monotonic() - self._forced_at >= FORCED_ON_MAINS_S
        return mains_entity_s >= self.triggers.debounce_s

    def _mains_s(self, silent_s: float) -> float:
        """Return for how long readings have proved mains."""
        if self._mains_since is None or silent_s > SILENT_AFTER_S:
            return 0.0
        return self._read_at - self._mains_since

    def _run_down(self, spent_s: float) -> tuple[float | None, float | None]:
        """Return charge and runtime after `spent_s` more seconds on battery."""
        if self._view is None:
            return None, None
        charge, reported_s = self._view.charge, self._view.runtime_s
        measured_s = self._discharge.runtime_s if self._discharge else None
        runtime_s = min((s for s in (reported_s, measured_s) if s is not None), default=None)
        if runtime_s is None or runtime_s <= 0.0:
            return charge, runtime_s
        left = max(0.0, runtime_s - spent_s) / runtime_s
        return None if charge is None else charge * left, runtime_s * left
