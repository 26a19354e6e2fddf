"""The hosts of a rack that are of real kinds, with their fakes, and the way to them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
import errno
import re
from typing import Final

import aiohttp

from custom_components.omron_ups.shutdown.target import StopStep
from tests.shutdown.fakes.kubernetes import FakeKubernetes
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.server import FakeServer

from .api_hosts import (
    ApiMachine,
    KubernetesMachine,
    NasMachine,
    NodeMachine,
    RackCluster,
    RackQnap,
    RackSynology,
    guest_of,
)
from .facts import Facts, What
from .life import Life
from .machine import Machine, MachineSpec, MachineState
from .network import Wires
from .wire import Letter, MemoryConnector

SENDING: ContextVar[tuple[str, str] | None] = ContextVar("sending", default=None)
"""Plan and step for which a target sends at this moment."""

type Note = Callable[[What, Machine, StopStep, str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A request that changes something."""

    method: str
    path: str
    """A pattern for all of it."""
    what: What
    step: str = ""
    is_irreversible: bool = False
    holds: Mapping[str, str] | None = None
    """Fields that it must have, too."""
    text: str = ""
    """What its body must have in it."""
    lacks: str = ""
    """What makes it a dry run or another request."""

    def fits(self, letter: Letter) -> bool:
        """Return whether a request is of this kind."""
        if letter.method not in self.method.split("|"):
            return False
        if not re.fullmatch(self.path, letter.path) or self.text not in letter.body:
            return False
        if self.lacks and (self.lacks in letter.body or self.lacks in letter.params):
            return False
        return (self.holds or {}).items() <= letter.params.items()


_PVE: Final = "/api2/json"
MEANINGS: Final = (
    Meaning(
        method="POST",
        path=rf"{_PVE}/nodes/[^/]+/status",
        what=What.REQUEST,
        step="node",
        is_irreversible=True,
    ),
    Meaning(
        method="POST",
        path=rf"{_PVE}/nodes/[^/]+/(stopall|.*/status/(shutdown|stop))",
        what=What.REQUEST,
        step="guests",
    ),
    Meaning(
        method="POST",
        path=rf"{_PVE}/cluster/ha/status/disarm-ha",
        what=What.REQUEST,
        step="disarm_ha",
    ),
    Meaning(method="POST", path=rf"{_PVE}/nodes/[^/]+/wakeonlan", what=What.WAKE),
    Meaning(method="POST|PUT|DELETE", path=rf"{_PVE}/.*", what=What.STEP),
    Meaning(
        method="POST|GET",
        path=r"/cgi-bin/sys/sysRequest\.cgi",
        what=What.REQUEST,
        step="shutdown",
        is_irreversible=True,
        holds={"apply": "shutdown"},
    ),
    Meaning(
        method="POST|GET",
        path=r"/webapi/.*",
        what=What.REQUEST,
        step="shutdown",
        is_irreversible=True,
        holds={"method": "shutdown"},
    ),
    Meaning(
        method="PATCH",
        path=r"/api/v1/nodes/[^/]+",
        what=What.REQUEST,
        step="cordon",
        text='"unschedulable": true',
        lacks="dryRun",
    ),
    Meaning(method="PATCH", path=r"/api/v1/nodes/[^/]+", what=What.STEP, lacks="dryRun"),
    Meaning(
        method="POST|DELETE",
        path=r"/api/v1/namespaces/.*",
        what=What.REQUEST,
        step="evict",
        lacks="dryRun",
    ),
)


def meaning_of(letter: Letter) -> Meaning | None:
    """Return what a request changes; None if nothing."""
    return next((row for row in MEANINGS if row.fits(letter)), None)


