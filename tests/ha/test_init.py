"""The life of a config entry."""

from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_DEVICE, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.omron_ups.const import CONF_CONNECTION, CONF_DIALECT, CONF_NUT_SERVER, DOMAIN
from custom_components.omron_ups.driver import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    NotAUpsError,
    ReplyTimeoutError,
    SerialTransport,
    TransportError,
    UpsError,
)
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from tests.ha.common import (
    TITLE,
    MockConfigEntry,
    accepts,
    eventually,
    is_loaded,
    nut_server_options,
    set_up,
    simulated_entry,
)


async def test_set_up_unload_and_set_up_again(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    ups = loaded.runtime_data.ups
    assert await accepts(free_port)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    await hass.async_block_till_done()
    assert not is_loaded(loaded)
    assert not ups.is_running
    assert not await accepts(free_port)
    await set_up(hass, loaded)
    assert is_loaded(loaded)
    assert await accepts(free_port)


async def test_reload(hass: HomeAssistant, loaded: MockConfigEntry, free_port: int) -> None:
    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert is_loaded(loaded)
    assert await accepts(free_port)


async def test_stop_closes_server_and_device(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert not loaded.runtime_data.ups.is_running
    assert not await accepts(free_port)
    assert await hass.config_entries.async_unload(loaded.entry_id)


async def test_device(
    loaded: MockConfigEntry, device_registry: dr.DeviceRegistry, snapshot: SnapshotAssertion
) -> None:
    (device,) = dr.async_entries_for_config_entry(device_registry, loaded.entry_id)
    shown = {
        name: getattr(device, name)
        for name in ("identifiers", "manufacturer", "model", "name", "serial_number", "sw_version")
    }
    assert shown == snapshot


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (DevicePermissionError("no"), "device_permission"),
        (DeviceBusyError("no"), "device_busy"),
        (DeviceNotFoundError("no"), "device_not_found"),
        (NotAUpsError("no"), "not_a_ups"),
        (ReplyTimeoutError("no"), "no_reply"),
        (TransportError("no"), "cannot_connect"),
        (UpsError("no"), "cannot_connect"),
    ],
)
async def test_set_up_is_tried_again(hass: HomeAssistant, problem: Exception, reason: str) -> None:
    entry = MockConfigEntry(
        domain=DOMAIN,
        data={CONF_CONNECTION: "serial", CONF_DEVICE: "/dev/ttyNONE", CONF_DIALECT: "omron"},
        options={CONF_NUT_SERVER: nut_server_options(1, enabled=False)},
    )
    entry.add_to_hass(hass)
    with patch.object(SerialTransport, "_open", side_effect=problem):
        assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == reason


async def test_removing_the_entry_forgets_the_outages(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    hass_storage: dict[str, Any],
) -> None:
    simulated.cut_mains()
    key = f"{DOMAIN}.{loaded.entry_id}"
    await eventually(lambda: key in hass_storage)
    await hass.config_entries.async_remove(loaded.entry_id)
    assert key not in hass_storage


async def test_two_upses_share_a_server(hass: HomeAssistant, free_port: int) -> None:
    entries = [
        simulated_entry(free_port, ups_name="ups"),
        simulated_entry(free_port, ups_name="ups2", model="bn150t"),
    ]
    for entry in entries:
        entry.add_to_hass(hass)
    await set_up(hass, entries[0])
    assert all(is_loaded(entry) for entry in entries)
    await hass.config_entries.async_unload(entries[0].entry_id)
    assert await accepts(free_port)
    await hass.config_entries.async_unload(entries[1].entry_id)
    await hass.async_block_till_done()
    assert not await accepts(free_port)


async def test_title_is_the_name_of_the_device(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    state = hass.states.get("sensor.bw55t_status")
    assert state is not None
    assert state.name == f"{TITLE} Status"
