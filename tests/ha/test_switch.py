"""The switches: settings of the UPS, and the plug of the simulated one."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from scripts.lib.simulator_server import PtyServer
from tests.ha.common import MockConfigEntry, eventually, serial_entry, set_up, state_of

COLD_START = "switch.bw55t_cold_start"
MAINS = "switch.bw55t_simulated_mains"


async def test_pulling_the_plug(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    assert state_of(hass, MAINS) == "on"
    assert simulated.fed
    await turn(hass, MAINS, "turn_off")
    assert simulated.measured_input_voltage == 0
    assert state_of(hass, MAINS) == "off"
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_mains") == "off")
    await turn(hass, MAINS, "turn_on")
    assert simulated.measured_input_voltage > 0
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_mains") == "on")


async def test_the_plug_can_be_pulled_without_data(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.unplug()
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "unavailable")
    await turn(hass, MAINS, "turn_off")
    assert state_of(hass, MAINS) == "off"


@pytest.mark.usefixtures("socket_enabled")
async def test_a_real_ups_has_no_such_things(hass: HomeAssistant) -> None:
    async with PtyServer(SimulatedUps()) as server:
        entry = serial_entry(server.place, "serial number")
        entry.add_to_hass(hass)
        await set_up(hass, entry)
        assert state_of(hass, "sensor.bw55t_status") == "on_mains"
        controls = hass.states.async_entity_ids(("switch", "number"))
        assert "number.bw55t_shutdown_delay" in controls
        assert [entity_id for entity_id in controls if "simulated" in entity_id] == []
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("beeper", "beeper"), ("automatic_restart", "auto_restart"), ("cold_start", "cold_start")],
)
async def test_settings(
    hass: HomeAssistant,
    complete: MockConfigEntry,
    simulated: SimulatedUps,
    name: str,
    setting: str,
) -> None:
    entity_id = f"switch.bw55t_{name}"
    before = getattr(simulated.settings, setting)
    assert state_of(hass, entity_id) == ("on" if before else "off")
    for service, value in (("turn_off", False), ("turn_on", True), ("turn_off", False)):
        await turn(hass, entity_id, service)
        assert getattr(simulated.settings, setting) is value
        assert state_of(hass, entity_id) == ("on" if value else "off")


async def test_a_setting_that_is_refused(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.inject(Fault(kind=FaultKind.NAK, request="CSf"))
    simulated.inject(Fault(kind=FaultKind.NAK, request="CSn"))
    before = state_of(hass, COLD_START)
    for service in ("turn_on", "turn_off"):
        with pytest.raises(HomeAssistantError) as raised:
            await turn(hass, COLD_START, service)
        assert raised.value.translation_key == "request_refused"
    assert state_of(hass, COLD_START) == before
    simulated.clear_faults()
    await turn(hass, COLD_START, "turn_on")
    assert state_of(hass, COLD_START) == "on"


async def test_settings_are_unavailable_without_data(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.unplug()
    await eventually(lambda: state_of(hass, COLD_START) == "unavailable")


async def turn(hass: HomeAssistant, entity_id: str, service: str) -> None:
    """Turn a switch and wait until the UPS has confirmed."""
    await hass.services.async_call("switch", service, {"entity_id": entity_id}, blocking=True)
