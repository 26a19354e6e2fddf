"""What automations made from the blueprints do in an outage, and what they leave alone."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from threading import Event
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import CoreState, HomeAssistant, ServiceCall, State
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service, mock_restore_cache  # type: ignore[import-untyped]

from custom_components.omron_ups.blueprints import async_install_blueprints
from tests.ha.common import async_fire_time_changed

MAINS = "binary_sensor.bw55t_mains"
POWER = "event.bw55t_power"
FAILURE = "sensor.bw55t_last_power_failure"
CHARGE = "sensor.bw55t_battery_charge"
RUNTIME = "sensor.bw55t_battery_runtime"
LOW = "binary_sensor.bw55t_battery_low"
PLAN = "sensor.bw55t_plan_state"
BUTTON = "button.nas_stop"
REACHABLE = "binary_sensor.nas_reachable"
NOTIFY = "notify.house_messages"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Let Home Assistant write into a folder of its own."""
    return hass_tmp_config_dir


async def settle() -> None:
    """Let everything happen that waits for no clock; automations may well wait for one."""
    loop = asyncio.get_running_loop()
    for _ in range(10):
        # What a thread does is waited for as well, such as the import of a kind of trigger.
        await loop.run_in_executor(None, Event().wait, 0.001)
        for _ in range(10):
            await asyncio.sleep(0)