class Estate:
    """All hosts of real kinds; part of the world, not of the process that talks to them."""

    def __init__(self, specs: Sequence[MachineSpec], facts: Facts, note: Note) -> None:
        """Build them all."""
        self.facts = facts
        self._note = note
        self.machines: dict[str, ApiMachine] = {}
        self.servers: dict[str, FakeServer] = {}
        self.fingerprints: dict[str, str] = {}
        """Of the certificates that the user confirmed."""
        self.plans: dict[str, str] = {}
        """For which plan each was asked last."""
        self.sessions: list[aiohttp.ClientSession] = []
        self.proxmox = self._build_proxmox([s for s in specs if s.kind == "proxmox"])
        for spec in specs:
            if spec.kind in {"qnap", "synology"}:
                self._add_nas(spec)
            elif spec.kind == "kubernetes":
                self._add_kubernetes(spec)

    def _build_proxmox(self, specs: Sequence[MachineSpec]) -> FakeProxmox | None:
        if not specs:
            return None
        cluster = RackCluster(
            second=1.0,
            began=asyncio.get_running_loop().time(),
            told=self.told_node,
            woken=self.woken,
        )
        guests = [guest_of(g, s.machine_id) for s in specs for g in s.inside.guests]
        names = [spec.machine_id for spec in specs]
        fake = FakeProxmox(*names, guests=guests, cluster=cluster)
        for spec in specs:
            machine = NodeMachine(spec, self.facts, cluster)
            self._add(machine, fake.servers[spec.machine_id])
            fake.servers[spec.machine_id].listener = machine.listener
            if machine.state is MachineState.OFF:
                for guest in machine.guests:
                    guest.is_running = False
        return fake

    def _add_nas(self, spec: MachineSpec) -> None:
        made = RackQnap if spec.kind == "qnap" else RackSynology
        fake = made(spec.machine_id, lambda: self._told(spec.machine_id, "shutdown"))
        self._add(NasMachine(spec, self.facts, fake), fake)

    def _add_kubernetes(self, spec: MachineSpec) -> None:
        fake = FakeKubernetes(*spec.inside.nodes, second=1.0)
        fake.name = spec.machine_id
        self._add(KubernetesMachine(spec, self.facts, fake, self.runs_node), fake)

    def _add(self, machine: ApiMachine, server: FakeServer) -> None:
        self.machines[machine.machine_id] = machine
        self.servers[machine.machine_id] = server
        self.fingerprints[machine.machine_id] = server.certificate.fingerprint

    def nodes(self) -> Iterator[NodeMachine]:
        """Yield the Proxmox VE nodes."""
        return (m for m in self.machines.values() if isinstance(m, NodeMachine))

    def clusters(self) -> Iterator[KubernetesMachine]:
        """Yield the Kubernetes clusters."""
        return (m for m in self.machines.values() if isinstance(m, KubernetesMachine))

    @property
    def cluster(self) -> RackCluster:
        """The Proxmox VE cluster."""
        assert self.proxmox is not None
        assert isinstance(self.proxmox.cluster, RackCluster)
        return self.proxmox.cluster

    def runs_node(self, name: str) -> bool:
        """Return whether the guest runs that is a Kubernetes node."""
        for machine in self.nodes():
            for guest in machine.spec.inside.guests:
                if guest.runs == name:
                    return machine.hosts_guests and self.cluster.guests[guest.vmid].is_running
        return False

    def told_node(self, name: str) -> None:
        """Let a node stop, as it was told."""
        self._told(name, "node")

    def _told(self, machine_id: str, step: str) -> None:
        machine = self.machines[machine_id]
        machine.effects += 1
        self.note(What.CARRIED_OUT, machine, step, is_irreversible=True)
        machine.was_stopped_by_plan = True
        machine.begin_stop("told to")

    def woken(self, name: str) -> None:
        """Let a node start, for a peer has sent the magic packet."""
        self.machines[name].start("magic packet of a peer")

    def note(self, what: What, machine: Machine, step: str, *, is_irreversible: bool) -> None:
        """Write a request down."""
        row = StopStep(key=step, irreversible=is_irreversible)
        self._note(what, machine, row, self.plans.get(machine.machine_id, ""), "")

    def step(self) -> None:
        """Let one tick pass."""
        if self.proxmox is not None:
            up = {m.machine_id for m in self.nodes() if m.hosts_guests}
            for node in self.cluster.nodes.values():
                node.is_on = node.name in up
            # A second vote outside, as small clusters have one.
            self.cluster.is_quorate = 2 * len(up) >= len(self.cluster.nodes)
        for cluster in self.clusters():
            cluster.follow_guests()

    async def open(self) -> None:
        """Let all fakes serve."""
        for server in self.servers.values():
            await server.start()

    async def close(self) -> None:
        """End what still goes on."""
        for session in self.sessions:
            await session.close()
        if self.proxmox is not None:
            await self.cluster.close()
        for cluster in self.clusters():
            await cluster.fake.world.close()


