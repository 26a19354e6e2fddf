"""What became of requests whose clients want to know: SET TRACKING and GET TRACKING."""

from collections.abc import Callable
from dataclasses import dataclass
import time
from typing import Final
import uuid

from .accounts import Account
from .controls import Outcome
from .ups import NutUps

# upsd's TRACKINGDELAY.
_KEPT_S: Final = 3600.0
_MAX_KEPT: Final = 1024


@dataclass(slots=True, kw_only=True)
class Tracked:
    """A request that was handed over, and whose it is."""

    ups: NutUps
    account: Account
    connection: object
    outcome: Outcome = Outcome.PENDING


class Tracking:
    """The requests of the last hour by their ids, which cannot be guessed as upsd's can."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any."""
        self._clock = clock
        self._kept: dict[str, tuple[float, Tracked]] = {}

    def add(self, tracked: Tracked) -> str:
        """Keep a request; returns its id, 36 characters of a UUID in upper case."""
        self._forget_old()
        if len(self._kept) >= _MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        tracking_id = str(uuid.uuid4()).upper()
        self._kept[tracking_id] = (self._clock(), tracked)
        return tracking_id

    def find(self, tracking_id: str) -> Tracked | None:
        """Return the request of that id."""
        self._forget_old()
        kept = self._kept.get(tracking_id)
        return kept[1] if kept else None

    def _forget_old(self) -> None:
        oldest = self._clock() - _KEPT_S
        while self._kept:
            tracking_id, (since, _) = next(iter(self._kept.items()))
            if since >= oldest:
                return
            del self._kept[tracking_id]