class House:
    """A Home Assistant with a UPS whose entities a test moves."""

    def __init__(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
        """Be on mains."""
        self.hass = hass
        self.freezer = freezer
        self.sent: list[ServiceCall] = async_mock_service(hass, "notify", "send_message")
        self.started: list[ServiceCall] = []
        hass.services.async_register("omron_ups", "start_shutdown", self.start)
        self.cancelled: list[ServiceCall] = async_mock_service(hass, "omron_ups", "cancel_shutdown")
        self.pressed: list[ServiceCall] = async_mock_service(hass, "button", "press")
        self.acted: list[ServiceCall] = async_mock_service(hass, "test", "act")
        self.on: list[ServiceCall] = async_mock_service(hass, "homeassistant", "turn_on")
        self.off: list[ServiceCall] = async_mock_service(hass, "homeassistant", "turn_off")
        for entity_id, state in (
            (MAINS, "on"),
            (POWER, "unknown"),
            (FAILURE, "unknown"),
            (CHARGE, "100"),
            (LOW, "off"),
            (PLAN, "idle"),
            (BUTTON, "unknown"),
            (REACHABLE, "on"),
        ):
            hass.states.async_set(entity_id, state)
        hass.states.async_set(RUNTIME, "60", {"unit_of_measurement": "min"})

    async def start(self, call: ServiceCall) -> None:
        """Begin the plan, which shows at once."""
        self.started.append(call)
        self.hass.states.async_set(PLAN, "running")

    async def automate(self, blueprint: str, **inputs: Any) -> None:
        """Create an automation, while Home Assistant runs."""
        await async_install_blueprints(self.hass)
        assert await async_setup_component(
            self.hass,
            "automation",
            {
                "automation": {
                    "id": "test",
                    "alias": "Test",
                    "use_blueprint": {"path": f"omron_ups/{blueprint}.yaml", "input": inputs},
                }
            },
        )
        await self.hass.async_block_till_done()
        state = self.hass.states.get("automation.test")
        assert state is not None
        assert state.state == "on"

    async def start_up(self, blueprint: str, **inputs: Any) -> None:
        """Create an automation, and let Home Assistant start with it."""
        self.hass.set_state(CoreState.not_running)
        await self.automate(blueprint, **inputs)
        await self.hass.async_start()
        await settle()

    async def set(self, entity_id: str, state: str, **attributes: Any) -> None:
        """Change a state."""
        self.hass.states.async_set(entity_id, state, attributes)
        await settle()

    async def event(self, event_type: str, **facts: Any) -> None:
        """Let the event entity report something."""
        now = dt_util.utcnow().isoformat(timespec="milliseconds")
        await self.set(POWER, now, event_type=event_type, **facts)

    async def lose_power(self) -> None:
        """Begin an outage now."""
        await self.set(FAILURE, dt_util.utcnow().isoformat(), device_class="timestamp")
        await self.set(MAINS, "off")

    async def pass_time(self, **time: float) -> None:
        """Let time pass."""
        self.freezer.tick(timedelta(**time))
        async_fire_time_changed(self.hass, dt_util.utcnow())
        await settle()


@pytest.fixture
async def house(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> AsyncGenerator[House]:
    """Return a house on mains; it is Monday, 23 November 2026."""
    freezer.move_to(datetime(2026, 11, 23, 9, 0, tzinfo=dt_util.UTC))
    yield House(hass, freezer)
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.test"}, blocking=True
    )


def fail(hass: HomeAssistant, domain: str, service: str) -> None:
    """Let an action fail."""

    async def refuse(_call: ServiceCall) -> None:
        raise HomeAssistantError("no")

    hass.services.async_register(domain, service, refuse)


# notify_discord

ACT = [{"action": "test.act", "data": {"event": "{{ event }}"}}]


async def test_each_chosen_event_is_told(house: House) -> None:
    await house.automate(
        "notify_discord", power_event=POWER, notify_entities=[NOTIFY], events=["power_lost"]
    )
    await house.event("power_lost", battery_charge=99, battery_runtime=3600, load=12)
    await house.event("power_restored")
    (call,) = house.sent
    assert call.data["entity_id"] == [NOTIFY]
    assert call.data["title"].endswith(": Power lost")
    assert call.data["message"] == "Charge: 99 %, Runtime: 60 min, Load: 12 %"


async def test_japanese_and_free_actions(house: House) -> None:
    title = [{"action": "test.act", "data": {"title": "{{ title }}", "message": "{{ message }}"}}]
    await house.automate("notify_discord", power_event=POWER, language="ja", actions=title)
    await house.event("power_lost", battery_charge=99)
    assert house.sent == []
    (call,) = house.acted
    assert call.data["title"].endswith(": 停電しました")
    assert call.data["message"] == "充電: 99 %"


async def test_a_message_that_fails_stops_no_action(house: House) -> None:
    fail(house.hass, "notify", "send_message")
    await house.automate("notify_discord", power_event=POWER, notify_entities=[NOTIFY], actions=ACT)
    await house.event("power_lost")
    assert [call.data["event"] for call in house.acted] == ["power_lost"]


async def test_what_comes_back_after_a_reload_is_no_news(house: House) -> None:
    await house.automate("notify_discord", power_event=POWER, actions=ACT)
    await house.event("power_lost")
    state = house.hass.states.get(POWER)
    assert state is not None
    await house.set(POWER, "unavailable")
    await house.set(POWER, state.state, **state.attributes)
    await house.set(POWER, state.state, **state.attributes, friendly_name="Renamed")
    assert len(house.acted) == 1


async def test_two_events_in_one_moment_are_both_told(house: House) -> None:
    await house.automate("notify_discord", power_event=POWER, actions=ACT)
    await house.event("power_lost")
    await house.event("battery_low")
    assert [call.data["event"] for call in house.acted] == ["power_lost", "battery_low"]


async def test_the_next_event_after_a_restart_is_told_and_not_the_last_one(house: House) -> None:
    await house.event("power_lost")
    state = house.hass.states.get(POWER)
    assert state is not None
    house.hass.states.async_remove(POWER)
    await house.start_up("notify_discord", power_event=POWER, actions=ACT)
    await house.set(POWER, "unavailable")
    await house.set(POWER, state.state, **state.attributes)
    assert house.acted == []
    await house.pass_time(minutes=2)
    await house.event("power_restored")
    assert [call.data["event"] for call in house.acted] == ["power_restored"]


# shutdown_hosts

HOSTS = {
    "ups": "an-entry",
    "mains": MAINS,
    "last_power_failure": FAILURE,
    "battery_charge": CHARGE,
    "battery_runtime": RUNTIME,
    "battery_low": LOW,
    "plan_state": PLAN,
    "notify_entities": [NOTIFY],
}


async def test_the_plan_starts_after_five_minutes_on_battery(house: House) -> None:
    await house.automate("shutdown_hosts", **HOSTS)
    await house.lose_power()
    await house.pass_time(minutes=4, seconds=58)
    assert house.started == []
    await house.pass_time(seconds=3)
    (call,) = house.started
    assert call.data == {"config_entry_id": "an-entry", "reason": "time on battery"}
    assert [item.data["message"] for item in house.sent] == ["Hosts are being shut down."]


async def test_power_that_returns_in_time_starts_nothing(house: House) -> None:
    await house.automate("shutdown_hosts", **HOSTS)
    await house.lose_power()
    await house.pass_time(minutes=3)
    await house.set(MAINS, "on")
    await house.pass_time(minutes=10)
    assert house.started == []
    assert [call.data for call in house.cancelled] == [{"config_entry_id": "an-entry"}]


@pytest.mark.parametrize(
    ("inputs", "entity_id", "state", "reason"),
    [
        ({"charge_below": 50}, CHARGE, "49", "charge below the limit"),
        ({"runtime_below": 10}, RUNTIME, "9", "runtime below the limit"),
        ({}, LOW, "on", "battery low"),
    ],
)
async def test_each_limit_starts_it_at_once(
    house: House, inputs: dict[str, Any], entity_id: str, state: str, reason: str
) -> None:
    await house.automate("shutdown_hosts", **HOSTS, **inputs, targets=["nas"])
    attributes = {"unit_of_measurement": "min"} if entity_id == RUNTIME else {}
    await house.set(entity_id, state, **attributes)
    assert house.started == []
    await house.lose_power()
    (call,) = house.started
    assert call.data == {"config_entry_id": "an-entry", "reason": reason, "targets": ["nas"]}


async def test_a_runtime_in_other_units_is_understood(house: House) -> None:
    await house.automate("shutdown_hosts", **HOSTS, runtime_below=10)
    await house.set(RUNTIME, "601", unit_of_measurement="s")
    await house.lose_power()
    assert house.started == []
    await house.set(RUNTIME, "599", unit_of_measurement="s")
    assert len(house.started) == 1


async def test_what_is_unknown_starts_nothing(house: House) -> None:
    await house.automate("shutdown_hosts", **HOSTS, runtime_below=10, charge_below=50)
    await house.lose_power()
    for entity_id in (CHARGE, RUNTIME, LOW):
        await house.set(entity_id, "unavailable")
    assert house.started == []
    await house.set(MAINS, "unavailable")
    await house.pass_time(minutes=10)
    assert house.started == []
    # It was on battery all the time.
    await house.set(MAINS, "off")
    assert len(house.started) == 1


async def test_a_restart_in_the_middle_loses_no_time(house: House) -> None:
    await house.lose_power()
    house.freezer.tick(timedelta(minutes=3))
    await house.start_up("shutdown_hosts", **HOSTS)
    assert house.started == []
    await house.pass_time(minutes=2, seconds=1)
    assert len(house.started) == 1


async def test_what_came_due_during_a_restart_is_done_after_it(house: House) -> None:
    await house.lose_power()
    house.freezer.tick(timedelta(minutes=7))
    await house.start_up("shutdown_hosts", **HOSTS)
    assert len(house.started) == 1


async def test_an_old_failure_starts_nothing_after_a_restart(house: House) -> None:
    await house.set(FAILURE, (dt_util.utcnow() - timedelta(days=3)).isoformat())
    await house.start_up("shutdown_hosts", **HOSTS)
    assert house.started == []


async def test_a_plan_that_runs_is_not_started_again(house: House) -> None:
    await house.automate("shutdown_hosts", **HOSTS)
    await house.lose_power()
    await house.set(PLAN, "running")
    await house.set(LOW, "on")
    await house.pass_time(minutes=6)
    assert house.started == []


async def test_a_plan_that_does_not_start_is_told(house: House) -> None:
    fail(house.hass, "omron_ups", "start_shutdown")
    await house.automate("shutdown_hosts", **HOSTS)
    await house.set(LOW, "on")
    await house.lose_power()
    await house.pass_time(seconds=16)
    (call,) = house.sent
    assert "did NOT start" in call.data["message"]


async def test_a_message_that_fails_does_not_keep_the_plan_from_being_given_up(
    house: House,
) -> None:
    fail(house.hass, "notify", "send_message")
    await house.automate("shutdown_hosts", **HOSTS)
    await house.set(LOW, "on")
    await house.lose_power()
    await house.set(PLAN, "running")
    await house.set(MAINS, "on")
    assert (len(house.started), len(house.cancelled)) == (1, 1)


# shutdown_proxmox and shutdown_nas

ONE = {
    "mains": MAINS,
    "last_power_failure": FAILURE,
    "battery_charge": CHARGE,
    "button": BUTTON,
    "evidence": REACHABLE,
    "notify_entities": [NOTIFY],
    "problem_actions": [{"action": "test.act"}],
}
both = pytest.mark.parametrize("blueprint", ["shutdown_nas", "shutdown_proxmox"])


@both
async def test_one_host_goes_off(house: House, blueprint: str) -> None:
    await house.automate(blueprint, **ONE)
    await house.lose_power()
    assert house.pressed == []
    await house.pass_time(minutes=5, seconds=1)
    (call,) = house.pressed
    assert call.data["entity_id"] == [BUTTON]
    await house.set(REACHABLE, "off")
    assert [item.data["title"].endswith("is off") for item in house.sent] == [True]
    assert house.acted == []


@both
async def test_a_button_that_is_unavailable_is_waited_for(house: House, blueprint: str) -> None:
    await house.automate(blueprint, **ONE)
    await house.set(BUTTON, "unavailable")
    await house.set(CHARGE, "20")
    await house.lose_power()
    assert house.pressed == []
    await house.set(BUTTON, "unknown")
    assert len(house.pressed) == 1


@both
async def test_a_host_that_stays_on_is_tried_twice_and_told(house: House, blueprint: str) -> None:
    fail(house.hass, "notify", "send_message")
    await house.automate(blueprint, **ONE)
    await house.set(CHARGE, "20")
    await house.lose_power()
    assert len(house.pressed) == 1
    await house.set(REACHABLE, "unavailable")
    await house.pass_time(minutes=5, seconds=1)
    assert len(house.pressed) == 2
    await house.pass_time(minutes=5, seconds=1)
    assert len(house.pressed) == 2
    assert len(house.acted) == 1


@both
async def test_power_that_returns_presses_nothing_more(house: House, blueprint: str) -> None:
    await house.automate(blueprint, **ONE)
    await house.set(BUTTON, "unavailable")
    await house.set(CHARGE, "20")
    await house.lose_power()
    await house.set(MAINS, "on")
    await house.set(BUTTON, "unknown")
    await house.pass_time(minutes=20)
    assert (house.pressed, house.acted, house.sent) == ([], [], [])


@both
async def test_one_host_after_a_restart(house: House, blueprint: str) -> None:
    await house.lose_power()
    house.freezer.tick(timedelta(minutes=7))
    await house.start_up(blueprint, **ONE)
    assert len(house.pressed) == 1


@both
async def test_nothing_is_pressed_while_the_ups_cannot_be_read(
    house: House, blueprint: str
) -> None:
    await house.automate(blueprint, **ONE)
    await house.lose_power()
    for entity_id in (MAINS, CHARGE):
        await house.set(entity_id, "unavailable")
    await house.pass_time(minutes=6)
    assert house.pressed == []
    await house.set(MAINS, "off")
    assert len(house.pressed) == 1


@both
async def test_a_ups_that_falls_silent_in_the_middle_ends_the_attempts(
    house: House, blueprint: str
) -> None:
    await house.automate(blueprint, **ONE)
    await house.set(CHARGE, "20")
    await house.lose_power()
    assert len(house.pressed) == 1
    await house.set(MAINS, "unavailable")
    await house.pass_time(minutes=5, seconds=1)
    assert (len(house.pressed), house.acted) == (1, [])
    await house.set(MAINS, "off")
    assert len(house.pressed) == 2


# on_power_event

TWO_MINUTES = {"hours": 0, "minutes": 2, "seconds": 0}
DUE = "input_datetime.due"
LATER = {"power_event": POWER, "actions": ACT, "delay": TWO_MINUTES}


async def helpers(house: House) -> None:
    """Create the helpers."""
    config = {
        "input_datetime": {"due": {"has_date": True, "has_time": True}},
        "input_text": {"memory": {}},
    }
    for domain, items in config.items():
        assert await async_setup_component(house.hass, domain, {domain: items})


async def test_at_once(house: House) -> None:
    await house.automate("on_power_event", power_event=POWER, actions=ACT)
    await house.event("battery_low")
    assert house.acted == []
    await house.event("power_lost")
    assert [call.data["event"] for call in house.acted] == ["power_lost"]


@pytest.mark.parametrize("due", [{"due": DUE}, {}])
async def test_after_a_delay(house: House, due: dict[str, str]) -> None:
    await helpers(house)
    await house.automate("on_power_event", **LATER, **due)
    await house.event("power_lost")
    await house.event("battery_low")
    await house.pass_time(minutes=1, seconds=58)
    assert house.acted == []
    await house.pass_time(seconds=3)
    assert len(house.acted) == 1
    await house.pass_time(minutes=30)
    assert len(house.acted) == 1


@pytest.mark.parametrize("due", [{"due": DUE}, {}])
async def test_called_off(house: House, due: dict[str, str]) -> None:
    await helpers(house)
    await house.automate("on_power_event", **LATER, **due)
    await house.event("power_lost")
    await house.pass_time(minutes=1)
    await house.event("power_restored")
    await house.pass_time(minutes=30)
    assert house.acted == []


@pytest.mark.parametrize("due", [{"due": DUE}, {}])
async def test_a_ups_that_cannot_be_read_calls_nothing_off(
    house: House, due: dict[str, str]
) -> None:
    await helpers(house)
    await house.automate("on_power_event", **LATER, **due)
    await house.event("power_lost")
    state = house.hass.states.get(POWER)
    assert state is not None
    await house.pass_time(minutes=1)
    await house.set(POWER, "unavailable")
    await house.set(POWER, state.state, **state.attributes)
    await house.pass_time(minutes=1, seconds=1)
    assert len(house.acted) == 1


async def test_a_helper_that_is_gone_is_done_without(house: House) -> None:
    await house.automate("on_power_event", **LATER, due=DUE)
    await house.event("power_lost")
    await house.pass_time(minutes=2, seconds=1)
    assert len(house.acted) == 1


async def test_an_action_that_fails_is_tried_again_at_the_next_event(house: House) -> None:
    fail(house.hass, "notify", "send_message")
    refused = {"action": "notify.send_message", "target": {"entity_id": NOTIFY}}
    steps = [{**refused, "continue_on_error": True}, *ACT, refused]
    await house.automate("on_power_event", power_event=POWER, actions=steps)
    await house.event("power_lost")
    await house.event("power_lost")
    assert len(house.acted) == 1
    await house.pass_time(minutes=1)
    await house.event("power_lost")
    assert len(house.acted) == 2


async def plan_ahead(house: House, seconds: float) -> None:
    """Let the helper say when the actions are due, as it does after a restart."""
    before = {"last_triggered": (dt_util.utcnow() - timedelta(seconds=30)).isoformat()}
    mock_restore_cache(house.hass, [State("automation.test", "on", before)])
    await helpers(house)
    at = dt_util.now() + timedelta(seconds=seconds)
    await house.hass.services.async_call(
        "input_datetime",
        "set_datetime",
        {"entity_id": DUE, "datetime": at.strftime("%Y-%m-%d %H:%M:%S")},
        blocking=True,
    )


async def test_a_delay_survives_a_restart(house: House) -> None:
    await house.event("power_lost")
    await plan_ahead(house, 60)
    await house.start_up("on_power_event", **LATER, due=DUE)
    assert house.acted == []
    await house.pass_time(seconds=61)
    assert len(house.acted) == 1


async def test_what_came_due_while_home_assistant_was_down(house: House) -> None:
    await house.event("power_lost")
    await house.event("battery_low")
    await plan_ahead(house, -60)
    await house.start_up("on_power_event", **LATER, due=DUE)
    assert len(house.acted) == 1
    await house.pass_time(minutes=5)
    assert len(house.acted) == 1


async def test_what_was_called_off_while_home_assistant_was_down(house: House) -> None:
    await plan_ahead(house, -60)
    await house.event("power_restored")
    await house.start_up("on_power_event", **LATER, due=DUE)
    await house.pass_time(minutes=5)
    assert house.acted == []


async def test_nothing_due_nothing_done(house: House) -> None:
    await helpers(house)
    await house.event("power_lost")
    await house.start_up("on_power_event", **LATER, due=DUE)
    await house.pass_time(hours=30)
    assert house.acted == []


# battery_care

CARE = {
    "power_event": POWER,
    "installed": "2022-11-01",
    "notify_entities": [NOTIFY],
    "actions": [{"action": "test.act", "data": {"title": "{{ title }}"}}],
}


async def at_ten(house: House, day: int) -> list[str]:
    """Let it become ten o'clock on a day of November, and return what was said then."""
    local = datetime(2026, 11, day, 10, 0, tzinfo=dt_util.get_default_time_zone())
    house.freezer.move_to(dt_util.as_utc(local) + timedelta(seconds=1))
    house.acted.clear()
    async_fire_time_changed(house.hass, dt_util.utcnow())
    await settle()
    return [call.data["title"] for call in house.acted]


async def test_an_old_battery_is_told_once_a_week(house: House) -> None:
    await house.automate("battery_care", **CARE, drill_day=0)
    assert await at_ten(house, 24) == []
    assert await at_ten(house, 30) == ["The battery of the UPS is 4.1 years old"]
    assert len(house.sent) == 1


async def test_a_young_battery_is_not(house: House) -> None:
    await house.automate("battery_care", **CARE, drill_day=0, years=5)
    assert await at_ten(house, 30) == []


async def test_the_monthly_drill(house: House) -> None:
    fail(house.hass, "notify", "send_message")
    await house.automate("battery_care", **CARE, drill_day=25)
    assert await at_ten(house, 24) == []
    assert await at_ten(house, 25) == ["Time for a drill"]


async def test_the_ups_asks_for_a_battery(house: House) -> None:
    await house.automate("battery_care", **CARE)
    await house.event("power_lost")
    await house.event("replace_battery")
    assert [call.data["title"] for call in house.acted] == ["The UPS asks for a new battery"]


async def test_what_was_asked_for_before_a_restart_is_not_told_again(house: House) -> None:
    await house.event("replace_battery")
    state = house.hass.states.get(POWER)
    assert state is not None
    house.hass.states.async_remove(POWER)
    await house.start_up("battery_care", **CARE, drill_day=25)
    await house.set(POWER, "unavailable")
    await house.set(POWER, state.state, **state.attributes)
    assert house.acted == []
    assert await at_ten(house, 25) == ["Time for a drill"]


# power_saver

SAVER = {
    "mains": MAINS,
    "loads": ["switch.a", "light.b", "switch.c"],
    "memory": "input_text.memory",
}


async def furnish(house: House) -> None:
    """Have a load that is on, one that is off, and one that cannot be reached."""
    await helpers(house)
    await house.set("switch.a", "on")
    await house.set("light.b", "off")
    await house.set("switch.c", "unavailable")


async def test_what_was_turned_off_comes_back_and_nothing_else(house: House) -> None:
    await furnish(house)
    await house.automate("power_saver", **SAVER)
    await house.lose_power()
    await house.pass_time(seconds=31)
    assert [call.data["entity_id"] for call in house.off] == [["switch.a"]]
    await house.set("switch.a", "off")
    await house.set(MAINS, "on")
    await house.pass_time(seconds=61)
    assert [call.data["entity_id"] for call in house.on] == [["switch.a"]]
    await house.set(MAINS, "off")
    await house.set(MAINS, "on")
    await house.pass_time(seconds=61)
    assert len(house.on) == 1


async def test_a_short_outage_turns_nothing_off(house: House) -> None:
    await furnish(house)
    await house.automate("power_saver", **SAVER)
    await house.lose_power()
    await house.pass_time(seconds=20)
    await house.set(MAINS, "on")
    await house.pass_time(minutes=5)
    assert (house.off, house.on) == ([], [])


@pytest.mark.parametrize("mains", ["off", "on"])
async def test_loads_come_back_after_a_restart(house: House, mains: str) -> None:
    await furnish(house)
    await house.hass.services.async_call(
        "input_text", "set_value", {"entity_id": "input_text.memory", "value": "1"}, blocking=True
    )
    await house.set("switch.a", "off")
    await house.set(MAINS, mains)
    await house.start_up("power_saver", **SAVER)
    await house.pass_time(seconds=61)
    if mains == "off":
        assert house.on == []
        await house.set(MAINS, "on")
        await house.pass_time(seconds=61)
    assert [call.data["entity_id"] for call in house.on] == [["light.b"]]
    assert house.off == []


async def test_a_load_that_starts_anew_with_the_power_is_waited_for(house: House) -> None:
    await furnish(house)
    await house.automate("power_saver", **SAVER)
    await house.lose_power()
    await house.pass_time(seconds=31)
    await house.set("switch.a", "unavailable")
    await house.set(MAINS, "on")
    await house.pass_time(seconds=61)
    assert house.on == []
    await house.set("switch.a", "off")
    assert [call.data["entity_id"] for call in house.on] == [["switch.a"]]


async def test_a_load_that_stays_away_is_turned_on_the_next_time(house: House) -> None:
    await furnish(house)
    await house.automate("power_saver", **SAVER)
    await house.lose_power()
    await house.pass_time(seconds=31)
    await house.set("switch.a", "unavailable")
    await house.set(MAINS, "on")
    await house.pass_time(seconds=61)
    await house.pass_time(minutes=10, seconds=1)
    house.on.clear()
    await house.set("switch.a", "off")
    await house.set(MAINS, "unavailable")
    await house.set(MAINS, "on")
    await house.pass_time(seconds=61)
    assert [call.data["entity_id"] for call in house.on] == [["switch.a"]]


async def test_a_ups_that_cannot_be_read_switches_nothing(house: House) -> None:
    await furnish(house)
    await house.automate("power_saver", **SAVER)
    await house.lose_power()
    await house.set(MAINS, "unavailable")
    await house.pass_time(minutes=5)
    assert (house.off, house.on) == ([], [])


async def test_a_load_that_cannot_be_turned_off_comes_back_all_the_same(house: House) -> None:
    fail(house.hass, "homeassistant", "turn_off")
    await furnish(house)
    await house.automate("power_saver", **SAVER)
    await house.lose_power()
    await house.pass_time(seconds=31)
    await house.set(MAINS, "on")
    await house.pass_time(seconds=61)
    assert [call.data["entity_id"] for call in house.on] == [["switch.a"]]
