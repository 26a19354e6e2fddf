"""Where the shutdown plan keeps what no loss of power may take."""

from datetime import UTC, datetime
import logging
from pathlib import Path

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.plan_store import PlanStore, async_remove_plan
from custom_components.omron_ups.shutdown.clock import SystemClock
from custom_components.omron_ups.shutdown.maintenance import Maintenance
from custom_components.omron_ups.shutdown.ports import Stop
from custom_components.omron_ups.shutdown.stores import Switches

MAINTENANCE = Maintenance(
    until=datetime(2030, 1, 1, tzinfo=UTC), boot_id="boot-1", ends=900.0, lasts_s=600.0
)


@pytest.fixture
def folder(plan_folder: Path) -> Path:
    return plan_folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("omron_ups.*")}


async def load(hass: HomeAssistant, entry_id: str = "one") -> PlanStore:
    return await PlanStore.load(hass, entry_id, SystemClock())


async def test_everything_survives(hass: HomeAssistant, folder: Path) -> None:
    store = await load(hass)
    await store.journal.append(b"line\n")
    await store.durations.add(Stop(target_id="nas", seconds=60.0))
    await store.switches.save(Switches(is_armed=True, maintenance=MAINTENANCE))
    await store.save_checks()
    again = await load(hass)
    assert await again.journal.read() == b"line\n"
    assert again.durations.seconds("nas") == (60.0,)
    assert again.switches.switches == Switches(is_armed=True, maintenance=MAINTENANCE)
    assert len(names(folder)) == 4


async def test_each_ups_has_its_own(hass: HomeAssistant, folder: Path) -> None:
    await (await load(hass, "one")).switches.save(Switches(is_armed=True))
    assert not (await load(hass, "two")).switches.switches.is_armed
    await async_remove_plan(hass, "two")
    assert (await load(hass, "one")).switches.switches.is_armed


async def test_removal_leaves_nothing(hass: HomeAssistant, folder: Path) -> None:
    store = await load(hass)
    await store.journal.append(b"line\n")
    await store.switches.save(Switches(is_armed=True))
    await async_remove_plan(hass, "one")
    assert names(folder) == set()
    await async_remove_plan(hass, "one")


async def test_a_full_disk_costs_no_more_than_a_login(
    hass: HomeAssistant, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await load(hass)
    await hass.async_add_executor_job((folder / "omron_ups.one.plan_checks").mkdir)
    await store.save_checks()
    assert "cannot be saved" in caplog.text
    assert [item.levelno for item in caplog.records if "cannot be saved" in item.message] == [
        logging.WARNING
    ]


async def test_what_was_learned_is_worth_less_than_a_plan(
    hass: HomeAssistant, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for part in ("checks", "durations"):
        await hass.async_add_executor_job((folder / f"omron_ups.one.plan_{part}").mkdir)
    store = await load(hass)
    assert store.durations.seconds("nas") == ()
    assert store.checks.results == {}
    assert "time limits count" in caplog.text


async def test_nobody_guesses_whether_the_plan_is_armed(hass: HomeAssistant, folder: Path) -> None:
    await hass.async_add_executor_job((folder / "omron_ups.one.plan_switches").mkdir)
    with pytest.raises(OSError, match="plan_switches"):
        await load(hass)
