"""The system information page."""

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import MockConfigEntry, eventually, get_system_health_info, simulated_entry


async def test_system_health(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated_entry(1).add_to_hass(hass)
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    assert await get_system_health_info(hass, DOMAIN) == {
        "configured_upses": 2,
        "connected_upses": 1,
        "upses_served": 1,
        "nut_clients": 0,
    }
    simulated.unplug()
    await eventually(lambda: loaded.runtime_data.ups.state.stale)
    info = await get_system_health_info(hass, DOMAIN)
    assert info["connected_upses"] == 0
