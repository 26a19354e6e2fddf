"""Which events lie between two states."""

from typing import Any

import pytest

from custom_components.omron_ups.driver import PowerEvent, UpsState, power_events


@pytest.mark.parametrize(
    ("fact", "rises", "falls"),
    [
        ("on_battery", [PowerEvent.POWER_LOST], [PowerEvent.POWER_RESTORED]),
        ("battery_low", [PowerEvent.BATTERY_LOW], [PowerEvent.BATTERY_OK]),
        ("overload", [PowerEvent.OVERLOAD], [PowerEvent.OVERLOAD_CLEARED]),
        ("replace_battery", [PowerEvent.REPLACE_BATTERY], []),
        ("fault", [PowerEvent.FAULT], [PowerEvent.FAULT_CLEARED]),
        ("testing", [PowerEvent.TEST_STARTED], [PowerEvent.TEST_FINISHED]),
        ("forced_shutdown", [PowerEvent.FORCED_SHUTDOWN], []),
        ("stale", [PowerEvent.COMMUNICATION_LOST], [PowerEvent.COMMUNICATION_RESTORED]),
    ],
)
def test_each_fact_has_its_events(
    fact: str, rises: list[PowerEvent], falls: list[PowerEvent]
) -> None:
    facts: tuple[dict[str, Any], ...] = (
        {"stale": False, fact: False},
        {"stale": False, fact: True},
    )
    no, yes = (UpsState(**fact) for fact in facts)
    assert list(power_events(no, yes)) == rises
    assert list(power_events(yes, no)) == falls
    assert power_events(yes, yes) == ()


def test_what_was_unknown_before_is_no_news() -> None:
    unknown, known = UpsState(stale=False), UpsState(stale=False, on_battery=True, fault=True)
    assert power_events(unknown, known) == ()
    assert power_events(known, unknown) == ()


def test_a_cut_while_the_link_was_lost_is_told_after_the_return() -> None:
    lost = UpsState(stale=True, on_battery=False)
    back = UpsState(stale=False, on_battery=True)
    assert power_events(lost, back) == (
        PowerEvent.COMMUNICATION_RESTORED,
        PowerEvent.POWER_LOST,
    )
