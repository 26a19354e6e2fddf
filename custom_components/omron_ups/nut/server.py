"""The listening socket, its clients, and the certificate that they may see."""

import asyncio
from collections.abc import Callable
import errno
from ipaddress import IPv6Address, ip_address
import logging
import socket
import ssl
from typing import Final

from .accounts import Address, Throttle, contains
from .admission import Admission, RefusedCallback
from .audit import Audit
from .connection import Connection
from .directory import Directory
from .errors import AddressNotAvailableError, CertificateError, NutServerError, PortInUseError
from .grammar import RequestReader, WordCache
from .privileged import Common
from .session import Session
from .settings import Limits, ServerSettings, Statistics
from .tls import Certificate
from .ups import NutUps

# upsd's 16 makes 500 clients that come at once wait for 15 s.
_BACKLOG: Final = 1024
_CHUNK_BYTES: Final = 16 * 1024
_CHECKS_PER_LIMIT: Final = 4
_SLOWEST_CHECK_S: Final = 1.0
_FASTEST_CHECK_S: Final = 0.01
_LOGGER: Final = logging.getLogger(__name__)

type CertificateCallback = Callable[[CertificateError | None], None]

_ERRORS: Final[dict[int | None, type[NutServerError]]] = {
    errno.EADDRINUSE: PortInUseError,
    errno.EADDRNOTAVAIL: AddressNotAvailableError,
    # asyncio swallows EADDRNOTAVAIL and then has no address left to bind to.
    None: AddressNotAvailableError,
}


