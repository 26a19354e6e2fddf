"""Rounds of evictions survive what happens in between, and end when they are told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import logging

import pytest

from custom_components.omron_ups.shutdown.errors import RequestError
from custom_components.omron_ups.shutdown.models import Outcome, Reply
from custom_components.omron_ups.shutdown.targets import kubernetes_removal
from custom_components.omron_ups.shutdown.targets.kubernetes_inventory import Cluster
from custom_components.omron_ups.shutdown.targets.kubernetes_options import KubernetesOptions
from custom_components.omron_ups.shutdown.targets.kubernetes_removal import Nodes, Removal, together
from tests.shutdown.fakes.kubernetes import ApiError, FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeBudget

from .kubernetes_rig import api_of, cluster, options, quick, until

__all__ = ["cluster", "quick"]


@asynccontextmanager
async def removing(cluster: FakeKubernetes) -> AsyncIterator[Removal]:
    async with api_of(cluster) as api:
        look = Cluster(api, KubernetesOptions.read(options(cluster)))
        removal = Removal(api, look, Nodes(api, "k1"))
        try:
            yield removal
        finally:
            await removal.end()


def evictions(cluster: FakeKubernetes) -> int:
    return sum("eviction" in line for line in cluster.changes)


async def test_rounds_survive_an_api_that_is_away(cluster: FakeKubernetes, quick: None) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=30, for_s=60, is_hard=False)
        await cluster.stop()
        await asyncio.sleep(0.2)
        before = evictions(cluster)
        await cluster.start()
        await until(lambda: evictions(cluster) > before)


async def test_rounds_survive_a_defect(
    cluster: FakeKubernetes,
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=30, for_s=60, is_hard=False)
        with monkeypatch.context() as broken:

            async def _look(self: Cluster) -> None:
                raise ValueError("a defect of ours")

            broken.setattr(Cluster, "look", _look)
            await until(lambda: "a defect of ours" in caplog.text)
        before = evictions(cluster)
        await until(lambda: evictions(cluster) > before)
    assert [record.levelno for record in caplog.records].count(logging.ERROR) >= 1


async def test_rounds_end_with_their_time(cluster: FakeKubernetes, quick: None) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=30, for_s=0.2, is_hard=False)
        task = removal._task
        assert task is not None
        await until(task.done)
        assert task.exception() is None
        await removal.end()
        await removal.end()


async def test_a_second_beginning_ends_the_first(cluster: FakeKubernetes, quick: None) -> None:
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=30, for_s=60, is_hard=False)
        first = removal._task
        await removal.begin("p", grace_s=30, for_s=60, is_hard=True)
        assert first is not None
        assert first.cancelled()


async def test_nothing_goes_on_after_a_beginning_that_failed(cluster: FakeKubernetes) -> None:
    await cluster.stop()
    async with removing(cluster) as removal:
        with pytest.raises(RequestError):
            await removal.begin("p", grace_s=30, for_s=60, is_hard=False)
        assert removal._task is None


async def test_a_first_round_that_takes_long_goes_on_by_itself(
    cluster: FakeKubernetes, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_removal, "ROUND_LIMIT_S", 0.0)
    async with removing(cluster) as removal:
        reply = await removal.begin("p", grace_s=30, for_s=60, is_hard=False)
        assert reply == Reply(outcome=Outcome.ACCEPTED, detail="1 pods are told to go")
        await until(lambda: evictions(cluster) > 0)


def deletions(cluster: FakeKubernetes) -> list[str]:
    return [line for line in cluster.changes if line.startswith("DELETE")]


@pytest.fixture
def hopeless(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three rounds be as long as waiting makes sense."""
    monkeypatch.setattr(kubernetes_removal, "HOPELESS_S", 0.12)


async def test_a_budget_that_waits_for_what_cannot_happen_is_not_asked_to_the_end(
    cluster: FakeKubernetes, hopeless: None
) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    pod = cluster.world.pods["default", "db-0"]
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=45, for_s=60, is_hard=False)
        await until(lambda: bool(deletions(cluster)))
        await until(lambda: pod.phase == "Succeeded")
    assert evictions(cluster) >= 3
    assert pod.deleted_grace_s == pod.grace_s, "there is time enough for its own"


async def test_a_budget_is_asked_as_long_as_a_successor_could_start(
    cluster: FakeKubernetes, hopeless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))

    async def somebody_uncordons(self: Nodes, nodes: object, plan_id: str) -> Reply:
        return Reply(outcome=Outcome.NOTHING_TO_DO)

    monkeypatch.setattr(Nodes, "cordon", somebody_uncordons)
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=30, for_s=60, is_hard=False)
        await until(lambda: evictions(cluster) >= 8)
    assert deletions(cluster) == []


async def test_a_budget_is_asked_as_long_as_a_pod_is_on_its_way_out(
    cluster: FakeKubernetes, hopeless: None
) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    slow = cluster.world.add_pod("slow", claims=("data",), stop_s=1000.0, grace_s=1000)
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=1000, for_s=60, is_hard=False)
        await until(lambda: evictions(cluster) >= 8)
        assert deletions(cluster) == []
        slow.kill_at = 0.0
        await until(lambda: bool(deletions(cluster)))


async def test_an_api_server_that_has_too_much_to_do_is_no_budget(
    cluster: FakeKubernetes, hopeless: None
) -> None:
    eviction = "POST /api/v1/namespaces/{namespace}/pods/{name}/eviction"
    cluster.errors[eviction] = ApiError(429, "TooManyRequests", "slow down")
    async with removing(cluster) as removal:
        await removal.begin("p", grace_s=30, for_s=60, is_hard=False)
        await until(lambda: len([a for a in cluster.asked if "eviction" in a.path]) >= 8)
    assert deletions(cluster) == []


def reply(outcome: Outcome, detail: str = "", *, was_sent: bool = True) -> Reply:
    return Reply(outcome=outcome, detail=detail, was_sent=was_sent)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], Outcome.NOTHING_TO_DO),
        ([Outcome.NOTHING_TO_DO], Outcome.NOTHING_TO_DO),
        ([Outcome.REFUSED, Outcome.NOTHING_TO_DO], Outcome.REFUSED),
        ([Outcome.REFUSED, Outcome.UNKNOWN], Outcome.UNKNOWN),
        ([Outcome.UNKNOWN, Outcome.ACCEPTED, Outcome.REFUSED], Outcome.ACCEPTED),
    ],
)
def test_what_was_accepted_anywhere_counts(outcomes: list[Outcome], expected: Outcome) -> None:
    assert together([reply(outcome) for outcome in outcomes]).outcome is expected


def test_what_left_anywhere_was_sent() -> None:
    unsent = reply(Outcome.UNKNOWN, "a", was_sent=False)
    assert not together([unsent, unsent]).was_sent
    assert together([unsent, reply(Outcome.UNKNOWN, "b")]).was_sent
    assert together([], nothing="none").detail == "none"
    assert together([unsent, reply(Outcome.ACCEPTED)], nothing="none").detail == "a"
