"""Home Assistant's actions as a target of the shutdown plan uses them."""

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    config_validation as cv,
    entity_registry as er,
)
import probatio
import pytest

from custom_components.omron_ups.ha_actions import HassActions
from custom_components.omron_ups.shutdown.errors import (
    NoAnswerError,
    RefusedError,
    UnreachableError,
)

ENTITY = "switch.host"


def test_only_registered_actions_exist(hass: HomeAssistant) -> None:
    hass.services.async_register("rack", "stop", lambda _: None)
    actions = HassActions(hass)
    assert actions.has_action("rack.stop")
    assert not actions.has_action("rack.start")
    assert not actions.has_action("rack")


@pytest.mark.parametrize(
    ("entity_id", "state", "seen"),
    [
        (ENTITY, "off", "off"),
        (ENTITY, "unavailable", None),
        (ENTITY, "unknown", None),
        (ENTITY, None, None),
        ("button.host", "unknown", ""),
        ("button.host", "2026-11-22T12:00:00", "2026-11-22T12:00:00"),
        ("button.host", "unavailable", None),
    ],
)
def test_what_a_state_is_worth(
    hass: HomeAssistant, entity_id: str, state: str | None, seen: str | None
) -> None:
    if state is not None:
        hass.states.async_set(entity_id, state)
    assert HassActions(hass).state(entity_id) == seen


def test_a_target_stands_for_entities_whether_they_exist_or_not(hass: HomeAssistant) -> None:
    area = ar.async_get(hass).async_create("Rack")
    registry = er.async_get(hass)
    entity = registry.async_get_or_create("switch", "rack", "1", suggested_object_id="in_area")
    registry.async_update_entity(entity.entity_id, area_id=area.id)
    found = HassActions(hass).resolve({"entity_id": ["switch.nowhere"], "area_id": [area.id]})
    assert found == ["switch.in_area", "switch.nowhere"]
    assert HassActions(hass).resolve({}) == []


async def test_a_call_waits_for_its_end(hass: HomeAssistant) -> None:
    calls: list[ServiceCall] = []

    async def stop(call: ServiceCall) -> None:
        calls.append(call)

    hass.services.async_register("rack", "stop", stop)
    await HassActions(hass).call("rack.stop", {"force": True}, [ENTITY])
    await HassActions(hass).call("rack.stop", {}, [])
    assert [dict(call.data) for call in calls] == [{"force": True, "entity_id": [ENTITY]}, {}]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ServiceValidationError("no"), RefusedError),
        (HomeAssistantError("broke"), NoAnswerError),
    ],
)
async def test_what_an_integration_raises(
    hass: HomeAssistant, raised: Exception, told: type[Exception]
) -> None:
    async def stop(_call: ServiceCall) -> None:
        raise raised

    hass.services.async_register("rack", "stop", stop)
    with pytest.raises(told, match=str(raised)):
        await HassActions(hass).call("rack.stop", {}, [])


async def test_what_home_assistant_does_not_accept(hass: HomeAssistant) -> None:
    schema = probatio.Schema({probatio.Required("force"): cv.boolean})
    hass.services.async_register("rack", "stop", lambda _: None, schema=schema)
    with pytest.raises(RefusedError, match=r"rack\.stop"):
        await HassActions(hass).call("rack.stop", {}, [])


async def test_an_action_that_is_not_there_was_not_called(hass: HomeAssistant) -> None:
    with pytest.raises(UnreachableError, match=r"rack\.start") as raised:
        await HassActions(hass).call("rack.start", {}, [])
    assert not raised.value.was_sent
