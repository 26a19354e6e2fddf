"""What is wrong with a plan as a whole, before anybody needs it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
import math
from typing import Final

from .abilities import NO_ABILITIES, NOBODY, Abilities
from .findings import FindingKey
from .models import Finding, Severity
from .preview import Timeline, stops_too_early, used_by
from .specs import NOT_IN_PLAN, Plan, TargetSpec
from .target_checks import device


class PlanKey(StrEnum):
    """Translation keys under `issues`; the words after each are its placeholders."""

    HOST_UNANSWERED = "plan_home_assistant_host_unanswered"
    HOST_MISSING = "plan_home_assistant_host_missing"
    """The target that ran Home Assistant was deleted."""
    OWN_DISK_ON_TARGET = "plan_own_disk_on_target"
    """target, storage"""
    STORAGE_CIRCLE = "plan_storage_circle"
    """targets"""
    STORAGE_FIRST = "plan_storage_first"
    """target, storage, stage (of the storage)"""
    STORAGE_MISSING = "plan_storage_missing"
    """target"""
    OWN_HOST_ON_TARGET = "plan_own_host_on_target"
    """target, host"""
    HOST_CIRCLE = "plan_host_circle"
    """targets"""
    HOST_FIRST = "plan_host_first"
    """target, host, stage (of the host)"""
    RUNS_ON_MISSING = "plan_runs_on_missing"
    """target"""
    LONGER_THAN_BATTERY = "plan_longer_than_battery"
    """needs, has (minutes)"""
    OTHER_ACTOR_FIRST = "plan_other_actor_first"
    """actor, minutes (after which it acts); target if it is one, then its name is the actor's"""
    NO_EVIDENCE = "plan_no_evidence"
    """target"""
    OWN_HOST_WITHOUT_OUTPUT = "plan_own_host_without_output"
    """target"""
    NO_WAY_BACK = "plan_no_way_back"
    """target"""
    BACK_ONLY_BY_POWER_CUT = "plan_back_only_by_power_cut"
    """target"""
    NO_GATEWAY = "plan_no_gateway"
    DATA_SOURCE_FIRST = "plan_data_source_first"
    """target"""
    OUTPUT_BEHIND_DATA_SOURCE = "plan_output_behind_data_source"
    """target"""
    SIMULATED_UPS = "plan_simulated_ups"
    """targets"""
    DISARMED = "plan_disarmed"


REFUSES_ARMING: Final = frozenset(
    {
        PlanKey.HOST_UNANSWERED,
        PlanKey.HOST_MISSING,
        PlanKey.OWN_DISK_ON_TARGET,
        PlanKey.OWN_HOST_ON_TARGET,
    }
)
"""Keys of the findings with which a plan must not be armed: it would stop what it runs on."""

_MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPreflight:
    """All that is known of a plan without asking any host."""

    plan: Plan
    is_armed: bool = False
    is_simulated: bool = False
    """Whether the UPS is a simulated one, so that an outage is a rehearsal."""
    timeline: Timeline | None = None
    """An outage that begins now, on mains; None if it cannot be told, or while on battery."""
    abilities: Mapping[str, Abilities] = field(default=NOBODY)
    checked: tuple[Finding, ...] = ()
    """What the last checks of the targets found."""

    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong, in the order of the table; nothing of a plan that does nothing."""
        if not self.plan.targets and self.plan.output is None:
            return ()
        return tuple(finding for check in CHECKS for finding in check.findings(self))

    def can_prove(self, target: TargetSpec) -> bool:
        """Return whether there will ever be evidence that a target is down."""
        return self._abilities_of(target).can_prove(target)

    def can_start(self, target: TargetSpec) -> bool:
        """Return whether somebody can start a target; our own host has nobody left to do it."""
        is_own = target is self.plan.own_host
        return not is_own and self._abilities_of(target).can_start(target, self.plan)

    def hosts(self) -> Iterator[TargetSpec]:
        """Yield all targets but our own host."""
        return (t for t in self.plan.targets if t is not self.plan.own_host)

    def _abilities_of(self, target: TargetSpec) -> Abilities:
        return self.abilities.get(target.target_id, NO_ABILITIES)


def refusals(plan: Plan, checked: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """Return why a plan must not be armed; nothing if it may."""
    found = PlanPreflight(plan=plan, checked=tuple(checked)).findings()
    return tuple(finding for finding in found if finding.key in REFUSES_ARMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One thing that is wrong: with which target, and the words that its text needs."""

    words: Mapping[str, str] = field(default_factory=dict)
    target: TargetSpec | None = None
    severity: Severity | None = None
    """How bad it is, if that is not what the row says."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table: what is told, how bad it is, and how to find it."""

    key: PlanKey
    severity: Severity
    find: Callable[[PlanPreflight], Iterable[_Found]]

    def findings(self, of: PlanPreflight) -> Iterator[Finding]:
        """Yield one finding for each thing that is wrong."""
        for found in self.find(of):
            named = {} if found.target is None else {"target": found.target.name}
            yield Finding(
                severity=self.severity if found.severity is None else found.severity,
                key=self.key,
                placeholders={**named, **found.words},
                target_id="" if found.target is None else found.target.target_id,
            )


