"""How replies become one state, and the state NUT variables."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pytest

from custom_components.omron_ups.driver.assemble import Observation, Reading, assemble
from custom_components.omron_ups.driver.capabilities import Dialect
from custom_components.omron_ups.driver.models import (
    LinkInfo,
    Outlet,
    SelfTestResult,
    Sensitivity,
    Topology,
    UpsState,
)
from custom_components.omron_ups.driver.queries import Q1Reply
from custom_components.omron_ups.driver.status import Status
from custom_components.omron_ups.driver.variables import nut_variables

REPLY = Q1Reply(
    input_voltage=103.7,
    input_voltage_fault=0.0,
    output_voltage=103.8,
    load=48,
    input_frequency=50.1,
    battery_voltage=13.7,
    temperature=25.9,
    status="00101000",
)
ON_MAINS = Status(on_battery=False, battery_low=False, fault=False, testing=False)
ON_BATTERY = Status(on_battery=True, battery_low=True)
RATINGS = {"realpower_nominal": 340, "power_nominal": 550}


def see(
    values: Mapping[str, Any] | None = None,
    *,
    status: Status = ON_MAINS,
    link: LinkInfo | None = None,
    age: float = 0.0,
    is_omron: bool = True,
    dialect: Dialect = Dialect.OMRON,
    reply: Q1Reply = REPLY,
) -> UpsState:
    """Assemble a state at 1000 s from `values` that are `age` old and live 30 s."""
    return assemble(
        Observation(
            reply=reply,
            read_at=1000.0,
            status=status,
            readings={
                name: Reading(value=value, read_at=1000.0 - age, lifetime_s=30.0)
                for name, value in (values or {}).items()
            },
            link=link or LinkInfo(),
            is_omron=is_omron,
            dialect=dialect,
            driver={"driver.name": "omron_ups"},
        )
    )


def test_a_fresh_state_holds_the_reply_and_its_times() -> None:
    state = see({"battery_charge": 80}, age=3.0)
    assert not state.stale
    assert (state.input_voltage, state.battery_voltage, state.load) == (103.7, 13.7, 48)
    assert state.topology is Topology.STANDBY
    assert state.raw_status == "00101000"
    assert state.read_times["load"] == 1000.0
    assert state.read_times["battery_charge"] == 997.0


def test_a_reading_that_missed_its_turns_is_unknown() -> None:
    assert see({"battery_charge": 80}, age=30.0).battery_charge == 80
    state = see({"battery_charge": 80}, age=30.1)
    assert state.battery_charge is None
    assert "battery.charge" not in state.variables


def test_the_measured_load_wins_over_the_derived_one() -> None:
    measured = {"measured_realpower": 166, "measured_power": 186}
    state = see({**RATINGS, **measured})
    assert (state.realpower, state.power, state.power_measured) == (166, 186, True)
    derived = see(RATINGS)
    assert (derived.realpower, derived.power, derived.power_measured) == (163, 264, False)
    assert see().realpower is None


def test_switches_and_loads_of_the_outlet_groups_are_one() -> None:
    state = see(
        {
            "outlet_switches": (
                Outlet(switchable=True, on=True),
                Outlet(switchable=False, on=True),
            ),
            "outlet_loads": (Outlet(realpower=10, power=12), Outlet(), Outlet()),
        }
    )
    assert state.outlets == (
        Outlet(switchable=True, on=True, realpower=10, power=12),
        Outlet(switchable=False, on=True),
        Outlet(),
    )
    assert state.variables["outlet.1.switchable"] == "yes"
    assert state.variables["outlet.1.status"] == "on"
    assert state.variables["outlet.1.realpower"] == "10"
    assert state.variables["outlet.2.switchable"] == "no"
    assert "outlet.2.power" not in state.variables


def test_groups_of_dashes_are_no_outlets() -> None:
    assert see({"outlet_loads": (Outlet(), Outlet(), Outlet())}).outlets == ()


@pytest.mark.parametrize(
    ("values", "status", "charging"),
    [
        ({"battery_charge": 100}, ON_MAINS, False),
        ({"battery_charge": 99}, ON_MAINS, True),
        ({}, ON_MAINS, None),
        ({"battery_charge": 50}, ON_BATTERY, False),
        ({"battery_charge": 50}, Status(), None),
    ],
)
def test_charging_follows_from_charge_and_mains(
    values: dict[str, int], status: Status, charging: bool | None
) -> None:
    assert see(values, status=status).charging is charging


USB = LinkInfo(manufacturer="OMRON", model="BW55T", vendor_id=0x0590, product_id=0x00D0)


@pytest.mark.parametrize(
    ("values", "link", "is_omron", "expected"),
    [
        ({"serial": "A1"}, USB, True, ("OMRON", "BW55T", "A1", 0x0590, 0x00D0)),
        ({"model": "BW55T"}, LinkInfo(), True, ("OMRON", "BW55T", None, 0x0590, 0x00D0)),
        ({"model": "XY1"}, LinkInfo(), True, ("OMRON", "XY1", None, None, None)),
        ({}, LinkInfo(product_id=0x00B7, serial="S"), True, ("OMRON", "BN150T", "S", 0x0590, 0xB7)),
        ({}, LinkInfo(), False, (None, None, None, None, None)),
    ],
)
def test_identity_comes_from_link_answers_and_profile(
    values: dict[str, str], link: LinkInfo, is_omron: bool, expected: tuple[object, ...]
) -> None:
    state = see(values, link=link, is_omron=is_omron)
    assert expected == (
        state.manufacturer,
        state.model,
        state.serial,
        state.vendor_id,
        state.product_id,
    )


def test_index_seven_is_the_beeper_where_the_user_says_megatec() -> None:
    assert see(dialect=Dialect.MEGATEC, is_omron=False).beeper_enabled is False
    assert see(is_omron=False).beeper_enabled is None


def test_alarms_name_what_is_wrong() -> None:
    state = see(status=Status(on_battery=False, fault=True, replace_battery=True))
    assert state.alarms == ("UPS fault", "Replace battery")
    assert state.variables["ups.alarm"] == "UPS fault Replace battery"
    assert "ups.alarm" not in see().variables


@pytest.mark.parametrize(
    ("status", "charge", "words"),
    [
        (Status(on_battery=False), None, "OL"),
        (Status(on_battery=False), 100, "OL"),
        (Status(on_battery=False), 40, "OL CHRG"),
        (Status(on_battery=True, battery_low=False), 40, "OB DISCHRG"),
        (Status(on_battery=True, battery_low=True), 20, "OB LB DISCHRG"),
        (Status(on_battery=False, replace_battery=True), 100, "OL RB"),
        (Status(on_battery=True, overload=True), 100, "OB DISCHRG OVER"),
        (Status(on_battery=False, testing=True, fault=True), 100, "OL"),
    ],
)
def test_status_words_are_the_ones_that_harm_no_client(
    status: Status, charge: int | None, words: str
) -> None:
    values = {} if charge is None else {"battery_charge": charge}
    assert see(values, status=status).variables["ups.status"] == words


def test_a_status_that_is_not_believed_yet_has_no_variable() -> None:
    assert "ups.status" not in see(status=Status()).variables


def test_values_are_spelled_as_nut_spells_them() -> None:
    state = UpsState(
        battery_charge=100,
        battery_date=date(2026, 7, 30),
        battery_runtime=3900,
        battery_temperature=19.8,
        battery_voltage=13.7,
        battery_voltage_nominal=24.0,
        beeper_enabled=False,
        auto_restart=True,
        cold_start=False,
        clock=datetime(2026, 12, 31, 15, 30),  # noqa: DTZ001
        input_frequency=50.1,
        input_sensitivity=Sensitivity.NORMAL,
        product_id=0x00D0,
        test_result=SelfTestResult.PASSED,
        topology=Topology.ONLINE,
    )
    variables = nut_variables(state, {})
    assert variables.items() >= {
        ("battery.charge", "100"),
        ("battery.date", "2026-07-30"),
        ("battery.runtime", "3900"),
        ("battery.temperature", "19.8"),
        ("battery.voltage", "13.70"),
        ("battery.voltage.nominal", "24"),
        ("device.type", "ups"),
        ("input.frequency", "50.1"),
        ("input.sensitivity", "normal"),
        ("ups.beeper.status", "disabled"),
        ("ups.date", "2026-12-31"),
        ("ups.productid", "00d0"),
        ("ups.start.auto", "yes"),
        ("ups.start.battery", "no"),
        ("ups.test.result", "Done and passed"),
        ("ups.time", "15:30"),
        ("ups.type", "online"),
    }
    assert list(variables) == sorted(variables)


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (UpsState(model="BW55T", manufacturer="OMRON", power_nominal=550), "BW55T"),
        (
            UpsState(manufacturer="OMRON", power_nominal=1125, realpower_nominal=1125),
            "OMRON 1125 VA",
        ),
        (UpsState(manufacturer="OMRON", realpower_nominal=340), "OMRON 340 W"),
        (UpsState(manufacturer="OMRON"), "OMRON"),
        (UpsState(power_nominal=550), "550 VA"),
        (UpsState(), None),
    ],
)
def test_the_title_is_the_best_name_there_is(state: UpsState, title: str | None) -> None:
    assert state.title == title
