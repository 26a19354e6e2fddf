"""What goes on inside a Proxmox VE cluster: guests, tasks, the HA manager, nodes that power off."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
import re

from .server import FakeServer

ORDER_OF_THE_UNORDERED = 2**63 - 1
ROOT = "root@pam"
STARTED_AT = 0x65000000
"""Seconds since the epoch; tasks of the fake cluster begin here."""


class ApiError(Exception):
    """What the API answers instead of data."""

    def __init__(self, status: int, message: str, **errors: str) -> None:
        """Take HTTP status, reason phrase, and words for each parameter."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


@dataclass(slots=True, kw_only=True)
class Guest:
    """A virtual machine or a container."""

    vmid: int
    node: str
    kind: str = "qemu"
    name: str = ""
    is_running: bool = True
    obeys: bool = True
    """Whether it reacts to ACPI, or its init to the signal."""
    stop_delay_s: float = 0.0
    is_paused: bool = False
    is_template: bool = False
    lock: str = ""
    startup: str = ""
    onboot: bool = False
    disks: dict[str, str] = field(default_factory=dict)
    """Disks as the configuration has them: `scsi0` -> `nas:vm-100-disk-0,size=32G`."""
    ha_state: str = ""
    """The requested state of its HA resource; empty: not managed."""
    was_killed: bool = False
    """Whether it ended without having shut down."""
    end_inside: Callable[[], Awaitable[None]] | None = None
    """Ends what runs in it when it shuts down; only then it is off."""

    @property
    def sid(self) -> str:
        return f"{'ct' if self.kind == 'lxc' else 'vm'}:{self.vmid}"

    @property
    def words(self) -> str:
        return f"{'CT' if self.kind == 'lxc' else 'VM'} {self.vmid}"

    def startup_value(self, key: str, default: int) -> int:
        match = re.search(rf"\b{key}=(\d+)", self.startup)
        return int(match[1]) if match else default


@dataclass(slots=True, kw_only=True)
class Task:
    """What a UPID stands for."""

    upid: str
    type: str
    id: str
    node: str
    user: str
    starttime: int
    exitstatus: str = ""
    job: asyncio.Task[None] | None = None

    def as_json(self) -> dict[str, object]:
        user, _, token = self.user.partition("!")
        told: dict[str, object] = {"upid": self.upid, "type": self.type, "id": self.id}
        told |= {"node": self.node, "user": user, "starttime": self.starttime, "pid": 4711}
        if token:
            told["tokenid"] = token
        return told


@dataclass(slots=True, kw_only=True)
class Node:
    """A host of the cluster."""

    name: str
    server: FakeServer
    is_on: bool = True
    mac: str = "02:00:00:00:00:01"
    os_stop_s: float = 0.0
    """How long the host is on after its API is gone."""
    ignores_poweroff: bool = False
    poweroffs: int = 0


