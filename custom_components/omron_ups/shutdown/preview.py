"""Who would stop when, and who else would act: the timeline of an outage, or of the present one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from .abilities import NO_ABILITIES, NOBODY, Abilities
from .actors import ActorRow, OtherActor, actor_rows
from .budget import Needs, needs, proof_s, time_left_s, time_to_low_s
from .durations import Estimate, EstimateSource, estimate
from .models import Reason, TargetState
from .ports import DurationStore
from .power import PowerNow
from .prediction import Start, predict
from .specs import Plan, TargetSpec

OPEN_STATES: Final = frozenset({TargetState.WAITING, TargetState.GATED, TargetState.STOPPING})
"""States of targets that have yet to stop."""
OUTPUT: Final = "ups_output"


class Problem(StrEnum):
    """What can go wrong with one row."""

    NO_EVIDENCE = "no_evidence"
    """Nothing can prove that it is down: its time limit always runs out."""
    NO_WAY_BACK = "no_way_back"
    """It neither starts by itself nor can be started."""
    AFTER_DEADLINE = "after_deadline"
    """The battery is low, or empty, before it is down."""
    STORAGE_FIRST = "storage_first"
    """Something that it uses stops in an earlier stage."""
    HOST_FIRST = "host_first"
    """Something that it runs on does not stop in a later stage."""
    OTHER_ACTOR_FIRST = "other_actor_first"
    """It, or something around it, acts by itself before the plan comes to it."""
    AT_LOW_BATTERY_ONLY = "at_low_battery_only"
    """Our own host cannot go before: without the UPS output nothing would start it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One target; the UPS output has an empty id."""

    target_id: str
    name: str
    kind: str
    stage: int | None
    """None for our own host and the UPS output, which are last."""
    state: TargetState
    starts_in_s: float | None
    """Seconds from now; None if unknown. For a target that has ended, 0."""
    takes_s: float
    """Until it is proven down."""
    source: EstimateSource
    stops: int
    """Real stops that the estimate knows of."""
    problems: tuple[Problem, ...] = ()

    @property
    def ends_in_s(self) -> float | None:
        """Seconds from now until it is proven down; None if unknown."""
        return None if self.starts_in_s is None else self.starts_in_s + self.takes_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """An outage from now to the end of the plan, in seconds from now."""

    starts_in_s: float
    trigger: Reason | None
    """What would begin the plan; None if no trigger can be foreseen: times then count from the
    plan's beginning, whenever that is."""
    is_short: bool
    """Low battery begins it, so that all targets are stopped at once."""
    needs_s: float
    time_left_s: float | None
    """Until the plan's deadline."""
    rows: tuple[Row, ...]
    actors: tuple[ActorRow, ...]
    """The others, first to act first, unknown times last."""

    @property
    def ends_in_s(self) -> float:
        """When the last host is down, as far as that can be known."""
        ends = (row.ends_in_s for row in self.rows if row.kind != OUTPUT)
        return max((end for end in ends if end is not None), default=self.starts_in_s)

    @property
    def margin_s(self) -> float | None:
        """How much time would be left over if the plan began now; None if unknown."""
        return None if self.time_left_s is None else self.time_left_s - self.needs_s

    @property
    def conflicts(self) -> tuple[ActorRow, ...]:
        """The others who act before the plan has come to an end."""
        return tuple(actor for actor in self.actors if actor.is_first)

    def as_json(self) -> dict[str, Any]:
        """Return the same for the response of an action."""
        return {
            "starts_in_s": _rounded(self.starts_in_s),
            "trigger": self.trigger,
            "is_short": self.is_short,
            "needs_s": _rounded(self.needs_s),
            "time_left_s": _rounded(self.time_left_s),
            "margin_s": _rounded(self.margin_s),
            "ends_in_s": _rounded(self.ends_in_s),
            "targets": [_row_json(row) for row in self.rows],
            "other_actors": [_actor_json(actor) for actor in self.actors],
        }


