"""A runner without journal, deadlines or any care: right only as long as nothing goes wrong.

What it does wrong on purpose, in the tests, must be caught by the rack.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from custom_components.omron_ups.shutdown.events import PlanEvent, PlanEventType
from custom_components.omron_ups.shutdown.models import (
    PlanResult,
    PlanState,
    Power,
    PowerView,
    Reason,
    TargetState,
)
from custom_components.omron_ups.shutdown.ports import Ports
from custom_components.omron_ups.shutdown.specs import HOME_ASSISTANT_STOP_S, Plan, TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext, StopStep, Target

LOOKS = 3
LOOK_S = 2.0


@dataclass(slots=True)
class Mutation:
    """What it does wrong."""

    storage_first: bool = False
    sends_twice: bool = False
    short_output: bool = False
    stops_on_unknown: bool = False
    wakes_nobody: bool = False
    restores_nothing: bool = False
    never_ends: bool = False
    acts_disarmed: bool = False
    sleeps: bool = False
    """Never begins, whatever the battery says."""
    keeps_fsd: bool = False
    wakes_all: bool = False
    raises: bool = False
    hides_incomplete: bool = True
    ignores_feeds: bool = False


class NaiveRunner:
    """Stops one stage after the other, and wakes them in reverse order."""

    def __init__(
        self,
        plan: Plan,
        targets: Mapping[str, Target],
        ports: Ports,
        mutation: Mutation | None = None,
    ) -> None:
        """Take everything over."""
        self.state = PlanState.IDLE
        self.target_states: dict[str, TargetState] = {}
        self.is_open = False
        self.last_report: object | None = None
        self._plan = plan
        self._targets = targets
        self._ports = ports
        self._mutation = mutation or Mutation()
        self._armed = False
        self._listener: Callable[[PlanEvent], None] | None = None
        self._view: PowerView | None = None
        self._battery_s = 0.0
        self._mains_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._sent: dict[str, list[StopStep]] = {}

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()

    def handle_power(self, view: PowerView) -> None:
        """Begin a plan once it is time."""
        if self._mutation.raises:
            raise ValueError("wrong")
        self._view = view
        is_outage = view.power is Power.BATTERY
        if self._mutation.stops_on_unknown:
            is_outage = view.power is not Power.MAINS
        self._battery_s = self._battery_s + 1.0 if is_outage else 0.0
        self._mains_s = 0.0 if is_outage else self._mains_s + 1.0
        debounce_s = self._plan.triggers.debounce_s
        is_time = view.low or self._battery_s >= (self._plan.triggers.time_on_battery_s or 1e9)
        is_time = is_time and (view.low or self._battery_s > debounce_s)
        may = (self._armed or self._mutation.acts_disarmed) and not self._mutation.sleeps
        if is_outage and is_time and may and self._task is None:
            self._task = asyncio.create_task(self._run())

    def set_armed(self, armed: bool, /) -> None:
        """Arm or disarm."""
        self._armed = armed

    def set_maintenance(self, until: datetime | None, /) -> None:
        """Do nothing."""

    def set_plan(self, plan: Plan, targets: Mapping[str, Target], /) -> None:
        """Do nothing."""

    async def start_shutdown(
        self,
        *,
        reason: Reason = Reason.REQUEST,
        targets: Collection[str] | None = None,
        dry_run: bool = False,
    ) -> str:
        """Do nothing."""
        del reason, targets, dry_run
        return ""

    async def cancel(self) -> None:
        """Do nothing."""

    async def rehearse(self) -> object:
        """Do nothing."""
        return None

    async def check_targets(self) -> Sequence[object]:
        """Do nothing."""
        return ()

    def subscribe(self, callback: Callable[[PlanEvent], None], /) -> Callable[[], None]:
        """Listen."""
        self._listener = callback
        return lambda: None

    async def _run(self) -> None:
        self.state, self.is_open = PlanState.RUNNING, True
        self._tell(PlanEventType.STARTED, "time_on_battery")
        stages = [*self._plan.stages()]
        if self._mutation.storage_first:
            stages.reverse()
        for members in stages:
            await asyncio.gather(*(self._stop(member) for member in members))
        await self._stop_own()
        self.state = PlanState.HANDED_OVER
        self.last_report = "all down"
        self._tell(PlanEventType.FINISHED, PlanResult.ALL_DOWN)
        while self._mains_s < self._plan.restore.mains_stable_s:  # noqa: ASYNC110 - it polls
            await asyncio.sleep(LOOK_S)
        self.state = PlanState.RESTORING
        if self._ports.output and self._plan.output:
            await self._ports.output.cancel()
        await self._restore(reversed(stages))
        if self._mutation.never_ends:
            await asyncio.sleep(1e6)
        self.state, self.is_open = PlanState.IDLE, False
        self.last_report = "all back"
        result = PlanResult.ALL_BACK if self._mutation.hides_incomplete else PlanResult.INCOMPLETE
        self._tell(PlanEventType.FINISHED, result)
        self._task = None

    async def _stop(self, spec: TargetSpec) -> None:
        if not await self._is_up(spec):
            return
        feed = self._ports.feeds.view(spec.second_feed)
        if feed and feed.power is Power.MAINS and not self._mutation.ignores_feeds:
            return
        target = self._targets[spec.target_id]
        for step in target.steps:
            context = StopContext(plan_id="1", reason=Reason.TIME_ON_BATTERY, time_left_s=60.0)
            self._sent.setdefault(spec.target_id, []).append(step)
            for _ in range(2 if self._mutation.sends_twice else 1):
                await target.send(step, context)
            while step.is_awaited and not await self._is_done(target, step):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
        while spec.verify.address and await self._is_up(spec):  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(spec.verify.grace_s + LOOK_S)

    async def _is_done(self, target: Target, step: StopStep) -> bool:
        try:
            return await target.is_step_done(step)
        except OSError:
            return True

    async def _stop_own(self) -> None:
        output, own = self._plan.output, self._plan.own_host
        if self._ports.output is not None and output is not None:
            delay_s = HOME_ASSISTANT_STOP_S + (own.time_limit_s if own else output.delay_s)
            if self._mutation.short_output:
                delay_s = 6.0
            await self._ports.output.arm(delay_s, returns=output.returns)
        if own is not None and (output or (self._view and self._view.low)):
            await self._stop(own)

    async def _restore(self, stages: object) -> None:
        for target in self._targets.values():
            if not self._mutation.keeps_fsd:
                await target.release()
        for members in stages:  # type: ignore[attr-defined]
            await asyncio.gather(*(self._bring_back(member) for member in members))

    async def _bring_back(self, spec: TargetSpec) -> None:
        target = self._targets[spec.target_id]
        steps = self._sent.pop(spec.target_id, [])
        if (steps or self._mutation.wakes_all) and not self._mutation.wakes_nobody:
            await self._wake(spec, target)
        if steps and not self._mutation.restores_nothing:
            await target.restore(steps)

    async def _wake(self, spec: TargetSpec, target: Target) -> None:
        for _ in range(60):
            if not spec.verify.address or await self._is_ready(spec):
                return
            if spec.wake:
                await self._ports.network.send_wake(spec.wake)
            if target.can_wake:
                await target.wake()
            await asyncio.sleep(LOOK_S)

    async def _is_ready(self, spec: TargetSpec) -> bool:
        network, verify = self._ports.network, spec.verify
        return all([await network.is_open(verify.address, port) for port in verify.ports])

    async def _is_up(self, spec: TargetSpec) -> bool:
        """Return whether any of several looks showed a sign of life."""
        if not spec.verify.address:
            return True
        network, verify = self._ports.network, spec.verify
        for _ in range(LOOKS):
            if any([await network.is_open(verify.address, port) for port in verify.ports]):
                return True
            if await network.answers_ping(verify.address):
                return True
        return False

    def _tell(self, kind: PlanEventType, key: str) -> None:
        if self._listener:
            self._listener(PlanEvent(type=kind, at=self._ports.clock.utc(), plan_id="1", key=key))
