"""Everything that changes something at the unit, one typed row each.

Adding a command is adding a row. "Seen on" names a unit that was published to acknowledge it,
"vendor driver 1.02" means that OMRON's own driver sends it, unverified here.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .capabilities import Capabilities
from .delays import SHORTEST_DELAY_S, Delays, encode_delay, encode_restart
from .queries import CapabilityBit, Q1Bit, Values

BITS: Mapping[str, CapabilityBit] = MappingProxyType(
    {
        "S": CapabilityBit(1, 25),
        "SR": CapabilityBit(1, 24),
        "C": CapabilityBit(1, 23),
        "Bn": CapabilityBit(1, 20),
        "Bf": CapabilityBit(1, 19),
        "BRW": CapabilityBit(1, 17),
        "Af": CapabilityBit(1, 10),
        "An": CapabilityBit(1, 9),
        "VA": CapabilityBit(1, 6),
        "VB": CapabilityBit(1, 5),
        "Sf": CapabilityBit(1, 1),
        "Obf": CapabilityBit(2, 27),
        "Obn": CapabilityBit(2, 26),
        "Ocf": CapabilityBit(2, 25),
        "Ocn": CapabilityBit(2, 24),
        "CSf": CapabilityBit(2, 10),
        "CSn": CapabilityBit(2, 9),
        "OUT": CapabilityBit(2, 6),
        "WR": CapabilityBit(3, 10),
        "RBV": CapabilityBit(4, 31),
        "SS": CapabilityBit(4, 29),
        "Oaf": CapabilityBit(4, 15),
        "Oan": CapabilityBit(4, 14),
        "BLD": CapabilityBit(5, 20),
    }
)
"""Where a capability page announces each write (vendor driver 1.02)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """A query whose answer shows whether a write was carried out."""

    request: str
    holds: Callable[[Values], bool]


@dataclass(frozen=True, slots=True)
class StatusBit:
    """A status character of Q1 that takes `value` when a write is carried out."""

    index: Q1Bit
    value: bool


type Evidence = ReadBack | StatusBit


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One request that changes something, as it goes over the wire."""

    request: str
    """Without its CR."""
    evidence: Evidence | None = None
    """What to read when the acknowledgement is missing; None where nothing can be read."""
    is_repeatable: bool = True
    """Whether sending it a second time does no more than sending it once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a unit must show before a row is offered to anybody."""

    letters: tuple[str, ...]
    """The commands that have to be announced, all of them (keys of `BITS`)."""
    vouched_by: str | None = None
    """Where the capability page cannot be read, an answer to this query is proof enough; with
    None, OMRON's dialect alone is."""
    needs_page: bool = False
    """Whether only the capability page is proof."""

    def is_made(self, capabilities: Capabilities, answered: Container[str]) -> bool:
        """Tell whether the row is offered by a unit that `answered` these queries."""
        return capabilities.is_omron and all(
            self._is_known(BITS[letters], capabilities, answered) for letters in self.letters
        )

    def _is_known(
        self, place: CapabilityBit, capabilities: Capabilities, answered: Container[str]
    ) -> bool:
        announced = capabilities.announces(place)
        if announced is not None:
            return announced
        if self.needs_page:
            return False
        return self.vouched_by is None or self.vouched_by in answered


@dataclass(frozen=True, slots=True, kw_only=True)
class InstantCommand:
    """One instant command under its NUT name."""

    name: str
    offer: Offer
    encode: Callable[[Delays], str]
    evidence: Evidence
    auto_restart: bool | None = None
    """How the unit's auto-restart setting has to be first (``An`` or ``Af``); None: as it is."""
    takes_delay: bool = False
    """Whether a value is taken: the seconds until the output goes off."""
    shortest_delay: bool = False
    """Whether the output goes off as soon as the unit can, whatever ``ups.delay.shutdown``."""
    is_shutdown: bool = False
    """Whether it begins a countdown to the output going off."""
    ends_shutdown: bool = False
    """Whether it cancels one."""
    is_dangerous: bool = False
    """Whether it cuts the load, now or later."""
    is_unproven: bool = False
    """Whether no unit was published to obey; offered only on request."""
    is_repeatable: bool = True

    def write(self, delays: Delays) -> Write:
        """Return the request; OutOfRangeError where the delays cannot be encoded."""
        return Write(
            request=self.encode(delays), evidence=self.evidence, is_repeatable=self.is_repeatable
        )


