"""Changes of an entry that is running."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups import changes
from custom_components.omron_ups.const import DOMAIN, Issue
from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import (
    ENTRY_ID,
    MockConfigEntry,
    NutConnection,
    accepts,
    async_fire_time_changed,
    change_nut_server,
    eventually,
    is_loaded,
    unused_port,
)

RELOAD_WAITS = f"{Issue.RELOAD_WAITS}_{ENTRY_ID}"


@pytest.fixture
async def on_battery(loaded: MockConfigEntry, simulated: SimulatedUps) -> None:
    """Cut the mains."""
    simulated.cut_mains()
    await eventually(lambda: loaded.runtime_data.coordinator.data.on_battery is True)


async def test_names_and_networks_need_no_reload(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    runtime_data = loaded.runtime_data
    async with NutConnection(free_port) as client:
        await client.ask("VER")
        await change_nut_server(hass, loaded, aliases=["nas"], allowed_networks=["127.0.0.1/32"])
        assert await client.ask("GET UPSDESC nas") == 'UPSDESC nas "BW55T"'
    assert loaded.runtime_data is runtime_data


async def test_another_port_needs_one(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    runtime_data = loaded.runtime_data
    port = unused_port()
    await change_nut_server(hass, loaded, port=port)
    assert is_loaded(loaded)
    assert loaded.runtime_data is not runtime_data
    assert await accepts(port)
    assert not await accepts(free_port)


async def test_switching_the_server_off_needs_one(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await change_nut_server(hass, loaded, enabled=False)
    assert is_loaded(loaded)
    assert not await accepts(free_port)


async def test_another_model_needs_one(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    hass.config_entries.async_update_entry(loaded, data={**loaded.data, "model": "bn150t"})
    await hass.async_block_till_done()
    assert loaded.runtime_data.ups.state.model == "BN150T"


@pytest.mark.usefixtures("on_battery")
async def test_on_battery_it_waits_for_mains(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    free_port: int,
    issue_registry: ir.IssueRegistry,
) -> None:
    runtime_data = loaded.runtime_data
    async with NutConnection(free_port) as client:
        await change_nut_server(hass, loaded, port=unused_port())
        assert issue_registry.async_get_issue(DOMAIN, RELOAD_WAITS) is not None
        reply = await client.ask("GET VAR ups ups.status")
        assert reply == 'VAR ups ups.status "OB DISCHRG"'
    assert loaded.runtime_data is runtime_data
    simulated.restore_mains()
    await eventually(lambda: is_loaded(loaded) and loaded.runtime_data is not runtime_data)
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, RELOAD_WAITS) is None
    assert not await accepts(free_port)


@pytest.mark.usefixtures("on_battery")
async def test_taking_the_change_back_ends_the_waiting(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    free_port: int,
    issue_registry: ir.IssueRegistry,
) -> None:
    runtime_data = loaded.runtime_data
    await change_nut_server(hass, loaded, port=unused_port())
    await change_nut_server(hass, loaded, port=free_port)
    assert issue_registry.async_get_issue(DOMAIN, RELOAD_WAITS) is None
    simulated.restore_mains()
    await eventually(lambda: loaded.runtime_data.coordinator.data.on_battery is False)
    await hass.async_block_till_done()
    assert loaded.runtime_data is runtime_data


@pytest.mark.usefixtures("on_battery")
async def test_it_waits_as_long_as_clients_believe_the_last_reading(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    issue_registry: ir.IssueRegistry,
) -> None:
    runtime_data = loaded.runtime_data
    simulated.unplug()
    await eventually(lambda: loaded.runtime_data.coordinator.data.stale)
    await change_nut_server(hass, loaded, port=unused_port())
    assert loaded.runtime_data is runtime_data
    assert issue_registry.async_get_issue(DOMAIN, RELOAD_WAITS) is not None


@pytest.mark.usefixtures("on_battery")
async def test_once_clients_know_that_the_data_is_stale_it_waits_no_longer(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    issue_registry: ir.IssueRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime_data = loaded.runtime_data
    simulated.unplug()
    await eventually(lambda: loaded.runtime_data.coordinator.data.stale)
    await change_nut_server(hass, loaded, port=unused_port())
    monkeypatch.setattr(changes, "MAX_AGE_S", 0.0)
    async_fire_time_changed(hass, dt_util.utcnow() + changes.LOOK_INTERVAL)
    await eventually(lambda: loaded.state is not ConfigEntryState.LOADED)
    simulated.replug()
    await eventually(lambda: is_loaded(loaded) or loaded.state is ConfigEntryState.SETUP_RETRY)
    assert issue_registry.async_get_issue(DOMAIN, RELOAD_WAITS) is None
    assert getattr(loaded, "runtime_data", None) is not runtime_data


@pytest.mark.usefixtures("on_battery")
async def test_unloading_ends_the_waiting(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await change_nut_server(hass, loaded, port=unused_port())
    await hass.config_entries.async_unload(loaded.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, RELOAD_WAITS) is None