def _host_unanswered(of: PlanPreflight) -> Iterator[_Found]:
    if of.plan.home_assistant_host is None:
        yield _Found()


def _host_missing(of: PlanPreflight) -> Iterator[_Found]:
    is_named = of.plan.home_assistant_host not in {None, NOT_IN_PLAN}
    if is_named and of.plan.own_host is None:
        yield _Found()


def _own_disk(of: PlanPreflight) -> Iterator[_Found]:
    """Yield storage of our own host, and of what it runs on: our disk lies on it, or theirs."""
    if (own := of.plan.own_host) is None:
        return
    owners = (own, *of.plan.hosts_of(own))
    storages = {used.target_id: used.name for owner in owners for used in used_by(of.plan, owner)}
    owner_ids = {owner.target_id for owner in owners}
    seen = {
        item.placeholders.get("server")
        for item in of.checked
        if item.key == FindingKey.OWN_DISK and item.target_id in owner_ids
    }
    for target in of.hosts():
        if not seen.isdisjoint({device(target), target.verify.address} - {""}):
            storages[target.target_id] = target.name
    for name in storages.values():
        yield _Found(target=own, words={"storage": name})


def _own_host_on_target(of: PlanPreflight) -> Iterator[_Found]:
    own = of.plan.own_host
    for host in of.plan.hosts_of(own) if own else ():
        if host is not own:
            yield _Found(target=own, words={"host": host.name})


def _host_first(of: PlanPreflight) -> Iterator[_Found]:
    for target in of.hosts():
        for host in of.plan.hosts_of(target):
            is_circle = target in of.plan.hosts_of(host)
            if stops_too_early(of.plan, host, target) and not is_circle:
                words = {"host": host.name, "stage": str(host.stage)}
                yield _Found(target=target, words=words)


def _runs_on_missing(of: PlanPreflight) -> Iterator[_Found]:
    known = {target.target_id for target in of.plan.targets}
    return (_Found(target=target) for target in of.plan.targets if target.runs_on - known)


def _no_evidence(of: PlanPreflight) -> Iterator[_Found]:
    return (_Found(target=target) for target in of.hosts() if not of.can_prove(target))


def _storage_missing(of: PlanPreflight) -> Iterator[_Found]:
    known = {target.target_id for target in of.plan.targets}
    return (_Found(target=target) for target in of.plan.targets if target.uses - known)


def _storage_circle(of: PlanPreflight) -> Iterator[_Found]:
    return _circle(of, {target.target_id: set(target.uses) for target in of.plan.targets})


def _host_circle(of: PlanPreflight) -> Iterator[_Found]:
    return _circle(of, {target.target_id: set(target.runs_on) for target in of.plan.targets})


def _circle(of: PlanPreflight, uses: dict[str, set[str]]) -> Iterator[_Found]:
    """Yield one finding for all who use each other: none of them could ever be the first."""
    while free := {target_id for target_id, used in uses.items() if not used & uses.keys()}:
        for target_id in free:
            del uses[target_id]
    # What is left uses a circle, or is in one; those whom nobody left uses are only users.
    while outer := uses.keys() - set().union(*uses.values()):
        for target_id in outer:
            del uses[target_id]
    names = sorted(t.name for t in of.plan.targets if t.target_id in uses)
    if names:
        yield _Found(words={"targets": ", ".join(names)})


def _storage_first(of: PlanPreflight) -> Iterator[_Found]:
    for target in of.hosts():
        for storage in used_by(of.plan, target):
            if storage.stage < target.stage:
                words = {"storage": storage.name, "stage": str(storage.stage)}
                yield _Found(target=target, words=words)


def _without_output(of: PlanPreflight) -> Iterator[_Found]:
    if of.plan.own_host is not None and of.plan.output is None:
        yield _Found(target=of.plan.own_host)


def _no_way_back(of: PlanPreflight) -> Iterator[_Found]:
    """Yield those who stay off even if the UPS switches its output off and on again."""
    for target in of.plan.targets:
        if not target.returns_by_itself and not of.can_start(target):
            yield _Found(target=target)


