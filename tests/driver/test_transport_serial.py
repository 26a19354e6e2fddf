"""The serial link on a real pty and on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
import os
from pathlib import Path
import pty
import tty

import pytest

from custom_components.omron_ups.driver import (
    DeviceBusyError,
    DeviceNotFoundError,
    ReplyTimeoutError,
    SerialTransport,
    TransportError,
    transport_serial,
)
from custom_components.omron_ups.driver.transport_serial import LONGEST_REPLY, public_url


class PtyUnit:
    """The far end of a pty: answers each request from a table."""

    def __init__(self) -> None:
        """Open the pty in raw mode."""
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave
        self.replies: dict[bytes, list[bytes]] = {}
        self.received = b""
        asyncio.get_running_loop().add_reader(self.master, self._answer)

    def _answer(self) -> None:
        try:
            self.received += os.read(self.master, 100)
        except OSError:
            asyncio.get_running_loop().remove_reader(self.master)
            return
        *requests, self.received = self.received.split(b"\r")
        for request in requests:
            for piece in self.replies.get(request, []):
                os.write(self.master, piece)

    def unplug(self) -> None:
        """Hang up."""
        if self.master < 0:
            return
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self._slave)
        self.master = -1


@pytest.fixture
async def unit() -> AsyncIterator[PtyUnit]:
    unit = PtyUnit()
    yield unit
    unit.unplug()


@pytest.fixture
async def link(unit: PtyUnit) -> AsyncIterator[SerialTransport]:
    transport = SerialTransport(unit.path)
    await transport.open()
    yield transport
    await transport.close()


async def test_a_reply_in_pieces_is_put_together(unit: PtyUnit, link: SerialTransport) -> None:
    unit.replies[b"Bl ?"] = [b"1", b"0", b"0\r"]
    assert await link.exchange(b"Bl ?\r") == b"100"


async def test_what_follows_a_reply_is_dropped(unit: PtyUnit, link: SerialTransport) -> None:
    unit.replies = {b"RTS": [b"0065\rjunk\r"], b"Bl ?": [b"100\r"]}
    assert await link.exchange(b"RTS\r") == b"0065"
    assert await link.exchange(b"Bl ?\r") == b"100"


async def test_silence_ends_at_the_limit(link: SerialTransport) -> None:
    link.reply_limit_s = 0.05
    with pytest.raises(ReplyTimeoutError, match="no reply to b'Q1"):
        await link.exchange(b"Q1\r")


async def test_the_limit_leaves_time_for_the_longest_reply_at_2400_baud() -> None:
    assert SerialTransport.reply_limit_s > 1.0 + LONGEST_REPLY * 10 / 2400 - 0.001


async def test_a_hang_up_is_noticed_and_the_port_can_be_opened_again(
    unit: PtyUnit, link: SerialTransport
) -> None:
    unit.unplug()
    with pytest.raises(TransportError):
        await link.exchange(b"Q1\r")
    await link.close()
    with pytest.raises(TransportError):
        await link.open()


async def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotFoundError, match="there is no such port"):
        await SerialTransport(str(tmp_path / "ttyUSB0")).open()


async def test_a_port_in_use(unit: PtyUnit, link: SerialTransport) -> None:
    with pytest.raises(DeviceBusyError, match="another program uses the port"):
        await SerialTransport(unit.path).open()


async def test_a_file_is_not_a_port(tmp_path: Path) -> None:
    plain = tmp_path / "file"
    plain.write_text("no port")
    with pytest.raises(TransportError):
        await SerialTransport(str(plain)).open()


async def test_an_unknown_kind_of_address() -> None:
    with pytest.raises(TransportError):
        await SerialTransport("gopher://127.0.0.1:1").open()


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("esphome://host:6053/?key=secret", "esphome://host:6053/"),
        ("socket://me:secret@192.0.2.1:4001?key=secret#secret", "socket://192.0.2.1:4001"),
        ("/dev/serial/by-id/usb-x@1", "/dev/serial/by-id/usb-x@1"),
        ("socket://[::1", "socket"),
    ],
)
def test_the_label_keeps_the_secrets_of_an_address(url: str, label: str) -> None:
    assert SerialTransport(url).label == label
    assert public_url(url) == label


async def test_a_closed_port_can_be_opened_at_once(unit: PtyUnit) -> None:
    unit.replies[b"Bl ?"] = [b"100\r"]
    for _ in range(20):
        link = SerialTransport(unit.path)
        await link.open()
        assert await link.exchange(b"Bl ?\r") == b"100"
        await link.close()


async def test_a_port_whose_opening_is_cancelled_can_be_opened_at_once(
    unit: PtyUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit.replies[b"Bl ?"] = [b"100\r"]
    link = SerialTransport(unit.path)
    with monkeypatch.context() as patch:
        patch.setattr(transport_serial, "SETTLE_S", 3600.0)
        opening = asyncio.create_task(link.open())
        while link._port is None:  # noqa: ASYNC110 - nothing tells that a port is open, not ready
            await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    await link.open()
    assert await link.exchange(b"Bl ?\r") == b"100"
    await link.close()


type Answer = Callable[[bytes], bytes]


@contextlib.asynccontextmanager
async def bridge(answer: Answer) -> AsyncIterator[tuple[asyncio.Server, str]]:
    """Serve a serial bridge on loopback."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                writer.write(answer(await reader.readuntil(b"\r")))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield server, f"socket://127.0.0.1:{port}"
    finally:
        server.close()
        server.close_clients()


