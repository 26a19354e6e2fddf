"""What the shutdown plan knows of power and hosts, and the words that it uses for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Power(StrEnum):
    """Where the load gets its power from, as far as the source of the data knows."""

    MAINS = "mains"
    BATTERY = "battery"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerView:
    """What the plan knows of one UPS at one moment; None stands for unknown."""

    power: Power
    """UNKNOWN only as long as nothing was ever read; silence shows in `age_s`."""
    age_s: float = 0.0
    """Seconds since this was read."""
    low: bool | None = None
    """Low battery, already confirmed by the source (design.md: three replies)."""
    charge: float | None = None
    """Per cent, 0-100."""
    charge_low: float | None = None
    """Charge at which the UPS reports low battery, per cent."""
    runtime_s: float | None = None
    """Seconds until the battery is empty, as the UPS estimates."""
    load: float | None = None
    """Per cent of the rated power."""
    forced: bool = False
    """Somebody upstream, or an account while on battery, has set FSD."""
    mains_entity: bool | None = None
    """A plug or meter outside the UPS: has mains or not; None without one, or if it is silent."""


class HostState(StrEnum):
    """What can be said of a host from outside."""

    UP = "up"
    """It answers and shows no sign of stopping."""
    GOING = "going"
    """It has begun to stop."""
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one look at a host showed."""

    state: HostState
    evidence: str = ""
    """What was seen, in English, for journal and post-mortem; never holds a secret."""
    is_conclusive: bool = False
    """Whether DOWN needs no second signal and no grace time: the volumes are detached, the entity
    that the user named says so. Never true of an API that merely went silent."""


class Outcome(StrEnum):
    """What is known after a request that was to change something.

    Never evidence that a host is down.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The host said no: asking again in the same way is useless."""
    UNKNOWN = "unknown"
    """The connection died after sending, or nothing came back: only looking at the host helps."""
    NOTHING_TO_DO = "nothing_to_do"
    """It is already so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back from a request that was to change something."""

    outcome: Outcome
    detail: str = ""
    """What the host said, in English or its own words, at most 500 characters, no secret."""
    was_sent: bool = True
    """False if the request certainly never left this machine: sending it again is safe."""


class Severity(IntEnum):
    """How bad a finding of the preflight is."""

    OK = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a check without side effects."""

    severity: Severity
    key: str
    """Translation key under `issues` that names the cure; `ok` if there is nothing to cure."""
    placeholders: Mapping[str, str] = field(default=NOTHING)
    target_id: str = ""
    """Empty for the plan as a whole."""


class PlanState(StrEnum):
    """States of the runner (design.md section 5)."""

    IDLE = "idle"
    ON_BATTERY = "on_battery"
    """On battery for less than the debounce time."""
    WAITING = "waiting"
    """On battery, no trigger holds yet, or the plan is not armed."""
    RUNNING = "running"
    HANDED_OVER = "handed_over"
    """Nothing more can be done from here: the host that runs us was told to stop, or all is
    down."""
    CANCELLING = "cancelling"
    RESTORING = "restoring"


class TargetState(StrEnum):
    """How far a plan has come with one target."""

    WAITING = "waiting"
    GATED = "gated"
    """Its turn has come, but somebody still uses it."""
    STOPPING = "stopping"
    DOWN = "down"
    """Verified."""
    ALREADY_DOWN = "already_down"
    """It was off before the plan came to it: it will not be woken."""
    OVERDUE = "overdue"
    """Its time was up without evidence; the plan went on."""
    UNCONFIRMED = "unconfirmed"
    """It said yes, its time was up, and nothing could ever show whether it is off."""
    REFUSED = "refused"
    SKIPPED = "skipped"
    """Not chosen, or its second feed has mains."""
    UNDONE = "undone"
    """Stopped half, power came back, and what was done was taken back."""
    RETURNING = "returning"
    BACK = "back"
    NOT_BACK = "not_back"
    """It was woken and did not come back in time."""


class Reason(StrEnum):
    """Why a plan began."""

    LOW_BATTERY = "low_battery"
    TIME_ON_BATTERY = "time_on_battery"
    RUNTIME = "runtime"
    CHARGE = "charge"
    MARGIN = "margin"
    """The time left to low battery was no longer comfortably longer than the plan needs."""
    DATA_LOST = "data_lost"
    """The UPS fell silent while on battery."""
    FORCED = "forced"
    """FSD from upstream or from an account."""
    REQUEST = "request"
    REHEARSAL = "rehearsal"


class PlanResult(StrEnum):
    """How a plan ended."""

    ALL_DOWN = "all_down"
    ALL_BACK = "all_back"
    CANCELLED = "cancelled"
    """Before anything was stopped, or everything that was begun was undone."""
    INCOMPLETE = "incomplete"
    """Somebody did not stop or did not come back: the report names them."""
    REHEARSED = "rehearsed"
