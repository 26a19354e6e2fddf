"""Devices and entities of targets, added and removed while the entry runs."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import MockConfigEntry, eventually, state_of
from tests.ha.plan import add_host, entity_of, keys_of, target_id

TARGET_KEYS = {"reachable", "ready", "stop", "wake"}


async def test_a_target_comes_and_goes_without_a_reload(
    hass: HomeAssistant, loaded: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    runtime_data = loaded.runtime_data
    await add_host(hass, loaded, "nas")
    await add_host(hass, loaded, "pve")
    owner = target_id(loaded, "nas")
    assert keys_of(hass, loaded, owner) == TARGET_KEYS
    device = device_registry.async_get_device_by_identifier((DOMAIN, owner), loaded.entry_id)
    assert device is not None
    assert (device.name, device.entry_type) == ("nas", dr.DeviceEntryType.SERVICE)
    ups = device_registry.async_get_device_by_identifier((DOMAIN, loaded.entry_id), loaded.entry_id)
    assert ups is not None
    assert device.via_device_id == ups.id

    hass.config_entries.async_remove_subentry(loaded, owner)
    await hass.async_block_till_done()
    assert keys_of(hass, loaded, owner) == set()
    found = device_registry.async_get_device_by_identifier((DOMAIN, owner), loaded.entry_id)
    assert found is None
    assert keys_of(hass, loaded, target_id(loaded, "pve")) == TARGET_KEYS
    assert loaded.runtime_data is runtime_data


async def test_what_may_stop_a_host_is_disabled_by_default(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await add_host(hass, loaded, "nas")
    for key, owner in (("start_plan", None), ("stop", target_id(loaded, "nas"))):
        assert hass.states.get(entity_of(hass, loaded, key, owner)) is None
    for key in ("cancel_plan", "rehearse_plan", "check_targets", "plan_armed", "maintenance"):
        assert hass.states.get(entity_of(hass, loaded, key)) is not None


async def test_another_name_reaches_the_device(
    hass: HomeAssistant, loaded: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    await add_host(hass, loaded, "nas")
    owner = target_id(loaded, "nas")
    hass.config_entries.async_update_subentry(loaded, loaded.subentries[owner], title="Big NAS")
    await hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier((DOMAIN, owner), loaded.entry_id)
    assert device is not None
    assert device.name == "Big NAS"


@pytest.mark.usefixtures("all_entities_enabled")
async def test_without_data_the_plan_still_has_something_to_say(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    await add_host(hass, loaded, "nas")
    owner = target_id(loaded, "nas")
    load = entity_of(hass, loaded, "load")
    simulated.unplug()
    await eventually(lambda: state_of(hass, load) == "unavailable")
    for key in ("plan_state", "plan_needs", "plan_margin", "plan_armed", "start_plan"):
        assert state_of(hass, entity_of(hass, loaded, key)) != "unavailable", key
    for key in TARGET_KEYS:
        assert state_of(hass, entity_of(hass, loaded, key, owner)) != "unavailable", key
