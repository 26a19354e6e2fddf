"""The whole plan with a cluster and the NAS that it uses, both behind their fakes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.models import PlanState, Power, PowerView, TargetState
from custom_components.omron_ups.shutdown.ports import Ports
from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import (
    NOT_IN_PLAN,
    Plan,
    Restore,
    TargetSpec,
    Triggers,
)
from custom_components.omron_ups.shutdown.target import Target
from custom_components.omron_ups.shutdown.targets.kubernetes import KubernetesTarget
from custom_components.omron_ups.shutdown.targets.qnap import QnapTarget

from .bench import Disk, Durations, LoopClock, NoFeeds
from .fakes import qnap
from .fakes.kubernetes import FakeKubernetes
from .fakes.kubernetes_world import FakeBudget
from .fakes.qnap import FakeQnap
from .fakes.server import LOOPBACK
from .targets.kubernetes_rig import options
from .test_plan_with_fakes import BATTERY, MAINS, Host, Lan, on_patient_time, spec

LOW = PowerView(power=Power.BATTERY, charge=30.0, charge_low=30.0, runtime_s=900.0, low=True)
pytestmark = pytest.mark.timeout(120)


@dataclass
class Rack:
    """A cluster of three nodes with a database on a NAS."""

    cluster: FakeKubernetes
    nas: FakeQnap
    session: aiohttp.ClientSession
    disk: Disk
    runner: Runner
    view: PowerView = MAINS
    was_used_at_stop: bool | None = None
    """Whether a pod ran or a volume was attached when the NAS was told to stop."""

    def look(self) -> None:
        """Note what was so at the moment of the NAS's shutdown."""
        if self.nas.shutdowns and self.was_used_at_stop is None:
            self.was_used_at_stop = self.is_used()

    def is_used(self) -> bool:
        """Return whether anything in the cluster has to do with the NAS."""
        world = self.cluster.world
        pods = any(pod.is_running and pod.claims for pod in world.pods.values())
        return pods or bool(world.attachments) or any(n.in_use for n in world.nodes.values())

    async def wait_until(self, condition: Any, limit_s: float = 7200.0) -> None:
        """Let time pass, with a reading every second, until something is so."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while not condition():
            assert loop.time() < until, self.runner.target_states
            self.runner.handle_power(self.view)
            await asyncio.sleep(1.0)
            self.look()

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        until = asyncio.get_running_loop().time() + seconds
        await self.wait_until(lambda: asyncio.get_running_loop().time() >= until)

    def state(self, name: str = "cluster") -> TargetState:
        """Return how far the plan has come with a target."""
        return self.runner.target_states[name]

    def uses(self) -> bool:
        """Return whether the database is up and has its volume."""
        pod = self.cluster.world.pods.get(("default", "db-0"))
        return pod is not None and pod.is_running and pod.deleted_grace_s is None

    async def restart_runner(self) -> None:
        """Let Home Assistant restart: what was in memory is lost, the journal is not."""
        await self.runner.stop()
        self.runner = _runner(self.cluster, self.nas, self.session, self.disk)
        self.runner.set_armed(True)
        await self.runner.start()


def _targets(
    cluster: FakeKubernetes, nas: FakeQnap, session: aiohttp.ClientSession
) -> dict[str, Target]:
    kubernetes = TargetSpec(
        target_id="cluster",
        name="cluster",
        kind="kubernetes",
        stage=20,
        time_limit_s=300.0,
        uses=frozenset({"nas"}),
        options=options(cluster),
    )
    account = {
        "host": LOOPBACK,
        "port": nas.port,
        "username": qnap.USERNAME,
        "password": qnap.PASSWORD,
        "tls_trust": "fingerprint",
        "tls_fingerprint": nas.certificate.fingerprint,
    }
    return {
        "cluster": KubernetesTarget(kubernetes, session),
        "nas": QnapTarget(spec("nas", "qnap", 50, account), session),
    }


def _runner(
    cluster: FakeKubernetes, nas: FakeQnap, session: aiohttp.ClientSession, disk: Disk
) -> Runner:
    targets = _targets(cluster, nas, session)
    plan = Plan(
        targets=tuple(target.spec for target in targets.values()),
        triggers=Triggers(time_on_battery_s=60.0, margin_below_s=None),
        restore=Restore(mains_stable_s=30.0),
        home_assistant_host=NOT_IN_PLAN,
    )
    host = Host(lambda: nas.is_serving, lambda: nas.is_on, nas.power_on)
    ports = Ports(
        clock=LoopClock(),
        network=Lan(hosts={"nas": host}),
        journal=disk,
        durations=Durations(),
        feeds=NoFeeds(),
        output=None,
    )
    return Runner(plan, targets, ports)


@asynccontextmanager
async def rack() -> AsyncIterator[Rack]:
    async with AsyncExitStack() as stack:
        nodes = ("cp1", "worker1", "worker2")
        cluster = await stack.enter_async_context(FakeKubernetes(*nodes, second=1.0))
        cluster.world.add_volume("data")
        labels = {"app": "db"}
        cluster.world.add_pod("db-0", claims=("data",), owner="StatefulSet", labels=labels)
        cluster.world.add_pod("web")
        cluster.world.detach_s = 12.0
        nas = await stack.enter_async_context(FakeQnap("nas", second=1.0))
        jar = aiohttp.DummyCookieJar()
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        disk = Disk()
        found = Rack(cluster, nas, session, disk, _runner(cluster, nas, session, disk))
        await found.runner.start()
        yield found
        await found.runner.stop()
        assert cluster.invalid == []
        assert cluster.world.torn == []


@on_patient_time
async def test_the_nas_waits_for_the_last_volume_and_comes_back_first() -> None:
    async with rack() as lab:
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = BATTERY
        await lab.wait_until(lambda: lab.state("nas") is TargetState.DOWN)
        assert lab.was_used_at_stop is False
        assert lab.state() is TargetState.DOWN
        lab.nas.is_booting = False
        lab.view = MAINS
        await lab.wait_until(lambda: lab.nas.is_on)
        assert all(node.is_unschedulable for node in lab.cluster.world.nodes.values())
        lab.nas.is_booting = False
        await lab.wait_until(lambda: lab.runner.state is PlanState.IDLE)
        assert lab.state() is TargetState.BACK
        assert lab.uses()
        assert not any(node.annotations for node in lab.cluster.world.nodes.values())


@on_patient_time
async def test_a_budget_that_never_gives_in_does_not_hold_the_plan() -> None:
    async with rack() as lab:
        lab.cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = BATTERY
        await lab.wait_until(lambda: lab.state("nas") is TargetState.DOWN)
        assert lab.was_used_at_stop is False
        asked = lab.cluster.changes
        assert 6 <= sum("eviction" in line for line in asked) <= 8, "every 5 s for 30 s, not 225 s"
        assert sum(line.startswith("DELETE") for line in asked) == 1


@on_patient_time
async def test_power_that_returns_while_pods_are_stopping() -> None:
    async with rack() as lab:
        lab.cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = BATTERY
        await lab.wait_until(lambda: any("eviction" in line for line in lab.cluster.changes))
        lab.view = MAINS
        await lab.wait_until(lambda: lab.runner.state is PlanState.IDLE)
        done = len(lab.cluster.changes)
        await lab.wait(120)
        assert len(lab.cluster.changes) == done, "no round follows"
        assert not any(node.is_unschedulable for node in lab.cluster.world.nodes.values())
        assert lab.nas.shutdowns == 0
        assert lab.uses()


@on_patient_time
async def test_low_battery_from_the_start() -> None:
    async with rack() as lab:
        lab.cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
        lab.cluster.world.detach_s = 2.0
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = LOW
        await lab.wait_until(lambda: lab.nas.shutdowns > 0, 120)
        assert lab.was_used_at_stop is False
        assert not any("eviction" in line for line in lab.cluster.changes)


@on_patient_time
async def test_a_restart_of_ours_in_the_middle() -> None:
    async with rack() as lab:
        lab.cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = BATTERY
        await lab.wait_until(lambda: any("eviction" in line for line in lab.cluster.changes))
        await lab.restart_runner()
        before = len(lab.cluster.changes)
        await lab.wait(20)
        assert any("eviction" in line for line in lab.cluster.changes[before:]), "rounds go on"
        await lab.wait_until(lambda: lab.state("nas") is TargetState.DOWN)
        assert lab.was_used_at_stop is False
        lab.view = MAINS
        await lab.wait_until(lambda: lab.nas.is_on)
        lab.nas.is_booting = False
        await lab.wait_until(lambda: lab.runner.state is PlanState.IDLE)
        assert lab.uses()


@on_patient_time
async def test_an_api_that_is_gone_before_its_pods_is_not_taken_for_down() -> None:
    async with rack() as lab:
        lab.cluster.world.detach_s = 1e6
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = BATTERY
        await lab.wait_until(lambda: any("eviction" in line for line in lab.cluster.changes))
        await lab.cluster.stop()
        await lab.wait_until(lambda: lab.state() is TargetState.OVERDUE)
        await lab.wait(300)
        assert lab.nas.shutdowns == 0, "somebody may still write"
        lab.view = LOW
        await lab.wait_until(lambda: lab.nas.shutdowns > 0, 300)
        assert lab.was_used_at_stop is True, "a clean NAS beats waiting for ever"


@on_patient_time
async def test_disarmed_nothing_is_changed() -> None:
    async with rack() as lab:
        await lab.runner.check_targets()
        report = await lab.runner.rehearse()
        assert report is not None
        assert any("would evict default/db-0" in line.detail for line in report.lines)
        await lab.runner.start_shutdown(dry_run=True)
        await lab.wait(60)
        lab.view = BATTERY
        await lab.wait(400)
        lab.view = LOW
        await lab.wait(100)
        lab.view = MAINS
        await lab.wait(200)
        assert lab.cluster.changes == []
        assert any(asked.params.get("dryRun") == "All" for asked in lab.cluster.asked)
        assert lab.nas.shutdowns == 0
        assert not any(node.is_unschedulable for node in lab.cluster.world.nodes.values())
