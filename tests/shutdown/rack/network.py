"""The network of the rack: a gateway, a switch, and whoever answers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import override

from custom_components.omron_ups.shutdown.models import Reply
from custom_components.omron_ups.shutdown.ports import Network
from custom_components.omron_ups.shutdown.specs import WakeOnLan

from .facts import Facts, What
from .life import Life
from .machine import Machine, Wake

GATEWAY = "10.0.0.1"
SILENCE_S = 2.0
ANSWER_S = 0.003

type Sends = Callable[[], Reply]


@dataclass(slots=True)
class Wires:
    """What is wrong with the network."""

    switch_is_up: bool = True
    gateway_is_up: bool = True
    may_ping: bool = True
    may_broadcast: bool = True


def address_of(machine_id: str) -> str:
    """Return the address of a host: its name, for nothing resolves names here."""
    return f"{machine_id}.rack"


class RackNetwork(Network):
    """The network as one process sees it."""

    def __init__(
        self, life: Life, wires: Wires, machines: Mapping[str, Machine], facts: Facts
    ) -> None:
        """Belong to a process."""
        self._life = life
        self._wires = wires
        self._machines = machines
        self._facts = facts

    @override
    async def is_open(self, address: str, port: int) -> bool:
        machine = self._find(address)
        return await self._look(machine is not None and machine.has_ports())

    @override
    async def answers_ping(self, address: str) -> bool | None:
        if not self._wires.may_ping:
            self._facts.hit("no_ping")
            return None
        if address == GATEWAY:
            if not self._wires.gateway_is_up:
                self._facts.hit("gateway_down")
            return await self._look(self._wires.gateway_is_up)
        machine = self._find(address)
        return await self._look(machine is not None and machine.has_network())

    @override
    async def send_wake(self, wake: WakeOnLan) -> None:
        self._life.point(f"magic packet {wake.mac}")
        if not self._wires.may_broadcast:
            self._facts.hit("no_broadcast")
            raise OSError("Network is unreachable")
        self._facts.add(What.WAKE, wake.mac)
        machine = self._machines.get(wake.mac)
        reaches = self._wires.switch_is_up and machine is not None
        if machine and reaches and machine.spec.wake is Wake.MAGIC_PACKET:
            machine.start("magic packet")
        await asyncio.sleep(0.001)
        self._life.point("magic packet is sent")

    def reaches(self, machine: Machine) -> bool:
        """Return whether a request can get there at all."""
        return self._wires.switch_is_up and not machine.quirks.isolated

    def _find(self, address: str) -> Machine | None:
        """Return the host of an address, if the network leads there."""
        machine = self._machines.get(address.removesuffix(".rack"))
        return machine if machine and self.reaches(machine) else None

    async def _look(self, answers: bool) -> bool:
        self._life.check()
        if not self._wires.switch_is_up:
            self._facts.hit("switch_down")
            answers = False
        await asyncio.sleep(ANSWER_S if answers else SILENCE_S)
        self._life.check()
        return answers
