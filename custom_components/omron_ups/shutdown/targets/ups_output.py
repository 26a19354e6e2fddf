"""Switches the output of the UPS off, after everything on it has stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
import math
from typing import Final, Protocol, override

from ..errors import ShutdownError
from ..models import Outcome, Reply
from ..ports import UpsOutput

COMMAND_LIMIT_S: Final = 15.0
_STEP_S: Final = 6
_SHORTEST_S: Final = 12
_MINUTE_S: Final = 60
# What the unit can wait, as it spells delays: `.2` to `.9` in steps of 6 s, `01` to `30` minutes
# (vendor driver 1.02; the NUT driver stops at 10 minutes).
DELAYS_S: Final = (
    *range(_SHORTEST_S, _MINUTE_S, _STEP_S),
    *range(_MINUTE_S, 30 * _MINUTE_S + 1, _MINUTE_S),
)


class OutputCommands(Protocol):
    """The three commands of the driver; the glue fills them.

    Each returns only if the UPS acknowledged everything that belongs to the command.

    Raises:
        RefusedError: the UPS said no, or cannot do it.
        UnreachableError: there is no connection to the UPS, nothing was sent.
        NoAnswerError: the UPS did not acknowledge.

    """

    async def shutdown_return(self, delay_s: int) -> None:
        """`shutdown.return`: off after the delay, on again when mains is there."""

    async def shutdown_stayoff(self, delay_s: int) -> None:
        """`shutdown.stayoff`: off after the delay, until somebody switches it on."""

    async def shutdown_stop(self) -> None:
        """`shutdown.stop`: end a countdown."""


def unit_delay(delay_s: float) -> int | None:
    """Return the unit's next longer delay, or exactly this one; None above 30 minutes."""
    return next((delay for delay in DELAYS_S if delay >= math.ceil(delay_s)), None)


class OmronOutput(UpsOutput):
    """The delayed off of an OMRON UPS."""

    def __init__(self, commands: OutputCommands) -> None:
        """Take the way to the UPS."""
        self._commands = commands
        # Two commands at once would leave open which delay counts.
        self._turn = asyncio.Lock()

    @property
    @override
    def longest_delay_s(self) -> float:
        return float(DELAYS_S[-1])

    @override
    def rounded_s(self, delay_s: float) -> float:
        """Return the unit's next longer delay."""
        delay = unit_delay(delay_s)
        return self.longest_delay_s if delay is None else float(delay)

    @override
    async def arm(self, delay_s: float, *, returns: bool) -> Reply:
        """Send the delay, rounded up to what the unit can wait; a later one replaces it."""
        delay = unit_delay(delay_s)
        if delay is None:
            detail = f"the UPS waits {DELAYS_S[-1]} s at most, not {math.ceil(delay_s)}"
            return Reply(outcome=Outcome.REFUSED, detail=detail, was_sent=False)
        command = self._commands.shutdown_return if returns else self._commands.shutdown_stayoff
        return await self._ask(partial(command, delay), f"off in {delay} s")

    @override
    async def cancel(self) -> Reply:
        return await self._ask(self._commands.shutdown_stop, "countdown ended")

    async def _ask(self, command: Callable[[], Awaitable[None]], done: str) -> Reply:
        try:
            async with asyncio.timeout(COMMAND_LIMIT_S), self._turn:
                await command()
        except TimeoutError:
            return Reply(outcome=Outcome.UNKNOWN, detail="the UPS did not acknowledge in time")
        except ShutdownError as err:
            return err.reply
        return Reply(outcome=Outcome.ACCEPTED, detail=done)
