"""What comes last: the UPS output is armed, and the host that runs us is stopped."""

import asyncio
from typing import Final

from .budget import SAFETY_S
from .evidence import LIFELESS_S
from .folding import STOP_ENDED, Phase
from .models import Power, TargetState
from .output import ARM_LIMIT_S, Output
from .output_cycle import is_harmless
from .power import PowerNow
from .records import HandedOver, OutputAction
from .run import Run
from .specs import TargetSpec
from .stopping import stop_target

RECHECK_S: Final = 1.0
UP_AGAIN_S: Final = 4.0
"""How long a host must be up for a countdown to be cancelled: one look may be mistaken."""


class Last:
    """The end of one plan. Whoever still runs decides, second by second, what happens."""

    def __init__(self, run: Run) -> None:
        """Do nothing yet."""
        self._run = run
        has_output = run.ports.output is not None and run.plan.output is not None
        self._output = Output(run, run.ports.output) if has_output and run.ports.output else None

    async def cancel_earlier(self) -> None:
        """Cancel a countdown that an earlier plan began: it knows nothing of who stops now.

        Not while all are off: some may start only when their power comes back.
        """
        while self._run.record.phase is Phase.RUNNING and self._may_count():
            if not is_harmless(self._run):
                await self._cancel()
                return
            if all(spec.target_id in self._run.ended() for spec in self._others()):
                return
            await asyncio.sleep(RECHECK_S)

    async def run(self) -> None:
        """Switch off the rest, once everybody else is down or out of time.

        Never returns in an outage, also if mains failed only after the plan was asked for.
        """
        if not self._run.record.is_outage and (own := self._own()) is not None:
            await self._stop(own)
        while self._run.record.is_outage:
            if self._may_switch():
                await self._until_nobody_runs()
            await self._end()
            self._hand_over()
            await self._until_it_changes()

    # Our own host

    def _own(self) -> TargetSpec | None:
        """Return our own host, if it is to be stopped."""
        own = self._run.plan.own_host
        if own is None or own.target_id not in self._run.targets:
            return None
        return own if own.target_id in self._run.record.chosen else None

    def _is_fed(self, own: TargetSpec) -> bool:
        """Return whether our own host can go on: another UPS has mains, and it is not told yet."""
        return self._run.target(own.target_id).asked is None and self._run.has_second_feed(own)

    async def _end(self) -> None:
        """Arm the output, and stop our own host if it has to."""
        own = self._own()
        if own is not None and not self._is_fed(own):
            await self._end_own(own)
            return
        if own is not None:
            self._skip(own)
        if self._output is not None and self._may_switch() and not self._is_armed():
            await self._output.arm()

    def _skip(self, own: TargetSpec) -> None:
        self._run.settle(own.target_id, TargetState.SKIPPED, "its other UPS has mains")

    async def _end_own(self, own: TargetSpec) -> None:
        """Stop the host that runs us, after its power has been arranged for."""
        if not self._is_told(own):
            is_armed = self._may_switch() and await self._arm_for(own)
            if not is_armed and self._is_whole():
                await self._until_low(own)
            if self._is_fed(own):
                self._skip(own)
                return
        await self._stop(own)
        if self._goes_on(own):
            await self._cancel()

    def _goes_on(self, own: TargetSpec) -> bool:
        """Return whether it said no, or nobody could tell it: then its power goes on, too."""
        target = self._run.target(own.target_id)
        return target.state in STOP_ENDED and not target.is_past_return

    def _is_told(self, own: TargetSpec) -> bool:
        target = self._run.target(own.target_id)
        return target.asked is not None or target.state in STOP_ENDED

    async def _arm_for(self, own: TargetSpec) -> bool:
        """Start the countdown that is long enough for our own host; return whether it may run."""
        if self._output is None or not self._output.is_long_enough or self._is_fed(own):
            return False
        # At low battery our own host needs the time more than the countdown does.
        return await self._output.arm(limit_s=0.0 if self._is_late() else ARM_LIMIT_S)

    async def _stop(self, own: TargetSpec) -> None:
        """Tell our own host to stop, and put the cut off while it does."""
        self._hand_over()
        await self._run.ledger.synced()
        if self._run.target(own.target_id).state is TargetState.SKIPPED:
            self._run.settle(own.target_id, TargetState.WAITING, "it has to be stopped after all")
        if self._output is None or not self._may_switch() or not self._run.record.is_outage:
            await stop_target(self._run, own)
            return
        keeping = asyncio.create_task(self._output.keep_ahead(), name="put the cut off")
        try:
            await stop_target(self._run, own)
        finally:
            keeping.cancel()

    # The output

    def _may_switch(self) -> bool:
        """Return whether the output is in the plan, and nobody needs it after this."""
        return self._output is not None and self._is_whole()

    def _is_whole(self) -> bool:
        """Return whether everybody is to stop who can be: else somebody still needs the output."""
        return self._run.record.chosen >= self._run.targets.keys()

    def _is_armed(self) -> bool:
        record = self._run.record.output
        return record is not None and record.action is OutputAction.ARM and record.may_run

    def _may_count(self) -> bool:
        """Return whether a countdown may be running at this moment."""
        return self._output is not None and self._output.remaining_s() > 0.0

    async def _cancel(self) -> None:
        if self._output is not None and self._may_count():
            await self._output.cancel()

    def _hand_over(self) -> None:
        if self._run.record.phase is Phase.RUNNING:
            self._run.note(HandedOver())

    # Waiting

    async def _until_nobody_runs(self) -> None:
        """Wait for hosts that refused or are late, as long as the battery lasts: the cut ends them.

        A countdown that runs already would cut whoever has come up since.
        """
        while self._somebody_runs() and not self._is_late():
            await self._cancel()
            await asyncio.sleep(RECHECK_S)

    async def _until_low(self, own: TargetSpec) -> None:
        """Wait for low battery, or for as long as is safe without knowing of it."""
        while True:
            if self._is_late() or self._is_fed(own):
                return
            await asyncio.sleep(RECHECK_S)

    async def _until_it_changes(self) -> None:
        """Return once the output or our own host has to be looked at again."""
        while True:
            if self._has_changed():
                return
            await asyncio.sleep(RECHECK_S)

    def _has_changed(self) -> bool:
        own = self._own()
        if own is None:
            return self._would_be_cut()
        target = self._run.target(own.target_id)
        if target.asked is None and target.state not in STOP_ENDED:
            return not self._run.has_second_feed(own) or self._would_be_cut()
        # Once it was told we may be off at any moment: nobody could arm the output again.
        return self._goes_on(own) and self._may_count()

    def _would_be_cut(self) -> bool:
        """Return whether a countdown runs that would cut somebody who has come up since."""
        if not self._may_switch() or self._is_late() or not self._may_count():
            return False
        return self._somebody_runs(UP_AGAIN_S)

    def _somebody_runs(self, seconds: float = 0.0) -> bool:
        """Return whether the cut would harm somebody.

        Args:
            seconds: a host that is up counts if it has been for longer than this.

        """
        others = self._others()
        if any(spec.target_id not in self._run.ended() for spec in others):
            return True
        # Whoever cannot be stopped at all, because of its options, runs.
        if any(spec.target_id not in self._run.targets for spec in self._run.plan.targets):
            return True
        return any(self._is_still_on(spec) or self._up_s(spec) > seconds for spec in others)

    def _is_still_on(self, spec: TargetSpec) -> bool:
        """Return whether a host that is late has not begun to stop, or not come to its end."""
        run = self._run
        is_host = any(step.irreversible for step in run.targets[spec.target_id].steps)
        if not is_host or run.has_second_feed(spec) or run.is_off(spec.target_id):
            return False
        target, watch = run.target(spec.target_id), run.watch(spec.target_id)
        if target.state is TargetState.REFUSED:
            return True
        if target.state is not TargetState.OVERDUE:
            return False
        is_going = watch is not None and watch.lifeless_s(run.monotonic()) < LIFELESS_S
        return target.asked is None or is_going

    def _others(self) -> list[TargetSpec]:
        """Return who is to be stopped besides our own host."""
        run = self._run
        return [*run.specs(run.record.chosen - {run.plan.home_assistant_host})]

    def _up_s(self, spec: TargetSpec) -> float:
        if self._run.has_second_feed(spec):
            return 0.0
        watch = self._run.watch(spec.target_id)
        return 0.0 if watch is None else watch.up_s(self._run.monotonic())

    def _is_late(self) -> bool:
        now = self._run.power()
        if now.power is not Power.BATTERY:
            return False
        return self._run.is_low() or (now.is_silent and self._is_unseen(now))

    def _is_unseen(self, now: PowerNow) -> bool:
        """Return whether low battery could not be seen in silence, or only too late."""
        if now.runtime_s is None:
            return True
        # Where low battery is nobody knows; what is left must do for our own host.
        is_low_known = now.charge is not None and now.charge_low is not None
        return not is_low_known and now.runtime_s <= self._run.own_host_s() + SAFETY_S
