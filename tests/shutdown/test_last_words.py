"""What a plan must not do at its end, nor after a restart that found it disarmed."""

from custom_components.omron_ups.shutdown.models import Outcome, Reply
from custom_components.omron_ups.shutdown.specs import OutputOptions

from .bench import BATTERY, LOW, MAINS, Bench, Host, Output, plan_of, scenario, spec_of


async def refuse(_host: Host) -> Reply:
    return Reply(outcome=Outcome.REFUSED, detail="token expired")


@scenario
async def test_the_output_is_not_cut_under_a_host_that_still_runs() -> None:
    output = Output()
    bench = Bench(
        plan_of(spec_of("node"), spec_of("nas", 20), output=OutputOptions()), output=output
    )
    bench.targets["node"].answer = refuse
    await bench.start()
    await bench.set_power(BATTERY, 900.0)
    assert not bench.host("nas").is_up
    assert bench.host("node").is_up
    assert output.armed == []
    await bench.set_power(LOW, 60.0)
    assert len(output.armed) == 1, "the battery will not last"


@scenario
async def test_the_output_waits_for_a_host_that_is_late() -> None:
    output = Output()
    bench = Bench(plan_of(spec_of("node"), output=OutputOptions()), output=output)
    bench.host("node").stop_s = 300.0
    await bench.start()
    await bench.set_power(BATTERY, 200.0)
    assert output.armed == []
    await bench.set_power(BATTERY, 300.0)
    assert len(output.armed) == 1


@scenario
async def test_a_plan_that_is_found_open_but_disarmed_stops_nobody_more() -> None:
    bench = Bench(plan_of(spec_of("node", 10), spec_of("nas", 20)))
    bench.host("node").stop_s = 40.0
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    assert bench.host("node").commands
    await bench.runner.stop()
    bench.runner = bench.make_runner()
    bench.runner.set_armed(False)
    await bench.runner.start()
    await bench.set_power(BATTERY, 300.0)
    assert bench.host("nas").commands == []
    await bench.set_power(MAINS, 600.0)
    assert bench.host("node").is_up
