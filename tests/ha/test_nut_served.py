"""What NUT clients notice of a reload: nothing."""

import asyncio
import os
from pathlib import Path
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.omron_ups.driver import SimulatedTransport, SimulatedUps, TransportError
from custom_components.omron_ups.nut_served import DATA_RELOADING
from tests.ha.common import (
    MockConfigEntry,
    NutConnection,
    accepts,
    add_account,
    change_nut_server,
    eventually,
    is_loaded,
    unused_port,
)
from tests.nut.upsmon import UPSMON, running_upsmon

STATUS = "GET VAR ups ups.status"


@pytest.fixture(autouse=True)
async def account(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """Add an account."""
    await add_account(hass, loaded, "joe")


async def test_a_client_stays_logged_in(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == "OK"
        await hass.config_entries.async_reload(loaded.entry_id)
        assert await client.ask("GET NUMLOGINS ups") == "NUMLOGINS ups 1"
        assert await client.ask(STATUS) == 'VAR ups ups.status "OL"'
        # The new set-up feeds it, and follows its log-ins.
        loaded.runtime_data.simulated.cut_mains()
        await eventually(lambda: bool(loaded.runtime_data.coordinator.data.on_battery))
        assert await client.ask(STATUS) == 'VAR ups ups.status "OB DISCHRG"'
        assert len(loaded.runtime_data.nut.clients) == 1
    await eventually(lambda: not loaded.runtime_data.nut.clients)
    assert hass.data[DATA_RELOADING] == {}


async def test_a_client_is_answered_during_the_reload(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    free_port: int,
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connect, proceed = asyncio.Event(), asyncio.Event()
    opens = SimulatedTransport._open

    async def slow_open(transport: SimulatedTransport) -> None:
        connect.set()
        await proceed.wait()
        await opens(transport)

    before = loaded.runtime_data.nut
    await add_account(hass, loaded, "jane", role="admin")
    async with NutConnection(free_port) as client:
        assert await client.log_in("jane") == "OK"
        with patch.object(SimulatedTransport, "_open", slow_open):
            reload = hass.async_create_task(hass.config_entries.async_reload(loaded.entry_id))
            await connect.wait()
            assert await client.ask(STATUS) == 'VAR ups ups.status "OL"'
            assert not before.is_serving
            assert await client.ask("INSTCMD ups beeper.disable") == "ERR INSTCMD-FAILED"
            assert await client.ask("FSD ups") == "OK FSD-SET"
            proceed.set()
            assert await reload
        assert "FSD ups: OK FSD-SET" in caplog.text
        assert len(issue_registry.issues) == 1
        assert await client.ask("GET VAR ups battery.charge") == 'VAR ups battery.charge "100"'


async def test_a_reload_that_fails_closes_the_server(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    with patch.object(SimulatedTransport, "_open", side_effect=TransportError("gone")):
        await hass.config_entries.async_reload(loaded.entry_id)
        await hass.async_block_till_done()
        assert loaded.state is ConfigEntryState.SETUP_RETRY
        assert not await accepts(free_port)
    await hass.config_entries.async_reload(loaded.entry_id)
    assert await accepts(free_port)


async def test_disabling_closes_the_server(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await hass.config_entries.async_set_disabled_by(loaded.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert not is_loaded(loaded)
    assert not await accepts(free_port)


async def test_stopping_closes_the_server_at_once(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == "OK"
        hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
        await hass.async_block_till_done()
        assert await client.ask(STATUS) == ""
    assert not await accepts(free_port)


async def test_another_name_and_port_during_the_reload(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    port = unused_port()
    await change_nut_server(hass, loaded, port=port, ups_name="rack")
    assert not await accepts(free_port)
    async with NutConnection(port) as client:
        assert await client.log_in("joe", ups="rack") == "OK"
        assert await client.ask(STATUS) == "ERR UNKNOWN-UPS"


@pytest.mark.skipif(
    not Path(UPSMON).exists() and os.environ.get("CI") != "true", reason=f"{UPSMON} is missing"
)
async def test_reloads_stop_no_upsmon(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    free_port: int,
    tmp_path: Path,
) -> None:
    """On mains and on battery; the end of the outage is the first news after the reloads."""
    await add_account(hass, loaded, "first", role="primary")
    async with (
        running_upsmon(tmp_path / "primary", free_port, "ups first secret primary") as primary,
        running_upsmon(tmp_path / "secondary", free_port, "ups joe secret secondary") as secondary,
    ):
        await eventually(lambda: len(loaded.runtime_data.nut.clients) == 2)
        await hass.config_entries.async_reload(loaded.entry_id)
        loaded.runtime_data.simulated.cut_mains()
        for upsmon in (primary, secondary):
            await upsmon.until("ONBATT")
        server = loaded.runtime_data.nut.server
        simulated = loaded.runtime_data.simulated
        with patch("custom_components.omron_ups.connection.SimulatedUps", return_value=simulated):
            await hass.config_entries.async_reload(loaded.entry_id)
        assert loaded.runtime_data.nut.server is server
        assert loaded.runtime_data.ups.state.on_battery
        asked = server.requests
        await eventually(lambda: server.requests > asked)
        assert len(loaded.runtime_data.nut.clients) == 2
        simulated.restore_mains()
        for upsmon in (primary, secondary):
            events = await upsmon.until("ONLINE")
            assert [event for event in events if event != "ONLINE"] == ["ONBATT"]
            assert upsmon.process.returncode is None
            assert not upsmon.shutdown_file.exists()
