"""What counts as mains, and for how long there has been."""

import asyncio
from dataclasses import replace

import pytest

from custom_components.omron_ups.shutdown.folding import PlanRecord
from custom_components.omron_ups.shutdown.models import Power, Reason, TargetState
from custom_components.omron_ups.shutdown.power import PowerNow
from custom_components.omron_ups.shutdown.records import (
    Began,
    Change,
    Entry,
    PowerBack,
    Settled,
    Stamp,
)
from custom_components.omron_ups.shutdown.specs import Restore
from custom_components.omron_ups.shutdown.supply import (
    LONGEST_WAIT_S,
    PRESUMED_S,
    UNKNOWN_RUNTIME_S,
    Situation,
    Supply,
)

from .bench import EPOCH, Durations, LoopClock, plan_of, scenario, spec_of
from .by_hand import fold_all

PLAN = plan_of(spec_of("nas", is_data_source=True), restore=Restore(mains_stable_s=60.0))
MAINS = PowerNow(power=Power.MAINS, mains_s=70.0, charge=95.0, charge_low=30.0, runtime_s=900.0)
BATTERY = PowerNow(power=Power.BATTERY, on_battery_s=50.0)
NOTHING = PowerNow(power=Power.UNKNOWN, silent_s=500.0)


def record(*changes: Change, boot_id: str = "boot-1", runtime_s: float | None = None) -> PlanRecord:
    began = Began(reason=Reason.MARGIN, targets=("nas",), power=Power.BATTERY)
    stamp = Stamp(at=EPOCH, boot_id=boot_id, monotonic=1.0, runtime_s=runtime_s, on_battery_s=40.0)
    found = fold_all(
        Entry(number=number, plan_id="p", stamp=stamp, change=change)
        for number, change in enumerate((began, *changes))
    )
    assert found is not None
    return found


class Bench:
    """Supply, and its clock."""

    def __init__(self, *, booted_at: float = 0.0, power_returned: bool | None = None) -> None:
        """Begin now."""
        self.clock = LoopClock()
        self.clock.booted_at = booted_at
        self.supply = Supply(
            PLAN, self.clock, Durations(), power_returned=lambda _record: power_returned
        )

    def situation(self, now: PowerNow, *changes: Change, boot_id: str = "boot-1") -> Situation:
        """Judge the power for an open plan."""
        return self.supply.situation(now, record(*changes, boot_id=boot_id))


@scenario
async def test_readings_come_first() -> None:
    bench = Bench()
    assert bench.situation(MAINS) is Situation.MAINS
    assert bench.situation(BATTERY) is Situation.BATTERY
    assert bench.situation(NOTHING) is Situation.UNKNOWN
    assert bench.situation(replace(MAINS, forced=True)) is Situation.BATTERY


@scenario
async def test_a_mains_entity_speaks_for_a_silent_ups_only() -> None:
    bench = Bench()
    speaking = replace(BATTERY, mains_entity_s=100.0)
    assert bench.situation(speaking) is Situation.BATTERY
    assert bench.situation(replace(speaking, silent_s=30.0)) is Situation.MAINS
    assert bench.supply.is_stable(replace(speaking, silent_s=30.0), record())


@scenario
async def test_a_new_boot_is_mains_after_five_minutes_without_any_data() -> None:
    bench = Bench(booted_at=asyncio.get_running_loop().time())
    assert bench.situation(NOTHING, boot_id="boot-0") is Situation.UNKNOWN
    await asyncio.sleep(301.0)
    assert bench.situation(NOTHING, boot_id="boot-0") is Situation.MAINS
    assert bench.situation(NOTHING) is Situation.UNKNOWN
    assert bench.situation(BATTERY, boot_id="boot-0") is Situation.BATTERY


@scenario
async def test_a_machine_that_started_alone_did_not_lose_its_power() -> None:
    bench = Bench(booted_at=asyncio.get_running_loop().time(), power_returned=False)
    down = Settled(target_id="nas", state=TargetState.DOWN)
    plan = record(down, boot_id="boot-0", runtime_s=1000.0)
    await asyncio.sleep(301.0)
    assert bench.supply.situation(NOTHING, plan) is Situation.UNKNOWN
    await asyncio.sleep(700.0)
    assert bench.supply.situation(NOTHING, plan) is Situation.UNKNOWN
    await asyncio.sleep(PRESUMED_S)
    assert bench.supply.situation(NOTHING, plan) is Situation.MAINS, "no battery lasts that long"


