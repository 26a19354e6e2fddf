"""How hosts come back: when, in which order, woken how often, and who does not."""

import asyncio
from dataclasses import replace
from typing import override

from custom_components.omron_ups.shutdown.models import (
    Outcome,
    PlanResult,
    PlanState,
    Reply,
    TargetState,
)
from custom_components.omron_ups.shutdown.specs import OutputOptions, Plan, Restore

from .bench import BATTERY, MAINS, Bench, Host, HostTarget, Output, plan_of, scenario, spec_of

THREE = plan_of(spec_of("guest", 5), spec_of("node", 10), spec_of("nas", 30), spec_of("source", 20))


async def all_down(plan: Plan, *, output: Output | None = None) -> Bench:
    bench = Bench(plan, output=output)
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    return bench


async def ended(bench: Bench) -> PlanResult:
    await bench.wait_for(lambda: not bench.runner.is_open, 4 * 3600.0)
    report = bench.runner.last_report
    assert report is not None
    return report.result


def first_wakes(bench: Bench) -> list[str]:
    woken = [host for host in bench.lan.hosts.values() if host.wakes]
    return [host.address for host in sorted(woken, key=lambda host: host.wakes[0])]


@scenario
async def test_the_data_source_is_first_and_then_the_last_stage() -> None:
    sources = tuple(
        replace(spec, is_data_source=spec.target_id == "source") for spec in THREE.targets
    )
    bench = await all_down(replace(THREE, targets=sources))
    await bench.set_power(MAINS, 0.0)
    assert await ended(bench) is PlanResult.ALL_BACK
    assert first_wakes(bench) == ["source", "nas", "node", "guest"]
    assert bench.targets["nas"].restored == [("poweroff",)]
    assert all(target.released == 1 for target in bench.targets.values())


@scenario
async def test_the_charge_must_survive_another_cut() -> None:
    bench = await all_down(plan_of(spec_of("node")))
    # One and a half times 64 s, of the time to low battery at 40 %.
    weak = replace(MAINS, charge=40.0, runtime_s=96.0 * 4.0 - 8.0)
    await bench.set_power(weak, 900.0)
    assert not bench.host("node").wakes
    await bench.set_power(replace(weak, runtime_s=96.0 * 4.0 + 8.0), 5.0)
    assert bench.host("node").wakes


@scenario
async def test_a_charge_that_the_user_asks_for_is_waited_for() -> None:
    plan = plan_of(spec_of("node"), restore=Restore(mains_stable_s=30.0, min_charge=60.0))
    bench = await all_down(plan)
    await bench.set_power(replace(MAINS, charge=59.0), 900.0)
    assert not bench.host("node").wakes
    await bench.set_power(replace(MAINS, charge=60.0), 5.0)
    assert bench.host("node").wakes


@scenario
async def test_an_unknown_charge_needs_ten_minutes_of_mains() -> None:
    bench = await all_down(plan_of(spec_of("node")))
    await bench.set_power(replace(MAINS, charge=None, runtime_s=None), 590.0)
    assert not bench.host("node").wakes
    await bench.wait(20.0)
    assert bench.host("node").wakes


@scenario
async def test_a_battery_that_never_charges_keeps_nobody_off_for_ever() -> None:
    bench = await all_down(plan_of(spec_of("node")))
    await bench.set_power(replace(MAINS, charge=35.0, runtime_s=60.0), 7 * 3600.0)
    assert not bench.host("node").wakes
    await bench.wait(2 * 3600.0)
    assert bench.host("node").wakes


@scenario
async def test_a_host_is_woken_every_10_s_until_it_is_up() -> None:
    bench = await all_down(plan_of(spec_of("node")))
    bench.host("node").boot_s = 45.0
    await bench.set_power(MAINS, 0.0)
    assert await ended(bench) is PlanResult.ALL_BACK
    wakes = bench.host("node").wakes
    assert 4 <= len(wakes) <= 6
    assert wakes[1] - wakes[0] >= 10.0


@scenario
async def test_who_does_not_come_back_is_named_and_holds_up_nobody() -> None:
    bench = await all_down(plan_of(spec_of("node"), spec_of("nas", 20)))
    bench.host("nas").boot_s = 1e9
    await bench.set_power(MAINS, 0.0)
    assert await ended(bench) is PlanResult.INCOMPLETE
    states = bench.runner.target_states
    assert states == {"node": TargetState.BACK, "nas": TargetState.NOT_BACK}
    report = bench.runner.last_report
    assert report is not None
    assert "NAS did not come back" in report.detail


