"""Maintenance lasts as long as it was asked for, whatever the wall clock does."""

from datetime import datetime, timedelta
from typing import override

from custom_components.omron_ups.shutdown.maintenance import Maintenance

from .bench import EPOCH, LOW, Bench, LoopClock, plan_of, scenario, spec_of

HOURS = timedelta(hours=2)


class Jumping(LoopClock):
    """A wall clock that can be set."""

    def __init__(self) -> None:
        """Begin with the right time."""
        super().__init__()
        self.jump = timedelta()

    @override
    def utc(self) -> datetime:
        return super().utc() + self.jump


async def jumps(jump: timedelta) -> Bench:
    """Let the clock jump in maintenance of two hours."""
    bench = Bench(plan_of(spec_of("node")))
    clock = bench.clock = Jumping()
    bench.runner = bench.make_runner()
    bench.runner.set_maintenance(clock.utc() + HOURS)
    await bench.start()
    clock.jump = jump
    return bench


@scenario
async def test_a_clock_that_is_set_forward_does_not_end_it() -> None:
    bench = await jumps(timedelta(hours=9))
    await bench.set_power(LOW, 7000.0)
    assert bench.host("node").commands == []
    await bench.wait(300.0)
    assert bench.host("node").commands


@scenario
async def test_a_clock_that_is_set_back_does_not_keep_it() -> None:
    bench = await jumps(timedelta(days=-365))
    await bench.set_power(LOW, 7300.0)
    assert bench.host("node").commands


@scenario
async def test_a_restart_changes_nothing() -> None:
    clock = Jumping()
    began = Maintenance.of(EPOCH + HOURS, clock)
    whole_s = HOURS.total_seconds() - (clock.utc() - EPOCH).total_seconds()
    assert began.left_s(clock) == whole_s
    clock.jump = timedelta(hours=9)
    assert began.left_s(clock) == whole_s


@scenario
async def test_after_another_boot_it_lasts_no_longer_than_it_was_asked_for() -> None:
    clock = Jumping()
    began = Maintenance.of(clock.utc() + HOURS, clock)
    clock.boot = "boot-2"
    clock.jump = timedelta(hours=1)
    assert began.left_s(clock) == 3600.0
    clock.jump = timedelta(days=-365)
    assert began.left_s(clock) == HOURS.total_seconds(), "the clock is not set yet"
    clock.jump = timedelta(hours=3)
    assert began.left_s(clock) == 0.0
