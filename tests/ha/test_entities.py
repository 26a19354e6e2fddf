"""The entities of a UPS: which there are, what they say, and when they have nothing to say."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date
import logging
from unittest.mock import patch

from homeassistant.const import STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from tests.ha.common import (
    MockConfigEntry,
    eventually,
    set_up,
    simulated_entry,
    snapshot_platform,
    state_of,
)

ENABLED_SENSORS = {
    "status",
    "battery_charge",
    "battery_runtime",
    "load",
    "power",
    "energy",
    "input_voltage",
    "output_voltage",
    "battery_voltage",
    "temperature",
    "last_power_failure",
    "data_age",
}
STANDING = {
    "binary_sensor.bw55t_connected",
    "event.bw55t_power",
    "number.bw55t_simulated_charge",
    "number.bw55t_simulated_load",
    "sensor.bw55t_data_age",
    "sensor.bw55t_last_power_failure",
    "switch.bw55t_simulated_mains",
}


@pytest.mark.parametrize(
    "platform",
    [
        Platform.BINARY_SENSOR,
        Platform.EVENT,
        Platform.NUMBER,
        Platform.SENSOR,
        Platform.SWITCH,
    ],
)
@pytest.mark.usefixtures("all_entities_enabled")
async def test_platform(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    platform: Platform,
) -> None:
    with patch("custom_components.omron_ups.PLATFORMS", [platform]):
        await set_up(hass, entry)
        await eventually(lambda: entry.runtime_data.ups.state.replace_battery is not None)
        await hass.async_block_till_done()
        await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_twelve_sensors_are_enabled(
    loaded: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    entities = er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
    prefix = f"{loaded.entry_id}_"
    enabled = {
        item.unique_id.removeprefix(prefix)
        for item in entities
        if item.domain == Platform.SENSOR and item.disabled_by is None
    }
    assert enabled == ENABLED_SENSORS


@pytest.fixture
async def plain_q1(hass: HomeAssistant, free_port: int) -> AsyncGenerator[MockConfigEntry]:
    """Return the entry of a unit that understands nothing but Q1."""
    entry = simulated_entry(free_port, model="bn75t-serial")
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_unit_has_only_the_entities_that_it_can_answer_for(
    plain_q1: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    entities = er.async_entries_for_config_entry(entity_registry, plain_q1.entry_id)
    keys = {item.unique_id.removeprefix(f"{plain_q1.entry_id}_") for item in entities}
    assert {"status", "load", "input_voltage", "mains", "connected", "power"} <= keys
    assert not {"battery_temperature", "battery_date", "apparent_power", "energy"} & keys


async def test_an_answer_that_comes_late_brings_its_entity(
    loaded: MockConfigEntry, entity_registry: er.EntityRegistry, hass: HomeAssistant
) -> None:
    unique_id = f"{loaded.entry_id}_battery_date"
    assert entity_registry.async_get_entity_id("sensor", DOMAIN, unique_id) is None
    coordinator = loaded.runtime_data.coordinator
    coordinator.async_handle_state(replace(coordinator.data, battery_date=date(2026, 4, 1)))
    await hass.async_block_till_done()
    assert entity_registry.async_get_entity_id("sensor", DOMAIN, unique_id) is not None


async def test_readings_become_unavailable_and_return(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    readings = {
        state.entity_id for state in hass.states.async_all() if state.entity_id not in STANDING
    }
    simulated.unplug()
    await eventually(lambda: state_of(hass, "sensor.bw55t_load") == STATE_UNAVAILABLE)
    await hass.async_block_till_done()
    unavailable = {
        state.entity_id for state in hass.states.async_all() if state.state == STATE_UNAVAILABLE
    }
    assert unavailable == readings
    assert state_of(hass, "binary_sensor.bw55t_connected") == "off"

    simulated.replug()
    await eventually(lambda: state_of(hass, "sensor.bw55t_load") == "12")
    await hass.async_block_till_done()
    assert all(state_of(hass, entity_id) != STATE_UNAVAILABLE for entity_id in readings)
    assert state_of(hass, "binary_sensor.bw55t_connected") == "on"

    ours = [
        record
        for record in caplog.records
        if record.name.startswith("custom_components.omron_ups") and record.levelno >= logging.INFO
    ]
    assert len(ours) == 2
    assert "Error requesting" in ours[0].message
    assert "recovered" in ours[1].message


async def test_updating_an_entity_does_not_disturb_the_ups(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    coordinator = loaded.runtime_data.coordinator
    await coordinator.async_refresh()
    assert coordinator.last_update_success
    simulated.unplug()
    await eventually(lambda: not coordinator.last_update_success)
    await coordinator.async_refresh()
    assert not coordinator.last_update_success


async def test_status_follows_the_power(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.cut_mains()
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "on_battery")
    assert state_of(hass, "binary_sensor.bw55t_mains") == "off"
    simulated.charge = 10
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "battery_low")
    assert state_of(hass, "binary_sensor.bw55t_battery_low") == "on"
    simulated.restore_mains()
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "charging")
    assert state_of(hass, "binary_sensor.bw55t_mains") == "on"


async def test_quiet_measurements_are_not_written_each_second(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.input_voltage = 101.0
    ups = loaded.runtime_data.ups
    await eventually(lambda: ups.state.input_voltage == 101.0)
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.bw55t_input_voltage") == "103.7"
    with patch("custom_components.omron_ups.sensor.MEASUREMENT_INTERVAL_S", 0):
        await eventually(lambda: state_of(hass, "sensor.bw55t_input_voltage") == "101.0")


async def test_age_of_the_data(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    ups = loaded.runtime_data.ups
    entity = hass.data["entity_components"]["sensor"].get_entity("sensor.bw55t_data_age")
    assert entity is not None
    assert entity.native_value == 0
    simulated.unplug()
    await eventually(lambda: ups.state.stale)
    ages = {0.5: 0, 19.9: 10, 59.0: 50, 61.0: 60, 599.0: 540, 1900.0: 1800}
    for age, shown in ages.items():
        with patch.object(type(ups), "age", age):
            assert entity.native_value == shown
    with patch.object(type(ups), "age", None):
        assert entity.native_value is None
