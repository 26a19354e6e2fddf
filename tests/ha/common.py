"""What the tests of the Home Assistant side share."""

import asyncio
from collections.abc import Callable
import socket
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_MODEL, CONF_PORT
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    async_fire_time_changed,
    mock_restore_cache_with_extra_data,
    snapshot_platform,
)

from custom_components.omron_ups.const import (
    CONF_ALIASES,
    CONF_ALLOWED_NETWORKS,
    CONF_CONNECTION,
    CONF_ENABLED,
    CONF_NUT_SERVER,
    CONF_UPS_NAME,
    DOMAIN,
    ConnectionKind,
)

__all__ = [
    "ENTRY_ID",
    "LOOPBACK",
    "TITLE",
    "MockConfigEntry",
    "accepts",
    "async_fire_time_changed",
    "eventually",
    "is_loaded",
    "mock_restore_cache_with_extra_data",
    "nut_server_options",
    "set_up",
    "simulated_entry",
    "snapshot_platform",
    "state_of",
    "unused_port",
]

LOOPBACK = "127.0.0.1"
TITLE = "BW55T"
ENTRY_ID = "01JDOMRONUPS00000000000000"


def unused_port() -> int:
    """Return a port of the loopback interface that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def nut_server_options(port: int, **changes: Any) -> dict[str, Any]:
    """Return the options of the step `nut_server`."""
    return {
        CONF_ENABLED: True,
        CONF_HOST: LOOPBACK,
        CONF_PORT: port,
        CONF_UPS_NAME: "ups",
        CONF_ALIASES: [],
        CONF_ALLOWED_NETWORKS: ["127.0.0.0/8"],
        **changes,
    }


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


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail if it does not within a few seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - there is no event behind a condition
            await asyncio.sleep(0.01)
