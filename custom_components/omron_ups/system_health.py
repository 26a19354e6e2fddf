"""What the system information page says of the integration."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .coordinator import OmronConfigEntry


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register what to ask."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    entries: list[OmronConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    running = [entry.runtime_data for entry in entries if entry.state is ConfigEntryState.LOADED]
    return {
        "configured_upses": len(entries),
        "connected_upses": sum(not data.ups.state.stale for data in running),
        "upses_served": sum(data.nut.is_serving for data in running),
        "nut_clients": sum(len(data.nut.clients) for data in running),
    }
