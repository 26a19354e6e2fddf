"""The ways to change something at a UPS, and the words for what can go wrong on them."""

from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN
from .driver import OutOfRangeError, UpsError, UpsSource, Writable
from .errors import request_failed


async def async_send_command(ups: UpsSource, name: str, value: str | None = None) -> None:
    """Let the UPS carry out an instant command; done when the UPS has acknowledged it.

    Args:
        ups: Which UPS.
        name: NUT name of the command.
        value: Seconds until the output goes off, for the commands that take a delay; None or empty
            for the delay that is set.

    Raises:
        ServiceValidationError: The command or the value is not one that the unit offers.
        HomeAssistantError: It was not carried out; the text says why.

    """
    command = ups.commands.get(name)
    if command is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="command_not_supported",
            translation_placeholders={"command": name, "commands": ", ".join(ups.commands)},
        )
    if value and command.takes_delay is False:
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


async def async_set_variable(ups: UpsSource, name: str, value: str) -> None:
    """Write a variable of the UPS; done when the UPS has acknowledged it.

    Args:
        ups: Which UPS.
        name: NUT name of the variable.
        value: The new value in NUT's spelling.

    Raises:
        ServiceValidationError: The variable cannot be written, or not with this value.
        HomeAssistantError: It was not written; the text says why.

    """
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


def _possible(rule: Writable) -> str:
    """Return what a variable takes, in figures and NUT's own words."""
    ranges = (f"{first} - {last}" for first, last in rule.ranges)
    lengths = () if rule.max_length is None else (f"<= {rule.max_length}",)
    return ", ".join((*rule.enum, *ranges, *lengths))
