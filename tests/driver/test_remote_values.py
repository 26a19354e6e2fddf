"""What odd upstream values come to, without any server."""

from datetime import date, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.omron_ups.driver import Outlet, SelfTestResult, Sensitivity, Topology
from custom_components.omron_ups.driver.remote_state import RemoteObservation, assemble_remote
from custom_components.omron_ups.driver.remote_status import RemoteStatus
from custom_components.omron_ups.driver.remote_values import (
    READINGS,
    known_variables,
    passed_on,
    readings,
    respelled,
)
from custom_components.omron_ups.driver.status import Status
from custom_components.omron_ups.driver.variables import VARIABLES

from .remote_rig import dump_variables


def observed(
    raw: dict[str, str], *, charging: bool | None = None, packs: int = 1
) -> RemoteObservation:
    return RemoteObservation(
        found=known_variables(raw),
        status=RemoteStatus(status=Status(on_battery=False), charging=charging, words="OL"),
        read_at=1.0,
        driver={"driver.name": "omron_ups"},
        battery_packs=packs,
    )


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("battery.temperature", "+19.8", "battery_temperature", 19.8),
        ("battery.temperature", "-3.5", "battery_temperature", -3.5),
        ("battery.voltage.nominal", "024", "battery_voltage_nominal", 24.0),
        ("battery.charge", "100.0", "battery_charge", 100),
        ("battery.charge", "99.9", "battery_charge", 99),
        ("battery.charge", "0", "battery_charge", 0),
        ("battery.charge", "255", "battery_charge", None),
        ("battery.charge", "nan", "battery_charge", None),
        ("battery.charge", "1e2", "battery_charge", None),
        ("battery.charge", "\uff11\uff10", "battery_charge", None),
        ("battery.charge.low", "-", "battery_charge_low", None),
        ("battery.runtime", "-1", "battery_runtime", None),
        ("battery.runtime", "3900.5", "battery_runtime", 3900),
        ("input.voltage", "", "input_voltage", None),
        ("input.voltage", "(null)", "input_voltage", None),
        ("input.voltage", "103.7 V", "input_voltage", None),
        ("input.voltage", "99999", "input_voltage", None),
        ("ups.load", " 12.9 ", "load", 12),
        ("ups.beeper.status", "enable", "beeper_enabled", True),
        ("ups.beeper.status", "disabled", "beeper_enabled", False),
        ("ups.beeper.status", "muted", "beeper_enabled", None),
        ("ups.start.auto", "no", "auto_restart", False),
        ("ups.serial", "XXXXXXXXXX  ", "serial", None),
        ("ups.serial", "000000", "serial", None),
        ("ups.serial", "A0Z25110005109G ", "serial", "A0Z25110005109G"),
        ("device.serial", "B1", "serial", "B1"),
        ("ups.mfr", "OM\x00RON\xff", "manufacturer", "OMRON"),
        ("ups.productid", "00d0", "product_id", 0x00D0),
        ("ups.productid", "d0", "product_id", None),
        ("input.sensitivity", "N", "input_sensitivity", Sensitivity.NORMAL),
        ("input.sensitivity", "high", "input_sensitivity", Sensitivity.HIGH),
        ("input.sensitivity", "medium", "input_sensitivity", None),
        ("ups.type", "offline / line interactive", "topology", Topology.STANDBY),
        ("ups.type", "ferrups", "topology", None),
        ("ups.test.result", "Done and passed", "test_result", SelfTestResult.PASSED),
        ("battery.date", "2026/07/30", "battery_date", date(2026, 7, 30)),
        ("battery.date", "20260730", "battery_date", date(2026, 7, 30)),
        ("battery.date", "07/30/26", "battery_date", None),
    ],
)
def test_a_value_is_read_or_unknown_but_never_wrong(
    name: str, text: str, field: str, value: object
) -> None:
    assert readings(known_variables({name: text})).get(field) == value


def test_the_first_known_of_two_names_counts() -> None:
    found = known_variables({"device.model": "-", "ups.model": "BW55T", "device.mfr": "OMRON"})
    assert readings(found)["model"] == "BW55T"
    both = known_variables({"device.serial": "A1", "ups.serial": "B2"})
    assert readings(both)["serial"] == "A1"


