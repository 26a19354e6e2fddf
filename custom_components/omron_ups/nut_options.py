"""What the user chose for the NUT server of one config entry."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from itertools import count
from pathlib import Path
from typing import Any, Final

from homeassistant.components import network
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback

from .const import (
    CONF_ALIASES,
    CONF_ALLOWED_NETWORKS,
    CONF_CERTIFICATE,
    CONF_ENABLED,
    CONF_EXPECTED_CLIENTS,
    CONF_NUT_SERVER,
    CONF_PRIVATE_KEY,
    CONF_REQUIRE_TLS,
    CONF_UPS_NAME,
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_UPS_NAME,
    DOMAIN,
)
from .nut import ServerSettings, TlsFiles

type Network = IPv4Network | IPv6Network

_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

# What an entry has that was stored before there was more.
_LATER_OPTIONS: Final[Mapping[str, Any]] = {
    CONF_CERTIFICATE: "",
    CONF_PRIVATE_KEY: "",
    CONF_REQUIRE_TLS: False,
    CONF_EXPECTED_CLIENTS: [],
}
# What belongs to the server and not to one UPS on it: the entry that came first decides.
_SHARED: Final = (CONF_ALLOWED_NETWORKS, CONF_CERTIFICATE, CONF_PRIVATE_KEY, CONF_REQUIRE_TLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NutOptions:
    """The options of the step `nut_server`, read."""

    enabled: bool
    host: str
    port: int
    ups_name: str
    aliases: tuple[str, ...]
    allowed_networks: tuple[Network, ...]
    certificate: str
    """Path of the certificate with its chain, empty if there is no TLS."""
    private_key: str
    """Path of its key, empty if the same file has both."""
    require_tls: bool
    expected_clients: tuple[str, ...]
    """Addresses and names of the hosts that should be logged in."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Where clients are served, None if they are not."""
        return (self.host, self.port) if self.enabled else None

    @property
    def names(self) -> frozenset[str]:
        """All names of the UPS, in lower case because NUT names mean the same in any case."""
        return frozenset(name.lower() for name in (self.ups_name, *self.aliases))


def nut_options(entry: ConfigEntry) -> NutOptions:
    """Return the options of the entry."""
    return parse_nut_options(stored_options(entry))


def stored_options(entry: ConfigEntry) -> dict[str, Any]:
    """Return the options of the entry as its step `nut_server` stores them now."""
    return {**_LATER_OPTIONS, **entry.options[CONF_NUT_SERVER]}


def shared_options(owner: ConfigEntry) -> dict[str, Any]:
    """Return what all UPSes on the server of its owner have in common."""
    options = stored_options(owner)
    return {name: options[name] for name in _SHARED}


def parse_nut_options(options: Mapping[str, Any]) -> NutOptions:
    """Return what the step `nut_server` stored.

    Raises:
        ValueError: a network is none.

    """
    return NutOptions(
        enabled=options[CONF_ENABLED],
        host=options[CONF_HOST],
        port=options[CONF_PORT],
        ups_name=options[CONF_UPS_NAME],
        aliases=tuple(options[CONF_ALIASES]),
        allowed_networks=tuple(parse_network(item) for item in options[CONF_ALLOWED_NETWORKS]),
        certificate=options[CONF_CERTIFICATE],
        private_key=options[CONF_PRIVATE_KEY],
        require_tls=options[CONF_REQUIRE_TLS],
        expected_clients=tuple(options[CONF_EXPECTED_CLIENTS]),
    )


def server_settings(hass: HomeAssistant, entry: ConfigEntry) -> ServerSettings:
    """Return how the server of an entry is to be: its place, and what the owner decided."""
    options = nut_options(entry)
    owner = nut_options(owner_of(hass, entry))
    return ServerSettings(
        host=options.host,
        port=options.port,
        allowed_networks=owner.allowed_networks,
        tls=tls_files(hass, owner),
        require_tls=owner.require_tls,
    )


def tls_files(hass: HomeAssistant, options: NutOptions) -> TlsFiles | None:
    """Return the files for TLS; their paths may begin at the configuration folder."""
    if not options.certificate:
        return None
    return TlsFiles(
        certificate=Path(hass.config.path(options.certificate)),
        private_key=Path(hass.config.path(options.private_key or options.certificate)),
    )


def rows(texts: Iterable[str]) -> list[str]:
    """Return a list that a user wrote without stray blanks, empty rows and repetitions."""
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def parse_network(text: str) -> Network:
    """Return the network, or the one address, that a user wrote.

    Raises:
        ValueError: it is neither.

    """
    return ip_network(text.strip(), strict=False)


async def default_nut_options(hass: HomeAssistant) -> dict[str, Any]:
    """Return what a new entry begins with: a place on the server that is there already, if any."""
    entries = hass.config_entries.async_entries(DOMAIN)
    serving = next((entry for entry in entries if nut_options(entry).enabled), None)
    options = {
        CONF_ENABLED: True,
        CONF_HOST: DEFAULT_HOST,
        CONF_PORT: DEFAULT_PORT,
        CONF_UPS_NAME: _free_name(map(nut_options, entries)),
        CONF_ALIASES: [],
        **_LATER_OPTIONS,
    }
    if serving is None:
        networks = [str(item) for item in await _own_networks(hass)]
        return {**options, CONF_ALLOWED_NETWORKS: networks}
    served_at = {name: stored_options(serving)[name] for name in (CONF_HOST, CONF_PORT)}
    return {**options, **served_at, **shared_options(serving)}


def others_at(
    hass: HomeAssistant, address: tuple[str, int], *, but: str | None
) -> Iterator[ConfigEntry]:
    """Yield the other enabled entries that are served at the address.

    Args:
        hass: Home Assistant.
        address: Host and port.
        but: Id of the entry to leave out, if it exists already.

    """
    for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False):
        if entry.entry_id != but and nut_options(entry).address == address:
            yield entry


def owner_of(hass: HomeAssistant, entry: ConfigEntry) -> ConfigEntry:
    """Return the entry that decides about the server of `entry`: the one that came first.

    The pool of servers lets the first lease decide; which one that is after a restart is chance.
    """
    address = nut_options(entry).address
    if address is None:
        return entry
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return next((item for item in entries if nut_options(item).address == address), entry)


@callback
def async_share_options(hass: HomeAssistant, owner: ConfigEntry, entry: ConfigEntry) -> None:
    """Let another UPS on the server of its owner have what the owner decided.

    It needs that on the day that the owner is removed: an old copy could let in whom the user has
    locked out since.
    """
    nut_server = {**stored_options(entry), **shared_options(owner)}
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, CONF_NUT_SERVER: nut_server}
    )


def _free_name(taken_by: Iterable[NutOptions]) -> str:
    taken = frozenset[str]().union(*(options.names for options in taken_by))
    candidates = (DEFAULT_UPS_NAME if n == 1 else f"{DEFAULT_UPS_NAME}{n}" for n in count(1))
    return next(name for name in candidates if name not in taken)


async def _own_networks(hass: HomeAssistant) -> tuple[Network, ...]:
    """Return loopback and the networks that this machine is in."""
    networks = dict.fromkeys(_LOOPBACK)
    for adapter in await network.async_get_adapters(hass):
        if not adapter["enabled"]:
            continue
        for address in (*adapter["ipv4"], *adapter["ipv6"]):
            own = ip_interface(f"{address['address']}/{address['network_prefix']}")
            networks.setdefault(own.network)
    return tuple(networks)
