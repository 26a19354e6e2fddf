"""Losing the UPS, and finding it again."""

from dataclasses import replace
import logging

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import SimulatedUps, UpsState
from tests.ha.common import MockConfigEntry, eventually, state_of

STANDING = {
    "binary_sensor.bw55t_connected",
    "button.bw55t_cancel_shutdown_plan",
    "button.bw55t_check_targets",
    "button.bw55t_rehearse_shutdown_plan",
    "event.bw55t_power",
    "number.bw55t_simulated_charge",
    "number.bw55t_simulated_load",
    "sensor.bw55t_data_age",
    "sensor.bw55t_last_power_failure",
    "sensor.bw55t_shutdown_plan",
    "sensor.bw55t_shutdown_plan_margin",
    "switch.bw55t_maintenance",
    "switch.bw55t_shutdown_plan_armed",
    "switch.bw55t_simulated_mains",
}


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


async def test_news_without_fresh_readings_is_handed_on_without_another_line(
    loaded: MockConfigEntry, simulated: SimulatedUps, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = loaded.runtime_data.coordinator
    simulated.unplug()
    await eventually(lambda: not coordinator.last_update_success)
    heard: list[UpsState] = []
    remove = coordinator.async_add_listener(lambda: heard.append(coordinator.data))
    caplog.clear()
    state = replace(coordinator.data, fault=True)
    coordinator.async_handle_state(state)
    remove()
    assert heard == [state]
    assert "Error requesting" not in caplog.text
