"""Stops everybody: stage after stage, our own host last, and then the UPS output."""

import asyncio
from typing import Final

from .folding import DOWN_STATES, STOP_ENDED, Phase
from .models import Power, TargetState
from .output import Output
from .records import HandedOver, OutputAction
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
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch_for_more(run, group), name="who needs a stop after all")
        cancelling = group.create_task(_cancel_earlier(run), name="cancel an earlier countdown")
        await _Stages(run).run()
        await cancelling
        await _finish(run, group)
        watching.cancel()


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


async def _cancel_earlier(run: Run) -> None:
    """Cancel a countdown that an earlier plan began: it knows nothing of who stops now."""
    if run.record.phase is not Phase.RUNNING or not _is_armed(run):
        return
    if (output := _output(run)) is not None:
        await output.cancel()


async def _watch_for_more(run: Run, group: asyncio.TaskGroup) -> None:
    """Stop whoever has to be stopped after all.

    Their other UPS lost mains, or they were off and came up.
    """
    stopping: set[str] = set()
    while True:
        await asyncio.sleep(RECHECK_S)
        for spec in run.specs(run.record.chosen - stopping):
            if _needs_stop_after_all(run, spec):
                stopping.add(spec.target_id)
                run.settle(spec.target_id, TargetState.WAITING, "it has to be stopped after all")
                group.create_task(stop_target(run, spec), name=f"stop {spec.target_id}")


def _needs_stop_after_all(run: Run, spec: TargetSpec) -> bool:
    if spec.target_id == run.plan.home_assistant_host:
        return False
    target = run.target(spec.target_id)
    if target.state is TargetState.SKIPPED:
        return not run.has_second_feed(spec)
    if target.state not in _NOT_ASKED or target.asked is not None:
        return False
    watch = run.watch(spec.target_id)
    return watch is not None and watch.up_s(run.monotonic()) >= UP_AGAIN_S


async def _finish(run: Run, group: asyncio.TaskGroup) -> None:
    """Switch off the rest, once everybody else is down or out of time."""
    if run.record.is_outage and _is_whole(run) and _output(run) is not None:
        await _until_nobody_runs(run)
    own = run.plan.own_host
    if own is not None and own.target_id in run.record.chosen and own.target_id in run.targets:
        await _stop_own_host(run, own, group)
    elif run.record.is_outage:
        await _switch_off(run)
    if run.record.is_outage:
        _hand_over(run)
        await asyncio.Event().wait()


async def _switch_off(run: Run) -> None:
    """Arm the output if all that hangs on it is off; Home Assistant does not."""
    output = _output(run)
    if output is not None and _is_whole(run) and not _is_armed(run):
        await output.arm()


def _is_whole(run: Run) -> bool:
    """Return whether everybody is to stop: else somebody still needs the output."""
    return run.record.chosen >= {spec.target_id for spec in run.plan.targets}


async def _stop_own_host(run: Run, own: TargetSpec, group: asyncio.TaskGroup) -> None:
    """Stop the host that runs us, after its power has been arranged for."""
    if run.target(own.target_id).asked is None and run.record.is_outage and _is_whole(run):
        output = _output(run)
        is_armed = output is not None and output.is_long_enough and await output.arm()
        if output is None or not is_armed:
            await _until_low(run)
        if run.has_second_feed(own):
            run.settle(own.target_id, TargetState.SKIPPED, "its other UPS has mains")
            return
    _hand_over(run)
    if (output := _output(run)) is not None and _is_whole(run) and run.record.is_outage:
        group.create_task(output.keep_ahead(), name="put the cut off")
    await run.ledger.synced()
    await stop_target(run, own)


def _output(run: Run) -> Output | None:
    if run.ports.output is None or run.plan.output is None:
        return None
    return Output(run, run.ports.output)


def _is_armed(run: Run) -> bool:
    record = run.record.output
    return record is not None and record.action is OutputAction.ARM and record.may_run


def _hand_over(run: Run) -> None:
    if run.record.phase is Phase.RUNNING:
        run.note(HandedOver())


async def _until_nobody_runs(run: Run) -> None:
    """Wait for hosts that refused or are late, as long as the battery lasts: the cut ends them."""
    while any(_still_runs(run, spec) for spec in run.specs(run.record.chosen)):
        if _is_late(run):
            return
        await asyncio.sleep(RECHECK_S)


def _still_runs(run: Run, spec: TargetSpec) -> bool:
    if spec.target_id == run.plan.home_assistant_host or run.has_second_feed(spec):
        return False
    watch = run.watch(spec.target_id)
    return watch is not None and watch.up_s(run.monotonic()) > 0.0


async def _until_low(run: Run) -> None:
    """Wait for low battery, or for as long as is safe without knowing of it."""
    while True:
        if _is_late(run):
            return
        await asyncio.sleep(RECHECK_S)


def _is_late(run: Run) -> bool:
    now = run.power()
    # Without data, and without an estimate to run down, low battery would never be seen.
    is_blind = now.is_silent and now.runtime_s is None
    return now.power is Power.BATTERY and (run.is_low() or is_blind)
