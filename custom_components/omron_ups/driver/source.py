"""What everybody above the driver needs of a UPS, whichever way it is reached."""

from collections.abc import Callable, Mapping
from typing import Protocol

from .errors import UpsError
from .models import UpsState, Writable


class OfferedCommand(Protocol):
    """An instant command that can be run."""

    @property
    def name(self) -> str:
        """Its NUT name."""

    @property
    def is_dangerous(self) -> bool:
        """Whether it cuts the load, now or later."""

    @property
    def takes_delay(self) -> bool | None:
        """Whether a value is the seconds until the output goes off; None if nobody knows."""


class UpsSource(Protocol):
    """A UPS that polls itself and publishes what is known; see Ups for the contract."""

    @property
    def state(self) -> UpsState:
        """The last published state."""

    @property
    def last_error(self) -> UpsError | None:
        """Why the link was lost last, None as long as it never was."""

    @property
    def age(self) -> float | None:
        """Seconds since the last good poll, None before the first."""

    @property
    def is_running(self) -> bool:
        """Whether ``start`` was called and ``stop`` was not."""

    @property
    def commands(self) -> Mapping[str, OfferedCommand]:
        """The instant commands that are offered, by NUT name; complete after ``start``."""

    @property
    def writable(self) -> Mapping[str, Writable]:
        """The variables that can be set, by NUT name; complete after ``start``."""

    async def start(self) -> None:
        """Connect, prove that there is a UPS, read everything once; UpsError where it fails."""

    async def stop(self) -> None:
        """Stop polling and disconnect; may be called at any time, and again."""

    async def command(self, name: str, value: str | None = None) -> None:
        """Carry out an instant command; UpsError where that fails."""

    async def set_variable(self, name: str, value: str) -> None:
        """Set a variable in NUT's spelling; UpsError where that fails."""

    def subscribe(self, callback: Callable[[UpsState], None]) -> Callable[[], None]:
        """Call back with every new state; returns the undo."""