def make_timeline(
    plan: Plan,
    durations: DurationStore,
    now: PowerNow,
    *,
    states: Mapping[str, TargetState],
    other_actors: Sequence[OtherActor] = (),
    abilities: Mapping[str, Abilities] = NOBODY,
    is_running: bool = False,
) -> Timeline:
    """Foresee the plan: the present outage, or on mains one that begins now.

    Args:
        plan: what the user configured.
        durations: how long real stops took.
        now: the power.
        states: how far the plan has come; a target that is missing waits.
        other_actors: who else acts on this UPS, from `actors`.
        abilities: what the kinds can do, by target.
        is_running: whether the plan has begun already.

    """
    ended = {target_id for target_id, state in states.items() if state not in OPEN_STATES}
    needed = needs(plan, durations, ended=ended)
    start = Start(in_s=0.0, reason=None) if is_running else predict(plan, now, needed)
    is_short = bool(now.low) or start.reason is Reason.LOW_BATTERY
    view = _View(
        plan=plan,
        durations=durations,
        now=now,
        states=states,
        abilities=abilities,
        needed=needed,
    )
    rows = tuple(view.rows(start.in_s, is_short=is_short))
    timeline = Timeline(
        starts_in_s=start.in_s,
        trigger=start.reason,
        is_short=is_short,
        needs_s=needed.total_s,
        time_left_s=time_left_s(now, plan),
        rows=rows,
        actors=(),
    )
    return _with_actors(timeline, other_actors, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """All that the rows are made of."""

    plan: Plan
    durations: DurationStore
    now: PowerNow
    states: Mapping[str, TargetState]
    abilities: Mapping[str, Abilities]
    needed: Needs

    def rows(self, start_s: float, *, is_short: bool) -> Iterator[Row]:
        """Yield the rows in the order in which they stop."""
        end_s = start_s
        for members in self.plan.stages():
            starts = self._offsets(members)
            began_s = start_s if is_short else end_s
            for member in members:
                offset_s = 0.0 if is_short else starts[member.target_id]
                row = self._row(member, began_s + offset_s, self._takes_s(member))
                end_s = max(end_s, row.ends_in_s or 0.0)
                yield row
        yield from self._last_rows(end_s)

    def _last_rows(self, end_s: float) -> Iterator[Row]:
        """Yield our own host and the UPS output."""
        own, output = self.plan.own_host, self.plan.output
        if own is not None:
            starts_s = end_s if output is not None else time_to_low_s(self.now)
            yield self._row(own, starts_s, self.needed.own_host_s)
        if output is not None:
            yield Row(
                target_id="",
                name="",
                kind=OUTPUT,
                stage=None,
                state=TargetState.WAITING,
                starts_in_s=end_s,
                takes_s=self.needed.output_s,
                source=EstimateSource.CONFIGURED,
                stops=0,
            )

    def _row(self, target: TargetSpec, starts_s: float | None, takes_s: float) -> Row:
        """Return one target's row."""
        state = self.states.get(target.target_id, TargetState.WAITING)
        is_open = state in OPEN_STATES
        known = self._estimate(target)
        ends_s = None if starts_s is None else starts_s + takes_s
        return Row(
            target_id=target.target_id,
            name=target.name,
            kind=target.kind,
            stage=None if target is self.plan.own_host else target.stage,
            state=state,
            starts_in_s=starts_s if is_open else 0.0,
            takes_s=takes_s if is_open else 0.0,
            source=known.source,
            stops=known.stops,
            problems=tuple(self._problems(target, ends_s)) if is_open else (),
        )

    def _problems(self, target: TargetSpec, ends_s: float | None) -> Iterator[Problem]:
        """Yield what can go wrong with a target."""
        abilities = self.abilities.get(target.target_id, NO_ABILITIES)
        is_own = target is self.plan.own_host
        # Nobody is left to look at our own host, or to start it.
        if not is_own and not abilities.can_prove(target):
            yield Problem.NO_EVIDENCE
        if not target.returns_by_itself and (is_own or not abilities.can_start(target, self.plan)):
            yield Problem.NO_WAY_BACK
        if is_own and self.plan.output is None:
            yield Problem.AT_LOW_BATTERY_ONLY
        elif self._is_late(ends_s):
            yield Problem.AFTER_DEADLINE
        if any(is_own or used.stage < target.stage for used in used_by(self.plan, target)):
            yield Problem.STORAGE_FIRST
        if any(stops_too_early(self.plan, host, target) for host in self.plan.hosts_of(target)):
            yield Problem.HOST_FIRST

    def _is_late(self, ends_s: float | None) -> bool:
        """Return whether the plan's deadline certainly comes first."""
        deadline_s = time_left_s(self.now, self.plan)
        return deadline_s is not None and ends_s is not None and ends_s > deadline_s

    def _offsets(self, members: Sequence[TargetSpec]) -> Mapping[str, float]:
        """Return how long after the stage's beginning each member's turn comes: after its users."""
        offsets = dict.fromkeys((member.target_id for member in members), 0.0)
        takes = {member.target_id: self._takes_s(member) for member in members}
        for _ in members:  # the longest chain has as many links; a circle ends here too
            for user in members:
                ends_s = offsets[user.target_id] + takes[user.target_id]
                for used_id in user.uses & offsets.keys() - {user.target_id}:
                    offsets[used_id] = max(offsets[used_id], ends_s)
        return offsets

    def _takes_s(self, target: TargetSpec) -> float:
        """Return how long a target takes until it is proven down; 0 if it has ended."""
        if self.states.get(target.target_id, TargetState.WAITING) not in OPEN_STATES:
            return 0.0
        return self._estimate(target).seconds + proof_s(target.verify)

    def _estimate(self, target: TargetSpec) -> Estimate:
        return estimate(target, self.durations.seconds(target.target_id))


def used_by(plan: Plan, target: TargetSpec) -> Iterator[TargetSpec]:
    """Yield the targets whose storage a target uses, our own host aside: it stops last."""
    for used_id in sorted(target.uses - {target.target_id}):
        used = plan.target(used_id)
        if used is not None and used is not plan.own_host:
            yield used


def stops_too_early(plan: Plan, host: TargetSpec, guest: TargetSpec) -> bool:
    """Return whether a host stops before what runs on it, or with it; our own host is last."""
    if host is guest or host is plan.own_host:
        return False
    return guest is plan.own_host or host.stage <= guest.stage


def _with_actors(timeline: Timeline, others: Sequence[OtherActor], now: PowerNow) -> Timeline:
    """Return the timeline with the others, and with the rows that they spoil marked."""
    begins = {
        row.target_id: (row.starts_in_s, row.state in OPEN_STATES)
        for row in timeline.rows
        if row.target_id
    }
    actors = actor_rows(others, now, begins, ends_in_s=timeline.ends_in_s)
    spoiled = {actor.target_id for actor in actors if actor.is_first and actor.target_id}
    rows = tuple(
        replace(row, problems=(*row.problems, Problem.OTHER_ACTOR_FIRST))
        if row.target_id in spoiled
        else row
        for row in timeline.rows
    )
    return replace(timeline, rows=rows, actors=actors)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "id": row.target_id,
        "name": row.name,
        "kind": row.kind,
        "stage": row.stage,
        "state": row.state,
        "starts_in_s": _rounded(row.starts_in_s),
        "takes_s": _rounded(row.takes_s),
        "ends_in_s": _rounded(row.ends_in_s),
        "estimate": row.source,
        "stops": row.stops,
        "problems": list(row.problems),
    }


def _actor_json(actor: ActorRow) -> dict[str, Any]:
    return {
        "name": actor.name,
        "kind": actor.kind,
        "target": actor.target_id,
        "fires_in_s": _rounded(actor.fires_in_s),
        "is_first": actor.is_first,
    }
