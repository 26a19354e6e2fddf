"""Further UPSes at the USB ports."""

from collections.abc import Iterator
from functools import partial
from unittest.mock import patch

from homeassistant.components import usb
from homeassistant.config_entries import SOURCE_IGNORE, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.driver import NoBackendError, list_usb_units
from tests.driver.usb_rig.fake_backend import FakeBus
from tests.ha.common import MockConfigEntry
from tests.ha.test_usb_units import UNIT, bus, finish, plug, submit, usb_entry

__all__ = ["bus"]

DISCOVERY = "custom_components.omron_ups.usb_discovery.list_usb_units"


@pytest.fixture
def watched(loaded: MockConfigEntry, bus: FakeBus) -> Iterator[FakeBus]:
    """Return the USB bus of a Home Assistant that has a UPS elsewhere already."""
    with patch(DISCOVERY, partial(list_usb_units, new_context=bus.new_context)):
        yield bus


async def scan(hass: HomeAssistant) -> list[ConfigFlowResult]:
    """Let Home Assistant look for USB devices; return the flows that are open then."""
    for look in hass.data[usb._USB_DATA]._request_callbacks:
        look()
    await hass.async_block_till_done(wait_background_tasks=True)
    return list(hass.config_entries.flow.async_progress_by_handler(DOMAIN))


async def test_a_unit_that_is_plugged_in_is_offered_once(
    hass: HomeAssistant, watched: FakeBus
) -> None:
    assert await scan(hass) == []
    plug(watched)
    (flow,) = await scan(hass)
    assert flow["step_id"] == "confirm"
    assert flow["context"]["title_placeholders"] == {"name": "BW55T"}
    assert len(await scan(hass)) == 1
    entry = await finish(hass, await submit(hass, flow))
    assert entry.data["serial"] == "L123"
    assert await scan(hass) == []
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_unit_that_is_gone_then_recover(hass: HomeAssistant, watched: FakeBus) -> None:
    plugged = plug(watched)
    (flow,) = await scan(hass)
    watched.unplug(plugged)
    form = await submit(hass, flow)
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {"base": "usb_not_found"}
    plug(watched)
    form = await submit(hass, form)
    entry = await finish(hass, await submit(hass, form, unit=UNIT))
    await hass.config_entries.async_unload(entry.entry_id)


async def test_what_is_configured_unknown_or_ignored_is_not_offered(
    hass: HomeAssistant, watched: FakeBus
) -> None:
    usb_entry().add_to_hass(hass)
    plug(watched)
    plug(watched, product_id=0x00FE, serial=None, ports=(5,))
    plug(watched, serial="L2", ports=(6,))
    ignored = MockConfigEntry(domain=DOMAIN, unique_id="00d0/L2/1-6", source=SOURCE_IGNORE)
    ignored.add_to_hass(hass)
    assert await scan(hass) == []


async def test_a_bus_that_cannot_be_searched(hass: HomeAssistant, watched: FakeBus) -> None:
    plug(watched)
    with patch(DISCOVERY, side_effect=NoBackendError("no libusb")):
        assert await scan(hass) == []
    assert len(await scan(hass)) == 1
