"""HTTP in memory and on virtual time: aiohttp's client on one end, a fake's server on the other.

Requests are built, sent, parsed and answered by aiohttp itself; only sockets and TLS are not there.
What a TLS handshake would find out is found out by comparing certificates.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
import errno
from http.client import parse_headers
from io import BytesIO
import ssl
from typing import Any, Final, Protocol, override
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.shutdown.fakes.server import FakeServer

LATENCY_S: Final = 0.02
ODD_S: Final = 1.37 * LATENCY_S
PORT: Final = 443
# How long a machine that has no power is looked for: ARP gives up.
NO_ROUTE_S: Final = 3.0
SLOW_S: Final = 14.0
RST: Final = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A request as it leaves."""

    method: str
    path: str
    params: Mapping[str, str]
    """Of the query and of a form."""
    body: str = ""

    @property
    def label(self) -> str:
        """What it is called in timelines."""
        return f"{self.method} {self.path}"


class Post(Protocol):
    """What stands between one process and the hosts."""

    def find(self, host: str) -> FakeServer | OSError | None:
        """Return who answers at a host; an error if nobody can, None if nothing is heard."""

    def leaves(self, server: FakeServer, letter: Letter) -> str | None:
        """Note that a request leaves; returns its fault, or None: it never left."""

    def arrives(self, server: FakeServer, letter: Letter, answer: bytes) -> bool:
        """Return whether an answer, as far as it has come, finds anybody to read it."""

    def delay_s(self, server: FakeServer) -> float:
        """Return how long each answer of a host takes besides the way."""


class MemoryListener:
    """Lets in whom the connector brings, as long as the machine behind it has open ports."""

    def __init__(self, is_open: Callable[[], bool]) -> None:
        """Ask `is_open` each time."""
        self._is_open = is_open
        self._server: web.Server | None = None
        self._ends: set[End] = set()

    @property
    def is_open(self) -> bool:
        """Whether anybody could connect."""
        return self._is_open()

    async def open(self, server: FakeServer) -> None:
        """Be known under the usual port."""
        server.port = PORT

    async def close(self) -> None:
        """Do nothing: the machine closes its ports."""

    def accept(self, server: FakeServer, end: End) -> None:
        """Let the server talk to one end; nothing of it belongs to the process that connects."""
        self._server = self._server or web.Server(server.receive, access_log=None)
        self._ends = {end for end in self._ends if not end.is_closing()} | {end}
        handler = self._server()
        end.set_protocol(handler)
        Context().run(handler.connection_made, end)

    def drop(self, error: ConnectionError | None) -> None:
        """Lose all connections; without an error nobody is told."""
        ends, self._ends = self._ends, set()
        for end in ends:
            end.vanish(error)


class End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, peer: End | None = None) -> None:
        """Belong to the other end, which may be made later."""
        super().__init__({"peername": ("rack", PORT), "sockname": ("rack", PORT)})
        self._loop = asyncio.get_running_loop()
        self._peer = peer
        self._protocol: asyncio.BaseProtocol | None = None
        self._inbox: deque[bytes | None] = deque()
        self._is_closing = False
        self._is_lost = False
        if peer is not None:
            peer.set_peer(self)

    def set_peer(self, peer: End) -> None:
        """Belong together."""
        self._peer = peer

    @override
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    @override
    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol

    @override
    def write(self, data: Any) -> None:
        if not self._is_closing:
            self._send(bytes(data))

    def _send(self, data: bytes) -> None:
        self._pass(data, LATENCY_S)

    def _pass(self, data: bytes | None, seconds: float) -> None:
        """Let the other end have it after a while; None: that this end is closed."""
        if self._peer is not None:
            self._peer.take(data, seconds)

    def take(self, data: bytes | None, seconds: float) -> None:
        """Get what the other end sent, in its order."""
        self._inbox.append(data)
        self._loop.call_later(seconds, self._read)

    def _read(self) -> None:
        data = self._inbox.popleft()
        if self._is_lost or self._protocol is None:
            return
        if data is None:
            self._lose(None)
        elif isinstance(self._protocol, asyncio.Protocol):
            self._protocol.data_received(data)

    @override
    def close(self) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        # Later than what was written just before: the other side has begun to read by then.
        self._pass(None, 2.0 * LATENCY_S)
        self._loop.call_soon(self._lose, None)

    @override
    def abort(self) -> None:
        self.vanish(RST)

    def vanish(self, error: ConnectionError | None) -> None:
        """End at once; the other end gets the error, or never hears of it."""
        self._is_closing = True
        # Never in the very moment in which a request arrives: aiohttp's server trips over that.
        self._loop.call_later(ODD_S, self._lose, None)
        if error is not None and self._peer is not None:
            self._loop.call_later(ODD_S, self._peer.fail, error)

    def fail(self, error: ConnectionError) -> None:
        """Learn that the other end is gone."""
        self._is_closing = True
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if self._is_lost or self._protocol is None:
            return
        self._is_lost = self._is_closing = True
        self._protocol.connection_lost(error)

    @override
    def is_closing(self) -> bool:
        return self._is_closing

    @override
    def get_write_buffer_size(self) -> int:
        return 0

    @override
    def pause_reading(self) -> None:
        """Do nothing: what is on its way is small."""

    @override
    def resume_reading(self) -> None:
        """Do nothing."""


