"""What the kinds of targets need of Home Assistant."""

from typing import Final

import aiohttp
from homeassistant.core import HomeAssistant
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
        hass.data[DATA_SESSION] = async_create_clientsession(
            hass, cookie_jar=aiohttp.DummyCookieJar()
        )
    return hass.data[DATA_SESSION]
