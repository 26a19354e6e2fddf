"""What becomes of work that targets go on with by themselves when power comes and goes."""

import asyncio
from typing import override

import pytest

from custom_components.omron_ups.shutdown.models import PlanState, Reply, TargetState
from custom_components.omron_ups.shutdown.target import StopContext, StopStep

from .bench import BATTERY, MAINS, Bench, DrainTarget, plan_of, scenario, spec_of


class RoundsTarget(DrainTarget):
    """Goes on by itself after its first step, as a cluster's evictions do."""

    goes_on = False
    is_broken = False

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        self.goes_on = True
        return await super().send(step, context)

    @override
    async def hold(self) -> None:
        self.goes_on = False
        if self.is_broken:
            raise ValueError("a defect")

    @override
    async def reassert(self, step: StopStep) -> None:
        self.goes_on = True


async def begun(*, is_broken: bool = False) -> tuple[Bench, RoundsTarget]:
    """Return an installation in the middle of the first step."""
    bench = Bench(plan_of(spec_of("cluster", time_limit_s=300.0)), {"cluster": RoundsTarget})
    target = bench.targets["cluster"]
    assert isinstance(target, RoundsTarget)
    target.guests_s, target.is_broken = 200.0, is_broken
    await bench.start()
    bench.view = BATTERY
    await bench.wait_for(lambda: target.goes_on)
    return bench, target


@scenario
async def test_nothing_goes_on_while_power_is_back_but_not_for_sure() -> None:
    bench, target = await begun()
    await bench.set_power(MAINS, 5.0)
    assert (bench.state, target.goes_on) == (PlanState.CANCELLING.value, False)


@scenario
async def test_it_goes_on_when_power_was_back_for_a_moment_only() -> None:
    bench, target = await begun()
    await bench.set_power(MAINS, 5.0)
    await bench.set_power(BATTERY, 5.0)
    assert (bench.state, target.goes_on) == (PlanState.RUNNING.value, True)
    assert [key for _, key in bench.host("cluster").commands] == ["guests"], "not sent again"


def test_a_defect_in_it_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    @scenario
    async def test() -> None:
        bench, _ = await begun(is_broken=True)
        await bench.set_power(MAINS, 60.0)
        assert bench.state == PlanState.IDLE.value

    test()
    assert "cannot be held up" in caplog.text


class StuckTarget(RoundsTarget):
    """Never comes back once it is to be held up, or to go on."""

    @override
    async def hold(self) -> None:
        await asyncio.Event().wait()

    @override
    async def reassert(self, step: StopStep) -> None:
        await asyncio.Event().wait()


@scenario
async def test_one_that_never_comes_back_holds_up_nobody_after_a_restart() -> None:
    plan = plan_of(spec_of("cluster"), spec_of("nas", 20))
    bench = Bench(plan, {"cluster": StuckTarget})
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.restart()
    await bench.wait_for(lambda: not bench.host("nas").is_up, 200.0)
    assert bench.runner.target_states["cluster"] is TargetState.DOWN
