"""Somebody between a client and its server, who denies TLS and listens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .shared import PATIENCE_S


@dataclass(slots=True)
class Proxy:
    """A running proxy."""

    port: int
    heard: dict[str, bytes] = field(default_factory=dict)
    """What a client has said, with the replies that it got."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, request: bytes, reply: bytes) -> None:
        """Keep in mind what was said."""
        self.heard[request.decode().strip()] = reply
        self._changed.set()

    async def until(self, request: str) -> None:
        """Wait until a client has said this, and got its reply."""
        async with asyncio.timeout(PATIENCE_S):
            while request not in self.heard:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def running_proxy(port: int) -> AsyncGenerator[Proxy]:
    """Stand before the server on a port; answers STARTTLS itself, and passes all else on."""
    proxy = Proxy(0)

    async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        replies, server = await asyncio.open_connection("127.0.0.1", port)
        while line := await client.readline():
            if line.startswith(b"STARTTLS"):
                reply = b"ERR FEATURE-NOT-CONFIGURED\n"
            else:
                server.write(line)
                reply = await replies.readline()
            answers.write(reply)
            proxy.note(line, reply)
        server.close()
        answers.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()
        listener.close_clients()
        await listener.wait_closed()
