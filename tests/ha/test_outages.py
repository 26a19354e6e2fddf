"""The record of power failures."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from custom_components.omron_ups.outages import OutageLog, Outages

KEY = "omron_ups.entry"


async def new_log(hass: HomeAssistant, *, on_battery: bool = False) -> OutageLog:
    """Return a log that has taken up what is stored."""
    log = OutageLog(hass, "entry")
    await log.async_load(on_battery=on_battery)
    return log


async def test_an_outage(
    hass: HomeAssistant, hass_storage: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    log = await new_log(hass)
    assert log.outages == Outages()
    began_at = dt_util.utcnow()
    log.note(on_battery=True)
    freezer.tick(30)
    log.note(on_battery=True)
    assert log.outages == Outages(count=1, began_at=began_at, lasts=True)
    freezer.tick(30)
    log.note(on_battery=False)
    ended = Outages(count=1, began_at=began_at, duration=timedelta(seconds=60))
    assert log.outages == ended
    await hass.async_block_till_done()
    assert hass_storage[KEY]["data"] == {
        "count": 1,
        "began_at": began_at.isoformat(),
        "duration": 60.0,
        "lasts": False,
    }
    assert (await new_log(hass)).outages == ended


async def test_an_outage_that_lasts_over_a_restart(
    hass: HomeAssistant, hass_storage: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    log = await new_log(hass)
    began_at = dt_util.utcnow()
    log.note(on_battery=True)
    await hass.async_block_till_done()
    freezer.tick(100)
    log = await new_log(hass, on_battery=True)
    log.note(on_battery=True)
    assert log.outages == Outages(count=1, began_at=began_at, lasts=True)
    log.note(on_battery=False)
    assert log.outages.duration == timedelta(seconds=100)


async def test_an_outage_that_nobody_saw_the_end_of(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    log = await new_log(hass)
    log.note(on_battery=True)
    await hass.async_block_till_done()
    log = await new_log(hass, on_battery=False)
    assert log.outages.count == 1
    assert log.outages.lasts is False
    assert log.outages.duration is None
    assert log.ended_unseen
    assert not (await new_log(hass, on_battery=False)).ended_unseen


async def test_a_second_outage_forgets_how_long_the_first_took(hass: HomeAssistant) -> None:
    log = await new_log(hass)
    for on_battery in (True, False, True):
        log.note(on_battery=on_battery)
    assert log.outages.count == 2
    assert log.outages.duration is None


async def test_forgetting_everything(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    log = await new_log(hass)
    log.note(on_battery=True)
    await hass.async_block_till_done()
    await log.async_remove()
    assert KEY not in hass_storage


async def test_a_ups_that_says_nothing_ends_no_outage(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    log = await new_log(hass)
    log.note(on_battery=True)
    await hass.async_block_till_done()
    log = OutageLog(hass, "entry")
    await log.async_load(on_battery=None)
    assert log.outages.lasts
    assert not log.ended_unseen
