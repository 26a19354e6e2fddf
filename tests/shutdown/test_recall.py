"""After a restart without data the journal tells how much battery there was."""

import asyncio
from dataclasses import replace

import pytest

from custom_components.omron_ups.shutdown.folding import PlanRecord
from custom_components.omron_ups.shutdown.models import Power, Reason
from custom_components.omron_ups.shutdown.power import PowerTracker
from custom_components.omron_ups.shutdown.recall import DATA_WAIT_S, RECENT_S, Recall
from custom_components.omron_ups.shutdown.records import Stamp
from custom_components.omron_ups.shutdown.specs import Triggers

from .bench import BATTERY, EPOCH, MAINS, LoopClock, scenario


def recall(*, ago_s: float = 100.0, boot_id: str = "boot-1", has_mains: bool = False) -> Recall:
    clock = LoopClock()
    tracker = PowerTracker(clock, Triggers())
    made = Recall(tracker, clock)
    last = Stamp(
        at=EPOCH,
        boot_id=boot_id,
        monotonic=clock.monotonic() - ago_s,
        charge=80.0,
        charge_low=30.0,
        runtime_s=1000.0,
        on_battery_s=50.0,
    )
    record = PlanRecord(
        plan_id="p",
        began=replace(last, monotonic=last.monotonic - 50.0),
        last=last,
        known=last,
        reason=Reason.MARGIN,
        targets={},
        chosen=frozenset(),
        has_mains=has_mains,
    )
    made.remember(record)
    return made


@scenario
async def test_the_battery_runs_down_from_the_last_entry() -> None:
    made = recall()
    assert made.now().power is Power.UNKNOWN, "the first reading may come yet"
    await asyncio.sleep(DATA_WAIT_S)
    now = made.now()
    assert now.power is Power.BATTERY
    assert now.runtime_s == 1000.0 - 130.0
    assert now.charge == pytest.approx(80.0 * 0.87)
    assert now.on_battery_s == 50.0 + 100.0 + 30.0
    assert now.is_silent
    await asyncio.sleep(1000.0)
    assert made.now().runtime_s == 0.0


@scenario
async def test_a_reading_outweighs_what_is_remembered() -> None:
    made = recall()
    await asyncio.sleep(DATA_WAIT_S)
    made._tracker.update(replace(BATTERY, charge=55.0))
    assert made.now().charge == 55.0


@pytest.mark.parametrize(
    ("ago_s", "boot_id", "has_mains"),
    [(RECENT_S + 1.0, "boot-1", False), (100.0, "boot-0", False), (100.0, "boot-1", True)],
)
def test_what_is_old_of_another_boot_or_on_mains_proves_nothing(
    ago_s: float, boot_id: str, *, has_mains: bool
) -> None:
    async def test() -> None:
        made = recall(ago_s=ago_s, boot_id=boot_id, has_mains=has_mains)
        await asyncio.sleep(DATA_WAIT_S)
        assert made.now().power is Power.UNKNOWN

    scenario(test)()


@scenario
async def test_the_time_on_battery_counts_from_before_a_restart() -> None:
    made = recall(ago_s=100.0)
    made._tracker.update(BATTERY)
    assert made.now().on_battery_s == 0.0, "one reading alone is no outage"
    await asyncio.sleep(15.0)
    made._tracker.update(BATTERY)
    assert made.now().on_battery_s == 50.0 + 100.0 + 15.0
    made._tracker.update(MAINS)
    made._tracker.update(BATTERY)
    await asyncio.sleep(15.0)
    made._tracker.update(BATTERY)
    assert made.now().on_battery_s == 15.0, "it is another outage"
