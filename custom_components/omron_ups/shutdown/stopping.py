"""Stops one target: its steps in order, and then waiting for the evidence that it is down.

Where a target is on its way follows from the journal alone, so going on after a crash, or after
power came back for a moment, is the same code as going on.
"""

import asyncio
import logging
from typing import Final

from .durations import patience_s
from .folding import STOP_ENDED, StepRecord
from .gates import pass_gate
from .models import HostState, Outcome, Reply, TargetState
from .records import Asked, Owed, StepEnded
from .run import BOOT_S, Run
from .specs import TargetSpec
from .target import StopStep, Target

_LOGGER = logging.getLogger(__name__)

POLL_S: Final = 1.0
RETRY_S: Final = 5.0
"""Before a request is sent again that certainly never left, or that can be undone."""
ATTEMPTS: Final = 2
"""Requests of one step in one plan, the second only after contrary evidence."""
ESCALATION_S: Final = 30.0
"""How long the harder way may take, if there is time."""
UNKNOWN_RESEND_S: Final = 30.0
"""How long a host must at least be up to be asked again if nobody knows whether it ever was."""
SEEN_UP_S: Final = 4.0
"""How long a host must be up so that it was no mistake of one look."""
FIRST_LOOKS_S: Final = 10.0
"""How long a plan that goes on after a restart looks before it gives up a host whose time is up."""
UP_AGAIN_S: Final = 8.0
"""How long a host that an earlier plan stopped must be up before it is stopped again."""
PATIENT_S: Final = 10.0
"""A step is not done the harder way before this, however short the time."""
_STEP_SHARE: Final = 0.25
"""Of a target's time, what each later step keeps."""


class _EndedError(Exception):
    """The target is down, or the plan waits no longer for it."""


async def stop_target(run: Run, spec: TargetSpec) -> None:
    """Bring one target down, from wherever its record says that it is.

    Returns once it is down, or the plan waits no longer for it. May be cancelled at any await and
    called again.
    """
    try:
        await _Stopping(run, spec).run()
    except _EndedError:
        return
    except Exception:
        # Isolated from the others: the plan goes on without this target.
        _LOGGER.exception("%s: stopping it failed in an unexpected way", spec.name)
        if run.target(spec.target_id).state not in STOP_ENDED:
            run.settle(spec.target_id, TargetState.OVERDUE, "failed in an unexpected way")


