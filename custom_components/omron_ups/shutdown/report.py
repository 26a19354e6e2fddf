"""The post-mortem of a plan: who was asked when, who was down when, and how the battery was."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from .folding import DOWN_STATES, PlanRecord, TargetRecord
from .models import HostState, Outcome, PlanResult, Power, Reason, TargetState
from .output_cycle import BY_NOTHING, ONLY_BY_CUT
from .records import Entry, Json, OutputAction, Settled, Stamp, word_of
from .specs import Plan

_QUIET: Final = frozenset({"checkpoint", "owed", "ended"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    """What happened to one target."""

    target_id: str
    name: str
    state: TargetState
    """How it ended."""
    stopped: TargetState | None = None
    """How its stop ended, also if it came back later; None if it was not stopped."""
    asked_at: str | None = None
    """When the first request left, UTC, ISO 8601."""
    down_at: str | None = None
    seconds: float | None = None
    """From the first request to the first of the signals that proved it down."""
    back_at: str | None = None
    evidence: str = ""
    """What showed how its stop ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One thing that happened, and the battery at that moment."""

    at: str
    did: str
    target_id: str = ""
    detail: str = ""
    charge: float | None = None
    runtime_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a plan went."""

    plan_id: str
    reason: Reason
    result: PlanResult
    began_at: str
    ended_at: str
    is_outage: bool
    targets: tuple[TargetReport, ...] = ()
    lines: tuple[ReportLine, ...] = ()
    detail: str = ""
    """What did not go as planned, in English."""

    def as_json(self) -> Json:
        """Return it as JSON knows it."""
        data = asdict(self)
        return {**data, "targets": [*data["targets"]], "lines": [*data["lines"]]}


def from_json(data: Json) -> Report:
    """Return the report that `as_json` made.

    Raises:
        ValueError: it is none, or of an unknown version.

    """
    try:
        return Report(
            **{
                **data,
                "reason": Reason(data["reason"]),
                "result": PlanResult(data["result"]),
                "targets": tuple(_target_from(row) for row in data["targets"]),
                "lines": tuple(ReportLine(**row) for row in data["lines"]),
            }
        )
    except (KeyError, TypeError) as err:
        raise ValueError(f"no report: {err!r}") from err


def _target_from(row: Json) -> TargetReport:
    stopped = row["stopped"]
    return TargetReport(
        **{
            **row,
            "state": TargetState(row["state"]),
            "stopped": None if stopped is None else TargetState(stopped),
        }
    )


def make_report(
    plan: Plan, record: PlanRecord, entries: Sequence[Entry], *, ended: Stamp, detail: str = ""
) -> Report:
    """Return the report of a plan, ended or handed over, from its journal alone."""
    targets = tuple(
        _target_report(plan, target_id, target, entries)
        for target_id, target in record.targets.items()
    )
    return Report(
        plan_id=record.plan_id,
        reason=record.reason,
        result=result_of(record, plan.home_assistant_host),
        began_at=_iso(record.began.at),
        ended_at=_iso(ended.at),
        is_outage=record.is_outage,
        targets=targets,
        lines=tuple(_line(entry) for entry in entries if word_of(entry.change) not in _QUIET),
        detail=detail or _troubles(targets),
    )


def result_of(record: PlanRecord, own_host: str | None = None) -> PlanResult:
    """Return how a plan ends if it ends as it stands; nobody sees its own host off."""
    others = record.chosen - {own_host}
    targets = [record.target(target_id) for target_id in others]
    if any(_failed(target) for target in record.targets.values()):
        return PlanResult.INCOMPLETE
    if not record.cancelled_by:
        done = DOWN_STATES | {TargetState.SKIPPED, TargetState.UNCONFIRMED}
        is_all = all(target.state in done for target in targets)
        return PlanResult.ALL_DOWN if is_all else PlanResult.INCOMPLETE
    if any(target.is_ours for target in record.targets.values()):
        return PlanResult.ALL_DOWN
    if any(target.state is TargetState.BACK for target in record.targets.values()):
        return PlanResult.ALL_BACK
    return PlanResult.CANCELLED


