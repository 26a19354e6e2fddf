"""What the fakes share: a TLS server on loopback that writes down what it is asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
import ssl
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Protocol, Self, override

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A self-signed certificate and the server's side of TLS with it."""

    fingerprint: str
    """SHA-256, upper case with colons, as browsers and Proxmox VE show it."""
    pem: str
    context: ssl.SSLContext = field(repr=False)


@cache
def certificate(name: str) -> Certificate:
    """Return a certificate for loopback; another name stands for a renewed one."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(LOOPBACK))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        chain = Path(folder, "server.pem")
        chain.write_bytes(pem + secret)
        context.load_cert_chain(chain)
    return Certificate(
        fingerprint=signed.fingerprint(hashes.SHA256()).hex(":").upper(),
        pem=pem.decode("ascii"),
        context=context,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that came in."""

    method: str
    path: str
    params: Mapping[str, str] = MappingProxyType({})
    """Of the query and of the body together."""
    query: str = ""
    """What stood in the URL: no place for a secret."""

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Listener(Protocol):
    """How requests get to a server."""

    @property
    def is_open(self) -> bool:
        """Whether anybody could connect."""

    async def open(self, server: FakeServer) -> None:
        """Let requests in."""

    async def close(self) -> None:
        """Refuse connections from now on."""


class Sockets:
    """TLS on loopback."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None

    @property
    def is_open(self) -> bool:
        """Whether anybody could connect."""
        return self._runner is not None

    async def open(self, server: FakeServer) -> None:
        """Serve, at the same port as before."""
        if self._runner is not None:
            return
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner,
            LOOPBACK,
            server.port,
            ssl_context=server.certificate.context,
            reuse_address=True,
        )
        await site.start()
        server.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Refuse connections from now on."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


class FakeServer:
    """One address of a host; `asked` holds every request that arrived."""

    def __init__(self, name: str = "host") -> None:
        self.asked: list[Asked] = []
        self.on_asked: Callable[[Asked], None] = lambda _: None
        """Told of each request before it is answered."""
        self.name = name
        self.certificate = certificate(name)
        self.authority_pem = ""
        """Of the authority that signed the certificate, if it was not signed by itself."""
        self.port = 0
        self.stopped = asyncio.Event()
        """Set while the API does not answer."""
        self.listener: Listener = Sockets()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def is_serving(self) -> bool:
        """Whether the API answers; the host may be on all the same."""
        return self.listener.is_open

    async def start(self) -> None:
        """Serve, at the same port as before."""
        await self.listener.open(self)
        self.stopped.clear()

    async def stop(self) -> None:
        """Refuse connections from now on."""
        await self.listener.close()
        self.stopped.set()

    async def renew_certificate(self, name: str) -> Certificate:
        """Serve with another certificate, as after a renewal."""
        await self.stop()
        self.certificate = certificate(name)
        await self.start()
        return self.certificate

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        """Write a request down, and answer it."""
        body = await request.post()
        params = {key: str(value) for key, value in (*request.query.items(), *body.items())}
        asked = Asked(
            method=request.method,
            path=request.path,
            params=MappingProxyType(params),
            query=request.query_string,
        )
        self.asked.append(asked)
        self.on_asked(asked)
        return await self.answer(asked, request)

    async def answer(self, asked: Asked, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        raise NotImplementedError
