"""Home Assistant in the rack: one runner after the other, for it may die and start again."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, override

from custom_components.omron_ups.shutdown.events import PlanEvent, PlanEventType
from custom_components.omron_ups.shutdown.models import (
    Outcome,
    PlanState,
    Power,
    PowerView,
    Reason,
    Reply,
    TargetState,
)
from custom_components.omron_ups.shutdown.ports import Clock, Feeds, Ports, UpsOutput
from custom_components.omron_ups.shutdown.specs import Plan
from custom_components.omron_ups.shutdown.target import Target

from .api_targets import make_api_target
from .disk import RackDurations, RackJournal
from .estate import Way
from .facts import What
from .kinds import make_target
from .life import Life
from .machine import Machine, MachineState
from .network import RackNetwork
from .rack import Rack
from .scenario import ELSEWHERE, ON_UPS, Crash, plan_of

EPOCH = datetime(2026, 11, 22, tzinfo=UTC)
STOP_LIMIT_S = 20.0
OUTPUT_LATENCY_S = 0.5
BOOT_S = 20.0
ENDS = frozenset({PlanEventType.FINISHED, PlanEventType.FAILED, PlanEventType.CANCELLED})


class RunnerLike(Protocol):
    """What the rack calls of `runner.Runner`; the deliberately wrong runners are like it."""

    @property
    def state(self) -> PlanState:
        """The state of the plan."""

    @property
    def target_states(self) -> Mapping[str, TargetState]:
        """How far the plan has come with each target."""

    @property
    def is_open(self) -> bool:
        """Whether the journal holds a plan that has not ended."""

    @property
    def last_report(self) -> object | None:
        """The report of the last plan that ended."""

    async def start(self) -> None:
        """Begin, and resume what the journal holds."""

    async def stop(self) -> None:
        """Write a checkpoint and end all tasks."""

    def handle_power(self, view: PowerView, /) -> None:
        """Take a reading."""

    def set_armed(self, armed: bool, /) -> None:
        """Arm or disarm."""

    def set_maintenance(self, until: datetime | None, /) -> None:
        """Begin or end maintenance."""

    def set_plan(self, plan: Plan, targets: Mapping[str, Target], /) -> None:
        """Change the plan."""

    async def start_shutdown(
        self,
        *,
        reason: Reason = Reason.REQUEST,
        targets: Collection[str] | None = None,
        dry_run: bool = False,
    ) -> str:
        """Begin a plan because somebody asked for it."""

    async def cancel(self) -> None:
        """Give a plan up."""

    async def rehearse(self) -> object:
        """Try everything that has no effect."""

    async def check_targets(self) -> Sequence[object]:
        """Run the preflight."""

    def subscribe(self, callback: Callable[[PlanEvent], None], /) -> Callable[[], None]:
        """Listen to events; returns the undo."""


type RunnerFactory = Callable[[Plan, Mapping[str, Target], Ports], RunnerLike]


class RackClock(Clock):
    """The clock of the machine that runs Home Assistant."""

    def __init__(self, home: HomeAssistant) -> None:
        """Belong to a machine."""
        self._home = home
        self._boot = home.boot
        self._booted_at = home.booted_at

    @override
    def monotonic(self) -> float:
        return self._home.rack.now() - self._booted_at + 5.0

    @override
    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self._home.rack.now() + self._home.clock_jump_s)

    @property
    @override
    def boot_id(self) -> str:
        """The id of this boot."""
        return f"boot-{self._boot}"

    @override
    def uptime_s(self) -> float:
        return self._home.rack.now() - self._booted_at + 5.0


class RackOutput(UpsOutput):
    """The delayed off as one process reaches it."""

    def __init__(self, life: Life, rack: Rack) -> None:
        """Belong to a process."""
        self._life = life
        self._rack = rack
        self.faults: list[str] = []

    @property
    @override
    def longest_delay_s(self) -> float:
        return self._rack.ups.spec.longest_delay_s

    @override
    async def arm(self, delay_s: float, *, returns: bool) -> Reply:
        if not 0.0 <= delay_s <= self.longest_delay_s:
            raise AssertionError(f"delay of {delay_s} s is out of range")
        fault = self._rack.output_faults.pop(0) if self._rack.output_faults else ""
        reply = await self._exchange(
            f"arm {delay_s:.0f}", fault, lambda: self._rack.ups.arm(delay_s, returns=returns)
        )
        self._life.point("armed")
        return reply

    @override
    async def cancel(self) -> Reply:
        fault = self._rack.cancel_faults.pop(0) if self._rack.cancel_faults else ""
        reply = await self._exchange("cancel", fault, self._rack.ups.cancel)
        self._life.point("cancelled")
        return reply

    async def _exchange(self, label: str, fault: str, effect: Callable[[], None]) -> Reply:
        self._life.point(label)
        await asyncio.sleep(OUTPUT_LATENCY_S)
        self._life.check()
        if not self._rack.has_source():
            return Reply(outcome=Outcome.UNKNOWN, detail="the UPS is not there", was_sent=False)
        if fault:
            self._rack.facts.hit(f"output_{fault}")
        if fault in {"", "lost_reply"}:
            effect()
        outcomes = {"": Outcome.ACCEPTED, "refused": Outcome.REFUSED}
        return Reply(outcome=outcomes.get(fault, Outcome.UNKNOWN), detail=fault)


class RackFeeds(Feeds):
    """The other UPS."""

    def __init__(self, rack: Rack) -> None:
        """Look at a rack."""
        self._rack = rack

    @override
    def view(self, feed_id: str) -> PowerView | None:
        return self._rack.second_view() if feed_id == "second" else None


class HomeAssistant:
    """Starts, feeds and loses runners."""

    def __init__(self, rack: Rack, factory: RunnerFactory) -> None:
        """Begin switched off."""
        self.rack = rack
        self.plan = plan_of(rack.scenario)
        self.clock_jump_s = 0.0
        self.boot = 0
        self.booted_at = 0.0
        self.boots: list[float] = []
        """When the machine started anew."""
        self.is_armed = rack.scenario.is_armed
        self.maintenance: datetime | None = None
        self.life: Life | None = None
        self.runner: RunnerLike | None = None
        self.has_started = False
        self.readings: list[tuple[float, Power]] = []
        """What was told of the power, and when; only changes, and silence as UNKNOWN."""
        self.ends: list[str] = []
        """How each plan ended, as its last event tells."""
        self.troubles: list[str] = []
        self.is_alive_at_end = False
        self.has_report_at_end = False
        self.state_at_end = ""
        self.fsd_at_end: list[str] = []
        self.pending: list[asyncio.Task[None]] = []
        self._factory = factory
        self._last: PowerView | None = None
        self._last_at = 0.0
        self._starting = False
        self._stopping: Life | None = None

    @property
    def is_alive(self) -> bool:
        """Whether a process runs."""
        return self.life is not None and not self.life.is_dead

    def start(self) -> None:
        """Start the process."""
        if self.is_alive:
            return
        self._starting = False
        life = self.life = Life(self.rack.points)
        self.rack.fsd = life.fsd
        self.rack.facts.add(What.HA_UP)
        network = RackNetwork(life, self.rack.wires, self.rack.machines, self.rack.facts)
        targets = self._targets(life, network)
        ports = Ports(
            clock=RackClock(self),
            network=network,
            journal=RackJournal(life, self.rack.disk),
            durations=RackDurations(life, self.rack.disk),
            output=RackOutput(life, self.rack) if self.plan.output else None,
            feeds=RackFeeds(self.rack),
        )
        self.targets = targets
        self.has_started = False
        self.readings.append((self.rack.now(), Power.UNKNOWN))
        self._last = None
        self._last_at = self.rack.now()
        life.spawn(self._run(life, targets, ports))

    def _targets(self, life: Life, network: RackNetwork) -> dict[str, Target]:
        """Return the targets of a process."""
        rack, found = self.rack, dict[str, Target]()
        session = Way(rack.estate, life, rack.wires).session()
        for spec in self.plan.targets:
            machine = rack.machines[spec.target_id]
            if spec.target_id in rack.estate.machines:
                made: Target = make_api_target(spec, machine.spec, life, rack.estate, session)
            else:
                made = make_target(spec, machine, life, network, rack)
            found[spec.target_id] = made
        return found

    def feed(self) -> None:
        """Hand the runner a reading, if there is one."""
        life, runner = self.life, self.runner
        if life is None or life.is_dead or runner is None or not self.has_started:
            return
        if self.rack.has_source():
            view: PowerView | None = self.rack.view()
            self._last, self._last_at = view, self.rack.now()
        else:
            view = self._silent_view()
        power = view.power if view is not None and view.age_s == 0.0 else Power.UNKNOWN
        self.rack.note_estimate()
        if not self.readings or self.readings[-1][1] is not power:
            self.readings.append((self.rack.now(), power))
        if view is None:
            return
        try:
            life.call(runner.handle_power, view)
        except Exception as err:  # noqa: BLE001 - a reading must never raise, whatever it holds
            self.troubles.append(f"handle_power: {err!r}")

    def power_of(self, moment: float) -> tuple[Power, float]:
        """Return what was told last before a moment, and for how long it had been told."""
        known = [row for row in self.readings if row[0] <= moment]
        return (known[-1][1], moment - known[-1][0]) if known else (Power.UNKNOWN, 0.0)

    def crash(self, crash: Crash) -> None:
        """Die, and start again later."""
        if not self.is_alive:
            return
        if crash.is_orderly:
            # Nobody stops a process that is being stopped already.
            if self._stopping is self.life:
                return
            self._stopping = self.life
            self.spawn(self._stop_orderly(crash))
            return
        self._die(What.HA_CRASH)
        self._restart(crash.restart_s, is_reboot=crash.is_reboot)

    def end(self) -> None:
        """Write down how it stands, and die."""
        life, runner = self.life, self.runner
        self.is_alive_at_end = self.is_alive
        if life is None or runner is None or life.is_dead:
            return
        self.fsd_at_end = [*life.fsd]
        self.has_report_at_end = runner.last_report is not None
        states = {key: value.value for key, value in runner.target_states.items()}
        self.state_at_end = f"{runner.state}, open: {runner.is_open}, {states}"
        life.die()

    def follow_power(self, was_on: bool) -> None:
        """Die and return with the UPS output, if this machine hangs on it."""
        if self.rack.scenario.home_assistant != ON_UPS:
            return
        if was_on and not self.rack.ups.output:
            self._die(What.HA_CRASH)
        if self.rack.ups.output and not self.is_alive and not was_on:
            self._restart(BOOT_S + self.rack.scenario.start_s, is_reboot=True)

    def follow_host(self, machine: Machine) -> None:
        """Die and return with the machine that runs it."""
        if machine.machine_id != self.rack.scenario.home_assistant:
            return
        if machine.spec.kind == "proxmox" and machine.state is not MachineState.OFF:
            # It lives and dies with its guest.
            return
        if machine.state is MachineState.STOPPING:
            self._stop_with_host(machine)
        elif machine.state is MachineState.OFF:
            self._die(What.HA_CRASH)
        elif machine.state is MachineState.UP:
            self._restart(self.rack.scenario.start_s, is_reboot=True)

    def stop_with_guest(self) -> None:
        """Stop with the guest that it runs in."""
        crash = Crash(at=0.0, is_orderly=self.rack.rng.random() < 0.5, restart_s=1e9)
        asyncio.get_running_loop().call_soon(self.crash, crash)

    def start_with_guest(self) -> None:
        """Start with the guest that it runs in."""
        self._restart(self.rack.scenario.start_s, is_reboot=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that is no part of the process."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self.pending.append(task)

    async def _run(self, life: Life, targets: Mapping[str, Target], ports: Ports) -> None:
        """Be the process: the part of the integration around the runner."""
        runner = self.runner = self._factory(self.plan, targets, ports)
        runner.subscribe(self._note)
        runner.set_armed(self.is_armed)
        if self.maintenance is not None:
            runner.set_maintenance(self.maintenance)
        began = self.rack.now()
        await runner.start()
        if self.rack.now() - began > 60.0:
            self.troubles.append("start took longer than a minute")
        self.has_started = not life.is_dead

    def _note(self, event: PlanEvent) -> None:
        """Write an event down."""
        if event.type is PlanEventType.STATE or not self.is_alive:
            return
        detail = f"{event.type.value} {event.key} {event.detail}".strip()
        self.rack.facts.add(What.EVENT, event.target_id, detail=detail, plan_id=event.plan_id)
        if event.type in ENDS:
            self.ends.append(event.key)

    def _silent_view(self) -> PowerView | None:
        """Return what is told while the UPS cannot be read."""
        if not self.rack.scenario.is_silence_told and not self.rack.scenario.has_mains_entity:
            return None
        if self._last is None:
            return PowerView(
                power=Power.UNKNOWN,
                age_s=self.rack.now() - self._last_at,
                mains_entity=self.rack.mains_entity(),
            )
        return PowerView(
            power=self._last.power,
            age_s=max(0.001, self.rack.now() - self._last_at),
            low=self._last.low,
            charge=self._last.charge,
            charge_low=self._last.charge_low,
            runtime_s=self._last.runtime_s,
            load=self._last.load,
            mains_entity=self.rack.mains_entity(),
        )

    def _stop_with_host(self, machine: Machine) -> None:
        """Stop with the host: its guests and services come first, some in an orderly way."""
        rng = self.rack.rng
        crash = Crash(at=0.0, is_orderly=rng.random() < 0.5, restart_s=1e9)
        loop = asyncio.get_running_loop()
        loop.call_later(rng.uniform(0.1, 0.6) * machine.stop_s, self.crash, crash)

    async def _stop_orderly(self, crash: Crash) -> None:
        """Give the runner time to write its checkpoint."""
        life, runner = self.life, self.runner
        if life is None or runner is None or life.is_dead:
            return
        task = life.spawn(runner.stop())
        await asyncio.wait([task], timeout=STOP_LIMIT_S)
        if not self.is_alive:
            return
        if not task.done():
            self.troubles.append("stop took longer than Home Assistant waits")
        elif left := life.alive_tasks():
            self.troubles.append(f"tasks survive stop: {left}")
        self._die(What.HA_STOP)
        self._restart(crash.restart_s, is_reboot=crash.is_reboot)

    def _die(self, what: What) -> None:
        if self.life is None or self.life.is_dead:
            return
        self.rack.facts.add(what)
        self.life.die()
        self.runner = None
        self.has_started = False
        self.rack.lose_server()

    def _restart(self, seconds: float, *, is_reboot: bool) -> None:
        """Start again later, if the machine still stands then."""
        if seconds > 1e8 or self._starting:
            return
        self._starting = True
        asyncio.get_running_loop().call_later(seconds, self._start_again, is_reboot)

    def _start_again(self, is_reboot: bool) -> None:
        self._starting = False
        where = self.rack.scenario.home_assistant
        if where == ON_UPS and not self.rack.ups.output:
            return
        if where not in {ON_UPS, ELSEWHERE}:
            machine = self.rack.machines[where]
            if machine.state is not MachineState.UP:
                return
        if is_reboot:
            self.boot += 1
            self.booted_at = self.rack.now()
            self.boots.append(self.booted_at)
        self.start()
