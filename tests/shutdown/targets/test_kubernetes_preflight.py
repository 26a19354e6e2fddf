"""The check before the day finds what would fail on it, and names the cure."""

import base64
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components.omron_ups.shutdown.models import Finding, Severity
from custom_components.omron_ups.shutdown.targets.kubernetes import CORDON
from custom_components.omron_ups.shutdown.targets.kubernetes_preflight import (
    RIGHTS,
    KubernetesFinding,
)
from tests.shutdown.fakes.kubernetes import RIGHTS as GRANTED, FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeBudget
from tests.shutdown.web import make_identity

from .kubernetes_rig import CONTEXT, cluster, target_of

__all__ = ["cluster"]
PAGE = Path(__file__).parents[3] / "docs" / "targets-kubernetes.md"


async def check(cluster: FakeKubernetes, **more: Any) -> dict[str, Finding]:
    async with target_of(cluster, **more) as target:
        findings = await target.preflight()
    assert cluster.changes == []
    assert {finding.target_id for finding in findings} <= {"k1"}
    return {finding.key: finding for finding in findings}


def detail(found: dict[str, Finding], key: KubernetesFinding) -> str:
    return found[key].placeholders["detail"]


def token(**claims: object) -> str:
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{text}.c2lnbmF0dXJl"


async def test_all_is_well(cluster: FakeKubernetes) -> None:
    assert await check(cluster) == {}


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: right.label)
async def test_each_missing_right_is_named(cluster: FakeKubernetes, right: Any) -> None:
    cluster.rights = GRANTED - {right.label}
    found = await check(cluster)
    assert set(found) == {KubernetesFinding.RIGHT_MISSING}
    assert detail(found, KubernetesFinding.RIGHT_MISSING) == right.label
    assert found[KubernetesFinding.RIGHT_MISSING].severity is Severity.ERROR


def test_the_manifest_grants_what_is_needed_and_no_more() -> None:
    assert {right.label for right in RIGHTS} == GRANTED
    manifest = PAGE.read_text(encoding="utf-8")
    rows = re.findall(
        r"- apiGroups: \[(.*?)\]\n\s+resources: \[(.*?)\]\n\s+verbs: \[(.*?)\]", manifest
    )
    granted = set()
    for groups, resources, verbs in rows:
        group = groups.strip('"')
        for resource in resources.replace('"', "").split(", "):
            name, _, sub = resource.partition("/")
            label = f"{name}{f'.{group}' if group else ''}{f'/{sub}' if sub else ''}"
            granted |= {f"{verb} {label}" for verb in verbs.replace('"', "").split(", ")}
    assert granted == GRANTED


async def test_budgets_without_room_are_named(cluster: FakeKubernetes) -> None:
    world = cluster.world
    world.add_pod("web-0", claims=("data",), labels={"app": "web"})
    world.add_pod("web-1", claims=("data",), labels={"app": "web"})
    world.budgets += [
        FakeBudget(name="full", labels={"app": "db"}),
        FakeBudget(name="roomy", labels={"app": "web"}),
        FakeBudget(name="not-ours", labels={"app": "other"}),
    ]
    found = await check(cluster)
    assert set(found) == {KubernetesFinding.NO_ROOM}
    assert detail(found, KubernetesFinding.NO_ROOM) == "default/full"
    assert found[KubernetesFinding.NO_ROOM].severity is Severity.WARNING


async def test_two_budgets_for_one_pod(cluster: FakeKubernetes) -> None:
    budgets = [FakeBudget(name=n, labels={"app": "db"}, min_available=0) for n in "ab"]
    cluster.world.budgets += budgets
    found = await check(cluster)
    assert detail(found, KubernetesFinding.BUDGETS_OVERLAP) == "default/db-0"


async def test_pods_that_stay(cluster: FakeKubernetes) -> None:
    cluster.world.add_pod("agent", claims=("data",), owner="DaemonSet")
    found = await check(cluster)
    assert detail(found, KubernetesFinding.PODS_STAY) == "default/agent on worker1"


async def test_pods_that_take_longer_than_there_is_time(cluster: FakeKubernetes) -> None:
    cluster.world.pods["default", "db-0"].grace_s = 230
    found = await check(cluster)
    assert detail(found, KubernetesFinding.GRACE_LONG) == "default/db-0: 230 s"


async def test_a_silent_kubelet(cluster: FakeKubernetes) -> None:
    cluster.world.nodes["worker2"].is_ready = False
    found = await check(cluster)
    assert detail(found, KubernetesFinding.NODE_SILENT) == "worker2"


async def test_nodes_that_a_plan_left_cordoned(cluster: FakeKubernetes) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
    cluster.changes.clear()
    cluster.world.nodes["cp1"].annotations.clear()
    found = await check(cluster)
    assert detail(found, KubernetesFinding.LEFT_CORDONED) == "worker1, worker2"


async def test_a_choice_that_fits_nothing(cluster: FakeKubernetes) -> None:
    found = await check(cluster, nas_addresses=["192.0.2.99"])
    assert set(found) == {KubernetesFinding.NOTHING_FOUND}


@pytest.mark.parametrize(
    ("days", "severity"), [(-1, Severity.ERROR), (1, Severity.ERROR), (300, Severity.WARNING)]
)
async def test_a_token_that_ends(cluster: FakeKubernetes, days: int, severity: Severity) -> None:
    ends = datetime.now(UTC) + timedelta(days=days)
    cluster.token = token(exp=int(ends.timestamp()))
    found = await check(cluster, token=cluster.token)
    assert found[KubernetesFinding.TOKEN_EXPIRES].severity is severity
    assert f"{ends:%Y-%m-%d}" in detail(found, KubernetesFinding.TOKEN_EXPIRES)


@pytest.mark.parametrize("text", [token(), "a.b.c", "abc", token(exp="soon"), token(exp=10**30)])
async def test_a_token_that_does_not_say(cluster: FakeKubernetes, text: str) -> None:
    cluster.token = text
    assert await check(cluster, token=text) == {}


async def test_what_leaves_nothing_to_look_at(cluster: FakeKubernetes) -> None:
    assert set(await check(cluster, token="a.b.c")) == {"target_credentials_refused"}
    other = make_identity("another-ca", is_authority=True).pem
    assert set(await check(cluster, tls_authority=other)) == {"target_identity_untrusted"}
    named = await check(cluster, host="localhost", tls_name="127.0.0.1")
    assert set(named) == {"target_address_is_name"}
    await cluster.stop()
    assert set(await check(cluster)) == {"target_unreachable"}
