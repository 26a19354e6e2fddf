"""An entry whose plan is open loads without its UPS, and is complete once that is back."""

from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import TransportError, Ups
from tests.ha.common import MockConfigEntry, eventually, is_loaded
from tests.ha.plan import act, add_host, arm, keys_of, plan_of

pytestmark = pytest.mark.usefixtures("fast_plan")


async def test_without_an_open_plan_home_assistant_tries_again(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)
    with patch.object(Ups, "start", side_effect=TransportError("gone")):
        assert not await hass.config_entries.async_setup(loaded.entry_id)
    assert loaded.state is ConfigEntryState.SETUP_RETRY


async def test_with_an_open_plan_the_entry_loads_and_is_complete_later(
    hass: HomeAssistant, loaded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.omron_ups.late_ups.TRY_EVERY_S", 0.02)
    host = await add_host(hass, loaded, "nas")
    host.stops = False
    await arm(hass, loaded, restore={"restores": False, "mains_stable": 0.05})
    response = await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await hass.config_entries.async_unload(loaded.entry_id)
    with patch.object(Ups, "start", side_effect=TransportError("gone")) as start:
        assert await hass.config_entries.async_setup(loaded.entry_id)
        assert is_loaded(loaded)
        without = loaded.runtime_data
        assert plan_of(loaded).runner.is_open
        await eventually(lambda: start.call_count > 2)
    await eventually(lambda: without.ups.age is not None)
    # The UPS is there, but the plan is not over.
    assert loaded.runtime_data is without
    host.show("off")
    await eventually(lambda: is_loaded(loaded) and loaded.runtime_data is not without)
    await hass.async_block_till_done()
    assert {"load", "battery_charge", "mains"} <= keys_of(hass, loaded, loaded.entry_id)
    report = plan_of(loaded).runner.last_report
    assert report is not None
    assert report.plan_id == response["plan_id"]
