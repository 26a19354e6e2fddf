"""What NUT variables of any driver say, in the terms of a UpsState."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
import re
from typing import Any

from .models import Outlet, SelfTestResult, Sensitivity, Topology, UpsState
from .variables import VARIABLES

type Read = Callable[[str], Any]

# What drivers say for "not known"; `-` and a masked serial number are QNAP's.
_PLACEHOLDER = re.compile(r"-*|\(null\)|null|nan|n/a|na", re.IGNORECASE)
_MASKED = re.compile(r"(.)\1*")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_LONGEST_VALUE = 255
_VENDOR_DRIVER = "omron_usb"
_NAME = re.compile(r"[a-z][a-z0-9]*(\.[A-Za-z0-9_-]+)+")
_OUTLET = re.compile(r"outlet\.([1-9]\d?)\.(switchable|status|realpower|power)")


def known(text: str) -> str | None:
    """Return the text without padding and what cannot be printed; None where it says nothing."""
    clean = "".join(char for char in text if " " <= char <= "~").strip()
    return None if _PLACEHOLDER.fullmatch(clean) else clean[:_LONGEST_VALUE]


def number(text: str) -> float | None:
    """Read `13.70`, `024` or `+19.8`; None where it is no number."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _decimal(low: float, high: float) -> Read:
    def read(text: str) -> float | None:
        value = number(text)
        return value if value is not None and low <= value <= high else None

    return read


def _whole(low: int, high: int) -> Read:
    """Read a number and cut it off, as units do: a charge or a runtime is never rounded up."""

    def read(text: str) -> int | None:
        value = number(text)
        return int(value) if value is not None and low <= value <= high else None

    return read


def _word[ValueT](words: Mapping[str, ValueT]) -> Read:
    def read(text: str) -> ValueT | None:
        return words.get(text.lower())

    return read


def _serial(text: str) -> str | None:
    """One character repeated is a mask or an unset memory, not a number."""
    return None if _MASKED.fullmatch(text) else text


def _hexadecimal(text: str) -> int | None:
    return int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{4}", text) else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None


_YES_NO = _word({"yes": True, "on": True, "1": True, "no": False, "off": False, "0": False})
_VOLTAGE = _decimal(0, 1000)
_FREQUENCY = _decimal(0, 100)
_TEMPERATURE = _decimal(-40, 150)
_PERCENT = _whole(0, 100)
_WATTS = _whole(0, 1_000_000)
_SECONDS = _whole(0, 10_000_000)


@dataclass(frozen=True, slots=True)
class Reading:
    """One variable, the field that it fills, and how to read it; None where it makes no sense."""

    name: str
    field: str
    read: Read


READINGS: tuple[Reading, ...] = (
    Reading("battery.charge", "battery_charge", _PERCENT),
    Reading("battery.charge.low", "battery_charge_low", _PERCENT),
    Reading("battery.charge.restart", "battery_charge_restart", _PERCENT),
    Reading("battery.date", "battery_date", _date),
    Reading("battery.runtime", "battery_runtime", _SECONDS),
    Reading("battery.temperature", "battery_temperature", _TEMPERATURE),
    Reading("battery.voltage", "battery_voltage", _VOLTAGE),
    Reading("battery.voltage.nominal", "battery_voltage_nominal", _VOLTAGE),
    Reading("device.mfr", "manufacturer", str),
    Reading("ups.mfr", "manufacturer", str),
    Reading("device.model", "model", str),
    Reading("ups.model", "model", str),
    Reading("device.serial", "serial", _serial),
    Reading("ups.serial", "serial", _serial),
    Reading("input.frequency", "input_frequency", _FREQUENCY),
    Reading(
        "input.sensitivity",
        "input_sensitivity",
        _word(
            {
                "n": Sensitivity.NORMAL,
                "normal": Sensitivity.NORMAL,
                "l": Sensitivity.LOW,
                "low": Sensitivity.LOW,
                "h": Sensitivity.HIGH,
                "high": Sensitivity.HIGH,
            }
        ),
    ),
    Reading("input.voltage", "input_voltage", _VOLTAGE),
    Reading("input.voltage.fault", "input_voltage_fault", _VOLTAGE),
    Reading("output.frequency", "output_frequency", _FREQUENCY),
    Reading("output.voltage", "output_voltage", _VOLTAGE),
    # NUT's words are enabled and disabled; the vendor driver's lack the last letter.
    Reading(
        "ups.beeper.status",
        "beeper_enabled",
        _word({"enable": True, "enabled": True, "disable": False, "disabled": False}),
    ),
    Reading("ups.delay.reboot", "reboot_delay", _SECONDS),
    Reading("ups.delay.shutdown", "shutdown_delay", _SECONDS),
    Reading("ups.delay.start", "start_delay", _SECONDS),
    Reading("ups.firmware", "firmware", str),
    Reading("ups.firmware.aux", "firmware_aux", str),
    Reading("ups.load", "load", _whole(0, 999)),
    Reading("ups.power", "power", _WATTS),
    Reading("ups.power.nominal", "power_nominal", _WATTS),
    Reading("ups.productid", "product_id", _hexadecimal),
    Reading("ups.realpower", "realpower", _WATTS),
    Reading("ups.realpower.nominal", "realpower_nominal", _WATTS),
    Reading("ups.start.auto", "auto_restart", _YES_NO),
    Reading("ups.start.battery", "cold_start", _YES_NO),
    Reading("ups.temperature", "temperature", _TEMPERATURE),
    Reading(
        "ups.test.result",
        "test_result",
        _word({str(result).lower(): result for result in SelfTestResult}),
    ),
    Reading("ups.type", "topology", _word({str(topology): topology for topology in Topology})),
    Reading("ups.vendorid", "vendor_id", _hexadecimal),
)
"""The first known of two variables for one field counts."""

