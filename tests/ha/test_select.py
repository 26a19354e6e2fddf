"""The selects."""

from dataclasses import replace
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.omron_ups.driver import Sensitivity, Ups, Writable
from tests.ha.common import MockConfigEntry, eventually, set_up, simulated_entry, state_of

SENSITIVITY = "select.bw55t_input_sensitivity"
OPTIONS = {"normal", "low", "high"}


async def choose(hass: HomeAssistant, option: str) -> None:
    """Choose an option and wait until the UPS has confirmed."""
    await hass.services.async_call(
        "select", "select_option", {"entity_id": SENSITIVITY, "option": option}, blocking=True
    )


async def test_input_sensitivity(hass: HomeAssistant, complete: MockConfigEntry) -> None:
    state = hass.states.get(SENSITIVITY)
    assert state is not None
    assert set(state.attributes["options"]) == OPTIONS
    await choose(hass, "low")
    assert state_of(hass, SENSITIVITY) == "low"
    assert complete.runtime_data.ups.state.input_sensitivity is Sensitivity.LOW
    with pytest.raises(ServiceValidationError):
        await choose(hass, "medium")
    await choose(hass, "high")
    assert state_of(hass, SENSITIVITY) == "high"


async def test_a_unit_that_takes_fewer_words(hass: HomeAssistant, free_port: int) -> None:
    writable = {"input.sensitivity": Writable(enum=("normal", "low", "medium"))}
    entry = simulated_entry(free_port)
    entry.add_to_hass(hass)
    with patch.object(Ups, "writable", writable):
        await set_up(hass, entry)
        await eventually(lambda: hass.states.get(SENSITIVITY) is not None)
        state = hass.states.get(SENSITIVITY)
        assert state is not None
        assert state.attributes["options"] == ["normal", "low"]
        coordinator = entry.runtime_data.coordinator
        await entry.runtime_data.ups.stop()
        told = replace(coordinator.data, stale=False, input_sensitivity=Sensitivity.HIGH)
        coordinator.async_handle_state(told)
        assert state_of(hass, SENSITIVITY) == "unknown"
        await hass.config_entries.async_unload(entry.entry_id)
