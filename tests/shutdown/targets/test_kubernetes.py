"""A NAS is freed of a cluster's pods and volumes, and the cluster gets back what it had."""

import asyncio
from typing import Any

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.models import HostState, Outcome
from custom_components.omron_ups.shutdown.targets.kubernetes import (
    CORDON,
    DETACH,
    EVICT,
    KubernetesTarget,
)
from custom_components.omron_ups.shutdown.targets.kubernetes_rows import ANNOTATION
from tests.shutdown.fakes.kubernetes import RIGHTS, ApiError, FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeBudget
from tests.shutdown.web import make_identity

from .kubernetes_rig import CONTEXT, LATE, SHORT, cluster, is_down, quick, spec_of, target_of, until

__all__ = ["cluster", "quick"]
EVICTION = "POST /api/v1/namespaces/{namespace}/pods/{name}/eviction"


def grace_of_last(cluster: FakeKubernetes, method: str) -> Any:
    asked = [body for line, body in cluster.bodies if line.startswith(method)]
    return asked[-1].get("deleteOptions", asked[-1])["gracePeriodSeconds"]


async def test_all_nodes_then_the_pods_of_the_nas_then_their_volumes(
    cluster: FakeKubernetes, quick: None
) -> None:
    cluster.world.may_detach.clear()
    async with target_of(cluster) as target:
        seen = await target.observe()
        assert (seen.state, seen.is_conclusive) == (HostState.UP, False)
        reply = await target.send(CORDON, CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED
        nodes = cluster.world.nodes.values()
        assert all(node.is_unschedulable for node in nodes)
        assert {node.annotations[ANNOTATION] for node in nodes} == {"k1/plan-1"}
        assert (await target.send(EVICT, CONTEXT)).outcome is Outcome.ACCEPTED
        await until(lambda: target.is_step_done(EVICT))
        # The pod is gone, its volume is not: the NAS must not stop yet.
        seen = await target.observe()
        assert (seen.state, seen.is_conclusive) == (HostState.GOING, False)
        assert "data on worker1" in seen.evidence
        assert (await target.send(DETACH, CONTEXT)).outcome is Outcome.NOTHING_TO_DO
        cluster.world.may_detach.set()
        await until(lambda: is_down(target))
        assert (await target.observe()).is_conclusive
    assert [line for line in cluster.changes if line.startswith("POST")] == [
        "POST /api/v1/namespaces/default/pods/db-0/eviction"
    ]
    assert ("default", "web") in cluster.world.pods, "it has nothing on the NAS"


async def test_a_pod_may_come_to_an_open_node_at_any_moment(cluster: FakeKubernetes) -> None:
    cluster.world.pods.clear()
    cluster.world.attachments.clear()
    cluster.world.nodes["worker1"].in_use.clear()
    async with target_of(cluster) as target:
        seen = await target.observe()
        assert seen.state is HostState.UP
        assert "nodes take new pods" in seen.evidence
        await target.send(CORDON, CONTEXT)
        assert await is_down(target)


async def test_a_budget_that_never_gives_in_ends_at_the_deadline(
    cluster: FakeKubernetes, quick: None
) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        reply = await target.send(EVICT, CONTEXT)
        # No refusal: the plan would not wait.
        assert reply.outcome is Outcome.ACCEPTED
        assert "has to wait" in reply.detail
        await until(lambda: sum("eviction" in line for line in cluster.changes) >= 4)
        assert not await target.is_step_done(EVICT)
        assert not any(line.startswith("DELETE") for line in cluster.changes)
        assert (await target.escalate(EVICT, CONTEXT)).outcome is Outcome.ACCEPTED
        await until(lambda: is_down(target))
    assert grace_of_last(cluster, "DELETE") == 20


async def test_a_budget_with_room_later_is_asked_again(
    cluster: FakeKubernetes, quick: None
) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await until(lambda: sum("eviction" in line for line in cluster.changes) >= 2)
        cluster.world.budgets.clear()
        await until(lambda: is_down(target))
    assert not any(line.startswith("DELETE") for line in cluster.changes)


async def test_no_pod_that_comes_later_is_overlooked(cluster: FakeKubernetes, quick: None) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        cluster.world.add_pod("late", claims=("data",), owner="Job")
        await until(lambda: is_down(target))


async def test_a_node_that_joins_later_is_cordoned(cluster: FakeKubernetes, quick: None) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        cluster.world.nodes["worker2"].is_unschedulable = False
        cluster.world.nodes["worker2"].annotations.clear()
        await target.send(EVICT, CONTEXT)
        await until(lambda: is_down(target))
    assert cluster.world.nodes["worker2"].is_unschedulable


async def test_at_low_battery_nobody_asks_a_budget(cluster: FakeKubernetes) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with target_of(cluster) as target:
        await target.send(CORDON, SHORT)
        await target.send(EVICT, SHORT)
        await until(lambda: is_down(target))
    assert not any("eviction" in line for line in cluster.changes)
    assert grace_of_last(cluster, "DELETE") == 10


async def test_grace_is_cut_but_never_to_nothing(cluster: FakeKubernetes, quick: None) -> None:
    pod = cluster.world.pods["default", "db-0"]
    pod.grace_s, pod.stop_s = 600, 600
    cluster.world.second = 1.0
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        assert pod.deleted_grace_s == 110, "10 s before the deadline"
        await target.escalate(EVICT, CONTEXT)
        assert pod.deleted_grace_s == 20
        await target.escalate(DETACH, LATE)
        assert pod.deleted_grace_s == 10
    assert cluster.world.torn == []


async def test_pods_that_outlive_their_step_are_deleted(cluster: FakeKubernetes) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        assert (await target.send(DETACH, CONTEXT)).outcome is Outcome.ACCEPTED
        await until(lambda: is_down(target))
    assert sum(line.startswith("DELETE") for line in cluster.changes) == 1


async def test_a_pod_that_asks_for_no_grace_gets_a_second(cluster: FakeKubernetes) -> None:
    cluster.world.pods["default", "db-0"].grace_s = 0
    async with target_of(cluster) as target:
        await target.send(EVICT, CONTEXT)
    assert grace_of_last(cluster, "POST") == 1


async def test_a_silent_kubelet_is_no_reason_to_force(cluster: FakeKubernetes) -> None:
    cluster.world.nodes["worker1"].is_ready = False
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await target.escalate(EVICT, CONTEXT)
        await target.escalate(DETACH, LATE)
        await asyncio.sleep(40 * cluster.world.second)
        seen = await target.observe()
    assert (seen.state, seen.is_conclusive) == (HostState.GOING, False)
    assert "nodes are silent: worker1" in seen.evidence
    graces = [b["gracePeriodSeconds"] for line, b in cluster.bodies if line.startswith("DELETE")]
    assert graces
    assert min(graces) >= 1


async def test_finalizers_hold_an_object_not_a_volume(cluster: FakeKubernetes) -> None:
    cluster.world.pods["default", "db-0"].finalizers.append("example.com/backup")
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await until(lambda: is_down(target))
    assert ("default", "db-0") in cluster.world.pods


async def test_daemon_sets_and_mirror_pods_stay_and_keep_the_nas_in_use(
    cluster: FakeKubernetes,
) -> None:
    nfs = [{"name": "nas", "nfs": {"server": "192.0.2.30", "path": "/x"}}]
    cluster.world.add_pod("agent", volumes=nfs, owner="DaemonSet")
    cluster.world.add_pod("static", volumes=nfs, is_mirror=True, owner="Node")
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await until(lambda: target.is_step_done(EVICT))
        await asyncio.sleep(5 * cluster.world.second)
        seen = await target.observe()
        assert seen.state is HostState.GOING
        assert "stay until their node is off: default/agent, default/static" in seen.evidence
    assert not any("agent" in line or "static" in line for line in cluster.changes)


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        (
            ApiError(500, "", "This pod has more than one PodDisruptionBudget"),
            Outcome.UNKNOWN,
            "more than one",
        ),
        (ApiError(403, "Forbidden", "no right"), Outcome.REFUSED, "no right"),
        (ApiError(404, "NotFound", "gone"), Outcome.NOTHING_TO_DO, "gone"),
        (ApiError(429, "TooManyRequests", "slow down"), Outcome.ACCEPTED, "has to wait"),
    ],
)
async def test_what_an_eviction_may_answer(
    cluster: FakeKubernetes, error: ApiError, outcome: Outcome, words: str
) -> None:
    cluster.errors[EVICTION] = error
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        reply = await target.send(EVICT, CONTEXT)
    assert (reply.outcome, words in reply.detail) == (outcome, True), reply.detail


