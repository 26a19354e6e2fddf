"""What a restart in the middle of an outage knows, and what it must not make up."""

import asyncio
from dataclasses import replace
from typing import override

import pytest

from custom_components.omron_ups.shutdown.models import (
    HostState,
    Observation,
    Outcome,
    PlanState,
    Power,
    PowerView,
    Reason,
    Reply,
    TargetState,
)
from custom_components.omron_ups.shutdown.specs import NOT_IN_PLAN, Triggers, Verify
from custom_components.omron_ups.shutdown.target import StopContext, StopStep

from .bench import (
    BATTERY,
    LOW,
    MAINS,
    Bench,
    DrainTarget,
    Host,
    HostTarget,
    obey,
    plan_of,
    scenario,
    spec_of,
)

NAS = spec_of("nas", 20, is_data_source=True)
SOURCE = plan_of(spec_of("node"), NAS)
WITHOUT_FIGURES = replace(BATTERY, runtime_s=None, charge=None)


async def stopped(bench: Bench, view: PowerView = BATTERY) -> None:
    """Let an outage stop everybody, and with the NAS the data."""
    await bench.start()
    await bench.set_power(view, 31.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    bench.view = None


def is_all_up(bench: Bench) -> bool:
    return all(host.is_up for host in bench.lan.hosts.values())


def state_of(bench: Bench, target_id: str) -> TargetState:
    return bench.runner.target_states[target_id]


@scenario
async def test_a_restart_long_after_the_last_entry_restores_some_day() -> None:
    bench = Bench(SOURCE)
    await stopped(bench)
    await bench.runner.stop()
    await bench.wait(1200.0)
    await bench.restart()
    await bench.wait(1000.0)
    assert not bench.host("nas").wakes, "the battery may have lasted until now"
    await bench.wait_for(lambda: bool(bench.host("nas").wakes), limit_s=3600.0)
    bench.view = MAINS
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert is_all_up(bench)


@scenario
async def test_a_runtime_that_nobody_knows_keeps_no_host_off_for_ever() -> None:
    bench = Bench(SOURCE)
    await stopped(bench, WITHOUT_FIGURES)
    await bench.wait(7200.0)
    assert not bench.host("nas").wakes
    await bench.wait_for(lambda: is_all_up(bench), limit_s=3600.0)


@scenario
async def test_a_machine_that_was_only_started_anew_ends_no_outage() -> None:
    plan = plan_of(spec_of("node"), replace(NAS, stage=5), home_assistant_host="node", output=None)
    bench = Bench(plan)
    await bench.start()
    await bench.set_power(BATTERY, 60.0)
    assert not bench.host("nas").is_up
    bench.view = None
    await bench.restart(is_reboot=True)
    await bench.wait(900.0)
    assert bench.state == PlanState.RUNNING
    assert not bench.host("nas").wakes


@scenario
async def test_a_host_that_came_back_with_the_power_shows_that_it_was_cut() -> None:
    plan = plan_of(
        spec_of("node"), replace(NAS, stage=5), spec_of("late"), home_assistant_host="node"
    )
    bench = Bench(plan)
    bench.host("late").stop_s = 1e6
    await bench.start()
    await bench.set_power(BATTERY, 60.0)
    bench.view = None
    bench.host("nas").is_up = True
    await bench.restart(is_reboot=True)
    await bench.wait(330.0)
    assert bench.state == PlanState.CANCELLING, "who was asked goes down first"


@scenario
async def test_the_outage_is_remembered_before_any_plan_has_begun() -> None:
    bench = Bench(plan_of(spec_of("node"), triggers=Triggers(time_on_battery_s=300.0)))
    await bench.start()
    await bench.set_power(BATTERY, 200.0)
    await bench.restart()
    await bench.wait(10.0)
    assert bench.host("node").commands == []
    await bench.wait(100.0)
    assert [step for _, step in bench.host("node").commands] == ["poweroff"]


@scenario
async def test_an_outage_that_is_over_is_not_remembered() -> None:
    bench = Bench(plan_of(spec_of("node"), triggers=Triggers(time_on_battery_s=300.0)))
    await bench.start()
    await bench.set_power(BATTERY, 200.0)
    await bench.set_power(MAINS, 60.0)
    await bench.restart()
    await bench.set_power(BATTERY, 290.0)
    assert bench.host("node").commands == []


@scenario
async def test_the_report_of_the_last_plan_outlives_a_later_outage() -> None:
    bench = Bench(plan_of(spec_of("node")))
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.set_power(MAINS, 300.0)
    report = bench.runner.last_report
    await bench.set_power(BATTERY, 20.0)
    await bench.restart()
    assert report is not None
    assert bench.runner.last_report == report


@scenario
async def test_a_plan_that_does_not_know_the_power_yet_is_shown_as_running() -> None:
    bench = Bench(plan_of(spec_of("node")), {"node": DrainTarget})
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    bench.view = None
    await bench.restart()
    await bench.wait(5.0)
    assert bench.state == PlanState.RUNNING


class Clients(HostTarget):
    """Hosts that follow FSD, which a restart of ours takes away."""

    steps = (StopStep(key="fsd", irreversible=False),)
    fsd = False
    clients = 1

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        self.fsd = True
        return Reply(outcome=Outcome.ACCEPTED)

    @override
    async def reassert(self, step: StopStep) -> None:
        self.fsd = True

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @override
    async def observe(self) -> Observation:
        if not self.clients:
            return Observation(state=HostState.DOWN, is_conclusive=True)
        return Observation(state=HostState.GOING if self.fsd else HostState.UP)


@scenario
async def test_the_time_without_fsd_after_a_restart_counts_against_nobody() -> None:
    spec = spec_of("clients", time_limit_s=40.0, verify=Verify())
    bench = Bench(plan_of(spec, spec_of("nas", 20)))
    target = bench.targets["clients"] = Clients(spec, bench.host("clients"))
    bench.runner = bench.make_runner()
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    target.fsd = False
    bench.view = None
    await bench.restart()
    await bench.wait(45.0)
    assert target.fsd
    assert state_of(bench, "clients") is TargetState.STOPPING
    target.clients = 0
    await bench.wait(10.0)
    assert state_of(bench, "clients") is TargetState.DOWN


@scenario
async def test_a_request_while_nobody_knows_the_power_is_carried_out() -> None:
    bench = Bench(plan_of(spec_of("node"), home_assistant_host=NOT_IN_PLAN))
    bench.view = PowerView(power=Power.UNKNOWN)
    await bench.start()
    await bench.runner.start_shutdown()
    await bench.wait(60.0)
    assert not bench.host("node").is_up
    assert not bench.runner.is_open


@scenario
async def test_a_request_while_nobody_knew_the_power_becomes_the_plan_of_an_outage() -> None:
    bench = Bench(plan_of(spec_of("node")))
    bench.host("node").stop_s = 40.0
    bench.view = PowerView(power=Power.UNKNOWN)
    await bench.start()
    await bench.runner.start_shutdown()
    await bench.wait(5.0)
    await bench.set_power(LOW, 100.0)
    assert bench.state == PlanState.HANDED_OVER
    await bench.set_power(MAINS, 300.0)
    assert bench.host("node").is_up
    assert bench.runner.last_report is not None
    assert bench.runner.last_report.reason is Reason.REQUEST


@pytest.mark.parametrize("after_s", [20.0, 200.0])
def test_whom_a_crash_kept_from_being_asked_is_asked_however_late(after_s: float) -> None:
    @scenario
    async def run() -> None:
        await _ask_after_a_crash(after_s)

    run()


async def _ask_after_a_crash(after_s: float) -> None:
    async def never(_host: Host) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)))
    await bench.start()
    bench.targets["node"].answer = never
    await bench.set_power(BATTERY, 31.0)
    bench.targets["node"].answer = obey
    bench.view = replace(BATTERY, runtime_s=60.0)
    await bench.restart(is_orderly=False, after_s=after_s)
    await bench.wait(40.0)
    assert [key for _, key in bench.host("node").commands] == ["poweroff", "poweroff"]
    assert not bench.host("node").is_up


@scenario
async def test_a_source_that_dies_with_us_in_an_outage_stops_hosts_at_low_by_the_clock() -> None:
    only_low = Triggers(time_on_battery_s=None, data_lost_s=None, margin_below_s=None)
    bench = Bench(plan_of(spec_of("node"), triggers=only_low))
    await bench.start()
    await bench.set_power(replace(BATTERY, charge=90.0, charge_low=30.0, runtime_s=900.0), 60.0)
    bench.view = None
    await bench.restart(is_orderly=False, after_s=20.0)
    await bench.wait(300.0)
    assert bench.host("node").is_up, "there is charge left"
    await bench.wait(400.0)
    assert not bench.host("node").is_up
