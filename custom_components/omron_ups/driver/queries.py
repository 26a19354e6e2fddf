"""The read-only queries of the dialect, one typed row each.

Adding a query is adding a row. The shapes and meanings are facts of `omron-protocol`: "seen on"
names a unit whose reply somebody published, "vendor driver 1.02" means that OMRON's own driver
expects it, "unverified" that only a community driver does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, IntEnum
import re
from typing import Any

from .models import Outlet, Sensitivity, Topology

type Values = Mapping[str, Any]
"""Fields of UpsState by name, with the values that one reply gives them."""


class PollClass(Enum):
    """How often a query has its turn; Q1 has none, it is asked at every poll."""

    MOVING = "moving"
    """Every 10 s, every 2 s on battery."""
    MEDIUM = "medium"
    """Every 10 s."""
    SLOW = "slow"
    """Every 5 minutes: settings that somebody may change at the unit."""
    STATIC = "static"
    """Once per connection."""


@dataclass(frozen=True, slots=True)
class CapabilityBit:
    """A place in the capability pages ``CF`` .. ``CF5`` (vendor driver 1.02)."""

    page: int
    bit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One read-only request: how its reply looks and what it says."""

    request: str
    """The request without its CR; case and spaces matter."""
    shape: re.Pattern[str]
    """Must match the whole reply, CR removed."""
    parse: Callable[[re.Match[str]], Values]
    """Turns a reply of the right shape into values; ValueError where it says nonsense."""
    poll: PollClass
    full_width: int = 0
    """Characters that a whole reply has; a shorter one of the right shape may be a cut one."""
    fields: frozenset[str] = field(default_factory=frozenset)
    """Every UpsState field that the row can feed."""
    capability: CapabilityBit | None = None
    """The bit that announces the query; None where no bit is known."""

    @property
    def is_risky(self) -> bool:
        """Whether the first letter means a shutdown, a test or a cancel to a plain Megatec unit."""
        return self.request[0] in "STC"


