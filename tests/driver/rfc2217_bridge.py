"""A serial bridge by RFC 2217 whose protocol is pyserial's, with a simulated UPS at its port."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Self

import serial  # type: ignore[import-untyped]
from serial.rfc2217 import PortManager  # type: ignore[import-untyped]

from custom_components.omron_ups.driver import SimulatedUps

CR = b"\r"


@dataclass
class Rfc2217Bridge:
    """One port of a bridge on loopback; every connection begins with new lines."""

    unit: SimulatedUps
    lines: list[serial.SerialBase] = field(default_factory=list)
    """What each connection did to the port, as pyserial's own port that is connected to nothing."""

    async def __aenter__(self) -> Self:
        """Serve."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End."""
        self.drop()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"rfc2217://127.0.0.1:{self._port}"

    def drop(self) -> None:
        """Go away, with every connection."""
        self._server.close()
        self._server.close_clients()

    async def come_back(self) -> None:
        """Serve again at the same address."""
        await self._server.wait_closed()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = serial.serial_for_url("loop://")
        self.lines.append(port)
        manager = PortManager(port, writer)
        request = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                request += b"".join(manager.filter(data))
                while CR in request:
                    one, _, request = request.partition(CR)
                    reply = self.unit.handle(one + CR) or b""
                    writer.write(b"".join(manager.escape(reply)))
        writer.close()
