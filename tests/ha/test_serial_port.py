"""Serial ports in the config flow: their paths and their lines."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.const import CONF_DEVICE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups import connection
from custom_components.omron_ups.const import CONF_DTR, CONF_NUT_SERVER, CONF_RTS, SECTION_LINES
from custom_components.omron_ups.driver import SerialTransport, SimulatedUps
from custom_components.omron_ups.driver.simulator.profiles import PROFILES
from custom_components.omron_ups.serial_port import (
    SERIAL_SCHEMA,
    async_port_of,
    async_serial_data,
    serial_suggestion,
)
from scripts.lib.simulator_server import PtyServer, TcpServer
from tests.ha.common import is_loaded, serial_entry, set_up
from tests.ha.test_config_flow import choose, submit

pytestmark = pytest.mark.usefixtures("socket_enabled")

DEFAULTS = {CONF_DTR: True, CONF_RTS: False}


def test_lines_need_not_be_touched() -> None:
    user_input = SERIAL_SCHEMA({CONF_DEVICE: "/dev/ttyUSB0"})
    assert user_input[SECTION_LINES] == DEFAULTS
    assert SERIAL_SCHEMA.schema[SECTION_LINES].options == {"collapsed": True}


async def test_data_and_form_are_the_same(hass: HomeAssistant) -> None:
    user_input = SERIAL_SCHEMA({CONF_DEVICE: "/dev/null", SECTION_LINES: {CONF_RTS: True}})
    data = await async_serial_data(hass, user_input)
    assert data == {CONF_DEVICE: "/dev/null", "dialect": "omron", "dtr": True, "rts": True}
    assert SERIAL_SCHEMA(
        {name: serial_suggestion(data)[name] for name in SERIAL_SCHEMA.schema}
    ) == (user_input)


def test_an_entry_that_was_stored_before_there_were_lines() -> None:
    assert serial_suggestion({CONF_DEVICE: "/dev/ttyUSB0"})[SECTION_LINES] == DEFAULTS


async def test_every_path_leads_to_the_port(hass: HomeAssistant, tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to("/dev/null")
    assert await async_port_of(hass, str(tmp_path / "by-id")) == "/dev/null"
    assert await async_port_of(hass, "socket://nas/../x") == "socket://nas/../x"


@pytest.mark.parametrize("lines", [DEFAULTS, {CONF_DTR: False, CONF_RTS: True}])
async def test_lines_reach_the_port(hass: HomeAssistant, lines: dict[str, bool]) -> None:
    async with PtyServer(SimulatedUps()) as server:
        entry = serial_entry(server.place, "1", **lines)
        entry.add_to_hass(hass)
        with (
            patch.object(connection, "SerialTransport", side_effect=SerialTransport) as transport,
            patch(
                "serialx.create_serial_connection",
                side_effect=_create_serial_connection(),
            ) as create,
        ):
            await set_up(hass, entry)
        transport.assert_called_once_with(server.place, **lines)
        opened = create.call_args.kwargs
        assert opened["dtr_on_open"].to_bool() is lines[CONF_DTR]
        assert opened["rts_on_open"].to_bool() is lines[CONF_RTS]
        # Closing leaves them alone.
        assert opened["dtr_on_close"].to_bool() is None
        assert opened["rts_on_close"].to_bool() is None
        await hass.config_entries.async_unload(entry.entry_id)


def _create_serial_connection() -> Any:
    import serialx  # noqa: PLC0415 - only this test needs it

    return serialx.create_serial_connection


async def test_changing_the_lines_of_the_port_that_is_open(hass: HomeAssistant) -> None:
    async with PtyServer(SimulatedUps()) as server:
        entry = serial_entry(server.place, PROFILES["bw55t"].serial)
        entry.add_to_hass(hass)
        await set_up(hass, entry)
        form = await entry.start_reconfigure_flow(hass)
        lines = {CONF_DTR: False, CONF_RTS: False}
        user_input = {CONF_DEVICE: server.place, SECTION_LINES: lines}
        result = await submit(hass, form["flow_id"], user_input)
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        assert is_loaded(entry)
        assert entry.data.items() >= lines.items()
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("profile", ["bw55t", "generic-megatec"])
async def test_another_path_of_the_port_that_is_open(
    hass: HomeAssistant, tmp_path: Path, profile: str
) -> None:
    by_id = tmp_path / "by-id"
    async with PtyServer(SimulatedUps(PROFILES[profile]), link=by_id) as server:
        serial = PROFILES[profile].serial
        entry = serial_entry(str(by_id), serial or str(by_id))
        entry.add_to_hass(hass)
        await set_up(hass, entry)
        form = await entry.start_reconfigure_flow(hass)
        path = str(by_id.resolve())
        assert path != server.place or path != str(by_id)
        result = await submit(hass, form["flow_id"], {CONF_DEVICE: path})
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()
        assert is_loaded(entry)
        assert entry.data[CONF_DEVICE] == path
        assert entry.unique_id == (serial or path)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_another_path_of_a_port_that_is_configured(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    by_id = tmp_path / "by-id"
    async with PtyServer(SimulatedUps(), link=by_id):
        serial_entry(str(by_id), "1").add_to_hass(hass)
        flow_id = await choose(hass, "serial")
        result = await submit(hass, flow_id, {CONF_DEVICE: str(by_id.resolve())})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_a_bridge_in_the_network(hass: HomeAssistant) -> None:
    async with TcpServer(SimulatedUps()) as server:
        flow_id = await choose(hass, "serial")
        result = await submit(hass, flow_id, {CONF_DEVICE: f"socket://{server.place}"})
        assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")
