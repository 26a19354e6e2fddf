"""kubectl agrees with the imitation, and a real cluster with both, if there is one."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from functools import cache
import json
import os
from pathlib import Path
import shutil
import subprocess
from urllib.parse import urlsplit

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.models import HostState, Outcome
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.targets.kubernetes import CORDON, EVICT, KubernetesTarget
from custom_components.omron_ups.shutdown.targets.kubernetes_preflight import RIGHTS
from custom_components.omron_ups.shutdown.targets.kubernetes_rows import ANNOTATION
from tests.shutdown.fakes.kubernetes import KUBECTL_RIGHTS, TOKEN, FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeBudget

from .kubernetes_rig import CONTEXT, cluster, is_down, target_of, until

__all__ = ["cluster"]
KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl") or ""
REAL = {name: os.environ.get(f"KUBERNETES_TEST_{name}", "") for name in ("URL", "TOKEN", "CA")}

# Seen: 1.20, Debian's, speaks JSON; 1.32 speaks protobuf, which the imitation does not.
NEWEST_MINOR = 20

type Kubectl = Callable[..., Awaitable[tuple[int, str]]]


@cache
def why_not() -> str:
    """Return why kubectl cannot be used; empty if it can."""
    if not KUBECTL or not Path(KUBECTL).exists():
        return "kubectl (Debian: kubernetes-client) is not here"
    command = [KUBECTL, "version", "--client", "--output=json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    minor = json.loads(said)["clientVersion"]["minor"].rstrip("+")
    return "" if int(minor) <= NEWEST_MINOR else f"kubectl 1.{minor} speaks protobuf"


@pytest.fixture
def kubectl(cluster: FakeKubernetes, tmp_path: Path) -> Kubectl:
    """Return what runs Debian's kubectl with a configuration that trusts the cluster's CA."""
    if reason := why_not():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    cluster.rights = KUBECTL_RIGHTS
    authority = base64.b64encode(cluster.authority.pem.encode()).decode()
    server = {
        "server": f"https://127.0.0.1:{cluster.port}",
        "certificate-authority-data": authority,
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(config))

    async def run(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            f"--kubeconfig={path}",
            *arguments,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    return run


async def test_kubectl_cordons_what_we_see(cluster: FakeKubernetes, kubectl: Kubectl) -> None:
    status, said = await kubectl("cordon", "worker1")
    assert (status, "worker1 cordoned" in said) == (0, True), said
    async with target_of(cluster) as target:
        reply = await target.send(CORDON, CONTEXT)
        assert reply.detail == "cp1 cordoned; worker2 cordoned"
        status, said = await kubectl("get", "nodes", "-o", "json")
        shown = {node["metadata"]["name"]: node for node in json.loads(said)["items"]}
        assert all(node["spec"]["unschedulable"] for node in shown.values())
        assert shown["cp1"]["metadata"]["annotations"] == {ANNOTATION: "k1/plan-1"}
        assert ANNOTATION not in shown["worker1"]["metadata"].get("annotations", {})
        await target.restore((CORDON,))
    assert cluster.world.nodes["worker1"].is_unschedulable, "kubectl's, not ours"
    status, said = await kubectl("uncordon", "worker1")
    assert (status, "worker1 uncordoned" in said) == (0, True), said
    assert not any(node.is_unschedulable for node in cluster.world.nodes.values())


async def test_kubectl_uncordons_what_we_cordoned(
    cluster: FakeKubernetes, kubectl: Kubectl
) -> None:
    async with target_of(cluster) as target:
        await target.send(CORDON, CONTEXT)
        assert (await kubectl("uncordon", "cp1"))[0] == 0
        assert not cluster.world.nodes["cp1"].is_unschedulable
        assert (await target.restore((CORDON,))).outcome is Outcome.ACCEPTED
    assert not any(node.annotations for node in cluster.world.nodes.values())


async def test_kubectl_drains_and_we_find_the_nas_free(
    cluster: FakeKubernetes, kubectl: Kubectl
) -> None:
    cluster.world.add_pod("agent", owner="DaemonSet")
    cluster.world.add_pod("static", owner="Node", is_mirror=True)
    async with target_of(cluster) as target:
        assert (await target.observe()).state is HostState.UP
        for node in ("cp1", "worker1", "worker2"):
            status, said = await kubectl("drain", node, "--ignore-daemonsets", "--timeout=30s")
            assert status == 0, said
        assert "evict" in " ".join(cluster.changes)
        await until(lambda: is_down(target))
    assert {"agent", "static"} <= {pod.name for pod in cluster.world.pods.values()}


async def test_kubectl_is_held_back_by_a_budget_as_we_are(
    cluster: FakeKubernetes, kubectl: Kubectl
) -> None:
    cluster.world.budgets.append(FakeBudget(name="db", labels={"app": "db"}))
    status, said = await kubectl("drain", "worker1", "--timeout=2s")
    assert status != 0
    assert "violate the pod's disruption budget" in said
    status, said = await kubectl("drain", "worker1", "--timeout=30s", "--disable-eviction")
    assert status == 0, said
    assert any(line.startswith("DELETE") for line in cluster.changes)


async def test_kubectl_waits_for_the_grace_that_we_granted(
    cluster: FakeKubernetes, kubectl: Kubectl
) -> None:
    pod = cluster.world.pods["default", "db-0"]
    pod.stop_s = 1e6
    async with target_of(cluster) as target:
        await target.send(EVICT, CONTEXT)
        assert pod.deleted_grace_s == 30
        status, said = await kubectl("drain", "worker1", "--grace-period=5", "--timeout=30s")
        assert status == 0, said
    assert cluster.world.torn == []


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: right.label)
async def test_kubectl_is_told_the_same_of_our_rights(
    cluster: FakeKubernetes, kubectl: Kubectl, right: object
) -> None:
    label = getattr(right, "label", "")
    verb, _, name = label.partition(" ")
    resource, _, subresource = name.partition("/")
    asked = [verb, resource, *([f"--subresource={subresource}"] if subresource else [])]
    status, said = await kubectl("auth", "can-i", *asked)
    assert (status, said.strip().endswith("yes")) == (0, True), said
    cluster.rights = frozenset(KUBECTL_RIGHTS - {label})
    status, said = await kubectl("auth", "can-i", *asked)
    assert (status, said.strip().endswith("no")) == (1, True), said


@pytest.mark.skipif(
    not all(REAL.values()),
    reason="no cluster to try: KUBERNETES_TEST_URL, _TOKEN and _CA (a file) name one",
)
async def test_a_real_cluster_agrees_without_any_effect_on_it() -> None:
    url = urlsplit(REAL["URL"])
    spec = TargetSpec(
        target_id="k1",
        name="Cluster",
        kind="kubernetes",
        stage=1,
        time_limit_s=300,
        options={
            "host": url.hostname,
            "port": url.port or 443,
            "token": REAL["TOKEN"],
            "tls_trust": "authority",
            "tls_authority": await asyncio.to_thread(Path(REAL["CA"]).read_text),
        },
    )
    async with aiohttp.ClientSession() as session:
        target = KubernetesTarget(spec, session)
        await target.open()
        keys = {finding.key for finding in await target.preflight()}
        assert not any(key.startswith("target_") for key in keys - {"target_address_is_name"})
        assert not any("but:" in line for line in await target.rehearse())
        assert (await target.observe()).state is not HostState.UNKNOWN
        assert await target.is_ready() is not None