async def test_a_bridge_in_the_network() -> None:
    async with bridge(lambda request: request.replace(b"Bl ?", b"099")) as (_, url):
        link = SerialTransport(url)
        await link.open()
        assert await link.exchange(b"Bl ?\r") == b"099"
        await link.close()


async def test_a_bridge_that_drops_and_comes_back() -> None:
    async with bridge(lambda _: b"100\r") as (server, url):
        link = SerialTransport(url)
        await link.open()
        server.close_clients()
        with pytest.raises(TransportError, match="the connection ended"):
            await link.exchange(b"Bl ?\r")
        await link.close()
        await link.open()
        assert await link.exchange(b"Bl ?\r") == b"100"
        await link.close()


async def test_a_bridge_that_refuses() -> None:
    async with bridge(lambda _: b"") as (_, url):
        pass
    with pytest.raises(DeviceNotFoundError, match="refuses the connection"):
        await SerialTransport(url).open()


# RFC 854 and RFC 2217, as far as a UPS needs them.
IAC, SB, SE, WILL, DO = 255, 250, 240, 251, 253
COM_PORT, SET_CONTROL, ANSWER = 44, 5, 100
DTR_ON, DTR_OFF, RTS_ON, RTS_OFF = 8, 9, 11, 12


class TelnetBridge:
    """A serial bridge that speaks RFC 2217: agrees to everything, and answers ``Bl ?``."""

    def __init__(self) -> None:
        """Note what is said about the lines."""
        self.controls: list[int] = []
        self.answers_controls = True
        self.clients = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client."""
        request = b""
        self.clients += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                byte = await reader.readexactly(1)
                if byte[0] == IAC:
                    writer.write(await self._negotiate(reader))
                    continue
                request += byte
                if byte == b"\r":
                    writer.write(request.replace(b"Bl ?", b"098"))
                    request = b""
        self.clients -= 1
        writer.close()

    async def _negotiate(self, reader: asyncio.StreamReader) -> bytes:
        command, option = await reader.readexactly(2)
        if command == WILL:
            return bytes((IAC, DO, option))
        if command == DO:
            return bytes((IAC, WILL, option))
        assert (command, option) == (SB, COM_PORT)
        message = (await reader.readuntil(bytes((IAC, SE))))[:-2]
        if message[0] == SET_CONTROL:
            self.controls.append(message[1])
            if not self.answers_controls and message[1] in range(DTR_ON, RTS_OFF + 1):
                return b""
        answer = (IAC, SB, COM_PORT, message[0] + ANSWER, *message[1:], IAC, SE)
        return bytes(answer)


@pytest.mark.parametrize(
    ("lines", "controls"),
    [
        ({}, {DTR_ON, RTS_OFF}),
        ({"dtr": False, "rts": True}, {DTR_OFF, RTS_ON}),
        ({"dtr": False, "rts": False}, {DTR_OFF, RTS_OFF}),
    ],
)
async def test_a_bridge_with_lines(lines: dict[str, bool], controls: set[int]) -> None:
    served = TelnetBridge()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = SerialTransport(f"rfc2217://127.0.0.1:{port}", **lines)
    try:
        await link.open()
        assert await link.exchange(b"Bl ?\r") == b"098"
        await link.close()
    finally:
        server.close()
        server.close_clients()
    # Each line was set once, and neither was toggled.
    about_lines = [code for code in served.controls if code in range(DTR_ON, RTS_OFF + 1)]
    assert sorted(about_lines) == sorted(controls)


async def test_a_bridge_whose_lines_cannot_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_serial, "OPEN_LIMIT_S", 0.5)
    served = TelnetBridge()
    served.answers_controls = False
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = SerialTransport(f"rfc2217://127.0.0.1:{port}")
    try:
        with pytest.raises(TransportError, match="does not confirm that it set DTR and RTS"):
            await link.open()
        assert served.controls[-1] in {DTR_ON, RTS_OFF}
        async with asyncio.timeout(30):
            while served.clients:  # noqa: ASYNC110 - nothing tells that a server's client is gone
                await asyncio.sleep(0.01)
    finally:
        server.close()
        server.close_clients()
