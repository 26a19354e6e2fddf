"""Tells whoever listens what happens to a plan, without ever waiting for them."""

from collections.abc import Callable
from datetime import datetime
import logging
from typing import Final

from .events import PlanEvent, PlanEventType
from .models import NOTHING, PlanResult
from .records import (
    Began,
    Checkpoint,
    Ended,
    Entry,
    OnBattery,
    Owed,
    Seen,
    Settled,
    Shortened,
    StepEnded,
    word_of,
)
from .report import Report, detail_of

_LOGGER = logging.getLogger(__name__)

type Listener = Callable[[PlanEvent], None]

_QUIET: Final = (Checkpoint, OnBattery, Owed, Seen, StepEnded)
_ENDS: Final = {
    PlanResult.CANCELLED: PlanEventType.CANCELLED,
    PlanResult.INCOMPLETE: PlanEventType.FAILED,
}


class Listeners:
    """Those who want to know."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> Callable[[], None]:
        """Tell one more; returns the undo."""
        self._listeners.append(listener)

        def undo() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return undo

    def tell(self, event: PlanEvent) -> None:
        """Tell everybody, whatever any of them does."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                _LOGGER.exception("A listener to the shutdown plan failed")


def end_of(report: Report, *, at: datetime) -> PlanEvent:
    """Return the event that tells how a plan went."""
    return PlanEvent(
        type=_ENDS.get(report.result, PlanEventType.FINISHED),
        at=at,
        plan_id=report.plan_id,
        key=report.result.value,
        detail=report.detail,
    )


def journal_error(err: Exception, *, at: datetime) -> PlanEvent:
    """Return the event that tells of a disk that fails."""
    return PlanEvent(type=PlanEventType.STEP, at=at, key="journal_error", detail=repr(err))


def event_of(entry: Entry) -> PlanEvent | None:
    """Return what a person would want to see of an entry; None if nothing."""
    change = entry.change
    if isinstance(change, _QUIET):
        return None
    kind, key, detail = PlanEventType.STEP, word_of(change), detail_of(change)
    data = NOTHING
    if isinstance(change, Began):
        kind, key = PlanEventType.STARTED, change.reason.value
    elif isinstance(change, Shortened):
        detail = change.reason.value
    elif isinstance(change, Settled):
        key, detail = change.state.value, change.evidence
        if change.seconds is not None:
            data = {"seconds": f"{change.seconds:.1f}"}
    elif isinstance(change, Ended):
        key, detail = str(change.report.get("result", "")), str(change.report.get("detail", ""))
        kind = _ENDS.get(PlanResult(key), PlanEventType.FINISHED)
    return PlanEvent(
        type=kind,
        at=entry.stamp.at,
        plan_id=entry.plan_id,
        target_id=getattr(change, "target_id", ""),
        key=key,
        detail=detail,
        data=data,
    )
