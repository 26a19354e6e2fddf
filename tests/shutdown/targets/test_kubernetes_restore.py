"""What was done to a cluster is taken back; a rehearsal does nothing; no secret shows."""

import asyncio
import logging

import pytest

from custom_components.omron_ups.shutdown.models import Outcome
from custom_components.omron_ups.shutdown.targets.kubernetes import CORDON, EVICT
from custom_components.omron_ups.shutdown.targets.kubernetes_rows import ANNOTATION
from tests.shutdown.fakes.kubernetes import RIGHTS, TOKEN, ApiError, FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeBudget

from .kubernetes_rig import CONTEXT, cluster, is_down, quick, target_of, until

__all__ = ["cluster", "quick"]
EVICTION = "POST /api/v1/namespaces/{namespace}/pods/{name}/eviction"


async def test_only_our_own_nodes_are_uncordoned(cluster: FakeKubernetes) -> None:
    cluster.world.nodes["worker2"].is_unschedulable = True
    other = cluster.world.nodes["cp1"]
    other.is_unschedulable, other.annotations[ANNOTATION] = True, "k9/plan-0"
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await until(lambda: is_down(target))
        reply = await target.restore((CORDON, EVICT))
        assert reply.outcome is Outcome.ACCEPTED
        assert reply.detail == "worker1 uncordoned"
        again = await target.restore((CORDON, EVICT))
        assert again.outcome is Outcome.NOTHING_TO_DO
    assert cluster.world.nodes["worker2"].is_unschedulable
    assert other.is_unschedulable
    assert other.annotations == {ANNOTATION: "k9/plan-0"}
    assert cluster.world.nodes["worker1"].annotations == {}
    assert cluster.world.pods["default", "db-0"].node == "worker1", "it came back by itself"


async def test_nodes_are_known_after_a_restart_of_ours(cluster: FakeKubernetes) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
    async with target_of(cluster) as target:
        assert (await target.restore((CORDON,))).outcome is Outcome.ACCEPTED
    assert not any(node.is_unschedulable for node in cluster.world.nodes.values())


async def test_rounds_go_on_after_a_restart_of_ours(cluster: FakeKubernetes, quick: None) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
    cluster.changes.clear()
    async with target_of(cluster) as target:
        await target.reassert(CORDON)
        await target.reassert(EVICT)
        await until(lambda: any("eviction" in line for line in cluster.changes))
        cluster.world.budgets.clear()
        await until(lambda: is_down(target))


async def test_rounds_are_held_up_and_go_on(cluster: FakeKubernetes, quick: None) -> None:
    """While power is back for a moment nobody is evicted."""
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await target.hold()
        await target.hold()
        cluster.changes.clear()
        await asyncio.sleep(0.3)
        assert cluster.changes == []
        await target.reassert(EVICT)
        await until(lambda: any("eviction" in line for line in cluster.changes))


async def test_no_round_follows_once_power_is_back(cluster: FakeKubernetes, quick: None) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await target.restore((CORDON, EVICT))
        cluster.changes.clear()
        cluster.world.budgets.clear()
        await asyncio.sleep(0.3)
    assert cluster.changes == []
    assert cluster.world.pods["default", "db-0"].deleted_grace_s is None


async def test_restoring_waits_for_the_api_server(cluster: FakeKubernetes) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        cluster.errors["GET /readyz"] = ApiError(503, "", "etcd is not ready")
        reply = await target.restore((CORDON,))
        assert (reply.outcome, await target.is_ready()) == (Outcome.UNKNOWN, False)
        assert cluster.world.nodes["cp1"].is_unschedulable
        cluster.errors.clear()
        cluster.world.nodes["worker2"].is_ready = False
        assert await target.is_ready() is False
        cluster.world.nodes["worker2"].is_ready = True
        assert await target.is_ready() is True


async def test_a_node_that_cannot_be_uncordoned_is_tried_again(cluster: FakeKubernetes) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        cluster.dies_after = "PATCH /api/v1/nodes/worker1"
        assert (await target.restore((CORDON,))).outcome is Outcome.UNKNOWN
        cluster.dies_after = ""
        assert (await target.restore((CORDON,))).outcome is Outcome.NOTHING_TO_DO


async def test_a_rehearsal_is_tried_by_the_server_and_changes_nothing(
    cluster: FakeKubernetes,
) -> None:
    cluster.world.add_pod("db-1", claims=("data",), labels={"app": "one"})
    cluster.world.budgets.append(FakeBudget(name="one", labels={"app": "one"}))
    cluster.world.add_pod("agent", claims=("data",), owner="DaemonSet")
    async with target_of(cluster) as target:
        lines = list(await target.rehearse())
        assert await target.preflight()
        await target.observe()
        await target.is_ready()
        await target.is_step_done(EVICT)
    assert lines[:5] == [
        "would cordon cp1",
        "would cordon worker1",
        "would cordon worker2",
        "would evict default/db-0 from worker1",
        (
            "would evict default/db-1 from worker1, but its budget has no room: deleted when the"
            " time is up (Cannot evict pod as it would violate the pod's disruption budget.)"
        ),
    ]
    assert "default/agent stays until worker1 is off" in lines
    assert cluster.changes == []
    dry = [asked for asked in cluster.asked if asked.params.get("dryRun") == "All"]
    assert len(dry) == 5
    assert not any(node.is_unschedulable for node in cluster.world.nodes.values())
    assert not any(pod.deleted_grace_s for pod in cluster.world.pods.values())


async def test_a_rehearsal_names_the_right_that_is_missing(cluster: FakeKubernetes) -> None:
    cluster.rights = RIGHTS - {"create pods/eviction", "patch nodes"}
    async with target_of(cluster) as target:
        lines = await target.rehearse()
    assert 'cannot create resource "pods/eviction"' in "\n".join(lines)
    assert 'cannot patch resource "nodes"' in "\n".join(lines)


async def test_the_token_shows_nowhere(
    cluster: FakeKubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    cluster.errors[EVICTION] = ApiError(403, "Forbidden", f"what is {TOKEN}?")
    async with target_of(cluster) as target:
        said += [repr(target.spec), repr(target._options), repr(vars(target))]
        said += [repr(await target.preflight()), repr(await target.rehearse())]
        said += [repr(await target.send(step, CONTEXT)) for step in target.steps]
        said.append(repr(await target.escalate(EVICT, CONTEXT)))
        cluster.token = "another"
        said += [repr(await target.observe()), repr(await target.preflight())]
        said.append(repr(await target.restore(target.steps)))
        await cluster.stop()
        said += [repr(await target.observe()), repr(await target.send(CORDON, CONTEXT))]
    assert TOKEN not in "\n".join([*said, caplog.text])
    assert not any(TOKEN in asked.query or TOKEN in asked.path for asked in cluster.asked)
    assert "**" in "\n".join(said), "the server's own words held it"
