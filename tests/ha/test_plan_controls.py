"""The plan's switches and buttons, and those of its targets."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest

from tests.ha.common import MockConfigEntry, async_fire_time_changed, eventually, state_of
from tests.ha.plan import (
    add_host,
    add_target,
    answer_plan,
    arm,
    entity_of,
    plan_of,
    press,
    switch,
    target_id,
    until_idle,
)

pytestmark = pytest.mark.usefixtures("all_entities_enabled", "fast_plan")


async def test_it_is_disarmed_until_somebody_arms_it(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    armed = entity_of(hass, loaded, "plan_armed")
    assert state_of(hass, armed) == "off"
    await add_host(hass, loaded, "nas")
    with pytest.raises(ServiceValidationError) as refused:
        await switch(hass, loaded, "plan_armed", is_on=True)
    assert refused.value.translation_key == "plan_arming_refused"
    assert state_of(hass, armed) == "off"
    await answer_plan(hass, loaded)
    await switch(hass, loaded, "plan_armed", is_on=True)
    assert state_of(hass, armed) == "on"
    await switch(hass, loaded, "plan_armed", is_on=False)
    assert state_of(hass, armed) == "off"


async def test_a_host_of_our_own_that_was_deleted_disarms(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await add_host(hass, loaded, "nas")
    await add_host(hass, loaded, "pve")
    await arm(hass, loaded, home_assistant_host=target_id(loaded, "nas"))
    assert plan_of(loaded).runner.is_armed
    hass.config_entries.async_remove_subentry(loaded, target_id(loaded, "nas"))
    await hass.async_block_till_done()
    assert state_of(hass, entity_of(hass, loaded, "plan_armed")) == "off"


async def test_arming_outlives_a_restart(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await arm(hass, loaded)
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    assert plan_of(loaded).runner.is_armed
    assert state_of(hass, entity_of(hass, loaded, "plan_armed")) == "on"


async def test_what_cannot_be_written_does_not_count(
    hass: HomeAssistant, loaded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answer_plan(hass, loaded)

    async def fail(*_args: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(plan_of(loaded)._store.switches, "save", fail)
    with pytest.raises(HomeAssistantError, match="disk"):
        await switch(hass, loaded, "plan_armed", is_on=True)
    assert not plan_of(loaded).runner.is_armed
    with pytest.raises(HomeAssistantError, match="disk"):
        await switch(hass, loaded, "maintenance", is_on=True)
    assert not plan_of(loaded).runner.is_in_maintenance


async def test_disarming_counts_also_if_the_disk_is_full(
    hass: HomeAssistant, loaded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await arm(hass, loaded)

    async def fail(*_args: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(plan_of(loaded)._store.switches, "save", fail)
    with pytest.raises(HomeAssistantError, match="disk"):
        await switch(hass, loaded, "plan_armed", is_on=False)
    assert not plan_of(loaded).runner.is_armed
    assert state_of(hass, entity_of(hass, loaded, "plan_armed")) == "off"


async def test_maintenance_ends_by_itself(
    hass: HomeAssistant, loaded: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    await arm(hass, loaded, maintenance_hours=3)
    await add_host(hass, loaded, "nas")
    maintenance = entity_of(hass, loaded, "maintenance")
    await switch(hass, loaded, "maintenance", is_on=True)
    assert state_of(hass, maintenance) == "on"
    assert plan_of(loaded).maintenance_until == dt_util.utcnow() + timedelta(hours=3)
    with pytest.raises(ServiceValidationError) as refused:
        await press(hass, loaded, "start_plan")
    assert refused.value.translation_key == "plan_not_armed"
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    assert state_of(hass, maintenance) == "on"
    freezer.tick(timedelta(hours=2, minutes=59))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert state_of(hass, maintenance) == "on"
    freezer.tick(timedelta(minutes=1, seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert state_of(hass, maintenance) == "off"
    assert plan_of(loaded).runner.is_armed


async def test_maintenance_is_ended_by_hand(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    maintenance = entity_of(hass, loaded, "maintenance")
    await switch(hass, loaded, "maintenance", is_on=True)
    assert plan_of(loaded).maintenance_lasts == timedelta(hours=2)
    await switch(hass, loaded, "maintenance", is_on=False)
    assert state_of(hass, maintenance) == "off"
    assert plan_of(loaded).maintenance_until is None


async def test_a_disarmed_plan_presses_nobody(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    host = await add_host(hass, loaded, "nas")
    owner = target_id(loaded, "nas")
    for key, of in (("start_plan", None), ("stop", owner), ("wake", owner)):
        with pytest.raises(ServiceValidationError) as refused:
            await press(hass, loaded, key, of)
        assert refused.value.translation_key == "plan_not_armed"
    await press(hass, loaded, "rehearse_plan")
    await press(hass, loaded, "check_targets")
    await press(hass, loaded, "cancel_plan")
    assert host.calls == []


async def test_the_buttons_of_an_armed_plan(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    nas = await add_host(hass, loaded, "nas")
    pve = await add_host(hass, loaded, "pve")
    await arm(hass, loaded, restore={"restores": False, "mains_stable": 0.05})
    await press(hass, loaded, "stop", target_id(loaded, "nas"))
    await eventually(lambda: nas.calls == ["stop"])
    await until_idle(hass, loaded)
    await press(hass, loaded, "wake", target_id(loaded, "nas"))
    assert nas.calls == ["stop", "wake"]
    assert pve.calls == []


async def test_cancel_stops_nobody_any_more(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    first = await add_host(hass, loaded, "first", stage=1, time_limit=5)
    second = await add_host(hass, loaded, "second", stage=2)
    first.stops = False
    await arm(hass, loaded)
    await press(hass, loaded, "start_plan")
    await eventually(lambda: first.calls == ["stop"])
    await press(hass, loaded, "cancel_plan")
    first.stops = True
    first.show("off")
    await until_idle(hass, loaded)
    assert first.calls == ["stop", "wake"]
    assert second.calls == []


async def test_what_is_known_of_a_target(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await add_host(hass, loaded, "nas")
    owner = target_id(loaded, "nas")
    ready = entity_of(hass, loaded, "ready", owner)
    await eventually(lambda: state_of(hass, ready) == "on")
    assert state_of(hass, entity_of(hass, loaded, "reachable", owner)) == "unknown"
    await add_target(hass, loaded, "ha_action", "gone", {"action": "rack.no_such_action"})
    ready = entity_of(hass, loaded, "ready", target_id(loaded, "gone"))
    await eventually(lambda: state_of(hass, ready) == "off")
