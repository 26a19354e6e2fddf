"""Runs the plan of one UPS: watches the power, begins, goes on, gives up, brings back."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime
import logging
from random import Random
from typing import Any, Final

from .abilities import Abilities
from .actors import other_actors
from .budget import margin_s, needs
from .errors import ArmingRefusedError, BusyError, NotArmedError, UnknownTargetError
from .events import PlanEvent, PlanEventType
from .folding import Phase
from .ledger import Ledger
from .maintenance import Maintenance
from .models import Finding, PlanState, PowerView, Reason, TargetState
from .modes import state_of
from .opening import CLOSE_LIMIT_S, close_all, open_all
from .ports import Ports
from .power import PowerNow, PowerTracker
from .preflight import refusals
from .preview import Timeline, make_timeline
from .recall import Recall
from .records import Entry
from .rehearsal import Rehearsal
from .report import Report, from_json
from .restoring import wake_once
from .run import Run
from .specs import Plan
from .steering import Steering, new_plan_id
from .supply import Situation
from .target import Target
from .target_checks import TargetChecks
from .telling import Listeners, event_of, journal_error

_LOGGER = logging.getLogger(__name__)

TICK_S: Final = 1.0
_STOPPING: Final = frozenset({Phase.RUNNING, Phase.HANDED_OVER})


class Runner:
    """The shutdown plan of one UPS.

    Not armed, it only looks. All methods belong to one event loop; those that are not coroutines
    never wait. Listeners never delay the plan.
    """

    def __init__(
        self,
        plan: Plan,
        targets: Mapping[str, Target],
        ports: Ports,
        *,
        checks: TargetChecks | None = None,
        is_armed: bool = False,
    ) -> None:
        """Take the parts; nothing is opened, read or sent before `start`.

        Args:
            plan: what the user configured.
            targets: one for each spec of the plan, by id.
            ports: the world.
            checks: the results of earlier preflights; none if left out.
            is_armed: as before a restart; what a check saw since then refuses only a new arming.
        """
        self.checks = checks or TargetChecks(ports.clock, Random())  # noqa: S311 - spreads load
        self._ports, self._is_armed = ports, is_armed
        self._tracker = PowerTracker(ports.clock, plan.triggers)
        self._recall = Recall(self._tracker, ports.clock)
        self._listeners = Listeners()
        self._ledger = Ledger(
            ports.journal,
            ports.clock,
            self._recall.now,
            on_entry=self._tell_entry,
            on_error=self._tell_error,
        )
        self._maintenance: Maintenance | None = None
        self._pending: tuple[Plan, Mapping[str, Target]] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._clock: asyncio.Task[None] | None = None
        self._chores: set[asyncio.Task[Any]] = set()
        self._shown: object = None
        self._opened = asyncio.Event()
        self._use(plan, targets)

    # Life

    async def start(self) -> None:
        """Open the targets, read the journal, and go on with a plan that it holds.

        An open plan waits for the power to be known; no request leaves before that.
        """
        opening = self._opening = asyncio.create_task(
            open_all(self._run.targets.values()), name="open targets"
        )
        await asyncio.wait([opening])
        if opening.cancelled():
            return
        self._opened.set()
        try:
            await self._ledger.read()
        except OSError as err:
            self._tell_error(err)
        self._steering.resume(is_armed=self.is_armed)
        self._clock = asyncio.create_task(self._run_clock(), name="shutdown plan")

    async def stop(self) -> None:
        """End all tasks; requests that are under way may take 5 s more.

        An open plan stays open in the journal: the next start goes on with it.
        """
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.wait([self._clock])
            self._clock = None
        await self._steering.worker.close()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self._run.close(CLOSE_LIMIT_S)
        await self._ledger.flushed(CLOSE_LIMIT_S)
        await close_all(self._run.targets.values())

    # What comes in

    def handle_power(self, view: PowerView) -> None:
        """Take a reading; an old one again, with its age, while the source is silent."""
        self._tracker.update(view)
        if self._clock is not None:
            self._think()

    def set_armed(self, armed: bool) -> None:  # noqa: FBT001 - the value itself
        """Arm, so that outages and requests stop hosts; or disarm, which gives up an open plan.

        What such a plan has done already is taken back all the same.

        Raises:
            ArmingRefusedError: the plan would stop what it runs on, or that is not answered yet.

        """
        if armed and (findings := refusals(self._plan, self.checks.findings)):
            raise ArmingRefusedError(findings)
        self._is_armed = armed
        if armed:
            self._steering.heed_again()
        else:
            self._steering.give_up("disarmed")

    def set_maintenance(self, until: datetime | None) -> None:
        """Let no plan begin before `until` (UTC, by the clock as it is now); None ends it."""
        self._maintenance = Maintenance.of(until, self._ports.clock) if until else None

    def set_plan(self, plan: Plan, targets: Mapping[str, Target]) -> None:
        """Change the configuration; while a plan is open the change waits for its end."""
        self._pending = (plan, targets)
        self._take_pending()

    def subscribe(self, callback: Callable[[PlanEvent], None]) -> Callable[[], None]:
        """Tell `callback` of all that happens; returns the undo."""
        return self._listeners.add(callback)

    async def start_shutdown(
        self,
        *,
        reason: Reason = Reason.REQUEST,
        targets: Collection[str] | None = None,
        dry_run: bool = False,
    ) -> str:
        """Stop hosts because somebody asks for it; return the plan's id once it has begun.

        Args:
            reason: why, for the report.
            targets: ids of those to be stopped; None for all.
            dry_run: only rehearse.

        Raises:
            UnknownTargetError: one of the targets does not exist.
            NotArmedError: not armed, or in maintenance.
            BusyError: another plan is under way, or has stopped the same hosts just before.

        """
        chosen = self._chosen(targets)
        if dry_run:
            self._check_idle()
            plan_id = new_plan_id(self._ports.clock.utc())
            self._spawn(self._rehearse(plan_id, chosen), f"rehearsal {plan_id}")
            return plan_id
        if not self.is_armed:
            raise NotArmedError("the shutdown plan is not armed")
        if self.is_in_maintenance:
            raise NotArmedError("the UPS is in maintenance")
        plan_id = self._steering.request(reason, chosen)
        self._show()
        return plan_id

    async def cancel(self) -> None:
        """Give the open plan up: ask for no more stops, and take back what was done."""
        self._steering.give_up("user")
        self._show()
        await self._ledger.synced()

    async def rehearse(self, targets: Collection[str] | None = None) -> Report:
        """Try everything that has no effect, and return what was found.

        Args:
            targets: ids of those to be tried; None for all.

        Raises:
            UnknownTargetError: one of the targets does not exist.
            BusyError: a plan is under way.

        """
        chosen = self._chosen(targets)
        self._check_idle()
        return await self._rehearse(new_plan_id(self._ports.clock.utc()), chosen)

    async def stop_target(self, target_id: str) -> str:
        """Stop one target; the same as `start_shutdown` with only this one."""
        return await self.start_shutdown(targets=(target_id,))

    async def wake_target(self, target_id: str) -> None:
        """Wake one target.

        Raises:
            UnknownTargetError: it does not exist.
            NotArmedError: not armed, so that nothing with an effect is sent.
            BusyError: a plan is stopping hosts.

        """
        (target_id,) = self._chosen((target_id,))
        if not self.is_armed:
            raise NotArmedError("the shutdown plan is not armed")
        if self._is_stopping:
            raise BusyError("a plan is stopping hosts")
        for spec in self._run.specs({target_id}):
            await wake_once(self._run, spec)

    async def check_targets(self) -> Sequence[Finding]:
        """Run the preflight of all targets, as far as the login budget allows."""
        await self._opened.wait()
        return await self._spawn(self.checks.run(self._run.targets), "check targets")

    async def check_due(self) -> Sequence[Finding]:
        """Run the preflights whose turn has come, those of changed targets among them."""
        await self._opened.wait()
        return await self._spawn(self.checks.run_due(self._run.targets), "check due targets")

    # What goes out

    @property
    def plan(self) -> Plan:
        """The configuration in force."""
        return self._plan

    @property
    def is_armed(self) -> bool:
        """Whether outages stop hosts; never while the plan would stop what it runs on."""
        return self._is_armed and not refusals(self._plan)

    @property
    def is_in_maintenance(self) -> bool:
        """Whether no plan may begin for now."""
        return bool(self._maintenance and self._maintenance.left_s(self._ports.clock))

    @property
    def is_open(self) -> bool:
        """Whether the journal holds a plan that has not ended."""
        return self._ledger.is_open

    @property
    def state(self) -> PlanState:
        """What the runner is at."""
        if (record := self._steering.record) is not None:
            return state_of(record, self._steering.worker.mode, self._steering.situation())
        if self._steering.situation() is not Situation.BATTERY:
            return PlanState.IDLE
        now = self._recall.now()
        is_new = now.on_battery_s < self._plan.triggers.debounce_s
        return PlanState.ON_BATTERY if is_new else PlanState.WAITING

    @property
    def target_states(self) -> Mapping[str, TargetState]:
        """How far the plan, or the last one, has come with each target."""
        record = self._ledger.record
        states = {spec.target_id: TargetState.WAITING for spec in self._plan.targets}
        if record is not None:
            states |= {key: t.state for key, t in record.targets.items() if key in states}
        return states

    @property
    def needs_s(self) -> float:
        """Seconds that the plan still needs."""
        ended = self._run.ended() if self.is_open else ()
        return needs(self._plan, self._ports.durations, ended=ended).total_s

    @property
    def margin_s(self) -> float | None:
        """How much longer the battery lasts than the plan needs, in seconds; None if unknown."""
        ended = self._run.ended() if self.is_open else ()
        needed = needs(self._plan, self._ports.durations, ended=ended)
        return margin_s(self._recall.now(), self._plan, needed)

    @property
    def power(self) -> PowerNow:
        """What is known of the power at this moment."""
        return self._recall.now()

    @property
    def last_report(self) -> Report | None:
        """How the last plan went; of an open one that was handed over, how it stands."""
        if self._steering.report is not None:
            return self._steering.report
        if self._ledger.report is None:
            return None
        try:
            return from_json(self._ledger.report)
        except ValueError as err:
            _LOGGER.warning("The report of the last plan cannot be read: %s", err)
            return None

    def preview(self, *, logins: Collection[str] = ()) -> Timeline:
        """Foresee the present outage, or one that begins now.

        Args:
            logins: addresses of the NUT clients that are attached.

        """
        return make_timeline(
            self._plan,
            self._ports.durations,
            self._recall.now(),
            states=self.target_states if self.is_open else {},
            other_actors=other_actors(self._plan, logins),
            abilities={key: Abilities.of(t) for key, t in self._run.targets.items()},
            is_running=self._is_stopping,
        )

    # Inside

    @property
    def _is_stopping(self) -> bool:
        record = self._steering.record
        return record is not None and record.phase in _STOPPING

    def _use(self, plan: Plan, targets: Mapping[str, Target]) -> None:
        self._plan = plan
        self._tracker.triggers = plan.triggers
        self._run = Run(plan, targets, self._ports, self._ledger, self._recall.now)
        self._steering = Steering(
            self._run,
            self._recall,
            self._ledger,
            may_act=lambda: self.is_armed and not self.is_in_maintenance,
            tell=self._listeners.tell,
        )

    def _chosen(self, targets: Collection[str] | None) -> frozenset[str]:
        known = frozenset(spec.target_id for spec in self._run.specs(self._run.targets))
        chosen = known if targets is None else frozenset(targets)
        if unknown := chosen - known:
            raise UnknownTargetError(f"no such target: {', '.join(sorted(unknown))}")
        return chosen

    def _check_idle(self) -> None:
        if self.is_open:
            raise BusyError("a plan is under way")

    async def _run_clock(self) -> None:
        """Think every second: the clock runs down in silence too."""
        while True:
            self._think()
            await asyncio.sleep(TICK_S)

    def _think(self) -> None:
        try:
            self._steering.think()
            self._take_pending()
            self._show()
        except Exception:
            _LOGGER.exception("The shutdown plan met a defect, and looks again in a second")

    def _show(self) -> None:
        """Tell of a change that people see."""
        shown = (self.state, dict(self.target_states), self.is_open, *self._figures())
        if shown != self._shown:
            self._shown = shown
            self._listeners.tell(
                PlanEvent(type=PlanEventType.STATE, at=self._ports.clock.utc(), key=self.state)
            )

    def _figures(self) -> Sequence[float | None]:
        """Return what the plan needs and its margin, in tens of seconds."""
        margin = self.margin_s
        return round(self.needs_s, -1), None if margin is None else round(margin, -1)

    def _tell_entry(self, entry: Entry) -> None:
        if (event := event_of(entry)) is not None:
            self._listeners.tell(event)

    def _tell_error(self, err: Exception) -> None:
        _LOGGER.error("The shutdown journal cannot be kept, the plan goes on without it: %r", err)
        self._listeners.tell(journal_error(err, at=self._ports.clock.utc()))

    def _take_pending(self) -> None:
        if self._pending is None or self.is_open:
            return
        (plan, targets), self._pending = self._pending, None
        before, steering = self._run, self._steering
        self._use(plan, targets)
        self._steering.follow_on(steering)
        if self._clock is not None:
            self._opened.clear()
            self._spawn(self._exchange(before, targets), "exchange targets")

    async def _exchange(self, before: Run, targets: Mapping[str, Target]) -> None:
        await open_all(targets.values())
        if self._run.targets is targets:
            self._opened.set()
        await before.close(CLOSE_LIMIT_S)
        await close_all(t for key, t in before.targets.items() if targets.get(key) is not t)
        await self._ports.durations.keep(targets.keys())
        self.checks.keep(targets.keys())

    async def _rehearse(self, plan_id: str, chosen: Collection[str]) -> Report:
        began = self._ledger.stamp()
        report = await Rehearsal(self._plan, self._run.targets, self._ports).run(
            plan_id, chosen, began=began
        )
        self._ledger.keep_report(plan_id, report.as_json())
        return report

    def _spawn[ResultT](
        self, main: Coroutine[Any, Any, ResultT], name: str
    ) -> asyncio.Task[ResultT]:
        task = asyncio.create_task(main, name=name)
        self._chores.add(task)
        task.add_done_callback(self._end_chore)
        return task

    def _end_chore(self, task: asyncio.Task[Any]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and (err := task.exception()) is not None:
            _LOGGER.warning("%s: %s", task.get_name(), err, exc_info=err)
