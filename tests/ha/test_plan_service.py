"""The plan in a running Home Assistant: outages, requests to shut down, restarts, removal."""

from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.omron_ups.const import DOMAIN, Issue
from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.shutdown.models import Power, Reason, TargetState
from tests.ha.common import (
    MockConfigEntry,
    NutConnection,
    add_account,
    change_nut_server,
    eventually,
    is_loaded,
    unused_port,
)
from tests.ha.plan import act, add_host, add_target, arm, plan_of, target_id, until_idle

pytestmark = pytest.mark.usefixtures("fast_plan")

STAYS_OFF = {"restores": False, "mains_stable": 0.05}


async def on_battery(entry: MockConfigEntry, simulated: SimulatedUps) -> None:
    """Cut the mains, and wait until that is known."""
    simulated.cut_mains()
    await eventually(lambda: plan_of(entry).view().power is Power.BATTERY)


async def test_fsd_of_an_account_on_battery_begins_the_short_plan(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, free_port: int
) -> None:
    host = await add_host(hass, loaded, "nas")
    await add_account(hass, loaded, "joe", role="primary")
    await arm(hass, loaded, restore=STAYS_OFF)
    await on_battery(loaded, simulated)
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("FSD ups") == "OK FSD-SET"
    await eventually(lambda: host.calls == ["stop"])
    await eventually(lambda: plan_of(loaded).runner.last_report is not None)
    report = plan_of(loaded).runner.last_report
    assert report is not None
    assert report.reason is Reason.FORCED


