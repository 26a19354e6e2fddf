"""Finds further UPSes at the USB ports, whenever Home Assistant looks for USB devices."""

from homeassistant.components import usb
from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import discovery_flow

from .const import CONF_TITLE, DOMAIN, LOGGER
from .driver import UpsError, list_usb_units
from .usb_units import identity_data


@callback
def async_setup_usb_discovery(hass: HomeAssistant) -> None:
    """Look at the bus when devices come and go, and when the user asks for it.

    Home Assistant's own discovery sees serial ports only, and a UPS is none.
    """

    @callback
    def look() -> None:
        hass.async_create_background_task(_async_look(hass), f"{DOMAIN} USB discovery")

    usb.async_register_scan_request_callback(hass, look)


async def _async_look(hass: HomeAssistant) -> None:
    """Begin a flow for each unit that is known to be a UPS; the flow ends if it is configured."""
    try:
        units = await list_usb_units()
    except UpsError as err:
        LOGGER.debug("USB ports cannot be searched: %s", err)
        return
    for unit in units.known:
        discovery_flow.async_create_flow(
            hass,
            DOMAIN,
            context={"source": SOURCE_INTEGRATION_DISCOVERY},
            data={**identity_data(unit.identity), CONF_TITLE: unit.model},
        )
