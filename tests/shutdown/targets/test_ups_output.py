"""The output of the UPS, over commands that are written down."""

import asyncio
from typing import override

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.driver.delays import SHUTDOWN_DELAYS_S
from custom_components.omron_ups.shutdown.errors import (
    NoAnswerError,
    RefusedError,
    ShutdownError,
    UnreachableError,
)
from custom_components.omron_ups.shutdown.models import Outcome
from custom_components.omron_ups.shutdown.targets import ups_output
from custom_components.omron_ups.shutdown.targets.ups_output import (
    DELAYS_S,
    OmronOutput,
    OutputCommands,
    unit_delay,
)


class Commands(OutputCommands):
    """A UPS that acknowledges, fails or hangs."""

    def __init__(self) -> None:
        """Acknowledge everything at first."""
        self.heard: list[tuple[str, int]] = []
        self.error: ShutdownError | None = None
        self.hangs = False

    @override
    async def shutdown_return(self, delay_s: int) -> None:
        await self._hear("shutdown.return", delay_s)

    @override
    async def shutdown_stayoff(self, delay_s: int) -> None:
        await self._hear("shutdown.stayoff", delay_s)

    @override
    async def shutdown_stop(self) -> None:
        await self._hear("shutdown.stop", 0)

    async def _hear(self, command: str, delay_s: int) -> None:
        self.heard.append((command, delay_s))
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


def test_the_delays_are_those_of_the_driver() -> None:
    assert DELAYS_S == SHUTDOWN_DELAYS_S
    assert OmronOutput(Commands()).longest_delay_s == 1800


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (0, 12),
        (12, 12),
        (12.1, 18),
        (30, 30),
        (54, 54),
        (54.5, 60),
        (60, 60),
        (61, 120),
        (210, 240),
        (1741, 1800),
        (1800, 1800),
    ],
)
async def test_a_delay_is_rounded_up_to_what_the_unit_can_wait(asked: float, sent: int) -> None:
    commands = Commands()
    reply = await OmronOutput(commands).arm(asked, returns=True)
    assert commands.heard == [("shutdown.return", sent)]
    assert (reply.outcome, reply.detail) == (Outcome.ACCEPTED, f"off in {sent} s")
    assert OmronOutput(commands).rounded_s(asked) == sent


@given(st.floats(min_value=0, max_value=1800))
def test_no_delay_is_ever_shorter_than_asked(asked: float) -> None:
    delay = unit_delay(asked)
    assert delay is not None
    assert delay >= asked
    assert delay in SHUTDOWN_DELAYS_S


async def test_a_delay_beyond_the_longest_is_refused_unsent() -> None:
    commands = Commands()
    reply = await OmronOutput(commands).arm(1800.5, returns=True)
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert commands.heard == []


async def test_staying_off_is_another_command() -> None:
    commands = Commands()
    await OmronOutput(commands).arm(240, returns=False)
    assert commands.heard == [("shutdown.stayoff", 240)]


async def test_to_arm_again_is_to_send_again_and_cancel_ends_it() -> None:
    commands = Commands()
    output = OmronOutput(commands)
    await output.arm(240, returns=True)
    await output.arm(300, returns=True)
    assert (await output.cancel()).outcome is Outcome.ACCEPTED
    assert commands.heard == [
        ("shutdown.return", 240),
        ("shutdown.return", 300),
        ("shutdown.stop", 0),
    ]


@pytest.mark.parametrize(
    ("error", "outcome", "was_sent"),
    [
        (RefusedError("NAK"), Outcome.REFUSED, True),
        (NoAnswerError("no OK"), Outcome.UNKNOWN, True),
        (UnreachableError("unplugged"), Outcome.UNKNOWN, False),
    ],
)
async def test_accepted_only_if_acknowledged(
    error: ShutdownError, outcome: Outcome, was_sent: bool
) -> None:
    commands = Commands()
    commands.error = error
    output = OmronOutput(commands)
    for reply in (await output.arm(60, returns=True), await output.cancel()):
        assert (reply.outcome, reply.was_sent, reply.detail) == (outcome, was_sent, str(error))


async def test_a_ups_that_hangs_is_unknown_and_the_next_command_gets_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ups_output, "COMMAND_LIMIT_S", 0.05)
    commands = Commands()
    commands.hangs = True
    output = OmronOutput(commands)
    assert (await output.arm(60, returns=True)).outcome is Outcome.UNKNOWN
    commands.hangs = False
    assert (await output.cancel()).outcome is Outcome.ACCEPTED
