"""A cluster's life: pods that take their time to stop, volumes that are detached after them."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

DRIVER = "csi.nas.example"


@dataclass(slots=True, kw_only=True)
class FakeNode:
    """A node and its kubelet."""

    name: str
    is_unschedulable: bool = False
    annotations: dict[str, str] = field(default_factory=dict)
    is_ready: bool = True
    """Whether its kubelet lives."""
    in_use: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class FakePod:
    """A pod and its process."""

    name: str
    namespace: str = "default"
    node: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    grace_s: int = 30
    claims: tuple[str, ...] = ()
    volumes: list[dict[str, Any]] = field(default_factory=list)
    owner: str = "ReplicaSet"
    """Kind of the controller; empty: nobody makes a new one."""
    is_mirror: bool = False
    finalizers: list[str] = field(default_factory=list)
    stop_s: float = 1.0
    """How long its process takes after SIGTERM."""
    phase: str = "Running"
    tolerates_cordon: bool = False
    uid: str = ""
    deleted_grace_s: int | None = None
    """The grace of its deletion; None: it was not deleted."""
    kill_at: float = 0.0

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    @property
    def is_running(self) -> bool:
        """Whether its process may write to its volumes."""
        return bool(self.node) and self.phase == "Running"


@dataclass(slots=True, kw_only=True)
class FakeBudget:
    """A PodDisruptionBudget."""

    name: str
    labels: dict[str, str]
    min_available: int = 1
    namespace: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeAttachment:
    """A VolumeAttachment."""

    volume: str
    node: str
    driver: str = DRIVER


class World:
    """The objects, and what happens to them in time."""

    def __init__(self, *nodes: str, second: float = 0.01) -> None:
        self.second = second
        """What a second of the cluster takes here."""
        self.nodes = {name: FakeNode(name=name) for name in nodes or ("cp1", "worker1")}
        self.pods: dict[tuple[str, str], FakePod] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        """Specifications of persistent volumes by name."""
        self.attachments: set[FakeAttachment] = set()
        self.budgets: list[FakeBudget] = []
        self.detach_s = 1.0
        """From a pod's end to its volume's."""
        self.may_detach = asyncio.Event()
        """Cleared, volumes stay attached until it is set."""
        self.may_detach.set()
        self.torn: list[str] = []
        """Pods whose object was taken away while their process could still write."""
        self._uids = count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What tests set up

    def add_volume(self, name: str, claim: str = "", **spec: Any) -> None:
        """Add a persistent volume, of the CSI driver unless `spec` says otherwise."""
        if not {"csi", "iscsi", "nfs", "hostPath"} & spec.keys():
            spec["csi"] = {"driver": DRIVER, "volumeHandle": f"vol-{name}"}
        self.volumes[name] = {
            "claimRef": {"namespace": "default", "name": claim or name},
            "storageClassName": "nas",
            **spec,
        }

    def add_pod(self, name: str, node: str = "worker1", **more: Any) -> FakePod:
        """Add a pod and let its volumes be attached."""
        pod = FakePod(name=name, node=node, uid=f"uid-{next(self._uids)}", **more)
        self.pods[pod.key] = pod
        self._attach(pod)
        return pod

    # Volumes

    def _volumes_of(self, pod: FakePod) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, spec in self.volumes.items():
            claim = spec["claimRef"]
            if claim["namespace"] == pod.namespace and claim["name"] in pod.claims:
                yield name, spec

    def _attach(self, pod: FakePod) -> None:
        for name, spec in self._volumes_of(pod):
            if pod.node and unique_name(spec):
                self.nodes[pod.node].in_use.add(unique_name(spec))
            if pod.node and "csi" in spec:
                self.attachments.add(FakeAttachment(volume=name, node=pod.node))

    async def _detach(self, pod: FakePod) -> None:
        await asyncio.sleep(self.detach_s * self.second)
        await self.may_detach.wait()
        for name, spec in self._volumes_of(pod):
            others = [p for p in self.pods.values() if p.node == pod.node and p.is_running]
            if any(name == other for p in others for other, _ in self._volumes_of(p)):
                continue
            self.nodes[pod.node].in_use.discard(unique_name(spec))
            self.attachments.discard(FakeAttachment(volume=name, node=pod.node))

    # Pods

    def allowed(self, budget: FakeBudget) -> int:
        healthy = [
            pod
            for pod in self.pods.values()
            if self.covers(budget, pod) and pod.is_running and pod.deleted_grace_s is None
        ]
        return max(0, len(healthy) - budget.min_available)

    @staticmethod
    def covers(budget: FakeBudget, pod: FakePod) -> bool:
        matches = budget.labels.items() <= pod.labels.items()
        return matches and budget.namespace == pod.namespace

    def delete(self, pod: FakePod, grace_s: int | None) -> None:
        """Delete as the API server does: a later, shorter grace replaces the first."""
        grace_s = pod.grace_s if grace_s is None else grace_s
        if grace_s == 0 or not pod.node:
            if pod.is_running:
                self.torn.append(pod.name)
            self._remove(pod)
            return
        now = asyncio.get_running_loop().time()
        if pod.deleted_grace_s is None:
            pod.deleted_grace_s = grace_s
            pod.kill_at = now + grace_s * self.second
            self._spawn(self._stop(pod, now + pod.stop_s * self.second))
            if pod.owner == "ReplicaSet":
                self._replace(pod, f"{pod.name}-{next(self._uids)}")
        elif grace_s < pod.deleted_grace_s:
            pod.deleted_grace_s = grace_s
            pod.kill_at = min(pod.kill_at, now + grace_s * self.second)

    async def _stop(self, pod: FakePod, stops_at: float) -> None:
        loop = asyncio.get_running_loop()
        # No event: a kubelet may die, and a grace become shorter, at any moment.
        while (  # noqa: ASYNC110
            loop.time() < min(pod.kill_at, stops_at) or not self.nodes[pod.node].is_ready
        ):
            await asyncio.sleep(self.second / 4)
        pod.phase = "Succeeded" if loop.time() < pod.kill_at else "Failed"
        if not pod.finalizers:
            self._remove(pod)
        await self._detach(pod)

    def _remove(self, pod: FakePod) -> None:
        if self.pods.get(pod.key) is not pod:
            return
        del self.pods[pod.key]
        if pod.owner in {"StatefulSet", "DaemonSet"}:
            self._replace(pod, pod.name)

    def _replace(self, pod: FakePod, name: str) -> None:
        new = FakePod(
            name=name,
            namespace=pod.namespace,
            labels=dict(pod.labels),
            claims=pod.claims,
            owner=pod.owner,
            phase="Pending",
            tolerates_cordon=pod.tolerates_cordon or pod.owner == "DaemonSet",
            uid=f"uid-{next(self._uids)}",
        )
        self.pods[new.key] = new
        self.schedule()

    def schedule(self) -> None:
        """Give each pod that waits a node that takes it, if there is one."""
        for pod in [pod for pod in self.pods.values() if not pod.node]:
            for node in self.nodes.values():
                if not node.is_unschedulable or pod.tolerates_cordon:
                    pod.node, pod.phase = node.name, "Running"
                    self._attach(pod)
                    break

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def unique_name(spec: dict[str, Any]) -> str:
    """Return how nodes call a volume that can be attached."""
    if csi := spec.get("csi"):
        return f"kubernetes.io/csi/{csi['driver']}^{csi['volumeHandle']}"
    if iscsi := spec.get("iscsi"):
        return f"kubernetes.io/iscsi/{iscsi['targetPortal']}:{iscsi['iqn']}:{iscsi['lun']}"
    return ""
