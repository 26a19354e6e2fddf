"""Whose turn it is: which query to ask next, and when to give one up."""

from collections.abc import Iterable
from dataclasses import dataclass
import logging

from .capabilities import Capabilities
from .errors import EchoError, RejectedError, UpsError
from .queries import PollClass, Query

_LOGGER = logging.getLogger(__name__)

NEVER = float("inf")
# Seconds between two turns, on mains and on battery.
PERIODS: dict[PollClass, tuple[float, float]] = {
    PollClass.MOVING: (10.0, 2.0),
    PollClass.MEDIUM: (10.0, 10.0),
    PollClass.SLOW: (300.0, 300.0),
    PollClass.STATIC: (NEVER, NEVER),
}
# A query that fails this often in a row is asked less often, so that it costs the others nothing.
FAILURES_BEFORE_PAUSE = 3
PAUSE_S = 600.0
# But never long for what the shutdown of hosts depends on, least of all on battery.
MOVING_PAUSES_S = (30.0, 5.0)
RETRY_S = 5.0
# A reading that missed this many turns is no longer known, though not within a few retries.
TURNS_UNTIL_UNKNOWN = 3
SHORTEST_LIFETIME_S = 3 * RETRY_S


@dataclass(slots=True)
class _Turn:
    query: Query
    is_proven: bool
    due_at: float = 0.0
    failures: int = 0


class Schedule:
    """The turns of one connection."""

    def __init__(self, capabilities: Capabilities) -> None:
        """Begin with every query due at once."""
        self._turns = _turns(capabilities)

    def extend(self, capabilities: Capabilities) -> None:
        """Give a turn to what is new, and once more to what was refused."""
        present = set(self.queries)
        self._turns += [turn for turn in _turns(capabilities) if turn.query not in present]

    @property
    def queries(self) -> Iterable[Query]:
        """The queries still in the schedule."""
        return (turn.query for turn in self._turns)

    def next_due(self, now: float) -> Query | None:
        """Return the query that has waited longest for its turn, None if nobody has to wait."""
        due = [turn for turn in self._turns if turn.due_at <= now]
        return min(due, key=lambda turn: turn.due_at).query if due else None

    def hasten(self, now: float) -> None:
        """Bring the moving readings forward: the unit has just gone on battery."""
        for turn in self._turns:
            if turn.query.poll is PollClass.MOVING:
                turn.due_at = min(turn.due_at, now)

    def answered(self, query: Query, now: float, *, on_battery: bool) -> None:
        """Note a good answer."""
        turn = self._turn(query)
        turn.is_proven = True
        turn.failures = 0
        turn.due_at = now + PERIODS[query.poll][on_battery]

    def failed(self, query: Query, error: UpsError, now: float, *, on_battery: bool) -> None:
        """Note a failure: try again later, or drop what the unit turns out not to know."""
        turn = self._turn(query)
        if not turn.is_proven:
            self._drop_unproven(turn, error)
            return
        turn.failures += 1
        is_paused = turn.failures >= FAILURES_BEFORE_PAUSE
        turn.due_at = now + (_pause(query, on_battery=on_battery) if is_paused else RETRY_S)

    def _drop_unproven(self, refused: _Turn, error: UpsError) -> None:
        """Forget a refused query; an echo, silence or nonsense ends all probing.

        Only ``NAK`` is a refusal in OMRON's dialect. After anything else we do not know what the
        unit makes of our requests, and send it no more of them.
        """
        is_refusal = isinstance(error, RejectedError) and not isinstance(error, EchoError)
        _LOGGER.debug("%s is not supported: %s", refused.query.request, error)
        self._turns = [
            turn for turn in self._turns if turn is not refused and (turn.is_proven or is_refusal)
        ]

    def _turn(self, query: Query) -> _Turn:
        return next(turn for turn in self._turns if turn.query is query)


def _turns(capabilities: Capabilities) -> list[_Turn]:
    return [
        *(_Turn(query, is_proven=True) for query in capabilities.announced),
        *(_Turn(query, is_proven=False) for query in capabilities.unproven),
    ]


def _pause(query: Query, *, on_battery: bool) -> float:
    return MOVING_PAUSES_S[on_battery] if query.poll is PollClass.MOVING else PAUSE_S


def lifetime(query: Query, *, on_battery: bool) -> float:
    """Tell for how many seconds an answer stays known without a new one."""
    return max(PERIODS[query.poll][on_battery] * TURNS_UNTIL_UNKNOWN, SHORTEST_LIFETIME_S)