def _only_by_power_cut(of: PlanPreflight) -> Iterator[_Found]:
    """Yield those who would wait for a cut that need not come: mains may return before it."""
    if of.plan.output is not None:
        return
    for target in of.hosts():
        if target.returns_by_itself and not of.can_start(target):
            yield _Found(target=target)


def _no_gateway(of: PlanPreflight) -> Iterator[_Found]:
    if not of.plan.gateway and any(target.verify.address for target in of.hosts()):
        yield _Found()


def _source_first(of: PlanPreflight) -> Iterator[_Found]:
    last = max((target.stage for target in of.hosts()), default=0)
    for target in of.hosts():
        if target.is_data_source and target.stage < last:
            yield _Found(target=target)


def _output_behind_source(of: PlanPreflight) -> Iterator[_Found]:
    if of.plan.output is not None:
        yield from (_Found(target=target) for target in of.hosts() if target.is_data_source)


def _too_long(of: PlanPreflight) -> Iterator[_Found]:
    timeline = of.timeline
    if timeline is None or timeline.margin_s is None or timeline.margin_s >= 0.0:
        return
    words = {
        "needs": _minutes_up(timeline.needs_s),
        "has": str(math.floor((timeline.time_left_s or 0.0) / _MINUTE_S)),
    }
    yield _Found(words=words)


def _other_first(of: PlanPreflight) -> Iterator[_Found]:
    conflicts = of.timeline.conflicts if of.timeline else ()
    by_name = groupby(sorted(conflicts, key=lambda actor: actor.name), lambda actor: actor.name)
    for name, actors in by_name:
        first = min(actors, key=lambda actor: actor.fires_in_s or 0.0)
        words = {"actor": name, "minutes": str(math.floor((first.fires_in_s or 0.0) / _MINUTE_S))}
        yield _Found(target=of.plan.target(first.target_id), words=words)


def _simulated(of: PlanPreflight) -> Iterator[_Found]:
    """Yield a finding if playing with a simulated UPS stops, or would stop, somebody for real."""
    if of.is_simulated and of.plan.targets:
        names = ", ".join(sorted(target.name for target in of.plan.targets))
        severity = Severity.ERROR if of.is_armed else Severity.WARNING
        yield _Found(words={"targets": names}, severity=severity)


def _disarmed(of: PlanPreflight) -> Iterator[_Found]:
    if not of.is_armed:
        yield _Found()


CHECKS: Final = (
    Check(PlanKey.HOST_UNANSWERED, Severity.ERROR, _host_unanswered),
    Check(PlanKey.HOST_MISSING, Severity.ERROR, _host_missing),
    Check(PlanKey.OWN_DISK_ON_TARGET, Severity.ERROR, _own_disk),
    Check(PlanKey.OWN_HOST_ON_TARGET, Severity.ERROR, _own_host_on_target),
    Check(PlanKey.STORAGE_CIRCLE, Severity.ERROR, _storage_circle),
    Check(PlanKey.STORAGE_FIRST, Severity.ERROR, _storage_first),
    Check(PlanKey.STORAGE_MISSING, Severity.WARNING, _storage_missing),
    Check(PlanKey.HOST_CIRCLE, Severity.ERROR, _host_circle),
    Check(PlanKey.HOST_FIRST, Severity.ERROR, _host_first),
    Check(PlanKey.RUNS_ON_MISSING, Severity.ERROR, _runs_on_missing),
    Check(PlanKey.LONGER_THAN_BATTERY, Severity.ERROR, _too_long),
    Check(PlanKey.OTHER_ACTOR_FIRST, Severity.WARNING, _other_first),
    Check(PlanKey.NO_EVIDENCE, Severity.WARNING, _no_evidence),
    Check(PlanKey.OWN_HOST_WITHOUT_OUTPUT, Severity.WARNING, _without_output),
    Check(PlanKey.NO_WAY_BACK, Severity.WARNING, _no_way_back),
    Check(PlanKey.BACK_ONLY_BY_POWER_CUT, Severity.WARNING, _only_by_power_cut),
    Check(PlanKey.NO_GATEWAY, Severity.WARNING, _no_gateway),
    Check(PlanKey.DATA_SOURCE_FIRST, Severity.WARNING, _source_first),
    Check(PlanKey.OUTPUT_BEHIND_DATA_SOURCE, Severity.WARNING, _output_behind_source),
    Check(PlanKey.SIMULATED_UPS, Severity.ERROR, _simulated),
    Check(PlanKey.DISARMED, Severity.WARNING, _disarmed),
)
"""What is looked at, in the order in which it is told."""


def _minutes_up(seconds: float) -> str:
    return str(math.ceil(seconds / _MINUTE_S))
