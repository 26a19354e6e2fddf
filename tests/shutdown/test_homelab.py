"""The installation that this project was born in: order, times, and what low battery changes."""

import pytest

from .rack.facts import What
from .rack.homelab import HOMELABS, LOW_AT_ONCE, OUTAGE_AT, run_homelab
from .rack.rules import violations
from .rack.run import Ending

ON_HOME_ASSISTANT = "UPS on Home Assistant, 12 % load"
ON_QNAP = "UPS on the QNAP, 12 % load"


def told(ending: Ending) -> list[str]:
    """Return who was told to stop for good, in order."""
    rows = ending.facts.of(What.CARRIED_OUT)
    return [f"{fact.who} {fact.step}" for fact in rows]


@pytest.mark.parametrize("title", HOMELABS)
def test_no_rule_is_broken(title: str) -> None:
    assert violations(run_homelab(title)) == []


@pytest.mark.parametrize("title", [ON_HOME_ASSISTANT, ON_QNAP])
def test_the_reference_order_is_kept(title: str) -> None:
    ending = run_homelab(title)
    order = ["kubernetes cordon", "kubernetes drain", "pve2 guests", "pve2 poweroff"]
    order += ["qnap shutdown", "pve1 guests", "pve1 poweroff"]
    assert told(ending) == order


def test_at_a_small_load_nobody_sees_low_battery_before_all_is_down() -> None:
    ending = run_homelab(ON_HOME_ASSISTANT)
    off = next(ending.facts.of(What.OFF, who="pve1"))
    assert off.at - OUTAGE_AT < 1500.0
    assert not [*ending.facts.of(What.LOW)]


def test_without_an_output_the_own_host_waits_for_low_battery() -> None:
    """With the UPS on the QNAP its data end with the QNAP, and so does every way to the output."""
    ending = run_homelab(ON_QNAP)
    (own, *_) = ending.facts.of(What.REQUEST, who="pve1")
    (qnap,) = ending.facts.of(What.OFF, who="qnap")
    assert own.at > qnap.at + 1000.0, "the clock runs the battery down to what would be low"
    assert own.was_silent


def test_low_battery_in_the_middle_makes_it_short() -> None:
    ending = run_homelab(LOW_AT_ONCE)
    low = next(ending.facts.of(What.LOW))
    last = max(fact.at for fact in ending.facts.of(What.CARRIED_OUT))
    assert last - low.at < 60.0
    assert not [*ending.facts.of(What.CUT)]
