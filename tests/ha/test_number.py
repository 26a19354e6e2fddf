"""The numbers: settings of the UPS, and the knobs of the simulated one."""

from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.omron_ups.driver import SimulatedUps, Ups, Writable
from tests.ha.common import MockConfigEntry, eventually, set_up, simulated_entry, state_of

DELAY = "number.bw55t_shutdown_delay"
LOW = "number.bw55t_low_battery_threshold"
RESTART = "number.bw55t_charge_to_restart"
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


@pytest.mark.parametrize(
    ("entity_id", "variable", "value"),
    [
        (LOW, "battery.charge.low", 30),
        (RESTART, "battery.charge.restart", 55),
        (DELAY, "ups.delay.shutdown", 54),
        (DELAY, "ups.delay.shutdown", 1800),
    ],
)
async def test_settings(
    hass: HomeAssistant, complete: MockConfigEntry, entity_id: str, variable: str, value: int
) -> None:
    await set_value(hass, entity_id, value)
    assert complete.runtime_data.ups.state.variables[variable] == str(value)
    assert state_of(hass, entity_id) == str(value)


@pytest.mark.parametrize("value", [13, 12.5, 66, 1799])
async def test_a_delay_that_the_unit_cannot_wait(
    hass: HomeAssistant, complete: MockConfigEntry, value: float
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await set_value(hass, DELAY, value)
    assert raised.value.translation_key == "value_not_possible"
    assert raised.value.translation_placeholders is not None
    assert "54, 60, 120" in raised.value.translation_placeholders["possible"]
    assert state_of(hass, DELAY) == "30"


async def test_limits_of_the_unit(hass: HomeAssistant, complete: MockConfigEntry) -> None:
    for entity_id, first, last in ((DELAY, 12, 1800), (LOW, 0, 100)):
        state = hass.states.get(entity_id)
        assert state is not None
        assert (state.attributes["min"], state.attributes["max"]) == (first, last)


async def test_a_unit_that_names_no_limits(hass: HomeAssistant, free_port: int) -> None:
    entry = simulated_entry(free_port)
    entry.add_to_hass(hass)
    with patch.object(Ups, "writable", {"ups.delay.shutdown": Writable(max_length=8)}):
        await set_up(hass, entry)
        state = hass.states.get(DELAY)
        assert state is not None
        assert (state.attributes["min"], state.attributes["max"]) == (12, 1800)
        await hass.config_entries.async_unload(entry.entry_id)


async def set_value(hass: HomeAssistant, entity_id: str, value: float) -> None:
    """Turn a knob."""
    await hass.services.async_call(
        "number", "set_value", {"entity_id": entity_id, "value": value}, blocking=True
    )
