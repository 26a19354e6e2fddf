"""From power to energy."""

import pytest

from custom_components.omron_ups.driver import UpsState
from custom_components.omron_ups.energy import MAX_GAP_S, EnergyMeter


def reading(at: float, watts: int | None, *, stale: bool = False) -> UpsState:
    """Return a state read at a time."""
    return UpsState(stale=stale, read_at=at, realpower=watts)


def test_trapezoid() -> None:
    meter = EnergyMeter(kwh=1.0)
    meter.add(reading(0, 100))
    meter.add(reading(2, 300))
    assert meter.kwh == pytest.approx(1 + 200 * 2 / 3_600_000)


def test_an_hour_at_a_kilowatt() -> None:
    meter = EnergyMeter(kwh=0)
    for second in range(3601):
        meter.add(reading(second, 1000))
    assert meter.rounded_kwh == 1.0


@pytest.mark.parametrize(
    "gap",
    [
        [reading(1 + MAX_GAP_S, 100)],
        [reading(1, 100, stale=True), reading(1.5, 100)],
        [reading(1, None), reading(1.5, 100)],
        [UpsState(stale=False, realpower=100), reading(1.5, 100)],
    ],
)
def test_what_is_not_known_is_not_counted(gap: list[UpsState]) -> None:
    meter = EnergyMeter(kwh=0)
    meter.add(reading(0, 100))
    for state in gap:
        meter.add(state)
    assert meter.kwh == 0


def test_value_is_stored_to_the_watt_hour() -> None:
    assert EnergyMeter(kwh=1.23456).rounded_kwh == 1.235
