"""The simulated UPS on a pseudo terminal, on TCP, and its control on TCP; loopback only."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
import os
from pathlib import Path
import tty
from types import TracebackType
from typing import Self, override

from custom_components.omron_ups.driver.errors import TransportError
from custom_components.omron_ups.driver.simulator.profiles import (
    BITS_PER_BYTE,
    SERIAL_BAUD,
    SERIAL_TURNAROUND_S,
)
from custom_components.omron_ups.driver.simulator.unit import CR, SimulatedUps
from scripts.lib.simulator_control import run_command

LOOPBACK = "127.0.0.1"
# Between the pieces of a reply that comes in several reads.
_GAP_S = 0.01
_READ_BYTES = 1024
# No request is longer than 16 bytes; a flood without CR must not pile up.
_LONGEST_REQUEST = 64
_LONGEST_LINE = 1024
_MOST_WAITING = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How slow the line is; all in seconds."""

    byte_s: float = 0.0
    turnaround_s: float = 0.0


NO_PACING = Pacing()
SERIAL_PACING = Pacing(byte_s=BITS_PER_BYTE / SERIAL_BAUD, turnaround_s=SERIAL_TURNAROUND_S)
"""2400 baud, 8N1, and the turn-around of a BN75T (computed from its log)."""


class RequestBuffer:
    """Cuts what a client writes into requests at CR; NUL padding between them is dropped."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._waiting = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived and return the requests that are complete, CR included."""
        *complete, rest = (self._waiting + data.replace(b"\0", b"")).split(CR)
        self._waiting = rest[-_LONGEST_REQUEST:]
        return [request + CR for request in complete]


async def answer(
    ups: SimulatedUps,
    request: bytes,
    *,
    pacing: Pacing,
    write: Callable[[bytes], Awaitable[None]],
) -> None:
    """Let `ups` answer one request through `write`, as slowly as the line is.

    A link error is silence here: a serial line knows no other.
    """
    await asyncio.sleep(len(request) * pacing.byte_s + pacing.turnaround_s)
    try:
        reads = ups.deliver(request)
    except TransportError:
        return
    for place, read in enumerate(reads):
        if place:
            await asyncio.sleep(_GAP_S)
        await _write_paced(read, byte_s=pacing.byte_s, write=write)


async def _write_paced(
    data: bytes, *, byte_s: float, write: Callable[[bytes], Awaitable[None]]
) -> None:
    if not byte_s:
        await write(data)
        return
    for byte in data:
        await asyncio.sleep(byte_s)
        await write(bytes((byte,)))


class SimulatorServer(ABC):
    """Something that serves a simulated UPS from `start` to `close`, or for an ``async with``."""

    @abstractmethod
    async def start(self) -> None:
        """Begin to serve; OSError where the place is taken."""

    @abstractmethod
    async def close(self) -> None:
        """Stop serving and leave nothing behind; may be called twice."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where clients find it."""

    async def __aenter__(self) -> Self:
        """Begin to serve."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving."""
        await self.close()


class PtyServer(SimulatorServer):
    """The unit at the other end of a raw pseudo terminal, as on a serial port."""

    def __init__(
        self, ups: SimulatedUps, *, link: Path | None = None, pacing: Pacing = NO_PACING
    ) -> None:
        """Serve `ups`.

        Args:
            ups: the unit; its owner keeps it.
            link: a symbolic link to make to the terminal, for a name that stays.
            pacing: how slow the line is.
        """
        self._ups = ups
        self._link = link
        self._pacing = pacing
        self._buffer = RequestBuffer()
        self._requests: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._master = -1
        # Held open, so that the line survives clients that come and go.
        self._slave = -1
        self._device = ""
        self._task: asyncio.Task[None] | None = None

    @property
    @override
    def place(self) -> str:
        return str(self._link or self._device)

    @override
    async def start(self) -> None:
        self._master, self._slave = os.openpty()
        self._device = os.ttyname(self._slave)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        try:
            self._make_link()
        except OSError:
            self._close_terminal()
            raise
        asyncio.get_running_loop().add_reader(self._master, self._read)
        self._task = asyncio.create_task(self._serve(), name="simulated ups on a pty")

    @override
    async def close(self) -> None:
        if self._task is None:
            return
        task, self._task = self._task, None
        asyncio.get_running_loop().remove_reader(self._master)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        self._remove_link()
        self._close_terminal()

    def _read(self) -> None:
        for request in self._buffer.feed(os.read(self._master, _READ_BYTES)):
            # A unit does not hear what comes while it is busy; a few are kept for slow paces.
            with suppress(asyncio.QueueFull):
                self._requests.put_nowait(request)

    async def _serve(self) -> None:
        while True:
            request = await self._requests.get()
            await answer(self._ups, request, pacing=self._pacing, write=self._write)

    async def _write(self, data: bytes) -> None:
        # Nobody reads: the bytes are lost, as on a line.
        with suppress(BlockingIOError):
            os.write(self._master, data)

    def _close_terminal(self) -> None:
        os.close(self._master)
        os.close(self._slave)

    def _make_link(self) -> None:
        if self._link is None:
            return
        # What a killed simulator left behind points to a terminal, or to nothing any more.
        if self._link.is_symlink() and str(self._link.readlink()).startswith("/dev/pts/"):
            self._link.unlink()
        self._link.symlink_to(self._device)

    def _remove_link(self) -> None:
        if self._link is None or not self._link.is_symlink():
            return
        if str(self._link.readlink()) == self._device:
            self._link.unlink()


class _LoopbackServer(SimulatorServer):
    def __init__(self, ups: SimulatedUps, *, port: int = 0) -> None:
        """Serve `ups` on `port` of the loopback address; 0 takes a free one."""
        self._ups = ups
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that is served, once started."""
        return self._port

    @property
    @override
    def place(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    @override
    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._talk, LOOPBACK, self._port, limit=_LONGEST_LINE
        )
        self._port = self._server.sockets[0].getsockname()[1]

    @override
    async def close(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        server.abort_clients()
        await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                await self._converse(reader, writer)
        finally:
            writer.close()

    @abstractmethod
    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves."""


class TcpServer(_LoopbackServer):
    """The unit behind a serial-to-network adapter (``socket://``): raw bytes on TCP."""

    def __init__(self, ups: SimulatedUps, *, port: int = 0, pacing: Pacing = NO_PACING) -> None:
        """Serve `ups` on `port` of the loopback address; 0 takes a free one."""
        super().__init__(ups, port=port)
        self._pacing = pacing

    @override
    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        buffer = RequestBuffer()
        while data := await reader.read(_READ_BYTES):
            for request in buffer.feed(data):
                await answer(self._ups, request, pacing=self._pacing, write=write)


class ControlServer(_LoopbackServer):
    """The knobs of the unit as lines of text on TCP; see `run_command`."""

    @override
    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                writer.write(b"error: the line is too long\n")
                await writer.drain()
                return
            if not line:
                return
            reply = run_command(self._ups, line.decode(errors="replace"))
            writer.write(f"{reply}\n".encode())
            await writer.drain()