_BY_NAME = {row.name: row for row in READINGS}
_SPELLINGS = {row.name: row.text for row in VARIABLES}
# Words of other drivers that our types have no place for are still worth serving.
_KEPT_AS_TEXT = frozenset(
    {
        *("battery.date", "input.sensitivity", "ups.beeper.status", "ups.date"),
        *("ups.test.result", "ups.time", "ups.type"),
    }
)
# The server's own affairs. NUT 2.8.3's upsmon takes any buzzword for economy mode.
_NOT_PASSED_ON = re.compile(r"(driver|server|experimental)\..*|ups\.mode\.buzzwords|.*\.ups\..*")

# Last parts of the names under which upsd publishes how a driver logs in to its device, such as
# driver.parameter.community: the parameters of snmp-ups, netxml-ups, nut-ipmipsu and the like.
_SECRETS = frozenset(
    {
        *("authpassword", "community", "login", "passphrase", "passwd", "password"),
        *("privpassword", "secname", "secret", "token", "user", "username"),
    }
)


def is_secret(name: str) -> bool:
    """Tell whether a variable holds what its server's driver logs in with."""
    return name.rpartition(".")[2].lower() in _SECRETS


def known_variables(raw: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say something, cleaned and under the names that NUT has for them.

    What a driver logs in with goes no further than here. Vendor driver 1.02 publishes the ratings
    as loads, and a charge of 0 until it has read one.
    """
    found = {
        name: clean
        for name, text in raw.items()
        if not is_secret(name) and (clean := known(text)) is not None
    }
    if not is_vendor_driver(found):
        return found
    for name in ("ups.power", "ups.realpower"):
        if (rating := found.pop(name, None)) is not None:
            found.setdefault(f"{name}.nominal", rating)
    if found.get("battery.charge") == "0":
        del found["battery.charge"]
    return found


def is_vendor_driver(found: Mapping[str, str]) -> bool:
    """Tell the vendor's driver by its name, or behind a repeater by a word that is its own."""
    return found.get("driver.name") == _VENDOR_DRIVER or (
        found.get("ups.mfr") == "OMRON" and found.get("ups.beeper.status") in ("enable", "disable")
    )


def readings(found: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a UpsState that known variables fill."""
    values: dict[str, Any] = {}
    for row in READINGS:
        text = found.get(row.name)
        if text is not None and row.field not in values:
            value = row.read(text)
            if value is not None:
                values[row.field] = value
    if (clock := _clock(found)) is not None:
        values["clock"] = clock
    return values | {"outlets": outlets(found)}


def _clock(found: Mapping[str, str]) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{found['ups.date']}T{found['ups.time']}")
    except KeyError, ValueError:
        return None


def outlets(found: Mapping[str, str]) -> tuple[Outlet, ...]:
    """Return the outlet groups that are numbered from 1 without a gap."""
    groups: list[Outlet] = []
    while True:
        prefix = f"outlet.{len(groups) + 1}."
        group = Outlet(
            switchable=_YES_NO(found.get(f"{prefix}switchable", "")),
            on=_YES_NO(found.get(f"{prefix}status", "")),
            realpower=_WATTS(found.get(f"{prefix}realpower", "")),
            power=_WATTS(found.get(f"{prefix}power", "")),
        )
        if group == Outlet():
            return tuple(groups)
        groups.append(group)


def passed_on(found: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that our types do not model, as NUT spells them.

    Never a status: its words are chosen anew for our own clients.
    """
    return {
        name: text.removeprefix("+") if number(text) is not None else text
        for name, text in found.items()
        if _NAME.fullmatch(name) and not _NOT_PASSED_ON.fullmatch(name) and not _is_modelled(name)
    }


def _is_modelled(name: str) -> bool:
    return (name in _SPELLINGS and name not in _KEPT_AS_TEXT) or bool(_OUTLET.fullmatch(name))


def respelled(name: str, text: str) -> str:
    """Return the value of a variable as we spell it."""
    row = _BY_NAME.get(name)
    value = row.read(text) if row is not None else None
    if row is None or value is None:
        return text
    return _SPELLINGS[name](replace(UpsState(), **{row.field: value})) or text
