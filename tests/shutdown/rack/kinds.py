"""Targets of the rack: what each kind of host shows, and what can go wrong with a request."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import override

from custom_components.omron_ups.shutdown.models import (
    Finding,
    HostState,
    Observation,
    Outcome,
    Reply,
)
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext, StopStep, Target
from custom_components.omron_ups.shutdown.targets.kubernetes import KubernetesTarget
from custom_components.omron_ups.shutdown.targets.proxmox import GUESTS, NODE
from custom_components.omron_ups.shutdown.targets.qnap import QnapTarget
from custom_components.omron_ups.shutdown.targets.synology import SynologyTarget

from .facts import Facts, What
from .life import Life
from .machine import Machine, MachineState, Wake
from .network import RackNetwork

LATENCY_S = 0.05
TIMEOUT_S = 10.0
SLOW_S = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What all hosts of a kind have in common."""

    steps: tuple[StopStep, ...]
    ports: int = 1
    """How many TCP ports are looked at besides ping; 0 for what no network shows."""
    pings: bool = True
    shows_state: bool = False
    """Whether its API tells up from going."""
    is_storage: bool = False


_OFF = StopStep(key="poweroff")
_GUESTS = StopStep(key="guests", irreversible=False, is_awaited=True)

KINDS: Mapping[str, Kind] = {
    "plain": Kind(steps=(_OFF,)),
    "api": Kind(steps=(StopStep(key="shutdown", resend_after_s=30.0),), shows_state=True),
    "nas": Kind(
        steps=(StopStep(key="shutdown", resend_after_s=20.0),),
        ports=2,
        shows_state=True,
        is_storage=True,
    ),
    "blind_nas": Kind(steps=(_OFF,), ports=2, is_storage=True),
    "hypervisor": Kind(steps=(_GUESTS, _OFF)),
    "cluster": Kind(
        steps=(
            StopStep(key="cordon", irreversible=False),
            StopStep(key="drain", irreversible=False, is_awaited=True),
        ),
        ports=0,
        pings=False,
        shows_state=True,
    ),
    "clients": Kind(
        steps=(StopStep(key="fsd", irreversible=False),), ports=0, pings=False, shows_state=True
    ),
    "webhook": Kind(steps=(StopStep(key="call"),), ports=0, pings=False),
}
API_KINDS: Mapping[str, Kind] = {
    "proxmox": Kind(steps=(GUESTS, NODE), ports=2, shows_state=True),
    "qnap": Kind(steps=QnapTarget.steps, ports=2, shows_state=True, is_storage=True),
    "synology": Kind(steps=SynologyTarget.steps, ports=2, shows_state=True, is_storage=True),
    "kubernetes": Kind(steps=KubernetesTarget.steps, ports=0, pings=False, shows_state=True),
}
"""Real kinds: the product's own targets, on the way to fakes of their APIs."""
ALL_KINDS: Mapping[str, Kind] = {**KINDS, **API_KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What comes of a request that has a fault."""

    has_effect: bool
    wait_s: float
    answer: Callable[[], Reply]


def _raise(error: Exception) -> Callable[[], Reply]:
    def answer() -> Reply:
        raise error

    return answer


def _reply(outcome: Outcome, detail: str = "", *, was_sent: bool = True) -> Callable[[], Reply]:
    return lambda: Reply(outcome=outcome, detail=detail, was_sent=was_sent)


GOOD = Reaction(has_effect=True, wait_s=LATENCY_S, answer=_reply(Outcome.ACCEPTED))
UNREACHED = Reaction(
    has_effect=False,
    wait_s=TIMEOUT_S,
    answer=_reply(Outcome.UNKNOWN, "no route to host", was_sent=False),
)
REACTIONS: Mapping[str, Reaction] = {
    "lost_reply": Reaction(
        has_effect=True, wait_s=TIMEOUT_S, answer=_reply(Outcome.UNKNOWN, "no reply")
    ),
    "lost_request": Reaction(
        has_effect=False, wait_s=TIMEOUT_S, answer=_reply(Outcome.UNKNOWN, "no reply")
    ),
    "connection_dies": Reaction(
        has_effect=True, wait_s=LATENCY_S, answer=_raise(ConnectionResetError("reset by peer"))
    ),
    "ignored": Reaction(has_effect=False, wait_s=LATENCY_S, answer=_reply(Outcome.ACCEPTED)),
    "refused": Reaction(
        has_effect=False, wait_s=LATENCY_S, answer=_reply(Outcome.REFUSED, "permission denied")
    ),
    "slow_reply": Reaction(has_effect=True, wait_s=SLOW_S, answer=_reply(Outcome.ACCEPTED)),
    "send_raises": Reaction(
        has_effect=False, wait_s=LATENCY_S, answer=_raise(KeyError("surprise"))
    ),
}


class RackTarget(Target):
    """A host as its kind reaches it, in one process."""

    def __init__(
        self, spec: TargetSpec, machine: Machine, life: Life, network: RackNetwork, rack: RackView
    ) -> None:
        """Belong to a process."""
        super().__init__(spec)
        self.kind = KINDS[machine.spec.kind]
        self.steps = self.kind.steps
        self._machine = machine
        self._life = life
        self._network = network
        self._rack = rack

    @override
    async def open(self) -> None:
        self._surprise("open")

    @override
    async def preflight(self) -> Sequence[Finding]:
        await self._exchange("preflight")
        return ()

    @override
    async def rehearse(self) -> Sequence[str]:
        await self._exchange("rehearse")
        return tuple(step.key for step in self.steps)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        self._life.point(f"send {self.spec.target_id} {step.key}")
        reaction = self._reaction()
        word = "finds nobody" if reaction is UNREACHED else ""
        self._rack.note_request(self._machine, step, context, word)
        await asyncio.sleep(LATENCY_S)
        self._life.check()
        if reaction.has_effect:
            self._rack.note_effect(self._machine, step, context)
            self._carry_out(step)
        self._life.point(f"sent {self.spec.target_id} {step.key}")
        await asyncio.sleep(reaction.wait_s)
        self._life.check()
        return reaction.answer()

    @override
    async def is_step_done(self, step: StopStep) -> bool:
        await self._exchange("is_step_done")
        return self._machine.is_released

    @override
    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        self._life.point(f"escalate {self.spec.target_id} {step.key}")
        self._rack.note_request(self._machine, step, context, word="escalate")
        await self._exchange("escalate")
        if step.irreversible or self._machine.spec.kind not in {"hypervisor", "cluster"}:
            return Reply(outcome=Outcome.NOTHING_TO_DO)
        self._machine.is_released = True
        self._life.point("escalated")
        return Reply(outcome=Outcome.ACCEPTED)

    @override
    async def observe(self) -> Observation:
        await self._exchange("observe")
        if self._machine.quirks.observe == "unknown":
            self._rack.facts.hit("observe_unknown")
            return Observation(state=HostState.UNKNOWN)
        if not self.kind.shows_state:
            return Observation(state=HostState.UNKNOWN)
        return self._observation()

    @override
    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        self._life.point(f"restore {self.spec.target_id}")
        self._rack.facts.add(What.STEP, self.spec.target_id, detail="restore")
        await self._exchange("restore")
        self._machine.is_released, self._machine.is_undone = False, True
        self._life.fsd.pop(self.spec.target_id, None)
        self._life.point(f"restored {self.spec.target_id}")
        return Reply(outcome=Outcome.ACCEPTED)

    @property
    @override
    def can_wake(self) -> bool:
        return self._machine.spec.wake is Wake.OWN

    @override
    async def wake(self) -> Reply:
        self._life.point(f"wake {self.spec.target_id}")
        self._rack.facts.add(What.WAKE, self.spec.target_id)
        await asyncio.sleep(LATENCY_S)
        self._life.check()
        if self._machine.spec.wake is Wake.OWN:
            self._machine.start("own way")
        self._life.point(f"woken {self.spec.target_id}")
        return Reply(outcome=Outcome.ACCEPTED)

    @override
    async def is_ready(self) -> bool | None:
        if not self.kind.shows_state:
            return None
        await self._exchange("is_ready")
        return self._machine.state is MachineState.UP

    def _reaction(self) -> Reaction:
        """Return what comes of the next request."""
        if not self._is_reachable():
            return UNREACHED
        faults = self._machine.quirks.replies
        if not faults:
            return GOOD
        fault = faults[0] if faults[0].startswith("always:") else faults.pop(0)
        fault = fault.removeprefix("always:")
        self._rack.facts.hit(fault)
        return REACTIONS[fault]

    def _carry_out(self, step: StopStep) -> None:
        """Let the request do what it does."""
        machine = self._machine
        machine.was_stopped_by_plan = True
        if step.irreversible:
            machine.begin_stop("told to")
            return
        machine.is_undone = False
        if step.is_awaited and not machine.quirks.ignores_steps:
            machine.release_after(0.5 * machine.stop_s)
        elif step.is_awaited:
            self._rack.facts.hit("ignores_steps")

    def _observation(self) -> Observation:
        """Return what the API shows of a host that can be reached."""
        if self._machine.state is MachineState.STOPPING:
            return Observation(state=HostState.GOING, evidence="it says so")
        return Observation(state=HostState.UP, evidence="it answers")

    def _is_reachable(self) -> bool:
        return self._network.reaches(self._machine) and self._machine.has_ports()

    async def _exchange(self, method: str) -> None:
        """Read something from the host, which must be there."""
        self._life.check()
        self._surprise(method)
        if not self._is_reachable():
            await asyncio.sleep(TIMEOUT_S if self._machine.is_running else LATENCY_S)
            raise ConnectionRefusedError(f"{self.spec.target_id} does not answer")
        await asyncio.sleep(LATENCY_S)
        self._life.check()

    def _surprise(self, method: str) -> None:
        """Raise what nobody expects, if this run wants it."""
        if method in self._machine.quirks.raises:
            self._rack.facts.hit(f"{method}_raises")
            raise RuntimeError(f"{method}: surprise")


class StorageTarget(RackTarget):
    """A NAS that counts its sessions."""

    @override
    async def uses_left(self) -> int | None:
        await self._exchange("uses_left")
        count = len(self._rack.logged_in(self.spec.target_id))
        if self._machine.quirks.users:
            self._rack.facts.hit(f"uses_{self._machine.quirks.users}")
        return {"unknown": None, "stuck": count + 1}.get(self._machine.quirks.users, count)


class ClusterTarget(RackTarget):
    """A cluster: drained is as good as down, and what was drained stays so until it is undone."""

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @override
    def _observation(self) -> Observation:
        if self._machine.is_released:
            return Observation(
                state=HostState.DOWN, evidence="no volume is attached", is_conclusive=True
            )
        return Observation(state=HostState.UP, evidence="pods run")


class ClientsTarget(RackTarget):
    """Hosts that follow the FSD of the NUT server, which is part of the same process."""

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @override
    def _is_reachable(self) -> bool:
        return True

    @override
    def _carry_out(self, step: StopStep) -> None:
        self._set()

    @override
    async def reassert(self, step: StopStep) -> None:
        self._life.point(f"reassert {self.spec.target_id}")
        self._rack.note_effect(self._machine, step, None)
        self._set()
        self._life.point("reasserted")

    @override
    async def release(self) -> None:
        self._life.point(f"release {self.spec.target_id}")
        if self._life.fsd.pop(self.spec.target_id, False) is None:
            self._rack.facts.add(What.FSD_CLEARED, self.spec.target_id)
        self._life.point("released")

    @override
    def _observation(self) -> Observation:
        left = self._rack.attached(self.spec.target_id)
        if not left:
            return Observation(
                state=HostState.DOWN, evidence="nobody is attached", is_conclusive=True
            )
        told = self.spec.target_id in self._life.fsd
        return Observation(
            state=HostState.GOING if told else HostState.UP, evidence=f"{len(left)} attached"
        )

    def _set(self) -> None:
        self._life.fsd[self.spec.target_id] = None
        self._rack.facts.add(What.FSD, self.spec.target_id)


class RackView:
    """What a target may ask of the rack; the rack itself fills it."""

    facts: Facts

    def note_request(
        self, machine: Machine, step: StopStep, context: StopContext, word: str = ""
    ) -> None:
        """Write down that a request leaves Home Assistant."""
        raise NotImplementedError

    def note_effect(self, machine: Machine, step: StopStep, context: StopContext | None) -> None:
        """Write down that a request is carried out."""
        raise NotImplementedError

    def logged_in(self, storage_id: str) -> tuple[str, ...]:
        """Return who has sessions at a storage."""
        raise NotImplementedError

    def attached(self, clients_id: str) -> tuple[str, ...]:
        """Return who is attached to the NUT server and follows its FSD."""
        raise NotImplementedError


TARGETS: Mapping[str, type[RackTarget]] = {
    "nas": StorageTarget,
    "cluster": ClusterTarget,
    "clients": ClientsTarget,
}


def make_target(
    spec: TargetSpec, machine: Machine, life: Life, network: RackNetwork, rack: RackView
) -> RackTarget:
    """Return the target of a kind."""
    return TARGETS.get(machine.spec.kind, RackTarget)(spec, machine, life, network, rack)
