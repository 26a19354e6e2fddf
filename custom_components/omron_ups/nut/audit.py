"""What NUT clients did, or tried to do, kept for whoever asks later."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from typing import Final

from .accounts import Address
from .undo import listed

_KEPT: Final = 100


class AuditKind(StrEnum):
    """What a record is about."""

    ADDRESS = "address"
    LOGIN = "login"
    PRIMARY = "primary"
    FSD = "fsd"
    SET = "set"
    INSTCMD = "instcmd"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One thing that a client did; of address, login and primary only what was refused."""

    kind: AuditKind
    address: Address
    outcome: str
    """The protocol's own words: the reply, and `ERR FAILED` or the like if the UPS did not obey."""
    username: str | None = None
    """As the client gave it, right or wrong."""
    ups: str | None = None
    """The name that the client used for the UPS."""
    detail: str = ""
    """The variable and its new value, or the command and its parameter."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def granted(self) -> bool:
        """Tell whether the server did what was asked."""
        return self.outcome.startswith("OK")


class Audit:
    """The last records, refused and granted ones apart: guessing passwords hides no command."""

    def __init__(self) -> None:
        """Begin without any."""
        self._granted: deque[AuditRecord] = deque(maxlen=_KEPT)
        self._refused: deque[AuditRecord] = deque(maxlen=_KEPT)
        self._subscribers: list[Callable[[AuditRecord], None]] = []

    @property
    def records(self) -> tuple[AuditRecord, ...]:
        """Return the last records, oldest first."""
        return tuple(sorted(chain(self._granted, self._refused), key=lambda record: record.at))

    def subscribe(self, callback: Callable[[AuditRecord], None]) -> Callable[[], None]:
        """Call back with each new record; returns the undo."""
        return listed(self._subscribers, callback)

    def add(self, record: AuditRecord) -> None:
        """Keep a record and tell the subscribers."""
        (self._granted if record.granted else self._refused).append(record)
        for callback in tuple(self._subscribers):
            callback(record)