class _Stopping:
    """One target on its way down."""

    def __init__(self, run: Run, spec: TargetSpec) -> None:
        self._run = run
        self._spec = spec
        self._id = spec.target_id
        self._target: Target = run.targets[spec.target_id]
        self._since = run.monotonic()

    async def run(self) -> None:
        await self._run.requests.settled(self._id)
        self._look()
        await self._wait_for_owed()
        if not self._run.target(self._id).steps:
            await pass_gate(self._run, self._spec)
            self._look()
        self._since = self._run.monotonic()
        steps = self._target.steps
        for number, step in enumerate(steps, start=1):
            later = len(steps) - number
            await self._take(step, later=later)
        await self._finish(steps[-1])

    def _look(self) -> None:
        """Go no further if nothing is left to do.

        Raises:
            _EndedError: it is down, or has been given up.

        """
        target = self._run.target(self._id)
        if target.state in STOP_ENDED:
            raise _EndedError
        is_owed = target.owed is not None and target.owed.is_stopped
        is_silent = target.seen is HostState.DOWN and not target.steps
        if is_silent and not is_owed and self._run.is_off(self._id):
            self._run.settle(self._id, TargetState.ALREADY_DOWN, target.evidence)
            raise _EndedError

    async def _pause(self, seconds: float = POLL_S) -> None:
        await asyncio.sleep(seconds)
        self._look()

    def _step(self, step: StopStep) -> StepRecord | None:
        return self._run.target(self._id).steps.get(step.key)

    def _remaining_s(self) -> float:
        return self._run.remaining_s(self._spec, self._since)

    async def _wait_for_owed(self) -> None:
        """Let a host that an earlier plan stopped show whether it is up again."""
        owed = self._run.target(self._id).owed
        if owed is None or not owed.is_stopped or self._run.target(self._id).steps:
            return
        if not (self._target.has_own_evidence or self._spec.verify.signals):
            return
        while not self._is_up_again():
            if self._remaining_s() <= 0.0 and not self._may_boot(owed):
                if self._is_alive():
                    return
                self._run.settle(self._id, TargetState.OVERDUE, "never seen since it was stopped")
            await self._pause()

    def _may_boot(self, owed: Owed) -> bool:
        """Return whether it was woken so short a time ago that it may not be up yet."""
        since_s = self._run.ledger.stamp().since(self._run.record.began)
        left_s = self._run.allowance_s(self._spec)
        is_new = since_s is not None and since_s < BOOT_S
        return owed.is_booting and is_new and (left_s is None or left_s > 0.0)

    def _is_alive(self) -> bool:
        watch = self._run.watch(self._id)
        return watch is not None and watch.is_alive

    def _is_up_again(self) -> bool:
        watch = self._run.watch(self._id)
        return watch is not None and watch.up_s(self._run.monotonic()) >= UP_AGAIN_S

    # One step

    async def _take(self, step: StopStep, *, later: int) -> None:
        """Bring one step to its end, so that the next may be sent."""
        record = self._step(step)
        if record is not None and record.is_done is not None:
            return
        is_last = not later
        await self._send_until_sent(step, later=later)
        record = self._step(step)
        if record is not None and record.outcome is Outcome.REFUSED:
            if not record.is_escalated:
                await self._escalate(step)
            self._note_refusal(step, is_last=is_last)
        elif record is None or not record.was_sent:
            self._give_up_step(step, is_last=is_last)
            return
        if not is_last and step.is_awaited:
            await self._await_step(step, later=later)

    async def _send_until_sent(self, step: StopStep, *, later: int) -> None:
        """Send a request; again as long as it certainly never left, and there is time."""
        while True:
            record = self._step(step)
            if record is not None and not self._is_to_hurry(step, record):
                if record.outcome is Outcome.REFUSED or not self._may_repeat(step, record):
                    return
                if self._step_time_s(later) <= 0.0:
                    return
                await self._pause(RETRY_S)
            await self._send(step)
            self._look()

    @staticmethod
    def _may_repeat(step: StopStep, record: StepRecord) -> bool:
        """Return whether a request never left, or can be undone and nobody knows its outcome."""
        if not record.was_sent:
            return True
        is_unknown = record.outcome in {None, Outcome.UNKNOWN}
        return is_unknown and not step.irreversible and record.attempts < ATTEMPTS

    def _is_to_hurry(self, step: StopStep, record: StepRecord) -> bool:
        """Return whether low battery has come since a step was asked that can go faster."""
        shortened = self._run.record.shortened
        if not step.repeats_when_short or shortened is None:
            return False
        if not record.was_sent or record.attempts >= ATTEMPTS:
            return False
        since_s = shortened.since(record.first)
        return since_s is not None and since_s >= 0.0

    async def _send(self, step: StopStep) -> None:
        context = self._run.context(self._remaining_s())
        asked = Asked(target_id=self._id, step=step.key, is_irreversible=step.irreversible)
        await self._run.requests.ask(asked, lambda: self._target.send(step, context))

    def _give_up_step(self, step: StopStep, *, is_last: bool) -> None:
        if is_last:
            self._run.settle(self._id, TargetState.OVERDUE, "it could not be reached")
            raise _EndedError
        self._run.note(StepEnded(target_id=self._id, step=step.key, is_done=False))

    def _note_refusal(self, step: StopStep, *, is_last: bool) -> None:
        record = self._step(step)
        if record is None or record.has_effect:
            return
        if is_last:
            self._run.settle(self._id, TargetState.REFUSED, "it refused")
            raise _EndedError
        self._run.note(StepEnded(target_id=self._id, step=step.key, is_done=False))

    async def _await_step(self, step: StopStep, *, later: int) -> None:
        """Wait for the end of a step, at the latest until its time is up."""
        record = self._step(step)
        if record is not None and record.is_done is not None:
            return
        if not await self._is_done_in_time(step, later):
            reply = await self._escalate_late(step)
            if reply is not None and reply.outcome is Outcome.ACCEPTED:
                await self._is_done_within(step, ESCALATION_S)
        is_done = await self._is_done(step)
        self._run.note(StepEnded(target_id=self._id, step=step.key, is_done=is_done))

    async def _is_done_in_time(self, step: StopStep, later: int) -> bool:
        while not await self._is_done(step):
            if self._step_time_s(later) <= 0.0:
                return False
            await self._pause()
        return True

    async def _is_done_within(self, step: StopStep, seconds: float) -> None:
        until = self._run.monotonic() + seconds
        while self._run.monotonic() < until and self._remaining_s() > 0.0:
            if await self._is_done(step):
                return
            await self._pause()

    async def _is_done(self, step: StopStep) -> bool:
        """Return whether the host says so; a question that fails is no yes."""
        try:
            async with asyncio.timeout(2 * RETRY_S):
                is_done = await self._target.is_step_done(step)
        except TimeoutError:
            is_done = False
        except Exception as err:  # noqa: BLE001 - one kind's defect must not end the plan
            _LOGGER.debug("%s: nobody knows whether %s is done: %r", self._id, step.key, err)
            is_done = False
        self._look()
        return is_done

    def _step_time_s(self, later: int) -> float:
        """Return how much time this step has left; the later ones keep their share."""
        elapsed_s = self._run.monotonic() - self._asked_at()
        remaining_s = self._remaining_s()
        return remaining_s - (remaining_s + elapsed_s) * min(0.5, _STEP_SHARE * later)

    def _asked_at(self) -> float:
        asked = self._run.target(self._id).asked
        if asked is None or asked.boot_id != self._run.ports.clock.boot_id:
            return self._since
        return asked.monotonic

    async def _escalate_late(self, step: StopStep) -> Reply | None:
        """Do a step the harder way because its time is up, unless that was short anyway."""
        record = self._step(step)
        if record is None or record.is_escalated:
            return None
        # By the step's own request: those before it may have used up the target's time.
        waited_s = self._run.ledger.stamp().since(record.last)
        until = self._run.monotonic() + PATIENT_S - (waited_s or 0.0)
        while self._run.monotonic() < until:
            await self._pause()
        return await self._escalate(step)

    async def _escalate(self, step: StopStep) -> Reply:
        context = self._run.context(self._remaining_s())
        asked = Asked(
            target_id=self._id,
            step=step.key,
            is_irreversible=step.irreversible,
            is_escalation=True,
        )
        reply = await self._run.requests.ask(asked, lambda: self._target.escalate(step, context))
        self._look()
        return reply

    # After the last step

    async def _finish(self, step: StopStep) -> None:
        """Wait until the host is down; ask again if it demonstrably did not listen."""
        while self._remaining_s() > 0.0 or self._will_resend(step):
            if self._may_resend(step):
                await self._send(step)
            await self._pause()
        reply = await self._escalate_late(step)
        if reply is not None and reply.outcome is Outcome.ACCEPTED:
            until = self._run.monotonic() + ESCALATION_S
            while self._run.monotonic() < until:
                await self._pause()
        await self._run.ask_itself(self._spec)
        self._look()
        self._run.settle_late(self._spec, self._last_seen())

    def _may_resend(self, step: StopStep) -> bool:
        """Return whether the host has been up since the last request for long enough."""
        ignored_s, after_s = self._ignored_s(step), self._resend_after_s(step)
        return ignored_s is not None and after_s is not None and ignored_s >= after_s

    def _resend_after_s(self, step: StopStep) -> float | None:
        """Return how long a host must be up to be asked again; None: it must not be."""
        record = self._step(step)
        if record is None or step.resend_after_s is not None:
            return step.resend_after_s
        if not self._is_fate_unknown(step):
            return None
        # Nobody knows whether it was ever asked. It would be down by now, or on its way.
        left_s = self._run.allowance_s(self._spec)
        if left_s is not None and left_s <= 0.0:
            return UNKNOWN_RESEND_S
        stops = self._run.ports.durations.seconds(self._id)
        return max(UNKNOWN_RESEND_S, patience_s(self._spec, stops))

    def _will_resend(self, step: StopStep) -> bool:
        """Return whether it is worth the time to wait until the host may be asked again."""
        ignored_s, left_s = self._ignored_s(step), self._run.allowance_s(self._spec)
        if ignored_s is None:
            return False
        if self._is_fate_unknown(step):
            # Whom a restart kept from being asked must be asked, however late it is by then.
            is_new = self._run.monotonic() - self._run.began < FIRST_LOOKS_S
            return is_new or ignored_s > 0.0
        return ignored_s > 0.0 and (left_s is None or left_s > 0.0)

    def _is_fate_unknown(self, step: StopStep) -> bool:
        """Return whether a request was on its way, and nobody knows whether it arrived."""
        record = self._step(step)
        return record is not None and record.outcome in {None, Outcome.UNKNOWN}

    def _ignored_s(self, step: StopStep) -> float | None:
        """Return for how long the host has shown nothing of having been asked.

        None if it may not be asked again, whatever it shows.
        """
        record, watch = self._step(step), self._run.watch(self._id)
        if record is None or watch is None or self._resend_after_s(step) is None:
            return None
        if record.attempts >= ATTEMPTS or record.outcome is Outcome.REFUSED:
            return None
        up_s = watch.up_s(self._run.monotonic())
        since_s = self._run.ledger.stamp().since(record.last)
        if since_s is None:
            return up_s
        if self._is_fate_unknown(step) and up_s >= SEEN_UP_S:
            # Whoever heard it would be gone by now, also if nobody has looked all that time.
            return since_s
        return min(up_s, since_s)

    def _last_seen(self) -> str:
        watch = self._run.watch(self._id)
        return watch.evidence if watch and watch.evidence else "nothing to be seen of it"
