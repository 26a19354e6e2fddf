"""The facts of a UpsState under NUT's names and in NUT's spelling.

Names and spellings are those of NUT 2.8 (its list of recorded variables). A value that is not
known has no variable.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .models import Outlet, UpsState

type Text = Callable[[UpsState], str | None]


@dataclass(frozen=True, slots=True)
class NutVariable:
    """One variable: its NUT name and how to spell its value."""

    name: str
    text: Text


def _plain(field: str, template: str = "{}") -> Text:
    def text(state: UpsState) -> str | None:
        value: Any = getattr(state, field)
        return None if value is None else template.format(value)

    return text


def _choice(field: str, when_true: str, when_false: str) -> Text:
    def text(state: UpsState) -> str | None:
        value: bool | None = getattr(state, field)
        return None if value is None else when_true if value else when_false

    return text


def _status(state: UpsState) -> str | None:
    """Spell ``ups.status`` with the words that every client understands, and no others.

    CAL, TEST, ALARM, BYPASS, OFF, TRIM and BOOST are left out on purpose: upsmon latches some of
    them and then ignores ``OB LB``, or stops its host at the next lost connection.
    """
    if state.on_battery is None:
        return None
    words = (
        ("OB" if state.on_battery else "OL", True),
        ("LB", state.battery_low),
        ("CHRG", state.charging),
        ("DISCHRG", state.on_battery),
        ("RB", state.replace_battery),
        ("OVER", state.overload),
    )
    return " ".join(word for word, holds in words if holds)


def _alarm(state: UpsState) -> str | None:
    return " ".join(state.alarms) or None


VARIABLES: tuple[NutVariable, ...] = (
    NutVariable("battery.charge", _plain("battery_charge")),
    NutVariable("battery.charge.low", _plain("battery_charge_low")),
    NutVariable("battery.charge.restart", _plain("battery_charge_restart")),
    NutVariable("battery.date", _plain("battery_date", "{:%Y-%m-%d}")),
    NutVariable("battery.runtime", _plain("battery_runtime")),
    NutVariable("battery.temperature", _plain("battery_temperature", "{:.1f}")),
    NutVariable("battery.voltage", _plain("battery_voltage", "{:.2f}")),
    NutVariable("battery.voltage.nominal", _plain("battery_voltage_nominal", "{:.0f}")),
    NutVariable("device.mfr", _plain("manufacturer")),
    NutVariable("device.model", _plain("model")),
    NutVariable("device.serial", _plain("serial")),
    NutVariable("device.type", lambda _state: "ups"),
    NutVariable("input.frequency", _plain("input_frequency", "{:.1f}")),
    NutVariable("input.sensitivity", _plain("input_sensitivity")),
    NutVariable("input.voltage", _plain("input_voltage", "{:.1f}")),
    NutVariable("input.voltage.fault", _plain("input_voltage_fault", "{:.1f}")),
    NutVariable("output.frequency", _plain("output_frequency", "{:.1f}")),
    NutVariable("output.voltage", _plain("output_voltage", "{:.1f}")),
    NutVariable("ups.alarm", _alarm),
    NutVariable("ups.beeper.status", _choice("beeper_enabled", "enabled", "disabled")),
    NutVariable("ups.date", _plain("clock", "{:%Y-%m-%d}")),
    NutVariable("ups.delay.reboot", _plain("reboot_delay")),
    NutVariable("ups.delay.shutdown", _plain("shutdown_delay")),
    NutVariable("ups.delay.start", _plain("start_delay")),
    NutVariable("ups.firmware", _plain("firmware")),
    NutVariable("ups.firmware.aux", _plain("firmware_aux")),
    NutVariable("ups.load", _plain("load")),
    NutVariable("ups.mfr", _plain("manufacturer")),
    NutVariable("ups.model", _plain("model")),
    NutVariable("ups.power", _plain("power")),
    NutVariable("ups.power.nominal", _plain("power_nominal")),
    NutVariable("ups.productid", _plain("product_id", "{:04x}")),
    NutVariable("ups.realpower", _plain("realpower")),
    NutVariable("ups.realpower.nominal", _plain("realpower_nominal")),
    NutVariable("ups.serial", _plain("serial")),
    NutVariable("ups.start.auto", _choice("auto_restart", "yes", "no")),
    NutVariable("ups.start.battery", _choice("cold_start", "yes", "no")),
    NutVariable("ups.status", _status),
    NutVariable("ups.temperature", _plain("temperature", "{:.1f}")),
    NutVariable("ups.test.result", _plain("test_result")),
    NutVariable("ups.time", _plain("clock", "{:%H:%M}")),
    NutVariable("ups.type", _plain("topology")),
    NutVariable("ups.vendorid", _plain("vendor_id", "{:04x}")),
)

_OUTLET_VARIABLES: tuple[tuple[str, Callable[[Outlet], str | None]], ...] = (
    ("switchable", lambda outlet: _yes_no(outlet.switchable, "yes", "no")),
    ("status", lambda outlet: _yes_no(outlet.on, "on", "off")),
    ("realpower", lambda outlet: None if outlet.realpower is None else str(outlet.realpower)),
    ("power", lambda outlet: None if outlet.power is None else str(outlet.power)),
)


def _yes_no(value: bool | None, yes: str, no: str) -> str | None:  # noqa: FBT001
    return None if value is None else yes if value else no


def nut_variables(state: UpsState, driver: Mapping[str, str]) -> Mapping[str, str]:
    """Return every known variable of `state` and the constant ones of `driver`, sorted by name."""
    values = dict(driver)
    for variable in VARIABLES:
        if (text := variable.text(state)) is not None:
            values[variable.name] = text
    for number, outlet in enumerate(state.outlets, start=1):
        for name, spell in _OUTLET_VARIABLES:
            if (text := spell(outlet)) is not None:
                values[f"outlet.{number}.{name}"] = text
    return MappingProxyType(dict(sorted(values.items())))
