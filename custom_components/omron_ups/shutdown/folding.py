"""What the journal adds up to: the state of a plan, derived from its records and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from .models import HostState, Outcome, Power, Reason, TargetState
from .records import (
    Answered,
    Asked,
    Began,
    Cancelled,
    Change,
    Checkpoint,
    Ended,
    Entry,
    Extended,
    Gate,
    HandedOver,
    Json,
    OnBattery,
    OutputAction,
    OutputAnswered,
    OutputAsked,
    Owed,
    PowerBack,
    PowerLost,
    Released,
    Renewed,
    Restoring,
    Resumed,
    Seen,
    Settled,
    Shortened,
    Stamp,
    StepEnded,
    Waking,
)

DOWN_STATES: Final = frozenset({TargetState.DOWN, TargetState.ALREADY_DOWN})
"""Evidence says that the host is off."""
STOP_ENDED: Final = DOWN_STATES | {
    TargetState.OVERDUE,
    TargetState.REFUSED,
    TargetState.UNCONFIRMED,
}
"""The plan waits no longer for the target to stop."""
RESTORE_ENDED: Final = frozenset({TargetState.UNDONE, TargetState.BACK, TargetState.NOT_BACK})


_NO_ESCALATION: Final = frozenset({Outcome.REFUSED, Outcome.NOTHING_TO_DO})


class Phase(StrEnum):
    """How far a plan as a whole has come; only `ENDED` has no way back."""

    RUNNING = "running"
    HANDED_OVER = "handed_over"
    CANCELLING = "cancelling"
    RESTORING = "restoring"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """What was asked of a target in one step, and what came of it."""

    is_irreversible: bool
    first: Stamp
    last: Stamp
    """Of the last request, or of its answer once that has come."""
    attempts: int = 1
    """Requests that may have left; those that certainly did not are not counted."""
    outcome: Outcome | None = None
    """Of the last request; None as long as nobody knows."""
    was_sent: bool = True
    is_escalated: bool = False
    escalation: Outcome | None = None
    """What came of the harder way; None as long as nobody knows."""
    is_done: bool | None = None
    """Whether an awaited step came to its end, False if its time was up; None before that."""

    @property
    def has_effect(self) -> bool:
        """Whether the host may have begun to do what was asked."""
        if self.is_escalated and self.escalation not in _NO_ESCALATION:
            return True
        return self.was_sent and self.outcome is not Outcome.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRecord:
    """What happened to one target in the plan."""

    state: TargetState = TargetState.WAITING
    seen: HostState | None = None
    """UP or DOWN before anything was accepted; None as long as no look was conclusive."""
    steps: Mapping[str, StepRecord] = field(default_factory=lambda: MappingProxyType({}))
    """In the order in which they were asked."""
    stopped: TargetState | None = None
    """How its stop ended, also after it came back."""
    evidence: str = ""
    seconds: float | None = None
    settled: Stamp | None = None
    owed: Owed | None = None
    woken: Stamp | None = None
    is_released: bool = False

    @property
    def asked(self) -> Stamp | None:
        """When the first request left, None if none did."""
        return next((step.first for step in self.steps.values() if step.was_sent), None)

    @property
    def is_past_return(self) -> bool:
        """Whether this plan has sent what cannot be undone."""
        return any(s.is_irreversible and s.has_effect for s in self.steps.values())

    @property
    def was_accepted(self) -> bool:
        """Whether the host said yes to anything."""
        return any(
            Outcome.ACCEPTED in {step.outcome, step.escalation} for step in self.steps.values()
        )

    @property
    def is_ours(self) -> bool:
        """Whether it is off, or will be, by our doing: it must be brought back."""
        if self.state in {TargetState.ALREADY_DOWN, TargetState.UNDONE, TargetState.BACK}:
            return False
        owed = self.owed is not None and self.owed.is_stopped
        return owed or self.is_past_return or self.state is TargetState.DOWN

    @property
    def to_take_back(self) -> tuple[str, ...]:
        """Keys of the steps that may have had an effect, of an earlier plan's too."""
        earlier = self.owed.steps if self.owed else ()
        own = (key for key, step in self.steps.items() if step.has_effect)
        return tuple(dict.fromkeys((*earlier, *own)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """What was asked of the UPS output last."""

    action: OutputAction
    delay_s: float
    returns: bool
    asked: Stamp
    outcome: Outcome | None = None
    was_sent: bool = True
    may_have_run: bool = False
    """Whether a countdown may have been running when this was asked."""

    @property
    def may_run(self) -> bool:
        """Whether a countdown may be running, or has run out already."""
        if self.action is OutputAction.CANCEL:
            is_cancelled = self.outcome in {Outcome.ACCEPTED, Outcome.NOTHING_TO_DO}
            return self.may_have_run and not is_cancelled
        return self.may_have_run or (self.was_sent and self.outcome is not Outcome.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """One plan, as its journal tells it."""

    plan_id: str
    began: Stamp
    last: Stamp
    reason: Reason
    targets: Mapping[str, TargetRecord]
    """Those that are to be stopped, and those that an earlier plan owes something."""
    chosen: frozenset[str]
    phase: Phase = Phase.RUNNING
    is_short: bool = False
    shortened: Stamp | None = None
    """When low battery came; None if the plan was short from its beginning, or is not."""
    is_outage: bool = True
    """False for a plan that was asked for without one: only a cancel brings its hosts back."""
    has_mains: bool = False
    """Whether mains was there when the power last changed."""
    output: OutputRecord | None = None
    handed_over: Stamp | None = None
    known: Stamp | None = None
    """Of the last entry at which anybody knew where the power came from."""
    cancelled_by: str = ""
    report: Json | None = None

    @property
    def is_open(self) -> bool:
        """Whether something may be left to do."""
        return self.phase is not Phase.ENDED

    def target(self, target_id: str) -> TargetRecord:
        """Return what happened to a target; nothing did to one that the journal does not name."""
        return self.targets.get(target_id, _UNTOUCHED)


_UNTOUCHED: Final = TargetRecord()


def fold(record: PlanRecord | None, entry: Entry) -> PlanRecord | None:
    """Return what a plan is after one more entry; pure, and total over any journal."""
    change = entry.change
    if isinstance(change, Began):
        return _began(change, entry)
    if isinstance(change, OnBattery):
        return record
    if record is None or record.plan_id != entry.plan_id or not record.is_open:
        return record
    known = record.known if entry.stamp.on_battery_s is None else entry.stamp
    record = replace(record, last=entry.stamp, known=known)
    target_id = getattr(change, "target_id", "")
    if target_id:
        return _with(record, target_id, _fold_target(record.target(target_id), change, entry.stamp))
    return _fold_plan(record, change, entry.stamp)


def _began(change: Began, entry: Entry) -> PlanRecord:
    return PlanRecord(
        plan_id=entry.plan_id,
        began=entry.stamp,
        last=entry.stamp,
        known=entry.stamp,
        reason=change.reason,
        targets=MappingProxyType({key: TargetRecord() for key in change.targets}),
        chosen=frozenset(change.targets),
        is_short=change.is_short,
        is_outage=change.power is Power.BATTERY,
        has_mains=change.power is Power.MAINS,
    )


def _with(record: PlanRecord, target_id: str, target: TargetRecord) -> PlanRecord:
    return replace(record, targets=_and(record.targets, target_id, target))


def _and[ValueT](values: Mapping[str, ValueT], key: str, value: ValueT) -> Mapping[str, ValueT]:
    return MappingProxyType({**values, key: value})


def _extended(record: PlanRecord, change: Extended, _: Stamp) -> PlanRecord:
    added = {key: TargetRecord() for key in change.targets if key not in record.targets}
    return replace(
        record,
        reason=change.reason,
        phase=Phase.RUNNING,
        targets=MappingProxyType({**record.targets, **added}),
        chosen=record.chosen | set(change.targets),
    )


def _output_asked(record: PlanRecord, change: OutputAsked, stamp: Stamp) -> PlanRecord:
    before = record.output
    output = OutputRecord(
        action=change.action,
        delay_s=change.delay_s,
        returns=change.returns,
        asked=stamp,
        may_have_run=before is not None and before.may_run,
    )
    if change.action is OutputAction.CANCEL and before is not None:
        output = replace(output, delay_s=before.delay_s, returns=before.returns, asked=before.asked)
    return replace(record, output=output)


def _output_answered(record: PlanRecord, change: OutputAnswered, _: Stamp) -> PlanRecord:
    if record.output is None or record.output.action is not change.action:
        return record
    output = replace(record.output, outcome=change.outcome, was_sent=change.was_sent)
    return replace(record, output=output)


_PLAN: Final[Mapping[type, Callable[[PlanRecord, Any, Stamp], PlanRecord]]] = {
    Extended: _extended,
    PowerLost: lambda record, _, __: replace(record, is_outage=True, has_mains=False),
    PowerBack: lambda record, _, __: replace(record, has_mains=True),
    Shortened: lambda record, _, stamp: replace(record, is_short=True, shortened=stamp),
    OutputAsked: _output_asked,
    OutputAnswered: _output_answered,
    HandedOver: lambda record, _, stamp: replace(
        record, phase=Phase.HANDED_OVER, handed_over=stamp
    ),
    Resumed: lambda record, _, __: record,
    Checkpoint: lambda record, _, __: record,
    Cancelled: lambda record, change, _: replace(
        record, phase=Phase.CANCELLING, cancelled_by=change.by
    ),
    Restoring: lambda record, _, __: replace(record, phase=Phase.RESTORING),
    Ended: lambda record, change, _: replace(record, phase=Phase.ENDED, report=change.report),
}


def _fold_plan(record: PlanRecord, change: Change, stamp: Stamp) -> PlanRecord:
    return _PLAN[type(change)](record, change, stamp)


def _asked(target: TargetRecord, change: Asked, stamp: Stamp) -> TargetRecord:
    before = target.steps.get(change.step)
    if before is None:
        step = StepRecord(is_irreversible=change.is_irreversible, first=stamp, last=stamp)
    elif change.is_escalation:
        step = before
    else:
        step = replace(
            before,
            first=before.first if before.was_sent else stamp,
            last=stamp,
            attempts=before.attempts + before.was_sent,
            outcome=None,
            was_sent=True,
        )
    if change.is_escalation:
        step = replace(step, is_escalated=True, escalation=None)
    state = target.state if target.state in STOP_ENDED else TargetState.STOPPING
    return replace(target, state=state, steps=_and(target.steps, change.step, step))


def _answered(target: TargetRecord, change: Answered, stamp: Stamp) -> TargetRecord:
    if (before := target.steps.get(change.step)) is None:
        return target
    if change.is_escalation:
        step = replace(before, escalation=change.outcome)
    else:
        step = replace(before, last=stamp, outcome=change.outcome, was_sent=change.was_sent)
    return replace(target, steps=_and(target.steps, change.step, step))


def _step_ended(target: TargetRecord, change: StepEnded, _: Stamp) -> TargetRecord:
    if (before := target.steps.get(change.step)) is None:
        return target
    step = replace(before, is_done=change.is_done)
    return replace(target, steps=_and(target.steps, change.step, step))


def _gate(target: TargetRecord, change: Gate, _: Stamp) -> TargetRecord:
    state = TargetState.STOPPING if change.is_open else TargetState.GATED
    return replace(target, state=state, evidence=change.evidence)


def _settled(target: TargetRecord, change: Settled, stamp: Stamp) -> TargetRecord:
    return replace(
        target,
        state=change.state,
        evidence=change.evidence,
        stopped=change.state if change.state in STOP_ENDED else target.stopped,
        seconds=target.seconds if change.seconds is None else change.seconds,
        settled=stamp,
    )


def _renewed(target: TargetRecord, change: Renewed, _: Stamp) -> TargetRecord:
    owed = Owed(target_id=change.target_id, steps=target.to_take_back, is_stopped=target.is_ours)
    return replace(
        target,
        state=TargetState.WAITING,
        steps=MappingProxyType({}),
        evidence=change.evidence,
        owed=owed,
        is_released=False,
    )


def _waking(target: TargetRecord, _: Waking, stamp: Stamp) -> TargetRecord:
    return replace(target, state=TargetState.RETURNING, woken=stamp)


_TARGET: Final[Mapping[type, Callable[[TargetRecord, Any, Stamp], TargetRecord]]] = {
    Owed: lambda target, change, _: replace(target, owed=change),
    Seen: lambda target, change, _: replace(target, seen=change.state),
    Gate: _gate,
    Asked: _asked,
    Answered: _answered,
    StepEnded: _step_ended,
    Settled: _settled,
    Renewed: _renewed,
    Released: lambda target, _, __: replace(target, is_released=True),
    Waking: _waking,
}


def _fold_target(target: TargetRecord, change: Change, stamp: Stamp) -> TargetRecord:
    return _TARGET[type(change)](target, change, stamp)
