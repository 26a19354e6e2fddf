"""What happened in the rack, as an onlooker who knows everything would write it down."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum


class What(StrEnum):
    """Kinds of facts."""

    MAINS_LOST = "mains lost"
    MAINS_BACK = "mains back"
    LOW = "low battery"
    EMPTY = "battery empty"
    OUTPUT_OFF = "output off"
    OUTPUT_ON = "output on"
    ARMED = "output armed"
    CANCELLED = "output cancelled"
    REQUEST = "request leaves"
    CARRIED_OUT = "carried out"
    STOPPING = "stopping"
    OFF = "off"
    BOOTING = "booting"
    UP = "up"
    CUT = "power cut while running"
    WAKE = "wake"
    FSD = "FSD set"
    FSD_CLEARED = "FSD cleared"
    STEP = "step"
    HA_UP = "Home Assistant starts"
    HA_CRASH = "Home Assistant crashes"
    HA_STOP = "Home Assistant stops"
    EVENT = "plan event"
    ACTION = "user"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened."""

    at: float
    """Seconds since the rack was switched on."""
    what: What
    who: str = ""
    detail: str = ""
    plan_id: str = ""
    step: str = ""
    is_irreversible: bool = False
    users: tuple[str, ...] = ()
    """Who was logged in at the storage of `who` when it was asked to stop."""
    left_s: float | None = None
    """Seconds to low battery, as the last reading told; None if unknown."""
    runtime_s: float | None = None
    """Seconds to an empty battery, in the same way."""
    was_low: bool = False
    was_silent: bool = False
    """Whether the UPS could not be read then."""
    charge: float | None = None
    """Per cent."""

    def line(self) -> str:
        """Return the fact as a line of a timeline."""
        words = (self.what.value, self.who, self.step, self.detail)
        charge = "     " if self.charge is None else f"{self.charge:3.0f} %"
        return f"{self.at:8.1f} s  {charge}  " + "  ".join(word for word in words if word)


@dataclass(slots=True)
class Facts:
    """The facts of one run, in order of time."""

    now: Callable[[], float]
    charge: Callable[[], float] | None = None
    rows: list[Fact] = field(default_factory=list)
    hits: dict[str, int] = field(default_factory=dict)
    """How often each fault really made a difference."""

    def add(self, what: What, who: str = "", **details: object) -> None:
        """Write down what happens now."""
        charge = self.charge() if self.charge else None
        fact = Fact(at=self.now(), what=what, who=who, charge=charge, **details)  # type: ignore[arg-type]
        self.rows.append(fact)

    def amend(self, what: What, who: str, **details: object) -> None:
        """Add to the last fact of a kind about a host what became known of it later."""
        number = max(i for i, f in enumerate(self.rows) if (f.what, f.who) == (what, who))
        self.rows[number] = replace(self.rows[number], **details)  # type: ignore[arg-type]

    def hit(self, fault: str) -> None:
        """Write down that a fault made a difference."""
        self.hits[fault] = self.hits.get(fault, 0) + 1

    def of(self, *whats: What, who: str | None = None) -> Iterator[Fact]:
        """Yield the facts of these kinds, of one host or of all."""
        return (f for f in self.rows if f.what in whats and who in {None, f.who})

    def last(
        self,
        *whats: What,
        who: str | None = None,
        until: float | None = None,
        detail: str = "",
    ) -> Fact | None:
        """Return the last fact of these kinds, up to a moment, whose detail begins like this."""
        found = [
            fact
            for fact in self.of(*whats, who=who)
            if (until is None or fact.at <= until) and fact.detail.startswith(detail)
        ]
        return found[-1] if found else None