class Way:
    """From one process to the hosts, and back as long as it lives."""

    def __init__(self, estate: Estate, life: Life, wires: Wires) -> None:
        """Belong to a process."""
        self._estate = estate
        self._life = life
        self._wires = wires

    def session(self) -> aiohttp.ClientSession:
        """Return what the targets of the process talk through."""
        made = aiohttp.ClientSession(
            connector=MemoryConnector(self), cookie_jar=aiohttp.DummyCookieJar()
        )
        self._estate.sessions.append(made)
        return made

    def find(self, host: str) -> FakeServer | OSError | None:
        """Return who answers at a host; an error if nobody can, None if nothing is heard."""
        self._life.check()
        machine_id = host.removesuffix(".rack")
        machine = self._estate.machines[machine_id]
        if not self._wires.switch_is_up or machine.quirks.isolated:
            return None
        if machine.has_api():
            return self._estate.servers[machine_id]
        if machine.has_network():
            return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        return OSError(errno.EHOSTUNREACH, "No route to host")

    def leaves(self, server: FakeServer, letter: Letter) -> str | None:
        """Note that a request leaves; returns its fault, or None: it never left."""
        if self._is_over():
            return None
        found = meaning_of(letter)
        if found is None:
            return ""
        self._life.points.reach(f"send {server.name} {letter.label}")
        if self._is_over():
            return None
        machine = self._estate.machines[server.name]
        self._write_down(machine, found, letter)
        fault = self._fault(machine)
        self._life.points.reach(f"sent {server.name} {letter.label}")
        return fault

    def _is_over(self) -> bool:
        return self._life.is_dead

    def _write_down(self, machine: Machine, found: Meaning, letter: Letter) -> None:
        if found.what is What.REQUEST:
            plan_id, _ = SENDING.get() or (self._estate.plans.get(machine.machine_id, ""), "")
            self._estate.plans[machine.machine_id] = plan_id
            final = found.is_irreversible
            self._estate.note(What.REQUEST, machine, found.step, is_irreversible=final)
            return
        who = machine.machine_id
        if found.what is What.WAKE:
            who = letter.path.split("/")[-2]
        self._estate.facts.add(found.what, who, detail=letter.label)

    def _fault(self, machine: Machine) -> str:
        if not machine.quirks.replies:
            return ""
        fault = machine.quirks.replies.pop(0)
        self._estate.facts.hit(fault)
        return fault

    def arrives(self, server: FakeServer, letter: Letter, answer: bytes) -> bool:
        """Return whether an answer, as far as it has come, finds anybody to read it."""
        if self._is_over():
            return False
        found = meaning_of(letter)
        if found is not None:
            self._life.points.reach(f"answer {server.name} {letter.label}")
        if found is not None and found.is_irreversible and _is_refusal(answer):
            self._estate.facts.amend(What.REQUEST, server.name, detail="refused")
        return not self._is_over()

    def delay_s(self, server: FakeServer) -> float:
        """Return how long each answer of a host takes besides the way."""
        return self._estate.machines[server.name].quirks.delay_s


def _is_refusal(answer: bytes) -> bool:
    """Return whether a host has answered that it did nothing."""
    if not answer.startswith(b"HTTP/1.1 2"):
        return True
    return b"<authPassed><![CDATA[0]" in answer or b'"success": false' in answer
