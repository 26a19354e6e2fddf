"""The binary sensors."""

from homeassistant.core import HomeAssistant

from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import MockConfigEntry, eventually, state_of


async def test_status_follows_the_power(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.cut_mains()
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "on_battery")
    assert state_of(hass, "binary_sensor.bw55t_mains") == "off"
    simulated.charge = 10
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "battery_low")
    assert state_of(hass, "binary_sensor.bw55t_battery_low") == "on"
    # On mains the charge is asked for less often. A battery that carries a load loses some.
    await eventually(lambda: state_of(hass, "sensor.bw55t_battery_charge") in {"9", "10"})
    simulated.restore_mains()
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "charging")
    assert state_of(hass, "binary_sensor.bw55t_mains") == "on"


async def test_problems(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.load = 120
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_overload") == "on")
    simulated.set_fault(True)
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_fault") == "on")
    simulated.load = 10
    simulated.set_fault(False)
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_fault") == "off")
    assert state_of(hass, "binary_sensor.bw55t_overload") == "off"


async def test_self_test(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    assert simulated.start_self_test(duration_s=60)
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_self_test") == "on")
    simulated.stop_self_test()
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_self_test") == "off")
