"""What follows from what: no power without the output, no pod without its machine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import contextlib
from typing import Final

from tests.shutdown.fakes.kubernetes_world import FakePod, unique_name

from .facts import Differences
from .machines import HOME_ASSISTANT, NODE_VMS, Machine, Machines

_LOOK_S: Final = 0.02
_CONTROL_PLANE_BOOT_S: Final = 1.0
QUORUM: Final = 2
"""Of three nodes."""


class Physics:
    """Watches the machines, and lets what must follow follow; runs until cancelled."""

    def __init__(
        self,
        machines: Machines,
        *,
        is_alive: Callable[[], bool],
        start_hass: Callable[[], Awaitable[None]],
        kill_hass: Callable[[], Awaitable[None]],
    ) -> None:
        """Take the machines, and the way to the process of Home Assistant."""
        self._machines = machines
        self._is_alive = is_alive
        self._start_hass = start_hass
        self._kill_hass = kill_hass
        self._differences = Differences(machines.facts, self.look)
        self._had_output = True
        self._booting: dict[str, asyncio.Task[None]] = {}
        self._control_plane: asyncio.Task[None] | None = None
        self._hass: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Live."""
        try:
            while True:
                await self._follow()
                self._differences.take()
                await asyncio.sleep(_LOOK_S)
        finally:
            tasks = [*self._booting.values(), self._control_plane, self._hass]
            for task in filter(None, tasks):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def look(self) -> Mapping[tuple[str, str], str]:
        """Return all states, by owner and thing."""
        return {
            **self._ups(),
            **self._hosts(),
            **self._guests(),
            **self._cluster(),
            ("home assistant", "process"): "runs" if self._is_alive() else "has ended",
        }

    def _ups(self) -> Mapping[tuple[str, str], str]:
        ups = self._machines.ups
        return {
            ("ups", "mains"): "on" if ups.mains else "off",
            ("ups", "output"): "on" if ups.output_on else "off",
            ("ups", "battery"): "low" if ups.battery_low else "not low",
        }

    def _hosts(self) -> Mapping[tuple[str, str], str]:
        machines = self._machines
        found = {(m.name, ""): "on" if m.is_on() else "off" for m in machines.on_ups}
        found |= {
            (name, "API"): "answers" if server.is_serving else "silent"
            for name, server in machines.servers.items()
        }
        found["plug", ""] = "on" if machines.plug.is_on else "off"
        found["qnap", "volumes"] = "not there" if machines.qnap.is_booting else "there"
        is_in = machines.workstation.is_logged_in
        found["workstation", "upsmon"] = "logged in" if is_in else "logged out"
        return found

    def _guests(self) -> Mapping[tuple[str, str], str]:
        guests = self._machines.proxmox.cluster.guests.values()
        return {
            (guest.node, f"{guest.words} {guest.name}"): "runs" if guest.is_running else "off"
            for guest in guests
        }

    def _cluster(self) -> Mapping[tuple[str, str], str]:
        world = self._machines.kubernetes.world
        found = {
            ("kubernetes", f"node {node.name}"): (
                "cordoned" if node.is_unschedulable else "takes pods"
            )
            for node in world.nodes.values()
        }
        found |= {
            ("kubernetes", f"pod {pod.name}"): _words(pod)
            for pod in world.pods.values()
            if pod.claims
        }
        for volume, spec in world.volumes.items():
            if name := unique_name(spec):
                users = [node.name for node in world.nodes.values() if name in node.in_use]
                state = f"attached to {', '.join(users)}" if users else "detached"
                found["kubernetes", f"volume {volume}"] = state
        return found

    async def _follow(self) -> None:
        await self._follow_output()
        await self._follow_hosts()
        await self._follow_guests()

    async def _follow_output(self) -> None:
        """Take power away and give it, with the output of the UPS."""
        machines, has_output = self._machines, self._machines.ups.output_on
        if has_output == self._had_output:
            return
        self._had_output = has_output
        # Before anything follows from it: the guards look at what is cut.
        self._differences.take()
        for machine in machines.on_ups:
            if (task := self._booting.pop(machine.name, None)) is not None:
                task.cancel()
            if not has_output:
                await machine.cut()
            elif machine.returns:
                boot = asyncio.create_task(_boot(machine), name=f"boot {machine.name}")
                self._booting[machine.name] = boot

    async def _follow_hosts(self) -> None:
        machines = self._machines
        nodes = machines.proxmox.cluster.nodes.values()
        machines.proxmox.cluster.is_quorate = sum(node.is_on for node in nodes) >= QUORUM
        for machine in machines.on_ups:
            if (port := machines.second_ports.get(machine.name)) is None:
                continue
            await (port.open() if machine.is_on() else port.close())

    async def _follow_guests(self) -> None:
        """Let the nodes of Kubernetes be what their machines are, and Home Assistant too."""
        machines = self._machines
        guests = machines.proxmox.cluster.guests
        for name, vmid in NODE_VMS.items():
            machines.kubernetes.world.nodes[name].is_ready = guests[vmid].is_running
        await self._follow_control_plane(is_running=guests[NODE_VMS["cp1"]].is_running)
        is_running, is_starting = guests[HOME_ASSISTANT].is_running, self._is_starting
        if is_running and not self._is_alive() and not is_starting:
            self._hass = asyncio.ensure_future(self._start_hass())
        elif not is_running and self._is_alive():
            await self._kill_hass()

    @property
    def _is_starting(self) -> bool:
        if self._hass is None or not self._hass.done():
            return self._hass is not None
        self._hass.result()
        return False

    async def _follow_control_plane(self, *, is_running: bool) -> None:
        kubernetes = self._machines.kubernetes
        if not is_running:
            if kubernetes.is_serving:
                await kubernetes.stop()
            return
        if not kubernetes.is_serving and (
            self._control_plane is None or self._control_plane.done()
        ):
            self._control_plane = asyncio.create_task(self._boot_control_plane())

    async def _boot_control_plane(self) -> None:
        await asyncio.sleep(_CONTROL_PLANE_BOOT_S)
        await self._machines.kubernetes.start()


async def _boot(machine: Machine) -> None:
    await asyncio.sleep(machine.boot_s)
    if not machine.is_on():
        await machine.boot()


def _words(pod: FakePod) -> str:
    if pod.deleted_grace_s is not None and pod.is_running:
        return f"ends on {pod.node}"
    return f"runs on {pod.node}" if pod.is_running else "waits for a node"
