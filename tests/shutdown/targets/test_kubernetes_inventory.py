"""Pods and volumes of the NAS are found by address, class, driver, namespace and label."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from custom_components.omron_ups.shutdown.targets.kubernetes_inventory import Cluster, Inventory
from custom_components.omron_ups.shutdown.targets.kubernetes_options import KubernetesOptions
from tests.shutdown.fakes.kubernetes import FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeAttachment, World

from .kubernetes_rig import ISCSI, NAS, api_of, options


@pytest.fixture
async def cluster() -> AsyncIterator[FakeKubernetes]:
    async with FakeKubernetes("n1", "n2") as fake:
        _fill(fake.world)
        yield fake
        assert fake.invalid == []
        assert fake.changes == []


def _fill(world: World) -> None:
    nfs = {"server": NAS, "path": "/export"}
    attributes = {"server": "nas.home.arpa", "share": "/x"}
    csi = {"driver": "nfs.example", "volumeHandle": "h", "volumeAttributes": attributes}
    world.add_volume("iscsi", iscsi=ISCSI, storageClassName="block")
    world.add_volume("nfs", nfs=nfs, storageClassName="")
    world.add_volume("attributes", csi=csi)
    world.add_volume("driver", storageClassName="gold")
    world.add_volume("elsewhere", nfs={"server": "192.0.2.31", "path": "/"}, storageClassName="")
    world.add_volume("disk", hostPath={"path": "/var"}, storageClassName="")
    for name in ("iscsi", "nfs", "attributes", "driver", "elsewhere", "disk"):
        world.add_pod(f"with-{name}", "n1", claims=(name,), labels={"app": name})
    world.add_pod("inline", "n2", volumes=[{"name": "v", "nfs": nfs}])
    secret = {"name": "v", "csi": {"driver": "secrets.example"}}
    world.add_pod("without", "n2", volumes=[{"name": "e", "emptyDir": {}}, secret])


@asynccontextmanager
async def looking(cluster: FakeKubernetes, **more: Any) -> AsyncIterator[Cluster]:
    async with api_of(cluster) as api:
        yield Cluster(api, KubernetesOptions.read(options(cluster, **more)))


async def look(cluster: FakeKubernetes, **more: Any) -> Inventory:
    async with looking(cluster, **more) as found:
        return await found.look()


@pytest.mark.parametrize(
    ("chosen", "pods", "attached"),
    [
        ({"nas_addresses": [NAS]}, {"with-iscsi", "with-nfs", "inline"}, {"iscsi on n1"}),
        ({"nas_addresses": ["NAS.home.arpa"]}, {"with-attributes"}, {"attributes on n1"}),
        ({"storage_classes": ["block"]}, {"with-iscsi"}, {"iscsi on n1"}),
        ({"storage_classes": ["gold"]}, {"with-driver"}, {"driver on n1"}),
        ({"csi_drivers": ["nfs.example"]}, {"with-attributes"}, {"attributes on n1"}),
        ({"csi_drivers": ["iscsi"]}, {"with-iscsi"}, {"iscsi on n1"}),
        ({"csi_drivers": ["secrets.example"]}, {"without"}, set()),
        ({"label_selector": "app=driver"}, {"with-driver"}, {"driver on n1"}),
        ({"nas_addresses": ["192.0.2.3"]}, set(), set()),
        (
            {},
            {"with-iscsi", "with-nfs", "with-attributes", "with-driver", "with-elsewhere"}
            | {"inline"},
            {"iscsi on n1", "attributes on n1", "driver on n1"},
        ),
    ],
)
async def test_each_way_to_choose(
    cluster: FakeKubernetes, chosen: dict[str, object], pods: set[str], attached: set[str]
) -> None:
    found = await look(cluster, **chosen)
    assert {pod.name for pod in found.pods} == pods
    assert set(found.attached) == attached


async def test_a_namespace_is_all_its_pods_and_their_volumes(cluster: FakeKubernetes) -> None:
    cluster.world.add_pod("system", "n1", namespace="kube-system", owner="DaemonSet")
    found = await look(cluster, namespaces=["default"])
    assert len(found.pods) == 8
    assert "iscsi on n1" in found.attached
    found = await look(cluster, namespaces=["kube-system"])
    assert found.are_pods_gone, "its only pod cannot be evicted, and nobody knows of a volume"
    assert found.attached == ()


async def test_what_holds_nothing_is_left_alone(cluster: FakeKubernetes) -> None:
    world = cluster.world
    world.pods.clear()
    world.add_pod("waiting", "", claims=("nfs",), phase="Pending")
    world.add_pod("finished", "n1", claims=("nfs",), phase="Succeeded", owner="Job")
    world.add_pod("failed", "n1", claims=("nfs",), phase="Failed", owner="Job")
    world.add_pod("other-namespace", "n1", namespace="apps", claims=("nfs",))
    world.add_pod("agent", "n1", claims=("nfs",), owner="DaemonSet")
    world.add_pod("static", "n1", claims=("nfs",), owner="Node", is_mirror=True)
    found = await look(cluster, nas_addresses=[NAS])
    assert found.pods == ()
    assert {pod.name for pod in found.staying} == {"agent", "static"}
    assert not found.is_free


async def test_a_claim_that_comes_with_its_pod(cluster: FakeKubernetes) -> None:
    cluster.world.add_volume("pvc-1", claim="job-scratch", nfs={"server": NAS, "path": "/s"})
    scratch = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}
    cluster.world.add_pod("job", "n1", volumes=[scratch])
    assert "job" in {pod.name for pod in (await look(cluster, nas_addresses=[NAS])).pods}


async def test_an_attachment_outlives_its_volume(cluster: FakeKubernetes) -> None:
    world = cluster.world
    world.pods.clear()
    world.volumes.clear()
    for node in world.nodes.values():
        node.in_use.clear()
        node.is_unschedulable = True
    world.attachments = {FakeAttachment(volume="deleted", node="n2", driver="csi.nas.example")}
    found = await look(cluster, csi_drivers=["csi.nas.example"])
    assert found.attached == ("deleted on n2",)
    assert not found.is_free
    assert (await look(cluster, csi_drivers=["csi.other.example"])).is_free
    assert not (await look(cluster)).is_free


async def test_a_node_that_still_uses_a_volume_is_believed(cluster: FakeKubernetes) -> None:
    world = cluster.world
    world.pods.clear()
    world.volumes.clear()
    world.attachments.clear()
    for node in world.nodes.values():
        node.is_unschedulable = True
    # n1 reports what stands in no volume any more.
    found = await look(cluster, nas_addresses=[NAS])
    assert found.attached == (f"kubernetes.io/iscsi/{NAS}:3260:{ISCSI['iqn']}:1 on n1",)
    world.nodes["n1"].in_use.clear()
    assert (await look(cluster, nas_addresses=[NAS])).is_free


async def test_a_label_is_remembered_or_everything_is_waited_for(cluster: FakeKubernetes) -> None:
    world = cluster.world
    for node in world.nodes.values():
        node.is_unschedulable = True
    async with looking(cluster, label_selector="app=driver") as known:
        await known.look()
        world.pods.clear()
        assert (await known.look()).attached == ("driver on n1",)
        world.attachments = {a for a in world.attachments if a.volume != "driver"}
        world.nodes["n1"].in_use = {n for n in world.nodes["n1"].in_use if "vol-" not in n}
        assert (await known.look()).is_free
    async with looking(cluster, label_selector="app=driver") as restarted:
        # Nobody knows any more whose volumes these are.
        assert set((await restarted.look()).attached) == {"iscsi on n1", "attributes on n1"}


async def test_a_cluster_without_nodes_proves_nothing(cluster: FakeKubernetes) -> None:
    cluster.world.nodes.clear()
    cluster.world.pods.clear()
    cluster.world.attachments.clear()
    assert not (await look(cluster)).is_free


async def test_many_names_are_cut(cluster: FakeKubernetes) -> None:
    for number in range(30):
        cluster.world.add_pod(f"p-{number:02}", "n1", claims=("nfs",))
    words = (await look(cluster, nas_addresses=[NAS])).words
    assert "default/p-00" in words
    assert "and 25 more" in words
    assert len(words) <= 500
