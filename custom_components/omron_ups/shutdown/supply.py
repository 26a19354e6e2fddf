"""What a plan makes of the power: is there mains, since when, and may hosts be started again."""

from enum import StrEnum
from typing import Final

from .budget import needs, time_left_s
from .folding import PlanRecord
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
_FACTOR: Final = 1.5


class Situation(StrEnum):
    """Where the power comes from, as far as a plan is concerned."""

    MAINS = "mains"
    BATTERY = "battery"
    UNKNOWN = "unknown"


class Supply:
    """Judges the power for one plan."""

    def __init__(self, plan: Plan, clock: Clock, durations: DurationStore) -> None:
        """Judge for `plan`."""
        self._plan = plan
        self._clock = clock
        self._durations = durations
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
        if now.power is Power.UNKNOWN:
            return self._remembered_s(record)
        return self._presumed_s(now, record)

    def _remembered_s(self, record: PlanRecord) -> float:
        """Return for how long there has been mains if nothing was read since the start.

        A machine that started anew has power, and mains that was there stays until somebody says
        otherwise. Either must last, and the data source that is woken first will tell.
        """
        lived_s = self._clock.monotonic() - self._began
        if record.began.boot_id != self._clock.boot_id and lived_s >= DATA_WAIT_S:
            lasted_s = self._clock.uptime_s()
        else:
            lasted_s = lived_s if record.has_mains else 0.0
        return lasted_s if lasted_s >= self._plan.restore.boot_stable_s else 0.0

    def _presumed_s(self, now: PowerNow, record: PlanRecord) -> float:
        """Return for how long the battery should have been empty, but we live.

        Nothing else can tell of mains if the plan stopped the source of the data and runs on a
        machine that has power elsewhere. Then the source is woken to find out: a host without
        power does not hear it, and one with power tells us where that comes from.
        """
        if not now.is_silent or now.runtime_s is None or now.runtime_s > 0.0:
            self._spent_at = None
            return 0.0
        moment = self._clock.monotonic()
        sources = [target.target_id for target in self._plan.targets if target.is_data_source]
        is_stopped = any(record.target(target_id).is_ours for target_id in sources)
        if self._spent_at is None and is_stopped:
            self._spent_at = moment
        # The source that was woken for it needs a while before it tells anything.
        if self._spent_at is None:
            return 0.0
        lasted_s = moment - self._spent_at
        return lasted_s if lasted_s >= PRESUMED_S else 0.0

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