@dataclass(slots=True)
class Cluster:
    """All of it. `second` is how long a second of the fake lasts."""

    second: float = 1.0
    nodes: dict[str, Node] = field(default_factory=dict)
    guests: dict[int, Guest] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    is_quorate: bool = True
    ha_mode: str = ""
    """`freeze` or `ignore` while disarmed."""
    disarm_looks: int = 0
    """How many looks at its state it takes until the HA manager has disarmed itself."""
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _jobs: set[asyncio.Task[None]] = field(default_factory=set)

    async def close(self) -> None:
        """End whatever is still going on."""
        for job in tuple(self._jobs):
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until nothing goes on any more."""
        while pending := [job for job in self._jobs if not job.done()]:
            await asyncio.wait(pending)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        job = asyncio.get_running_loop().create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.second)

    def guest(self, vmid: str, node: str) -> Guest:
        guest = self.guests.get(int(vmid))
        if guest is None or guest.node != node:
            raise ApiError(500, f"Configuration file 'nodes/{node}/{vmid}.conf' does not exist")
        return guest

    def is_managed(self, guest: Guest) -> bool:
        """Return what PVE::HA::Config::vm_is_ha_managed does: only `ignore` lets guests loose."""
        return guest.ha_state not in {"", "ignored"} and self.ha_mode != "ignore"

    def begin(
        self, kind: str, node: str, user: str, work: Coroutine[object, object, str], of: str = ""
    ) -> str:
        """Run a worker as a task and return its UPID."""
        number = next(self._numbers)
        upid = f"UPID:{node}:{number:08X}:0000ABCD:{STARTED_AT + number:08X}:{kind}:{of}:{user}:"
        task = Task(
            upid=upid, type=kind, id=of, node=node, user=user, starttime=STARTED_AT + number
        )
        self.tasks[upid] = task
        task.job = self.spawn(self._run(task, work))
        return upid

    async def _run(self, task: Task, work: Coroutine[object, object, str]) -> None:
        try:
            task.exitstatus = await work
        except asyncio.CancelledError:
            task.exitstatus = "unexpected status"
            raise

    async def _wait_for(self, upids: Iterable[str]) -> None:
        if jobs := [job for upid in upids if (job := self.tasks[upid].job) is not None]:
            # Not gathered: the guests' own tasks go on when the one that waits is aborted.
            await asyncio.wait(jobs)

    def active(self, node: str) -> list[Task]:
        return [t for t in self.tasks.values() if t.node == node and not t.exitstatus]

    def abort(self, upid: str) -> None:
        task = self.tasks[upid]
        if task.job is not None and not task.exitstatus:
            task.exitstatus = "unexpected status"
            task.job.cancel()

    def shutdown_guest(self, guest: Guest, user: str, timeout: int, *, force: bool) -> str:
        """Do what `status/shutdown` does."""
        if guest.kind == "lxc" and not guest.is_running:
            raise ApiError(500, f"CT {guest.vmid} not running")
        if guest.is_paused and not force:
            raise ApiError(500, "VM is paused - cannot shutdown")
        if self.is_managed(guest):
            return self.begin("hastop", guest.node, user, self._ha_stop(guest), str(guest.vmid))
        kind = "vzshutdown" if guest.kind == "lxc" else "qmshutdown"
        work = self._shut_down(guest, timeout, force=force)
        return self.begin(kind, guest.node, user, work, str(guest.vmid))

    async def _shut_down(self, guest: Guest, limit: int, *, force: bool) -> str:
        if guest.lock:
            return f"{guest.words.split()[0]} is locked ({guest.lock})"
        if guest.obeys and not guest.is_paused and guest.stop_delay_s <= limit:
            await self.sleep(guest.stop_delay_s)
            if guest.end_inside is not None:
                await guest.end_inside()
            guest.is_running = False
            return "OK"
        await self.sleep(0 if guest.is_paused else limit)
        if not force:
            return "VM quit/powerdown failed - got timeout"
        self.kill(guest)
        return "OK"

    def kill(self, guest: Guest) -> None:
        guest.was_killed |= guest.is_running
        guest.is_running = False

    async def _ha_stop(self, guest: Guest) -> str:
        """Queue a command for the HA manager, which ends the task and does the work on its own."""
        if not self.ha_mode:
            guest.ha_state = "stopped"
            self.spawn(self._ha_stopped(guest))
        return "OK"

    async def _ha_stopped(self, guest: Guest) -> None:
        await self.sleep(guest.stop_delay_s)
        if guest.obeys:
            guest.is_running = False
        else:
            self.kill(guest)

    def stop_guest(self, guest: Guest, user: str, *, overrule: bool) -> str:
        """Do what `status/stop` does."""
        if self.is_managed(guest):
            if overrule:
                words = "Not applicable for HA resources."
                raise ApiError(
                    400, "Parameter verification failed.", **{"overrule-shutdown": words}
                )
            return self.begin("hastop", guest.node, user, self._ha_stop(guest), str(guest.vmid))
        kind = "vzstop" if guest.kind == "lxc" else "qmstop"
        work = self._stop(guest, overrule=overrule)
        return self.begin(kind, guest.node, user, work, str(guest.vmid))

    async def _stop(self, guest: Guest, *, overrule: bool) -> str:
        if guest.lock:
            return f"VM is locked ({guest.lock})"
        waiting = [
            task
            for task in self.active(guest.node)
            if task.type in {"qmshutdown", "vzshutdown"} and task.id == str(guest.vmid)
        ]
        if waiting and not overrule:
            return "can't lock file '/var/lock/qemu-server/lock.conf' - got timeout"
        for task in waiting:
            self.abort(task.upid)
        self.kill(guest)
        return "OK"

    def chosen(self, node: str, vms: str) -> list[Guest]:
        """Return what stopall and startall consider: an explicit list has HA's guests too."""
        wanted = {int(vmid) for vmid in re.findall(r"\d+", vms)}
        return [
            guest
            for guest in self.guests.values()
            if guest.node == node
            and not guest.is_template
            and (guest.vmid in wanted if vms else not self.is_managed(guest))
        ]

    async def stop_all(self, node: str, user: str, params: Mapping[str, str]) -> str:
        """Do what the task of `stopall` does."""
        default = int(params.get("timeout", 180))
        force = params.get("force-stop", "1") == "1"
        groups: dict[int, list[Guest]] = {}
        for guest in self.chosen(node, params.get("vms", "")):
            order = guest.startup_value("order", ORDER_OF_THE_UNORDERED)
            groups.setdefault(order, []).append(guest)
        for _, members in sorted(groups.items(), reverse=True):
            await self._wait_for(
                self.shutdown_guest(guest, user, guest.startup_value("down", default), force=force)
                for guest in members
                if guest.is_running
            )
        return "OK"

    async def start_all(self, node: str, user: str, params: Mapping[str, str]) -> str:
        """Do what the task of `startall` does."""
        while not self.is_quorate:
            await self.sleep(1)
        for guest in self.chosen(node, params.get("vms", "")):
            guest.lock = "" if guest.lock == "backup" else guest.lock
            if guest.onboot or params.get("force") == "1":
                await self._wait_for([self.start_guest(guest, user)])
        return "OK"

    def start_guest(self, guest: Guest, user: str) -> str:
        """Do what `status/start` does."""
        kind = "vzstart" if guest.kind == "lxc" else "qmstart"
        return self.begin(kind, guest.node, user, self._start(guest), str(guest.vmid))

    async def _start(self, guest: Guest) -> str:
        if self.is_managed(guest):
            guest.ha_state = "started"
        guest.is_running = True
        return "OK"

    def power_off(self, node: Node) -> None:
        """Do what the node's `status` does: fire and forget."""
        node.poweroffs += 1
        if not node.ignores_poweroff:
            self.spawn(self._power_off(node))

    async def _power_off(self, node: Node) -> None:
        await self.sleep(2)
        left = [g for g in self.guests.values() if g.node == node.name and self.is_managed(g)]
        work = self.stop_all(node.name, ROOT, {})
        await self._wait_for([self.begin("stopall", node.name, ROOT, work)])
        for guest in left:
            # With its resources frozen nobody stops them: the machines end with their host.
            if self.ha_mode == "freeze":
                self.kill(guest)
            await self._ha_stopped(guest)
        await node.server.stop()
        await self.sleep(node.os_stop_s)
        node.is_on = False

    async def power_on(self, name: str) -> None:
        """Let a node boot, which starts the guests that are to be started with it."""
        node = self.nodes[name]
        node.is_on = True
        await node.server.start()
        self.begin("startall", name, ROOT, self.start_all(name, ROOT, {}))

    def look_at_ha(self) -> dict[str, object]:
        """Return the fencing entry of the HA status."""
        told: dict[str, object] = {
            "id": "fencing",
            "type": "fencing",
            "node": next(iter(self.nodes)),
        }
        if not self.ha_mode:
            return told | {"armed-state": "armed", "status": "armed"}
        self.disarm_looks -= 1
        state = "disarming" if self.disarm_looks >= 0 else "disarmed"
        return told | {"armed-state": state, "status": state, "resource_mode": self.ha_mode}
