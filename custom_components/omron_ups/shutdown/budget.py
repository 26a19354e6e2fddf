"""How much time there is, how much a plan needs, and who loses first when it is too little."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from .durations import expected_s, patience_s
from .ports import DurationStore
from .power import PowerNow
from .specs import HOME_ASSISTANT_STOP_S, Plan, TargetSpec, Verify

EVIDENCE_S: Final = 4.0
"""From the first to the third look that shows a host down."""
OUTPUT_MARGIN_S: Final = 30.0
"""How much longer the UPS's countdown runs than our own host is expected to need."""
SAFETY_S: Final = 15.0
"""One request at worst: kept back when somebody waits for the last safe moment."""
_ENOUGH_SIGNALS: Final = 2
_NOT_BEGUN: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What is left to do of a plan, in seconds."""

    total_s: float
    """Until the last host is down. Our own host counts only if the UPS output is in the plan:
    without it that host stops at low battery, not before."""
    stages: tuple[tuple[int, float], ...] = field(default=())
    """Each stage that has somebody left, and what it takes; first to stop first."""
    own_host_s: float = 0.0
    """Home Assistant's own stop and its host's; 0 if it is not in the plan."""
    output_s: float = 0.0
    """The delay to switch the UPS output off with; 0 without one."""

    def after_s(self, stage: int) -> float:
        """Return what must still be done once this stage has ended."""
        return self.total_s - sum(seconds for number, seconds in self.stages if number <= stage)


def time_left_s(now: PowerNow, plan: Plan) -> float | None:
    """Return the seconds on battery until the plan's deadline; None if unknown.

    The deadline is low battery, for NAS boxes and upsmon act on it, unless nothing attached does:
    then it is an empty battery. On mains it is the answer for an outage that begins now.
    """
    return time_to_low_s(now) if plan.acts_at_low_battery else now.runtime_s


def time_to_low_s(now: PowerNow) -> float | None:
    """Return the seconds on battery until the UPS reports low battery; None if unknown.

    Where only the runtime is known it stands in: low battery never comes later.
    """
    if now.low:
        return 0.0
    if now.runtime_s is None or now.charge is None or now.charge_low is None:
        return now.runtime_s
    if now.charge <= now.charge_low:
        return 0.0
    return now.runtime_s * ((now.charge - now.charge_low) / now.charge)


def margin_s(now: PowerNow, plan: Plan, needed: Needs) -> float | None:
    """Return how much more time there is than the plan needs; None if unknown."""
    left_s = time_left_s(now, plan)
    return None if left_s is None else left_s - needed.total_s


def needs(
    plan: Plan,
    store: DurationStore,
    *,
    ended: Collection[str] = (),
    begun: Mapping[str, float] = _NOT_BEGUN,
) -> Needs:
    """Return what is left to do: the critical path of the stages.

    Args:
        plan: what the user configured.
        store: the durations of real stops.
        ended: ids of targets that need no more time (down, skipped, overdue).
        begun: seconds since the first request, by the id of a target that is stopping.

    """
    path = _Path(plan, store, ended, begun)
    stages = tuple(
        (members[0].stage, path.longest_s(members))
        for members in plan.stages()
        if any(member.target_id not in ended for member in members)
    )
    own_host_s = _own_host_s(plan, store, ended)
    return Needs(
        total_s=sum(seconds for _, seconds in stages) + (own_host_s if plan.output else 0.0),
        stages=stages,
        own_host_s=own_host_s,
        output_s=_output_s(plan, own_host_s),
    )


def stage_deadline_s(
    plan: Plan,
    store: DurationStore,
    *,
    stage: int,
    time_left_s: float | None,
    elapsed_s: float = 0.0,
    ended: Collection[str] = (),
) -> float:
    """Return for how many seconds from now a stage may be waited for, its proof included.

    As long as its targets have patience for, if what comes later keeps its estimate. With too
    little time for all the estimates each stage gets its share by them: limits are guessed on the
    safe side, and a late stage with a long one must not leave an early one nothing at all.

    Args:
        plan: what the user configured.
        store: the durations of real stops.
        stage: the stage that is about to begin, or in which targets are stopping.
        time_left_s: until the plan's deadline; None if unknown, then only patience counts.
        elapsed_s: since the stage began.
        ended: ids of targets that need no more time.

    """
    members = [t for t in _members(plan, stage) if t.target_id not in ended]
    patient_s = max(
        (patience_s(t, store.seconds(t.target_id)) + proof_s(t.verify) for t in members),
        default=0.0,
    )
    own_s = _Path(plan, store, ended).longest_s(members)
    patient_s = max(patient_s, own_s)
    if time_left_s is None or not own_s:
        return patient_s
    later_s = needs(plan, store, ended=ended).after_s(stage)
    share_s = (time_left_s + elapsed_s) * (own_s / (own_s + later_s)) - elapsed_s
    return max(0.0, min(patient_s, max(time_left_s - later_s, share_s)))


def last_safe_wait_s(
    plan: Plan,
    store: DurationStore,
    *,
    target_id: str,
    time_left_s: float | None,
    ended: Collection[str] = (),
) -> float | None:
    """Return for how many seconds a target may still wait for those who use it.

    After that it must stop, for it and all that comes later would no longer be done in time. 0 or
    less: the moment has come. None if the time left is unknown.
    """
    target = plan.target(target_id)
    if time_left_s is None or target is None:
        return None
    own_s = _Path(plan, store, ended).rest_s(target)
    later_s = needs(plan, store, ended=ended).after_s(target.stage)
    return time_left_s - own_s - later_s - SAFETY_S


def proof_s(verify: Verify) -> float:
    """Return how long it takes to prove a host down once it fell silent."""
    return EVIDENCE_S + verify.grace_s if verify.signals >= _ENOUGH_SIGNALS else 0.0


def _members(plan: Plan, stage: int) -> tuple[TargetSpec, ...]:
    """Return the targets of one stage; our own host is in none."""
    return next((m for m in plan.stages() if m[0].stage == stage), ())


class _Path:
    """The longest way through the targets of one stage: users stop before what they use."""

    def __init__(
        self,
        plan: Plan,
        store: DurationStore,
        ended: Collection[str],
        begun: Mapping[str, float] = _NOT_BEGUN,
    ) -> None:
        self._plan = plan
        self._store = store
        self._ended = ended
        self._begun = begun
        self._rest: dict[str, float] = {}

    def longest_s(self, members: Iterable[TargetSpec]) -> float:
        """Return how long it takes until all of them are down."""
        return max((self.rest_s(member) for member in members), default=0.0)

    def rest_s(self, target: TargetSpec) -> float:
        """Return how long it takes until a target and what it uses in its stage are down."""
        if (known := self._rest.get(target.target_id)) is not None:
            return known
        # Whoever uses itself, by a circle, is counted once: the preflight tells the user.
        self._rest[target.target_id] = 0.0
        used_s = max((self.rest_s(used) for used in self._used_in_stage(target)), default=0.0)
        rest_s = self._rest[target.target_id] = self._own_s(target) + used_s
        return rest_s

    def _used_in_stage(self, target: TargetSpec) -> Iterator[TargetSpec]:
        """Yield what a target uses and what stops in its stage; our own host stops in none."""
        for used_id in sorted(target.uses):
            used = self._plan.target(used_id)
            if used is None or used_id == self._plan.home_assistant_host:
                continue
            if used.stage == target.stage:
                yield used

    def _own_s(self, target: TargetSpec) -> float:
        """Return how long a target itself still takes."""
        if target.target_id in self._ended:
            return 0.0
        took_s = self._begun.get(target.target_id, 0.0)
        expected = expected_s(target, self._store.seconds(target.target_id))
        return max(0.0, expected - took_s) + proof_s(target.verify)


def _own_host_s(plan: Plan, store: DurationStore, ended: Collection[str]) -> float:
    """Return how long Home Assistant and the host that runs it take to stop."""
    own = plan.own_host
    if own is None or own.target_id in ended:
        return 0.0
    return HOME_ASSISTANT_STOP_S + expected_s(own, store.seconds(own.target_id))


def _output_s(plan: Plan, own_host_s: float) -> float:
    """Return the delay that the UPS output is switched off with."""
    if plan.output is None:
        return 0.0
    return own_host_s + OUTPUT_MARGIN_S if own_host_s else plan.output.delay_s