def test_the_clock_needs_both_halves() -> None:
    both = {"ups.date": "2026-09-25", "ups.time": "23:05"}
    assert readings(both)["clock"] == datetime(2026, 9, 25, 23, 5)  # noqa: DTZ001 - the unit's own
    assert "clock" not in readings({"ups.date": "2026-09-25"})
    assert "clock" not in readings({"ups.date": "25.9.", "ups.time": "23:05"})


def test_outlets_are_counted_from_one() -> None:
    found = {
        "outlet.1.switchable": "yes",
        "outlet.1.status": "on",
        "outlet.1.realpower": "40",
        "outlet.2.status": "off",
        "outlet.4.status": "on",
    }
    assert readings(found)["outlets"] == (
        Outlet(switchable=True, on=True, realpower=40),
        Outlet(on=False),
    )


def test_the_vendor_drivers_ratings_are_no_loads() -> None:
    by_name = known_variables({"driver.name": "omron_usb", "ups.power": "550", "ups.load": "12.0"})
    assert by_name["ups.power.nominal"] == "550"
    assert "ups.power" not in by_name
    other = known_variables({"driver.name": "usbhid-ups", "ups.power": "55"})
    assert other["ups.power"] == "55"


def test_the_vendor_drivers_charge_is_unknown_until_it_is_read() -> None:
    vendor = {"driver.name": "omron_usb"}
    assert "battery.charge" not in known_variables({**vendor, "battery.charge": "0"})
    assert known_variables({**vendor, "battery.charge": "0.0"})["battery.charge"] == "0.0"
    assert known_variables({"battery.charge": "0"})["battery.charge"] == "0"


def test_what_is_not_modelled_is_passed_on_and_no_status_ever() -> None:
    found = known_variables(
        {
            "ambient.temperature": "+21.5",
            "battery.type": "PbAc",
            "battery.date": "07/30/26",
            "device.1.ups.status": "OL CAL",
            "driver.name": "usbhid-ups",
            "experimental.ups.mode.buzzwords": "vendor:x",
            "input.transfer.high": "120",
            "input.voltage": "garbage",
            "outlet.1.desc": "Main",
            "outlet.1.status": "on",
            "server.info": "x",
            "ups.id": 'rack "A"',
            "ups.mode.buzzwords": "eco",
            "ups.status": "OL CAL",
            "ups.test.result": "No test initiated",
            "no dots": "1",
            "battery.packs": "(null)",
        }
    )
    assert passed_on(found) == {
        "ambient.temperature": "21.5",
        "battery.type": "PbAc",
        "battery.date": "07/30/26",
        "input.transfer.high": "120",
        "outlet.1.desc": "Main",
        "ups.id": 'rack "A"',
        "ups.test.result": "No test initiated",
    }


def test_delays_that_the_server_does_not_tell_are_not_served() -> None:
    without = assemble_remote(observed({"ups.load": "1"})).variables
    assert "ups.delay.shutdown" not in without
    assert "ups.delay.start" not in without
    told = assemble_remote(observed({"ups.delay.shutdown": "20"}))
    assert told.variables["ups.delay.shutdown"] == "20"
    assert told.shutdown_delay == 20


@pytest.mark.parametrize(
    ("name", "text", "ours"),
    [
        ("input.sensitivity", "N", "normal"),
        ("input.sensitivity", "auto", "auto"),
        ("ups.beeper.status", "disable", "disabled"),
        ("ups.delay.shutdown", "020", "20"),
        ("ups.id", "rack", "rack"),
    ],
)
def test_words_to_choose_from_are_spelt_as_we_spell_them(name: str, text: str, ours: str) -> None:
    assert respelled(name, text) == ours


def test_every_reading_fills_a_field_that_is_served_under_its_name() -> None:
    assert {row.name for row in READINGS} <= {row.name for row in VARIABLES}


@pytest.mark.parametrize(
    ("charge", "words", "expected"),
    [("100", None, False), ("90", None, None), ("90", True, True), ("90", False, False)],
)
def test_charging_is_the_servers_word(
    charge: str, words: bool | None, expected: bool | None
) -> None:
    state = assemble_remote(observed({"battery.charge": charge}, charging=words))
    assert state.charging is expected


