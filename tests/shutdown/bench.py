"""A small installation in memory: hosts that stop and start, a disk, and the UPS's words."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import override

from custom_components.omron_ups.shutdown.events import PlanEvent, PlanEventType
from custom_components.omron_ups.shutdown.models import Finding, Outcome, Power, PowerView, Reply
from custom_components.omron_ups.shutdown.ports import (
    Clock,
    DurationStore,
    Feeds,
    JournalFile,
    Network,
    Ports,
    Stop,
    UpsOutput,
)
from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import (
    NOT_IN_PLAN,
    Plan,
    Restore,
    TargetSpec,
    Triggers,
    Verify,
    WakeOnLan,
)
from custom_components.omron_ups.shutdown.target import StopContext, StopStep, Target

from ..driver.virtual_time import run as run_virtually

EPOCH = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POWEROFF = StopStep(key="poweroff")
MAINS = PowerView(
    power=Power.MAINS, low=False, charge=100.0, charge_low=30.0, runtime_s=3600.0, load=20.0
)
BATTERY = replace(MAINS, power=Power.BATTERY)
LOW = replace(BATTERY, low=True, charge=29.0, runtime_s=900.0)


@dataclass(slots=True)
class Host:
    """A machine on the network."""

    address: str
    is_up: bool = True
    stop_s: float = 10.0
    boot_s: float = 20.0
    commands: list[tuple[float, str]] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    def stop(self) -> None:
        """Be off in a while."""
        asyncio.get_running_loop().call_later(self.stop_s, setattr, self, "is_up", False)  # noqa: FBT003

    def start(self) -> None:
        """Be up in a while."""
        if not self.is_up:
            asyncio.get_running_loop().call_later(self.boot_s, setattr, self, "is_up", True)  # noqa: FBT003


type Answer = Callable[[Host], Awaitable[Reply]]


async def obey(host: Host) -> Reply:
    """Stop, as told."""
    host.stop()
    await asyncio.sleep(0.01)
    return Reply(outcome=Outcome.ACCEPTED)


class HostTarget(Target):
    """Reaches a host; what it answers is up to the test."""

    steps: tuple[StopStep, ...] = (POWEROFF,)

    def __init__(self, spec: TargetSpec, host: Host) -> None:
        """Reach `host`."""
        super().__init__(spec)
        self.host = host
        self.answer: Answer = obey
        self.left: int | None = None
        self.restored: list[tuple[str, ...]] = []
        self.escalations = 0
        self.released = 0

    @override
    async def preflight(self) -> Sequence[Finding]:
        return ()

    @override
    async def rehearse(self) -> Sequence[str]:
        return ("would be switched off",)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        self.host.commands.append((asyncio.get_running_loop().time(), step.key))
        return await self.answer(self.host)

    @override
    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        self.escalations += 1
        return Reply(outcome=Outcome.NOTHING_TO_DO)

    @override
    async def release(self) -> None:
        self.released += 1

    @override
    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        self.restored.append(tuple(step.key for step in steps))
        return Reply(outcome=Outcome.ACCEPTED)


class StorageTarget(HostTarget):
    """A NAS that counts its sessions."""

    @override
    async def uses_left(self) -> int | None:
        return self.left


class DrainTarget(HostTarget):
    """A hypervisor: guests first, then the host itself."""

    steps = (StopStep(key="guests", irreversible=False, is_awaited=True), POWEROFF)

    def __init__(self, spec: TargetSpec, host: Host) -> None:
        """Begin with guests that run."""
        super().__init__(spec, host)
        self.guests_s = 30.0
        self.asked_at = 0.0

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        if step.key == "poweroff":
            return await super().send(step, context)
        self.asked_at = asyncio.get_running_loop().time()
        self.host.commands.append((self.asked_at, step.key))
        return Reply(outcome=Outcome.ACCEPTED)

    @override
    async def is_step_done(self, step: StopStep) -> bool:
        return asyncio.get_running_loop().time() - self.asked_at >= self.guests_s


class LoopClock(Clock):
    """The virtual time of the loop."""

    def __init__(self) -> None:
        """Begin with the first boot."""
        self.boot = "boot-1"
        self.booted_at = 0.0

    @override
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() - self.booted_at

    @override
    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    @property
    @override
    def boot_id(self) -> str:
        """The boot's id."""
        return self.boot

    @override
    def uptime_s(self) -> float:
        return self.monotonic()


class Disk(JournalFile):
    """A disk whose syncs take 20 ms."""

    def __init__(self) -> None:
        """Begin empty."""
        self.data = b""
        self.is_full = False

    @override
    async def read(self) -> bytes:
        return self.data

    @override
    async def append(self, data: bytes) -> None:
        await asyncio.sleep(0.02)
        if self.is_full:
            raise OSError("no space left on device")
        self.data += data

    @override
    async def replace(self, data: bytes) -> None:
        await asyncio.sleep(0.02)
        if self.is_full:
            raise OSError("no space left on device")
        self.data = data


class Durations(DurationStore):
    """Remembers stops."""

    def __init__(self) -> None:
        """Begin with none."""
        self.stops: dict[str, list[float]] = {}

    @override
    def seconds(self, target_id: str) -> Sequence[float]:
        return self.stops.get(target_id, ())

    @override
    async def add(self, stop: Stop) -> None:
        self.stops.setdefault(stop.target_id, []).append(stop.seconds)

    @override
    async def keep(self, target_ids: object) -> None:
        return


