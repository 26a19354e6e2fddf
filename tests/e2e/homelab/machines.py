"""The machines of the homelab: what hangs on the UPS, and what each does without power."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self, override

from custom_components.omron_ups.driver.simulator.commands import WRITES
from custom_components.omron_ups.driver.simulator.unit import CR, SimulatedUps
from tests.shutdown.fakes.kubernetes import FakeKubernetes
from tests.shutdown.fakes.kubernetes_world import FakeBudget
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import Guest
from tests.shutdown.fakes.qnap import POWER, FakeQnap
from tests.shutdown.fakes.server import Asked, FakeServer, certificate
from tests.shutdown.fakes.synology import FakeSynology

from .facts import Facts
from .small_hosts import NutHost, Port, SshHost, WebHost

SECOND_S = 0.1
"""What a second of the fake hosts takes."""
HOME_ASSISTANT = 100
"""VMID of the guest that runs Home Assistant, on pve1."""
QNAP_ADDRESS, SYNOLOGY_ADDRESS = "192.0.2.20", "192.0.2.21"
"""What stands in the volumes of Kubernetes; nobody connects to it."""
NODE_VMS: Mapping[str, int] = {"cp1": 101, "worker1": 102, "worker2": 103}


def _guests() -> tuple[Guest, ...]:
    """Return the guests; those with a disk on the NAS are not started with their node."""
    return (
        Guest(vmid=HOME_ASSISTANT, node="pve1", name="haos", onboot=True, stop_delay_s=1.0),
        Guest(vmid=110, node="pve1", name="dns", kind="lxc", onboot=True, stop_delay_s=3.0),
        Guest(vmid=101, node="pve2", name="k8s-cp1", startup="order=2", stop_delay_s=9.0),
        Guest(vmid=102, node="pve2", name="k8s-worker1", startup="order=3", stop_delay_s=9.0),
        Guest(vmid=103, node="pve3", name="k8s-worker2", startup="order=3", stop_delay_s=9.0),
        Guest(vmid=120, node="pve3", name="lab", is_running=False),
    )


def _cluster() -> FakeKubernetes:
    """Return a cluster whose pods use the NAS in every way there is, and one pod that does not."""
    kubernetes = FakeKubernetes(*NODE_VMS, second=SECOND_S)
    world = kubernetes.world
    portal = {"targetPortal": f"{QNAP_ADDRESS}:3260", "iqn": "iqn.2004-04.example:media", "lun": 0}
    world.add_volume("postgres")
    world.add_volume("media", iscsi=portal)
    world.add_volume("backup", nfs={"server": QNAP_ADDRESS, "path": "/backup"})
    world.add_volume("photos", nfs={"server": SYNOLOGY_ADDRESS, "path": "/photos"})
    world.detach_s = 5.0
    # Somebody works at it, and wants it to stay as it is.
    world.nodes["worker2"].is_unschedulable = True
    world.budgets.append(FakeBudget(name="postgres", labels={"app": "postgres"}))
    world.add_pod(
        "postgres-0",
        "worker1",
        claims=("postgres",),
        owner="StatefulSet",
        labels={"app": "postgres"},
        stop_s=6.0,
    )
    world.add_pod("media", "worker2", claims=("media",), stop_s=6.0)
    world.add_pod("backup", "worker1", claims=("backup",), stop_s=4.0)
    world.add_pod("photos", "worker1", claims=("photos",), stop_s=4.0)
    world.add_pod("web", "worker1", stop_s=2.0)
    world.add_pod("log-agent", "worker1", owner="DaemonSet", stop_s=2.0)
    return kubernetes


class NotingUps(SimulatedUps):
    """The UPS, which notes the requests that set something."""

    def __init__(self, facts: Facts) -> None:
        """Begin on mains."""
        super().__init__()
        self._facts = facts

    @override
    def deliver(self, request: bytes) -> tuple[bytes, ...]:
        text = request.split(CR)[0].decode("latin-1")
        if self.reachable and any(row.pattern.fullmatch(text) for row in WRITES):
            self._facts.note("ups", f"told {text}", is_change=True)
        return super().deliver(request)


class _Told(list[str]):
    """A list that tells of what is added to it."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    @override
    def append(self, item: str) -> None:
        self._tell(item)
        super().append(item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Something with a power cord."""

    name: str
    is_on: Callable[[], bool]
    boot: Callable[[], Awaitable[None]]
    """What it does when it gets power, or is woken."""
    cut: Callable[[], Awaitable[None]]
    """What a power cut does to it."""
    boot_s: float = 1.0
    returns: bool = True
    """Whether it starts by itself when it gets power."""


@dataclass(slots=True)
class Machines:
    """All of them. As a context manager they are on."""

    facts: Facts
    nut_port: int
    nut_login: tuple[str, str]
    ups: NotingUps = field(init=False)
    kubernetes: FakeKubernetes = field(init=False)
    proxmox: FakeProxmox = field(init=False)
    qnap: FakeQnap = field(init=False)
    synology: FakeSynology = field(init=False)
    desktop: SshHost = field(init=False)
    plug: WebHost = field(init=False)
    workstation: NutHost = field(init=False)
    qnap_has_booted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, the QNAP ends its boot: its volumes are there."""
    second_ports: dict[str, Port] = field(default_factory=dict)
    """A port beside the API's of each host that has one: SSH, iSCSI, SMB."""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _boot: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        """Make them; nothing is on."""
        note = self.facts.note
        self.ups = NotingUps(self.facts)
        self.ups.load, self.ups.charge = 12.0, 80.0
        self.kubernetes = _cluster()
        self.kubernetes.changes = _Told(lambda item: note("kubernetes", item, is_change=True))
        self.proxmox = FakeProxmox("pve1", "pve2", "pve3", guests=_guests(), second=SECOND_S)
        for node in self.proxmox.cluster.nodes.values():
            node.os_stop_s = 5.0
        # It neither starts by itself nor hears a packet, but its neighbour can wake it.
        self.proxmox.cluster.nodes["pve3"].mac = "02:00:00:00:00:03"
        self.qnap = FakeQnap("qnap", second=SECOND_S)
        self.synology = FakeSynology("synology", second=SECOND_S)
        self.synology.has_two_step = True
        for nas in (self.qnap, self.synology):
            nas.disks_stop_s = 20.0
        self.desktop = SshHost(lambda what: note("desktop", what, is_change=True), stop_s=0.5)
        self.plug = WebHost(stop_s=0.5)
        self.workstation = NutHost(
            self.nut_port,
            self.nut_login,
            lambda what: note("workstation", what, is_change=True),
            stop_s=0.5,
        )
        self._listen()

    def _listen(self) -> None:
        """Note the requests that are to change something."""
        servers: dict[str, tuple[FakeServer, Callable[[Asked], str]]] = {
            **{name: (server, _of_proxmox) for name, server in self.proxmox.servers.items()},
            "qnap": (self.qnap, _of_qnap),
            "synology": (self.synology, _of_synology),
            "plug": (self.plug, _of_plug),
        }
        for name, (server, words_of) in servers.items():
            server.on_asked = self._listener(name, words_of)

    def _listener(self, name: str, words_of: Callable[[Asked], str]) -> Callable[[Asked], None]:
        def note(asked: Asked) -> None:
            if words := words_of(asked):
                self.facts.note(name, words, is_change=True)

        return note

    async def __aenter__(self) -> Self:
        """Switch all of them on."""
        enter = self._stack.enter_async_context
        for server in (self.kubernetes, self.proxmox, self.qnap, self.synology, self.plug):
            await enter(server)
        await self.desktop.power_on()
        self._stack.push_async_callback(self.desktop.power_off)
        for name in (*self.proxmox.servers, "qnap", "synology"):
            port = self.second_ports[name] = Port()
            await port.open()
            self._stack.push_async_callback(port.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let all of them go."""
        if self._boot is not None:
            self._boot.cancel()
        await self.workstation.power_off()
        await self._stack.aclose()

    @property
    def servers(self) -> Mapping[str, FakeServer]:
        """Every web server by its host's name."""
        return {
            "kubernetes": self.kubernetes,
            **self.proxmox.servers,
            "qnap": self.qnap,
            "synology": self.synology,
            "plug": self.plug,
        }

    # What hangs on the UPS

    @property
    def on_ups(self) -> tuple[Machine, ...]:
        """Everything that the output of the UPS feeds."""
        nodes = (self._node(name) for name in self.proxmox.servers)
        return (*nodes, *self._nas(), *self._small())

    def _node(self, name: str) -> Machine:
        node = self.proxmox.cluster.nodes[name]

        async def boot() -> None:
            # Proxmox VE renews a node's certificate by itself, and any start may be the first.
            if name == "pve2":
                node.server.certificate = certificate("pve2, renewed")
                self.facts.note(name, "its certificate was renewed")
            await self.proxmox.cluster.power_on(name)

        async def cut() -> None:
            await node.server.stop()
            node.is_on = False
            for guest in self.proxmox.cluster.guests.values():
                guest.is_running = guest.is_running and guest.node != name

        return Machine(
            name=name, is_on=lambda: node.is_on, boot=boot, cut=cut, returns=name != "pve3"
        )

    def _nas(self) -> tuple[Machine, ...]:
        async def boot_qnap() -> None:
            self.qnap_has_booted.clear()
            await self.qnap.power_on()
            self._boot = asyncio.create_task(self._end_boot(), name="qnap boots")

        async def cut_qnap() -> None:
            self.qnap.is_on = False
            await self.qnap.stop()

        async def cut_synology() -> None:
            self.synology.is_on = False
            await self.synology.stop()

        return (
            Machine(
                name="qnap",
                is_on=lambda: self.qnap.is_on,
                boot=boot_qnap,
                cut=cut_qnap,
                boot_s=3.0,
            ),
            Machine(
                name="synology",
                is_on=lambda: self.synology.is_on,
                boot=self.synology.power_on,
                cut=cut_synology,
                boot_s=4.0,
            ),
        )

    async def _end_boot(self) -> None:
        await self.qnap_has_booted.wait()
        self.qnap.is_booting = False

    def _small(self) -> tuple[Machine, ...]:
        return (
            Machine(
                name="desktop",
                is_on=lambda: self.desktop.is_on,
                boot=self.desktop.power_on,
                cut=self.desktop.power_off,
            ),
            Machine(
                name="workstation",
                is_on=lambda: self.workstation.is_on,
                boot=self.workstation.power_on,
                cut=self.workstation.power_off,
            ),
        )

    # What is so at a moment

    def sessions(self) -> list[str]:
        """Return who is logged in to the QNAP: pods by their nodes, node VMs by their disks."""
        guests = self.proxmox.cluster.guests
        world = self.kubernetes.world
        alive = {name for name, vmid in NODE_VMS.items() if guests[vmid].is_running}
        volumes = [
            f"{volume} on {node.name}"
            for node in world.nodes.values()
            if node.name in alive
            for volume in sorted(node.in_use)
        ]
        disks = [f"disk of {guests[vmid].name}" for vmid in NODE_VMS.values()]
        running = [guests[vmid].is_running for vmid in NODE_VMS.values()]
        return volumes + [disk for disk, runs in zip(disks, running, strict=True) if runs]

    def users_of_nas(self) -> list[str]:
        """Return the pods that run and have a volume on a NAS, and the volumes in use."""
        world = self.kubernetes.world
        pods = [pod.name for pod in world.pods.values() if pod.is_running and pod.claims]
        return pods + sorted({v for node in world.nodes.values() for v in node.in_use})


def _of_proxmox(asked: Asked) -> str:
    if asked.method == "GET":
        return ""
    words = f"{asked.method} {asked.path.removeprefix('/api2/json')}"
    told = {key: asked.params[key] for key in ("command", "vms") if key in asked.params}
    return f"{words} {', '.join(f'{key}={value}' for key, value in told.items())}".strip()


def _of_qnap(asked: Asked) -> str:
    apply = asked.params.get("apply", "")
    return f"{asked.method} {POWER} apply={apply}" if asked.path == POWER and apply else ""


def _of_synology(asked: Asked) -> str:
    method = asked.params.get("method", "")
    return f"SYNO.Core.System {method}" if method in {"shutdown", "reboot"} else ""


def _of_plug(asked: Asked) -> str:
    return "" if asked.method == "GET" else f"{asked.method} .../{asked.path.rpartition('/')[2]}"
