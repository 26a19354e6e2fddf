"""What the form of the NUT server proves; the texts of its errors are tested with the flows."""

import socket
from typing import Any

from homeassistant.const import CONF_PORT
from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.nut_form import async_check_nut_input
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    accepts,
    nut_server_input,
    set_up,
    simulated_entry,
    unused_port,
)


async def errors_of(
    hass: HomeAssistant, port: int, entry: MockConfigEntry | None = None, **changes: Any
) -> dict[str, str]:
    """Return what is wrong with the input."""
    user_input = nut_server_input(port, **changes)
    return (await async_check_nut_input(hass, user_input, entry=entry)).errors


@pytest.mark.usefixtures("socket_enabled")
async def test_proving_leaves_the_port_free(hass: HomeAssistant) -> None:
    port = unused_port()
    assert await errors_of(hass, port) == {}
    assert not await accepts(port)


@pytest.mark.usefixtures("socket_enabled")
async def test_a_server_that_is_off_needs_no_port(hass: HomeAssistant) -> None:
    with socket.create_server((LOOPBACK, 0)) as other_program:
        port = other_program.getsockname()[1]
        assert await errors_of(hass, port) == {CONF_PORT: "port_in_use"}
        assert await errors_of(hass, port, enabled=False) == {}


async def test_the_port_of_another_ups_is_no_obstacle(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    assert await errors_of(hass, free_port, ups_name="ups2") == {}


async def test_the_own_port_is_no_obstacle(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    assert await errors_of(hass, free_port, loaded) == {}


async def test_a_ups_that_is_not_served_proves_its_port(
    hass: HomeAssistant, free_port: int
) -> None:
    entry = simulated_entry(free_port)
    entry.add_to_hass(hass)
    with socket.create_server((LOOPBACK, free_port)):
        assert await errors_of(hass, free_port, entry) == {CONF_PORT: "port_in_use"}
        await set_up(hass, entry)
        assert await errors_of(hass, free_port, entry) == {CONF_PORT: "port_in_use"}
    await hass.config_entries.async_unload(entry.entry_id)
