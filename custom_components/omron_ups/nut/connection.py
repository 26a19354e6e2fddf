"""The socket of one NUT client: bytes in, replies out, and nobody else kept waiting."""

import asyncio
from collections.abc import Coroutine
import logging
import ssl
from typing import Any, Final, Protocol, override

from . import replies
from .errors import RequestTooLongError
from .grammar import RequestReader
from .session import Reply, Session
from .settings import Limits

_LOGGER: Final = logging.getLogger(__name__)
# So many replies to pipelined requests leave in one write.
_BATCH: Final = 32


class Host(Protocol):
    """The server, as a connection sees it."""

    requests: int

    @property
    def limits(self) -> Limits:
        """Return the limits that hold now."""

    @property
    def chunk(self) -> memoryview:
        """Return the room that any connection reads into; emptied before the next one reads."""

    def new_reader(self) -> RequestReader:
        """Return what collects the requests of a client."""

    def admit(self, connection: Connection, transport: asyncio.Transport) -> Session | None:
        """Return the conversation with a client, or None if it is not welcome."""

    def secured(self, connection: Connection) -> Session:
        """Return the conversation with a client that begins anew within TLS."""

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed, welcome or not."""


class Connection(asyncio.BufferedProtocol):
    """One client; what it may not send yet stays unread in its socket."""

    __slots__ = (
        "_active_at",
        "_blocked_since",
        "_host",
        "_leaving",
        "_loop",
        "_out",
        "_partial_since",
        "_pending",
        "_reader",
        "_session",
        "_transport",
    )

    _transport: asyncio.Transport

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        """Wait to be connected."""
        self._host = host
        self._loop = loop
        self._reader = host.new_reader()
        self._session: Session | None = None
        self._out: list[bytes] = []
        self._pending: asyncio.Task[None] | None = None
        self._leaving = False
        self._active_at = loop.time()
        self._partial_since: float | None = None
        self._blocked_since: float | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP goes both ways
        self._transport = transport
        self._session = self._host.admit(self, transport)
        if self._session is None:
            self.drop()
            return
        transport.set_write_buffer_limits(high=self._host.limits.output_bytes)

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._host.chunk

    @override
    def buffer_updated(self, nbytes: int) -> None:
        if self._leaving:
            return
        self._reader.feed(bytes(self._host.chunk[:nbytes]))
        # The first bytes within TLS may come before the upgrade has returned.
        if self._pending is None:
            self._serve()

    @override
    def pause_writing(self) -> None:
        self._blocked_since = self._loop.time()
        self._transport.pause_reading()

    @override
    def resume_writing(self) -> None:
        self._blocked_since = None
        self._serve()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._leaving = True
        if self._pending is not None:
            self._pending.cancel()
        if self._session is not None:
            self._session.end()
        self._host.leave(self)

    def drop(self) -> None:
        """Close the socket now, with nothing more to say."""
        self._leaving = True
        self._transport.abort()

    def check_time(self, now: float) -> None:
        """Close the socket if the client has used up its time, unless it waits for us."""
        if self._pending is not None:
            return
        limits = self._host.limits
        if self._blocked_since is not None:
            overdue = now - self._blocked_since > limits.output_stall_s
        elif self._partial_since is not None:
            overdue = now - self._partial_since > limits.request_s
        else:
            overdue = now - self._active_at > limits.idle_s
        if overdue:
            self.drop()

    def _serve(self) -> None:
        """Answer what has arrived; here a fault costs its client the connection, nobody else."""
        try:
            self._answer_requests()
        except RequestTooLongError:
            self._host.requests += 1
            self._say_goodbye(replies.INVALID_ARGUMENT)
        except Exception:
            _LOGGER.exception("Closing a NUT client after an unexpected error")
            self.drop()

    def _answer_requests(self) -> None:
        session = self._session
        while session is not None and not self._waits:
            words = self._reader.next_request()
            if words is None:
                break
            self._host.requests += 1
            self._active_at = self._loop.time()
            self._partial_since = None
            self._reply(session, session.handle(words))
        self._flush()
        self._read_on()

    @property
    def _waits(self) -> bool:
        return self._leaving or self._pending is not None or self._blocked_since is not None

    def _reply(self, session: Session, reply: Reply) -> None:
        if not isinstance(reply, bytes):
            self._flush()
            self._pending = self._loop.create_task(self._reply_later(reply), name="NUT reply")
        elif session.upgrade is not None:
            self._out.append(reply)
            self._start_tls(session.upgrade)
        elif session.finished:
            self._say_goodbye(reply)
        else:
            self._out.append(reply)
            if len(self._out) >= _BATCH:
                self._flush()

    async def _reply_later(self, reply: Coroutine[Any, Any, bytes]) -> None:
        try:
            self._out.append(await reply)
        except Exception:
            _LOGGER.exception("Closing a NUT client after an unexpected error")
            self.drop()
        self._pending = None
        self._active_at = self._loop.time()
        self._serve()

    def _start_tls(self, context: ssl.SSLContext) -> None:
        """Begin TLS; bytes sent ahead of it may be anybody's and are thrown away."""
        self._reader = self._host.new_reader()
        self._flush()
        if self._blocked_since is not None:
            # Nobody who wants to go on in TLS leaves so many replies unread.
            self.drop()
            return
        self._transport.pause_reading()
        self._pending = self._loop.create_task(self._upgrade(context), name="NUT STARTTLS")

    async def _upgrade(self, context: ssl.SSLContext) -> None:
        plain = self._transport
        limits = self._host.limits
        try:
            secure = await self._loop.start_tls(
                plain,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=limits.handshake_s,
                ssl_shutdown_timeout=limits.request_s,
            )
        except OSError as err:
            _LOGGER.debug("A NUT client's TLS handshake failed: %s", err)
            secure = None
        self._pending = None
        # During the handshake nobody tells this protocol that the connection is lost.
        if secure is None or plain.is_closing():
            self.connection_lost(None)
            return
        self._transport = secure
        secure.set_write_buffer_limits(high=limits.output_bytes)
        self._session = self._host.secured(self)
        self._active_at = self._loop.time()
        self._serve()

    def _flush(self) -> None:
        if self._out:
            self._transport.write(self._out[0] if len(self._out) == 1 else b"".join(self._out))
            self._out.clear()

    def _read_on(self) -> None:
        """Read from the socket only while requests can be answered."""
        if self._waits and not self._leaving:
            self._transport.pause_reading()
            return
        self._transport.resume_reading()
        if self._partial_since is None and self._reader.partial:
            self._partial_since = self._loop.time()

    def _say_goodbye(self, reply: bytes) -> None:
        """Send the last reply; what the client still sends is thrown away until it hangs up.

        Closing with unread bytes in the socket would reset the connection and lose the reply.
        """
        self._out.append(reply)
        self._flush()
        self._leaving = True
        self._partial_since = self._loop.time()
        if not self._transport.can_write_eof():
            # TLS has a goodbye of its own, and takes in what still comes.
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:
            # upsc 2.8.0 says LOGOUT and hangs up without waiting for the answer.
            self.drop()
