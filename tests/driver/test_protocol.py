"""Refusals, garbled replies and retries."""

import pytest

from custom_components.omron_ups.driver.errors import (
    EchoError,
    InvalidReplyError,
    RejectedError,
    ReplyTimeoutError,
)
from custom_components.omron_ups.driver.protocol import OmronProtocol
from custom_components.omron_ups.driver.queries import QUERIES

CHARGE = next(row for row in QUERIES if row.request == "Bl ?")
GOOD_Q1 = b"(102.5 000.0 102.4 000 49.9 54.5 22.7 00101000"


class Replies:
    """Gives one reply after the other; an exception is raised."""

    def __init__(self, *replies: bytes | Exception) -> None:
        """Give `replies` in this order."""
        self.left = list(replies)
        self.requests: list[bytes] = []

    async def exchange(self, request: bytes) -> bytes:
        """Give the next reply."""
        self.requests.append(request)
        reply = self.left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


async def test_a_request_ends_with_a_carriage_return() -> None:
    replies = Replies(GOOD_Q1)
    reply = await OmronProtocol(replies.exchange).status()
    assert replies.requests == [b"Q1\r"]
    assert reply.battery_voltage == 54.5


@pytest.mark.parametrize(
    "garbled",
    [GOOD_Q1[:20], b"\xa8" + GOOD_Q1[1:], b"", b"\x00", GOOD_Q1 + GOOD_Q1, b"(NAK"],
)
async def test_a_garbled_reply_is_asked_for_again(garbled: bytes) -> None:
    replies = Replies(garbled, garbled, GOOD_Q1)
    assert (await OmronProtocol(replies.exchange).status()).load == 0
    assert len(replies.requests) == 3


async def test_three_garbled_replies_are_an_error() -> None:
    replies = Replies(b"1O0", b"1O0", b"1O0")
    with pytest.raises(InvalidReplyError, match=r"Bl \?: unexpected reply '1O0'"):
        await OmronProtocol(replies.exchange).query(CHARGE)


async def test_a_reply_that_says_nonsense_counts_as_garbled() -> None:
    replies = Replies(b"101", b"101", b"101")
    with pytest.raises(InvalidReplyError, match="101 is above 100"):
        await OmronProtocol(replies.exchange).query(CHARGE)


@pytest.mark.parametrize("refusal", [b"NAK", b"NAK\x00\x00"])
async def test_a_refusal_is_not_repeated(refusal: bytes) -> None:
    replies = Replies(refusal)
    with pytest.raises(RejectedError, match=r"Bl \?: the UPS answered NAK"):
        await OmronProtocol(replies.exchange).query(CHARGE)
    assert len(replies.requests) == 1


async def test_an_echo_is_a_refusal() -> None:
    replies = Replies(b"CF2")
    with pytest.raises(EchoError):
        await OmronProtocol(replies.exchange).capability_page(2)


async def test_silence_is_not_repeated() -> None:
    replies = Replies(ReplyTimeoutError())
    with pytest.raises(ReplyTimeoutError):
        await OmronProtocol(replies.exchange).capability_page(1)
    assert replies.requests == [b"CF\r"]


@pytest.mark.parametrize(
    ("replies", "charge"),
    [
        ((b"1", b"100"), 100),
        ((b"1", b"1", b"100"), 100),
        ((b"99", b"99", b"99"), 99),
        ((b"099",), 99),
    ],
)
async def test_a_short_reply_is_believed_only_when_it_stays(
    replies: tuple[bytes, ...], charge: int
) -> None:
    unit = Replies(*replies)
    assert await OmronProtocol(unit.exchange).query(CHARGE) == {"battery_charge": charge}
    assert unit.left == []


async def test_short_replies_that_differ_are_none() -> None:
    unit = Replies(b"10", b"1")
    with pytest.raises(InvalidReplyError, match="differ"):
        await OmronProtocol(unit.exchange).query(CHARGE)


@pytest.mark.parametrize("reply", [b"OK", b"OK5"])
async def test_a_command_is_acknowledged(reply: bytes) -> None:
    unit = Replies(reply)
    await OmronProtocol(unit.exchange).command("C")
    assert unit.requests == [b"C\r"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"NAK", RejectedError),
        (b"C", EchoError),
        (b"", InvalidReplyError),
        (b"(ACK", InvalidReplyError),
        (b"ok", InvalidReplyError),
        (ReplyTimeoutError(), ReplyTimeoutError),
    ],
)
async def test_anything_else_is_no_acknowledgement_and_not_repeated(
    reply: bytes | Exception, error: type[Exception]
) -> None:
    unit = Replies(reply)
    with pytest.raises(error):
        await OmronProtocol(unit.exchange).command("C")
    assert unit.requests == [b"C\r"]