class NutServer:
    """Serve any number of UPSes to NUT clients on one address and port."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        on_refused: RefusedCallback | None = None,
        on_certificate: CertificateCallback | None = None,
    ) -> None:
        """Create a server that does not listen yet.

        Args:
            settings: Where to listen, and whom to let in.
            on_refused: Called once for each address outside the allowed networks, and once more
                after each change of the settings.
            on_certificate: Called with why the certificate cannot be used, and with None once it
                can; meanwhile the server goes on with the last good one, or without TLS.

        """
        self.on_certificate = on_certificate
        self.requests = 0
        self._settings = settings
        self._chunk = memoryview(bytearray(_CHUNK_BYTES))
        self._directory = Directory()
        self._cache = WordCache()
        self._admission = Admission(settings, on_refused)
        self._common = Common(
            directory=self._directory,
            throttle=Throttle(delay_s=settings.limits.failed_credentials_delay_s),
            on_login=self._admission.remember,
            require_tls=settings.require_tls,
        )
        self._certificate = Certificate()
        self._refresh: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None
        self._checks: asyncio.TimerHandle | None = None
        self._connections: dict[Connection, Address] = {}

    @property
    def on_refused(self) -> RefusedCallback | None:
        """Return who hears of addresses outside the allowed networks."""
        return self._admission.on_refused

    @on_refused.setter
    def on_refused(self, callback: RefusedCallback | None) -> None:
        self._admission.on_refused = callback

    @property
    def audit(self) -> Audit:
        """Return the refused addresses; what clients do to a UPS is in its own audit."""
        return self._admission.audit

    @property
    def has_tls(self) -> bool:
        """Tell whether clients that say STARTTLS get it."""
        return self._certificate.context is not None

    @property
    def settings(self) -> ServerSettings:
        """Return the settings that hold now."""
        return self._settings

    @property
    def limits(self) -> Limits:
        """Return the limits that hold now."""
        return self._settings.limits

    @property
    def chunk(self) -> memoryview:
        """Return the room that any connection reads into; emptied before the next one reads."""
        return self._chunk

    @property
    def port(self) -> int:
        """Return the port that the server listens on, or will."""
        if self._server is None or not self._server.sockets:
            return self._settings.port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def statistics(self) -> Statistics:
        """Return the figures so far."""
        return Statistics(
            connections=len(self._connections),
            accepted=self._admission.accepted,
            refused=self._admission.refused,
            requests=self.requests,
        )

    async def start(self) -> None:
        """Listen, unless the server does already.

        Raises:
            PortInUseError: Another program has the port.
            AddressNotAvailableError: The host is no address of this machine.
            NutServerError: The system refused for another reason.

        """
        if self._server is not None:
            return
        await self.refresh_certificate()
        loop = asyncio.get_running_loop()
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await loop.create_server(
                lambda: Connection(self, loop), host, port, backlog=_BACKLOG
            )
        except socket.gaierror as err:
            raise AddressNotAvailableError(f"{host!r} is no address to listen on") from err
        except OSError as err:
            kind = _ERRORS.get(err.errno, NutServerError)
            raise kind(f"Cannot listen on {host} port {port}: {err}") from err
        self._check_later(loop)

    async def close(self) -> None:
        """Stop listening and close every client; does nothing the second time."""
        server, self._server = self._server, None
        if server is None or self._checks is None:
            return
        self._checks.cancel()
        if self._refresh is not None:
            self._refresh.cancel()
        server.close()
        for connection in tuple(self._connections):
            connection.drop()
        await server.wait_closed()

    def add_ups(self, ups: NutUps) -> Callable[[], None]:
        """Serve a UPS; the undo closes the clients that are logged in to it.

        Raises:
            NameTakenError: Another UPS of this server has one of its names.

        """
        return self._directory.add(ups)

    def update(self, settings: ServerSettings) -> None:
        """Apply other networks and limits; only clients that are no longer allowed are closed.

        Raises:
            ValueError: The address or port differs, which takes another server.

        """
        if (settings.host, settings.port) != (self._settings.host, self._settings.port):
            raise ValueError("A server cannot move to another address or port")
        self._settings = settings
        self._admission.update(settings)
        self._common.throttle.delay_s = settings.limits.failed_credentials_delay_s
        self._common.require_tls = settings.require_tls
        for connection, address in tuple(self._connections.items()):
            if not contains(settings.allowed_networks, address):
                connection.drop()
        if self._refresh is not None:
            self._refresh.cancel()
        if self._server is not None:
            self._refresh = asyncio.get_running_loop().create_task(
                self.refresh_certificate(), name="NUT certificate"
            )

    async def refresh_certificate(self) -> None:
        """Take over the certificate and key if their files have changed, as after a renewal."""
        fault: CertificateError | None = None
        try:
            await self._certificate.refresh(self._settings.tls)
        except CertificateError as err:
            _LOGGER.debug("The NUT server's certificate cannot be used: %s", err)
            fault = err
        if self.on_certificate is not None:
            self.on_certificate(fault)

    def new_reader(self) -> RequestReader:
        """Return what collects the requests of a client."""
        return RequestReader(limit=self.limits.request_bytes, cache=self._cache)

    def admit(self, connection: Connection, transport: asyncio.Transport) -> Session | None:
        """Return the conversation with a client, or None if it is not welcome."""
        address = _peer_address(transport)
        if self._server is None or not self._admission.enter(address):
            return None
        self._connections[connection] = address
        return self._session(connection, secure=False)

    def secured(self, connection: Connection) -> Session:
        """Return the conversation with a client that begins anew within TLS."""
        return self._session(connection, secure=True)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed, welcome or not."""
        address = self._connections.pop(connection, None)
        if address is not None:
            self._admission.leave(address)

    def _session(self, connection: Connection, *, secure: bool) -> Session:
        return Session(
            common=self._common,
            address=self._connections[connection],
            drop=connection.drop,
            context=self._context,
            secure=secure,
        )

    def _context(self) -> ssl.SSLContext | None:
        return self._certificate.context

    def _check_later(self, loop: asyncio.AbstractEventLoop) -> None:
        limits = self.limits
        shortest = min(limits.idle_s, limits.request_s, limits.output_stall_s)
        delay = min(_SLOWEST_CHECK_S, max(_FASTEST_CHECK_S, shortest / _CHECKS_PER_LIMIT))
        self._checks = loop.call_later(delay, self._check_times, loop)

    def _check_times(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self._connections):
            connection.check_time(now)
        self._check_later(loop)


def _peer_address(transport: asyncio.Transport) -> Address:
    """Return where a client is, an IPv4 address as such even on an IPv6 socket."""
    address = ip_address(transport.get_extra_info("peername")[0].partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
