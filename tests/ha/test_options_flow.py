"""The options: who may see the UPS, and what to make of its battery."""

from collections.abc import Container
import socket
from typing import Any

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups.const import (
    CONF_ALIASES,
    CONF_BATTERY,
    CONF_BATTERY_PACKS,
    CONF_NUT_SERVER,
    CONF_OFFERS_UNPROVEN,
    CONF_SHUTDOWN_PLAN,
    SECTION_REMINDERS,
)
from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    eventually,
    is_loaded,
    open_options,
    serial_entry,
    unused_port,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def steps(hass: HomeAssistant, entry: MockConfigEntry) -> Container[str]:
    """Return what the menu of the options offers."""
    menu = await hass.config_entries.options.async_init(entry.entry_id)
    assert menu["type"] is FlowResultType.MENU
    return menu["menu_options"]


async def test_it_begins_with_what_is_set(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    form = await open_options(hass, loaded)
    result = await hass.config_entries.options.async_configure(form["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == loaded.options


async def test_steps_are_merged(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    hass.config_entries.async_update_entry(loaded, options={**loaded.options, "other": {"a": 1}})
    form = await open_options(hass, loaded)
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_ALIASES: ["qnapups"]}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded.options["other"] == {"a": 1}
    assert loaded.options[CONF_NUT_SERVER][CONF_ALIASES] == ["qnapups"]


async def test_error_then_recover(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    form = await open_options(hass, loaded)
    configure = hass.config_entries.options.async_configure
    with socket.create_server((LOOPBACK, 0)) as other_program:
        taken = other_program.getsockname()[1]
        result = await configure(form["flow_id"], {CONF_PORT: taken})
        assert result["errors"] == {CONF_PORT: "port_in_use"}
        # What was entered is still there.
        assert result["data_schema"] is not None
        assert result["data_schema"]({})[CONF_PORT] == taken
    result = await configure(form["flow_id"], {CONF_PORT: unused_port()})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert is_loaded(loaded)


async def test_move_to_another_address_of_the_same_port(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = await open_options(hass, loaded)
    configure = hass.config_entries.options.async_configure
    result = await configure(form["flow_id"], {CONF_HOST: "192.0.2.1"})
    assert result["errors"] == {CONF_HOST: "address_not_available"}
    # Our own server holds the port, which is no reason to refuse the change.
    result = await configure(form["flow_id"], {CONF_HOST: "0.0.0.0"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert loaded.runtime_data.nut.is_serving


async def test_battery(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    assert await steps(hass, loaded) == [CONF_NUT_SERVER, CONF_SHUTDOWN_PLAN, CONF_BATTERY]
    ups = loaded.runtime_data.ups
    await eventually(lambda: ups.state.battery_voltage is not None)
    reported = ups.state.battery_voltage
    form = await open_options(hass, loaded, CONF_BATTERY)
    assert form["data_schema"] is not None
    once: dict[str, Any] = {SECTION_REMINDERS: {}}
    assert form["data_schema"](once) == {CONF_OFFERS_UNPROVEN: False, CONF_BATTERY_PACKS: 1, **once}
    # The simulated BW55T tells one 12 V block of its 24 V battery, as the published one does.
    assert form["description_placeholders"] == {"suggested": "2"}
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_OFFERS_UNPROVEN: True, CONF_BATTERY_PACKS: 2, **once}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded.options[CONF_NUT_SERVER] is not None
    await hass.async_block_till_done()
    after = loaded.runtime_data.ups
    assert after is not ups
    await eventually(lambda: after.state.battery_voltage == 2 * reported)
    assert "test.battery.start.quick" in after.commands
    form = await open_options(hass, loaded, CONF_BATTERY)
    assert form["data_schema"] is not None
    assert form["data_schema"](once) == {CONF_OFFERS_UNPROVEN: True, CONF_BATTERY_PACKS: 2, **once}


async def test_battery_of_a_ups_that_is_not_there(hass: HomeAssistant) -> None:
    entry = serial_entry("/dev/ttyGONE", "123")
    entry.add_to_hass(hass)
    assert await steps(hass, entry) == [CONF_NUT_SERVER, CONF_SHUTDOWN_PLAN, CONF_BATTERY]
    form = await open_options(hass, entry, CONF_BATTERY)
    assert form["data_schema"] is not None
    assert set(form["data_schema"].schema) == {CONF_OFFERS_UNPROVEN, SECTION_REMINDERS}
