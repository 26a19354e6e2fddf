"""What the tests of the Home Assistant side share."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import MappingProxyType, TracebackType
from typing import Any, Self

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, ConfigSubentry
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_MODEL, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    async_fire_time_changed,
    get_system_health_info,
    mock_restore_cache_with_extra_data,
    snapshot_platform,
)

from custom_components.omron_ups.const import (
    CONF_ALIASES,
    CONF_ALLOWED_NETWORKS,
    CONF_CERTIFICATE,
    CONF_CONNECTION,
    CONF_DIALECT,
    CONF_ENABLED,
    CONF_EXPECTED_CLIENTS,
    CONF_NUT_SERVER,
    CONF_PASSWORD_HASH,
    CONF_PRIVATE_KEY,
    CONF_REQUIRE_TLS,
    CONF_ROLE,
    CONF_UPS,
    CONF_UPS_NAME,
    CONF_WEBHOOK_URL,
    DOMAIN,
    SECTION_ADVANCED,
    SUBENTRY_DISCORD,
    SUBENTRY_NUT_ACCOUNT,
    ConnectionKind,
)
from custom_components.omron_ups.nut import hash_password
from scripts.lib.discord_server import TOKEN, WEBHOOK_ID
from tests.ports import unused_port

__all__ = [
    "ENTRY_ID",
    "LOOPBACK",
    "PASSWORD",
    "TITLE",
    "WEBHOOK_URL",
    "MockConfigEntry",
    "NutConnection",
    "accepts",
    "add_account",
    "add_webhook",
    "async_fire_time_changed",
    "change_nut_server",
    "eventually",
    "get_system_health_info",
    "is_loaded",
    "mock_restore_cache_with_extra_data",
    "nut_server_input",
    "nut_server_options",
    "open_options",
    "remote_entry",
    "serial_entry",
    "set_up",
    "simulated_entry",
    "snapshot_platform",
    "state_of",
    "unused_port",
]

LOOPBACK = "127.0.0.1"
TITLE = "BW55T"
PASSWORD = "secret"
WEBHOOK_URL = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}"
ENTRY_ID = "01JDOMRONUPS00000000000000"


def nut_server_options(port: int, **changes: Any) -> dict[str, Any]:
    """Return the options of the step `nut_server`."""
    return {
        CONF_ENABLED: True,
        CONF_HOST: LOOPBACK,
        CONF_PORT: port,
        CONF_UPS_NAME: "ups",
        CONF_ALIASES: [],
        CONF_ALLOWED_NETWORKS: ["127.0.0.0/8"],
        CONF_CERTIFICATE: "",
        CONF_PRIVATE_KEY: "",
        CONF_REQUIRE_TLS: False,
        CONF_EXPECTED_CLIENTS: [],
        **changes,
    }


def nut_server_input(port: int, **changes: Any) -> dict[str, Any]:
    """Return what the form of the step `nut_server` sends."""
    options = nut_server_options(port, **changes)
    advanced = (CONF_CERTIFICATE, CONF_PRIVATE_KEY, CONF_REQUIRE_TLS, CONF_EXPECTED_CLIENTS)
    section = {name: options.pop(name) for name in advanced}
    return {**options, SECTION_ADVANCED: section}


def simulated_entry(
    port: int, *, model: str = "bw55t", entry_id: str | None = None, **changes: Any
) -> MockConfigEntry:
    """Return a config entry of a simulated UPS; `changes` are those of its NUT server."""
    return MockConfigEntry(
        domain=DOMAIN,
        entry_id=entry_id,
        title=TITLE,
        data={CONF_CONNECTION: ConnectionKind.SIMULATED, CONF_MODEL: model},
        options={CONF_NUT_SERVER: nut_server_options(port, **changes)},
    )


def serial_entry(device: str, unique_id: str, **changes: Any) -> MockConfigEntry:
    """Return an entry of a UPS on a serial port, not served."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=TITLE,
        unique_id=unique_id,
        data={CONF_CONNECTION: "serial", CONF_DEVICE: device, CONF_DIALECT: "omron", **changes},
        options={CONF_NUT_SERVER: nut_server_options(1, enabled=False)},
    )


