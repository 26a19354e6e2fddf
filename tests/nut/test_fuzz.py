"""Properties of any conversation; scripts/fuzz tries the same ones for as long as one likes."""

import asyncio
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings as hypothesis_settings
import pytest

from .fuzzing import Conversation, Target, check, check_replies, conversations

CASES = 3000


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[asyncio.Runner, Target]]:
    with asyncio.Runner() as runner:
        target = Target()
        runner.run(target.start())
        yield runner, target
        runner.run(target.close())


@hypothesis_settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(conversation=conversations())
def test_every_request_gets_one_reply_and_nobody_else_notices(
    running: tuple[asyncio.Runner, Target], conversation: Conversation
) -> None:
    runner, target = running
    runner.run(check(target, conversation))


@pytest.mark.parametrize(
    ("replies", "requests"),
    [
        (b"OK\nOK\n", 1),
        (b"OK\n", 2),
        (b"OK", 1),
        (b"x" * 511 + b"\n", 1),
        (b"BEGIN LIST UPS\n", 1),
        (b"BEGIN LIST UPS\nERR DATA-STALE\nEND LIST UPS\n", 1),
        ("VER é\n".encode(), 1),
    ],
)
def test_fuzzer_notices_what_it_looks_for(replies: bytes, requests: int) -> None:
    with pytest.raises(AssertionError):
        check_replies(replies, requests)
