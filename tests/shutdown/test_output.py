"""The UPS output: armed before our own host stops, put off while we live, never in the dark."""

from dataclasses import replace
import math
from typing import override

from custom_components.omron_ups.shutdown.models import Outcome, PlanState, Reply, TargetState
from custom_components.omron_ups.shutdown.specs import OutputOptions, Plan, Restore

from .bench import BATTERY, LOW, MAINS, Bench, Output, plan_of, scenario, spec_of

OWN = plan_of(spec_of("node"), spec_of("own", 5), home_assistant_host="own", output=OutputOptions())
DELAY_S = 210.0 + 60.0 + 30.0


class Short(Output):
    """Takes ten minutes at most, or less."""

    longest_s = 60.0

    @property
    @override
    def longest_delay_s(self) -> float:
        return self.longest_s


async def at_the_end(output: Output, plan: Plan = OWN) -> Bench:
    bench = Bench(plan, output=output)
    bench.host("own").stop_s = 1e9
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bench.runner.target_states["node"] is TargetState.DOWN)
    return bench


@scenario
async def test_it_is_armed_before_our_own_host_is_told() -> None:
    output = Output()
    bench = await at_the_end(output)
    await bench.wait(2.0)
    assert output.armed == [DELAY_S]
    assert len(bench.host("own").commands) == 1
    assert b'"did":"output_asked"' in bench.disk.data
    handed_over, asked = b'"did":"handed_over"', b'"did":"asked","target_id":"own"'
    assert bench.disk.data.index(handed_over) < bench.disk.data.index(asked)


@scenario
async def test_it_is_put_off_until_our_own_host_is_out_of_time() -> None:
    output = Output()
    bench = await at_the_end(output)
    await bench.wait(300.0)
    count = len(output.armed)
    assert count >= 2
    assert bench.runner.target_states["own"] is TargetState.OVERDUE
    await bench.wait(300.0)
    assert len(output.armed) == count


@scenario
async def test_a_refusal_leaves_our_own_host_up_until_low_battery() -> None:
    output = Output()
    output.outcome = Outcome.REFUSED
    bench = await at_the_end(output)
    await bench.wait(120.0)
    assert len(output.armed) > 1
    assert bench.host("own").commands == []
    await bench.set_power(LOW, 40.0)
    assert len(bench.host("own").commands) == 1


@scenario
async def test_at_low_battery_our_own_host_does_not_wait_for_an_output_that_is_out_of_reach() -> (
    None
):
    output = Output()
    output.outcome = Outcome.REFUSED
    bench = await at_the_end(output)
    await bench.wait(60.0)
    await bench.set_power(LOW, 3.0)
    assert len(bench.host("own").commands) == 1


@scenario
async def test_a_delay_that_the_ups_does_not_take_is_not_asked_for() -> None:
    output = Short()
    bench = await at_the_end(output)
    await bench.wait(120.0)
    assert output.armed == []
    assert bench.host("own").commands == []


@scenario
async def test_a_lost_acknowledgement_may_have_worked() -> None:
    output = Output()
    output.outcome = Outcome.UNKNOWN
    bench = await at_the_end(output)
    await bench.wait(60.0)
    # If it did work, our host would lose its power while running.
    assert len(bench.host("own").commands) == 1


class Deaf(Output):
    """Does not cancel."""

    @override
    async def cancel(self) -> Reply:
        self.cancelled += 1
        return Reply(outcome=Outcome.UNKNOWN)


@scenario
async def test_nobody_is_started_into_a_countdown_that_cannot_be_stopped() -> None:
    output = Deaf()
    plan = plan_of(spec_of("node"), output=OutputOptions(delay_s=300.0))
    bench = Bench(plan, output=output)
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    await bench.set_power(MAINS, 250.0)
    assert output.cancelled >= 1
    assert not bench.host("node").wakes
    await bench.wait(120.0)
    assert bench.host("node").wakes


@scenario
async def test_it_stays_on_if_not_everybody_was_to_be_stopped() -> None:
    output = Output()
    plan = replace(plan_of(spec_of("node"), spec_of("nas")), output=OutputOptions())
    bench = Bench(plan, output=output)
    await bench.start()
    await bench.set_power(BATTERY, 5.0)
    await bench.runner.start_shutdown(targets=["node"])
    await bench.wait(20.0)
    assert not bench.host("node").is_up
    assert output.armed == []


class Minutes(Output):
    """Knows whole minutes only."""

    @override
    def rounded_s(self, delay_s: float) -> float:
        return 60.0 * math.ceil(delay_s / 60.0)


async def back_after(seconds: float, output: Output, *, delay_s: float) -> Bench:
    """Let mains be stable so long after the countdown was begun."""
    bench = Bench(plan_of(spec_of("node"), output=OutputOptions(delay_s=delay_s)), output=output)
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bool(output.armed))
    await bench.set_power(BATTERY, seconds - 30.0)
    await bench.set_power(MAINS, 35.0)
    return bench


@scenario
async def test_a_countdown_lasts_as_long_as_the_unit_makes_of_it() -> None:
    output = Minutes()
    bench = await back_after(100.0, output, delay_s=61.0)
    assert output.armed == [120.0]
    assert output.cancelled == 1, "it would cut whoever is started now"
    await bench.wait(30.0)
    assert bench.host("node").is_up


@scenario
async def test_what_is_over_by_the_clock_is_not_cancelled_if_nobody_is_harmed() -> None:
    output = Output()
    bench = await back_after(155.0, output, delay_s=120.0)
    await bench.wait(40.0)
    assert output.cancelled == 0
    assert bench.host("node").wakes


@scenario
async def test_it_is_cancelled_before_it_is_over_when_mains_is_back() -> None:
    """Mains is stable after a minute, and the countdown is no longer: `stayoff` would last."""
    plan = plan_of(
        spec_of("node"), output=OutputOptions(returns=False, delay_s=60.0), restore=Restore()
    )
    output = Output()
    bench = Bench(plan, output=output)
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bool(output.armed))
    await bench.set_power(MAINS, 10.0)
    assert (output.cancelled, bench.state) == (1, PlanState.HANDED_OVER.value)
    await bench.set_power(BATTERY, 20.0)
    assert len(output.armed) == 2
