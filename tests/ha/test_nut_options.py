"""The options of the NUT server."""

from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.const import (
    CONF_ALIASES,
    CONF_ALLOWED_NETWORKS,
    CONF_CERTIFICATE,
    CONF_ENABLED,
    CONF_EXPECTED_CLIENTS,
    CONF_PRIVATE_KEY,
    CONF_REQUIRE_TLS,
    CONF_UPS_NAME,
)
from custom_components.omron_ups.nut_options import (
    default_nut_options,
    nut_options,
    others_at,
    owner_of,
    parse_network,
)
from tests.ha.common import LOOPBACK, MockConfigEntry, simulated_entry


def adapter(*, enabled: bool = True, **addresses: Any) -> dict[str, Any]:
    """Return an adapter as Home Assistant's network integration lists it."""
    return {"name": "eth", "enabled": enabled, "ipv4": [], "ipv6": [], **addresses}


ADAPTERS = [
    adapter(ipv4=[{"address": "192.168.1.20", "network_prefix": 24}]),
    adapter(
        ipv4=[{"address": "10.1.2.3", "network_prefix": 16}],
        ipv6=[{"address": "2001:db8::5", "network_prefix": 64, "flowinfo": 0, "scope_id": 0}],
    ),
    adapter(enabled=False, ipv4=[{"address": "203.0.113.7", "network_prefix": 24}]),
    adapter(ipv4=[{"address": "127.0.0.1", "network_prefix": 8}]),
]


def add(hass: HomeAssistant, port: int, **changes: Any) -> MockConfigEntry:
    """Add an entry."""
    entry = simulated_entry(port, **changes)
    entry.add_to_hass(hass)
    return entry


async def test_the_first_entry_lets_in_the_networks_of_this_machine(hass: HomeAssistant) -> None:
    with patch(
        "custom_components.omron_ups.nut_options.network.async_get_adapters",
        return_value=ADAPTERS,
    ):
        options = await default_nut_options(hass)
    assert options == {
        CONF_ENABLED: True,
        CONF_HOST: "0.0.0.0",
        CONF_PORT: 3493,
        CONF_UPS_NAME: "ups",
        CONF_ALIASES: [],
        CONF_ALLOWED_NETWORKS: [
            "127.0.0.0/8",
            "::1/128",
            "192.168.1.0/24",
            "10.1.0.0/16",
            "2001:db8::/64",
        ],
        CONF_CERTIFICATE: "",
        CONF_PRIVATE_KEY: "",
        CONF_REQUIRE_TLS: False,
        CONF_EXPECTED_CLIENTS: [],
    }


async def test_further_entries_join_the_server_of_the_first(hass: HomeAssistant) -> None:
    add(hass, 1, enabled=False)
    add(hass, 4000, ups_name="UPS2", aliases=["ups3"], allowed_networks=["10.0.0.0/8"])
    options = await default_nut_options(hass)
    assert options[CONF_HOST] == LOOPBACK
    assert options[CONF_PORT] == 4000
    assert options[CONF_UPS_NAME] == "ups4"
    assert options[CONF_ALLOWED_NETWORKS] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.168.1.0/24", "192.168.1.0/24"),
        (" 192.168.1.7/24 ", "192.168.1.0/24"),
        ("192.168.1.7", "192.168.1.7/32"),
        ("fe80::1", "fe80::1/128"),
    ],
)
def test_network(text: str, network: str) -> None:
    assert str(parse_network(text)) == network


@pytest.mark.parametrize("text", ["", "home", "192.168.1", "192.168.1.0/33", "*"])
def test_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        parse_network(text)


def test_names_are_the_same_in_any_case(hass: HomeAssistant) -> None:
    entry = add(hass, 1, ups_name="Rack", aliases=["QNAPUPS"])
    assert nut_options(entry).names == {"rack", "qnapups"}


def test_who_shares_an_address(hass: HomeAssistant) -> None:
    first = add(hass, 1)
    second = add(hass, 1, ups_name="ups2")
    elsewhere = add(hass, 2)
    off = add(hass, 1, enabled=False)
    disabled = MockConfigEntry(
        domain=first.domain,
        data=first.data,
        options=first.options,
        disabled_by=ConfigEntryDisabler.USER,
    )
    disabled.add_to_hass(hass)
    address = (LOOPBACK, 1)
    assert list(others_at(hass, address, but=None)) == [first, second]
    assert list(others_at(hass, address, but=first.entry_id)) == [second]
    assert owner_of(hass, second) is first
    assert owner_of(hass, elsewhere) is elsewhere
    assert nut_options(off).address is None
