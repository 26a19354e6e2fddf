"""What the words of another server's ``ups.status`` amount to.

They pass the same rules as the status characters of a UPS on our own link: a change is believed
when a second reply confirms it, low battery when three in a row say it on battery.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .queries import Q1Reply
from .remote_errors import NoDataError
from .remote_values import number
from .status import OVERLOAD_PERCENT, Status, StatusTracker

# upsd says WAIT until the driver has told everything.
_NO_STATUS = frozenset({"WAIT", "NOCOMM"})
_ALARM_WORDS = (
    ("RB", "Replace battery"),
    ("OVER", "Overload"),
    ("OFF", "Output off"),
    ("BYPASS", "On bypass"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStatus:
    """What is believed of the UPS, and what its server has decided."""

    status: Status = field(default_factory=Status)
    charging: bool | None = None
    """None where the server says neither CHRG nor DISCHRG on mains."""
    forced_shutdown: bool = False
    """Whether upsd's own FSD stood in front twice, or the unit was seen to begin a shutdown."""
    alarms: tuple[str, ...] = ()
    words: str = ""


class RemoteStatusTracker:
    """Turns the polls of one connection into what to believe."""

    def __init__(self) -> None:
        """Start knowing nothing of the power."""
        self._tracker = StatusTracker()
        self._latched = False
        self._latch_is_new = False

    def successor(self) -> RemoteStatusTracker:
        """Return what the next connection begins with; see StatusTracker.successor."""
        following = RemoteStatusTracker()
        following._tracker = self._tracker.successor()
        return following

    @property
    def wants_confirmation(self) -> bool:
        """Whether the last poll said something new of the power or of FSD: ask again at once."""
        return self._latch_is_new or self._tracker.wants_confirmation

    def feed(self, found: Mapping[str, str], now: float) -> RemoteStatus:
        """Take in the known variables of a poll that came at `now` (seconds, monotonic).

        Raises:
            NoDataError: there is no status in them.

        """
        text = found.get("ups.status", "")
        words = text.upper().split()
        if not set(words) - _NO_STATUS:
            raise NoDataError("the server has no status of the UPS yet")
        on_battery = _on_battery(words)
        status = self._tracker.feed(_as_reply(found, words), now, is_omron=True)
        if on_battery is None:
            status = replace(status, on_battery=None, battery_low=None)
        latched = words[0] == "FSD"
        forced = (latched and self._latched) or bool(status.shutdown_pending)
        self._latch_is_new, self._latched = latched != self._latched, latched
        return RemoteStatus(
            status=status,
            charging=_charging(words, on_battery=on_battery),
            forced_shutdown=forced,
            alarms=_alarms(found, words, forced=forced),
            words=text,
        )


def _on_battery(words: list[str]) -> bool | None:
    """Return what the last of OL and OB says; None where there is neither."""
    return next((word == "OB" for word in reversed(words) if word in ("OL", "OB")), None)


def _as_reply(found: Mapping[str, str], words: list[str]) -> Q1Reply:
    """Put the words where Q1 has them.

    upsd puts its own FSD, which somebody ordered, in front. Further back it is the driver's word
    for the shutdown character of Q1, which some units hold for ever, so it is judged like that.
    """
    bits = (
        _on_battery(words) is True,
        "LB" in words,
        False,
        "ALARM" in words,
        False,
        "CAL" in words or "TEST" in words,
        "FSD" in words[1:],
        "RB" in words,
    )
    load = number(found.get("ups.load", "")) or 0.0
    return Q1Reply(
        input_voltage=number(found.get("input.voltage", "")),
        input_voltage_fault=None,
        output_voltage=None,
        load=OVERLOAD_PERCENT + 1 if "OVER" in words else int(load),
        input_frequency=None,
        battery_voltage=None,
        temperature=None,
        status="".join("1" if bit else "0" for bit in bits),
    )


def _charging(words: list[str], *, on_battery: bool | None) -> bool | None:
    if "CHRG" in words:
        return True
    return False if on_battery or "DISCHRG" in words else None


def _alarms(found: Mapping[str, str], words: list[str], *, forced: bool) -> tuple[str, ...]:
    text = found.get("ups.alarm")
    return (
        *((text,) if text else ()),
        *(alarm for word, alarm in _ALARM_WORDS if word in words),
        *(("Forced shutdown",) if forced else ()),
    )
