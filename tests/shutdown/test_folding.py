"""What a journal adds up to."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from custom_components.omron_ups.shutdown.debts import debts_of
from custom_components.omron_ups.shutdown.folding import Phase, PlanRecord, TargetRecord
from custom_components.omron_ups.shutdown.models import (
    HostState,
    Outcome,
    Power,
    Reason,
    TargetState,
)
from custom_components.omron_ups.shutdown.records import (
    Answered,
    Asked,
    Began,
    Cancelled,
    Change,
    Ended,
    Entry,
    Extended,
    Gate,
    HandedOver,
    OutputAction,
    OutputAnswered,
    OutputAsked,
    Owed,
    PowerBack,
    PowerLost,
    Released,
    Renewed,
    Restoring,
    Seen,
    Settled,
    Shortened,
    Stamp,
    StepEnded,
    Waking,
)

from .by_hand import fold_all

BEGAN = Began(reason=Reason.MARGIN, targets=("a", "b"), power=Power.BATTERY)
CORDON = Asked(target_id="a", step="cordon", is_irreversible=False)
OFF = Asked(target_id="a", step="off", is_irreversible=True)
HARDER = Asked(target_id="a", step="off", is_irreversible=True, is_escalation=True)


def answered(outcome: Outcome, *, was_sent: bool = True, is_escalation: bool = False) -> Answered:
    return Answered(
        target_id="a",
        step="off",
        outcome=outcome,
        was_sent=was_sent,
        is_escalation=is_escalation,
    )


def settled(state: TargetState) -> Settled:
    return Settled(target_id="a", state=state)


def entries(*changes: Change, plan_id: str = "p") -> Iterator[Entry]:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for number, change in enumerate(changes):
        stamp = Stamp(at=at, boot_id="b", monotonic=100.0 + number)
        yield Entry(number=number, plan_id=plan_id, stamp=stamp, change=change)


def plan(*changes: Change) -> PlanRecord:
    record = fold_all(entries(BEGAN, *changes))
    assert record is not None
    return record


def target(*changes: Change) -> TargetRecord:
    return plan(*changes).target("a")


def test_an_empty_journal_is_no_plan() -> None:
    assert fold_all(()) is None
    assert fold_all(entries(HandedOver(), Ended())) is None


def test_a_plan_goes_through_its_phases_and_ends_for_good() -> None:
    assert plan().phase is Phase.RUNNING
    assert plan(HandedOver()).phase is Phase.HANDED_OVER
    cancelled = plan(HandedOver(), Cancelled(by="mains"))
    assert (cancelled.phase, cancelled.cancelled_by) == (Phase.CANCELLING, "mains")
    assert plan(Restoring()).phase is Phase.RESTORING
    ended = plan(Ended(report={"result": "all_back"}), Shortened(reason=Reason.LOW_BATTERY))
    assert not ended.is_open
    assert not ended.is_short
    assert ended.report == {"result": "all_back"}


def test_entries_of_another_plan_are_none_of_its_business() -> None:
    foreign = [*entries(BEGAN), *entries(HandedOver(), plan_id="other")]
    record = fold_all(foreign)
    assert record is not None
    assert record.phase is Phase.RUNNING


def test_a_new_plan_replaces_an_open_one() -> None:
    both = [*entries(BEGAN, OFF), *entries(BEGAN, plan_id="next")]
    record = fold_all(both)
    assert record is not None
    assert record.plan_id == "next"
    assert not record.target("a").steps


def test_power_comes_and_goes() -> None:
    asked_on_mains = Began(reason=Reason.REQUEST, targets=("a",), power=Power.MAINS)
    record = fold_all(entries(asked_on_mains))
    assert record is not None
    assert not record.is_outage
    assert plan(PowerBack()).has_mains
    lost = fold_all(entries(asked_on_mains, PowerLost()))
    assert lost is not None
    assert (lost.is_outage, lost.has_mains) == (True, False)


def test_an_extension_adds_targets_and_runs_again() -> None:
    record = plan(HandedOver(), Extended(reason=Reason.LOW_BATTERY, targets=("a", "c")))
    assert record.chosen == {"a", "b", "c"}
    assert record.phase is Phase.RUNNING


def test_a_target_waits_at_the_gate_and_passes_it() -> None:
    waiting = target(Gate(target_id="a", is_open=False, evidence="used by b"))
    assert (waiting.state, waiting.evidence) == (TargetState.GATED, "used by b")
    assert target(Gate(target_id="a", is_open=True)).state is TargetState.STOPPING


@pytest.mark.parametrize(
    ("changes", "is_past"),
    [
        ((CORDON,), False),
        ((OFF,), True),  # a crash after the intent: nobody knows
        ((OFF, answered(Outcome.ACCEPTED)), True),
        ((OFF, answered(Outcome.UNKNOWN)), True),
        ((OFF, answered(Outcome.REFUSED)), False),
        ((OFF, answered(Outcome.UNKNOWN, was_sent=False)), False),
        ((OFF, answered(Outcome.REFUSED), HARDER), True),
        (
            (
                OFF,
                answered(Outcome.REFUSED),
                HARDER,
                answered(Outcome.NOTHING_TO_DO, is_escalation=True),
            ),
            False,
        ),
        (
            (
                OFF,
                answered(Outcome.REFUSED),
                HARDER,
                answered(Outcome.ACCEPTED, is_escalation=True),
            ),
            True,
        ),
    ],
)
def test_the_point_of_no_return(changes: tuple[Change, ...], *, is_past: bool) -> None:
    assert target(*changes).is_past_return is is_past
    assert target(*changes).is_ours is is_past


def test_a_request_that_never_left_is_not_counted() -> None:
    unsent = (OFF, answered(Outcome.UNKNOWN, was_sent=False))
    assert target(*unsent).asked is None
    again = target(*unsent, OFF)
    assert again.steps["off"].attempts == 1
    assert again.asked is not None
    assert again.asked.monotonic == 103.0
    assert target(OFF, answered(Outcome.UNKNOWN), OFF).steps["off"].attempts == 2


def test_steps_to_take_back_are_those_that_had_an_effect() -> None:
    owed = Owed(target_id="a", steps=("taint", "cordon"))
    refused = (OFF, answered(Outcome.REFUSED))
    assert target(owed, CORDON, *refused).to_take_back == ("taint", "cordon")


def test_a_step_that_ended_is_known() -> None:
    ended = target(CORDON, StepEnded(target_id="a", step="cordon", is_done=False))
    assert ended.steps["cordon"].is_done is False
    unknown = target(StepEnded(target_id="a", step="cordon", is_done=True))
    assert not unknown.steps


@pytest.mark.parametrize(
    ("state", "is_ours"),
    [
        (TargetState.DOWN, True),
        (TargetState.OVERDUE, True),
        (TargetState.NOT_BACK, True),
        (TargetState.ALREADY_DOWN, False),
        (TargetState.BACK, False),
        (TargetState.UNDONE, False),
    ],
)
def test_who_must_be_brought_back(state: TargetState, *, is_ours: bool) -> None:
    assert target(OFF, settled(state)).is_ours is is_ours


def test_how_a_stop_ended_is_remembered_when_the_host_is_back() -> None:
    back = target(OFF, settled(TargetState.OVERDUE), Waking(target_id="a"))
    assert back.state is TargetState.RETURNING
    assert back.woken is not None
    assert back.stopped is TargetState.OVERDUE
    assert target(OFF, Released(target_id="a")).is_released


def test_what_was_seen_last_before_the_stop_counts() -> None:
    seen = (
        Seen(target_id="a", state=HostState.DOWN),
        Seen(target_id="a", state=HostState.UP),
    )
    assert target(*seen).seen is HostState.UP


ARM = OutputAsked(action=OutputAction.ARM, delay_s=300.0)
CANCEL = OutputAsked(action=OutputAction.CANCEL)


def output(action: OutputAction, outcome: Outcome) -> OutputAnswered:
    return OutputAnswered(action=action, outcome=outcome)


@pytest.mark.parametrize(
    ("changes", "may_run"),
    [
        ((ARM,), True),
        ((ARM, output(OutputAction.ARM, Outcome.UNKNOWN)), True),
        ((ARM, output(OutputAction.ARM, Outcome.REFUSED)), False),
        ((ARM, ARM, output(OutputAction.ARM, Outcome.REFUSED)), True),
        ((ARM, CANCEL), True),
        ((ARM, CANCEL, output(OutputAction.CANCEL, Outcome.ACCEPTED)), False),
        ((ARM, CANCEL, output(OutputAction.CANCEL, Outcome.REFUSED)), True),
        ((ARM, CANCEL, output(OutputAction.ARM, Outcome.ACCEPTED)), True),
    ],
)
def test_whether_a_countdown_may_run(changes: tuple[Change, ...], *, may_run: bool) -> None:
    record = plan(*changes).output
    assert record is not None
    assert record.may_run is may_run
    assert record.delay_s == 300.0


def test_what_a_plan_leaves_to_the_next_one() -> None:
    stopped = plan(CORDON, OFF, settled(TargetState.DOWN), Waking(target_id="a"), ARM)
    arm, owed = debts_of(stopped)
    assert arm == ARM
    assert owed == Owed(target_id="a", steps=("cordon", "off"), is_stopped=True, is_booting=True)
    assert list(debts_of(plan(CORDON, settled(TargetState.UNDONE)))) == []


def test_a_new_occasion_begins_anew_and_still_owes_what_was_done() -> None:
    again = Renewed(target_id="a", evidence="it has started again")
    stopped = target(CORDON, OFF, answered(Outcome.ACCEPTED), settled(TargetState.DOWN), again)
    assert (stopped.state, stopped.steps) == (TargetState.WAITING, {})
    assert stopped.asked is None
    assert stopped.is_ours, "mains may come back before it is asked again"
    assert stopped.to_take_back == ("cordon", "off")
    refused = target(OFF, answered(Outcome.REFUSED), settled(TargetState.REFUSED), again)
    assert refused.asked is None
    assert not refused.is_ours
    assert refused.to_take_back == ()
