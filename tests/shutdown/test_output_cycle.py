"""A countdown that runs when mains comes back: who needs it, who has to be saved from it."""

import asyncio
from dataclasses import replace
from typing import override

from custom_components.omron_ups.shutdown.models import Outcome, PlanResult, Reply, TargetState
from custom_components.omron_ups.shutdown.output_cycle import ONLY_BY_CUT
from custom_components.omron_ups.shutdown.specs import (
    NOT_IN_PLAN,
    OutputOptions,
    TargetSpec,
    Verify,
)

from .bench import BATTERY, LOW, MAINS, Bench, Host, Output, obey, plan_of, scenario, spec_of

STUCK = spec_of("stuck", wake=None, returns_by_itself=True, wake_limit_s=120.0)


class Switching(Output):
    """An output that really is switched off and on, and hosts that see it."""

    def __init__(self) -> None:
        """Begin without a countdown."""
        super().__init__()
        self.bench: Bench | None = None
        self.is_reached = True
        self.cuts = 0
        self._timer: asyncio.TimerHandle | None = None

    @override
    async def arm(self, delay_s: float, *, returns: bool) -> Reply:
        if not self.is_reached:
            return Reply(outcome=Outcome.UNKNOWN, was_sent=False)
        await self.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._cut)
        return await super().arm(delay_s, returns=returns)

    @override
    async def cancel(self) -> Reply:
        if not self.is_reached:
            return Reply(outcome=Outcome.UNKNOWN, was_sent=False)
        if self._timer is not None:
            self._timer.cancel()
        return await super().cancel()

    def _cut(self) -> None:
        assert self.bench is not None
        self.cuts += 1
        for host in self.bench.lan.hosts.values():
            assert not host.is_up, f"{host.address} was running"
            host.start()


async def only_if_up(host: Host) -> Reply:
    return await obey(host) if host.is_up else Reply(outcome=Outcome.UNKNOWN, was_sent=False)


def bench_of(*specs: TargetSpec, own: str = NOT_IN_PLAN) -> tuple[Bench, Switching]:
    output = Switching()
    plan = plan_of(*specs, output=OutputOptions(delay_s=60.0), home_assistant_host=own)
    bench = Bench(plan, output=output)
    output.bench = bench
    return bench, output


@scenario
async def test_who_starts_only_after_a_cut_gets_it_also_after_a_second_outage() -> None:
    bench, output = bench_of(replace(STUCK, verify=Verify()), spec_of("node", 20))
    bench.targets["stuck"].answer = only_if_up
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bool(output.armed))
    await bench.set_power(MAINS, 31.0)
    await bench.set_power(LOW, 2.0)
    await bench.set_power(MAINS, 60.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert output.cuts == 1
    assert bench.host("stuck").is_up
    assert bench.runner.last_report is not None
    assert bench.runner.last_report.result is PlanResult.ALL_BACK


@scenario
async def test_who_is_left_off_because_others_run_is_named_with_the_reason() -> None:
    bench, output = bench_of(STUCK, spec_of("node", 20))
    bench.host("node").stop_s = 60.0
    await bench.start()
    await bench.set_power(BATTERY, 60.0)
    await bench.set_power(MAINS, 31.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    report = bench.runner.last_report
    assert report is not None
    assert (report.result, output.cuts) == (PlanResult.INCOMPLETE, 0)
    assert f"STUCK did not come back: {ONLY_BY_CUT}" in report.detail
    assert bench.host("node").is_up


@scenario
async def test_who_was_left_off_comes_back_with_the_next_cut() -> None:
    bench, output = bench_of(STUCK, spec_of("node", 20))
    bench.host("node").stop_s = 60.0
    await bench.start()
    await bench.set_power(BATTERY, 60.0)
    await bench.set_power(MAINS, 31.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    await bench.restart()
    await bench.set_power(MAINS, 5.0)
    await bench.set_power(BATTERY, 40.0)
    await bench.wait_for(lambda: bool(output.armed))
    await bench.set_power(MAINS, 31.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert output.cuts == 1
    assert bench.runner.target_states["stuck"] is TargetState.BACK


@scenario
async def test_nobody_is_started_into_a_cut_that_nobody_can_cancel() -> None:
    bench, output = bench_of(spec_of("node"), spec_of("nas", 20))
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bool(output.armed))
    output.is_reached = False
    await bench.set_power(MAINS, 55.0)
    assert not bench.host("nas").wakes
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert output.cuts == 1
    assert bench.host("node").is_up
