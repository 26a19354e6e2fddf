"""Machines of the rack behind the fakes of their APIs: what the fake is told, the machine does."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Final, override

from tests.shutdown.fakes.kubernetes import FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeBudget, FakeNode, FakePod
from tests.shutdown.fakes.proxmox_cluster import ROOT, Cluster, Guest, Node
from tests.shutdown.fakes.qnap import FakeQnap
from tests.shutdown.fakes.synology import FakeSynology

from .facts import Facts, What
from .inside import OWN_VMID, GuestSpec
from .machine import Machine, MachineSpec, MachineState
from .wire import RST, MemoryListener

POWEROFF_S: Final = 2.0
"""From Proxmox VE's answer to the beginning of the end."""


class ApiMachine(Machine):
    """What machines with a fake have in common."""

    def __init__(self, spec: MachineSpec, facts: Facts) -> None:
        """Begin as the installation stands before anything happens."""
        super().__init__(spec, facts)
        self.listener = MemoryListener(self.has_api)
        self.effects = 0
        """How many final requests were carried out."""

    def has_api(self) -> bool:
        """Return whether its API answers."""
        return self.has_ports() and not self.quirks.is_mute

    @override
    def _enter(self, state: MachineState, what: What, detail: str) -> None:
        super()._enter(state, what, detail)
        if state is MachineState.OFF:
            # Nobody is left to say so.
            self.listener.drop(None)
        # What goes on in a host is no part of whoever started it.
        Context().run(self.entered, state, what)

    def entered(self, state: MachineState, what: What) -> None:
        """Let the fake know."""


class NasMachine(ApiMachine):
    """A NAS."""

    def __init__(self, spec: MachineSpec, facts: Facts, fake: FakeQnap | FakeSynology) -> None:
        """Be behind a fake."""
        super().__init__(spec, facts)
        self.fake = fake
        fake.listener = self.listener

    @override
    def has_ports(self) -> bool:
        # A QNAP shows its login page long before its volumes are there.
        if self.state is MachineState.BOOTING and isinstance(self.fake, FakeQnap):
            return self.has_network()
        return super().has_ports()

    @override
    def entered(self, state: MachineState, what: What) -> None:
        self.fake.is_on = state is not MachineState.OFF
        if state is MachineState.OFF:
            self.fake.forget_sessions()
        if state is MachineState.STOPPING:
            loop = asyncio.get_running_loop()
            loop.call_later(0.5 * self.stop_s, self.listener.drop, RST)
        if isinstance(self.fake, FakeQnap):
            self.fake.is_going = state is MachineState.STOPPING
            self.fake.is_booting = state is MachineState.BOOTING


class RackQnap(FakeQnap):
    """Tells the machine."""

    def __init__(self, name: str, told: Callable[[], None]) -> None:
        """Call `told` when it is to stop."""
        super().__init__(name, second=1.0)
        self._told = told

    @override
    def begin_to_stop(self) -> None:
        self._told()


class RackSynology(FakeSynology):
    """Tells the machine."""

    def __init__(self, name: str, told: Callable[[], None]) -> None:
        """Call `told` when it is to stop."""
        super().__init__(name, second=1.0)
        self._told = told

    @override
    def begin_to_stop(self) -> None:
        self._told()


