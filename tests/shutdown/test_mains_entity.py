"""A plug or meter outside the UPS, and who is believed when the UPS says nothing."""

import asyncio
from dataclasses import replace

from custom_components.omron_ups.shutdown.models import PowerView

from .bench import BATTERY, LOW, MAINS, Bench, plan_of, scenario, spec_of

TWO = plan_of(spec_of("node", 10, uses=frozenset({"nas"})), spec_of("nas", 20))


async def silence(bench: Bench, last: PowerView, seconds: int, *, is_on: bool) -> None:
    """Let the source say nothing any more; only the entity is heard."""
    for second in range(1, seconds + 1):
        view = replace(last, age_s=float(second), mains_entity=is_on)
        bench.runner.handle_power(view)
        await asyncio.sleep(1.0)


def are_up(bench: Bench) -> dict[str, bool]:
    return {name: host.is_up for name, host in bench.lan.hosts.items()}


@scenario
async def test_an_entity_alone_tells_of_an_outage_that_takes_the_source_with_it() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(replace(MAINS, mains_entity=True), 30.0)
    await silence(bench, MAINS, 300, is_on=False)
    assert are_up(bench) == {"node": False, "nas": False}


@scenario
async def test_an_entity_that_is_always_on_ends_no_outage() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(replace(MAINS, mains_entity=True), 700.0)
    await bench.set_power(replace(BATTERY, mains_entity=True), 20.0)
    await silence(bench, BATTERY, 300, is_on=True)
    assert are_up(bench) == {"node": False, "nas": False}


@scenario
async def test_an_entity_that_is_always_on_wakes_nobody_on_battery() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(replace(MAINS, mains_entity=True), 700.0)
    await bench.set_power(replace(BATTERY, mains_entity=True), 120.0)
    await silence(bench, BATTERY, 900, is_on=True)
    assert are_up(bench) == {"node": False, "nas": False}
    assert [host.wakes for host in bench.lan.hosts.values()] == [[], []]


@scenario
async def test_an_entity_that_came_back_is_believed() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(replace(MAINS, mains_entity=True), 30.0)
    await bench.set_power(replace(BATTERY, mains_entity=False), 120.0)
    assert are_up(bench) == {"node": False, "nas": False}
    await silence(bench, BATTERY, 60, is_on=False)
    for second in range(61, 2000):
        bench.runner.handle_power(replace(BATTERY, age_s=float(second), mains_entity=True))
        await asyncio.sleep(1.0)
    assert are_up(bench) == {"node": True, "nas": True}


@scenario
async def test_whoever_arms_again_in_an_outage_is_heeded() -> None:
    bench = Bench(TWO)
    await bench.start()
    await bench.set_power(LOW, 2.0)
    bench.runner.set_armed(False)
    await bench.wait(2.0)
    bench.runner.set_armed(True)
    await bench.set_power(LOW, 300.0)
    assert are_up(bench) == {"node": False, "nas": False}
