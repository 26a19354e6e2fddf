"""A web server on loopback with any certificate, that writes down what it is asked."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
import ssl
from tempfile import TemporaryDirectory

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> str:
        """The certificate as a user would paste it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 as it would be shown."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def context(self) -> ssl.SSLContext:
        """Return the server's side of TLS."""
        secret = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            chain = Path(folder, "server.pem")
            chain.write_bytes(self.pem.encode() + secret)
            context.load_cert_chain(chain)
        return context


@cache
def make_identity(
    name: str,
    *,
    address: str = "127.0.0.1",
    signed_by: Identity | None = None,
    is_authority: bool = False,
    is_expired: bool = False,
) -> Identity:
    """Return a certificate; self-signed unless an authority is named."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + (-DAY if is_expired else DAY)
    names = x509.SubjectAlternativeName(
        [x509.DNSName(name), *([x509.IPAddress(ip_address(address))] if address else [])]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by.certificate.subject if signed_by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 3 * DAY)
        .not_valid_after(end)
        # As home servers' authorities do it: neither critical nor with key identifiers.
        .add_extension(
            x509.BasicConstraints(ca=True, path_length=None)
            if is_authority
            else x509.BasicConstraints(ca=False, path_length=None),
            critical=False,
        )
        .add_extension(names, critical=False)
        .sign(signed_by.key if signed_by else key, hashes.SHA256())
    )
    return Identity(certificate=certificate, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    connection: int
    """The client's port: another one is another connection."""


type Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True, kw_only=True)
class WebServer:
    """A running server; `answer` may be replaced at any time."""

    answer: Answer
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Write the request down, then answer it."""
        peer = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        self.asked.append(
            Asked(
                method=request.method,
                path=request.path_qs,
                headers=dict(request.headers),
                body=await request.text(),
                connection=peer[1],
            )
        )
        return await self.answer(request)


def say(status: int = 200, text: str = "", **headers: str) -> Answer:
    """Answer always the same."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def vanish(request: web.Request) -> web.StreamResponse:
    """Break the connection without an answer, as a host does that loses its power."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(request: web.Request) -> web.StreamResponse:
    """Answer nothing, until the client gives up."""
    assert request.transport is not None
    for _ in range(1200):
        if request.transport.is_closing():
            break
        await asyncio.sleep(0.05)
    return web.Response()


@asynccontextmanager
async def serving(
    answer: Answer | None = None, *, identity: Identity | None = None, port: int = 0
) -> AsyncGenerator[WebServer]:
    """Serve on loopback; with HTTPS if an identity is given."""
    server = WebServer(answer=answer or say(), scheme="https" if identity else "http")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    context = identity.context() if identity else None
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, reuse_address=True)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
