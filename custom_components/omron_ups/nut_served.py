"""A UPS on its server, which stays there while its config entry is reloaded."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .nut import Address, CertificateError, ForcedShutdown, Lease, NutServers, NutUps
from .nut_audit import log_audit
from .nut_options import nut_options


class Keeper(Protocol):
    """Who looks after a UPS that is served."""

    @callback
    def async_handle_refused(self, address: Address) -> None:
        """Hear that an address was refused."""

    @callback
    def async_handle_certificate(self, err: CertificateError | None) -> None:
        """Hear whether the certificate can be used."""

    @callback
    def async_handle_forced_shutdown(self, request: ForcedShutdown, *, is_new: bool) -> None:
        """Hear that a client has said FSD to a name, which may have had it before."""


@dataclass(slots=True, kw_only=True)
class Served:
    """A UPS, its place on a server, and who looks after it."""

    ups: NutUps
    lease: Lease | None = None
    forced_by: dict[str, ForcedShutdown] = field(default_factory=dict)
    """Which client set the FSD that is set for a name."""
    keeper: Keeper | None = None
    """None during a reload."""

    def handle_refused(self, address: Address) -> None:
        """Hand on that an address was refused."""
        if self.keeper is not None:
            self.keeper.async_handle_refused(address)

    def handle_certificate(self, err: CertificateError | None) -> None:
        """Hand on whether the certificate can be used."""
        if self.keeper is not None:
            self.keeper.async_handle_certificate(err)

    def handle_forced_shutdown(self, request: ForcedShutdown) -> None:
        """Keep in mind who has said FSD, and hand it on."""
        is_new = request.name not in self.forced_by
        self.forced_by[request.name] = request
        if self.keeper is not None:
            self.keeper.async_handle_forced_shutdown(request, is_new=is_new)

    async def release(self) -> None:
        """Take the UPS off its server, which closes its clients."""
        if self.lease is not None:
            lease, self.lease = self.lease, None
            await lease.release()


DATA_NUT_SERVERS: Final[HassKey[NutServers]] = HassKey(f"{DOMAIN}_nut_servers")
DATA_RELOADING: Final[HassKey[dict[str, Served]]] = HassKey(f"{DOMAIN}_reloading")


def take_over(hass: HomeAssistant, entry: ConfigEntry, keeper: Keeper) -> Served:
    """Return the UPS of an entry: the one that is still served if this is a reload."""
    served = hass.data[DATA_RELOADING].pop(entry.entry_id, None)
    if served is None:
        options = nut_options(entry)
        ups = NutUps(name=options.ups_name, aliases=options.aliases, description=entry.title)
        served = Served(ups=ups)
        # Also what clients do during a reload counts.
        ups.subscribe_forced_shutdown(served.handle_forced_shutdown)
        ups.audit.subscribe(log_audit)
    served.keeper = keeper
    return served


@callback
def async_leave(hass: HomeAssistant, entry: ConfigEntry, served: Served) -> None:
    """Look after a UPS no more; it leaves its server unless this is a reload."""
    served.keeper = None
    hass.data[DATA_RELOADING][entry.entry_id] = served
    hass.async_create_task(
        _release_unless_taken_over(hass, entry, served), f"NUT server of {entry.title}"
    )


async def _release_unless_taken_over(
    hass: HomeAssistant, entry: ConfigEntry, served: Served
) -> None:
    # Home Assistant holds this lock from the beginning to the end of a reload.
    async with entry.setup_lock:
        pass
    if hass.data[DATA_RELOADING].get(entry.entry_id) is served:
        del hass.data[DATA_RELOADING][entry.entry_id]
        await served.release()
