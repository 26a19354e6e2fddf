"""What odd upstream values come to, without any server."""

from datetime import date, datetime

import pytest

from custom_components.omron_ups.driver import Outlet, SelfTestResult, Sensitivity, Topology
from custom_components.omron_ups.driver.remote_values import (
    READINGS,
    known_variables,
    passed_on,
    readings,
    respelled,
)
from custom_components.omron_ups.driver.variables import VARIABLES


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


@pytest.mark.parametrize(
    "name",
    [
        "driver.parameter.authPassword",
        "driver.parameter.community",
        "driver.parameter.login",
        "driver.parameter.password",
        "driver.parameter.privPassword",
        "driver.parameter.secName",
        "device.1.community",
        "experimental.netxml.password",
        "ups.password",
    ],
)
def test_what_a_driver_logs_in_with_is_never_known(name: str) -> None:
    found = known_variables({name: "hunter2", "ups.status": "OL", "ups.id": "rack"})
    assert found == {"ups.status": "OL", "ups.id": "rack"}
    assert passed_on(found) == {"ups.id": "rack"}


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
