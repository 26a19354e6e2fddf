"""The sensors."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups.const import DATA_AGE_INTERVAL
from custom_components.omron_ups.driver import SimulatedUps, UpsState
from custom_components.omron_ups.sensor import STATUSES
from tests.ha.common import (
    MockConfigEntry,
    async_fire_time_changed,
    eventually,
    mock_restore_cache_with_extra_data,
    set_up,
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
    "plan_state",
    "plan_margin",
}


async def test_twelve_sensors_and_two_of_the_plan_are_enabled(
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


async def test_quiet_measurements_are_not_written_each_second(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    ups = loaded.runtime_data.ups
    read_at = ups.state.read_at
    await eventually(lambda: ups.state.read_at > read_at)
    with patch("custom_components.omron_ups.sensor.MEASUREMENT_INTERVAL_S", 3600):
        simulated.input_voltage = 101.0
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


STATUS_OF = dict(STATUSES)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, None),
        ({"on_battery": False}, "on_mains"),
        ({"on_battery": False, "charging": True}, "charging"),
        ({"on_battery": False, "replace_battery": True, "charging": True}, "replace_battery"),
        ({"on_battery": False, "testing": True}, "testing"),
        ({"on_battery": False, "overload": True}, "overload"),
        ({"on_battery": False, "fault": True, "overload": True}, "fault"),
        ({"on_battery": True, "fault": True}, "on_battery"),
        ({"on_battery": True, "battery_low": True}, "battery_low"),
        ({"on_battery": False, "battery_low": True}, "on_mains"),
        ({"on_battery": True, "shutdown_pending": True}, "shutdown_pending"),
    ],
)
def test_status(facts: dict[str, Any], status: str | None) -> None:
    state = replace(UpsState(), **facts)
    assert next((key for key, applies in STATUSES if applies(state)), None) == status


async def test_energy_goes_on_from_the_last_run(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    mock_restore_cache_with_extra_data(
        hass,
        [
            (
                State("sensor.bw55t_energy", "12.5"),
                {"native_value": 12.5, "native_unit_of_measurement": "kWh"},
            )
        ],
    )
    await set_up(hass, entry)
    assert state_of(hass, "sensor.bw55t_energy") == "12.5"
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.usefixtures("all_entities_enabled")
async def test_outages_survive_a_restart(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    assert state_of(hass, "sensor.bw55t_outages") == "0"
    simulated.cut_mains()
    await eventually(lambda: state_of(hass, "sensor.bw55t_outages") == "1")
    began_at = state_of(hass, "sensor.bw55t_last_power_failure")
    assert dt_util.parse_datetime(began_at) is not None
    assert state_of(hass, "sensor.bw55t_last_outage_duration") == "unknown"
    simulated.restore_mains()
    await eventually(lambda: state_of(hass, "sensor.bw55t_last_outage_duration") == "0")
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.bw55t_outages") == "1"
    assert state_of(hass, "sensor.bw55t_last_power_failure") == began_at
    assert state_of(hass, "sensor.bw55t_last_outage_duration") == "0"


async def test_age_grows_while_nothing_is_heard(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    ups = loaded.runtime_data.ups
    simulated.unplug()
    await eventually(lambda: ups.state.stale)
    with patch.object(type(ups), "age", 25.0):
        async_fire_time_changed(hass, dt_util.utcnow() + DATA_AGE_INTERVAL + timedelta(seconds=1))
        await hass.async_block_till_done()
    assert state_of(hass, "sensor.bw55t_data_age") == "20"
