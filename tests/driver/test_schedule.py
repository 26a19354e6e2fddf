"""Turns: who is asked when, and what happens to a query that fails."""

import pytest

from custom_components.omron_ups.driver.capabilities import Capabilities
from custom_components.omron_ups.driver.errors import (
    EchoError,
    InvalidReplyError,
    RejectedError,
    ReplyTimeoutError,
    UpsError,
)
from custom_components.omron_ups.driver.queries import QUERIES, Query
from custom_components.omron_ups.driver.schedule import Schedule, lifetime

ROWS = {row.request: row for row in QUERIES}
CHARGE, BEEPER, MODEL, LOAD = ROWS["Bl ?"], ROWS["V"], ROWS["Si ?"], ROWS["LC"]


def asked(schedule: Schedule) -> set[str]:
    """Name what is still in the schedule."""
    return {query.request for query in schedule.queries}


def answer_all(schedule: Schedule, now: float, *, on_battery: bool = False) -> list[Query]:
    """Answer everything that is due at `now`."""
    answered = []
    while query := schedule.next_due(now):
        schedule.answered(query, now, on_battery=on_battery)
        answered.append(query)
    return answered


def test_everything_has_a_first_turn_and_static_ones_no_second() -> None:
    schedule = Schedule(Capabilities(announced=(CHARGE, BEEPER, MODEL)))
    assert answer_all(schedule, 0.0) == [CHARGE, BEEPER, MODEL]
    assert answer_all(schedule, 9.9) == []
    assert answer_all(schedule, 10.0) == [CHARGE]
    assert answer_all(schedule, 300.0) == [CHARGE, BEEPER]
    assert MODEL not in answer_all(schedule, 1e9)


def test_on_battery_the_charge_has_its_turn_every_two_seconds() -> None:
    schedule = Schedule(Capabilities(announced=(CHARGE, BEEPER)))
    answer_all(schedule, 0.0)
    schedule.hasten(1.0)
    assert answer_all(schedule, 1.0, on_battery=True) == [CHARGE]
    assert answer_all(schedule, 2.9, on_battery=True) == []
    assert answer_all(schedule, 3.0, on_battery=True) == [CHARGE]


def test_who_waited_longest_is_next() -> None:
    schedule = Schedule(Capabilities(announced=(BEEPER, CHARGE)))
    answer_all(schedule, 0.0)
    assert schedule.next_due(400.0) is CHARGE


def test_a_failing_query_is_tried_again_and_then_paused() -> None:
    schedule = Schedule(Capabilities(announced=(BEEPER,)))
    now = 0.0
    for pause in (5.0, 5.0, 600.0):
        assert schedule.next_due(now) is BEEPER
        schedule.failed(BEEPER, RejectedError("NAK"), now, on_battery=False)
        assert schedule.next_due(now + pause - 0.1) is None
        now += pause
    schedule.answered(BEEPER, now, on_battery=False)
    schedule.failed(BEEPER, ReplyTimeoutError(), now, on_battery=False)
    assert schedule.next_due(now + 5.0) is BEEPER


def test_a_refusal_drops_an_unproven_query_and_only_it() -> None:
    schedule = Schedule(Capabilities(announced=(CHARGE,), unproven=(MODEL, LOAD)))
    schedule.failed(MODEL, RejectedError("NAK"), 0.0, on_battery=False)
    assert asked(schedule) == {"Bl ?", "LC"}


@pytest.mark.parametrize("error", [EchoError("LC"), InvalidReplyError("LC"), ReplyTimeoutError()])
def test_an_echo_nonsense_or_silence_ends_all_probing(error: UpsError) -> None:
    schedule = Schedule(Capabilities(announced=(CHARGE,), unproven=(MODEL, LOAD, BEEPER)))
    schedule.answered(MODEL, 0.0, on_battery=False)
    schedule.failed(LOAD, error, 0.0, on_battery=False)
    assert asked(schedule) == {"Bl ?", "Si ?"}


def test_the_age_at_which_a_reading_is_no_longer_known() -> None:
    assert lifetime(CHARGE, on_battery=False) == 30.0
    assert lifetime(CHARGE, on_battery=True) == 15.0
    assert lifetime(BEEPER, on_battery=True) == 900.0
    assert lifetime(MODEL, on_battery=False) == float("inf")


def test_the_charge_is_never_paused_for_long_and_not_at_all_when_mains_fail() -> None:
    schedule = Schedule(Capabilities(announced=(CHARGE, BEEPER)))
    schedule.answered(BEEPER, 0.0, on_battery=False)
    for _ in range(5):
        schedule.failed(CHARGE, ReplyTimeoutError(), 100.0, on_battery=False)
    assert schedule.next_due(129.9) is None
    assert schedule.next_due(130.0) is CHARGE
    schedule.hasten(101.0)
    assert schedule.next_due(101.0) is CHARGE
    schedule.failed(CHARGE, ReplyTimeoutError(), 101.0, on_battery=True)
    assert schedule.next_due(106.0) is CHARGE
