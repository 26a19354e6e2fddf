"""Runs of the plan in which somebody refuses, has power elsewhere, or thinks better of it."""

from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.shutdown.models import PlanResult, Power, TargetState
from tests.ha.common import MockConfigEntry, eventually, set_up, simulated_entry, unused_port
from tests.ha.plan import (
    PART,
    act,
    add_host,
    add_target,
    arm,
    plan_of,
    press,
    target_id,
    until_idle,
)

pytestmark = pytest.mark.usefixtures("fast_plan")

STAYS_OFF = {"restores": False, "mains_stable": 0.05}


async def on_battery(entry: MockConfigEntry, simulated: SimulatedUps) -> None:
    """Cut the mains, and wait until that is known."""
    simulated.cut_mains()
    await eventually(lambda: plan_of(entry).view().power is Power.BATTERY)


async def test_a_host_that_another_entry_feeds_goes_on_until_that_one_fails_too(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    other = simulated_entry(unused_port())
    other.add_to_hass(hass)
    await set_up(hass, other)
    relations = {**PART["relations"], "second_feed": other.entry_id}
    fed = await add_host(hass, loaded, "fed", relations=relations)
    alone = await add_host(hass, loaded, "alone")
    await arm(hass, loaded, restore=STAYS_OFF)
    await on_battery(loaded, simulated)
    await act(hass, "start_shutdown", config_entry_id=loaded.entry_id)
    await eventually(lambda: alone.calls == ["stop"])
    states = plan_of(loaded).runner
    fed_id = target_id(loaded, "fed")
    await eventually(lambda: states.target_states[fed_id] is TargetState.SKIPPED)
    assert fed.calls == []
    await on_battery(other, other.runtime_data.simulated)
    await eventually(lambda: fed.calls == ["stop"])
    await hass.config_entries.async_unload(other.entry_id)


async def test_fsd_is_cleared_after_a_cancel_once_mains_is_back(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    await add_target(hass, loaded, "nut_clients", "clients", {"alias": "ups"}, time_limit=0)
    await arm(hass, loaded, restore=STAYS_OFF)
    await on_battery(loaded, simulated)
    await act(hass, "start_shutdown")
    nut = loaded.runtime_data.nut
    await eventually(lambda: nut.is_forced_shutdown("ups"))
    await press(hass, loaded, "cancel_plan")
    assert nut.is_forced_shutdown("ups"), "clients that were told are on their way down"
    simulated.restore_mains()
    await eventually(lambda: not nut.is_forced_shutdown("ups"))
    await until_idle(hass, loaded)
    assert not nut.is_forced_shutdown("ups")


async def test_a_host_that_refuses_makes_the_plan_fail_and_the_event_entity_say_so(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    async def refuse(_call: ServiceCall) -> None:
        raise ServiceValidationError("no")

    hass.services.async_register("rack", "refuse", refuse)
    await add_target(hass, loaded, "ha_action", "stubborn", {"action": "rack.refuse"})
    host = await add_host(hass, loaded, "nas")
    await arm(hass, loaded, restore=STAYS_OFF)
    await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await until_idle(hass, loaded)

    def told() -> dict[str, Any]:
        state = hass.states.get("event.bw55t_power")
        return dict(state.attributes) if state else {}

    await eventually(lambda: told().get("event_type") == "plan_failed")
    assert told()["what"] == PlanResult.INCOMPLETE
    assert told()["detail"] == "stubborn refused to stop"
