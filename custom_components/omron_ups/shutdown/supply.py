"""What a plan makes of the power: is there mains, since when, and may hosts be started again."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from .budget import needs, time_left_s
from .folding import Phase, PlanRecord
from .models import Power
from .ports import Clock, DurationStore
from .power import PowerNow
from .recall import DATA_WAIT_S
from .specs import Plan

ENOUGH_CHARGE: Final = 90.0
"""No plan may ask for more than a battery has, per cent."""
LONGEST_WAIT_S: Final = 8 * 3600.0
"""A battery that is not charged after this will not be: hosts are started all the same."""
PRESUMED_S: Final = 600.0
"""How long a battery that should be empty must have lasted before that means mains."""
UNKNOWN_RUNTIME_S: Final = 7200.0
"""How long a battery is taken to last whose runtime nobody knows."""
_FACTOR: Final = 1.5


class Situation(StrEnum):
    """Where the power comes from, as far as a plan is concerned."""

    MAINS = "mains"
    BATTERY = "battery"
    UNKNOWN = "unknown"


class Supply:
    """Judges the power for one plan."""

    def __init__(
        self,
        plan: Plan,
        clock: Clock,
        durations: DurationStore,
        *,
        power_returned: Callable[[PlanRecord], bool | None],
    ) -> None:
        """Judge for `plan`.

        Args:
            plan: what the user configured.
            clock: the machine's.
            durations: of real stops.
            power_returned: whether hosts show that the UPS took their power and gave it back; None
                if none can.

        """
        self._plan = plan
        self._clock = clock
        self._durations = durations
        self._power_returned = power_returned
        self._began = clock.monotonic()
        self._spent_at: float | None = None

    def situation(self, now: PowerNow, record: PlanRecord | None) -> Situation:
        """Return what the power counts as."""
        if now.forced:
            return Situation.BATTERY
        if now.is_silent and now.mains_entity_s > 0.0:
            return Situation.MAINS
        if record is not None and self.mains_s(now, record) > 0.0:
            return Situation.MAINS
        return Situation(now.power.value)

    def mains_s(self, now: PowerNow, record: PlanRecord) -> float:
        """Return for how many seconds mains is proven; 0 if it is not."""
        if now.power is Power.MAINS and not now.is_silent:
            return now.mains_s
        if now.is_silent and now.mains_entity_s > 0.0:
            return now.mains_entity_s
        if now.power is Power.MAINS:
            # Silence on mains proves nothing, but it must not keep hosts off for ever.
            lasted_s = now.mains_s + now.silent_s
            return lasted_s if lasted_s >= self._plan.restore.stable_without_charge_s else 0.0
        remembered_s = self._remembered_s(record) if now.power is Power.UNKNOWN else 0.0
        return remembered_s or self._presumed_s(now, record)

    def _remembered_s(self, record: PlanRecord) -> float:
        """Return for how long there has been mains if nothing was read since the start.

        A machine that started anew has power, and mains that was there stays until somebody says
        otherwise. Either must last, and the data source that is woken first will tell.
        """
        lived_s = self._clock.monotonic() - self._began
        if self._was_cut(record) and lived_s >= DATA_WAIT_S:
            lasted_s = self._clock.uptime_s()
        else:
            lasted_s = lived_s if record.has_mains else 0.0
        return lasted_s if lasted_s >= self._plan.restore.boot_stable_s else 0.0

    def _was_cut(self, record: PlanRecord) -> bool:
        """Return whether the machine that runs us lost its power, and has it again.

        It may as well have been started anew by somebody, or by a defect, with the battery as it
        was. Then hosts that start with their power stay silent, and as long as there is somebody
        left to be stopped that counts for more.
        """
        if not self._is_new_boot(record):
            return False
        return record.phase is not Phase.RUNNING or self._power_returned(record) is not False

    def _is_new_boot(self, record: PlanRecord) -> bool:
        return record.began.boot_id != self._clock.boot_id

    def _presumed_s(self, now: PowerNow, record: PlanRecord) -> float:
        """Return for how long the battery should have been empty, but we live.

        Nothing else can tell of mains if the plan stopped the source of the data and runs on a
        machine that has power elsewhere. Then the source is woken to find out: a host without
        power does not hear it, and one with power tells us where that comes from. Without a source
        that can tell, and without a restart, the battery must be empty many times over.
        """
        if not self._is_spent(now, record):
            self._spent_at = None
            return 0.0
        moment = self._clock.monotonic()
        if self._spent_at is None:
            self._spent_at = moment
        sources = [target.target_id for target in self._plan.targets if target.is_data_source]
        is_ours = any(record.target(source).is_ours for source in sources)
        was_ours = is_ours or any(record.target(source).woken for source in sources)
        enough_s = PRESUMED_S if was_ours or self._is_new_boot(record) else LONGEST_WAIT_S
        lasted_s = moment - self._spent_at
        return lasted_s if lasted_s >= enough_s else 0.0

    def _is_spent(self, now: PowerNow, record: PlanRecord) -> bool:
        """Return whether the battery should be empty by the clock."""
        if now.power is Power.UNKNOWN:
            return self._is_spent_since(record)
        if now.power is not Power.BATTERY or not now.is_silent:
            return False
        if now.runtime_s is None:
            return now.silent_s >= UNKNOWN_RUNTIME_S
        return now.runtime_s <= 0.0

    def _is_spent_since(self, record: PlanRecord) -> bool:
        """Return whether it should be empty though nothing was read since our start."""
        if record.known is None or not record.is_outage:
            return False
        if record.known.boot_id == self._clock.boot_id:
            gone_s = self._clock.monotonic() - record.known.monotonic
        else:
            # Not less than that; how long the machine was off nobody knows.
            gone_s = self._clock.uptime_s()
        runtime_s = record.known.runtime_s
        return gone_s >= (UNKNOWN_RUNTIME_S if runtime_s is None else runtime_s)

    def is_stable(self, now: PowerNow, record: PlanRecord) -> bool:
        """Return whether mains has lasted long enough to be trusted."""
        return self.mains_s(now, record) >= self._plan.restore.mains_stable_s

    def may_start_hosts(self, now: PowerNow, record: PlanRecord) -> bool:
        """Return whether mains is stable, and the charge can survive another cut."""
        mains_s = self.mains_s(now, record)
        if mains_s < self._plan.restore.mains_stable_s:
            return False
        if mains_s >= LONGEST_WAIT_S:
            return True
        is_enough = None if now.is_silent else self._is_enough(now)
        if is_enough is None:
            return mains_s >= self._plan.restore.stable_without_charge_s
        return is_enough

    def _is_enough(self, now: PowerNow) -> bool | None:
        """Return whether the battery could bear another outage; None if unknown."""
        if now.low:
            return False
        if now.charge is not None and now.charge >= ENOUGH_CHARGE:
            return True
        if self._plan.restore.min_charge is not None:
            return None if now.charge is None else now.charge >= self._plan.restore.min_charge
        left_s = time_left_s(now, self._plan)
        return None if left_s is None else left_s >= _FACTOR * self._needs_s()

    def _needs_s(self) -> float:
        return needs(self._plan, self._durations).total_s
