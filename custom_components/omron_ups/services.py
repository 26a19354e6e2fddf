"""The actions of the integration."""

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry
import probatio

from .const import DOMAIN
from .coordinator import OmronConfigEntry

SERVICE_GET_VARIABLES = "get_variables"

ENTRY_SCHEMA = probatio.Schema({probatio.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_GET_VARIABLES,
        _async_get_variables,
        schema=ENTRY_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )


async def _async_get_variables(call: ServiceCall) -> ServiceResponse:
    """Return everything that is known of the UPS under NUT's names, and how old it is."""
    entry: OmronConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    ups = entry.runtime_data.ups
    age = ups.age
    return {
        "variables": dict(ups.state.variables),
        "age": None if age is None else round(age, 1),
    }
