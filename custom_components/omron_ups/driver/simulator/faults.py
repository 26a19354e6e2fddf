"""What can go wrong between the simulated UPS and its wire, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
import re
from types import MappingProxyType

_CR = b"\r"
_INPUT_REPORT = 64
_PIECE = 8
_CF = frozenset({"CF", "CF2", "CF3", "CF4", "CF5"})
_Q1 = frozenset({"Q1"})


class FaultKind(StrEnum):
    """The ways in which an exchange can fail."""

    SHORT = "short"
    """The second half of the reply is missing, its CR is not."""
    NO_CR = "no_cr"
    NUL_PADDING = "nul_padding"
    """NUL to 64 bytes after the CR, as a BW55T pads its USB reports (seen)."""
    GARBAGE_AFTER_CR = "garbage_after_cr"
    GARBLED = "garbled"
    """One character with its highest bit set."""
    WRONG_FIELD_COUNT = "wrong_field_count"
    """The last field is missing."""
    NON_BINARY_STATUS = "non_binary_status"
    DASHES = "dashes"
    """Every digit is a dash, except in the status of Q1, where no unit can have one."""
    NAK = "nak"
    ECHO = "echo"
    ODD_ACK = "odd_ack"
    """``OKn`` instead of ``OK``."""
    EMPTY = "empty"
    """``00 0D``, known from Ippon units."""
    ZERO_LENGTH = "zero_length"
    """A read of no bytes, then silence."""
    SILENCE = "silence"
    """The unit does what it is told and does not say so."""
    LOST_REQUEST = "lost_request"
    """The request does not arrive."""
    LATE = "late"
    """Nothing now; the reply arrives before that of the next request."""
    REPEAT_PREVIOUS = "repeat_previous"
    """The reply to the request before."""
    SPLIT = "split"
    """The reply comes in pieces of 8 bytes."""
    GLUED = "glued"
    """The previous reply follows in the same read."""
    CF_MISSING = "cf_missing"
    CF_40_BYTES = "cf_40_bytes"
    """One byte more than the 39 that the profiles answer; the vendor driver wants 40."""
    CF_ZERO = "cf_zero"
    CF_WRONG_PAGE = "cf_wrong_page"
    FLICKER = "flicker"
    """Status index 0 says the opposite."""
    PENDING_STUCK = "pending_stuck"
    """Status index 6 is always set."""
    FROZEN = "frozen"
    """Every request gets the same reply as the first time under this fault."""
    CHARGE_101 = "charge_101"
    RUNTIME_9999 = "runtime_9999"
    IMPOSSIBLE_DATE = "impossible_date"
    BLANK_SERIAL = "blank_serial"
    UN_SEPARATORS = "un_separators"
    CONTROL_SERIAL = "control_serial"
    """A serial number of control characters."""
    UNSIGNED_TEMPERATURE = "unsigned_temperature"
    """No sign before the battery temperature."""
    CF_CLAIMS_ALL = "cf_claims_all"
    """Every capability is announced, whatever the unit knows."""
    CF_DENIES_ALL = "cf_denies_all"
    """None is announced but Q1, whatever the unit knows."""
    UNPLUG = "unplug"
    """The cable falls out and stays out until it is put back."""
    IO_ERROR = "io_error"
    """The link reports an error instead of a reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave, and when."""

    kind: FaultKind
    request: str | None = None
    """The request that it hits, CR left out; ``None``: every request that the kind can hit."""
    count: int | None = None
    """How many times; ``None``: until cleared."""
    probability: float = 1.0
    """How likely it hits each time, 0 to 1."""

    def __post_init__(self) -> None:
        """Refuse what could never hit."""
        if self.count is not None and self.count < 1:
            raise ValueError(f"a fault that happens {self.count} times is none")
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability {self.probability:g} is not above 0 and at most 1")

    def concerns(self, request: str) -> bool:
        """Return whether `request` is one that this fault can hit."""
        if self.request is not None:
            return request == self.request
        return request in _ONLY_FOR.get(self.kind, (request,))


_ONLY_FOR: Mapping[FaultKind, frozenset[str]] = MappingProxyType(
    {
        FaultKind.NON_BINARY_STATUS: _Q1,
        FaultKind.WRONG_FIELD_COUNT: _Q1,
        FaultKind.FLICKER: _Q1,
        FaultKind.PENDING_STUCK: _Q1,
        FaultKind.CF_MISSING: _CF,
        FaultKind.CF_40_BYTES: _CF,
        FaultKind.CF_ZERO: _CF,
        FaultKind.CF_WRONG_PAGE: _CF,
        FaultKind.CHARGE_101: frozenset({"Bl ?"}),
        FaultKind.RUNTIME_9999: frozenset({"RTS"}),
        FaultKind.IMPOSSIBLE_DATE: frozenset({"BRR"}),
        FaultKind.BLANK_SERIAL: frozenset({"PSNR"}),
        FaultKind.UN_SEPARATORS: frozenset({"UN"}),
        FaultKind.CONTROL_SERIAL: frozenset({"PSNR"}),
        FaultKind.UNSIGNED_TEMPERATURE: frozenset({"TPb"}),
        FaultKind.CF_CLAIMS_ALL: _CF,
        FaultKind.CF_DENIES_ALL: _CF,
    }
)


def _replaced(text: str, place: int, character: str) -> str:
    return text[:place] + character + text[place:][1:]


def _flicker(reply: str) -> str:
    place = len(reply) - 8
    return _replaced(reply, place, "0" if reply[place] == "1" else "1")


def _garbled(reply: str) -> str:
    place = len(reply) // 2
    return _replaced(reply, place, chr(ord(reply[place]) | 0x80)) if reply else reply


def _denied(page: str) -> str:
    bits = page[:35].replace("1", "0")
    return ("1" + bits[1:] if page.endswith("*1") else bits) + page[35:]


def _dashed(reply: str) -> str:
    end = len(reply) - 8 if reply.startswith("(") else len(reply)
    return re.sub(r"\d", "-", reply[:end]) + reply[end:]


_REWORD: Mapping[FaultKind, Callable[[str], str]] = MappingProxyType(
    {
        FaultKind.SHORT: lambda reply: reply[: len(reply) // 2],
        FaultKind.GARBLED: _garbled,
        FaultKind.WRONG_FIELD_COUNT: lambda reply: reply.rpartition(" ")[0],
        FaultKind.NON_BINARY_STATUS: lambda reply: _replaced(reply, len(reply) - 3, "2"),
        FaultKind.DASHES: _dashed,
        FaultKind.NAK: lambda _: "NAK",
        FaultKind.ODD_ACK: lambda reply: "OKn" if reply == "OK" else reply,
        FaultKind.EMPTY: lambda _: "\0",
        FaultKind.CF_MISSING: lambda _: "NAK",
        FaultKind.CF_40_BYTES: lambda reply: f"{reply:<39}",
        FaultKind.CF_ZERO: lambda reply: reply[:35].replace("1", "0") + reply[35:],
        FaultKind.CF_WRONG_PAGE: lambda reply: reply[:-1] + "9",
        FaultKind.FLICKER: _flicker,
        FaultKind.PENDING_STUCK: lambda reply: _replaced(reply, len(reply) - 2, "1"),
        FaultKind.CHARGE_101: lambda _: "101",
        FaultKind.RUNTIME_9999: lambda _: "9999",
        FaultKind.IMPOSSIBLE_DATE: lambda _: "20260230",
        FaultKind.BLANK_SERIAL: lambda reply: " " * len(reply),
        FaultKind.UN_SEPARATORS: lambda reply: reply.replace("/", ","),
        FaultKind.CONTROL_SERIAL: lambda reply: "\x01\x02" * (len(reply) // 2),
        FaultKind.UNSIGNED_TEMPERATURE: lambda reply: reply.removeprefix("+"),
        FaultKind.CF_CLAIMS_ALL: lambda reply: reply[:35].replace("0", "1") + reply[35:],
        FaultKind.CF_DENIES_ALL: _denied,
    }
)
"""Reply to what is said instead, CR left out of both."""

_REFRAME: Mapping[FaultKind, Callable[[bytes], bytes]] = MappingProxyType(
    {
        FaultKind.NO_CR: lambda frame: frame.removesuffix(_CR),
        FaultKind.NUL_PADDING: lambda frame: frame.ljust(_INPUT_REPORT, b"\0"),
        FaultKind.GARBAGE_AFTER_CR: lambda frame: frame + b"(\xff7 ",
    }
)
"""Reply with its CR to what is sent instead."""


@dataclass(slots=True)
class _Active:
    fault: Fault
    left: int | None


class FaultInjector:
    """Stands between the model and the wire and applies the faults in force."""

    def __init__(self, random: Random) -> None:
        """Begin without faults; `random` decides where a fault has a probability."""
        self._random = random
        self._active: list[_Active] = []
        self._frozen: dict[str, str | None] = {}
        self._previous = b""
        self._held: tuple[bytes, ...] = ()

    @property
    def active(self) -> tuple[Fault, ...]:
        """The faults that can still hit."""
        return tuple(entry.fault for entry in self._active)

    def add(self, fault: Fault) -> None:
        """Put `fault` in force, beside the others."""
        self._active.append(_Active(fault, fault.count))

    def clear(self) -> None:
        """End every fault."""
        self._active.clear()
        self._frozen.clear()

    def forget_replies(self) -> None:
        """Lose what was on its way."""
        self._previous = b""
        self._held = ()

    def draw(self, request: str) -> frozenset[FaultKind]:
        """Return what hits this exchange, and count it."""
        hits = [
            entry
            for entry in self._active
            if entry.fault.concerns(request)
            and (entry.fault.probability == 1 or self._random.random() < entry.fault.probability)
        ]
        for entry in hits:
            if entry.left is not None:
                entry.left -= 1
        self._active = [entry for entry in self._active if entry.left != 0]
        return frozenset(entry.fault.kind for entry in hits)

    def apply(
        self, kinds: frozenset[FaultKind], request: str, reply: str | None
    ) -> tuple[bytes, ...]:
        """Return the reads that carry `reply` (without CR) under the faults `kinds`.

        Several kinds combine: the words first, then the frame, then the delivery.
        """
        if FaultKind.FROZEN in kinds:
            reply = self._frozen.setdefault(request, reply)
        held, self._held = self._held, ()
        if reply is None:
            return held
        return held + self._delivered(kinds, _frame(kinds, request, reply))

    def _delivered(self, kinds: frozenset[FaultKind], frame: bytes) -> tuple[bytes, ...]:
        previous, self._previous = self._previous, frame
        if FaultKind.SILENCE in kinds:
            return ()
        if FaultKind.ZERO_LENGTH in kinds:
            return (b"",)
        if FaultKind.LATE in kinds:
            self._held = (frame,)
            return ()
        if FaultKind.REPEAT_PREVIOUS in kinds:
            frame = previous or frame
        if FaultKind.GLUED in kinds:
            frame += previous or frame
        if FaultKind.SPLIT in kinds:
            return tuple(frame[at : at + _PIECE] for at in range(0, len(frame), _PIECE))
        return (frame,)


def _frame(kinds: frozenset[FaultKind], request: str, reply: str) -> bytes:
    if FaultKind.ECHO in kinds:
        reply = request
    for kind, reword in _REWORD.items():
        if kind in kinds:
            reply = reword(reply)
    frame = reply.encode("latin-1") + _CR
    for kind, reframe in _REFRAME.items():
        if kind in kinds:
            frame = reframe(frame)
    return frame
