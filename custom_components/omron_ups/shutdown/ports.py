"""What the plan needs of the world around it; the glue fills these, and the tests' rack."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .models import PowerView, Reply
from .specs import WakeOnLan


class Clock(Protocol):
    """Time. Waiting is asyncio's business: `asyncio.sleep` on a loop that may be a virtual one."""

    def monotonic(self) -> float:
        """Return seconds that never jump; they begin anew with each boot."""

    def utc(self) -> datetime:
        """Return the wall clock, for journal and reports; it may jump."""

    @property
    def boot_id(self) -> str:
        """What changes when the machine, not only Home Assistant, has started anew."""

    def uptime_s(self) -> float:
        """Return the seconds since the machine started."""


class JournalFile(Protocol):
    """A file that survives a loss of power. Both writes return only once the bytes are on disk.

    Raises:
        OSError: the disk is full, read-only or gone. The plan goes on without its journal.

    """

    async def read(self) -> bytes:
        """Return all that was written, perhaps with a torn last line; empty if there is none."""

    async def append(self, data: bytes) -> None:
        """Add whole lines at the end."""

    async def replace(self, data: bytes) -> None:
        """Put `data` in place of everything, at once or not at all."""


class Network(Protocol):
    """Looks at hosts from outside; each look takes at most 2 s."""

    async def is_open(self, address: str, port: int) -> bool:
        """Return whether a TCP connection is accepted.

        Raises:
            OSError: this machine cannot look (no network, no free socket, a name that does not
                resolve): that says nothing of the host.

        """

    async def answers_ping(self, address: str) -> bool | None:
        """Return whether it answers; None if this machine may not ping, or cannot look."""

    async def send_wake(self, wake: WakeOnLan) -> None:
        """Send a magic packet; OSError if this machine cannot."""


class UpsOutput(Protocol):
    """The delayed off of the UPS itself."""

    @property
    def longest_delay_s(self) -> float:
        """The longest delay that the UPS takes."""

    def rounded_s(self, delay_s: float) -> float:
        """Return how long the UPS really waits if it is told this: it may know minutes only.

        Args:
            delay_s: at most `longest_delay_s`.

        """
        return delay_s

    async def arm(self, delay_s: float, *, returns: bool) -> Reply:
        """Switch the output off in `rounded_s(delay_s)` seconds; replaces an earlier delay.

        ACCEPTED only if the UPS acknowledged everything.
        """

    async def cancel(self) -> Reply:
        """Stop a countdown that runs."""


class Feeds(Protocol):
    """The other UPSes, for targets that they feed too."""

    def view(self, feed_id: str) -> PowerView | None:
        """Return what is known of another UPS; None if it is not set up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """How one target stopped, for the durations that are learned."""

    target_id: str
    seconds: float
    """From the first request to the first of the signals that proved it down."""


class DurationStore(Protocol):
    """Remembers how long real stops took, over restarts."""

    def seconds(self, target_id: str) -> Sequence[float]:
        """Return the last real stops of a running host, oldest first."""

    async def add(self, stop: Stop) -> None:
        """Remember one more."""

    async def keep(self, target_ids: Collection[str]) -> None:
        """Forget all others: their targets were deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that the plan needs of the world around it."""

    clock: Clock
    network: Network
    journal: JournalFile
    durations: DurationStore
    output: UpsOutput | None
    """None if the user did not confirm that everything on the UPS may lose its power."""
    feeds: Feeds
