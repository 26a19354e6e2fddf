"""The knobs of the simulated UPS."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import MockConfigEntry, eventually, state_of

LOAD = "number.bw55t_simulated_load"
CHARGE = "number.bw55t_simulated_charge"


async def test_load(hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps) -> None:
    await set_value(hass, LOAD, 110)
    assert simulated.load == 110
    assert state_of(hass, LOAD) == "110"
    await eventually(lambda: state_of(hass, "binary_sensor.bw55t_overload") == "on")


async def test_charge(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.cut_mains()
    await set_value(hass, CHARGE, 20)
    assert round(simulated.charge) == 20
    assert state_of(hass, CHARGE) == "20"
    # A battery that carries a load has lost something already.
    await eventually(lambda: state_of(hass, "sensor.bw55t_battery_charge") in {"19", "20"})


@pytest.mark.parametrize(("entity_id", "value"), [(LOAD, 151), (CHARGE, 101), (CHARGE, -1)])
async def test_limits(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_id: str, value: float
) -> None:
    with pytest.raises(ServiceValidationError):
        await set_value(hass, entity_id, value)


async def set_value(hass: HomeAssistant, entity_id: str, value: float) -> None:
    """Turn a knob."""
    await hass.services.async_call(
        "number", "set_value", {"entity_id": entity_id, "value": value}, blocking=True
    )
