"""The listening socket: who is let in, how many, and for how long."""

import asyncio
from collections import Counter
from collections.abc import Callable
import errno
from ipaddress import IPv6Address, ip_address
import socket
from typing import Final

from .accounts import Address, Throttle, contains
from .connection import Connection
from .directory import Directory
from .errors import AddressNotAvailableError, NutServerError, PortInUseError
from .grammar import RequestReader, WordCache
from .session import Session
from .settings import Limits, ServerSettings, Statistics
from .ups import NutUps

# upsd's 16 makes 500 clients that come at once wait for 15 s.
_BACKLOG: Final = 1024
_CHUNK_BYTES: Final = 16 * 1024
_CHECKS_PER_LIMIT: Final = 4
_SLOWEST_CHECK_S: Final = 1.0
_FASTEST_CHECK_S: Final = 0.01
_MAX_REPORTED: Final = 256

type RefusedCallback = Callable[[Address], None]

_ERRORS: Final[dict[int | None, type[NutServerError]]] = {
    errno.EADDRINUSE: PortInUseError,
    errno.EADDRNOTAVAIL: AddressNotAvailableError,
    # asyncio swallows EADDRNOTAVAIL and then has no address left to bind to.
    None: AddressNotAvailableError,
}


class NutServer:
    """Serve any number of UPSes to NUT clients on one address and port."""

    def __init__(
        self, settings: ServerSettings, *, on_refused: RefusedCallback | None = None
    ) -> None:
        """Create a server that does not listen yet.

        Args:
            settings: Where to listen, and whom to let in.
            on_refused: Called once for each address outside the allowed networks, and once more
                after each change of the settings.

        """
        self.on_refused = on_refused
        self.requests = 0
        self._settings = settings
        self._chunk = memoryview(bytearray(_CHUNK_BYTES))
        self._directory = Directory()
        self._cache = WordCache()
        self._throttle = Throttle(delay_s=settings.limits.failed_credentials_delay_s)
        self._server: asyncio.Server | None = None
        self._checks: asyncio.TimerHandle | None = None
        self._connections: dict[Connection, Address] = {}
        self._per_address: Counter[Address] = Counter()
        self._accepted = 0
        self._refused = 0
        self._reported: set[Address] = set()

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
            accepted=self._accepted,
            refused=self._refused,
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
        self._throttle.delay_s = settings.limits.failed_credentials_delay_s
        self._reported.clear()
        for connection, address in tuple(self._connections.items()):
            if not contains(settings.allowed_networks, address):
                connection.drop()

    def new_reader(self) -> RequestReader:
        """Return what collects the requests of a client."""
        return RequestReader(limit=self.limits.request_bytes, cache=self._cache)

    def admit(self, connection: Connection, transport: asyncio.Transport) -> Session | None:
        """Return the conversation with a client, or None if it is not welcome."""
        address = _peer_address(transport)
        if not self._welcomes(address):
            self._refused += 1
            return None
        self._accepted += 1
        self._connections[connection] = address
        self._per_address[address] += 1
        return Session(
            directory=self._directory,
            address=address,
            throttle=self._throttle,
            drop=connection.drop,
        )

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed, welcome or not."""
        address = self._connections.pop(connection, None)
        if address is None:
            return
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def _welcomes(self, address: Address) -> bool:
        if not contains(self._settings.allowed_networks, address):
            self._report(address)
            return False
        return (
            self._server is not None
            and len(self._connections) < self.limits.connections
            and self._per_address[address] < self.limits.connections_per_address
        )

    def _report(self, address: Address) -> None:
        if address in self._reported or self.on_refused is None:
            return
        if len(self._reported) >= _MAX_REPORTED:
            self._reported.clear()
        self._reported.add(address)
        # On its own turn of the loop: its faults are not the client's.
        asyncio.get_running_loop().call_soon(self.on_refused, address)

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
