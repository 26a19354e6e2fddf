"""What can be written under a NUT variable name: the unit's settings and the driver's own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
import re
from typing import Any

from .commands import Offer, ReadBack, Write
from .delays import LONGEST_START_S, SHUTDOWN_DELAYS_S, check_delay, check_restart
from .errors import OutOfRangeError
from .models import Sensitivity, Writable
from .queries import Values

# The clock is set to a full minute and read a moment later.
CLOCK_TOLERANCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSetting:
    """One setting that the unit keeps."""

    name: str
    """NUT variable."""
    writable: Writable
    offer: Offer
    parse: Callable[[str], Any]
    """From the NUT spelling; OutOfRangeError, in words, where it makes no sense."""
    encode: Callable[[Any], str]
    query: str | None
    """The query that reads it; None where the unit has none."""
    field: str = ""
    """Which of the values of `query` it is."""
    matches: Callable[[Any, Any], bool] = lambda wanted, read: bool(wanted == read)
    merge: Callable[[Any, Any], Any] | None = None
    """Completes what was asked for from what the unit reads now, where only a part is set."""
    is_unproven: bool = False
    """Whether no unit was published to obey, and a mistake could do damage."""

    def write(self, value: Any) -> Write:
        """Return the request that sets `value`."""
        return Write(request=self.encode(value), evidence=self._evidence(value))

    def _evidence(self, value: Any) -> ReadBack | None:
        if self.query is None:
            return None

        def holds(values: Values) -> bool:
            return self.matches(value, values.get(self.field))

        return ReadBack(request=self.query, holds=holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSetting:
    """One setting that the driver keeps and puts into shutdown commands."""

    name: str
    writable: Writable
    letters: tuple[str, ...]
    """Offered with any of these commands."""
    field: str
    """Which of the `Delays` it is."""
    check: Callable[[int], int]


def parse_number(text: str) -> int:
    """Read a whole number; OutOfRangeError where it is none."""
    if not re.fullmatch(r"[0-9]{1,9}", text.strip(), re.ASCII):
        raise OutOfRangeError(f"{text!r} is not a whole number")
    return int(text)


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = parse_number(text)
        if not low <= value <= high:
            raise OutOfRangeError(f"{value} is not between {low} and {high}")
        return value

    return parse


def _word[ValueT](words: dict[str, ValueT]) -> Callable[[str], ValueT]:
    def parse(text: str) -> ValueT:
        if text not in words:
            raise OutOfRangeError(f"{text!r} is not one of: {', '.join(words)}")
        return words[text]

    return parse


def _date(text: str) -> date:
    try:
        value = date.fromisoformat(text)
    except ValueError as err:
        raise OutOfRangeError(f"{text!r} is not a date such as 2026-12-31") from err
    # The unit keeps two digits of the year.
    if value.year // 100 != 20:  # noqa: PLR2004
        raise OutOfRangeError(f"{text} is not between 2000-01-01 and 2099-12-31")
    return value


def _time(text: str) -> time:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)(:00)?", text, re.ASCII)
    if match is None:
        raise OutOfRangeError(f"{text!r} is not a time such as 23:05; the seconds become 0")
    return time(int(match[1]), int(match[2]))


def _clock_request(moment: datetime) -> str:
    return f"WR{moment:%y}{moment.isoweekday()}{moment:%m%d%H%M}00"


def _clock_matches(wanted: datetime, read: datetime | None) -> bool:
    return read is not None and abs(read - wanted) < CLOCK_TOLERANCE


def _clock(
    name: str, length: int, parse: Callable[[str], Any], merge: Callable[[Any, datetime], datetime]
) -> UnitSetting:
    # Vendor driver 1.02; the BW55T has no clock.
    return UnitSetting(
        name=name,
        writable=Writable(max_length=length),
        offer=Offer(letters=("WR",), vouched_by="RRTC"),
        query="RRTC",
        field="clock",
        parse=parse,
        merge=merge,
        encode=_clock_request,
        matches=_clock_matches,
    )


def _percentage(name: str, letters: str, query: str, field: str) -> UnitSetting:
    # Vendor driver 1.02.
    return UnitSetting(
        name=name,
        writable=Writable(ranges=((0, 100),)),
        offer=Offer(letters=(letters,), vouched_by=query),
        query=query,
        field=field,
        parse=_number(0, 100),
        encode=lambda value: f"{letters}{value:03d}",
    )


def _switch(name: str, on: str, off: str, query: str, field: str) -> UnitSetting:
    # Vendor driver 1.02; An and Af seen on BN150T.
    words = {"yes": True, "no": False}
    return UnitSetting(
        name=name,
        writable=Writable(enum=tuple(words)),
        offer=Offer(letters=(on, off), vouched_by=query),
        query=query,
        field=field,
        parse=_word(words),
        encode=lambda value: on if value else off,
    )


def _sensitivity(requests: dict[Sensitivity, str], *letters: str, vouched: bool) -> UnitSetting:
    # Vendor driver 1.02, which sends VA and VB only where SS is missing.
    return UnitSetting(
        name="input.sensitivity",
        writable=Writable(enum=tuple(str(level) for level in requests)),
        offer=Offer(letters=letters, vouched_by="Ss ?", needs_page=not vouched),
        query="Ss ?" if vouched else None,
        field="input_sensitivity",
        parse=_word({str(level): level for level in requests}),
        encode=requests.__getitem__,
    )


AUTO_RESTART = "ups.start.auto"

UNIT_SETTINGS: tuple[UnitSetting, ...] = (
    _percentage("battery.charge.low", "BLD", "Bld ?", "battery_charge_low"),
    _percentage("battery.charge.restart", "RBV", "Rbv ?", "battery_charge_restart"),
    # Vendor driver 1.02; the BN150T answers the query, the BW55T neither.
    UnitSetting(
        name="battery.date",
        writable=Writable(max_length=10),
        offer=Offer(letters=("BRW",), vouched_by="BRR"),
        query="BRR",
        field="battery_date",
        parse=_date,
        encode=lambda day: f"BRW{day:%Y%m%d}",
    ),
    _sensitivity(
        {Sensitivity.NORMAL: "SS1", Sensitivity.LOW: "SS2", Sensitivity.HIGH: "SS3"},
        "SS",
        vouched=True,
    ),
    _sensitivity({Sensitivity.NORMAL: "VA", Sensitivity.LOW: "VB"}, "VA", "VB", vouched=False),
    # Vendor driver 1.02; no query reads it, and a wrong value can destroy what is attached.
    UnitSetting(
        name="output.voltage.nominal",
        writable=Writable(ranges=((100, 240),), is_dangerous=True),
        offer=Offer(letters=("OUT",), needs_page=True),
        query=None,
        parse=_number(100, 240),
        encode=lambda volts: f"OUT{volts:03d}",
        is_unproven=True,
    ),
    _switch(AUTO_RESTART, "An", "Af", "V2", "auto_restart"),
    _switch("ups.start.battery", "CSn", "CSf", "V3", "cold_start"),
    _clock("ups.date", 10, _date, lambda day, clock: datetime.combine(day, clock.time())),
    _clock("ups.time", 8, _time, lambda moment, clock: datetime.combine(clock.date(), moment)),
)
"""Rows of one name exclude each other: the first that the unit offers counts."""

DRIVER_SETTINGS: tuple[DriverSetting, ...] = (
    DriverSetting(
        name="ups.delay.shutdown",
        writable=Writable(enum=tuple(str(delay) for delay in SHUTDOWN_DELAYS_S)),
        letters=("S", "Sf", "SR"),
        field="shutdown_s",
        check=check_delay,
    ),
    DriverSetting(
        name="ups.delay.start",
        writable=Writable(ranges=((60, LONGEST_START_S),)),
        letters=("SR",),
        field="start_s",
        check=check_restart,
    ),
)