def _fixed(request: str) -> Callable[[Delays], str]:
    return lambda _: request


def _reads(field: str, value: object) -> Callable[[Values], bool]:
    return lambda values: values.get(field) == value


def _beeper(name: str, request: str, *, enabled: bool) -> InstantCommand:
    # Vendor driver 1.02.
    return InstantCommand(
        name=name,
        offer=Offer(letters=(request,), vouched_by="V"),
        encode=_fixed(request),
        evidence=ReadBack(request="V", holds=_reads("beeper_enabled", enabled)),
    )


def _outlet(number: int, letter: str, *, on: bool) -> InstantCommand:
    # Vendor driver 1.02; the BW55T has no outlet groups.
    request = f"O{letter}{'n' if on else 'f'}"

    def holds(values: Values) -> bool:
        return bool(values["outlet_switches"][number - 1].on is on)

    return InstantCommand(
        name=f"outlet.{number}.load.{'on' if on else 'off'}",
        offer=Offer(letters=(request,), vouched_by="OS ?"),
        encode=_fixed(request),
        evidence=ReadBack(request="OS ?", holds=holds),
        is_dangerous=True,
    )


def _stop(
    name: str,
    letters: str,
    encode: Callable[[Delays], str],
    *,
    auto_restart: bool | None,
    at_once: bool = False,
) -> InstantCommand:
    return InstantCommand(
        name=name,
        offer=Offer(letters=(letters,)),
        encode=encode,
        evidence=StatusBit(Q1Bit.SHUTDOWN_PENDING, value=True),
        auto_restart=auto_restart,
        is_shutdown=True,
        takes_delay=not at_once,
        shortest_delay=at_once,
        is_dangerous=True,
        # A second one starts the countdown anew (inferred).
        is_repeatable=False,
    )


def _stop_and_stay(delays: Delays) -> str:
    return f"Sf{encode_delay(delays.shutdown_s)}"


def _stop_and_return(delays: Delays) -> str:
    return f"S{encode_delay(delays.shutdown_s)}"


def _stop_and_restart(delays: Delays) -> str:
    return f"S{encode_delay(delays.shutdown_s)}R{encode_restart(delays.start_s)}"


COMMANDS: tuple[InstantCommand, ...] = (
    _beeper("beeper.enable", "Bn", enabled=True),
    _beeper("beeper.disable", "Bf", enabled=False),
    # No unit goes off at once; 12 s is the soonest. Seen on BN150T as An/Af, S.2, Sf.2, S02, Sf02.
    _stop("load.off", "Sf", _stop_and_stay, auto_restart=False, at_once=True),
    _stop("load.off.delay", "Sf", _stop_and_stay, auto_restart=False),
    _stop("shutdown.return", "S", _stop_and_return, auto_restart=True),
    _stop("shutdown.stayoff", "Sf", _stop_and_stay, auto_restart=False),
    # Vendor driver 1.02: five digits of minutes, no An before it; never seen.
    _stop("shutdown.reboot", "SR", _stop_and_restart, auto_restart=None, at_once=True),
    _stop("shutdown.reboot.graceful", "SR", _stop_and_restart, auto_restart=None),
    # Seen on BN150T: cancels a pending S and a pending Sf.
    InstantCommand(
        name="shutdown.stop",
        offer=Offer(letters=("C",)),
        encode=_fixed("C"),
        ends_shutdown=True,
        evidence=StatusBit(Q1Bit.SHUTDOWN_PENDING, value=False),
    ),
    # One community driver; no unit was published to obey.
    InstantCommand(
        name="test.battery.start.quick",
        offer=Offer(letters=()),
        encode=_fixed("T"),
        evidence=StatusBit(Q1Bit.TESTING, value=True),
        is_unproven=True,
        is_repeatable=False,
    ),
    *(
        _outlet(number, letter, on=on)
        for number, letter in enumerate("abc", start=1)
        for on in (True, False)
    ),
)


def soonest(delays: Delays) -> Delays:
    """Return `delays` with the output going off as soon as a unit can."""
    return Delays(shutdown_s=SHORTEST_DELAY_S, start_s=delays.start_s)


def auto_restart_write(*, on: bool) -> Write:
    """Return ``An`` or ``Af`` (seen on BN150T); every shutdown command depends on it."""
    return Write(
        request="An" if on else "Af",
        evidence=ReadBack(request="V2", holds=_reads("auto_restart", on)),
    )