def remote_entry(port: int, *, unique_id: str | None = None, **changes: Any) -> MockConfigEntry:
    """Return an entry of the UPS `ups` of another NUT server on this machine, not served."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=TITLE,
        unique_id=unique_id or f"127.0.0.1:{port}/ups",
        data={
            CONF_CONNECTION: ConnectionKind.NUT,
            CONF_HOST: LOOPBACK,
            CONF_PORT: port,
            CONF_UPS: "ups",
            **changes,
        },
        options={CONF_NUT_SERVER: nut_server_options(1, enabled=False)},
    )


async def open_options(
    hass: HomeAssistant, entry: MockConfigEntry, step: str = CONF_NUT_SERVER
) -> ConfigFlowResult:
    """Return the form of a step of the options."""
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["type"] is FlowResultType.MENU
    return await hass.config_entries.options.async_configure(
        result["flow_id"], {"next_step_id": step}
    )


async def change_nut_server(hass: HomeAssistant, entry: MockConfigEntry, **changes: Any) -> None:
    """Change options of the step `nut_server`, and wait until they hold."""
    nut_server = {**entry.options[CONF_NUT_SERVER], **changes}
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, CONF_NUT_SERVER: nut_server}
    )
    await hass.async_block_till_done()


async def add_account(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    username: str,
    password: str = PASSWORD,
    *,
    role: str = "monitor",
    **data: Any,
) -> str:
    """Add a NUT account, wait until it can be used, and return its id."""
    account = ConfigSubentry(
        subentry_type=SUBENTRY_NUT_ACCOUNT,
        title=username,
        unique_id=username,
        data=MappingProxyType(
            {
                CONF_USERNAME: username,
                CONF_PASSWORD_HASH: hash_password(password),
                CONF_ROLE: role,
                **data,
            }
        ),
    )
    hass.config_entries.async_add_subentry(entry, account)
    await hass.async_block_till_done()
    return account.subentry_id


async def add_webhook(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    *,
    title: str = "Discord",
    unique_id: str = WEBHOOK_ID,
    **data: Any,
) -> str:
    """Add the webhook of scripts.lib.discord_server, and return the id of its subentry."""
    webhook = ConfigSubentry(
        subentry_type=SUBENTRY_DISCORD,
        title=title,
        unique_id=unique_id,
        data=MappingProxyType({CONF_WEBHOOK_URL: WEBHOOK_URL, **data}),
    )
    hass.config_entries.async_add_subentry(entry, webhook)
    await hass.async_block_till_done()
    return webhook.subentry_id


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the entry up."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


def is_loaded(entry: MockConfigEntry) -> bool:
    """Tell whether the entry is set up."""
    return bool(entry.state is ConfigEntryState.LOADED)


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return the state of an entity that must exist."""
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state.state


async def accepts(port: int) -> bool:
    """Tell whether anybody listens on the port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


class NutConnection:
    """A NUT client that says exactly what it is told to."""

    def __init__(self, port: int, *, source: str = LOOPBACK) -> None:
        """Connect to `port` of the loopback interface when entered."""
        self._port = port
        self._source = source

    async def __aenter__(self) -> Self:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(
            LOOPBACK, self._port, local_addr=(self._source, 0)
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def ask(self, request: str) -> str:
        """Return the first line of the reply, empty if the server hung up."""
        try:
            self._writer.write(f"{request}\n".encode())
            async with asyncio.timeout(30):
                return (await self._reader.readline()).decode().strip()
        except ConnectionError:
            return ""

    async def introduce(self, username: str, password: str = PASSWORD) -> None:
        """Say who is asking."""
        await self.ask(f"USERNAME {username}")
        await self.ask(f"PASSWORD {password}")

    async def log_in(self, username: str, password: str = PASSWORD, *, ups: str = "ups") -> str:
        """Log in and return the answer."""
        await self.introduce(username, password)
        return await self.ask(f"LOGIN {ups}")


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail if it does not in a long while."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - there is no event behind a condition
            await asyncio.sleep(0.01)