class ClientEnd(End):
    """The end of the process: requests leave whole, or not at all, and may meet with a fault."""

    def __init__(self, post: Post, server: FakeServer) -> None:
        """Connect to a server; nothing was sent yet."""
        super().__init__()
        self._post = post
        self._server = server
        self._written = self._answer = b""
        self._letter: Letter | None = None
        self._fault: str | None = ""

    @override
    def _send(self, data: bytes) -> None:
        self._written += data
        if (letter := read_letter(self._written)) is None:
            return
        self._letter = letter
        written, self._written = self._written, b""
        self._fault = self._post.leaves(self._server, letter)
        if self._fault not in {None, "lost_request"}:
            self._pass(written, LATENCY_S)

    @override
    def take(self, data: bytes | None, seconds: float) -> None:
        if self._fault in {None, "lost_reply", "lost_request"}:
            return
        if self._fault == "connection_dies":
            self._fault = "lost_reply"
            self._loop.call_later(seconds, self.fail, RST)
            return
        slow_s = SLOW_S if self._fault == "slow_reply" else self._post.delay_s(self._server)
        super().take(data, seconds + slow_s)

    @override
    def _read(self) -> None:
        self._answer += self._inbox[0] or b""
        if self._letter and not self._post.arrives(self._server, self._letter, self._answer):
            self._inbox.popleft()
            return
        super()._read()


def read_letter(written: bytes) -> Letter | None:
    """Return the request, None while a part of it is missing."""
    head, separator, body = written.partition(b"\r\n\r\n")
    if not separator:
        return None
    first, _, rest = head.partition(b"\r\n")
    headers = parse_headers(BytesIO(rest + b"\r\n\r\n"))
    if len(body) < int(headers.get("Content-Length") or 0):
        return None
    method, target, _ = first.decode().split(" ")
    split, text = urlsplit(target), body.decode()
    params = dict(parse_qsl(split.query))
    if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        params |= dict(parse_qsl(text))
    return Letter(method=method, path=split.path, params=params, body=text)


class MemoryConnector(aiohttp.BaseConnector):
    """Connects to fakes as aiohttp's own connector does to sockets, errors included."""

    def __init__(self, post: Post) -> None:
        """Belong to one process."""
        super().__init__(force_close=True, limit=0)
        self._post = post

    @override
    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        found = self._post.find(req.url.host or "")
        if found is None:
            await asyncio.sleep(1e9)
        if isinstance(found, OSError):
            await asyncio.sleep(LATENCY_S if found.errno == errno.ECONNREFUSED else NO_ROUTE_S)
            raise aiohttp.ClientConnectorError(req.connection_key, found)
        assert isinstance(found, FakeServer)
        # TCP's and TLS's own round trips.
        await asyncio.sleep(3.0 * LATENCY_S)
        _prove(found, req)
        assert isinstance(found.listener, MemoryListener)
        near = ClientEnd(self._post, found)
        far = End(near)
        found.listener.accept(found, far)
        handler = ResponseHandler(self._loop)
        near.set_protocol(handler)
        handler.connection_made(near)
        return handler


def _prove(server: FakeServer, req: ClientRequest) -> None:
    """Do what TLS and aiohttp do with the server's certificate."""
    trust = req.connection_key.ssl
    if isinstance(trust, aiohttp.Fingerprint):
        shown = bytes.fromhex(server.certificate.fingerprint.replace(":", ""))
        if shown != trust.fingerprint:
            raise aiohttp.ServerFingerprintMismatch(trust.fingerprint, shown, server.name, PORT)
        return
    assert isinstance(trust, ssl.SSLContext)
    signers = {_der(pem) for pem in (server.certificate.pem, server.authority_pem) if pem}
    if signers.isdisjoint(trust.get_ca_certs(binary_form=True)):
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        raise aiohttp.ClientConnectorCertificateError(req.connection_key, error)


def _der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