async def test_two_budgets_are_overcome_at_the_deadline(cluster: FakeKubernetes) -> None:
    cluster.world.budgets += [FakeBudget(name=name, labels={"app": "db"}) for name in "ab"]
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        assert "more than one" in (await target.send(EVICT, CONTEXT)).detail
        await target.escalate(EVICT, CONTEXT)
        await until(lambda: is_down(target))


async def test_a_pod_of_a_namespace_that_ends_is_left_to_it(cluster: FakeKubernetes) -> None:
    cluster.ending_namespaces.add("default")
    async with target_of(cluster) as target:
        reply = await target.send(EVICT, CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    assert "goes with its namespace" in reply.detail


async def test_the_successor_of_a_pod_is_not_evicted_in_its_place(cluster: FakeKubernetes) -> None:
    async with target_of(cluster) as target:
        inventory = await target._cluster.look()
        (pod,) = inventory.to_evict
        cluster.world.pods["default", "db-0"].uid = "another"
        with pytest.raises(Exception, match="UID") as caught:
            await target._api.evict(pod, 30)
    assert type(caught.value).__name__ == "NotThereError"


async def test_an_api_that_is_gone_proves_nothing(cluster: FakeKubernetes) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        await target.send(EVICT, CONTEXT)
        await cluster.stop()
        seen = await target.observe()
        assert (seen.state, seen.is_conclusive) == (HostState.UNKNOWN, False)
        with pytest.raises(Exception, match="cannot be reached"):
            await target.is_step_done(EVICT)
        reply = await target.send(DETACH, CONTEXT)
        assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)
        reply = await target.escalate(EVICT, CONTEXT)
        assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)
        assert await target.is_ready() is False


