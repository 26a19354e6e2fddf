"""The buttons: the commands that the unit offers, and what happens when one is pressed."""

from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.omron_ups.const import CONF_BATTERY, CONF_OFFERS_UNPROVEN, DOMAIN
from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from tests.ha.common import MockConfigEntry, eventually, set_up, simulated_entry, state_of

BEEPER_OFF = "button.bw55t_beeper_off"
RETURN = "button.bw55t_shut_down_and_return"
STAY_OFF = "button.bw55t_shut_down_and_stay_off"
STOP = "button.bw55t_cancel_shutdown"
TEST = "button.bw55t_battery_test"


async def press(hass: HomeAssistant, entity_id: str) -> None:
    """Press a button and wait until the UPS has confirmed."""
    await hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)


async def test_beeper_off(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    await press(hass, BEEPER_OFF)
    assert simulated.settings.beeper is False


@pytest.mark.usefixtures("all_entities_enabled")
@pytest.mark.parametrize("button", [RETURN, STAY_OFF])
async def test_a_shutdown_and_its_end(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps, button: str
) -> None:
    with patch("custom_components.omron_ups.setting_memory.FileSettingMemory.save"):
        await press(hass, button)
        assert simulated.shutdown_pending
        assert simulated.settings.auto_restart is (button == RETURN)
        await press(hass, STOP)
    assert not simulated.shutdown_pending


async def test_what_cuts_the_power_is_disabled_by_default(
    complete: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    for entity_id, is_disabled in (
        (BEEPER_OFF, False),
        (STOP, False),
        (RETURN, True),
        (STAY_OFF, True),
    ):
        found = entity_registry.async_get(entity_id)
        assert found is not None
        assert found.disabled is is_disabled, entity_id


async def test_a_self_test_only_where_it_is_offered(
    hass: HomeAssistant, free_port: int, entity_registry: er.EntityRegistry
) -> None:
    entry = simulated_entry(free_port)
    entry.add_to_hass(hass)
    options = {**entry.options, CONF_BATTERY: {CONF_OFFERS_UNPROVEN: True}}
    hass.config_entries.async_update_entry(entry, options=options)
    await set_up(hass, entry)
    await eventually(lambda: hass.states.get(TEST) is not None)
    # As the one that was published, this unit does not know the command.
    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, TEST)
    assert raised.value.translation_key == "request_refused"
    assert b"T\r" in entry.runtime_data.simulated.requests
    await hass.config_entries.async_unload(entry.entry_id)


async def test_no_self_test_by_default(
    complete: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    unique_id = f"{complete.entry_id}_battery_test"
    assert entity_registry.async_get_entity_id("button", DOMAIN, unique_id) is None


async def test_a_ups_that_refuses(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.inject(Fault(kind=FaultKind.NAK, request="Bf"))
    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, BEEPER_OFF)
    assert raised.value.translation_key == "request_refused"
    simulated.clear_faults()
    await press(hass, BEEPER_OFF)
    assert simulated.settings.beeper is False


async def test_without_data_there_is_nothing_to_press(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.unplug()
    await eventually(lambda: state_of(hass, BEEPER_OFF) == "unavailable")
    simulated.replug()
    await eventually(lambda: state_of(hass, BEEPER_OFF) != "unavailable")
    assert simulated.settings.beeper is True
