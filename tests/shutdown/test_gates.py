"""A storage host waits for those who use it, as long as there is time."""

from collections.abc import Mapping
from dataclasses import replace
from typing import override

from custom_components.omron_ups.shutdown.evidence import LIFELESS_S, UNHURRIED_S
from custom_components.omron_ups.shutdown.gates import ON_MAINS_S, SHORT_S, STALE_S
from custom_components.omron_ups.shutdown.models import (
    HostState,
    Observation,
    Outcome,
    Power,
    PowerView,
    Reply,
    TargetState,
)
from custom_components.omron_ups.shutdown.specs import Plan, TargetSpec, Verify

from .bench import BATTERY, LOW, Bench, Host, HostTarget, StorageTarget, plan_of, scenario, spec_of

PLAN = plan_of(spec_of("node", 10, uses=frozenset({"nas"})), spec_of("nas", 20))


async def ignore(_host: Host) -> Reply:
    return Reply(outcome=Outcome.ACCEPTED)


def with_hanging_user(kind: type[StorageTarget] | None = None, plan: Plan = PLAN) -> Bench:
    bench = Bench(plan, {"nas": kind} if kind else None)
    bench.targets["node"].answer = ignore
    return bench


def is_asked(bench: Bench, target_id: str = "nas") -> bool:
    return bool(bench.host(target_id).commands)


@scenario
async def test_a_user_that_hangs_is_waited_for_until_the_last_safe_moment() -> None:
    bench = with_hanging_user()
    await bench.start()
    await bench.set_power(BATTERY, 120.0)
    assert bench.runner.target_states["nas"] is TargetState.GATED
    await bench.wait(600.0)
    assert not is_asked(bench)
    # 64 s for the NAS itself and 15 s in reserve, until low battery.
    for runtime_s, asked in ((125.0, False), (105.0, True)):
        await bench.set_power(replace(BATTERY, runtime_s=runtime_s), 5.0)
        assert is_asked(bench) is asked


@scenario
async def test_no_session_left_opens_the_gate_before_its_users_are_proven_down() -> None:
    bench = with_hanging_user(StorageTarget)
    await bench.start()
    nas = bench.targets["nas"]
    nas.left = 2
    await bench.set_power(BATTERY, 150.0)
    assert not is_asked(bench)
    nas.left = 0
    await bench.wait(10.0)
    assert is_asked(bench)


@scenario
async def test_sessions_of_dead_hosts_are_waited_for_a_minute() -> None:
    bench = Bench(PLAN, {"nas": StorageTarget})
    bench.targets["nas"].left = 1
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bench.runner.target_states["node"] is TargetState.DOWN)
    await bench.wait(STALE_S - 10.0)
    assert not is_asked(bench)
    await bench.wait(20.0)
    assert is_asked(bench)


@scenario
async def test_low_battery_opens_every_gate_within_20_s() -> None:
    bench = with_hanging_user()
    await bench.start()
    await bench.set_power(BATTERY, 120.0)
    await bench.set_power(LOW, SHORT_S - 5.0)
    assert not is_asked(bench)
    await bench.wait(10.0)
    assert is_asked(bench)


@scenario
async def test_who_knows_nothing_of_the_battery_does_not_hurry_the_storage() -> None:
    """The UPS has said nothing, and only a plug outside of it tells of the outage."""
    triggers = replace(PLAN.triggers, time_on_battery_s=None)
    bench = with_hanging_user(plan=replace(PLAN, triggers=triggers))
    bench.view = PowerView(power=Power.UNKNOWN, mains_entity=False)
    await bench.start()
    await bench.wait(130.0)
    assert bench.runner.target_states["nas"] is TargetState.GATED
    assert not is_asked(bench)
    await bench.wait(120.0)
    assert is_asked(bench)


@scenario
async def test_low_battery_on_which_nobody_acts_leaves_users_the_time_that_there_is() -> None:
    bench = with_hanging_user(plan=replace(PLAN, acts_at_low_battery=False))
    await bench.start()
    await bench.set_power(replace(LOW, runtime_s=900.0), 200.0)
    assert not is_asked(bench)
    await bench.set_power(replace(LOW, runtime_s=60.0), 5.0)
    assert is_asked(bench)


@scenario
async def test_without_any_estimate_the_gate_opens_after_two_minutes() -> None:
    bench = with_hanging_user()
    await bench.start()
    await bench.set_power(replace(BATTERY, runtime_s=None), 190.0)
    assert not is_asked(bench)
    await bench.wait(60.0)
    assert is_asked(bench)


