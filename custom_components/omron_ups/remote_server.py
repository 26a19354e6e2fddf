"""NUT servers to read from: what the config flow asks, and what an entry keeps of one."""

import asyncio
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
import socket
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .const import CONF_UPS, DEFAULT_PORT, DOMAIN
from .driver import RemoteServer, list_remote_ups
from .nut_options import nut_options

type _Address = IPv4Address | IPv6Address

_PORT: Final = NumberSelector(NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX))
_PASSWORD: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))

ACCOUNT_SCHEMA: Final = probatio.Schema(
    {
        probatio.Optional(CONF_USERNAME): TextSelector(),
        probatio.Optional(CONF_PASSWORD): _PASSWORD,
    }
)

SERVER_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_HOST): TextSelector(),
        probatio.Required(CONF_PORT, default=DEFAULT_PORT): probatio.All(
            _PORT, probatio.Coerce(int)
        ),
        **ACCOUNT_SCHEMA.schema,
    }
)


def ups_schema(found: Mapping[str, str]) -> probatio.Schema:
    """Return the form that asks which UPS of the server it is.

    Args:
        found: What the server has: descriptions by name, at least one.

    """
    options = [
        SelectOptionDict(value=name, label=_label(name, description))
        for name, description in found.items()
    ]
    selector = SelectSelectorConfig(mode=SelectSelectorMode.LIST, options=options)
    return probatio.Schema(
        {probatio.Required(CONF_UPS, default=next(iter(found))): SelectSelector(selector)}
    )


def remote_server(data: Mapping[str, Any]) -> RemoteServer:
    """Return the server that the data of a config entry names."""
    return RemoteServer(
        host=data[CONF_HOST],
        port=data[CONF_PORT],
        username=data.get(CONF_USERNAME),
        password=data.get(CONF_PASSWORD),
    )


def remote_place(data: Mapping[str, Any]) -> str:
    """Return where the UPS is, without regard to the case that nobody distinguishes."""
    return f"{remote_server(data).label}/{data[CONF_UPS]}".lower()


def server_data(user_input: Mapping[str, Any], *, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry keeps of the server that a user entered.

    Args:
        user_input: The form; an empty password stands for the one that is stored.
        before: What the entry keeps of it now, empty for a new one.

    """
    host = user_input[CONF_HOST].strip().removeprefix("[").removesuffix("]")
    return {
        CONF_HOST: host,
        CONF_PORT: user_input[CONF_PORT],
        **account_data(user_input, before=before),
    }


def account_data(user_input: Mapping[str, Any], *, before: Mapping[str, Any]) -> dict[str, str]:
    """Return the account that a user entered, nothing where there is to be none; see above."""
    username = user_input.get(CONF_USERNAME, "").strip()
    if not username:
        return {}
    known = before.get(CONF_PASSWORD, "") if before.get(CONF_USERNAME) == username else ""
    return {CONF_USERNAME: username, CONF_PASSWORD: user_input.get(CONF_PASSWORD) or known}


def with_account(data: Mapping[str, Any], account: Mapping[str, str]) -> dict[str, Any]:
    """Return the data of an entry with another account, or with none."""
    rest = {name: data[name] for name in data if name not in ACCOUNT_SCHEMA.schema}
    return {**rest, **account}


def without_password(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form may be filled with: a password is never sent to a browser."""
    return {name: value for name, value in data.items() if name != CONF_PASSWORD}


async def async_list_ups(hass: HomeAssistant, data: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what the server has, descriptions by name; None where it is one of our own.

    Whether it accepts an account is proved with the UPS that the account is for. Behind a port that
    is forwarded from another address nobody can tell whose server it is; the serial number of the
    UPS is what is left then.

    Raises:
        UpsError: it cannot be asked.

    """
    server = remote_server(data)
    hosts = {
        nut_options(entry).host
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.state is ConfigEntryState.LOADED and entry.runtime_data.nut.is_serving
        if nut_options(entry).port == server.port
    }
    own = [address for host in hosts for address in await _resolve(host)]
    addresses = await _resolve(server.host) if own else ()
    if any(_leads_to(address, host) for address in addresses for host in own):
        return None
    return await list_remote_ups(server.host, server.port)


async def _resolve(host: str) -> tuple[_Address, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        # Connecting will fail too, and says why.
        return ()
    return tuple(ip_address(where[0]) for *_, where in found)


def _leads_to(address: _Address, host: _Address) -> bool:
    """Tell whether who listens on `host` hears what is sent to `address`."""
    return _is_ours(address) if host.is_unspecified else address == host


def _is_ours(address: _Address) -> bool:
    """Tell whether an address is one of this machine's: no other can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _label(name: str, description: str) -> str:
    # What upsd says where nobody has given one.
    return name if description in {"", "Description unavailable"} else f"{name} ({description})"
