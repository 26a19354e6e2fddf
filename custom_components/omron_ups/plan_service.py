"""The shutdown plan of one UPS in Home Assistant: what it is fed with, and what it tells."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval

from .const import (
    CONF_CONNECTION,
    CONF_MAINTENANCE_HOURS,
    CONF_OPTIONS,
    CONF_SHUTDOWN_PLAN,
    DEFAULT_MAINTENANCE,
    LOGGER,
    ConnectionKind,
)
from .driver import UpsSource, UpsState
from .nut import ForcedShutdown
from .nut_service import NutService
from .plan_issues import PlanIssues
from .plan_mains import MainsEntity
from .plan_options import plan_of
from .plan_ports import OtherUpses, UpsCommands
from .plan_store import PlanStore
from .power_view import power_view
from .shutdown.abilities import Abilities
from .shutdown.clock import SystemClock
from .shutdown.errors import ShutdownError
from .shutdown.events import PlanEvent
from .shutdown.findings import finding_of
from .shutdown.kinds import make_target
from .shutdown.maintenance import Maintenance
from .shutdown.models import Finding, PlanState, PowerView, Severity, TargetState
from .shutdown.network import SystemNetwork
from .shutdown.opening import CLOSE_LIMIT_S
from .shutdown.ports import Ports
from .shutdown.preflight import PlanPreflight
from .shutdown.preview import Timeline
from .shutdown.runner import Runner
from .shutdown.specs import Plan, TargetSpec
from .shutdown.stores import Switches
from .shutdown.target import Target
from .shutdown.targets.ups_output import OmronOutput
from .shutdown.telling import Listeners
from .target_tools import tools_of
from .target_watch import TargetWatch

CHECK_EVERY: Final = timedelta(minutes=5)


class PlanService:
    """Owns the runner of one UPS; it outlives everything but a reload of the entry."""

    runner: Runner

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, ups: UpsSource, nut: NutService
    ) -> None:
        """Prepare; `async_start` reads the journal and goes on with what it holds."""
        self.hass = hass
        self._entry = entry
        self._ups = ups
        self._nut = nut
        self._clock = SystemClock()
        self._network = SystemNetwork()
        self._issues = PlanIssues(hass, entry)
        self._undo: list[CALLBACK_TYPE] = []
        self._end_maintenance: CALLBACK_TYPE | None = None
        self._listeners: list[CALLBACK_TYPE] = []
        self._event_listeners = Listeners()
        self._untold: list[PlanEvent] | None = []
        """What happened while nobody could hear of it yet; None once it was told."""
        self._mains = MainsEntity(hass, entry, self._handle_power)
        self._forced: set[str] = set()
        """Names for which a client set FSD in the present outage, in lower case."""
        self._broken: list[Finding] = []
        self._plan = Plan()
        """What is configured; the runner may still be at the one before."""
        self._checked = self._plan
        """The plan of the runner that was looked at last."""
        self._targets: dict[str, Target] = {}
        self._findings: tuple[Finding, ...] = ()
        self.watch = TargetWatch(hass, self._network)

    async def async_start(self) -> None:
        """Read what was kept, and go on with an open plan; no request leaves yet.

        Raises:
            OSError: the disk cannot be read.

        """
        self._store = await PlanStore.load(self.hass, self._entry.entry_id, self._clock)
        configured = plan_of(self._entry)
        in_force = await self._store.open_plan.load(self._store.journal)
        plan = self._plan = self._checked = in_force or configured
        self._targets = self._make_all(plan)
        switches = self._store.switches.switches
        self.runner = Runner(
            plan,
            dict(self._targets),
            self._ports(),
            checks=self._store.checks,
            is_armed=switches.is_armed,
        )
        if switches.is_armed and not self.runner.is_armed:
            LOGGER.error("The shutdown plan of %s may no longer be armed", self._entry.title)
        self._set_maintenance(switches.maintenance)
        self._undo.append(self.runner.subscribe(self._handle_event))
        await self.runner.start()
        self._keep_open_plan()
        self._handle_power()
        self.watch.set_targets(plan.targets)
        self._mains.async_track()
        self._undo += (
            self._ups.subscribe(self._handle_state),
            self._nut.forced_shutdowns.subscribe(self._handle_forced_shutdown),
            async_track_time_interval(self.hass, self._async_check_due, CHECK_EVERY),
        )
        if plan == configured:
            self._look_again()
        else:
            # What was changed before the restart waits for the end of the plan as it did then.
            self.async_apply()

    async def async_stop(self) -> None:
        """Stop; an open plan stays open, and the next start goes on with it.

        May be called again, and after a start that failed.
        """
        self.watch.stop()
        self._mains.async_stop()
        while self._undo:
            self._undo.pop()()
        if self._end_maintenance is not None:
            self._end_maintenance()
            self._end_maintenance = None
        self._issues.async_settle_all()
        if hasattr(self, "runner"):
            await self.runner.stop()
            await self._store.open_plan.flushed(CLOSE_LIMIT_S)

    @callback
    def async_apply(self) -> None:
        """Take over what the user changed; while a plan is under way that waits for its end."""
        plan = self._plan = plan_of(self._entry)
        before = {key: target.spec for key, target in self._targets.items()}
        self._targets = self._make_all(plan)
        for spec in plan.targets:
            if before.get(spec.target_id) != spec:
                self.runner.checks.changed(spec.target_id)
        self.runner.set_plan(plan, dict(self._targets))
        self.watch.set_targets(plan.targets)
        self._mains.async_track()
        self._look_at_changes()

    # What people and automations do

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way that a reload would disturb."""
        return self.runner.state is PlanState.IDLE

    @property
    def specs(self) -> tuple[TargetSpec, ...]:
        """The targets that are configured."""
        return self._plan.targets

    @property
    def maintenance_lasts(self) -> timedelta:
        """How long maintenance lasts if nobody ends it."""
        options = self._entry.options.get(CONF_SHUTDOWN_PLAN, {})
        return timedelta(hours=options.get(CONF_MAINTENANCE_HOURS, DEFAULT_MAINTENANCE))

    @property
    def maintenance_until(self) -> datetime | None:
        """When maintenance ends, None without one."""
        maintenance = self._store.switches.switches.maintenance
        return maintenance.until if maintenance and self.runner.is_in_maintenance else None

    async def async_set_armed(self, *, armed: bool) -> None:
        """Arm once it is on disk, or disarm at once.

        Raises:
            ArmingRefusedError: the plan would stop what it runs on, or that is not answered yet.
            OSError: the disk cannot be written; disarmed is disarmed until the next restart.

        """
        switches = replace(self._store.switches.switches, is_armed=armed)
        if not armed:
            # Whoever disarms wants that nothing more is stopped, whatever the disk says.
            self.runner.set_armed(False)
            self._look_again()
            await self._store.switches.save(switches)
        else:
            was_armed = self.runner.is_armed
            self.runner.set_armed(True)
            try:
                await self._store.switches.save(switches)
            except OSError:
                if not was_armed:
                    self.runner.set_armed(False)
                raise
        self._look_again()

    async def async_set_maintenance(self, until: datetime | None) -> None:
        """Let no plan begin before `until`; None ends maintenance.

        Raises:
            OSError: the disk cannot be written.

        """
        switches = Switches(
            is_armed=self._store.switches.switches.is_armed,
            maintenance=None if until is None else Maintenance.of(until, self._clock),
        )
        await self._store.switches.save(switches)
        self._set_maintenance(switches.maintenance)
        self._look_again()

    def preview(self) -> Timeline:
        """Foresee the present outage, or one that begins now."""
        return self.runner.preview(logins={str(item.address) for item in self._nut.clients})

    async def async_check(self) -> tuple[Finding, ...]:
        """Check all targets, as far as their logins allow; return all that is wrong now."""
        await self.runner.check_targets()
        self._keep_learned()
        await self._store.save_checks()
        self._look_again()
        return self._findings

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that is known to be wrong."""
        return self._findings

    def is_ready(self, target_id: str) -> bool | None:
        """Return whether the last check found nothing that would keep the target from stopping."""
        return self._issues.is_ready(target_id, self.runner.checks.results)

    def confirmed_at(self, target_id: str) -> datetime | None:
        """Return when a target was last stopped for real, None if it never was as it is now."""
        target = self._targets.get(target_id)
        return None if target is None else self._store.confirmed.at(target.spec)

    def subscribe(self, on_change: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call back whenever something shown may have changed; returns the undo."""
        self._listeners.append(on_change)
        return lambda: self._listeners.remove(on_change)

    def subscribe_events(self, on_event: Callable[[PlanEvent], None]) -> CALLBACK_TYPE:
        """Call back with everything that happens to the plan; returns the undo.

        A plan goes on before there is anybody who could hear of it, so nothing is told until
        `async_tell_events`.
        """
        return self._event_listeners.add(on_event)

    @callback
    def async_tell_events(self) -> None:
        """Tell what has happened since the start, and from now on at once."""
        untold, self._untold = self._untold or (), None
        for event in untold:
            self._event_listeners.tell(event)

    def view(self) -> PowerView:
        """Return what is known of the power of this UPS."""
        forced = bool(self._forced & self._nut.forced_shutdowns.by_clients)
        return power_view(
            self._ups.state,
            age_s=self._ups.age,
            mains_entity=self._mains.has_mains,
            is_forced=forced,
        )

    # Inside

    def _ports(self) -> Ports:
        return Ports(
            clock=self._clock,
            network=self._network,
            journal=self._store.journal,
            durations=self._store.durations,
            # Without a confirmed output in the plan it is never used.
            output=OmronOutput(UpsCommands(self._ups)),
            feeds=OtherUpses(self.hass, lambda data: data.plan.view()),
        )

    def _make_all(self, plan: Plan) -> dict[str, Target]:
        """Return the targets; those that did not change stay what they are.

        One that cannot be made is left out and told of: it must not take the others with it.
        """
        tools = tools_of(self.hass, self._nut)
        made: dict[str, Target] = {}
        self._broken = []
        for spec in plan.targets:
            old = self._targets.get(spec.target_id)
            if old is not None and old.spec == spec:
                made[spec.target_id] = old
                continue
            try:
                made[spec.target_id] = make_target(spec, tools)
            except ShutdownError as err:
                LOGGER.error("%s cannot be stopped by the plan: %s", spec.name, err)
                self._broken.append(finding_of(spec, err))
        return made

    @callback
    def _set_maintenance(self, maintenance: Maintenance | None) -> None:
        left_s = maintenance.left_s(self._clock) if maintenance else 0.0
        self.runner.set_maintenance(self._clock.utc() + timedelta(seconds=left_s))
        if self._end_maintenance is not None:
            self._end_maintenance()
            self._end_maintenance = None
        if left_s > 0.0:
            self._end_maintenance = async_call_later(self.hass, left_s, self._async_end_maintenance)

    @callback
    def _async_end_maintenance(self, _now: datetime) -> None:
        self._end_maintenance = None
        self._look_again()

    @callback
    def _handle_state(self, state: UpsState) -> None:
        if state.on_battery is False:
            # What a client has set stays set, but it was about an outage that is over.
            self._forced.clear()
        self._handle_power()

    @callback
    def _handle_forced_shutdown(self, request: ForcedShutdown) -> None:
        if self._ups.state.on_battery:
            self._forced.add(request.name.lower())
            self._handle_power()

    @callback
    def _handle_power(self) -> None:
        self.runner.handle_power(self.view())

    @callback
    def _handle_event(self, event: PlanEvent) -> None:
        self._keep_open_plan()
        self._keep_learned()
        # A host that stopped by itself, or was told before a restart of ours, proves nothing.
        if event.key == TargetState.DOWN and event.data:
            self._confirm(event.target_id, event.at)
        if self.runner.plan is not self._checked:
            # It waited for the end of a plan, and is the one that counts now.
            self._look_at_changes()
        if self._untold is None:
            self._event_listeners.tell(event)
        else:
            self._untold.append(event)
        self._notify()

    @callback
    def _keep_open_plan(self) -> None:
        """Let a restart find the plan that is open as it is in force."""
        self._store.open_plan.follow(self.runner.plan if self.runner.is_open else None)

    def _confirm(self, target_id: str, at: datetime) -> None:
        """Remember that a target, as the plan had it, was stopped by us and is proven down."""
        if (spec := self.runner.plan.target(target_id)) is not None:
            self.hass.async_create_task(
                self._store.confirmed.add(spec, at, keep=self._targets.keys())
            )

    @callback
    def _keep_learned(self) -> None:
        """Store what targets found out by themselves, so that a restart does not take it away."""
        for target_id, target in self._targets.items():
            subentry = self._entry.subentries.get(target_id)
            learned = target.learned_options
            if not learned:
                continue
            if target.spec is self.runner.plan.target(target_id):
                self._store.open_plan.learn(target_id, learned)
            if subentry is None:
                continue
            options = subentry.data[CONF_OPTIONS]
            # What the user has changed meanwhile counts, and is checked anew.
            if target.spec.options == options and {**options, **learned} != options:
                self.hass.config_entries.async_update_subentry(
                    self._entry,
                    subentry,
                    data={**subentry.data, CONF_OPTIONS: {**options, **learned}},
                )

    @callback
    def _notify(self) -> None:
        for on_change in tuple(self._listeners):
            on_change()

    @callback
    def _look_again(self) -> None:
        """Find what is wrong with the plan as a whole, and with what was last seen of targets."""
        preflight = PlanPreflight(
            plan=self.runner.plan,
            is_armed=self.runner.is_armed,
            is_simulated=self._entry.data[CONF_CONNECTION] == ConnectionKind.SIMULATED,
            timeline=self.preview() if self.is_idle else None,
            abilities={key: Abilities.of(target) for key, target in self._targets.items()},
            checked=self.runner.checks.findings,
        )
        known = {spec.target_id for spec in self.specs}
        found = [
            finding
            for key, result in self.runner.checks.results.items()
            if key in known
            for finding in result.findings
            if finding.severity is not Severity.OK
        ]
        self._findings = (*preflight.findings(), *self._broken, *found)
        names = {spec.target_id: spec.name for spec in self.specs}
        self._issues.async_show(self._findings, names)
        self._notify()

    @callback
    def _look_at_changes(self) -> None:
        """Find what is wrong with the plan as it is now, and check the targets that changed."""
        self._checked = self.runner.plan
        self._look_again()
        self._entry.async_create_background_task(
            self.hass, self._async_check_due(None), f"check targets of {self._entry.title}"
        )

    async def _async_check_due(self, _now: datetime | None) -> None:
        before = self.runner.checks.results
        await self.runner.check_due()
        self._keep_learned()
        if self.runner.checks.results != before:
            await self._store.save_checks()
        self._look_again()
