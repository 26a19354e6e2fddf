"""Serial ports: what the config flow asks, and what an entry keeps of one."""

from collections.abc import Mapping
import os
from typing import Any, Final

from homeassistant.components import usb
from homeassistant.const import CONF_DEVICE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SerialPortSelector,
)
import probatio

from .const import CONF_DIALECT, CONF_DTR, CONF_RTS, DEFAULT_DTR, DEFAULT_RTS, SECTION_LINES
from .driver import Dialect

_LINES: Final[Mapping[str, bool]] = {CONF_DTR: DEFAULT_DTR, CONF_RTS: DEFAULT_RTS}

SERIAL_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_DEVICE): SerialPortSelector(),
        probatio.Required(CONF_DIALECT, default=Dialect.OMRON): SelectSelector(
            SelectSelectorConfig(options=list(Dialect), translation_key=CONF_DIALECT)
        ),
        probatio.Required(SECTION_LINES, default=dict(_LINES)): section(
            probatio.Schema(
                {
                    probatio.Required(name, default=state): BooleanSelector()
                    for name, state in _LINES.items()
                }
            ),
            {"collapsed": True},
        ),
    }
)


async def async_serial_data(hass: HomeAssistant, user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry keeps of the port that a user entered."""
    # The path of a USB adapter changes with the order of plugging in; its id does not.
    device = await hass.async_add_executor_job(usb.get_serial_by_id, user_input[CONF_DEVICE])
    return {
        CONF_DEVICE: device,
        CONF_DIALECT: user_input[CONF_DIALECT],
        **user_input[SECTION_LINES],
    }


def serial_suggestion(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form is filled with: the data of an entry."""
    lines = {name: data.get(name, state) for name, state in _LINES.items()}
    return {**data, SECTION_LINES: lines}


async def async_port_of(hass: HomeAssistant, device: str) -> str:
    """Return what is the same for every path of a port; a URL stays as it is."""
    if "://" in device:
        return device
    return await hass.async_add_executor_job(os.path.realpath, device)
