"""The UPS output: armed before our own host stops, kept ahead of delays, cancelled in time."""

import asyncio
import logging
from typing import Final

from .budget import needs
from .folding import STOP_ENDED, OutputRecord
from .models import Outcome, TargetState
from .ports import UpsOutput
from .records import OutputAction, OutputAnswered, OutputAsked
from .run import Run
from .sending import guarded

_LOGGER = logging.getLogger(__name__)

RETRY_S: Final = 5.0
ARM_LIMIT_S: Final = 25.0
"""How long arming is tried: shorter than the margin of a countdown that may run unconfirmed."""
CHECKPOINT_S: Final = 20.0
OFF_S: Final = 30.0
"""After the end of a countdown the output is off for sure; it needs no exact second."""


class Output:
    """What the plan does with the UPS output."""

    def __init__(self, run: Run, output: UpsOutput) -> None:
        """Use `output`; nothing is sent."""
        self._run = run
        self._output = output

    def delay_s(self) -> float:
        """Return the delay that lets everything come to its end that is still to come."""
        return needs(self._run.plan, self._run.ports.durations).output_s

    @property
    def is_long_enough(self) -> bool:
        """Whether the UPS takes a delay as long as that."""
        return self.delay_s() <= self._output.longest_delay_s

    async def arm(self, *, limit_s: float = ARM_LIMIT_S) -> bool:
        """Start the countdown; return whether it may run.

        A command whose acknowledgement got lost may have worked. Whoever goes on then is safe:
        what has been told to stop loses nothing by a cut that does not come.

        Args:
            limit_s: how long it is tried; it is tried once at least.

        """
        until = self._run.monotonic() + limit_s
        while True:
            if await self._ask(OutputAction.ARM) is Outcome.ACCEPTED:
                return True
            if self._run.monotonic() + RETRY_S >= until:
                break
            await asyncio.sleep(RETRY_S)
        record = self._run.record.output
        return record is not None and record.may_run

    async def cancel(self) -> bool:
        """Stop the countdown; return whether the UPS said that it did."""
        for _ in range(3):
            if await self._ask(OutputAction.CANCEL) in {Outcome.ACCEPTED, Outcome.NOTHING_TO_DO}:
                return True
            await asyncio.sleep(RETRY_S)
        return False

    async def keep_ahead(self) -> None:
        """Put the cut off for as long as our own host has not stopped and has time left.

        Runs until cancelled. That we are alive proves that the host has not stopped.
        """
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            record = self._run.record.output
            if record is None or not record.may_run or record.action is not OutputAction.ARM:
                continue
            if self._has_time(record) or not self._own_host_stops():
                continue
            await self._ask(OutputAction.ARM)

    def remaining_s(self) -> float:
        """Return the seconds until the countdown is surely over; at most 0 if none may run."""
        record = self._run.record.output
        if record is None or not record.may_run:
            return 0.0
        elapsed_s = self._run.ledger.stamp().since(record.asked)
        if elapsed_s is None:
            # Another boot need not mean that the power was off: virtual machines start anew too.
            elapsed_s = self._run.ports.clock.uptime_s()
        return record.delay_s + OFF_S - elapsed_s

    @property
    def is_due(self) -> bool:
        """Whether the countdown is over by the clock, but perhaps not by the UPS's own."""
        record = self._run.record.output
        if record is None or self._run.ledger.stamp().since(record.asked) is None:
            return False
        return 0.0 < self.remaining_s() <= OFF_S

    def _has_time(self, record: OutputRecord) -> bool:
        """Return whether all that is still to come fits before the cut."""
        elapsed_s = self._run.ledger.stamp().since(record.asked) or 0.0
        own_s = needs(self._run.plan, self._run.ports.durations).own_host_s
        return record.delay_s - elapsed_s - CHECKPOINT_S > own_s

    def _own_host_stops(self) -> bool:
        own = self._run.plan.own_host
        if own is None:
            return False
        state = self._run.target(own.target_id).state
        return state not in STOP_ENDED and state is not TargetState.WAITING

    async def _ask(self, action: OutputAction) -> Outcome:
        # What counts later is how long the UPS really waits.
        delay_s = self._output.rounded_s(min(self.delay_s(), self._output.longest_delay_s))
        options = self._run.plan.output
        returns = options is None or options.returns
        asked = OutputAsked(action=action, delay_s=delay_s, returns=returns)
        await self._run.ledger.write(asked)
        if action is OutputAction.ARM:
            call = lambda: self._output.arm(delay_s, returns=returns)  # noqa: E731
        else:
            call = self._output.cancel
        reply = await guarded(f"UPS output, {action}", call)
        self._run.note(
            OutputAnswered(
                action=action,
                outcome=reply.outcome,
                detail=reply.detail,
                was_sent=reply.was_sent,
            )
        )
        return reply.outcome
