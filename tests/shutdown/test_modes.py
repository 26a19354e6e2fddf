"""What is done with an open plan, by its phase and the power."""

from dataclasses import replace

import pytest

from custom_components.omron_ups.shutdown.folding import Phase, PlanRecord
from custom_components.omron_ups.shutdown.models import PlanState, Reason
from custom_components.omron_ups.shutdown.modes import Mode, mode_of, state_of
from custom_components.omron_ups.shutdown.records import Stamp
from custom_components.omron_ups.shutdown.supply import Situation

from .bench import EPOCH

STAMP = Stamp(at=EPOCH, boot_id="b", monotonic=1.0)
PLAN = PlanRecord(
    plan_id="p", began=STAMP, last=STAMP, reason=Reason.MARGIN, targets={}, chosen=frozenset()
)
MAINS, BATTERY, UNKNOWN = Situation.MAINS, Situation.BATTERY, Situation.UNKNOWN


def test_without_a_plan_there_is_nothing_to_do() -> None:
    assert mode_of(None, BATTERY, is_stable=False) is Mode.NOTHING
    assert mode_of(replace(PLAN, phase=Phase.ENDED), MAINS, is_stable=True) is Mode.NOTHING


@pytest.mark.parametrize(
    ("phase", "situation", "is_stable", "mode"),
    [
        (Phase.RUNNING, BATTERY, False, Mode.STOP),
        (Phase.RUNNING, MAINS, False, Mode.HOLD),
        (Phase.RUNNING, UNKNOWN, False, Mode.HOLD),
        (Phase.HANDED_OVER, BATTERY, False, Mode.STOP),
        (Phase.HANDED_OVER, MAINS, True, Mode.HOLD),
        (Phase.CANCELLING, MAINS, True, Mode.UNDO),
        (Phase.CANCELLING, BATTERY, False, Mode.PAUSE),
        (Phase.RESTORING, MAINS, True, Mode.RESTORE),
        (Phase.RESTORING, MAINS, False, Mode.PAUSE),
        (Phase.RESTORING, BATTERY, False, Mode.PAUSE),
        (Phase.RESTORING, UNKNOWN, False, Mode.PAUSE),
    ],
)
def test_an_outage(phase: Phase, situation: Situation, mode: Mode, *, is_stable: bool) -> None:
    record = replace(PLAN, phase=phase, cancelled_by="mains")
    assert mode_of(record, situation, is_stable=is_stable) is mode


def test_what_was_asked_for_on_mains_goes_on_on_mains() -> None:
    record = replace(PLAN, is_outage=False)
    assert {mode_of(record, s, is_stable=True) for s in Situation} == {Mode.STOP}


@pytest.mark.parametrize("situation", Situation)
def test_what_the_user_gave_up_is_undone_at_once(situation: Situation) -> None:
    record = replace(PLAN, phase=Phase.CANCELLING, cancelled_by="user")
    assert mode_of(record, situation, is_stable=False) is Mode.UNDO


def test_the_states_that_people_see() -> None:
    assert state_of(PLAN, Mode.STOP, BATTERY) is PlanState.RUNNING
    assert state_of(PLAN, Mode.HOLD, MAINS) is PlanState.CANCELLING
    handed_over = replace(PLAN, phase=Phase.HANDED_OVER)
    assert state_of(handed_over, Mode.HOLD, MAINS) is PlanState.HANDED_OVER


def test_a_plan_that_waits_to_learn_of_the_power_is_not_given_up() -> None:
    assert state_of(PLAN, Mode.HOLD, UNKNOWN) is PlanState.RUNNING