def _failed(target: TargetRecord) -> bool:
    return target.state is TargetState.NOT_BACK or target.stopped in {
        TargetState.OVERDUE,
        TargetState.REFUSED,
    }


def _troubles(targets: Sequence[TargetReport]) -> str:
    words = {
        TargetState.NOT_BACK: "did not come back",
        TargetState.OVERDUE: "did not stop in time",
        TargetState.REFUSED: "refused to stop",
        TargetState.UNCONFIRMED: "was told to stop, but nothing can show whether it did",
    }
    troubles = [
        f"{target.name} {words[state]}{_why(target, state)}"
        for target in targets
        for state in dict.fromkeys((target.stopped, target.state))
        if state in words
    ]
    return "; ".join(troubles)


def _why(target: TargetReport, state: TargetState) -> str:
    """Return why somebody is left off, if anybody but us can do something about it."""
    if state is not TargetState.NOT_BACK:
        return ""
    known = (why for why in (ONLY_BY_CUT, BY_NOTHING) if target.evidence.startswith(why))
    return next((f": {why}" for why in known), "")


def _target_report(
    plan: Plan, target_id: str, target: TargetRecord, entries: Sequence[Entry]
) -> TargetReport:
    spec = plan.target(target_id)
    settled = {
        entry.change.state: (entry.stamp, entry.change.evidence)
        for entry in entries
        if isinstance(entry.change, Settled) and entry.change.target_id == target_id
    }
    nothing = (None, "")
    down_at, _ = settled.get(TargetState.DOWN, nothing)
    back_at, _ = settled.get(TargetState.BACK, nothing)
    # Of the stop also if it came back later, for nobody doubts then that it is up.
    _, evidence = settled.get(target.stopped, nothing) if target.stopped else nothing
    return TargetReport(
        target_id=target_id,
        name=spec.name if spec else target_id,
        state=target.state,
        stopped=target.stopped,
        asked_at=_stamp_iso(target.asked),
        down_at=_stamp_iso(down_at),
        seconds=_rounded(target.seconds, 1),
        back_at=_stamp_iso(back_at),
        evidence=_evidence(target, evidence),
    )


def _evidence(target: TargetRecord, stopped: str) -> str:
    is_left_off = target.state is TargetState.NOT_BACK
    return target.evidence if is_left_off else stopped or target.evidence


def _line(entry: Entry) -> ReportLine:
    change = entry.change
    return ReportLine(
        at=_iso(entry.stamp.at),
        did=word_of(change),
        target_id=getattr(change, "target_id", ""),
        detail=detail_of(change),
        charge=_rounded(entry.stamp.charge, 1),
        runtime_s=_rounded(entry.stamp.runtime_s, 0),
    )


def detail_of(change: Any) -> str:
    """Return what a record says beyond its word and its target, in a few words."""
    parts: list[str] = []
    for name in ("reason", "by", "step", "state", "action", "outcome", "power"):
        value = getattr(change, name, "")
        if isinstance(value, (str, Reason, HostState, Outcome, OutputAction, Power)) and value:
            parts.append(str(value))
    if getattr(change, "is_escalation", False):
        parts.append("the harder way")
    if (delay_s := getattr(change, "delay_s", 0.0)) > 0.0:
        parts.append(f"in {delay_s:.0f} s")
    parts.extend(text for name in ("evidence", "detail") if (text := getattr(change, name, "")))
    return ", ".join(parts)


def _rounded(value: float | None, digits: int) -> float | None:
    """Return what people read: between two readings the figures are estimates."""
    return None if value is None else round(value, digits)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _stamp_iso(stamp: Stamp | None) -> str | None:
    return None if stamp is None else _iso(stamp.at)
