"""What tells UPSes apart, and the ports that they are connected to."""

from collections.abc import Mapping
from typing import Any

from homeassistant.const import CONF_DEVICE, CONF_PORT
from homeassistant.core import HomeAssistant

from .const import CONF_CONNECTION, ConnectionKind
from .driver import UpsState, public_url
from .remote_server import remote_place
from .serial_port import async_port_of
from .usb_units import telling_apart


def unique_id_of(data: Mapping[str, Any], state: UpsState) -> str | None:
    """Return what tells this UPS from others; nothing does for a simulated one.

    Args:
        data: How it is reached: the data of its config entry.
        state: What it says.

    """
    if data[CONF_CONNECTION] == ConnectionKind.SIMULATED:
        return None
    return state.serial or place_of(data)


def place_of(data: Mapping[str, Any]) -> str | None:
    """Return where the UPS is connected, which is all that is known of one without a serial.

    Nothing is known of a simulated one, and not always the port of one on USB.
    """
    kind = data[CONF_CONNECTION]
    if kind == ConnectionKind.SIMULATED:
        return None
    if kind == ConnectionKind.USB_DEVICE:
        port: str | None = data[CONF_PORT]
        return port
    if kind == ConnectionKind.NUT:
        return remote_place(data)
    return public_url(data[CONF_DEVICE])


async def async_device_of(hass: HomeAssistant, data: Mapping[str, Any]) -> object:
    """Return what only one program can have open; None where many can."""
    kind = data[CONF_CONNECTION]
    if kind == ConnectionKind.USB_DEVICE:
        return telling_apart(data)
    if kind == ConnectionKind.SERIAL:
        return await async_port_of(hass, data[CONF_DEVICE])
    return None
