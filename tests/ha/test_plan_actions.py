"""The actions of the shutdown plan."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
import probatio
import pytest

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.plan_actions import plan_errors
from custom_components.omron_ups.shutdown.errors import BusyError, UnknownTargetError
from tests.ha.common import MockConfigEntry, eventually
from tests.ha.plan import Host, act, add_host, add_target, arm, plan_of, target_id, until_idle

pytestmark = pytest.mark.usefixtures("fast_plan")

STAYS_OFF = {"restores": False, "mains_stable": 0.05}


@pytest.fixture
async def hosts(hass: HomeAssistant, loaded: MockConfigEntry) -> tuple[Host, Host]:
    """Return two hosts of an armed plan."""
    first = await add_host(hass, loaded, "nas")
    second = await add_host(hass, loaded, "pve")
    await arm(hass, loaded, restore=STAYS_OFF)
    return first, second


def named(hass: HomeAssistant, entry: MockConfigEntry, how: str) -> str:
    """Return what stands for the target `nas`."""
    owner = target_id(entry, "nas")
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, owner), entry.entry_id)
    assert device is not None
    return {"name": "NAS", "id": owner, "device": device.id}[how]


@pytest.mark.parametrize("how", ["name", "id", "device"])
async def test_one_target_is_stopped_however_it_is_named(
    hass: HomeAssistant, loaded: MockConfigEntry, hosts: tuple[Host, Host], how: str
) -> None:
    response = await act(hass, "start_shutdown", targets=named(hass, loaded, how), reason="test")
    assert response["plan_id"]
    await eventually(lambda: hosts[0].calls == ["stop"])
    await until_idle(hass, loaded)
    assert hosts[1].calls == []


async def test_without_names_all_are_stopped(
    hass: HomeAssistant, loaded: MockConfigEntry, hosts: tuple[Host, Host]
) -> None:
    await act(hass, "start_shutdown", answers=False, config_entry_id=loaded.entry_id)
    await eventually(lambda: [host.calls for host in hosts] == [["stop"], ["stop"]])
    await until_idle(hass, loaded)


async def test_nobody_is_stopped_for_a_name_that_nobody_has(
    hass: HomeAssistant, loaded: MockConfigEntry, hosts: tuple[Host, Host]
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "start_shutdown", targets=["nas", "nsa"])
    assert refused.value.translation_key == "plan_unknown_target"
    assert refused.value.translation_placeholders == {"detail": "nsa"}
    with pytest.raises(probatio.Invalid):
        await act(hass, "start_shutdown", targets=[])
    await add_target(hass, loaded, "ha_action", "Pve", hosts[1].options)
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "start_shutdown", targets=["pve"])
    assert refused.value.translation_placeholders == {"detail": "pve"}
    assert not plan_of(loaded).runner.is_open
    assert [host.calls for host in hosts] == [[], []]


async def test_a_dry_run_tells_what_it_found_and_calls_nobody(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    host = await add_host(hass, loaded, "nas")
    assert not plan_of(loaded).runner.is_armed
    response = await act(hass, "start_shutdown", dry_run=True)
    json.dumps(response)
    assert response["report"]["result"] == "rehearsed"
    assert response["report"]["plan_id"] == response["plan_id"]
    assert "rack.stop_nas" in str(response["report"])
    assert host.calls == []


async def test_a_disarmed_plan_refuses(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    host = await add_host(hass, loaded, "nas")
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "start_shutdown")
    assert refused.value.translation_key == "plan_not_armed"
    assert host.calls == []


async def test_cancel(
    hass: HomeAssistant, loaded: MockConfigEntry, hosts: tuple[Host, Host]
) -> None:
    hosts[0].stops = False
    await act(hass, "start_shutdown", targets="nas")
    await eventually(lambda: hosts[0].calls == ["stop"])
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "start_shutdown", dry_run=True)
    assert refused.value.translation_key == "plan_busy"
    hosts[0].show("off")
    await act(hass, "cancel_shutdown", answers=False)
    await until_idle(hass, loaded)
    assert hosts[1].calls == []


async def test_the_preview_foresees_and_remembers(
    hass: HomeAssistant, loaded: MockConfigEntry, hosts: tuple[Host, Host]
) -> None:
    response = await act(hass, "preview_shutdown")
    json.dumps(response)
    assert (response["armed"], response["state"]) == (True, "idle")
    assert "nas" in str(response["timeline"])
    assert response["last_run"] is None
    await act(hass, "start_shutdown", targets="nas")
    await eventually(lambda: hosts[0].calls == ["stop"])
    await until_idle(hass, loaded)
    response = await act(hass, "preview_shutdown")
    json.dumps(response)
    assert response["last_run"]["reason"] == "request"
    assert "nas" in str(response["last_run"])


async def test_the_check_names_the_cure(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await add_target(hass, loaded, "ha_action", "old", {"action": "rack.gone"})
    response = await act(hass, "check_targets")
    json.dumps(response)
    found: list[dict[str, Any]] = [
        item for item in response["findings"] if item["key"] == "action_missing"
    ]
    assert [(item["target"], item["severity"]) for item in found] == [("old", "error")]
    assert "rack.gone" in found[0]["text"]
    assert "❌" in found[0]["text"]


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (BusyError("x"), "plan_busy"),
        (UnknownTargetError("x"), "plan_unknown_target"),
    ],
)
def test_errors_of_the_plan_are_told_in_the_users_words(error: Exception, key: str) -> None:
    with pytest.raises(ServiceValidationError) as told, plan_errors():
        raise error
    assert told.value.translation_key == key
    assert told.value.__cause__ is error
