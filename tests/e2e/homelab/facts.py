"""What happened in the homelab, as its hosts saw it, in the order in which it happened."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import time


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened."""

    at: float
    """Seconds since the epoch."""
    who: str
    what: str
    is_change: bool = False
    """Whether somebody asked for something that changes a state."""


class Facts:
    """All that happened; a callback may look at the homelab at the moment of each fact."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.rows: list[Fact] = []
        self.broken: list[str] = []
        """What must not be, seen at the moment when it was."""
        self.guards: list[Callable[[Fact], str]] = []
        """Each returns what is wrong at a fact; nothing if nothing is."""

    def note(self, who: str, what: str, *, is_change: bool = False) -> None:
        """Add what happens now."""
        fact = Fact(at=time.time(), who=who, what=what, is_change=is_change)
        self.rows.append(fact)
        self.broken += [words for guard in self.guards if (words := guard(fact))]

    @property
    def changes(self) -> list[Fact]:
        """The requests that were to change something."""
        return [fact for fact in self.rows if fact.is_change]

    def index(self, who: str, what: str, *, after: int = -1) -> int:
        """Return the place of the first fact that begins with these words; -1 if there is none."""
        return next(self.places(who, what, after=after), -1)

    def places(self, who: str, what: str, *, after: int = -1) -> Iterator[int]:
        """Yield the places of all facts that begin with these words."""
        for place, fact in enumerate(self.rows):
            if place > after and fact.who == who and fact.what.startswith(what):
                yield place


class Differences:
    """Turns states into facts: what has changed since the last look."""

    def __init__(self, facts: Facts, look: Callable[[], Mapping[tuple[str, str], str]]) -> None:
        """Look with `look`: states by owner and thing."""
        self._facts = facts
        self._look = look
        self._seen = dict(look())

    def take(self) -> None:
        """Look, and note what is different."""
        now = dict(self._look())
        for (who, thing), state in now.items():
            if self._seen.get((who, thing)) != state:
                self._facts.note(who, f"{thing} {state}".strip())
        for who, thing in self._seen.keys() - now.keys():
            self._facts.note(who, f"{thing} gone")
        self._seen = now