@scenario
async def test_an_uptime_that_is_long_already_waits_for_the_first_reading() -> None:
    bench = Bench()
    assert bench.situation(NOTHING, boot_id="boot-0") is Situation.UNKNOWN
    await asyncio.sleep(31.0)
    assert bench.situation(NOTHING, boot_id="boot-0") is Situation.MAINS


@scenario
async def test_mains_that_was_there_before_a_restart_is_believed_after_five_minutes() -> None:
    bench = Bench()
    assert bench.situation(NOTHING, PowerBack()) is Situation.UNKNOWN
    await asyncio.sleep(301.0)
    assert bench.situation(NOTHING, PowerBack()) is Situation.MAINS


@scenario
async def test_a_battery_that_outlives_itself_means_mains_if_we_stopped_the_source() -> None:
    bench = Bench()
    spent = replace(BATTERY, silent_s=900.0, runtime_s=0.0)
    down = Settled(target_id="nas", state=TargetState.DOWN)
    assert bench.situation(spent, down) is Situation.BATTERY
    await asyncio.sleep(PRESUMED_S + 1.0)
    assert bench.situation(spent, down) is Situation.MAINS
    alone = Bench()
    assert alone.situation(spent) is Situation.BATTERY
    await asyncio.sleep(PRESUMED_S + 1.0)
    assert alone.situation(spent) is Situation.BATTERY, "nobody would tell that it is not so"
    await asyncio.sleep(LONGEST_WAIT_S)
    assert alone.situation(spent) is Situation.MAINS


@scenario
async def test_a_battery_whose_runtime_nobody_knows_does_not_last_for_ever() -> None:
    bench, down = Bench(), Settled(target_id="nas", state=TargetState.DOWN)
    spent = replace(BATTERY, silent_s=UNKNOWN_RUNTIME_S, runtime_s=None)
    assert bench.situation(replace(spent, silent_s=UNKNOWN_RUNTIME_S - 1.0), down) is (
        Situation.BATTERY
    )
    assert bench.situation(spent, down) is Situation.BATTERY
    await asyncio.sleep(PRESUMED_S)
    assert bench.situation(spent, down) is Situation.MAINS


@scenario
async def test_an_outage_that_is_long_past_is_not_waited_for_without_end() -> None:
    bench, down = Bench(), Settled(target_id="nas", state=TargetState.DOWN)
    plan = record(down, runtime_s=1000.0)
    assert bench.supply.situation(NOTHING, plan) is Situation.UNKNOWN
    await asyncio.sleep(1002.0)
    assert bench.supply.situation(NOTHING, plan) is Situation.UNKNOWN
    await asyncio.sleep(PRESUMED_S)
    assert bench.supply.situation(NOTHING, plan) is Situation.MAINS


@scenario
async def test_silence_on_mains_is_mains_only_after_ten_minutes() -> None:
    supply, plan = Bench().supply, record()
    silent = replace(MAINS, mains_s=50.0, silent_s=100.0)
    assert supply.mains_s(silent, plan) == 0.0
    assert supply.mains_s(replace(silent, silent_s=560.0), plan) == 610.0


@pytest.mark.parametrize(
    ("now", "may_start"),
    [
        (MAINS, True),
        (replace(MAINS, mains_s=59.0), False),
        (replace(MAINS, low=True), False),
        (replace(MAINS, charge=40.0, runtime_s=100.0), False),
        (replace(MAINS, charge=None, runtime_s=None), False),
        (replace(MAINS, charge=None, runtime_s=None, mains_s=600.0), True),
    ],
)
def test_when_hosts_may_be_started(now: PowerNow, *, may_start: bool) -> None:
    async def test() -> None:
        assert Bench().supply.may_start_hosts(now, record()) is may_start

    scenario(test)()
