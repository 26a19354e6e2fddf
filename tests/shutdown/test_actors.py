"""The others who stop hosts on the same UPS."""

import pytest

from custom_components.omron_ups.shutdown.actors import (
    ActorKind,
    ActorRow,
    OtherActor,
    actor_rows,
    other_actors,
)
from custom_components.omron_ups.shutdown.models import Power
from custom_components.omron_ups.shutdown.power import PowerNow
from custom_components.omron_ups.shutdown.specs import Plan, Verify

from .by_hand import spec

# 1000 s to low battery.
NOW = PowerNow(power=Power.MAINS, charge=80.0, charge_low=30.0, runtime_s=1600.0)
PLAN = Plan(
    targets=(
        spec("qnap", 3, 180.0, kind="qnap", own_timer_s=600.0),
        spec("dsm", 3, 180.0, kind="synology"),
        spec("pve", 2, 60.0, verify=Verify(address="192.0.2.7")),
    )
)


def test_everybody_who_acts_is_found() -> None:
    found = [
        (actor.name, actor.kind, actor.after_s, actor.target_id)
        for actor in other_actors(PLAN, ["192.0.2.99", "192.0.2.7", "192.0.2.99"])
    ]
    assert found == [
        ("qnap", ActorKind.OWN_TIMER, 600.0, "qnap"),
        ("qnap", ActorKind.LOW_BATTERY, 30.0, "qnap"),
        ("dsm", ActorKind.LOW_BATTERY, 0.0, "dsm"),
        ("pve", ActorKind.UPSMON, 0.0, "pve"),
        ("192.0.2.99", ActorKind.UPSMON, 0.0, ""),
    ]


def test_nobody_else() -> None:
    assert other_actors(Plan(targets=(spec("pve", 1, 60.0),)), ()) == ()


def rows(
    *actors: OtherActor, now: PowerNow = NOW, ends_in_s: float = 500.0, **begins: float | None
) -> tuple[ActorRow, ...]:
    known = {target_id: (start, True) for target_id, start in begins.items()}
    return actor_rows(actors, now, known, ends_in_s=ends_in_s)


TIMER = OtherActor(name="nas", kind=ActorKind.OWN_TIMER, after_s=600.0, target_id="nas")
RULE = OtherActor(name="nas", kind=ActorKind.LOW_BATTERY, after_s=30.0, target_id="nas")
CLIENT = OtherActor(name="192.0.2.99", kind=ActorKind.UPSMON, after_s=0.0)


@pytest.mark.parametrize(
    ("on_battery_s", "fires_in_s"), [(0.0, 600.0), (200.0, 400.0), (900.0, 0.0)]
)
def test_a_timer_runs_since_the_outage_began(on_battery_s: float, fires_in_s: float) -> None:
    now = PowerNow(power=Power.BATTERY, on_battery_s=on_battery_s)
    assert rows(TIMER, now=now)[0].fires_in_s == fires_in_s


def test_low_battery_rules_fire_at_low_battery() -> None:
    assert [row.fires_in_s for row in rows(RULE, CLIENT)] == [1000.0, 1030.0]
    low = PowerNow(power=Power.BATTERY, low=True)
    assert [row.fires_in_s for row in rows(RULE, CLIENT, now=low)] == [0.0, 30.0]
    assert rows(RULE, now=PowerNow(power=Power.MAINS))[0].fires_in_s is None


@pytest.mark.parametrize(
    ("begins_in_s", "is_first"), [(599.0, False), (600.0, False), (601.0, True), (None, False)]
)
def test_a_target_is_early_if_the_plan_has_not_come_to_it(
    begins_in_s: float | None, *, is_first: bool
) -> None:
    assert rows(TIMER, nas=begins_in_s)[0].is_first is is_first


def test_a_stranger_is_early_if_the_plan_has_not_ended() -> None:
    assert not rows(CLIENT, ends_in_s=1000.0)[0].is_first
    assert rows(CLIENT, ends_in_s=1001.0)[0].is_first


def test_who_has_stopped_already_cannot_be_early() -> None:
    (row,) = actor_rows([TIMER], NOW, {"nas": (9999.0, False)}, ends_in_s=9999.0)
    assert not row.is_first


def test_what_is_unknown_comes_last() -> None:
    now = PowerNow(power=Power.MAINS)
    assert [row.kind for row in rows(RULE, TIMER, now=now)] == [
        ActorKind.OWN_TIMER,
        ActorKind.LOW_BATTERY,
    ]
