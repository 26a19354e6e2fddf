"""The NUT accounts of a config entry, and the ones that appliances insist on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_USERNAME

from .const import (
    CONF_MAY_SWITCH_OUTPUT,
    CONF_NETWORKS,
    CONF_PASSWORD_HASH,
    CONF_ROLE,
    SUBENTRY_NUT_ACCOUNT,
)
from .nut import Account, Role
from .nut_options import Network, parse_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What an appliance logs in with, which its user cannot change."""

    username: str
    password: str
    ups_name: str
    """The UPS that it asks for."""


# Taken from reports of their users; the makers publish neither.
PRESETS: Final[Mapping[str, Preset]] = {
    "synology": Preset(username="monuser", password="secret", ups_name="ups"),  # noqa: S106
    "qnap": Preset(username="admin", password="123456", ups_name="qnapups"),  # noqa: S106
}

PUBLISHED_PASSWORDS: Final = frozenset(preset.password for preset in PRESETS.values())
"""Passwords that everybody knows: an account with one is worth no more than its networks."""

# The widest networks that are private by themselves are 10.0.0.0/8 and fc00::/7.
_WIDEST_PREFIX: Final = {4: 8, 6: 7}


def accounts_of(entry: ConfigEntry) -> Iterator[Account]:
    """Yield the accounts that the user gave to NUT clients of the entry's UPS."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_NUT_ACCOUNT):
        data = subentry.data
        yield Account(
            username=data[CONF_USERNAME],
            password_hash=data[CONF_PASSWORD_HASH],
            role=Role(data[CONF_ROLE]),
            networks=tuple(map(parse_network, data.get(CONF_NETWORKS, ()))),
            may_switch_output=data.get(CONF_MAY_SWITCH_OUTPUT, False),
        )


def means_everybody(network: Network) -> bool:
    """Tell whether a network is too wide to be anybody's own."""
    return network.prefixlen < _WIDEST_PREFIX[network.version]
