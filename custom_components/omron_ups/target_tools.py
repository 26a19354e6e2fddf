"""What the kinds of targets need of Home Assistant."""

from typing import Final

import aiohttp
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .ha_actions import HassActions
from .nut_service import NutService
from .plan_ports import NutClients
from .shutdown.kinds import Tools

DATA_SESSION: Final[HassKey[aiohttp.ClientSession]] = HassKey(f"{DOMAIN}_session")


def tools_of(hass: HomeAssistant, nut: NutService) -> Tools:
    """Return what the targets of one UPS work with."""
    return Tools(session=_session(hass), actions=HassActions(hass), aliases=NutClients(nut))


def _session(hass: HomeAssistant) -> aiohttp.ClientSession:
    """Return the session for hosts; without cookies, which would outlive a login."""
    if DATA_SESSION not in hass.data:
        # Cleaned up by Home Assistant it would end with the first entry that is reloaded, and
        # nobody could stop a host any more.
        session = hass.data[DATA_SESSION] = async_create_clientsession(
            hass, auto_cleanup=False, cookie_jar=aiohttp.DummyCookieJar()
        )

        @callback
        def detach(_event: Event) -> None:
            session.detach()

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, detach)
    return hass.data[DATA_SESSION]
