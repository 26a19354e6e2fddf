"""The order that every link keeps: one exchange at a time, late replies dropped."""

import asyncio
from typing import override

import pytest

from custom_components.omron_ups.driver import LinkInfo, ReplyTimeoutError, TransportError
from custom_components.omron_ups.driver.transport import Transport


class QueueTransport(Transport):
    """A link whose replies a test puts into a queue."""

    reply_limit_s = 0.05

    def __init__(self) -> None:
        """Begin closed and silent."""
        super().__init__(label="queue")
        self.replies: asyncio.Queue[bytes] = asyncio.Queue()
        self.log: list[str] = []
        self._sent = asyncio.Condition()

    async def sent(self, line: str) -> None:
        """Wait until the log holds `line`."""
        async with self._sent:
            await self._sent.wait_for(lambda: line in self.log)

    @override
    async def _open(self) -> None:
        self.log.append("open")

    @override
    async def _close(self) -> None:
        self.log.append("close")

    @override
    async def _discard(self) -> None:
        while not self.replies.empty():
            self.log.append(f"discard {self.replies.get_nowait().decode()}")

    @override
    async def _send(self, request: bytes) -> None:
        async with self._sent:
            self.log.append(f"send {request.decode()}")
            self._sent.notify_all()

    @override
    async def _receive(self) -> bytes:
        return await self.replies.get()


@pytest.fixture
async def link() -> QueueTransport:
    transport = QueueTransport()
    await transport.open()
    return transport


async def exchange(link: QueueTransport, request: bytes, reply: bytes) -> bytes:
    """Ask, and have the reply arrive after the request went out."""
    task = asyncio.create_task(link.exchange(request))
    await link.sent(f"send {request.decode()}")
    link.replies.put_nowait(reply)
    return await task


async def test_open_and_close_may_be_repeated() -> None:
    transport = QueueTransport()
    await transport.close()
    await transport.open()
    await transport.open()
    assert transport.is_open
    await transport.close()
    await transport.close()
    assert transport.log == ["open", "close"]
    assert transport.info == LinkInfo()


async def test_a_closed_link_says_so() -> None:
    with pytest.raises(TransportError, match="queue is not open"):
        await QueueTransport().exchange(b"Q1")


async def test_what_arrived_unasked_is_dropped(link: QueueTransport) -> None:
    link.replies.put_nowait(b"old")
    assert await exchange(link, b"Q1", b"new") == b"new"
    assert link.log == ["open", "discard old", "send Q1"]


async def test_a_late_reply_is_not_the_answer_to_the_next_request(link: QueueTransport) -> None:
    with pytest.raises(ReplyTimeoutError):
        await link.exchange(b"first")
    second = asyncio.create_task(link.exchange(b"second"))
    await asyncio.sleep(0)
    link.replies.put_nowait(b"late")
    await link.sent("send second")
    link.replies.put_nowait(b"right")
    assert await second == b"right"


async def test_a_cancelled_exchange_leaves_the_link_usable(link: QueueTransport) -> None:
    cancelled = asyncio.create_task(link.exchange(b"first"))
    await link.sent("send first")
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    link.replies.put_nowait(b"late")
    assert await exchange(link, b"second", b"right") == b"right"


async def test_exchanges_do_not_overlap(link: QueueTransport) -> None:
    link.reply_limit_s = 5
    first = asyncio.create_task(link.exchange(b"first"))
    second = asyncio.create_task(link.exchange(b"second"))
    await link.sent("send first")
    assert "send second" not in link.log
    link.replies.put_nowait(b"1")
    await link.sent("send second")
    link.replies.put_nowait(b"2")
    assert (await first, await second) == (b"1", b"2")