@scenario
async def test_on_mains_a_storage_host_in_use_is_not_stopped_at_all() -> None:
    bench = with_hanging_user()
    await bench.start()
    await bench.runner.start_shutdown()
    await bench.wait(ON_MAINS_S + 200.0)
    assert not is_asked(bench)
    assert bench.runner.target_states["nas"] is TargetState.REFUSED


@scenario
async def test_a_user_that_is_not_to_be_stopped_counts_too() -> None:
    bench = Bench(PLAN)
    await bench.start()
    await bench.runner.stop_target("nas")
    await bench.wait(ON_MAINS_S / 2)
    assert not is_asked(bench)
    bench.host("node").is_up = False
    await bench.wait(40.0)
    assert is_asked(bench)


@scenario
async def test_a_user_with_power_elsewhere_keeps_its_storage() -> None:
    node = spec_of("node", 10, uses=frozenset({"nas"}), second_feed="other")
    bench = Bench(plan_of(node, spec_of("nas", 20)))
    bench.feeds.views["other"] = replace(LOW, power=bench.view.power if bench.view else LOW.power)
    await bench.start()
    await bench.set_power(BATTERY, 300.0)
    assert not is_asked(bench, "node")
    assert not is_asked(bench)


def with_cluster(
    *nodes: TargetSpec,
    verify: Verify | None = None,
    runs_on: str = "",
    kinds: Mapping[str, type[HostTarget]] | None = None,
) -> Bench:
    """Return a cluster that never says that it let go of the NAS, and the nodes that it runs on."""
    hosts = frozenset(runs_on.split()) or frozenset(node.target_id for node in nodes)
    cluster = spec_of("cluster", 5, uses=frozenset({"nas"}), runs_on=hosts)
    cluster = replace(cluster, verify=verify or Verify())
    return Bench(plan_of(cluster, *nodes, spec_of("nas", 30)), kinds)


@scenario
async def test_who_has_nothing_left_to_run_on_holds_no_volume() -> None:
    bench = with_cluster(spec_of("pve1"), spec_of("pve2"))
    bench.targets["pve2"].answer = ignore
    await bench.start()
    await bench.set_power(BATTERY, 400.0)
    assert bench.runner.target_states["pve1"] is TargetState.DOWN
    assert bench.runner.target_states["cluster"] is not TargetState.DOWN
    assert not is_asked(bench), "one of its nodes still runs"
    bench.host("pve2").is_up = False
    await bench.wait(60.0)
    assert is_asked(bench)


class Cluster(HostTarget):
    """Shows what it is at, for as long as anybody is there to tell."""

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @override
    async def observe(self) -> Observation:
        return Observation(state=HostState.UP if self.host.is_up else HostState.UNKNOWN)


@scenario
async def test_a_cluster_that_ends_with_its_nodes_holds_no_volume() -> None:
    """Its API ends before it could say that the last volume was detached."""
    bench = with_cluster(spec_of("pve1"), kinds={"cluster": Cluster})
    bench.targets["cluster"].answer = ignore
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    assert bench.host("cluster").commands
    assert not is_asked(bench)
    await bench.wait_for(lambda: bench.runner.target_states["pve1"] is TargetState.DOWN)
    assert not is_asked(bench), "its API still answers: it runs elsewhere, too"
    bench.host("cluster").is_up = False
    await bench.wait(LIFELESS_S + UNHURRIED_S + 5.0)
    assert bench.runner.target_states["cluster"] is TargetState.OVERDUE
    assert is_asked(bench)


@scenario
async def test_who_still_answers_runs_somewhere_else() -> None:
    bench = with_cluster(spec_of("pve1"), verify=Verify(address="cluster", ports=(22,)))
    bench.targets["cluster"].answer = ignore
    await bench.start()
    await bench.set_power(BATTERY, 400.0)
    assert bench.runner.target_states["pve1"] is TargetState.DOWN
    assert not is_asked(bench)


@scenario
async def test_a_host_that_was_deleted_is_no_evidence() -> None:
    bench = with_cluster(spec_of("pve1"), runs_on="pve1 deleted")
    await bench.start()
    await bench.set_power(BATTERY, 400.0)
    assert bench.runner.target_states["pve1"] is TargetState.DOWN
    assert not is_asked(bench)


@scenario
async def test_the_hosts_of_users_are_looked_at_even_if_only_the_storage_is_stopped() -> None:
    bench = with_cluster(spec_of("pve1"))
    bench.host("pve1").is_up = False
    await bench.start()
    await bench.runner.stop_target("nas")
    await bench.wait(60.0)
    assert is_asked(bench)
