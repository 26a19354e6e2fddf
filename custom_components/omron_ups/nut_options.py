"""What the user chose for the NUT server of one config entry."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from itertools import count
from typing import Any, Final

from homeassistant.components import network
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant

from .const import (
    CONF_ALIASES,
    CONF_ALLOWED_NETWORKS,
    CONF_ENABLED,
    CONF_NUT_SERVER,
    CONF_UPS_NAME,
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_UPS_NAME,
    DOMAIN,
)

type Network = IPv4Network | IPv6Network

_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NutOptions:
    """The options of the step `nut_server`, read."""

    enabled: bool
    host: str
    port: int
    ups_name: str
    aliases: tuple[str, ...]
    allowed_networks: tuple[Network, ...]

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
    return parse_nut_options(entry.options[CONF_NUT_SERVER])


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
    )


def parse_network(text: str) -> Network:
    """Return the network, or the one address, that a user wrote.

    Raises:
        ValueError: it is neither.

    """
    return ip_network(text.strip(), strict=False)


async def default_nut_options(hass: HomeAssistant) -> dict[str, Any]:
    """Return what a new entry begins with: a place on the server that is there already, if any."""
    entries = hass.config_entries.async_entries(DOMAIN)
    serving = next((item for item in map(nut_options, entries) if item.enabled), None)
    host, port = (DEFAULT_HOST, DEFAULT_PORT) if serving is None else (serving.host, serving.port)
    networks = await _own_networks(hass) if serving is None else serving.allowed_networks
    return {
        CONF_ENABLED: True,
        CONF_HOST: host,
        CONF_PORT: port,
        CONF_UPS_NAME: _free_name(map(nut_options, entries)),
        CONF_ALIASES: [],
        CONF_ALLOWED_NETWORKS: [str(item) for item in networks],
    }


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
    """Return the entry whose networks hold on the server of `entry`: the one that came first.

    The pool of servers lets the first lease decide; which one that is after a restart is chance.
    """
    address = nut_options(entry).address
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return next((item for item in entries if nut_options(item).address == address), entry)


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
