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
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry, async_register_admin_service
import probatio

from .const import DOMAIN
from .coordinator import OmronConfigEntry
from .driver import OutOfRangeError, Ups, UpsError, Writable
from .errors import request_failed

SERVICE_GET_VARIABLES = "get_variables"
SERVICE_SEND_COMMAND = "send_command"
SERVICE_SET_VARIABLE = "set_variable"

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
    ups = _ups_of(call)
    name, value = call.data[ATTR_COMMAND], call.data.get(ATTR_VALUE)
    command = ups.commands.get(name)
    if command is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="command_not_supported",
            translation_placeholders={"command": name, "commands": ", ".join(ups.commands)},
        )
    if value and not command.takes_delay:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="command_takes_no_value",
            translation_placeholders={"command": name},
        )
    try:
        await ups.command(name, value)
    except OutOfRangeError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="delay_not_possible",
            translation_placeholders={"command": name, "value": str(value)},
        ) from err
    except UpsError as err:
        raise request_failed(err, name) from err


async def _async_set_variable(call: ServiceCall) -> None:
    """Write a variable of the UPS; done when the UPS has acknowledged it."""
    ups = _ups_of(call)
    name, value = call.data[ATTR_VARIABLE], call.data[ATTR_VALUE]
    rule = ups.writable.get(name)
    if rule is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="variable_not_writable",
            translation_placeholders={"variable": name, "variables": ", ".join(ups.writable)},
        )
    try:
        await ups.set_variable(name, value)
    except OutOfRangeError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="value_not_possible",
            translation_placeholders={
                "variable": name,
                "value": value,
                "possible": _possible(rule),
            },
        ) from err
    except UpsError as err:
        raise request_failed(err, name) from err


def _ups_of(call: ServiceCall) -> Ups:
    entry: OmronConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data.ups


def _possible(rule: Writable) -> str:
    """Return what a variable takes, in figures and NUT's own words."""
    ranges = (f"{first} - {last}" for first, last in rule.ranges)
    lengths = () if rule.max_length is None else (f"<= {rule.max_length}",)
    return ", ".join((*rule.enum, *ranges, *lengths))
