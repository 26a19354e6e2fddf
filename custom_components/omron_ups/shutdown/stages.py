"""Stops everybody: stage after stage, and then what is last."""

import asyncio
from collections.abc import Iterator
from typing import Final

from .folding import DOWN_STATES, STOP_ENDED, PlanRecord
from .last import Last
from .models import TargetState
from .records import Renewed
from .run import Run
from .specs import TargetSpec
from .stopping import stop_target

RECHECK_S: Final = 1.0
_NOT_ASKED: Final = DOWN_STATES | {TargetState.OVERDUE}
UP_AGAIN_S: Final = 5.0
"""How long a host that was off must be seen up before it is taken for up again."""


async def stop_all(run: Run) -> None:
    """Stop what the open plan has to stop; goes on from wherever its record says that it is.

    Returns once nothing is left to do in a plan that was asked for on mains. In an outage it never
    returns: power comes back, or it does not.
    """
    last = Last(run)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch_for_more(run, group), name="who needs a stop after all")
        cancelling = group.create_task(last.cancel_earlier(), name="cancel an earlier countdown")
        await _Stages(run).run()
        await cancelling
        await last.run()
        watching.cancel()


def renewals(record: PlanRecord) -> Iterator[Renewed]:
    """Yield who is to be asked once more now that there is less time, or an outage.

    They said no, or could not be reached: nothing was begun that could be asked for twice.
    """
    for target_id, target in record.targets.items():
        if target.state is TargetState.REFUSED:
            yield Renewed(target_id=target_id, evidence=f"it refused before: {target.evidence}")
        elif target.state is TargetState.OVERDUE and target.asked is None:
            yield Renewed(target_id=target_id, evidence="it could not be reached before")


class _Stages:
    """The stages of one plan."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def run(self) -> None:
        """Stop all but our own host."""
        record = self._run.record
        stages = [*self._run.plan.stages()]
        if record.is_short:
            stages = [tuple(spec for stage in stages for spec in stage)]
        for stage in stages:
            members = [spec for spec in stage if self._is_due(spec)]
            await asyncio.gather(*(stop_target(self._run, spec) for spec in members))

    def _is_due(self, spec: TargetSpec) -> bool:
        """Return whether a target is to be stopped; one that has power elsewhere is not."""
        if spec.target_id not in self._run.record.chosen:
            return False
        if spec.target_id not in self._run.targets:
            return False
        target = self._run.target(spec.target_id)
        if target.state in STOP_ENDED:
            return False
        if target.asked is None and self._run.has_second_feed(spec):
            self._run.settle(spec.target_id, TargetState.SKIPPED, "its other UPS has mains")
            return False
        return True


async def _watch_for_more(run: Run, group: asyncio.TaskGroup) -> None:
    """Stop whoever has to be stopped after all.

    Their other UPS lost mains, or they were off and came up, perhaps for the second time.
    """
    stopping: dict[str, asyncio.Task[None]] = {}
    while True:
        await asyncio.sleep(RECHECK_S)
        for spec in run.specs(run.record.chosen - {run.plan.home_assistant_host}):
            task = stopping.get(spec.target_id)
            if task is not None and not task.done():
                continue
            if _is_up_again(run, spec):
                run.note(Renewed(target_id=spec.target_id, evidence="it has started again"))
            elif task is None and _needs_stop_after_all(run, spec):
                run.settle(spec.target_id, TargetState.WAITING, "it has to be stopped after all")
            else:
                continue
            stopping[spec.target_id] = group.create_task(
                stop_target(run, spec), name=f"stop {spec.target_id}"
            )


def _is_up_again(run: Run, spec: TargetSpec) -> bool:
    """Return whether a host that this plan stopped was proven off, and runs again."""
    target = run.target(spec.target_id)
    is_ours = target.state is TargetState.DOWN and target.asked is not None
    # Whoever switches it on while there is mains wants it to run.
    return run.record.is_outage and is_ours and not run.has_second_feed(spec) and _is_up(run, spec)


def _needs_stop_after_all(run: Run, spec: TargetSpec) -> bool:
    target = run.target(spec.target_id)
    if target.state is TargetState.SKIPPED:
        return not run.has_second_feed(spec)
    if target.state not in _NOT_ASKED or target.asked is not None:
        return False
    return _is_up(run, spec)


def _is_up(run: Run, spec: TargetSpec) -> bool:
    watch = run.watch(spec.target_id)
    return watch is not None and watch.up_s(run.monotonic()) >= UP_AGAIN_S