async def test_an_api_that_dies_after_a_request_leaves_it_unknown(cluster: FakeKubernetes) -> None:
    cluster.dies_after = "PATCH /api/v1/nodes/cp1"
    async with target_of(cluster) as target:
        reply = await target.send(CORDON, CONTEXT)
        assert (reply.outcome, reply.was_sent) == (Outcome.ACCEPTED, True)
        assert "cp1" in reply.detail
        assert cluster.world.nodes["cp1"].is_unschedulable
        for node in ("worker1", "worker2"):
            cluster.world.nodes[node].is_unschedulable = True
        cluster.world.nodes["cp1"].is_unschedulable = False
        assert (await target.send(CORDON, CONTEXT)).outcome is Outcome.UNKNOWN


async def test_steps_can_all_be_undone(cluster: FakeKubernetes) -> None:
    async with target_of(cluster) as target:
        assert [step.key for step in target.steps] == ["cordon", "evict", "detach"]
        assert not any(step.irreversible for step in target.steps)
        assert target.has_own_evidence
        assert not target.can_wake
        assert await target.is_step_done(CORDON)


async def test_a_missing_right_is_a_refusal_with_words(cluster: FakeKubernetes) -> None:
    cluster.rights = RIGHTS - {"patch nodes"}
    async with target_of(cluster) as target:
        reply = await target.send(CORDON, CONTEXT)
        assert reply.outcome is Outcome.REFUSED
        assert 'cannot patch resource "nodes"' in reply.detail
        cluster.rights = frozenset()
        seen = await target.observe()
        assert seen.state is HostState.UP, "it is alive, and nobody knows what it does"
        assert (await target.escalate(CORDON, CONTEXT)).outcome is Outcome.REFUSED
        assert (await target.restore((CORDON,))).outcome is Outcome.REFUSED


async def test_another_authority_is_not_believed(cluster: FakeKubernetes) -> None:
    other = make_identity("another-ca", is_authority=True).pem
    async with target_of(cluster, tls_authority=other) as target:
        reply = await target.send(CORDON, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert cluster.asked == []


async def test_closing_twice_is_fine(cluster: FakeKubernetes) -> None:
    async with aiohttp.ClientSession() as session:
        target = KubernetesTarget(spec_of(cluster), session)
        await target.close()
        await target.close()