class Lan(Network):
    """Connects the hosts."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.hosts: dict[str, Host] = {}
        self.is_cut = False

    def _host(self, address: str) -> Host | None:
        return None if self.is_cut else self.hosts.get(address)

    @override
    async def is_open(self, address: str, port: int) -> bool:
        return bool((host := self._host(address)) and host.is_up)

    @override
    async def answers_ping(self, address: str) -> bool | None:
        if address == "gateway":
            return not self.is_cut
        return bool((host := self._host(address)) and host.is_up)

    @override
    async def send_wake(self, wake: WakeOnLan) -> None:
        if host := self._host(wake.mac):
            host.wakes.append(asyncio.get_running_loop().time())
            host.start()


class Output(UpsOutput):
    """The delayed off."""

    def __init__(self) -> None:
        """Begin without a countdown."""
        self.armed: list[float] = []
        self.cancelled = 0
        self.outcome = Outcome.ACCEPTED

    @property
    @override
    def longest_delay_s(self) -> float:
        return 1800.0

    @override
    async def arm(self, delay_s: float, *, returns: bool) -> Reply:
        self.armed.append(delay_s)
        return Reply(outcome=self.outcome)

    @override
    async def cancel(self) -> Reply:
        self.cancelled += 1
        return Reply(outcome=Outcome.ACCEPTED)


class NoFeeds(Feeds):
    """No other UPS."""

    def __init__(self) -> None:
        """Begin with none."""
        self.views: dict[str, PowerView] = {}

    @override
    def view(self, feed_id: str) -> PowerView | None:
        return self.views.get(feed_id)


def spec_of(target_id: str, stage: int = 10, **options: object) -> TargetSpec:
    """Return a host that can be seen and woken."""
    spec = TargetSpec(
        target_id=target_id,
        name=target_id.upper(),
        kind="test",
        stage=stage,
        time_limit_s=60.0,
        verify=Verify(address=target_id, ports=(22,)),
        wake=WakeOnLan(mac=target_id),
    )
    return replace(spec, **options)  # type: ignore[arg-type]


def plan_of(*specs: TargetSpec, **options: object) -> Plan:
    """Return a plan that begins after 30 s on battery."""
    plan = Plan(
        targets=specs,
        triggers=Triggers(time_on_battery_s=30.0, margin_below_s=None),
        restore=Restore(mains_stable_s=30.0),
        home_assistant_host=NOT_IN_PLAN,
        gateway="gateway",
    )
    return replace(plan, **options)  # type: ignore[arg-type]


class Bench:
    """A runner and all around it; survives restarts of the runner."""

    def __init__(
        self,
        plan: Plan,
        kinds: Mapping[str, type[HostTarget]] | None = None,
        *,
        output: Output | None = None,
    ) -> None:
        """Set everything up; the runner is not started."""
        self.plan = plan
        self.clock, self.disk, self.lan = LoopClock(), Disk(), Lan()
        self.durations, self.output, self.feeds = Durations(), output, NoFeeds()
        self.events: list[PlanEvent] = []
        self.targets: dict[str, HostTarget] = {}
        for spec in plan.targets:
            host = self.lan.hosts[spec.target_id] = Host(spec.target_id)
            kind = (kinds or {}).get(spec.target_id, HostTarget)
            self.targets[spec.target_id] = kind(spec, host)
        self.view: PowerView | None = MAINS
        self.runner = self.make_runner()

    def make_runner(self) -> Runner:
        """Return a runner that knows nothing but what is on the disk."""
        ports = Ports(
            clock=self.clock,
            network=self.lan,
            journal=self.disk,
            durations=self.durations,
            feeds=self.feeds,
            output=self.output,
        )
        runner = Runner(self.plan, self.targets, ports)
        runner.set_armed(True)
        runner.subscribe(self.events.append)
        return runner

    def host(self, target_id: str) -> Host:
        """Return a host."""
        return self.lan.hosts[target_id]

    @property
    def state(self) -> str:
        """The runner's state, which may be another one each time."""
        return self.runner.state.value

    def told(self, kind: PlanEventType = PlanEventType.STEP) -> list[str]:
        """Return the keys of the events of one type."""
        return [event.key for event in self.events if event.type is kind]

    async def start(self) -> None:
        """Start the runner, and let it see the power."""
        await self.runner.start()
        await self.wait(2.0)

    async def set_power(self, view: PowerView | None, seconds: float) -> None:
        """Let the UPS say this for a while; None: nothing."""
        self.view = view
        await self.wait(seconds)

    async def wait(self, seconds: float) -> None:
        """Let time pass, with a reading every second."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            if self.view is not None:
                self.runner.handle_power(self.view)
            await asyncio.sleep(min(1.0, until - loop.time()))

    async def wait_for(self, condition: Callable[[], bool], limit_s: float = 3600.0) -> None:
        """Let time pass until something is so."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while not condition():
            assert loop.time() < until, f"not within {limit_s} s; {self.runner.target_states}"
            await self.wait(1.0)

    async def restart(
        self, *, is_orderly: bool = True, is_reboot: bool = False, after_s: float = 0.0
    ) -> None:
        """Lose everything but the disk, and start again after so many seconds."""
        if is_orderly:
            await self.runner.stop()
        else:
            own = asyncio.current_task()
            doomed = [task for task in asyncio.all_tasks() if task is not own]
            for task in doomed:
                task.cancel()
            await asyncio.gather(*doomed, return_exceptions=True)
        await asyncio.sleep(after_s)
        if is_reboot:
            self.clock.boot = "boot-2"
            self.clock.booted_at = asyncio.get_running_loop().time()
        self.runner = self.make_runner()
        await self.runner.start()


def scenario(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Let a coroutine be a test on virtual time."""

    def run() -> None:
        async def main() -> None:
            await test()
            own = asyncio.current_task()
            for task in asyncio.all_tasks() - {own}:
                task.cancel()

        run_virtually(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
