"""Changes of targets while a plan is open, with a restart before its end."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import MappingProxyType

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.shutdown.models import Power, TargetState
from tests.ha.common import MockConfigEntry, eventually
from tests.ha.plan import (
    PART,
    Host,
    act,
    add_host,
    add_target,
    arm,
    plan_of,
    subentry,
    target_id,
    until_idle,
)

pytestmark = pytest.mark.usefixtures("fast_plan")

type Restart = Callable[[], Awaitable[SimulatedUps]]


@pytest.fixture
def open_file(loaded: MockConfigEntry, plan_folder: Path) -> Path:
    """Return where the open plan is kept."""
    return plan_folder / f"omron_ups.{loaded.entry_id}.plan_open"


@pytest.fixture
def restart(hass: HomeAssistant, loaded: MockConfigEntry) -> Restart:
    """Return what starts the entry again, still on battery."""

    async def again() -> SimulatedUps:
        await hass.config_entries.async_unload(loaded.entry_id)
        assert await hass.config_entries.async_setup(loaded.entry_id)
        simulated: SimulatedUps = loaded.runtime_data.simulated
        simulated.cut_mains()
        await hass.async_block_till_done()
        return simulated

    return again


async def begin(hass: HomeAssistant, entry: MockConfigEntry, simulated: SimulatedUps) -> None:
    """Arm, cut the mains, and begin."""
    await arm(hass, entry)
    simulated.cut_mains()
    await eventually(lambda: plan_of(entry).view().power is Power.BATTERY)
    await act(hass, "start_shutdown")


async def delete(hass: HomeAssistant, entry: MockConfigEntry, title: str) -> None:
    """Delete a target."""
    hass.config_entries.async_remove_subentry(entry, target_id(entry, title))
    await hass.async_block_till_done()


async def is_down(entry: MockConfigEntry, owner: str) -> None:
    """Wait until a target is proven down."""
    runner = plan_of(entry).runner
    await eventually(lambda: runner.target_states[owner] is TargetState.DOWN)


async def change(hass: HomeAssistant, entry: MockConfigEntry, title: str, to: Host) -> None:
    """Let a target be another host."""
    owner = entry.subentries[target_id(entry, title)]
    hass.config_entries.async_update_subentry(
        entry, owner, data={**owner.data, "options": to.options}
    )
    await hass.async_block_till_done()


async def test_a_deleted_host_is_woken_after_a_restart(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    restart: Restart,
    open_file: Path,
) -> None:
    host = await add_host(hass, loaded, "nas")
    other = await add_host(hass, loaded, "node")
    owner = target_id(loaded, "nas")
    await begin(hass, loaded, simulated)
    await is_down(loaded, owner)
    await delete(hass, loaded, "nas")
    simulated = await restart()
    assert plan_of(loaded).runner.plan.target(owner) is not None
    assert owner not in {spec.target_id for spec in plan_of(loaded).specs}
    await eventually(open_file.exists)
    simulated.restore_mains()
    await eventually(lambda: host.calls == ["stop", "wake"])
    await eventually(lambda: other.calls == ["stop", "wake"])
    await until_idle(hass, loaded)
    await eventually(lambda: plan_of(loaded).runner.plan.target(owner) is None)
    await eventually(lambda: not open_file.exists())


async def test_a_deleted_host_is_still_stopped_after_a_restart(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, restart: Restart
) -> None:
    first = await add_host(hass, loaded, "first", stage=1)
    second = await add_host(hass, loaded, "second", stage=2)
    first.stops = False
    await begin(hass, loaded, simulated)
    await eventually(lambda: first.calls == ["stop"])
    await delete(hass, loaded, "second")
    await restart()
    first.show("off")
    await eventually(lambda: second.calls == ["stop"])


async def test_fsd_of_deleted_clients_is_set_again_after_a_restart_and_released(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    restart: Restart,
    open_file: Path,
) -> None:
    wake = {**PART["wake"], "wake_limit": 0}
    alias = {"alias": "ups"}
    await add_target(hass, loaded, "nut_clients", "clients", alias, time_limit=0, wake=wake)
    await begin(hass, loaded, simulated)
    await eventually(lambda: bool(loaded.runtime_data.nut.is_forced_shutdown("ups")))
    await delete(hass, loaded, "clients")
    simulated = await restart()
    nut = loaded.runtime_data.nut
    await eventually(lambda: bool(nut.is_forced_shutdown("ups")))
    simulated.restore_mains()
    await eventually(lambda: not nut.is_forced_shutdown("ups"))
    await until_idle(hass, loaded)
    assert not nut.is_forced_shutdown("ups")
    await eventually(lambda: not open_file.exists())


async def test_a_changed_host_is_woken_as_what_it_was_after_a_restart(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, restart: Restart
) -> None:
    host = await add_host(hass, loaded, "nas")
    another = Host(hass, "another")
    owner = target_id(loaded, "nas")
    await begin(hass, loaded, simulated)
    await is_down(loaded, owner)
    await change(hass, loaded, "nas", another)
    simulated = await restart()
    simulated.restore_mains()
    await eventually(lambda: host.calls == ["stop", "wake"])
    await until_idle(hass, loaded)
    assert another.calls == []
    service = plan_of(loaded)
    await eventually(lambda: service.runner.plan.targets == service.specs)
    (spec,) = service.specs
    assert spec.target_id == owner
    assert dict(spec.options) == another.options


async def test_a_deleted_output_stays_in_the_open_plan(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, restart: Restart
) -> None:
    host = await add_host(hass, loaded, "nas")
    host.stops = False
    output = ConfigSubentry(
        subentry_type="ups_output",
        title="output",
        unique_id="ups_output",
        data=MappingProxyType({"confirmed": True, "returns": True, "delay": 60}),
    )
    hass.config_entries.async_add_subentry(loaded, output)
    await begin(hass, loaded, simulated)
    await eventually(lambda: host.calls == ["stop"])
    in_force = plan_of(loaded).runner.plan.output
    assert in_force is not None
    await delete(hass, loaded, "output")
    await restart()
    assert plan_of(loaded).runner.plan.output == in_force


async def test_without_the_file_what_is_configured_counts(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    restart: Restart,
    open_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hass.config_entries.async_add_subentry(loaded, subentry("ha_action", "gone", {"action": "a.b"}))
    host = await add_host(hass, loaded, "nas")
    await hass.async_add_executor_job(open_file.mkdir)
    await begin(hass, loaded, loaded.runtime_data.simulated)
    await is_down(loaded, target_id(loaded, "nas"))
    await delete(hass, loaded, "gone")
    assert "the open plan cannot be kept" in caplog.text
    simulated = await restart()
    assert "the open plan cannot be read" in caplog.text
    assert [spec.name for spec in plan_of(loaded).runner.plan.targets] == ["nas"]
    simulated.restore_mains()
    await eventually(lambda: host.calls == ["stop", "wake"])
    await until_idle(hass, loaded)
