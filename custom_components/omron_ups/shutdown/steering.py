"""Decides, at every reading and every second, what is to be done with the plan."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
import logging
import secrets
from typing import Final

from .budget import margin_s, needs
from .debts import debts_of, left_off
from .errors import BusyError
from .events import PlanEvent, PlanEventType
from .folding import Phase, PlanRecord
from .ledger import Ledger
from .models import HostState, PlanResult, Power, Reason
from .modes import Mode, mode_of
from .output_cycle import can_wake
from .power import PowerNow
from .recall import Recall
from .records import (
    Began,
    Cancelled,
    Change,
    Checkpoint,
    Extended,
    Owed,
    PowerBack,
    PowerLost,
    Restoring,
    Resumed,
    Seen,
    Shortened,
    Stamp,
)
from .report import Report, make_report
from .run import Run
from .stages import renewals
from .supply import Situation, Supply
from .telling import end_of
from .triggers import TriggerWatch
from .work import Worker

_LOGGER = logging.getLogger(__name__)

DATA_LOST_S: Final = 10.0
"""Silence on battery that is worth a message."""
CHECKPOINT_S: Final = 120.0
"""The longest that an open journal says nothing while on battery."""
AGAIN_S: Final = 600.0
"""Before an automation may stop the same hosts once more; an outage waits for nothing."""
_SHORT: Final = frozenset({Reason.LOW_BATTERY, Reason.FORCED})
_STOPPING: Final = frozenset({Phase.RUNNING, Phase.HANDED_OVER})
_POWER: Final = {
    Situation.MAINS: Power.MAINS,
    Situation.BATTERY: Power.BATTERY,
    Situation.UNKNOWN: Power.UNKNOWN,
}


class Steering:
    """Begins plans, sees them through the power's changes, and ends them."""

    def __init__(
        self,
        run: Run,
        recall: Recall,
        ledger: Ledger,
        *,
        may_act: Callable[[], bool],
        tell: Callable[[PlanEvent], None],
    ) -> None:
        """Do nothing before `think`.

        Args:
            run: the installation.
            recall: knows the power.
            ledger: remembers the plan.
            may_act: whether a plan may begin by itself now: armed, and no maintenance.
            tell: told of what is no part of a plan.

        """
        self.supply = Supply(
            run.plan, run.ports.clock, run.ports.durations, power_returned=run.has_power_returned
        )
        self.worker = Worker(run, self.supply, self._end)
        self._run = run
        self._recall = recall
        self._ledger = ledger
        self._triggers = TriggerWatch(run.plan.triggers)
        self._may_act = may_act
        self._tell = tell
        self._muted: frozenset[Reason] = frozenset()
        self._told: set[PlanEventType] = set()
        self._last: tuple[frozenset[str], float] | None = None
        self._mains_at: float | None = None

    @property
    def record(self) -> PlanRecord | None:
        """The open plan."""
        return self._ledger.record if self._ledger.is_open else None

    @property
    def report(self) -> Report | None:
        """How the open plan stands, if all that it could stop is stopped; else None."""
        record = self.record
        is_done = record is not None and record.phase is Phase.HANDED_OVER
        return self._make_report() if is_done else None

    def situation(self) -> Situation:
        """Return what the power counts as."""
        return self.supply.situation(self._recall.now(), self.record)

    def think(self) -> None:
        """Do what the record and the power ask for now; never waits."""
        now = self._recall.now()
        situation = self.supply.situation(now, self.record)
        if situation is Situation.MAINS:
            self._mains_at = self._run.monotonic()
            self._told -= {PlanEventType.WOULD_START, PlanEventType.DATA_LOST}
            self._muted = frozenset()
        self._follow(situation)
        self._tell_of_silence(now, situation)
        self._note_power(now, situation)
        self._heed_triggers(now, situation)
        self._set_mode()
        self._note_life(situation)

    def follow_on(self, before: Steering) -> None:
        """Go on with what was known before the configuration changed: the outage is the same."""
        self._muted = before._muted
        self._told = before._told
        self._last = before._last
        self._mains_at = before._mains_at

    # Beginnings

    def resume(self, *, is_armed: bool) -> None:
        """Go on with a plan that the journal holds open; give it up if it is no longer armed."""
        record = self.record
        if record is None:
            if self._ledger.outage is not None:
                self._recall.remember_outage(self._ledger.outage)
            return
        is_new_boot = self._ledger.stamp().since(record.last) is None
        self._recall.remember(record)
        self._ledger.note(Resumed())
        self.worker.must_reassert = True
        self._run.follow(record.targets.keys())
        if not is_armed and record.phase in _STOPPING:
            self.give_up("disarmed")
            return
        if record.cancelled_by == "user":
            self._muted = frozenset(Reason) - _SHORT
        if not is_new_boot:
            if record.phase is Phase.HANDED_OVER:
                self._told.add(PlanEventType.FINISHED)
            return
        # Whoever was stopped may be up again, and ours is: whatever comes, it is another outage.
        if not record.is_outage:
            self._end("Home Assistant's machine was started anew")
        elif record.phase is Phase.HANDED_OVER:
            self._ledger.note(Cancelled(by="restart"), Restoring())

    def request(self, reason: Reason, chosen: frozenset[str]) -> str:
        """Begin a plan that somebody asked for, or join the one that is under way; its id.

        Raises:
            BusyError: it cannot begin now.

        """
        record, situation = self.record, self.situation()
        is_battery = situation is Situation.BATTERY
        if record is not None and record.phase in _STOPPING and record.chosen >= chosen:
            return record.plan_id
        if record is not None and not is_battery:
            raise BusyError("a plan is under way: cancel it, or wait for its end")
        if not is_battery and self._is_again(chosen):
            raise BusyError("the same hosts were stopped or restored only just now")
        self._begin(reason, chosen, situation)
        self.think()
        return self._run.record.plan_id

    def give_up(self, by: str) -> None:
        """Ask for no more stops in the open plan, and take back what was done."""
        record = self.record
        if record is None or record.phase not in _STOPPING:
            return
        now = self._recall.now()
        is_low = self._run.is_low() or now.forced
        self._muted = frozenset(Reason) if is_low else frozenset(Reason) - _SHORT
        self._triggers.reset()
        self._ledger.note(Cancelled(by=by))
        self._set_mode()

    def heed_again(self) -> None:
        """Let every reason begin a plan again: whoever arms has thought better of it."""
        self._muted = frozenset()

    def _begin(self, reason: Reason, chosen: frozenset[str], situation: Situation) -> None:
        record = self.record
        if record is not None and record.phase in _STOPPING:
            self._ledger.note(Extended(reason=reason, targets=tuple(sorted(chosen))))
            self._told.discard(PlanEventType.FINISHED)
            self.worker.set_mode(Mode.STOP, anew=True)
            return
        began = Began(
            reason=reason,
            targets=tuple(s.target_id for s in self._run.specs(chosen)),
            power=_POWER[situation],
            is_short=reason in _SHORT or self._is_blind(reason),
        )
        plan_id = new_plan_id(self._run.ports.clock.utc())
        if record is None:
            self._ledger.begin(plan_id, began, *self._still_off())
        else:
            report = replace(
                self._make_report("another outage came before all were back"),
                result=PlanResult.INCOMPLETE,
            )
            owed = tuple(debts_of(record))
            self._ledger.supersede(report.as_json(), plan_id, began, owed)
        self._told.discard(PlanEventType.FINISHED)
        self.worker.must_reassert = False
        self._run.follow(self._watched(chosen))
        if seen := [*self._seen_before()]:
            self._ledger.note(*seen)
        self.worker.set_mode(Mode.STOP, anew=True)

    def _still_off(self) -> Iterator[Owed]:
        """Yield whom the last plan could not start, for nothing does but a cut of the power."""
        for spec in self._run.specs({*left_off(self._ledger.report)}):
            if spec.returns_by_itself and not can_wake(self._run, spec):
                yield Owed(target_id=spec.target_id, is_stopped=True)

    def _is_blind(self, reason: Reason) -> bool:
        """Return whether nobody knows how long the battery lasts."""
        return reason is Reason.DATA_LOST and self._recall.now().runtime_s is None

    def _seen_before(self) -> Sequence[Change]:
        """Return what is known of the hosts already: they were looked at since power failed."""
        seen: list[Change] = []
        for target_id in self._run.record.targets:
            watch = self._run.watch(target_id)
            if watch is None or not (watch.is_alive or watch.is_silent()):
                continue
            state = HostState.UP if watch.is_alive else HostState.DOWN
            seen.append(Seen(target_id=target_id, state=state, evidence=watch.evidence))
        return seen

    def _watched(self, chosen: Collection[str]) -> set[str]:
        """Return who is to be looked at: those to be stopped, who uses them, and on what."""
        users = [user for key in chosen for user in self._run.plan.users_of(key)]
        hosts = {host for user in users for host in user.runs_on}
        return hosts | {u.target_id for u in users} | {*chosen, *self._run.record.targets}

    def _is_again(self, chosen: frozenset[str]) -> bool:
        if self._last is None:
            return False
        hosts, at = self._last
        return bool(hosts & chosen) and self._run.monotonic() - at < AGAIN_S

    # While a plan is open

    def _set_mode(self) -> None:
        record, now = self.record, self._recall.now()
        if record is None:
            self.worker.set_mode(Mode.NOTHING)
            return
        situation = self.supply.situation(now, record)
        is_stable = self.supply.is_stable(now, record)
        self.worker.set_mode(mode_of(record, situation, is_stable=is_stable))
        self._tell_of_hand_over()

    def _note_power(self, now: PowerNow, situation: Situation) -> None:
        """Let the open plan know that power came or went."""
        record = self.record
        if record is None:
            return
        is_battery = situation is Situation.BATTERY
        if is_battery and self._is_cut(record, now):
            self._ledger.note(PowerLost())
            if not record.is_outage:
                self._ask_again(record)
        elif situation is Situation.MAINS and record.is_outage and not record.has_mains:
            self._ledger.note(PowerBack())
        if record.phase not in _STOPPING:
            return
        if is_battery and not record.is_short and (now.forced or self._run.is_low()):
            reason = Reason.FORCED if now.forced else Reason.LOW_BATTERY
            self._ledger.note(Shortened(reason=reason))
            self._ask_again(record)
            self.worker.set_mode(Mode.STOP, anew=True)
        elif record.is_outage and not is_battery and self.supply.is_stable(now, record):
            self._ledger.note(Cancelled(by="mains"))

    def _is_cut(self, record: PlanRecord, now: PowerNow) -> bool:
        """Return whether the open plan has to learn that power is gone.

        A plan that was asked for on mains would be restored afterwards, so no sag makes it one of
        an outage.
        """
        if record.is_outage:
            return record.has_mains
        is_sag = now.on_battery_s < self._run.plan.triggers.debounce_s
        return not is_sag or now.forced or self._run.is_low()

    def _ask_again(self, record: PlanRecord) -> None:
        """Let those who were not willing, or not there, be asked once more."""
        if record.phase in _STOPPING and (again := [*renewals(record)]):
            self._ledger.note(*again)
            self.worker.set_mode(Mode.STOP, anew=True)

    def _note_life(self, situation: Situation) -> None:
        """Let a restart know how long we were away, and how the battery stood before."""
        record, stamp = self.record, self._ledger.stamp()
        if record is None:
            self._note_outage(situation, stamp)
            return
        if situation is not Situation.BATTERY:
            return
        since_s = stamp.since(record.last)
        if since_s is not None and since_s >= CHECKPOINT_S:
            self._ledger.note(Checkpoint())

    def _note_outage(self, situation: Situation, stamp: Stamp) -> None:
        """Let a restart know of an outage before any plan has begun; no sag is written down."""
        last = self._ledger.outage
        if situation is Situation.MAINS and last is not None:
            self._ledger.forget_outage()
        is_new = (stamp.on_battery_s or 0.0) < self._run.plan.triggers.debounce_s
        if situation is not Situation.BATTERY or is_new:
            return
        since_s = None if last is None else stamp.since(last)
        if since_s is None or since_s >= CHECKPOINT_S:
            self._ledger.note_outage()

    # Triggers

    def _heed_triggers(self, now: PowerNow, situation: Situation) -> None:
        """Begin a plan if a trigger holds and it may."""
        needed = needs(self._run.plan, self._run.ports.durations)
        reason = self._triggers.evaluate(
            now,
            margin_s=margin_s(now, self._run.plan, needed),
            monotonic=self._run.monotonic(),
        )
        record = self.record
        if record is not None and record.phase is Phase.RUNNING and self._was_interrupted(record):
            reason = reason or record.reason
        if reason is None or reason in self._muted or situation is not Situation.BATTERY:
            return
        if self._is_stale(now):
            return
        everybody = frozenset(spec.target_id for spec in self._run.specs(self._run.targets))
        if not everybody or not self._is_new(record, everybody):
            return
        if reason is Reason.DATA_LOST and record is not None and self._is_source_stopped(record):
            return
        if not self._may_act():
            self._tell_once(PlanEventType.WOULD_START, reason.value)
            return
        if record is not None and record.phase in _STOPPING and self._was_interrupted(record):
            self._ledger.note(Cancelled(by="restart"), Restoring())
        self._begin(reason, everybody, situation)

    def _is_stale(self, now: PowerNow) -> bool:
        """Return whether nothing was read since mains was there, or since the last plan ended.

        Whatever was read before was about an outage that is over.
        """
        if now.readings == 0:
            # The mains entity tells of the outage: nothing that was read before counts at all.
            return False
        ends = [self._mains_at] if self._last is None else [self._mains_at, self._last[1]]
        times = [at for at in ends if at is not None]
        return bool(times) and now.silent_s > self._run.monotonic() - max(times)

    def _was_interrupted(self, record: PlanRecord) -> bool:
        """Return whether the machine that runs us started anew in the middle of the plan."""
        return record.began.boot_id != self._run.ports.clock.boot_id

    def _is_new(self, record: PlanRecord | None, everybody: frozenset[str]) -> bool:
        """Return whether a trigger would change anything."""
        if record is None or record.phase not in _STOPPING:
            return True
        return self._was_interrupted(record) or not record.chosen >= everybody

    def _is_source_stopped(self, record: PlanRecord) -> bool:
        sources = [s for s in self._run.plan.targets if s.is_data_source]
        return any(record.target(s.target_id).is_ours for s in sources)

    # Looking and telling

    def _follow(self, situation: Situation) -> None:
        """Look at all hosts from the moment that power fails: later nobody knows who was up."""
        if situation is Situation.BATTERY:
            self._run.follow(self._run.targets.keys())
        elif self.record is None:
            self._run.forget()

    def _tell_of_hand_over(self) -> None:
        """Tell how it went as soon as nothing more can be stopped: later we may be off."""
        if PlanEventType.FINISHED not in self._told and (report := self.report) is not None:
            self._told.add(PlanEventType.FINISHED)
            self._tell(end_of(report, at=self._run.ports.clock.utc()))

    def _tell_of_silence(self, now: PowerNow, situation: Situation) -> None:
        is_silent = now.power is Power.BATTERY and now.silent_s >= DATA_LOST_S
        if not is_silent or situation is not Situation.BATTERY:
            self._told.discard(PlanEventType.DATA_LOST)
            return
        if self.record is None or not self._is_source_stopped(self.record):
            self._tell_once(PlanEventType.DATA_LOST, "")

    def _tell_once(self, kind: PlanEventType, key: str) -> None:
        if kind in self._told:
            return
        self._told.add(kind)
        self._tell(PlanEvent(type=kind, at=self._run.ports.clock.utc(), key=key))

    # The end

    def _end(self, detail: str = "") -> None:
        """Let the open plan end; its report is kept."""
        report = self._make_report(detail)
        if self.situation() is Situation.MAINS and self._recall.now().power is Power.BATTERY:
            # Its source is still off: the outage that it saw last must not begin another plan.
            self._recall.forget()
        self._last = (self._run.record.chosen, self._run.monotonic())
        self.worker.leave()
        self._ledger.end(report.as_json())

    def _make_report(self, detail: str = "") -> Report:
        return make_report(
            self._run.plan,
            self._run.record,
            self._ledger.entries,
            ended=self._ledger.stamp(),
            detail=detail,
        )


def new_plan_id(at: datetime) -> str:
    """Return an id that nobody has used, and that people can tell apart."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