def test_the_vendor_driver_has_no_word_for_charging() -> None:
    raw = {"battery.charge": "90.0", "driver.name": "omron_usb"}
    assert assemble_remote(observed(raw)).charging is True


def test_a_measured_load_is_preferred() -> None:
    raw = {"ups.load": "50", "ups.realpower": "77", "ups.realpower.nominal": "200"}
    state = assemble_remote(observed({**raw, "ups.power.nominal": "300"}))
    assert (state.realpower, state.power, state.power_measured) == (77, 150, True)


def test_ratings_come_from_the_model_where_the_server_tells_none() -> None:
    state = assemble_remote(observed({"ups.mfr": "Omron Corp.", "ups.model": "BN50T"}))
    assert state.realpower_nominal == 450
    assert assemble_remote(observed({"ups.mfr": "APC", "ups.model": "BN50T"})).model == "BN50T"
    assert assemble_remote(observed({"ups.model": "BN50T"})).realpower_nominal is None


def test_the_user_may_say_how_many_packs_the_battery_has() -> None:
    raw = {"battery.voltage": "13.7", "battery.voltage.nominal": "24"}
    state = assemble_remote(observed(raw))
    assert (state.battery_voltage, state.battery_packs_suggested) == (13.7, 2)
    state = assemble_remote(observed(raw, packs=2))
    assert (state.battery_voltage, state.battery_packs_suggested) == (27.4, None)
    assert assemble_remote(observed({}, packs=2)).battery_voltage is None


SPELT_OTHERWISE = {
    "battery.charge": "100",
    "battery.temperature": "19.8",
    "battery.voltage.nominal": "24",
    "driver.name": "omron_ups",
    "input.frequency": "50.1",
    "input.sensitivity": "normal",
    "ups.beeper.status": "enabled",
    "ups.load": "12",
    # Loads, derived from 12 % of the ratings; these stand under their own names below.
    "ups.power": "66",
    "ups.realpower": "41",
}
"""Variables of the dump that are spelt as the simulated BW55T's are, and for the same reasons."""
ADDED = {"ups.power.nominal": "550", "ups.realpower.nominal": "340"}
NOT_SERVED = {
    "device.serial",  # masked in the dump
    "driver.parameter.pollinterval",
    "driver.parameter.port",
    "driver.parameter.synchronous",
    "driver.version",
    "driver.version.internal",
    "output.voltage.nominal",  # a dash in the dump
    "ups.serial",  # masked in the dump
}


def check_dump(served: dict[str, str], *, own_driver: bool = True) -> None:
    """Compare what is served with the dump; `own_driver` leaves our driver variables out."""
    expected = {**dump_variables(), **SPELT_OTHERWISE, **ADDED}
    expected = {name: value for name, value in expected.items() if name not in NOT_SERVED}
    if own_driver:
        served = {name: value for name, value in served.items() if name not in NOT_SERVED}
    assert served == expected


def test_the_published_dump_of_a_bw55t_comes_out_right() -> None:
    raw = dump_variables()
    assert len(raw) == 43
    state = assemble_remote(observed(raw))
    check_dump(dict(state.variables))
    assert state.serial is None
    assert state.beeper_enabled is True
    assert state.input_sensitivity is Sensitivity.NORMAL
    assert (state.realpower_nominal, state.power_nominal) == (340, 550)
    assert (state.battery_charge, state.battery_runtime) == (100, 3900)
    assert (state.vendor_id, state.product_id) == (0x0590, 0x00D0)
    assert state.topology is Topology.STANDBY
    assert state.battery_packs_suggested == 2
    assert state.read_times["battery_charge"] == 1.0


VALUES: st.SearchStrategy[Any] = st.text() | st.integers().map(str) | st.floats().map(str)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([row.name for row in VARIABLES]), VALUES))
def test_no_value_of_a_server_can_do_harm(raw: dict[str, str]) -> None:
    state = assemble_remote(observed(raw))
    assert state.battery_charge is None or 0 <= state.battery_charge <= 100
    assert state.battery_runtime is None or state.battery_runtime >= 0
    assert state.variables["ups.status"] == "OL"
    assert all(value.isascii() and value.isprintable() for value in state.variables.values())
