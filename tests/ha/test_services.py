"""The actions."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import MockConfigEntry, eventually, set_up, simulated_entry


async def get_variables(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action."""
    response = await hass.services.async_call(
        DOMAIN, "get_variables", data, blocking=True, return_response=True
    )
    assert response is not None
    return dict(response)


@pytest.mark.parametrize("names_the_entry", [True, False])
async def test_get_variables(
    hass: HomeAssistant, loaded: MockConfigEntry, names_the_entry: bool
) -> None:
    data = {"config_entry_id": loaded.entry_id} if names_the_entry else {}
    response = await get_variables(hass, **data)
    assert set(response) == {"variables", "age"}
    assert response["variables"]["ups.status"] == "OL"
    assert response["variables"]["device.model"] == "BW55T"
    assert 0 <= response["age"] < 5


async def test_old_variables_tell_their_age(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.unplug()
    await eventually(lambda: loaded.runtime_data.ups.state.stale)
    response = await get_variables(hass)
    assert response["age"] >= 0.2
    assert response["variables"]["ups.status"] == "OL"


async def test_with_two_upses_the_entry_must_be_named(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    other = simulated_entry(free_port, model="bn150t", ups_name="ups2")
    other.add_to_hass(hass)
    await set_up(hass, other)
    with pytest.raises(ServiceValidationError):
        await get_variables(hass)
    response = await get_variables(hass, config_entry_id=other.entry_id)
    assert response["variables"]["device.model"] == "BN150T"
    await hass.config_entries.async_unload(other.entry_id)


async def test_an_entry_that_is_not_loaded(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)
    with pytest.raises(ServiceValidationError):
        await get_variables(hass, config_entry_id=loaded.entry_id)
    with pytest.raises(ServiceValidationError):
        await get_variables(hass, config_entry_id="no such entry")
