"""What the journal of a plan can say: one typed record per line, and how a line is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
import json
from typing import Any, Final

from .models import HostState, Outcome, Power, Reason, TargetState

type Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When something happened, and how the battery was then."""

    at: datetime
    """UTC by the wall clock, which may jump: for people only."""
    boot_id: str
    monotonic: float
    """Seconds; comparable within one `boot_id` only."""
    charge: float | None = None
    charge_low: float | None = None
    runtime_s: float | None = None
    on_battery_s: float | None = None
    """For how long there had been no mains; 0 on mains, None if nobody knew."""

    def since(self, earlier: Stamp) -> float | None:
        """Return the seconds from `earlier` to this; None if another boot lies between."""
        if self.boot_id != earlier.boot_id:
            return None
        return self.monotonic - earlier.monotonic


class OutputAction(StrEnum):
    """What was asked of the UPS output."""

    ARM = "arm"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """A plan began; everything before it belongs to others."""

    reason: Reason
    targets: tuple[str, ...]
    """Ids of those to be stopped."""
    power: Power
    is_short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What an earlier plan did to a target and could not take back before this one began."""

    target_id: str
    steps: tuple[str, ...] = ()
    """Keys of the steps to take back."""
    is_stopped: bool = False
    """Whether it was past its point of no return, so that it must be woken."""
    is_booting: bool = False
    """Whether it had been woken and was not back yet: its silence proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """A trigger fired while a plan for some targets was under way; now it is for these."""

    reason: Reason
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLost:
    """Mains failed while the plan was under way: it is an outage from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerBack:
    """Mains is back, perhaps not for long: nothing more is asked for until it is clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortened:
    """Low battery: what is left is done at once and side by side."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the first conclusive look at a target showed."""

    target_id: str
    state: HostState
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A target's turn has come; whether it may go while others may use it."""

    target_id: str
    is_open: bool
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The intent to send one request; on disk before the request leaves."""

    target_id: str
    step: str
    is_irreversible: bool
    is_escalation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back; its absence after `Asked` means that nobody knows."""

    target_id: str
    step: str
    outcome: Outcome
    detail: str = ""
    was_sent: bool = True
    is_escalation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded:
    """An awaited step came to its end, or its time was up."""

    target_id: str
    step: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A target came to the end of one way: stopped, not stopped, undone, back."""

    target_id: str
    state: TargetState
    evidence: str = ""
    seconds: float | None = None
    """From the first request to the first of the signals that proved it down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """There is a new occasion to stop a target: what was asked before counts as an earlier plan's.

    It was proven off and has started again, or it said no and the battery is low now.
    """

    target_id: str
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputAsked:
    """The intent to switch the UPS output, on disk before the command leaves."""

    action: OutputAction
    delay_s: float = 0.0
    returns: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputAnswered:
    """What the UPS said to that."""

    action: OutputAction
    outcome: Outcome
    detail: str = ""
    was_sent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """From here on the plan needs us no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Home Assistant started again and found the plan open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Nothing new: the plan was alive, and on battery, at the time of the stamp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBattery:
    """No plan is open, but there is an outage at the time of the stamp; it belongs to no plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """No further stop is asked for in this plan; what was begun is undone or finished."""

    by: str
    """`mains`, `user` or `disarmed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """What was stopped is brought back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Nothing of ours would stop the target again when it comes back."""

    target_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waking:
    """The intent to wake a target."""

    target_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The plan is over; its report, as JSON."""

    report: Json = field(default_factory=dict)


type Change = (
    Began
    | Owed
    | Extended
    | PowerLost
    | PowerBack
    | Shortened
    | Seen
    | Gate
    | Asked
    | Answered
    | StepEnded
    | Settled
    | Renewed
    | OutputAsked
    | OutputAnswered
    | HandedOver
    | Resumed
    | Checkpoint
    | OnBattery
    | Cancelled
    | Restoring
    | Released
    | Waking
    | Ended
)

# The words stand in journals on people's disks: none of them may change its meaning.
WORDS: Final[Mapping[str, type[Change]]] = {
    "began": Began,
    "owed": Owed,
    "extended": Extended,
    "power_lost": PowerLost,
    "power_back": PowerBack,
    "shortened": Shortened,
    "seen": Seen,
    "gate": Gate,
    "asked": Asked,
    "answered": Answered,
    "step_ended": StepEnded,
    "settled": Settled,
    "renewed": Renewed,
    "output_asked": OutputAsked,
    "output_answered": OutputAnswered,
    "handed_over": HandedOver,
    "resumed": Resumed,
    "checkpoint": Checkpoint,
    "on_battery": OnBattery,
    "cancelled": Cancelled,
    "restoring": Restoring,
    "released": Released,
    "waking": Waking,
    "ended": Ended,
}
_WORD_OF: Final = {kind: word for word, kind in WORDS.items()}
_ENUMS: Final = (HostState, Outcome, OutputAction, Power, Reason, TargetState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    number: int
    """Counts up over the whole file; a line that was written twice is read once."""
    plan_id: str
    stamp: Stamp
    change: Change


def word_of(change: Change) -> str:
    """Return the journal's word for a change."""
    return _WORD_OF[type(change)]


def encode(entry: Entry) -> bytes:
    """Return the line for an entry, with its line feed."""
    stamp = entry.stamp
    line = {
        "n": entry.number,
        "plan": entry.plan_id,
        "at": stamp.at.isoformat(timespec="milliseconds"),
        "boot": stamp.boot_id,
        "up": round(stamp.monotonic, 3),
        "charge": stamp.charge,
        "low_at": stamp.charge_low,
        "runtime_s": stamp.runtime_s,
        "battery_s": None if stamp.on_battery_s is None else round(stamp.on_battery_s, 3),
        "did": word_of(entry.change),
        **{item.name: getattr(entry.change, item.name) for item in fields(entry.change)},
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Entry:
    """Return the entry of a line.

    Raises:
        ValueError: It is torn, or no line of a journal.

    """
    try:
        row = json.loads(line)
        return Entry(
            number=int(row["n"]),
            plan_id=str(row["plan"]),
            stamp=_stamp(row),
            change=_change(WORDS[row["did"]], row),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as err:
        raise ValueError(f"no line of a journal: {err!r}") from err


def _stamp(row: Json) -> Stamp:
    return Stamp(
        at=datetime.fromisoformat(row["at"]),
        boot_id=str(row["boot"]),
        monotonic=float(row["up"]),
        charge=_optional_float(row["charge"]),
        charge_low=_optional_float(row.get("low_at")),
        runtime_s=_optional_float(row["runtime_s"]),
        on_battery_s=_optional_float(row.get("battery_s")),
    )


def _change(kind: type[Change], row: Json) -> Change:
    # Fields that a later version added are left out, those that it dropped have defaults.
    given = {
        item.name: _typed(item.type, row[item.name]) for item in fields(kind) if item.name in row
    }
    return kind(**given)


def _typed(kind: Any, value: Any) -> Any:
    if kind in _ENUMS:
        return kind(value)
    if kind == tuple[str, ...]:
        return tuple(str(item) for item in value)
    if kind == float | None:
        return _optional_float(value)
    if kind is float:
        return float(value)
    if kind in {bool, str} and not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _optional_float(value: Any) -> float | None:
    return None if value is None else float(value)
