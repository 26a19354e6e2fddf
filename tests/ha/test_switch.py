"""The plug of the simulated UPS."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import SimulatedUps
from scripts.lib.simulator_server import PtyServer
from tests.ha.common import MockConfigEntry, eventually, serial_entry, set_up, state_of

MAINS = "switch.bw55t_simulated_mains"


async def test_pulling_the_plug(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    assert state_of(hass, MAINS) == "on"
    assert simulated.fed
    await call(hass, "turn_off")
    assert simulated.measured_input_voltage == 0
    assert state_of(hass, MAINS) == "off"
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_mains") == "off")
    await call(hass, "turn_on")
    assert simulated.measured_input_voltage > 0
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_mains") == "on")


async def test_the_plug_can_be_pulled_without_data(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.unplug()
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "unavailable")
    await call(hass, "turn_off")
    assert state_of(hass, MAINS) == "off"


@pytest.mark.usefixtures("socket_enabled")
async def test_a_real_ups_has_no_such_things(hass: HomeAssistant) -> None:
    async with PtyServer(SimulatedUps()) as server:
        entry = serial_entry(server.place, "serial number")
        entry.add_to_hass(hass)
        await set_up(hass, entry)
        assert state_of(hass, "sensor.bw55t_status") == "on_mains"
        assert hass.states.async_entity_ids(("switch", "number")) == []
        await hass.config_entries.async_unload(entry.entry_id)


async def call(hass: HomeAssistant, service: str) -> None:
    """Turn the switch."""
    await hass.services.async_call("switch", service, {"entity_id": MAINS}, blocking=True)
