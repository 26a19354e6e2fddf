"""The runner: what begins a plan, what ends it, and what a restart or a full disk do to it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from custom_components.omron_ups.shutdown.errors import (
    ArmingRefusedError,
    BusyError,
    NotArmedError,
    UnknownTargetError,
)
from custom_components.omron_ups.shutdown.events import PlanEventType
from custom_components.omron_ups.shutdown.findings import own_disk_finding
from custom_components.omron_ups.shutdown.models import (
    Outcome,
    PlanResult,
    PlanState,
    Reason,
    Reply,
    TargetState,
)
from custom_components.omron_ups.shutdown.report import from_json
from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import OutputOptions
from custom_components.omron_ups.shutdown.target_checks import Result, TargetChecks, device

from .bench import (
    BATTERY,
    EPOCH,
    LOW,
    MAINS,
    Bench,
    DrainTarget,
    Host,
    HostTarget,
    Output,
    StorageTarget,
    plan_of,
    scenario,
    spec_of,
)

TWO = plan_of(spec_of("node", 10, uses=frozenset({"nas"})), spec_of("nas", 20))


@scenario
async def test_an_outage_stops_all_in_order_and_brings_all_back() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(BATTERY, 10.0)
    assert bench.state == PlanState.ON_BATTERY
    await bench.wait(10.0)
    assert bench.state == PlanState.WAITING
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    node, nas = bench.host("node"), bench.host("nas")
    assert nas.commands[0][0] - node.commands[0][0] >= node.stop_s
    assert bench.told(PlanEventType.FINISHED) == [PlanResult.ALL_DOWN]
    assert bench.durations.stops.keys() == {"node", "nas"}
    await bench.set_power(MAINS, 25.0)
    assert not nas.wakes
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert nas.wakes[0] < node.wakes[0]
    assert bench.runner.target_states == {"node": TargetState.BACK, "nas": TargetState.BACK}
    assert bench.told(PlanEventType.FINISHED)[-1] == PlanResult.ALL_BACK
    assert [len(host.commands) for host in (node, nas)] == [1, 1]
    report = bench.runner.last_report
    assert report is not None
    assert report.result is PlanResult.ALL_BACK
    assert from_json(report.as_json()) == report


@scenario
async def test_a_request_leaves_within_100_ms() -> None:
    bench = Bench(TWO)
    await bench.start()
    began = asyncio.get_running_loop().time()
    await bench.runner.start_shutdown()
    await bench.wait(1.0)
    assert bench.host("node").commands[0][0] - began < 0.1


@scenario
async def test_fifty_targets_of_one_stage_start_within_a_second() -> None:
    bench = Bench(plan_of(*(spec_of(f"host{number}") for number in range(50))))
    await bench.start()
    began = asyncio.get_running_loop().time()
    await bench.runner.start_shutdown()
    await bench.wait(1.0)
    starts = [host.commands[0][0] - began for host in bench.lan.hosts.values()]
    assert len(starts) == 50
    assert max(starts) < 0.1


@scenario
async def test_each_intent_is_on_disk_before_its_request_leaves() -> None:
    bench = Bench(TWO)
    seen: list[bytes] = []

    async def answer(host: Host) -> Reply:
        seen.append(bench.disk.data)
        host.stop()
        return Reply(outcome=Outcome.ACCEPTED)

    bench.targets["node"].answer = answer
    await bench.start()
    await bench.runner.start_shutdown()
    await bench.wait(1.0)
    assert b'"did":"asked","target_id":"node"' in seen[0]


@scenario
async def test_a_full_disk_is_told_and_the_plan_goes_on() -> None:
    bench = Bench(TWO)
    await bench.start()
    bench.disk.is_full = True
    await bench.runner.start_shutdown()
    await bench.wait_for(lambda: not bench.host("nas").is_up)
    assert "journal_error" in bench.told()


@scenario
async def test_a_target_that_raises_does_not_hold_up_the_others() -> None:
    bench = Bench(plan_of(spec_of("bad"), spec_of("good"), spec_of("last", 20)))

    async def answer(_host: Host) -> Reply:
        raise ZeroDivisionError("a defect")

    bench.targets["bad"].answer = answer
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    states = bench.runner.target_states
    assert states == {
        "bad": TargetState.OVERDUE,
        "good": TargetState.DOWN,
        "last": TargetState.DOWN,
    }
    first, second = (at for at, _ in bench.host("bad").commands)
    assert second - first >= 60.0, "asked once more after all its time, demonstrably up"
    await bench.wait(1.0)
    assert bench.told(PlanEventType.FAILED) == [PlanResult.INCOMPLETE]


@scenario
async def test_power_that_is_back_for_5_s_only_interrupts_nothing() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)), {"node": DrainTarget})
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    (plan_id,) = {event.plan_id for event in bench.events if event.plan_id}
    await bench.set_power(MAINS, 5.0)
    assert bench.state == PlanState.CANCELLING
    await bench.set_power(BATTERY, 1.0)
    assert bench.state == PlanState.RUNNING
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    assert {event.plan_id for event in bench.events if event.plan_id} == {plan_id}
    assert [key for _, key in bench.host("node").commands] == ["guests", "poweroff"]
    assert not bench.targets["node"].restored


@scenario
async def test_mains_before_the_point_of_no_return_undoes_what_was_begun() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)), {"node": DrainTarget})
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    await bench.set_power(MAINS, 60.0)
    assert [key for _, key in bench.host("node").commands] == ["guests"]
    assert bench.targets["node"].restored == [("guests",)]
    assert bench.host("nas").commands == []
    assert bench.told(PlanEventType.CANCELLED) == [PlanResult.CANCELLED]
    assert bench.runner.target_states["node"] is TargetState.UNDONE


@scenario
async def test_a_second_outage_while_restoring_stops_again_under_a_new_plan() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    await bench.set_power(MAINS, 0.0)
    await bench.wait_for(lambda: bench.host("nas").is_up)
    await bench.set_power(BATTERY, 5.0)
    wakes = len(bench.host("node").wakes)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    assert len(bench.host("node").wakes) == wakes
    plans = dict.fromkeys(event.plan_id for event in bench.events if event.plan_id)
    assert len(plans) == 2
    assert len(bench.host("nas").commands) == 2
    await bench.set_power(MAINS, 0.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert set(bench.runner.target_states.values()) == {TargetState.BACK}


@scenario
async def test_a_host_that_was_off_is_neither_stopped_nor_woken_nor_learned_from() -> None:
    bench = Bench(TWO)
    bench.host("nas").is_up = False
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    assert bench.host("nas").commands == []
    assert bench.runner.target_states["nas"] is TargetState.ALREADY_DOWN
    await bench.set_power(MAINS, 0.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert bench.host("nas").wakes == []
    assert bench.durations.stops.keys() == {"node"}


@scenario
async def test_our_own_network_going_down_proves_nobody_down() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(BATTERY, 20.0)
    bench.lan.is_cut = True
    await bench.wait(60.0)
    assert TargetState.DOWN not in bench.runner.target_states.values()
    assert TargetState.ALREADY_DOWN not in bench.runner.target_states.values()


@pytest.mark.parametrize("is_orderly", [True, False])
@pytest.mark.parametrize("after_s", [0.0, 0.015, 0.05, 3.0, 12.0, 20.0, 40.0])
def test_a_restart_at_any_moment_sends_nothing_twice(after_s: float, is_orderly: bool) -> None:
    async def test() -> None:
        bench = Bench(TWO)
        await bench.start()
        await bench.set_power(BATTERY, 25.0)
        await bench.runner.start_shutdown()
        await bench.wait(after_s)
        await bench.restart(is_orderly=is_orderly)
        await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
        # A crash after the intent and before the request leaves the host up: it is overdue then.
        assert len(bench.host("node").commands) <= 1
        assert len(bench.host("nas").commands) == 1
        await bench.set_power(MAINS, 0.0)
        await bench.wait_for(lambda: not bench.runner.is_open)
        assert all(host.is_up for host in bench.lan.hosts.values())

    scenario(test)()


@scenario
async def test_a_plan_from_before_a_reboot_is_restored_without_any_data() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    bench.view = None
    await bench.restart(is_reboot=True)
    await bench.wait(290.0)
    assert not bench.host("nas").wakes
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert all(host.is_up for host in bench.lan.hosts.values())


@scenario
async def test_not_armed_it_only_tells_what_it_would_do() -> None:
    bench = Bench(TWO)
    bench.runner.set_armed(False)
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.set_power(LOW, 40.0)
    assert bench.told(PlanEventType.WOULD_START) == [Reason.TIME_ON_BATTERY]
    assert bench.state == PlanState.WAITING
    with pytest.raises(NotArmedError):
        await bench.runner.start_shutdown()
    with pytest.raises(NotArmedError):
        await bench.runner.wake_target("nas")
    assert bench.host("node").commands == []
    await bench.set_power(MAINS, 5.0)
    await bench.set_power(BATTERY, 40.0)
    assert len(bench.told(PlanEventType.WOULD_START)) == 2


@scenario
async def test_maintenance_ends_by_itself() -> None:
    bench = Bench(TWO)
    bench.runner.set_maintenance(EPOCH + timedelta(seconds=1000.0 + 120.0))
    await bench.start()
    await bench.set_power(BATTERY, 100.0)
    assert bench.host("node").commands == []
    await bench.wait(30.0)
    assert len(bench.host("node").commands) == 1


@scenario
async def test_a_dry_run_sends_nothing() -> None:
    bench = Bench(TWO)
    bench.runner.set_armed(False)
    await bench.start()
    plan_id = await bench.runner.start_shutdown(dry_run=True)
    await bench.wait(5.0)
    report = bench.runner.last_report
    assert report is not None
    assert (report.plan_id, report.result) == (plan_id, PlanResult.REHEARSED)
    assert "would be switched off" in [line.detail for line in report.lines]
    assert all(host.commands == [] for host in bench.lan.hosts.values())
    assert bench.told(PlanEventType.FINISHED) == [PlanResult.REHEARSED]


@scenario
async def test_low_battery_in_the_middle_stops_all_that_is_left_at_once() -> None:
    plan = plan_of(spec_of("a", 10), spec_of("b", 20), spec_of("nas", 30, uses=frozenset()))
    bench = Bench(plan)
    bench.host("a").stop_s = 50.0
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    assert bench.host("b").commands == []
    await bench.set_power(LOW, 2.0)
    assert len(bench.host("b").commands) == len(bench.host("nas").commands) == 1
    assert len(bench.host("a").commands) == 1


@scenario
async def test_a_request_on_mains_leaves_the_hosts_off() -> None:
    bench = Bench(TWO)
    await bench.start()
    plan_id = await bench.runner.start_shutdown(targets=["node"])
    assert await bench.runner.start_shutdown(targets=["node"]) == plan_id
    with pytest.raises(BusyError):
        await bench.runner.start_shutdown(targets=["nas"])
    await bench.wait_for(lambda: not bench.runner.is_open)
    await bench.wait(600.0)
    assert not bench.host("node").is_up
    assert bench.host("nas").is_up
    await bench.runner.wake_target("node")
    await bench.wait(30.0)
    assert bench.host("node").is_up


@scenario
async def test_an_automation_that_runs_in_circles_is_stopped() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.runner.start_shutdown(targets=["node"])
    await bench.wait_for(lambda: not bench.runner.is_open)
    with pytest.raises(BusyError):
        await bench.runner.start_shutdown(targets=["node"])
    await bench.wait(600.0)
    await bench.runner.start_shutdown(targets=["node"])


@scenario
async def test_a_sag_during_a_request_starts_nobody_again() -> None:
    bench = Bench(plan_of(spec_of("a"), spec_of("b")))
    bench.host("a").stop_s = 40.0
    await bench.start()
    await bench.runner.start_shutdown(targets=("a",))
    await bench.wait(5.0)
    await bench.set_power(BATTERY, 2.0)
    await bench.set_power(MAINS, 300.0)
    assert (bench.state, bench.host("a").is_up, bench.host("a").wakes) == ("idle", False, [])


@scenario
async def test_power_failing_during_a_request_makes_it_an_outage_for_all() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.runner.start_shutdown(targets=["node"])
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    assert not any(host.is_up for host in bench.lan.hosts.values())
    await bench.set_power(MAINS, 0.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert all(host.is_up for host in bench.lan.hosts.values())


@scenario
async def test_a_cancelled_plan_stays_cancelled_until_the_battery_is_low() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)), {"node": DrainTarget})
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    await bench.runner.cancel()
    await bench.wait(300.0)
    assert bench.targets["node"].restored == [("guests",)]
    assert bench.host("nas").commands == []
    assert not bench.runner.is_open
    await bench.set_power(LOW, 60.0)
    assert len(bench.host("nas").commands) == 1


@scenario
async def test_disarming_gives_an_open_plan_up() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)), {"node": DrainTarget})
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    bench.runner.set_armed(False)
    await bench.set_power(LOW, 120.0)
    assert [key for _, key in bench.host("node").commands] == ["guests"]
    assert bench.targets["node"].restored == [("guests",)]


@scenario
async def test_arming_is_refused_until_it_is_known_where_home_assistant_runs() -> None:
    bench = Bench(TWO)
    bench.runner.set_plan(replace(TWO, home_assistant_host=None), bench.targets)
    with pytest.raises(ArmingRefusedError):
        bench.runner.set_armed(True)
    assert not bench.runner.is_armed


@scenario
async def test_what_a_check_saw_refuses_to_arm_but_disarms_nobody_at_a_restart() -> None:
    plan = plan_of(spec_of("own"), spec_of("nas", 20), home_assistant_host="own")
    bench = Bench(plan)
    own, nas = plan.targets
    seen = own_disk_finding(own, nas.verify.address, detail="images")
    result = Result(at=EPOCH, device=device(own), findings=(seen,))
    checks = TargetChecks(bench.clock, Random(1), {"own": result})  # noqa: S311 - spreads load
    runner = Runner(plan, bench.targets, bench.runner._ports, checks=checks, is_armed=True)
    assert runner.is_armed
    with pytest.raises(ArmingRefusedError):
        runner.set_armed(True)
    assert runner.is_armed


@scenario
async def test_a_change_of_the_plan_waits_until_no_plan_is_open() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    smaller = replace(TWO, targets=TWO.targets[:1])
    bench.runner.set_plan(smaller, {"node": bench.targets["node"]})
    await bench.wait(5.0)
    assert bench.runner.plan is TWO
    await bench.set_power(MAINS, 0.0)
    await bench.wait_for(lambda: bench.runner.plan is smaller)
    assert bench.state == PlanState.IDLE


@scenario
async def test_a_change_on_battery_counts_at_once_if_no_plan_has_begun() -> None:
    bench = Bench(replace(TWO, targets=TWO.targets[:1]))
    host = bench.lan.hosts["nas"] = Host("nas")
    bench.targets["nas"] = HostTarget(TWO.targets[1], host)
    await bench.start()
    await bench.set_power(BATTERY, 20.0)
    bench.runner.set_plan(TWO, bench.targets)
    assert bench.runner.plan is TWO
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    assert len(host.commands) == 1


@scenario
async def test_a_change_after_a_cancel_begins_nothing() -> None:
    plan = plan_of(spec_of("node"), spec_of("nas", 20))
    bench = Bench(plan, {"node": DrainTarget})
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    await bench.runner.cancel()
    await bench.wait_for(lambda: not bench.runner.is_open)
    changed = replace(plan, gateway="")
    bench.runner.set_plan(changed, bench.targets)
    assert bench.runner.plan is changed
    await bench.wait(120.0)
    assert not bench.runner.is_open
    assert [key for _, key in bench.host("node").commands] == ["guests"]


@scenario
async def test_unknown_targets_are_refused() -> None:
    bench = Bench(TWO)
    await bench.start()
    with pytest.raises(UnknownTargetError):
        await bench.runner.stop_target("nobody")


@scenario
async def test_a_listener_that_raises_disturbs_nobody() -> None:
    bench = Bench(TWO)

    def listener(_event: object) -> None:
        raise ZeroDivisionError("a defect")

    undo = bench.runner.subscribe(listener)
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    assert len(bench.host("node").commands) == 1
    undo()
    undo()


@scenario
async def test_silence_on_battery_is_told_once_but_not_if_the_plan_caused_it() -> None:
    plan = plan_of(spec_of("node"), spec_of("nas", 20, is_data_source=True))
    bench = Bench(plan)
    await bench.start()
    await bench.set_power(BATTERY, 20.0)
    await bench.set_power(None, 20.0)
    assert len(bench.told(PlanEventType.DATA_LOST)) == 1
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    await bench.set_power(None, 30.0)
    assert len(bench.told(PlanEventType.DATA_LOST)) == 1


@scenario
async def test_our_own_host_goes_last_and_with_its_power_arranged() -> None:
    plan = plan_of(
        spec_of("node"), spec_of("own", 5), home_assistant_host="own", output=OutputOptions()
    )
    output = Output()
    bench = Bench(plan, output=output)
    bench.host("own").stop_s = 1e6
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    await bench.wait_for(lambda: bool(bench.host("own").commands))
    assert not bench.host("node").is_up
    # Home Assistant's own stop, its host's, and the margin.
    assert output.armed == [210.0 + 60.0 + 30.0]
    await bench.wait(50.0)
    assert len(output.armed) > 1, "as long as we live the cut is put off"


@scenario
async def test_without_an_output_our_own_host_waits_for_low_battery() -> None:
    plan = plan_of(spec_of("node"), spec_of("own", 5), home_assistant_host="own")
    bench = Bench(plan)
    await bench.start()
    await bench.set_power(BATTERY, 300.0)
    assert not bench.host("node").is_up
    assert bench.host("own").commands == []
    await bench.set_power(LOW, 3.0)
    assert len(bench.host("own").commands) == 1


@scenario
async def test_the_output_is_switched_off_once_all_is_down_and_saved_when_mains_is_back() -> None:
    output = Output()
    bench = Bench(replace(TWO, output=OutputOptions(delay_s=600.0)), output=output)
    await bench.start()
    await bench.set_power(BATTERY, 35.0)
    await bench.wait_for(lambda: bool(output.armed))
    assert not any(host.is_up for host in bench.lan.hosts.values())
    await bench.set_power(MAINS, 40.0)
    assert output.cancelled == 1
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert all(host.is_up for host in bench.lan.hosts.values())


@scenario
async def test_a_target_with_a_second_feed_is_left_alone_until_that_fails() -> None:
    bench = Bench(plan_of(spec_of("node", second_feed="other"), spec_of("nas", 20)))
    bench.feeds.views["other"] = MAINS
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: not bench.host("nas").is_up)
    assert bench.host("node").commands == []
    assert bench.runner.target_states["node"] is TargetState.SKIPPED
    bench.feeds.views["other"] = BATTERY
    await bench.wait(3.0)
    assert len(bench.host("node").commands) == 1


@scenario
async def test_the_figures_are_those_of_the_budget() -> None:
    bench = Bench(TWO, {"nas": StorageTarget})
    await bench.start()
    assert bench.runner.needs_s == 2 * (60.0 + 4.0)
    assert bench.runner.margin_s == 3600.0 * 0.7 - 128.0
    assert [row.target_id for row in bench.runner.preview().rows] == ["node", "nas"]
    assert await bench.runner.check_targets() == []
