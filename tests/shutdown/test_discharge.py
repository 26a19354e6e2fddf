"""How fast the battery really discharges."""

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.discharge import MIN_DROP, SETTLE_S, WINDOW_S, Discharge


def discharge(
    per_minute: float, seconds: int, *, charge: float = 100.0, since: float = 0.0
) -> Discharge:
    """Return what is known after an even discharge, read every second in whole per cent."""
    measured = Discharge(since)
    for second in range(seconds):
        measured.note(float(int(charge - per_minute * second / 60)), since + second)
    return measured


@pytest.mark.parametrize("per_minute", [0.7, 1.5, 3.0, 10.0])
def test_an_even_discharge_is_measured(per_minute: float) -> None:
    seconds = int(min(80.0 / per_minute * 60, SETTLE_S + WINDOW_S))
    left = (100.0 - per_minute * seconds / 60) / per_minute * 60
    measured = discharge(per_minute, seconds).runtime_s
    assert measured == pytest.approx(left, rel=0.15, abs=60.0 / per_minute)


def test_the_dip_when_the_load_comes_on_does_not_count() -> None:
    measured = Discharge(0.0)
    for second in range(int(SETTLE_S)):
        measured.note(100.0 - second / 4, float(second))
    for second in range(int(SETTLE_S), 400):
        measured.note(85.0, float(second))
    assert measured.runtime_s is None


@pytest.mark.parametrize("seconds", [1, 30, 60, 100, 170])
def test_little_time_says_nothing(seconds: int) -> None:
    assert discharge(20.0, seconds).runtime_s is None


def test_few_points_say_nothing() -> None:
    assert discharge((MIN_DROP - 1) / 10, 590).runtime_s is None


def test_what_was_long_ago_is_forgotten() -> None:
    measured = discharge(6.0, 600)
    for second in range(600, 600 + int(WINDOW_S) + 60):
        measured.note(40.0, float(second))
    assert measured.runtime_s is None


def test_a_rising_charge_begins_anew() -> None:
    measured = discharge(6.0, 300)
    assert measured.runtime_s is not None
    measured.note(99.0, 301.0)
    assert measured.runtime_s is None


def test_an_unknown_charge_changes_nothing() -> None:
    measured = discharge(6.0, 300)
    before = measured.runtime_s
    measured.note(None, 301.0)
    assert measured.runtime_s == before


@given(st.lists(st.none() | st.floats(0.0, 100.0), max_size=40), st.floats(1.0, 60.0))
def test_whatever_is_read_the_answer_is_a_time_or_none(
    charges: list[float | None], step: float
) -> None:
    measured = Discharge(0.0)
    for index, charge in enumerate(charges):
        measured.note(charge, index * step)
        runtime = measured.runtime_s
        assert runtime is None or runtime >= 0.0
