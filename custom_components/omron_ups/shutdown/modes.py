"""What is to be done with an open plan: a table of what its record and the power say."""

from enum import StrEnum
from typing import Final

from .folding import Phase, PlanRecord
from .models import PlanState
from .supply import Situation


class Mode(StrEnum):
    """What the runner works at."""

    NOTHING = "nothing"
    STOP = "stop"
    HOLD = "hold"
    """Power came back, perhaps not for long, or is not known: ask for nothing, undo nothing."""
    UNDO = "undo"
    RESTORE = "restore"
    PAUSE = "pause"
    """It would be restored, but there is no power to do so."""


_STATES: Final = {
    Phase.RUNNING: PlanState.RUNNING,
    Phase.HANDED_OVER: PlanState.HANDED_OVER,
    Phase.CANCELLING: PlanState.CANCELLING,
    Phase.RESTORING: PlanState.RESTORING,
    Phase.ENDED: PlanState.IDLE,
}


def mode_of(record: PlanRecord | None, situation: Situation, *, is_stable: bool) -> Mode:
    """Return what is to be done now.

    Args:
        record: the plan, if there is one.
        situation: what the power counts as.
        is_stable: whether mains has lasted long enough.

    """
    if record is None or not record.is_open:
        return Mode.NOTHING
    if record.phase in {Phase.RUNNING, Phase.HANDED_OVER}:
        is_wanted = situation is Situation.BATTERY or not record.is_outage
        return Mode.STOP if is_wanted else Mode.HOLD
    if record.phase is Phase.CANCELLING:
        # What the user gave up is undone at once; what mains gave up waits for mains.
        is_asked = record.cancelled_by != "mains" or situation is Situation.MAINS
        return Mode.UNDO if is_asked else Mode.PAUSE
    return Mode.RESTORE if situation is Situation.MAINS and is_stable else Mode.PAUSE


def state_of(record: PlanRecord, mode: Mode, situation: Situation) -> PlanState:
    """Return the state that people see of an open plan.

    A plan that only waits to learn of the power, after a restart, is not given up.
    """
    is_back = mode is Mode.HOLD and situation is Situation.MAINS
    if is_back and record.phase is Phase.RUNNING:
        return PlanState.CANCELLING
    return _STATES[record.phase]
