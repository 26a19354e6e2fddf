"""One server per address and port, shared by all UPSes that are to be found there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from .admission import RefusedCallback
from .server import CertificateCallback, NutServer
from .settings import ServerSettings
from .ups import NutUps

type _Key = tuple[str, int]


class Lease:
    """The place of one UPS on a shared server.

    The lease that came first owns the networks, TLS and limits; the others see them.
    """

    def __init__(
        self,
        *,
        pool: NutServers,
        server: NutServer,
        settings: ServerSettings,
        on_refused: RefusedCallback | None,
        on_certificate: CertificateCallback | None,
        remove_ups: Callable[[], None],
    ) -> None:
        """Take a place; NutServers.acquire() does."""
        self._pool = pool
        self._server = server
        self._settings = settings
        self._on_refused = on_refused
        self._on_certificate = on_certificate
        self._remove_ups = remove_ups

    @property
    def server(self) -> NutServer:
        """Return the shared server."""
        return self._server

    @property
    def settings(self) -> ServerSettings:
        """Return what this lease asked for, which holds only while it is the owner."""
        return self._settings

    @property
    def is_owner(self) -> bool:
        """Tell whether the settings of this lease are those of the server."""
        return self._pool.owner(self._server) is self

    def update(self, settings: ServerSettings) -> None:
        """Ask for other networks, TLS or limits, applied now or when the lease becomes the owner.

        Raises:
            ValueError: The address or port differs, which takes another lease.

        """
        if _key(settings) != _key(self._settings):
            raise ValueError("A lease cannot move to another address or port")
        self._settings = settings
        if self.is_owner:
            self.take_over()

    def take_over(self) -> None:
        """Make the settings of this lease those of the server."""
        self._server.on_refused = self._on_refused
        self._server.on_certificate = self._on_certificate
        self._server.update(self._settings)

    def leave(self) -> None:
        """Take the UPS off the server."""
        self._remove_ups()

    async def release(self) -> None:
        """Give the place up; the last one to do so closes the server."""
        await self._pool.release(self)


@dataclass(slots=True, kw_only=True)
class _Shared:
    server: NutServer
    leases: list[Lease] = field(default_factory=list)


class NutServers:
    """All NUT servers of this process."""

    def __init__(self) -> None:
        """Begin without any."""
        self._shared: dict[_Key, _Shared] = {}
        self._lock = asyncio.Lock()

    async def acquire(
        self,
        settings: ServerSettings,
        ups: NutUps,
        *,
        on_refused: RefusedCallback | None = None,
        on_certificate: CertificateCallback | None = None,
    ) -> Lease:
        """Serve a UPS at the address of the settings, together with those that are there already.

        Args:
            settings: Where; the rest holds once this lease is the owner.
            ups: What to serve.
            on_refused: Hears of addresses outside the allowed networks, while the owner.
            on_certificate: Hears whether the certificate can be used, while the owner.

        Raises:
            NameTakenError: Another UPS of that server has one of its names.
            PortInUseError: Another program has the port.
            AddressNotAvailableError: The host is no address of this machine.
            NutServerError: The system refused for another reason.

        """
        async with self._lock:
            shared = self._shared.get(_key(settings)) or _Shared(
                server=NutServer(settings, on_refused=on_refused, on_certificate=on_certificate)
            )
            lease = Lease(
                pool=self,
                server=shared.server,
                settings=settings,
                on_refused=on_refused,
                on_certificate=on_certificate,
                remove_ups=await _serve(shared.server, ups),
            )
            shared.leases.append(lease)
            self._shared[_key(settings)] = shared
            return lease

    def owner(self, server: NutServer) -> Lease | None:
        """Return the lease whose settings the server has; None once it is closed."""
        shared = self._shared.get(_key(server.settings))
        return shared.leases[0] if shared and shared.server is server else None

    async def release(self, lease: Lease) -> None:
        """Take the UPS of a lease off its server; does nothing the second time."""
        async with self._lock:
            shared = self._shared.get(_key(lease.settings))
            if shared is None or lease not in shared.leases:
                return
            was_owner = shared.leases[0] is lease
            shared.leases.remove(lease)
            lease.leave()
            if not shared.leases:
                del self._shared[_key(lease.settings)]
                await shared.server.close()
            elif was_owner:
                shared.leases[0].take_over()


async def _serve(server: NutServer, ups: NutUps) -> Callable[[], None]:
    """Serve a UPS on a server that may not listen yet; returns the undo."""
    # The UPS comes first, so that no client finds a server that does not know it.
    remove_ups = server.add_ups(ups)
    try:
        await server.start()
    except BaseException:
        remove_ups()
        raise
    return remove_ups


def _key(settings: ServerSettings) -> _Key:
    return settings.host, settings.port
