"""The event entity."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service  # type: ignore[import-untyped]

from custom_components.omron_ups.const import (
    CONF_BATTERY,
    CONF_BATTERY_PACKS,
    CONF_COMMUNICATION_LOST_EVERY,
    CONF_REPLACE_BATTERY_EVERY,
    SECTION_REMINDERS,
)
from custom_components.omron_ups.driver import SimulatedUps, UpsState
from tests.ha.common import (
    MockConfigEntry,
    NutConnection,
    add_account,
    async_fire_time_changed,
    change_nut_server,
    eventually,
    open_options,
    set_up,
    state_of,
)

POWER = "event.bw55t_power"

type Seen = list[dict[str, Any]]


@pytest.fixture
def seen(hass: HomeAssistant) -> Seen:
    """Return the events that the entity reports from now on."""
    seen: Seen = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.attributes.get("event_type"):
            seen.append(dict(state.attributes))

    async_track_state_change_event(hass, POWER, note)
    return seen


def types(seen: Seen) -> list[str]:
    """Return what was reported."""
    return [event["event_type"] for event in seen]


def publisher(entry: MockConfigEntry) -> Callable[..., None]:
    """Return what lets the driver seem to publish a state with other facts."""
    data = entry.runtime_data
    # The real UPS must not talk in between.
    data.ups._subscribers.clear()

    def publish(**facts: Any) -> None:
        state: UpsState = replace(data.coordinator.data, **facts)
        data.async_handle_state(state)

    return publish


async def test_a_power_cut(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, seen: Seen
) -> None:
    assert state_of(hass, POWER) == "unknown"
    simulated.cut_mains()
    await eventually(lambda: types(seen) == ["power_lost"])
    simulated.restore_mains()
    await eventually(lambda: types(seen) == ["power_lost", "power_restored"])
    lost = seen[0]
    assert lost["battery_charge"] == 100
    assert lost["battery_runtime"] == 3900
    assert lost["load"] == 12


async def test_what_is_not_known_is_left_out(
    loaded: MockConfigEntry, seen: Seen, hass: HomeAssistant
) -> None:
    publish = publisher(loaded)
    publish(on_battery=True, battery_charge=None, battery_runtime=None)
    await hass.async_block_till_done()
    assert types(seen) == ["power_lost"]
    assert seen[0]["load"] == 12
    assert not {"battery_charge", "battery_runtime"} & set(seen[0])


@pytest.mark.parametrize(
    ("fact", "events"),
    [
        ("on_battery", ["power_lost", "power_restored"]),
        ("battery_low", ["battery_low", "battery_ok"]),
        ("overload", ["overload", "overload_cleared"]),
        ("fault", ["fault", "fault_cleared"]),
        ("testing", ["test_started", "test_finished"]),
        ("stale", ["communication_lost", "communication_restored"]),
        ("replace_battery", ["replace_battery"]),
    ],
)
async def test_each_fact_is_reported(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen, fact: str, events: list[str]
) -> None:
    await eventually(lambda: loaded.runtime_data.ups.state.replace_battery is False)
    publish = publisher(loaded)
    publish(**{fact: True})
    publish(**{fact: False})
    await eventually(lambda: types(seen) == events)


async def test_several_at_once_are_all_reported(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen
) -> None:
    publisher(loaded)(on_battery=True, battery_low=True, overload=True)
    await eventually(lambda: types(seen) == ["power_lost", "battery_low", "overload"])


@pytest.mark.parametrize("event_type", ["power_lost", "battery_low", "overload"])
async def test_home_assistants_own_trigger_hears_of_each(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen, event_type: str
) -> None:
    """It takes two states for the same event if they have the same millisecond."""
    calls = async_mock_service(hass, "test", "act")
    trigger = {
        "trigger": "event.received",
        "target": {"entity_id": POWER},
        "options": {"event_type": [event_type]},
    }
    automation = {"alias": "Test", "triggers": [trigger], "actions": [{"action": "test.act"}]}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    publisher(loaded)(on_battery=True, battery_low=True, overload=True)
    await eventually(lambda: len(seen) == 3)
    await eventually(lambda: len(calls) == 1)


async def test_what_began_before_is_not_news(
    hass: HomeAssistant, entry: MockConfigEntry, seen: Seen
) -> None:
    simulated = SimulatedUps()
    simulated.cut_mains()
    with patch("custom_components.omron_ups.connection.SimulatedUps", return_value=simulated):
        await set_up(hass, entry)
    assert entry.runtime_data.ups.state.on_battery
    assert state_of(hass, POWER) == "unknown"
    simulated.restore_mains()
    await eventually(lambda: types(seen) == ["power_restored"])
    await hass.config_entries.async_unload(entry.entry_id)


async def test_an_outage_that_ended_unseen_is_reported_as_over(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, seen: Seen
) -> None:
    simulated.cut_mains()
    await eventually(lambda: types(seen)[-1:] == ["power_lost"])
    await hass.config_entries.async_unload(loaded.entry_id)
    await hass.async_block_till_done()
    await set_up(hass, loaded)
    await eventually(lambda: types(seen)[-1:] == ["power_restored"])


async def test_lost_communication_is_repeated_every_five_minutes(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen
) -> None:
    publish = publisher(loaded)
    publish(stale=True)
    await hass.async_block_till_done()
    assert types(seen) == ["communication_lost"]
    for repetition in (2, 3):
        await pass_time(hass, timedelta(minutes=5 * (repetition - 1), seconds=1))
        assert types(seen) == ["communication_lost"] * repetition
    publish(stale=False)
    await pass_time(hass, timedelta(minutes=30))
    assert types(seen) == ["communication_lost"] * 3 + ["communication_restored"]


async def test_a_bad_battery_is_repeated_every_twelve_hours(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen
) -> None:
    await eventually(lambda: loaded.runtime_data.ups.state.replace_battery is False)
    publish = publisher(loaded)
    publish(replace_battery=True)
    await hass.async_block_till_done()
    assert types(seen) == ["replace_battery"]
    await pass_time(hass, timedelta(hours=11, minutes=59))
    assert types(seen) == ["replace_battery"]
    await pass_time(hass, timedelta(hours=12, minutes=1))
    assert types(seen) == ["replace_battery"] * 2
    publish(replace_battery=False)
    await pass_time(hass, timedelta(hours=48))
    assert types(seen) == ["replace_battery"] * 2


async def test_how_often_is_told_can_be_chosen_while_it_lasts(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen
) -> None:
    await eventually(lambda: loaded.runtime_data.ups.state.replace_battery is False)
    runtime_data = loaded.runtime_data
    publisher(loaded)(replace_battery=True)
    await hass.async_block_till_done()
    every = {CONF_REPLACE_BATTERY_EVERY: 2, CONF_COMMUNICATION_LOST_EVERY: 5}
    await choose_reminders(hass, loaded, every)
    assert types(seen) == ["replace_battery"]
    await pass_time(hass, timedelta(hours=1, minutes=59))
    assert types(seen) == ["replace_battery"]
    await pass_time(hass, timedelta(hours=2, minutes=1))
    assert types(seen) == ["replace_battery"] * 2
    await choose_reminders(hass, loaded, {})
    await pass_time(hass, timedelta(hours=48))
    assert types(seen) == ["replace_battery"] * 2
    assert loaded.runtime_data is runtime_data


async def test_other_changes_do_not_put_a_reminder_off(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen
) -> None:
    await eventually(lambda: loaded.runtime_data.ups.state.replace_battery is False)
    publisher(loaded)(replace_battery=True)
    await hass.async_block_till_done()
    before = dict(loaded.runtime_data.reports._timers)
    await change_nut_server(hass, loaded, aliases=["nas"])
    assert loaded.runtime_data.reports._timers == before
    assert len(before) == 1


async def choose_reminders(
    hass: HomeAssistant, entry: MockConfigEntry, every: dict[str, int]
) -> None:
    """Fill the form of the options."""
    form = await open_options(hass, entry, CONF_BATTERY)
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_BATTERY_PACKS: 1, SECTION_REMINDERS: every}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def pass_time(hass: HomeAssistant, time: timedelta) -> None:
    """Let the timers of that time from now run down."""
    async_fire_time_changed(hass, dt_util.utcnow() + time)
    await hass.async_block_till_done()


async def test_a_forced_shutdown_is_reported_once(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int, seen: Seen
) -> None:
    await add_account(hass, loaded, "joe", role="primary")

    def forced() -> Seen:
        # A check of a password can take long enough for the readings to look old.
        return [event for event in seen if event["event_type"] == "forced_shutdown"]

    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        for _ in range(2):
            assert await client.ask("FSD ups") == "OK FSD-SET"
        await eventually(lambda: bool(forced()))
        await hass.async_block_till_done()
        (event,) = forced()
        assert event["ups_name"] == "ups"
        assert event["username"] == "joe"
        assert event["address"] == "127.0.0.1"
        assert event["battery_charge"] == 100
        # Once it was cleared, it is news again.
        loaded.runtime_data.nut.forced_shutdowns.async_clear("ups")
        assert await client.ask("FSD ups") == "OK FSD-SET"
    await eventually(lambda: len(forced()) == 2)


async def test_a_forced_shutdown_by_the_server_that_has_the_ups(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: Seen
) -> None:
    publish = publisher(loaded)
    for forced in (False, True, True, False):
        publish(on_battery=True, forced_shutdown=forced)
    await eventually(lambda: types(seen) == ["power_lost", "forced_shutdown"])
    forced_shutdowns = [event for event in seen if event["event_type"] == "forced_shutdown"]
    assert len(forced_shutdowns) == 1
    # No client of ours has ordered it.
    assert forced_shutdowns[0].keys() & {"ups_name", "username", "address"} == set()