@scenario
async def test_who_starts_by_itself_is_not_woken() -> None:
    bench = await all_down(plan_of(spec_of("node")))
    bench.host("node").is_up = True
    await bench.set_power(MAINS, 0.0)
    assert await ended(bench) is PlanResult.ALL_BACK
    assert not bench.host("node").wakes


@scenario
async def test_restoring_can_be_left_to_the_user() -> None:
    plan = plan_of(spec_of("node"), restore=Restore(is_enabled=False, mains_stable_s=30.0))
    bench = await all_down(plan)
    await bench.set_power(MAINS, 0.0)
    assert await ended(bench) is PlanResult.ALL_DOWN
    assert not bench.host("node").wakes
    assert bench.targets["node"].released == 1


class Cluster(HostTarget):
    """Drains what others run on: nothing of its own is switched off."""

    steps = (replace(HostTarget.steps[0], key="drain", irreversible=False),)

    @override
    async def restore(self, steps: object) -> Reply:
        self.restored.append(("drain",))
        is_reachable = self.host.is_up
        return Reply(outcome=Outcome.ACCEPTED if is_reachable else Outcome.UNKNOWN)


@scenario
async def test_what_was_done_to_others_is_taken_back_once_their_hosts_are() -> None:
    plan = plan_of(spec_of("cluster", 5, wake=None), spec_of("node", 10))
    bench = Bench(plan, {"cluster": Cluster})
    # Its API runs on the node.
    bench.lan.hosts["cluster"] = bench.targets["cluster"].host = bench.host("node")

    async def drained(_host: Host) -> Reply:
        return Reply(outcome=Outcome.ACCEPTED)

    bench.targets["cluster"].answer = drained
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    await bench.set_power(MAINS, 0.0)
    await ended(bench)
    assert bench.runner.target_states["cluster"] is TargetState.BACK
    assert len(bench.targets["cluster"].restored) == 1


@scenario
async def test_a_host_without_a_way_to_wake_gets_its_ac_edge() -> None:
    output = Output()
    plan = plan_of(
        spec_of("node", wake=None), spec_of("nas", 20), output=OutputOptions(delay_s=120.0)
    )
    bench = await all_down(plan, output=output)
    loop = asyncio.get_running_loop()
    armed_at = loop.time()
    await bench.set_power(MAINS, 125.0)
    assert not bench.host("nas").wakes, "not before the output went off and on"
    bench.host("node").is_up = True
    assert output.cancelled == 0
    assert await ended(bench) is PlanResult.ALL_BACK
    assert bench.host("nas").wakes[0] - armed_at >= 120.0


class PeerTarget(HostTarget):
    """A node that the other one of its cluster can wake."""

    woken = 0

    @override
    async def wake(self) -> Reply:
        self.woken += 1
        return Reply(outcome=Outcome.ACCEPTED)

    @property
    @override
    def can_wake(self) -> bool:
        return True

    @property
    @override
    def wakers(self) -> frozenset[str]:
        return frozenset({"pve1", "pve2"} - {self.spec.target_id})


@scenario
async def test_nodes_that_only_each_other_could_wake_get_their_ac_edge() -> None:
    output = Output()
    nodes = (spec_of("pve1", wake=None), spec_of("pve2", wake=None))
    bench = Bench(
        plan_of(*nodes, output=OutputOptions(delay_s=120.0)),
        {node.target_id: PeerTarget for node in nodes},
        output=output,
    )
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    await bench.set_power(MAINS, 125.0)
    assert output.cancelled == 0, "both are off: nobody is left who could wake the other"
    bench.host("pve1").is_up = True
    await bench.wait(60.0)
    pve2 = bench.targets["pve2"]
    assert isinstance(pve2, PeerTarget)
    assert pve2.woken > 0, "somebody may be up again that nobody counted on"
    bench.host("pve2").is_up = True
    assert await ended(bench) is PlanResult.ALL_BACK


@scenario
async def test_a_countdown_that_would_cut_a_running_host_is_cancelled() -> None:
    output = Output()
    plan = plan_of(
        spec_of("node", wake=None), spec_of("nas", 20), output=OutputOptions(delay_s=120.0)
    )
    bench = await all_down(plan, output=output)
    bench.host("nas").is_up = True
    await bench.set_power(MAINS, 60.0)
    assert output.cancelled == 1