@dataclass(slots=True)
class RackCluster(Cluster):
    """Tells the machines, and knows what the plan did to guests."""

    told: Callable[[str], None] = field(default=lambda _name: None)
    woken: Callable[[str], None] = field(default=lambda _name: None)
    own_stops: Callable[[], None] = field(default=lambda: None)
    own_starts: Callable[[], None] = field(default=lambda: None)
    began: float = 0.0
    asked: dict[int, str] = field(default_factory=dict)
    """Guests that the plan told to stop, and nobody started since."""
    killed: dict[int, float] = field(default_factory=dict)
    """When guests were switched off hard that ran on a host that went on."""

    @override
    def power_off(self, node: Node) -> None:
        node.poweroffs += 1
        if not node.ignores_poweroff:
            self.told(node.name)

    @override
    async def power_on(self, name: str) -> None:
        self.woken(name)

    @override
    def shutdown_guest(self, guest: Guest, user: str, timeout: int, *, force: bool) -> str:
        self._note(guest, user)
        return Cluster.shutdown_guest(self, guest, user, timeout, force=force)

    @override
    def stop_guest(self, guest: Guest, user: str, *, overrule: bool) -> str:
        self._note(guest, user)
        return Cluster.stop_guest(self, guest, user, overrule=overrule)

    @override
    async def _start(self, guest: Guest) -> str:
        was_running = guest.is_running
        words = await Cluster._start(self, guest)
        self.asked.pop(guest.vmid, None)
        if guest.vmid == OWN_VMID and not was_running:
            self.own_starts()
        return words

    def _note(self, guest: Guest, user: str) -> None:
        if user != ROOT and guest.is_running:
            self.asked[guest.vmid] = user
        if guest.vmid == OWN_VMID and guest.is_running:
            self.own_stops()

    @override
    def kill(self, guest: Guest) -> None:
        if guest.is_running and self.nodes[guest.node].is_on:
            self.killed[guest.vmid] = asyncio.get_running_loop().time() - self.began
        Cluster.kill(self, guest)

    def start_managed(self, node: str) -> None:
        """Let HA start what it looks after on a node that has booted."""
        for guest in self.guests.values():
            if guest.node == node and guest.ha_state == "started" and not self.ha_mode:
                guest.is_running = True
                self.asked.pop(guest.vmid, None)


class NodeMachine(ApiMachine):
    """A Proxmox VE node: its guests end first, then its API, then itself."""

    def __init__(self, spec: MachineSpec, facts: Facts, cluster: RackCluster) -> None:
        """Be a node of a cluster."""
        self._job: asyncio.Task[None] | None = None
        self._is_past_guests = False
        super().__init__(spec, facts)
        self.cluster = cluster

    @property
    def guests(self) -> Iterator[Guest]:
        """Its guests."""
        return (g for g in self.cluster.guests.values() if g.node == self.machine_id)

    @property
    def is_among_guests(self) -> bool:
        """Whether it has not come further than to its guests."""
        return self.state is MachineState.STOPPING and not self._is_past_guests

    @property
    def hosts_guests(self) -> bool:
        """Whether guests can run on it."""
        return self.state is MachineState.UP or self.is_among_guests

    @property
    @override
    def is_changing(self) -> bool:
        return super().is_changing or (self._job is not None and not self._job.done())

    @override
    def has_ports(self) -> bool:
        return self.is_among_guests or super().has_ports()

    @override
    def has_network(self) -> bool:
        return self.is_among_guests or super().has_network()

    @override
    def begin_stop(self, cause: str) -> None:
        if self.state is not MachineState.UP:
            return
        self._is_past_guests = False
        self._enter(MachineState.STOPPING, What.STOPPING, cause)
        self._job = _spawn(self._stop())

    async def _stop(self) -> None:
        await asyncio.sleep(POWEROFF_S)
        left = [g for g in self.guests if g.is_running and self.cluster.is_managed(g)]
        work = self.cluster.stop_all(self.machine_id, ROOT, {})
        task = self.cluster.tasks[self.cluster.begin("stopall", self.machine_id, ROOT, work)]
        if task.job is not None:
            await asyncio.wait([task.job])
        for guest in left:
            # The node's HA agent stops them, and does not change what is wanted of them.
            await asyncio.sleep(guest.stop_delay_s)
            guest.is_running = False
        self._is_past_guests = True
        self.since = self._facts.now()
        self.listener.drop(RST)
        if self.quirks.hangs:
            self._facts.hit("hangs")
        else:
            self._later(self.stop_s, self._reach_off)

    @override
    def entered(self, state: MachineState, what: What) -> None:
        if state is MachineState.OFF:
            self._lose_all()
        if state is MachineState.UP:
            self._boot_guests()

    def _lose_all(self) -> None:
        self.cluster.nodes[self.machine_id].is_on = False
        if self._job:
            self._job.cancel()
        for task in self.cluster.active(self.machine_id):
            self.cluster.abort(task.upid)
        for guest in self.guests:
            self.cluster.kill(guest)

    def _boot_guests(self) -> None:
        work = self.cluster.start_all(self.machine_id, ROOT, {})
        self.cluster.begin("startall", self.machine_id, ROOT, work)
        self.cluster.start_managed(self.machine_id)

    def left_off(self) -> list[int]:
        """Return the guests that the plan stopped and nobody started again."""
        return [g.vmid for g in self.guests if g.vmid in self.cluster.asked and not g.is_running]

    @property
    @override
    def is_restored(self) -> bool:
        """Whether all guests run that the plan stopped."""
        return not self.left_off() and not self.cluster.ha_mode


