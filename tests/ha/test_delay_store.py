"""The delays of shutdown commands outlive Home Assistant."""

from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.delay_store import DelayStore
from custom_components.omron_ups.driver import Delays, UpsState
from tests.driver.remote_rig import Rig
from tests.ha.common import MockConfigEntry, eventually, remote_entry, set_up

KEY = "omron_ups.entry.delays"


async def load(hass: HomeAssistant) -> Delays:
    """Return what is stored."""
    return await DelayStore(hass, "entry").async_load()


async def test_a_change_is_stored(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    assert await load(hass) == Delays()
    store = DelayStore(hass, "entry")
    await store.async_load()
    store.note(UpsState())
    await hass.async_block_till_done()
    assert KEY not in hass_storage, "the usual delays need no file"
    store.note(UpsState(shutdown_delay=120, start_delay=240))
    await hass.async_block_till_done()
    assert hass_storage[KEY]["data"] == {"shutdown_s": 120, "start_s": 240}
    assert await load(hass) == Delays(shutdown_s=120, start_s=240)
    await store.async_remove()
    assert await load(hass) == Delays()


async def test_a_delay_that_no_unit_takes(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    hass_storage[KEY] = {"version": 1, "data": {"shutdown_s": 61, "start_s": 240}}
    assert await load(hass) == Delays()


async def test_a_reload_keeps_the_delays(
    hass: HomeAssistant, complete: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    await complete.runtime_data.ups.set_variable("ups.delay.shutdown", "60")
    key = f"{DOMAIN}.{complete.entry_id}.delays"
    await eventually(lambda: key in hass_storage)
    assert await hass.config_entries.async_reload(complete.entry_id)
    assert complete.runtime_data.ups.state.shutdown_delay == 60
    await hass.config_entries.async_remove(complete.entry_id)
    assert key not in hass_storage


async def test_the_delays_of_another_server_are_not_ours(
    hass: HomeAssistant, hass_storage: dict[str, Any], rig: Rig
) -> None:
    rig.driver.set("ups.delay.shutdown", "120")
    entry = remote_entry(rig.port)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    await eventually(lambda: entry.runtime_data.ups.state.shutdown_delay == 120)
    await hass.async_block_till_done()
    assert f"omron_ups.{entry.entry_id}.delays" not in hass_storage
    await hass.config_entries.async_unload(entry.entry_id)
