"""The UPS's countdown once mains is back: cancelled, or run to its end for those that need it."""

import asyncio
import logging
from typing import Final

from .abilities import Abilities
from .output import Output
from .run import Run
from .specs import TargetSpec

_LOGGER = logging.getLogger(__name__)

POLL_S: Final = 2.0
CANCEL_EVERY_S: Final = 10.0
ONLY_BY_CUT: Final = "nothing starts it but power that is cut and comes back"
BY_NOTHING: Final = "nothing starts it but a person"


async def settle_output(run: Run, *, may_cycle: bool) -> None:
    """See to it that the UPS does not switch off what runs, or is about to be started.

    A countdown that nobody is harmed by runs to its end if that is the only way to start somebody:
    hosts that are off see no power coming back before it has gone.

    Args:
        run: the plan that is being restored.
        may_cycle: whether hosts are to be started at all.

    """
    if run.ports.output is None:
        return
    output = Output(run, run.ports.output)
    if (left_s := output.remaining_s()) <= 0.0:
        return
    _LOGGER.info("The UPS may switch its output off in %.0f s", left_s)
    while (may_cycle and _needs_cycle(run)) or (output.is_due and is_harmless(run)):
        # To cancel what is over already might keep the output from coming back.
        await asyncio.sleep(POLL_S)
        if output.remaining_s() <= 0.0:
            return
    await _cancel(output, may_cycle=may_cycle)


async def _cancel(output: Output, *, may_cycle: bool) -> None:
    """Cancel the countdown; while nobody can tell the UPS nobody is started into the cut."""
    while not await output.cancel():
        if not may_cycle or output.remaining_s() <= 0.0:
            return
        await asyncio.sleep(CANCEL_EVERY_S)


def was_perhaps_cut(run: Run) -> bool:
    """Return whether the output may have been switched off in this plan."""
    record = run.record.output
    return record is not None and record.may_run


def can_wake(run: Run, spec: TargetSpec) -> bool:
    """Return whether there is a way to start a host from here."""
    # Whoever runs us can be woken by nobody once it is off.
    if spec.target_id == run.plan.home_assistant_host:
        return False
    return Abilities.of(run.targets[spec.target_id]).can_start(spec, run.plan)


def _needs_cycle(run: Run) -> bool:
    """Return whether somebody starts only when the output comes back, and nobody is harmed."""
    options = run.plan.output
    if options is None or not options.returns:
        return False
    if not is_harmless(run):
        return False
    return any(
        spec.returns_by_itself and not can_wake(run, spec)
        for spec in run.specs(run.targets.keys())
        if run.target(spec.target_id).is_ours
    )


def is_harmless(run: Run) -> bool:
    """Return whether a cut of the output would harm nobody, as far as anybody can tell."""
    return all(_hangs_dead(run, spec) for spec in run.specs(run.targets.keys()))


def _hangs_dead(run: Run, spec: TargetSpec) -> bool:
    """Return whether a cut would not harm a target: it is off, or has other power."""
    if run.has_second_feed(spec):
        return True
    # That we run proves that the host that runs us does, whatever it has been told.
    if spec.target_id == run.plan.home_assistant_host:
        return False
    if hosts := run.plan.hosts_of(spec):
        return all(_hangs_dead(run, host) for host in hosts)
    watch, target = run.watch(spec.target_id), run.target(spec.target_id)
    is_silent = watch is None or not watch.is_alive
    # Whoever was told to stop, and had its time, shows nothing more if it never shows anything.
    owed = target.owed
    was_told = target.is_past_return or (
        owed is not None and owed.is_stopped and not owed.is_booting
    )
    return (was_told and is_silent) or run.is_off(spec.target_id)
