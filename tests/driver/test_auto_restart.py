"""The auto-restart setting ends as it began, whatever happens in between."""

import asyncio
from typing import override

import pytest

from custom_components.omron_ups.driver import (
    CommandError,
    SettingMemoryError,
    UnconfirmedError,
    VolatileMemory,
)
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

from .bench import Bench
from .virtual_time import run


class ForgetfulMemory(VolatileMemory):
    """A disk that takes a value but does not let go of it."""

    @override
    async def save(self, auto_restart: bool | None) -> None:
        """Keep everything but nothing."""
        if auto_restart is None:
            raise OSError("read-only file system")
        await super().save(auto_restart)


class BrokenMemory(VolatileMemory):
    """A disk that is full, or that cannot be read either."""

    def __init__(self, *, can_load: bool = True) -> None:
        """Begin broken."""
        super().__init__()
        self.can_load = can_load

    @override
    async def load(self) -> bool | None:
        """Answer, or fail."""
        if not self.can_load:
            raise OSError("input/output error")
        return None

    @override
    async def save(self, auto_restart: bool | None) -> None:
        """Fail."""
        raise OSError(f"no space left on device for {auto_restart}")


def test_a_cancelled_stayoff_gives_the_setting_back_at_once() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("shutdown.stayoff")
            assert bench.remembered() is True
            assert bench.variables["ups.start.auto"] == "no"
            await bench.ups.command("shutdown.stop")
            assert bench.writes == ["Af", "Sf.5", "C", "An"]
            assert bench.remembered() is None
            assert bench.variables["ups.start.auto"] == "yes"

    run(scenario())


def test_nothing_is_restored_while_the_countdown_runs_or_the_output_is_off() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.answers_while_dark = True
            bench.unit.settings.auto_restart = False
            bench.unit.cut_mains()
            await bench.ups.command("shutdown.return", "60")
            await asyncio.sleep(300)
            assert not bench.unit.output_on
            assert bench.writes == ["An", "S01"]
            bench.unit.restore_mains()
            await bench.until(lambda: bench.unit.output_on)
            await bench.until(lambda: bench.remembered() is None, limit_s=5)
            assert bench.writes == ["An", "S01", "Af"]
            assert not bench.unit.settings.auto_restart

    run(scenario())


def test_a_stayoff_is_undone_once_somebody_pressed_the_button() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("load.off")
            await bench.until(lambda: not bench.unit.output_on)
            await asyncio.sleep(1200)
            assert bench.writes == ["Af", "Sf.2"]
            bench.unit.press_button()
            await bench.until(lambda: bench.remembered() is None, limit_s=5)
            assert bench.unit.settings.auto_restart

    run(scenario())


def test_the_next_process_restores_what_the_last_one_could_not() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("shutdown.stayoff", "60")
            await bench.restart_driver()
            # Still counting down.
            assert bench.writes == ["Af", "Sf01"]
            await bench.until(lambda: not bench.unit.output_on)
            await bench.ups.stop()
            bench.unit.press_button()
            bench.ups = bench.make_driver()
            await bench.ups.start()
            await bench.until(lambda: bench.remembered() is None, limit_s=5)
            assert bench.writes == ["Af", "Sf01", "An"]

    run(scenario())


def test_the_next_process_waits_for_mains() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.settings.auto_restart = False
            bench.unit.cut_mains()
            # A unit whose status does not tell a countdown.
            await bench.ups.command("shutdown.return", "1800")
            bench.unit.cancel_shutdown()
            await bench.restart_driver()
            await asyncio.sleep(60)
            assert bench.remembered() is False
            bench.unit.restore_mains()
            await bench.until(lambda: bench.remembered() is None, limit_s=5)
            assert not bench.unit.settings.auto_restart

    run(scenario())


def test_a_shutdown_that_was_refused_leaves_the_setting_as_it_was() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.NAK, request="Sf.5"))
            with pytest.raises(CommandError):
                await bench.ups.command("shutdown.stayoff")
            await bench.until(lambda: bench.remembered() is None, limit_s=5)
            assert bench.writes == ["Af", "Sf.5", "An"]

    run(scenario())