class Q1Bit(IntEnum):
    """What a status character of Q1 says while it is 1, by its index."""

    ON_BATTERY = 0
    """Some models set it during a self-test too."""
    BATTERY_LOW = 1
    FAULT = 3
    STANDBY = 4
    """0 is an on-line unit; 1 on BN150T, BW55T and BY35S."""
    TESTING = 5
    SHUTDOWN_PENDING = 6
    """Some units hold it for ever."""
    REPLACE_BATTERY = 7
    """Of an OMRON unit (community drivers, unverified)."""
    BEEPER = 7
    """Of a plain Megatec unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Q1Reply:
    """One Q1 status reply; a field of dashes is None ("not available")."""

    input_voltage: float | None
    input_voltage_fault: float | None
    output_voltage: float | None
    load: int | None
    input_frequency: float | None
    battery_voltage: float | None
    temperature: float | None
    status: str
    """Eight characters, index 0 (utility failed) first."""

    def bit(self, index: Q1Bit) -> bool:
        """Tell whether the status character at `index` is set."""
        return self.status[index] == "1"

    @property
    def topology(self) -> Topology:
        """The construction."""
        return Topology.STANDBY if self.bit(Q1Bit.STANDBY) else Topology.ONLINE


_NUMBER = r"([0-9]+(?:\.[0-9]+)?|[-.]*-[-.]*)"
Q1_REQUEST = "Q1"
# Numbers or dashes, eight fields, whole reply. Blanks at the end are seen where a unit pads.
Q1_SHAPE = re.compile(
    rf"\({_NUMBER} +{_NUMBER} +{_NUMBER} +(\d{{1,3}}|-+) +"
    rf"{_NUMBER} +{_NUMBER} +{_NUMBER} +([01]{{8}}) *"
)
PAGE_SHAPE = re.compile(r"([01]{8}) ([01]{8}) ([01]{8}) ([01]{8})(?:[^01].*)?")
"""A capability page: 32 bits, most significant first; what follows is not understood."""
CHARGE_REQUEST = "Bl ?"


def parse_q1(match: re.Match[str]) -> Q1Reply:
    """Read a Q1 reply that has the right shape (seen on BN150T, BW55T, BY35S, BY50S, BN75T)."""
    voltage, fault, output, load, frequency, battery, temperature, status = match.groups()
    return Q1Reply(
        input_voltage=_number(voltage),
        input_voltage_fault=_number(fault),
        output_voltage=_number(output),
        load=None if "-" in load else int(load),
        input_frequency=_number(frequency),
        battery_voltage=_number(battery),
        temperature=_number(temperature),
        status=status,
    )


def parse_page(match: re.Match[str]) -> int:
    """Read a capability page as a 32 bit number."""
    return int("".join(match.groups()), 2)


def _number(text: str) -> float | None:
    return None if "-" in text else float(text)


def _integer_up_to(name: str, highest: int) -> Callable[[re.Match[str]], Values]:
    def parse(match: re.Match[str]) -> Values:
        value = int(match[0])
        if value > highest:
            raise ValueError(f"{name} {value} is above {highest}")
        return {name: value}

    return parse


def _decimal(name: str) -> Callable[[re.Match[str]], Values]:
    return lambda match: {name: float(match[0])}


def _runtime(match: re.Match[str]) -> Values:
    # The unit counts whole minutes.
    return {"battery_runtime": int(match[0]) * 60}


def _serial(match: re.Match[str]) -> Values:
    # Padded with blanks (seen on BN150T) or "#" (vendor driver 1.02).
    serial = match[0].strip(" #")
    if not serial:
        raise ValueError("no serial number")
    return {"serial": serial}


def _model(match: re.Match[str]) -> Values:
    return {"model": match[0].strip() or None}


def _firmware(match: re.Match[str]) -> Values:
    return {"firmware": match[1], "firmware_aux": match[2]}


def _ratings(match: re.Match[str]) -> Values:
    realpower, power, battery_voltage = (int(part) for part in match.groups())
    return {
        "realpower_nominal": realpower or None,
        "power_nominal": power or None,
        "battery_voltage_nominal": float(battery_voltage) or None,
    }


def _battery_date(match: re.Match[str]) -> Values:
    year, month, day = (int(part) for part in match.groups())
    return {"battery_date": date(year, month, day)}


def _clock(match: re.Match[str]) -> Values:
    year, _weekday, month, day, hour, minute, second = (int(part) for part in match.groups())
    # The unit knows no time zone.
    return {"clock": datetime(2000 + year, month, day, hour, minute, second)}  # noqa: DTZ001


def _flag(name: str, index: int, when_set: bool) -> Callable[[re.Match[str]], Values]:  # noqa: FBT001
    return lambda match: {name: (match[0][index] == "1") is when_set}


def _sensitivity(match: re.Match[str]) -> Values:
    return {"input_sensitivity": list(Sensitivity)[int(match[0]) - 1]}


def _outlet_switches(match: re.Match[str]) -> Values:
    flags = [character == "1" for character in match.groups()]
    return {
        "outlet_switches": tuple(
            Outlet(switchable=switchable, on=on)
            for switchable, on in zip(flags[::2], flags[1::2], strict=True)
        )
    }


def _measured_load(match: re.Match[str]) -> Values:
    numbers = [None if "-" in text else int(text) for text in match.groups()]
    *groups, (realpower, power) = zip(numbers[::2], numbers[1::2], strict=True)
    return {
        "measured_realpower": realpower,
        "measured_power": power,
        "outlet_loads": tuple(Outlet(realpower=watts, power=va) for watts, va in groups),
    }


_LOAD = r"(\d{4}|-{4})W/(\d{4}|-{4})VA"

QUERIES: tuple[Query, ...] = (
    # Battery charge in %; seen on BN150T and BW55T.
    Query(
        request=CHARGE_REQUEST,
        shape=re.compile(r"\d{1,3}"),
        parse=_integer_up_to("battery_charge", 100),
        poll=PollClass.MOVING,
        full_width=3,
        fields=frozenset({"battery_charge"}),
        capability=CapabilityBit(1, 12),
    ),
    # Runtime in minutes; seen on BN150T with four digits.
    Query(
        request="RTS",
        shape=re.compile(r"\d{1,5}"),
        parse=_runtime,
        poll=PollClass.MOVING,
        full_width=3,
        fields=frozenset({"battery_runtime"}),
        capability=CapabilityBit(2, 22),
    ),
    # Battery temperature in degrees Celsius, signed; seen on BN150T and BW55T.
    Query(
        request="TPb",
        shape=re.compile(r"[+-]?\d{1,3}(?:\.\d)?"),
        parse=_decimal("battery_temperature"),
        poll=PollClass.MEDIUM,
        full_width=4,
        fields=frozenset({"battery_temperature"}),
        capability=CapabilityBit(4, 10),
    ),
    # Output frequency in Hz; seen on BN150T and BW55T.
    Query(
        request="Lf ?",
        shape=re.compile(r"\d{1,3}(?:\.\d+)?"),
        parse=_decimal("output_frequency"),
        poll=PollClass.MEDIUM,
        full_width=4,
        fields=frozenset({"output_frequency"}),
        capability=CapabilityBit(1, 13),
    ),
    # Measured load, per outlet group and in total; one community driver on a BW55T.
    Query(
        request="LC",
        shape=re.compile(rf"A:{_LOAD},B:{_LOAD},C:{_LOAD},T:{_LOAD} *"),
        parse=_measured_load,
        poll=PollClass.MOVING,
        fields=frozenset({"measured_realpower", "measured_power", "outlet_loads"}),
    ),
    # Outlet groups A to C: switchable, on; vendor driver 1.02, unverified. Absent on BW55T.
    Query(
        request="OS ?",
        shape=re.compile(r"A:([01])([01]) B:([01])([01]) C:([01])([01]) *"),
        parse=_outlet_switches,
        poll=PollClass.MEDIUM,
        fields=frozenset({"outlet_switches"}),
        capability=CapabilityBit(3, 1),
    ),
    # Serial number, 16 characters; seen on BN150T.
    Query(
        request="PSNR",
        shape=re.compile(r"[\x20-\x7e]{1,32}"),
        parse=_serial,
        poll=PollClass.STATIC,
        fields=frozenset({"serial"}),
        capability=CapabilityBit(4, 19),
    ),
    # Model name; community drivers on BW55T and BY50S, no reply published.
    Query(
        request="Si ?",
        shape=re.compile(r"[\x20-\x7e]{1,32}"),
        parse=_model,
        poll=PollClass.STATIC,
        fields=frozenset({"model"}),
    ),
    # Main and sub firmware; seen on BN150T.
    Query(
        request="FWV",
        shape=re.compile(r"M:(\d+\.\d+)\(S:(\d+\.\d+)\) *"),
        parse=_firmware,
        poll=PollClass.STATIC,
        fields=frozenset({"firmware", "firmware_aux"}),
        capability=CapabilityBit(2, 16),
    ),
    # Rated W, rated VA, nominal battery V, own consumption; seen on BN150T.
    Query(
        request="UN",
        shape=re.compile(r"(\d{4})W/(\d{4})VA/(\d{3})V/\d{3}W/\d{3}W *"),
        parse=_ratings,
        poll=PollClass.STATIC,
        fields=frozenset({"realpower_nominal", "power_nominal", "battery_voltage_nominal"}),
        capability=CapabilityBit(4, 16),
    ),
    # Nominal battery voltage; vendor driver 1.02, unverified.
    Query(
        request="Bv",
        shape=re.compile(r"\d{1,3}(?:\.\d+)?"),
        parse=_decimal("battery_voltage_nominal"),
        poll=PollClass.STATIC,
        full_width=3,
        fields=frozenset({"battery_voltage_nominal"}),
        capability=CapabilityBit(1, 14),
    ),
    # Battery replaced, or first use; seen on BN150T, absent on BW55T.
    Query(
        request="BRR",
        shape=re.compile(r"(\d{4})(\d{2})(\d{2}) *"),
        parse=_battery_date,
        poll=PollClass.STATIC,
        fields=frozenset({"battery_date"}),
        capability=CapabilityBit(1, 16),
    ),
    # Character 1: beeper disabled; vendor driver 1.02.
    Query(
        request="V",
        shape=re.compile(r"[01 ]{8,}"),
        parse=_flag("beeper_enabled", 1, when_set=False),
        poll=PollClass.SLOW,
        fields=frozenset({"beeper_enabled"}),
        capability=CapabilityBit(1, 30),
    ),
    # Character 0: automatic restart off; vendor driver 1.02.
    Query(
        request="V2",
        shape=re.compile(r"[01 ]{8,}"),
        parse=_flag("auto_restart", 0, when_set=False),
        poll=PollClass.SLOW,
        fields=frozenset({"auto_restart"}),
        capability=CapabilityBit(1, 2),
    ),
    # Character 13: may start without mains; vendor driver 1.02.
    Query(
        request="V3",
        shape=re.compile(r"[01 ]{16,}"),
        parse=_flag("cold_start", 13, when_set=True),
        poll=PollClass.SLOW,
        fields=frozenset({"cold_start"}),
        capability=CapabilityBit(2, 18),
    ),
    # Input sensitivity; vendor driver 1.02.
    Query(
        request="Ss ?",
        shape=re.compile(r"[123]"),
        parse=_sensitivity,
        poll=PollClass.SLOW,
        fields=frozenset({"input_sensitivity"}),
        capability=CapabilityBit(4, 28),
    ),
    # Charge in % at which the unit calls its battery low; vendor driver 1.02.
    Query(
        request="Bld ?",
        shape=re.compile(r"\d{1,3}"),
        parse=_integer_up_to("battery_charge_low", 100),
        poll=PollClass.SLOW,
        full_width=3,
        fields=frozenset({"battery_charge_low"}),
        capability=CapabilityBit(5, 19),
    ),
    # Charge in % that the unit waits for before it starts again; vendor driver 1.02.
    Query(
        request="Rbv ?",
        shape=re.compile(r"\d{1,3}"),
        parse=_integer_up_to("battery_charge_restart", 100),
        poll=PollClass.SLOW,
        full_width=3,
        fields=frozenset({"battery_charge_restart"}),
        capability=CapabilityBit(4, 30),
    ),
    # Delay before a restart, unit of measure unknown; vendor driver 1.02.
    Query(
        request="Rbd ?",
        shape=re.compile(r"\d{1,3}"),
        parse=_integer_up_to("reboot_delay", 999),
        poll=PollClass.SLOW,
        full_width=3,
        fields=frozenset({"reboot_delay"}),
        capability=CapabilityBit(3, 28),
    ),
    # The unit's clock, yywmmddhhnnss; vendor driver 1.02, absent on BW55T.
    Query(
        request="RRTC",
        shape=re.compile(r"(\d{2})([1-7])(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})"),
        parse=_clock,
        poll=PollClass.SLOW,
        fields=frozenset({"clock"}),
        capability=CapabilityBit(3, 9),
    ),
    # Number of backup events; one community driver, no reply published, unverified.
    Query(
        request="TBN ?",
        shape=re.compile(r" *\d{1,6} *"),
        parse=_integer_up_to("backup_events", 999_999),
        poll=PollClass.SLOW,
        fields=frozenset({"backup_events"}),
    ),
)
