"""Works at an open plan in one mode at a time; modes change at any await, and lose nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import logging
from typing import Final

from .folding import Phase
from .modes import Mode
from .output import Output
from .output_cycle import settle_output
from .records import Restoring
from .restoring import owes_anything, release_all, restore_all, undo_all
from .run import Run
from .specs import TargetSpec
from .stages import stop_all
from .supply import Situation, Supply

_LOGGER = logging.getLogger(__name__)

POLL_S: Final = 1.0
AGAIN_S: Final = 5.0
"""After a defect, before the same is tried again."""
LIMIT_S: Final = 20.0
"""How long a target may take to be held up, or to make good what was taken away."""


class Worker:
    """The task that works at the open plan.

    Each mode derives what is left to do from the record, so ending one task and beginning another
    is no different from a crash and a resume.
    """

    def __init__(self, run: Run, supply: Supply, end: Callable[[], None]) -> None:
        """Work with `run`; `end` is called once nothing is left to do."""
        self.mode = Mode.NOTHING
        self.must_reassert = False
        """Whether a restart of ours, or power that came back for a moment, took something away
        from the steps that were sent."""
        self._run = run
        self._supply = supply
        self._end = end
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        """Also those that are coming to their end."""
        self._work: Mapping[Mode, Callable[[], Awaitable[None]]] = {
            Mode.STOP: self._stop,
            Mode.HOLD: self._hold,
            Mode.UNDO: self._undo,
            Mode.RESTORE: self._restore,
            Mode.PAUSE: self._pause,
        }

    def set_mode(self, mode: Mode, *, anew: bool = False) -> None:
        """Work in this mode from now on.

        Args:
            mode: what to work at.
            anew: begin again even if the mode is the same, for the record has changed.

        """
        if mode is self.mode and not anew:
            return
        self.mode = mode
        before, self._task = self._task, None
        if before is not None:
            before.cancel()
        if (work := self._work.get(mode)) is not None:
            task = asyncio.create_task(self._run_mode(work, before), name=f"plan: {mode}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._task = task

    def leave(self) -> None:
        """Work no more, but let the task that found out that nothing is left come to its end."""
        self.mode, self._task = Mode.NOTHING, None

    async def close(self) -> None:
        """Work no more."""
        self.set_mode(Mode.NOTHING)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run_mode(
        self, work: Callable[[], Awaitable[None]], before: asyncio.Task[None] | None
    ) -> None:
        # Two tasks at the same targets would see each other's steps half done.
        if before is not None and not before.done():
            await asyncio.wait([before])
        while True:
            try:
                await work()
            except Exception:
                _LOGGER.exception("The shutdown plan met a defect and goes on")
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _stop(self) -> None:
        if self.must_reassert:
            await self._reassert()
            self.must_reassert = False
            # What it took away was not in force until now (FSD).
            self._run.patient_since = self._run.monotonic()
        await stop_all(self._run)
        # Only a plan that was asked for on mains comes to an end like this.
        await release_all(self._run)
        self._end()

    async def _hold(self) -> None:
        self.must_reassert = True
        await asyncio.gather(*map(self._hold_one, self._run.specs(self._run.record.chosen)))
        own = self._run.plan.own_host
        if own is not None and self._run.target(own.target_id).asked is not None:
            # It may be off at any moment, and starts only by what follows the countdown.
            await self._keep_ahead()
            return
        await self._until(Situation.MAINS)
        # It would be over before mains counts as stable; if power fails again it begins anew.
        await settle_output(self._run, may_cycle=self._run.plan.restore.is_enabled)

    async def _until(self, situation: Situation) -> None:
        while True:
            if self._supply.situation(self._run.power(), self._run.record) is situation:
                return
            await asyncio.sleep(POLL_S)

    async def _hold_one(self, spec: TargetSpec) -> None:
        # A request that is on its way may begin something when it ends.
        await self._run.requests.settled(spec.target_id)
        try:
            async with asyncio.timeout(LIMIT_S):
                await self._run.targets[spec.target_id].hold()
        except Exception:
            _LOGGER.exception("%s: what it does by itself cannot be held up", spec.name)

    async def _undo(self) -> None:
        keeping = asyncio.create_task(self._keep_ahead(), name="put the cut off")
        try:
            await undo_all(self._run)
        finally:
            keeping.cancel()
        if owes_anything(self._run) or self._is_output_armed():
            self._run.note(Restoring())
        else:
            await release_all(self._run)
            self._end()

    async def _restore(self) -> None:
        options = self._run.plan.restore
        await restore_all(self._run, may_wake=options.is_enabled, has_power=self._has_power)
        self._end()

    async def _pause(self) -> None:
        """Let no countdown cut the host that runs us: that we live proves that it is not off."""
        output, own = self._run.ports.output, self._run.plan.own_host
        if output is None or own is None or Output(self._run, output).remaining_s() <= 0.0:
            return
        await Output(self._run, output).cancel()

    def _has_power(self) -> bool:
        return self._supply.may_start_hosts(self._run.power(), self._run.record)

    async def _keep_ahead(self) -> None:
        """Let no countdown of ours cut the power of what still runs."""
        output = self._run.ports.output
        if output is not None and self._run.record.phase is not Phase.RUNNING:
            await Output(self._run, output).keep_ahead()

    def _is_output_armed(self) -> bool:
        record = self._run.record.output
        return record is not None and record.may_run

    async def _reassert(self) -> None:
        """Make good what was taken away (FSD by our restart, rounds of evictions)."""
        await asyncio.gather(
            *(self._reassert_one(spec.target_id) for spec in self._run.specs(self._run.targets))
        )

    async def _reassert_one(self, target_id: str) -> None:
        target = self._run.targets[target_id]
        steps = self._run.target(target_id).steps
        for step in target.steps:
            record = steps.get(step.key)
            if record is None or not record.has_effect:
                continue
            try:
                async with asyncio.timeout(LIMIT_S):
                    await target.reassert(step)
            except Exception:
                _LOGGER.exception("%s: %s cannot be made good", target.spec.name, step.key)
