"""The plan's sensors."""

from dataclasses import replace

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.shutdown.models import PlanState
from tests.ha.common import MockConfigEntry, eventually, state_of
from tests.ha.plan import add_host, arm, entity_of, plan_of, target_id, until_idle

pytestmark = pytest.mark.usefixtures("all_entities_enabled", "fast_plan")


async def test_without_targets_the_plan_needs_nothing(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    state = hass.states.get(entity_of(hass, loaded, "plan_state"))
    assert state is not None
    assert state.state == "idle"
    assert state.attributes["options"] == [item.value for item in PlanState]
    assert state.attributes["targets"] == {}
    assert state_of(hass, entity_of(hass, loaded, "plan_needs")) == "unknown"
    assert state_of(hass, entity_of(hass, loaded, "plan_margin")) == "unknown"


async def test_what_it_needs_and_what_is_left(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await add_host(hass, loaded, "nas", time_limit=300)
    needs = hass.states.get(entity_of(hass, loaded, "plan_needs"))
    assert needs is not None
    assert needs.attributes["unit_of_measurement"] == "min"
    assert float(needs.state) >= 5
    margin = entity_of(hass, loaded, "plan_margin")
    await eventually(lambda: state_of(hass, margin) not in {"unknown", "unavailable"})
    await add_host(hass, loaded, "pve", time_limit=600, stage=1)
    await eventually(lambda: float(state_of(hass, entity_of(hass, loaded, "plan_needs"))) >= 15)


async def test_the_margin_shrinks_with_what_the_battery_lasts(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await add_host(hass, loaded, "nas")
    margin = entity_of(hass, loaded, "plan_margin")
    await eventually(lambda: state_of(hass, margin) not in {"unknown", "unavailable"})
    before = float(state_of(hass, margin))
    plan = plan_of(loaded)
    # The real UPS must not talk in between.
    loaded.runtime_data.ups._subscribers.clear()
    plan.runner.handle_power(replace(plan.view(), charge=45.0))
    await eventually(lambda: float(state_of(hass, margin)) < before / 2)


async def test_the_states_of_a_run(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    host = await add_host(hass, loaded, "nas")
    await arm(hass, loaded, triggers={"time_on_battery": 0.5})
    plan_state = entity_of(hass, loaded, "plan_state")
    seen: list[str] = []

    def note() -> bool:
        state = hass.states.get(plan_state)
        assert state is not None
        if state.state not in seen:
            seen.append(state.state)
        return bool(state.attributes["targets"] == {"nas": "down"})

    simulated.cut_mains()
    await eventually(note)
    assert seen[:4] == ["idle", "on_battery", "waiting", "running"]
    assert host.calls == ["stop"]
    simulated.restore_mains()
    await until_idle(hass, loaded)
    assert host.calls == ["stop", "wake"]
    state = hass.states.get(plan_state)
    assert state is not None
    assert state.attributes["targets"] == {"nas": "back"}
    assert state.attributes["armed"] is True
    assert target_id(loaded, "nas") not in str(state.attributes)
