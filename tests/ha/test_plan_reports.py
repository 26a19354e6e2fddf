"""What happens to the plan, on the event entity."""

from typing import Any

from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event
import pytest

from custom_components.omron_ups.plan_reports import PLAN_EVENTS
from tests.ha.common import MockConfigEntry, eventually
from tests.ha.plan import act, add_host, arm, until_idle

pytestmark = pytest.mark.usefixtures("fast_plan")


@pytest.fixture
def seen(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Return the events that the entity reports from now on."""
    seen: list[dict[str, Any]] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.attributes.get("event_type"):
            seen.append(dict(state.attributes))

    async_track_state_change_event(hass, "event.bw55t_power", note)
    return seen


async def test_a_run_from_its_beginning_to_its_end(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: list[dict[str, Any]]
) -> None:
    host = await add_host(hass, loaded, "nas")
    await arm(hass, loaded, restore={"restores": False, "mains_stable": 0.05})
    response = await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await until_idle(hass, loaded)
    await eventually(lambda: seen[-1]["event_type"] == "plan_finished")
    types = [item["event_type"] for item in seen]
    assert types[0] == "plan_started"
    assert set(types[1:-1]) == {"plan_step"}
    assert {item["plan_id"] for item in seen} == {response["plan_id"]}
    assert seen[0]["what"] == "request"
    assert "down" in [item["what"] for item in seen if item.get("target") == "nas"]
    known = hass.states.get("event.bw55t_power")
    assert known is not None
    assert set(PLAN_EVENTS) <= set(known.attributes["event_types"])


async def test_a_plan_that_goes_on_at_the_start_is_told_from_its_first_word(
    hass: HomeAssistant, loaded: MockConfigEntry, seen: list[dict[str, Any]]
) -> None:
    """It goes on before there is an event entity that could show it."""
    host = await add_host(hass, loaded, "nas")
    await arm(hass, loaded)
    host.stops = False
    await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await hass.config_entries.async_unload(loaded.entry_id)
    seen.clear()
    await hass.config_entries.async_setup(loaded.entry_id)
    await eventually(lambda: "resumed" in [item.get("what") for item in seen])
    await act(hass, "cancel_shutdown", answers=False)
