"""The one way from NUT clients to the UPS: variables to set and commands to run."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
import logging
import re
from typing import Any, Final, Protocol

from . import replies
from .errors import ControlArgumentError, ControlError, ControlUnknownError

_LOGGER: Final = logging.getLogger(__name__)
_LIMIT_S: Final = 60.0
# Requests that wait for a slow UPS; more are refused instead of kept for later.
_MAX_RUNNING: Final = 16
_LEADING_INTEGER: Final = re.compile(r"\s*[+-]?\d+")

type Action = Callable[[Controls], Coroutine[Any, Any, None]]


class Outcome(StrEnum):
    """What became of a request, in the words of GET TRACKING."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "ERR FAILED"
    INVALID_ARGUMENT = "ERR INVALID-ARGUMENT"
    UNKNOWN = "ERR UNKNOWN"


# The first row that fits wins.
_OUTCOMES: Final[tuple[tuple[type[Exception], Outcome], ...]] = (
    (ControlArgumentError, Outcome.INVALID_ARGUMENT),
    (ControlUnknownError, Outcome.UNKNOWN),
    (ControlError, Outcome.FAILED),
    # The time was up while the UPS may still be at it.
    (TimeoutError, Outcome.UNKNOWN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writable:
    """What may be written: text of up to `max_length`, one of `enum`, a number in `ranges`."""

    max_length: int | None = None
    enum: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()


class Controls(Protocol):
    """The UPS as NUT clients act on it.

    A call returns once the UPS has acknowledged. Its client is told OK as soon as the call has
    to wait, for that means handed over; an error raised before that is a refusal (SET-FAILED,
    INSTCMD-FAILED), a later one only reaches clients that said SET TRACKING ON, and the audit.
    """

    async def set_variable(self, name: str, value: str) -> None:
        """Write a variable that was declared writable; the value fits its declaration.

        Raises:
            ControlArgumentError: The UPS does not take this value.
            ControlUnknownError: Nobody knows whether it did.
            ControlError: It did not, for another reason.

        """

    async def run_command(self, name: str, parameter: str | None) -> None:
        """Run an instant command that was declared.

        Raises:
            ControlArgumentError: The UPS does not take this parameter.
            ControlUnknownError: Nobody knows whether it obeyed.
            ControlError: It did not, for another reason.

        """


class ControlRunner:
    """Hands requests over to the UPS and hears what becomes of them."""

    def __init__(self, controls: Controls | None = None) -> None:
        """Refuse everything while there is no way to the UPS."""
        self.controls = controls
        self._running: set[asyncio.Task[Outcome]] = set()

    def start(self, action: Action, on_outcome: Callable[[Outcome], None]) -> bool:
        """Hand a request over; a request that begins to wait is no longer tied to its client.

        Args:
            action: Calls the UPS.
            on_outcome: Called once with what became of it, maybe before this returns.

        Returns:
            Whether the request was handed over; if not, on_outcome is not called.

        """
        if self.controls is None or len(self._running) >= _MAX_RUNNING:
            return False
        task = asyncio.Task(
            _outcome(action(self.controls)),
            loop=asyncio.get_running_loop(),
            name="NUT control",
            eager_start=True,
        )
        if not task.done():
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            task.add_done_callback(lambda task: on_outcome(_result(task)))
            return True
        if _result(task) is not Outcome.SUCCESS:
            return False
        on_outcome(Outcome.SUCCESS)
        return True


def _result(task: asyncio.Task[Outcome]) -> Outcome:
    return Outcome.UNKNOWN if task.cancelled() else task.result()


async def _outcome(call: Coroutine[Any, Any, None]) -> Outcome:
    try:
        async with asyncio.timeout(_LIMIT_S):
            await call
    except tuple(kind for kind, _ in _OUTCOMES) as err:
        return next(outcome for kind, outcome in _OUTCOMES if isinstance(err, kind))
    except Exception:
        _LOGGER.exception("Unexpected error while a NUT client's request was carried out")
        return Outcome.UNKNOWN
    return Outcome.SUCCESS


def refusal_of_value(rule: Writable | None, value: str) -> bytes | None:
    """Return why a variable does not take the value, in upsd's order of checks."""
    if rule is None:
        return replies.READONLY
    if rule.max_length is not None and len(value) > rule.max_length:
        return replies.TOO_LONG
    if rule.enum and value not in rule.enum:
        return replies.INVALID_VALUE
    if rule.ranges and not any(low <= _integer(value) <= high for low, high in rule.ranges):
        return replies.INVALID_VALUE
    return None


def _integer(text: str) -> int:
    """Return the integer that a text begins with, else 0: upsd compares what C's atoi makes."""
    match = _LEADING_INTEGER.match(text)
    return int(match.group()) if match else 0
