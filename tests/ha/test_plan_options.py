"""What the user entered becomes the plan."""

from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
import pytest

from custom_components.omron_ups.plan_options import plan_of, target_spec
from custom_components.omron_ups.shutdown.specs import (
    NOT_IN_PLAN,
    OutputOptions,
    Plan,
    Restore,
    TargetSpec,
    Triggers,
    Verify,
    WakeOnLan,
)
from tests.ha.common import MockConfigEntry, simulated_entry

STAGE = {"stage": 2, "time_limit": 120}


def subentry(kind: str, title: str, subentry_id: str, **data: Any) -> ConfigSubentry:
    return ConfigSubentry(
        data=MappingProxyType(data),
        subentry_id=subentry_id,
        subentry_type=kind,
        title=title,
        unique_id=None,
    )


def entry_with(*subentries: ConfigSubentry, **plan: Any) -> MockConfigEntry:
    entry = simulated_entry(0)
    options = {**entry.options, "shutdown_plan": plan} if plan else dict(entry.options)
    return MockConfigEntry(
        domain=entry.domain,
        data=dict(entry.data),
        options=options,
        subentries_data=[
            {
                "data": dict(item.data),
                "subentry_id": item.subentry_id,
                "subentry_type": item.subentry_type,
                "title": item.title,
                "unique_id": None,
            }
            for item in subentries
        ],
    )


def test_nothing_configured_is_an_empty_plan() -> None:
    assert plan_of(entry_with()) == Plan()


def test_least_of_a_target() -> None:
    spec = target_spec(subentry("ssh", "pve1", "01A", **STAGE, options={"username": "ups"}))
    assert spec == TargetSpec(
        target_id="01A",
        name="pve1",
        kind="ssh",
        stage=2,
        time_limit_s=120.0,
        options={"username": "ups"},
    )


def test_all_of_a_target() -> None:
    spec = target_spec(
        subentry(
            "qnap",
            "NAS",
            "01B",
            **STAGE,
            verify={"address": "192.0.2.5", "ports": ["22", "443"], "ping": False, "grace": 45},
            wake={
                "mac": "00:11:22:33:44:55",
                "broadcast": "192.0.2.255",
                "secure_on": "66:77:88:99:aa:bb",
                "wake_limit": 300,
                "returns_by_itself": False,
            },
            relations={
                "uses": ["01C"],
                "runs_on": ["01D", "01E"],
                "second_feed": "other",
                "is_data_source": True,
                "own_timer": 10,
            },
        )
    )
    assert spec.verify == Verify(address="192.0.2.5", ports=(22, 443), ping=False, grace_s=45.0)
    assert spec.wake == WakeOnLan(
        mac="00:11:22:33:44:55", broadcast="192.0.2.255", secure_on="66:77:88:99:aa:bb"
    )
    assert (spec.wake_limit_s, spec.returns_by_itself) == (300.0, False)
    assert (spec.uses, spec.second_feed) == (frozenset({"01C"}), "other")
    assert spec.runs_on == frozenset({"01D", "01E"})
    assert (spec.is_data_source, spec.own_timer_s) == (True, 600.0)


def test_no_broadcast_address_means_the_usual_one() -> None:
    spec = target_spec(subentry("ssh", "a", "1", **STAGE, wake={"mac": "00:11:22:33:44:55"}))
    assert spec.wake == WakeOnLan(mac="00:11:22:33:44:55")


def test_only_targets_are_targets() -> None:
    plan = plan_of(
        entry_with(
            subentry("nut_account", "upsmon", "1"),
            subentry("discord", "home", "2"),
            subentry("ups_output", "Output", "3", returns=False, delay=90),
            subentry("ssh", "pve1", "4", **STAGE),
        )
    )
    assert [item.target_id for item in plan.targets] == ["4"]
    assert plan.output == OutputOptions(returns=False, delay_s=90.0)


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        (None, Triggers()),
        (
            {},
            Triggers(time_on_battery_s=None, margin_below_s=None, data_lost_s=None),
        ),
        (
            {"time_on_battery": 600, "charge_below": 50, "data_lost": 90},
            Triggers(time_on_battery_s=600, charge_below=50, margin_below_s=None, data_lost_s=90),
        ),
    ],
)
def test_a_trigger_that_was_emptied_is_off(
    triggers: dict[str, Any] | None, expected: Triggers
) -> None:
    plan: dict[str, Any] = {"gateway": "192.0.2.1"}
    if triggers is not None:
        plan["triggers"] = triggers
    assert plan_of(entry_with(**plan)).triggers == expected


def test_the_rest_of_the_plan() -> None:
    plan = plan_of(
        entry_with(
            home_assistant_host=NOT_IN_PLAN,
            acts_at_low_battery=False,
            gateway="192.0.2.1",
            restore={"restores": False, "mains_stable": 120, "min_charge": 50},
        )
    )
    assert plan == Plan(
        home_assistant_host=NOT_IN_PLAN,
        acts_at_low_battery=False,
        gateway="192.0.2.1",
        restore=Restore(is_enabled=False, mains_stable_s=120.0, min_charge=50),
    )