def test_a_shutdown_that_may_be_under_way_is_waited_for() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.LOST_REQUEST, request="Sf.5"))
            with pytest.raises(UnconfirmedError):
                await bench.ups.command("shutdown.stayoff")
            await asyncio.sleep(50)
            assert bench.writes == ["Af"]
            await bench.until(lambda: bench.remembered() is None, limit_s=15)
            assert bench.writes == ["Af", "An"]

    run(scenario())


def test_a_unit_that_holds_the_shutdown_bit_is_restored_after_the_longest_countdown() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.PENDING_STUCK))
            await bench.ups.command("shutdown.stayoff", "12")
            bench.unit.cancel_shutdown()
            await asyncio.sleep(1800)
            assert bench.remembered() is True
            await bench.until(lambda: bench.remembered() is None, limit_s=60)

    run(scenario())


def test_the_setting_before_the_first_of_several_shutdowns_counts() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("shutdown.stayoff", "120")
            await bench.ups.command("shutdown.return", "120")
            await bench.ups.command("shutdown.stayoff", "120")
            await bench.ups.command("shutdown.stop")
            assert bench.unit.settings.auto_restart
            assert bench.writes[-2:] == ["C", "An"]

    run(scenario())


def test_a_new_choice_of_the_user_is_the_setting_from_then_on() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("shutdown.stayoff", "120")
            await bench.ups.set_variable("ups.start.auto", "no")
            await bench.ups.command("shutdown.stop")
            assert bench.writes == ["Af", "Sf02", "Af", "C"]

    run(scenario())


def test_a_restore_that_fails_is_tried_again_ever_more_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.NAK, request="An"))
            await bench.ups.command("shutdown.stayoff", "120")
            await bench.ups.command("shutdown.stop")
            await asyncio.sleep(3600)
            # 0, 5, 15, 35, 75, 155, 315, 635, 1235, 1835, 2435, 3035 s
            assert bench.writes.count("An") == 12
            bench.unit.clear_faults()
            await bench.until(lambda: bench.remembered() is None)
            assert bench.unit.settings.auto_restart

    run(scenario())
    assert "not restored yet" in caplog.text


def test_an_acknowledged_restore_that_does_not_show_is_tried_again() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("shutdown.stayoff", "120")
            bench.unit.inject(Fault(kind=FaultKind.FROZEN, request="V2"))
            await bench.ups.command("shutdown.stop")
            assert bench.remembered() is True
            bench.unit.clear_faults()
            await bench.until(lambda: bench.remembered() is None, limit_s=10)
            # It had worked.
            assert bench.writes.count("An") == 1

    run(scenario())


def test_nothing_is_sent_unless_the_setting_is_stored() -> None:
    async def scenario() -> None:
        async with Bench(memory=BrokenMemory()) as bench:
            with pytest.raises(SettingMemoryError, match="no space left"):
                await bench.ups.command("shutdown.stayoff")
            assert bench.writes == []
            # Auto restart is on already, so there is nothing to store.
            await bench.ups.command("shutdown.return")
            assert bench.writes == ["An", "S.5"]

    run(scenario())


def test_a_memory_that_cannot_be_read_does_not_keep_the_driver_from_watching(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with Bench(memory=BrokenMemory(can_load=False)) as bench:
            assert bench.variables["ups.status"] == "OL"

    run(scenario())
    assert "cannot be read" in caplog.text


def test_a_setting_that_cannot_be_read_now_is_taken_as_read_last() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="V2"))
            await bench.ups.command("shutdown.stayoff")
            assert bench.remembered() is True

    run(scenario())


def test_a_note_that_cannot_be_wiped_is_acted_upon_only_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with Bench(memory=ForgetfulMemory()) as bench:
            await bench.ups.command("shutdown.stayoff")
            await bench.ups.command("shutdown.stop")
            await asyncio.sleep(1000)
            assert bench.writes == ["Af", "Sf.5", "C", "An"]
            await bench.restart_driver()
            await asyncio.sleep(1000)
            # Read, found as it should be, and left alone.
            assert bench.writes == ["Af", "Sf.5", "C", "An"]

    run(scenario())
    assert "still noted" in caplog.text


def test_a_driver_that_is_started_again_knows_what_it_has_to_restore() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("shutdown.stayoff", "60")
            await bench.ups.stop()
            await asyncio.sleep(120)
            bench.unit.press_button()
            await bench.ups.start()
            await bench.until(lambda: bench.remembered() is None, limit_s=5)
            assert bench.unit.settings.auto_restart

    run(scenario())
