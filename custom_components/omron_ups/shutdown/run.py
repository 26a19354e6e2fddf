"""What every part of a plan works with: the record, the power, the hosts, and the time left."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
import logging
from typing import Final

from .abilities import Abilities
from .budget import SAFETY_S, last_safe_wait_s, needs, proof_s, stage_deadline_s, time_left_s
from .durations import patience_s
from .evidence import DownWatch, Gateway, Look, Watching, observe
from .folding import DOWN_STATES, STOP_ENDED, Phase, PlanRecord, TargetRecord
from .ledger import Ledger
from .models import HostState, Observation, Power, TargetState
from .ports import Ports, Stop
from .power import PowerNow
from .records import Change, Seen, Settled
from .sending import Requests
from .specs import Plan, TargetSpec
from .target import StopContext, Target

_LOGGER = logging.getLogger(__name__)

SHORT_S: Final = 120.0
"""How long a battery is taken to last after low battery if its runtime is not known."""
BOOT_S: Final = 180.0
"""For how long the silence of a host that was just woken proves nothing."""
FRESH_S: Final = 10.0
"""Older data of a second feed do not count."""
_WATCHED: Final = frozenset(
    {
        TargetState.WAITING,
        TargetState.GATED,
        TargetState.STOPPING,
        TargetState.OVERDUE,
        TargetState.REFUSED,
        TargetState.UNCONFIRMED,
    }
)
_STOP_PHASES: Final = frozenset({Phase.RUNNING, Phase.HANDED_OVER, Phase.CANCELLING})
_UNHURRIED: Final = DOWN_STATES | {TargetState.WAITING, TargetState.SKIPPED, TargetState.BACK}


class Run:
    """The installation that a plan is about, for as long as its configuration stays the same."""

    def __init__(
        self,
        plan: Plan,
        targets: Mapping[str, Target],
        ports: Ports,
        ledger: Ledger,
        power: Callable[[], PowerNow],
    ) -> None:
        """Take the parts; nothing is looked at before `follow`."""
        self.plan = plan
        self.targets = targets
        self.ports = ports
        self.ledger = ledger
        self.power = power
        self.requests = Requests(ledger)
        self.began = ports.clock.monotonic()
        self.patient_since = self.began
        """Before this nobody waited for any host: we were not there, or did not know the power."""
        self._gateway = Gateway(ports.network, plan.gateway)
        self._watching: dict[str, Watching] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._chores: set[asyncio.Task[None]] = set()

    @property
    def record(self) -> PlanRecord:
        """The plan that is open.

        Raises:
            RuntimeError: none ever was.

        """
        if self.ledger.record is None:
            raise RuntimeError("no plan is open")
        return self.ledger.record

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.ports.clock.monotonic()

    def target(self, target_id: str) -> TargetRecord:
        """Return what happened to a target in the open plan."""
        return self.record.target(target_id)

    def specs(self, target_ids: Collection[str]) -> Iterator[TargetSpec]:
        """Yield those of these targets that still exist, in the order of the configuration."""
        for spec in self.plan.targets:
            if spec.target_id in target_ids and spec.target_id in self.targets:
                yield spec

    def note(self, *changes: Change) -> None:
        """Let something have happened to the open plan."""
        self.ledger.note(*changes)

    def settle(
        self,
        target_id: str,
        state: TargetState,
        evidence: str = "",
        *,
        seconds: float | None = None,
    ) -> None:
        """Let a target have come to the end of a way, unless it is there already."""
        if self.target(target_id).state is not state:
            self.note(Settled(target_id=target_id, state=state, evidence=evidence, seconds=seconds))

    def settle_late(self, spec: TargetSpec, evidence: str) -> None:
        """Let the time of a target be up: it failed only if evidence could have come."""
        can_prove = Abilities.of(self.targets[spec.target_id]).can_prove(spec)
        if can_prove or not self.target(spec.target_id).was_accepted:
            self.settle(spec.target_id, TargetState.OVERDUE, evidence)
            return
        text = "it was told to stop, nothing can show whether it did"
        self.settle(spec.target_id, TargetState.UNCONFIRMED, text)

    # Looking at hosts

    def follow(self, target_ids: Collection[str]) -> None:
        """Look at these hosts from now on, which has no effect on them."""
        for spec in self.specs(target_ids):
            task = self._tasks.get(spec.target_id)
            if task is not None and not task.done():
                continue
            look = Look(self.targets[spec.target_id], self.ports.network, self._gateway)
            watching = self._watching[spec.target_id] = Watching(look, self.monotonic)
            self._tasks[spec.target_id] = asyncio.create_task(
                self._follow(spec, watching), name=f"look at {spec.target_id}"
            )

    def forget(self) -> None:
        """Look at nobody any more."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._watching.clear()

    async def close(self, limit_s: float) -> None:
        """End everything; requests that are under way may take `limit_s` more."""
        await self.requests.close(limit_s)
        looking = [*self._tasks.values()]
        self.forget()
        self._gateway.forget()
        await asyncio.gather(*looking, *self._chores, return_exceptions=True)

    def watch(self, target_id: str) -> DownWatch | None:
        """Return what has been seen of a host; None if nobody looks at it."""
        watching = self._watching.get(target_id)
        return watching.watch if watching else None

    def is_off(self, target_id: str) -> bool:
        """Return whether evidence says that a host is off, whatever the plan did to it."""
        watch = self.watch(target_id)
        if watch is not None and watch.is_alive:
            return False
        if self.ledger.is_open and self.target(target_id).state in DOWN_STATES:
            return True
        return watch is not None and watch.is_down(self.monotonic())

    async def ask_itself(self, spec: TargetSpec) -> None:
        """Take what a target's kind shows at this moment, if it is proof.

        For a target that is about to be given up: what it showed last may be some seconds old.
        """
        watching = self._watching.get(spec.target_id)
        if watching is None or not self.targets[spec.target_id].has_own_evidence:
            return
        seen = await observe(self.targets[spec.target_id])
        if seen.is_conclusive:
            watching.watch.note(seen, self.monotonic())
            self._seen(spec, watching.watch, seen)

    async def _follow(self, spec: TargetSpec, watching: Watching) -> None:
        try:
            await watching.run(
                lambda seen: self._seen(spec, watching.watch, seen),
                lambda: self._hurries(spec.target_id),
            )
        except Exception:
            _LOGGER.exception("%s: is no longer looked at", spec.name)

    def has_power_returned(self, record: PlanRecord) -> bool | None:
        """Return whether hosts show that the UPS took their power and gave it back.

        Those that start by themselves then would be up. None if there is none, or nothing was seen
        of them yet.
        """
        seen = [
            watch
            for spec in self.specs(record.targets.keys())
            if self._starts_with_power(spec, record.target(spec.target_id))
            and (watch := self.watch(spec.target_id)) is not None
        ]
        if any(watch.is_alive for watch in seen):
            return True
        return False if any(watch.is_silent() for watch in seen) else None

    def _starts_with_power(self, spec: TargetSpec, target: TargetRecord) -> bool:
        """Return whether a host that we stopped would start by itself."""
        if not spec.returns_by_itself or spec.second_feed:
            return False
        if spec.target_id == self.plan.home_assistant_host:
            return False
        was_owed = target.owed is not None and target.owed.is_stopped
        return was_owed or target.stopped is TargetState.DOWN

    def _hurries(self, target_id: str) -> bool:
        return self.ledger.is_open and self.target(target_id).state not in _UNHURRIED

    def _seen(self, spec: TargetSpec, watch: DownWatch, seen: Observation) -> None:
        """Note what one more look proves."""
        record = self.ledger.record
        if record is None or record.phase not in _STOP_PHASES:
            return
        target_id = spec.target_id
        if target_id not in record.targets:
            return
        if (first := self._first_seen(record.target(target_id), watch, seen)) is not None:
            self.note(Seen(target_id=target_id, state=first, evidence=seen.evidence))
        if target_id == self.plan.home_assistant_host:
            # That we look proves that it runs, whatever the network says.
            return
        target = self.target(target_id)
        if target.state in _WATCHED and watch.is_down(self.monotonic()):
            self._down(spec, target, watch)

    def _first_seen(
        self, target: TargetRecord, watch: DownWatch, seen: Observation
    ) -> HostState | None:
        if target.seen is HostState.UP:
            return None
        if seen.state in {HostState.UP, HostState.GOING}:
            return HostState.UP
        if target.seen is not None or not watch.is_silent():
            return None
        # Somebody who says yes was up, whatever a look says: it may look at the wrong ports.
        was_asked = target.was_accepted or self._was_asked_before_us(target)
        return None if was_asked else HostState.DOWN

    def _down(self, spec: TargetSpec, target: TargetRecord, watch: DownWatch) -> None:
        """Take the evidence for what it is worth."""
        is_ours = target.seen is HostState.UP
        if target.owed is not None and target.owed.is_stopped:
            is_ours = True
            if self._may_boot(target, watch):
                return
        if target.seen is None and target.asked is not None:
            is_ours = is_ours or self._was_asked_before_us(target)
            if not is_ours and not watch.is_conclusive:
                return
        if not is_ours:
            self.settle(spec.target_id, TargetState.ALREADY_DOWN, watch.evidence)
            return
        seconds = self._took_s(target, watch)
        self.settle(spec.target_id, TargetState.DOWN, watch.evidence, seconds=seconds)
        if seconds is not None:
            self._learn(Stop(target_id=spec.target_id, seconds=seconds))

    def _may_boot(self, target: TargetRecord, watch: DownWatch) -> bool:
        if target.owed is None or not target.owed.is_booting or watch.was_alive:
            return False
        since = self.ledger.stamp().since(self.record.began)
        return since is not None and since < BOOT_S

    def _took_s(self, target: TargetRecord, watch: DownWatch) -> float | None:
        """Return how long a stop took; None unless a running host was stopped before our eyes."""
        asked = target.asked
        if asked is None or watch.silent_since is None or target.seen is not HostState.UP:
            return None
        # Who said no, and is off all the same, was stopped by somebody else.
        is_ours = any(step.has_effect for step in target.steps.values())
        if not is_ours or self._was_asked_before_us(target):
            return None
        return max(0.0, watch.silent_since - asked.monotonic)

    def _learn(self, stop: Stop) -> None:
        task = asyncio.create_task(self._remember(stop), name=f"remember {stop.target_id}")
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _remember(self, stop: Stop) -> None:
        try:
            await self.ports.durations.add(stop)
        except Exception:
            _LOGGER.exception("The duration of a stop cannot be kept")

    def _was_asked_before_us(self, target: TargetRecord) -> bool:
        """Return whether an earlier life of Home Assistant asked it, when nobody looked."""
        asked = target.asked
        if asked is None:
            return False
        return asked.boot_id != self.ports.clock.boot_id or asked.monotonic < self.began

    # Power and time

    def is_low(self) -> bool:
        """Return whether the battery is low: by the UPS, or by the clock while that is silent."""
        now = self.power()
        if now.power is not Power.BATTERY:
            return False
        # Not by the plan's deadline: that is an empty battery if nothing attached acts at low.
        if now.is_low or not now.is_silent or None not in {now.charge, now.charge_low}:
            return now.is_low
        left_s = time_left_s(now, self.plan)
        return left_s is not None and left_s <= 0.0

    def time_left_s(self) -> float | None:
        """Return the seconds until the plan's deadline; None if unknown, or if there is none."""
        if not self.record.is_outage:
            return None
        now = self.power()
        if not self.record.is_short:
            return time_left_s(now, self.plan)
        own_s = self.own_host_s()
        left_s = SHORT_S if now.runtime_s is None else now.runtime_s
        return max(0.0, left_s - own_s - SAFETY_S)

    def own_host_s(self) -> float:
        """Return how long our own host's stop takes; 0 if it is not in the plan, or ended."""
        return needs(self.plan, self.ports.durations, ended=self.ended()).own_host_s

    def ended(self) -> frozenset[str]:
        """Return the ids of the targets that need no more time."""
        record = self.record
        done = STOP_ENDED | {TargetState.SKIPPED}
        return frozenset(
            spec.target_id
            for spec in self.plan.targets
            if spec.target_id not in record.chosen or record.target(spec.target_id).state in done
        )

    def remaining_s(self, spec: TargetSpec, since: float) -> float:
        """Return for how long a target may still be waited for.

        Args:
            spec: the target.
            since: when its turn came, if it could not be asked yet.

        """
        patient_s, left_s = self.patience_s(spec, since), self.allowance_s(spec)
        return patient_s if left_s is None else min(patient_s, left_s)

    def allowance_s(self, spec: TargetSpec) -> float | None:
        """Return for how long others can do without the time that a target takes; None: for ever.

        What comes later keeps its estimate, or its share of what there is.
        """
        left_s = self.time_left_s()
        if left_s is None or spec.target_id == self.plan.home_assistant_host:
            return None
        if self.record.is_short:
            return left_s
        return stage_deadline_s(
            self.plan,
            self.ports.durations,
            stage=spec.stage,
            time_left_s=left_s,
            elapsed_s=self._stage_lasts_s(spec.stage),
            ended=self.ended(),
        )

    def _stage_lasts_s(self, stage: int) -> float:
        """Return for how long those of a stage who have yet to stop are being asked."""
        ended, now = self.ended(), self.ledger.stamp()
        asked = (
            self.target(spec.target_id).asked
            for spec in self.plan.targets
            if spec.stage == stage and spec.target_id not in {*ended, self.plan.home_assistant_host}
        )
        lasted = (now.since(stamp) for stamp in asked if stamp is not None)
        return max((seconds for seconds in lasted if seconds is not None), default=0.0)

    def patience_s(self, spec: TargetSpec, since: float) -> float:
        """Return for how long a target may be waited for if there is no hurry."""
        target = self.target(spec.target_id)
        asked = target.asked
        if asked is not None and asked.boot_id == self.ports.clock.boot_id:
            repeated = (s.last.monotonic for s in target.steps.values() if s.attempts > 1)
            since = max(asked.monotonic, self.patient_since, *repeated)
        stops = self.ports.durations.seconds(spec.target_id)
        return patience_s(spec, stops) + proof_s(spec.verify) - (self.monotonic() - since)

    def last_safe_wait_s(self, spec: TargetSpec) -> float | None:
        """Return for how long a target may wait for its users; None if that is unknown."""
        return last_safe_wait_s(
            self.plan,
            self.ports.durations,
            target_id=spec.target_id,
            time_left_s=self.time_left_s(),
            ended=self.ended(),
        )

    def context(self, time_left_s: float) -> StopContext:
        """Return what a target is told of the plan."""
        record = self.record
        return StopContext(
            plan_id=record.plan_id,
            reason=record.reason,
            time_left_s=max(0.0, time_left_s),
            is_short=record.is_short,
        )

    def has_second_feed(self, spec: TargetSpec) -> bool:
        """Return whether another UPS feeds a target, and has mains for sure."""
        view = self.ports.feeds.view(spec.second_feed) if spec.second_feed else None
        return view is not None and view.power is Power.MAINS and view.age_s <= FRESH_S