class KubernetesMachine(ApiMachine):
    """A Kubernetes cluster whose nodes are guests of Proxmox VE nodes."""

    def __init__(
        self,
        spec: MachineSpec,
        facts: Facts,
        fake: FakeKubernetes,
        vms: Callable[[str], bool],
    ) -> None:
        """Be behind a fake; `vms` tells whether the guest runs that is a node."""
        super().__init__(spec, facts)
        self.fake = fake
        self.dead_kubelets: frozenset[str] = frozenset()
        """Nodes that run, with pods that run, and nobody who tells of them."""
        self._runs = vms
        fake.listener = self.listener
        world = fake.world
        world.detach_s = spec.inside.detach_s
        for name in spec.inside.cordoned:
            world.nodes[name].is_unschedulable = True
        self._add_pods()

    def _add_pods(self) -> None:
        inside, world = self.spec.inside, self.fake.world
        for pod in inside.pods:
            if pod.has_volume:
                world.add_volume(pod.name, **self._volume(pod.name))
            if pod.has_budget:
                world.budgets.append(FakeBudget(name=pod.name, labels={"app": pod.name}))
            world.add_pod(
                pod.name,
                node=pod.node,
                claims=(pod.name,) if pod.has_volume else (),
                owner=pod.owner,
                grace_s=pod.grace_s,
                stop_s=pod.stop_s,
                labels={"app": pod.name},
            )

    def _volume(self, name: str) -> dict[str, Any]:
        if self.spec.inside.storage == "csi":
            return {}
        iqn = f"iqn.2004-04.com.example:{name}"
        return {"iscsi": {"targetPortal": "nas0.rack:3260", "iqn": iqn, "lun": 1}}

    def follow_guests(self) -> None:
        """Live as long as the guests do that are its nodes."""
        for node in self.fake.world.nodes.values():
            node.is_ready = self._runs(node.name) and node.name not in self.dead_kubelets
        is_up = self._runs(next(iter(self.fake.world.nodes)))
        state = MachineState.UP if is_up else MachineState.OFF
        if state is not self.state:
            self._enter(state, What.UP if is_up else What.OFF, "")

    @override
    def follow(self, nodes: object) -> None:
        """Do nothing: it follows the guests."""

    @property
    @override
    def is_running(self) -> bool:
        return any(self._runs(name) for name in self.fake.world.nodes)

    @property
    @override
    def is_logged_in(self) -> bool:
        return any(map(self._holds_volumes, self.fake.world.nodes.values()))

    def _holds_volumes(self, node: FakeNode) -> bool:
        """Return whether a node that runs has a volume, or a pod that writes to one."""
        if not self._runs(node.name):
            return False
        world = self.fake.world
        pods = (p for p in world.pods.values() if p.node == node.name and p.is_running and p.claims)
        attached = (a for a in world.attachments if a.node == node.name)
        return bool(node.in_use) or any(pods) or any(attached)

    @property
    def ours(self) -> list[str]:
        """The nodes that carry our annotation."""
        return [node.name for node in self.fake.world.nodes.values() if node.annotations]

    @property
    @override
    def is_restored(self) -> bool:
        """Whether none of our cordons is left."""
        return not self.ours

    def pods_left(self) -> list[FakePod]:
        """Return the pods that have no node to run on."""
        return [pod for pod in self.fake.world.pods.values() if not pod.node]


def guest_of(spec: GuestSpec, node: str) -> Guest:
    """Return the guest of the fake."""
    return Guest(
        vmid=spec.vmid,
        node=node,
        kind=spec.kind,
        is_running=spec.is_running,
        obeys=spec.obeys,
        stop_delay_s=spec.stop_s,
        startup=spec.startup,
        onboot=spec.onboot,
        ha_state=spec.ha_state,
    )


def _spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work, context=Context())