async def test_fsd_of_an_account_on_mains_stops_nobody(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    host = await add_host(hass, loaded, "nas")
    await add_account(hass, loaded, "joe", role="primary")
    await arm(hass, loaded)
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("FSD ups") == "OK FSD-SET"
    assert not plan_of(loaded).view().forced
    assert not plan_of(loaded).runner.is_open
    assert host.calls == []


async def test_the_plans_own_fsd_is_no_request(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    await add_target(hass, loaded, "nut_clients", "clients", {"alias": "ups"})
    await arm(hass, loaded, restore=STAYS_OFF)
    await on_battery(loaded, simulated)
    await act(hass, "start_shutdown")
    nut = loaded.runtime_data.nut
    await eventually(lambda: nut.is_forced_shutdown("ups"))
    assert not plan_of(loaded).view().forced


async def test_a_reload_waits_for_the_end_of_a_plan(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    runtime_data = loaded.runtime_data
    host = await add_host(hass, loaded, "nas")
    host.stops = False
    await arm(hass, loaded, restore=STAYS_OFF)
    await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await change_nut_server(hass, loaded, port=unused_port())
    issue_id = f"{Issue.RELOAD_WAITS}_{loaded.entry_id}"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    assert loaded.runtime_data is runtime_data
    host.show("off")
    await eventually(lambda: is_loaded(loaded) and loaded.runtime_data is not runtime_data)
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_restart_goes_on_with_the_open_plan(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    first = await add_host(hass, loaded, "first", stage=1)
    second = await add_host(hass, loaded, "second", stage=2)
    first.stops = False
    await arm(hass, loaded, restore=STAYS_OFF)
    response = await act(hass, "start_shutdown")
    await eventually(lambda: first.calls == ["stop"])
    await hass.config_entries.async_unload(loaded.entry_id)
    first.show("off")
    assert second.calls == []
    assert await hass.config_entries.async_setup(loaded.entry_id)
    await eventually(lambda: second.calls == ["stop"])
    await until_idle(hass, loaded)
    assert first.calls == ["stop"]
    report = plan_of(loaded).runner.last_report
    assert report is not None
    assert report.plan_id == response["plan_id"]


async def test_changes_wait_for_the_end_of_a_plan(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    host = await add_host(hass, loaded, "nas")
    host.stops = False
    await arm(hass, loaded, restore=STAYS_OFF)
    await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await add_host(hass, loaded, "late")
    late = target_id(loaded, "late")
    service = plan_of(loaded)
    assert service.runner.plan.target(late) is None
    assert late in {spec.target_id for spec in service.specs}
    assert service.is_ready(late) is None
    host.show("off")
    await eventually(lambda: service.runner.plan.target(late) is not None)
    # Not at the next of the looks that come every 5 minutes.
    await eventually(lambda: service.is_ready(late) is True)


async def test_a_real_stop_confirms_a_target_until_it_is_another_one(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    host = await add_host(hass, loaded, "nas")
    owner = target_id(loaded, "nas")
    preview = await act(hass, "preview_shutdown")
    assert preview["unconfirmed"] == ["nas"]
    await arm(hass, loaded, restore=STAYS_OFF)
    await act(hass, "start_shutdown", dry_run=True)
    await until_idle(hass, loaded)
    assert plan_of(loaded).confirmed_at(owner) is None, "a rehearsal confirms nothing"
    await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await until_idle(hass, loaded)
    stopped_at = plan_of(loaded).confirmed_at(owner)
    assert stopped_at is not None
    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert plan_of(loaded).confirmed_at(owner) == stopped_at
    preview = await act(hass, "preview_shutdown")
    assert preview["unconfirmed"] == []
    subentry = loaded.subentries[owner]
    other = {**subentry.data["options"], "action": "rack.stop_other"}
    hass.config_entries.async_update_subentry(
        loaded, subentry, data={**subentry.data, "options": other}
    )
    await hass.async_block_till_done()
    assert plan_of(loaded).confirmed_at(owner) is None


async def test_a_host_that_stops_by_itself_confirms_nothing(
    hass: HomeAssistant, loaded: MockConfigEntry, tmp_path: Path
) -> None:
    first = await add_host(hass, loaded, "first", stage=10)
    first.stops = False
    late = await add_host(hass, loaded, "late", stage=50)
    owner = target_id(loaded, "late")
    await arm(hass, loaded, restore=STAYS_OFF)
    await act(hass, "start_shutdown")
    journal = tmp_path / f"{DOMAIN}.{loaded.entry_id}.plan_journal"
    seen = f'"did":"seen","target_id":"{owner}","state":"up"'
    await eventually(lambda: journal.exists() and seen in journal.read_text())
    late.show("off")
    runner = plan_of(loaded).runner
    await eventually(lambda: runner.target_states[owner] is TargetState.DOWN)
    await hass.async_block_till_done()
    assert late.calls == []
    assert plan_of(loaded).confirmed_at(owner) is None


async def test_a_mains_entity_is_heard(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    for entity, state, heard in (
        ("binary_sensor.plug", "on", True),
        ("binary_sensor.plug", "off", False),
        ("binary_sensor.plug", "unavailable", None),
    ):
        hass.states.async_set(entity, state)
        await arm(hass, loaded, mains_entity=entity)
        assert plan_of(loaded).view().mains_entity is heard


def kept(folder: Path) -> set[str]:
    """Return which of a plan's files there are."""
    return {path.name.rpartition("_")[2] for path in folder.glob("*plan_*")}


async def test_the_files_go_with_the_entry(
    hass: HomeAssistant, loaded: MockConfigEntry, plan_folder: Path
) -> None:
    host = await add_host(hass, loaded, "nas")
    await arm(hass, loaded, restore=STAYS_OFF)
    await act(hass, "start_shutdown")
    await eventually(lambda: host.calls == ["stop"])
    await until_idle(hass, loaded)
    assert {"journal", "switches"} <= kept(plan_folder)
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert kept(plan_folder) == set()


async def test_files_that_cannot_be_read_are_tried_again(
    hass: HomeAssistant, loaded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)

    async def fail(*_args: object) -> None:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("custom_components.omron_ups.plan_service.PlanStore.load", fail)
        assert not await hass.config_entries.async_setup(loaded.entry_id)
    assert loaded.error_reason_translation_key == "plan_not_read"
    await hass.config_entries.async_reload(loaded.entry_id)
    assert is_loaded(loaded)
