"""The actions of the integration."""

from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry, async_register_admin_service
import probatio

from .blueprints import async_install_blueprints
from .const import ATTR_DRY_RUN, ATTR_REASON, ATTR_TARGETS, DOMAIN
from .controls import async_send_command, async_set_variable
from .coordinator import OmronConfigEntry
from .driver import UpsSource
from .plan_actions import (
    async_cancel_shutdown,
    async_check_targets,
    async_preview_shutdown,
    async_start_shutdown,
)

SERVICE_GET_VARIABLES = "get_variables"
SERVICE_SEND_COMMAND = "send_command"
SERVICE_SET_VARIABLE = "set_variable"
SERVICE_START_SHUTDOWN = "start_shutdown"
SERVICE_CANCEL_SHUTDOWN = "cancel_shutdown"
SERVICE_PREVIEW_SHUTDOWN = "preview_shutdown"
SERVICE_CHECK_TARGETS = "check_targets"
SERVICE_INSTALL_BLUEPRINTS = "install_blueprints"

ATTR_COMMAND: Final = "command"
ATTR_VALUE: Final = "value"
ATTR_VARIABLE: Final = "variable"


def nut_value(value: Any) -> str:
    """Return a value as NUT spells it: YAML makes `yes` true, and a template makes 30 of 30.0."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return cv.string(value)


ENTRY_SCHEMA = probatio.Schema({probatio.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})
COMMAND_SCHEMA = ENTRY_SCHEMA.extend(
    {
        probatio.Required(ATTR_COMMAND): cv.string,
        probatio.Optional(ATTR_VALUE): nut_value,
    }
)
VARIABLE_SCHEMA = ENTRY_SCHEMA.extend(
    {
        probatio.Required(ATTR_VARIABLE): cv.string,
        probatio.Required(ATTR_VALUE): nut_value,
    }
)


START_SCHEMA = ENTRY_SCHEMA.extend(
    {
        # A template that names nobody must not stop everybody.
        probatio.Optional(ATTR_TARGETS): probatio.All(
            cv.ensure_list, [cv.string], probatio.Length(min=1)
        ),
        probatio.Optional(ATTR_REASON): cv.string,
        probatio.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
    }
)


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
    async_register_admin_service(
        hass, DOMAIN, SERVICE_SEND_COMMAND, _async_send_command, schema=COMMAND_SCHEMA
    )
    async_register_admin_service(
        hass, DOMAIN, SERVICE_SET_VARIABLE, _async_set_variable, schema=VARIABLE_SCHEMA
    )
    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_START_SHUTDOWN,
        async_start_shutdown,
        schema=START_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    hass.services.async_register(
        DOMAIN, SERVICE_CANCEL_SHUTDOWN, async_cancel_shutdown, schema=ENTRY_SCHEMA
    )
    for name, action in (
        (SERVICE_PREVIEW_SHUTDOWN, async_preview_shutdown),
        (SERVICE_CHECK_TARGETS, async_check_targets),
    ):
        hass.services.async_register(
            DOMAIN, name, action, schema=ENTRY_SCHEMA, supports_response=SupportsResponse.ONLY
        )
    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_INSTALL_BLUEPRINTS,
        _async_install_blueprints,
        schema=probatio.Schema({}),
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_install_blueprints(call: ServiceCall) -> ServiceResponse:
    """Install or update the blueprints, and tell what became of each."""
    return (await async_install_blueprints(call.hass)).as_dict()


async def _async_get_variables(call: ServiceCall) -> ServiceResponse:
    """Return everything that is known of the UPS under NUT's names, and how old it is."""
    ups = _ups_of(call)
    age = ups.age
    return {
        "variables": dict(ups.state.variables),
        "age": None if age is None else round(age, 1),
    }


async def _async_send_command(call: ServiceCall) -> None:
    """Let the UPS carry out an instant command; done when the UPS has acknowledged it."""
    await async_send_command(_ups_of(call), call.data[ATTR_COMMAND], call.data.get(ATTR_VALUE))


async def _async_set_variable(call: ServiceCall) -> None:
    """Write a variable of the UPS; done when the UPS has acknowledged it."""
    await async_set_variable(_ups_of(call), call.data[ATTR_VARIABLE], call.data[ATTR_VALUE])


def _ups_of(call: ServiceCall) -> UpsSource:
    entry: OmronConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data.ups
