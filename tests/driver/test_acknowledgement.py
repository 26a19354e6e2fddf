"""What is believed of a command whose answer is missing, wrong, or somebody else's."""

import asyncio

import pytest

from custom_components.omron_ups.driver import CommandError, CommandRejectedError, UnconfirmedError
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

from .bench import Bench
from .virtual_time import run

# The unit obeys, its answer does not come through.
LOST_ANSWERS = (
    FaultKind.SILENCE,
    FaultKind.LATE,
    FaultKind.GARBLED,
    FaultKind.SHORT,
    FaultKind.EMPTY,
    FaultKind.NO_CR,
    FaultKind.ZERO_LENGTH,
    FaultKind.REPEAT_PREVIOUS,
    FaultKind.IO_ERROR,
)


@pytest.mark.parametrize("kind", [kind for kind in LOST_ANSWERS if kind is not FaultKind.IO_ERROR])
@pytest.mark.parametrize("request_", ["An", "S.5"])
def test_a_shutdown_whose_answer_is_lost_is_seen_in_the_status(
    kind: FaultKind, request_: str
) -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=kind, request=request_, count=1))
            await bench.ups.command("shutdown.return")
            assert bench.writes == ["An", "S.5"]
            assert bench.unit.shutdown_pending

    run(scenario())


@pytest.mark.parametrize("kind", [FaultKind.NUL_PADDING, FaultKind.GARBAGE_AFTER_CR])
def test_what_follows_the_answer_does_not_matter(kind: FaultKind) -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=kind))
            await bench.ups.command("shutdown.return")
            assert bench.writes == ["An", "S.5"]

    run(scenario())


def test_an_answer_with_a_number_is_one() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.ODD_ACK))
            await bench.ups.command("shutdown.return")
            assert bench.writes == ["An", "S.5"]

    run(scenario())


def test_a_shutdown_that_did_not_arrive_is_not_repeated_and_not_called_a_success() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.LOST_REQUEST, request="S.5", count=1))
            with pytest.raises(UnconfirmedError, match=r"did not acknowledge S\.5"):
                await bench.ups.command("shutdown.return")
            assert bench.writes == ["An"]
            assert not bench.unit.shutdown_pending

    run(scenario())


def test_a_status_bit_that_was_set_before_proves_nothing() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.PENDING_STUCK))
            await asyncio.sleep(3)
            bench.unit.inject(Fault(kind=FaultKind.LOST_REQUEST, request="S.5", count=1))
            with pytest.raises(UnconfirmedError):
                await bench.ups.command("shutdown.return")

    run(scenario())


def test_a_setting_that_did_not_arrive_is_sent_again_once_that_is_known() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.LOST_REQUEST, request="BLD040", count=2))
            await bench.ups.set_variable("battery.charge.low", "40")
            assert bench.unit.settings.charge_low == 40
            assert bench.variables["battery.charge.low"] == "40"
            reads = [request for request in bench.unit.requests if request == b"Bld ?\r"]
            # One in the first round, one after each attempt.
            assert len(reads) == 4

    run(scenario())


def test_a_setting_whose_answer_is_lost_is_not_sent_again() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="BLD040"))
            await bench.ups.set_variable("battery.charge.low", "40")
            assert bench.writes == ["BLD040"]

    run(scenario())


def test_nothing_is_switched_off_unless_auto_restart_is_acknowledged_first() -> None:
    async def scenario() -> None:
        for kind in (FaultKind.NAK, FaultKind.ECHO, FaultKind.LOST_REQUEST):
            async with Bench() as bench:
                bench.unit.inject(Fault(kind=kind, request="Af"))
                with pytest.raises(CommandError):
                    await bench.ups.command("shutdown.stayoff")
                assert "Sf.5" not in bench.writes
                assert not bench.unit.shutdown_pending

    run(scenario())


@pytest.mark.parametrize("kind", [FaultKind.NAK, FaultKind.ECHO])
def test_a_refusal_is_final(kind: FaultKind) -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=kind, request="Bf"))
            with pytest.raises(CommandRejectedError):
                await bench.ups.command("beeper.disable")
            assert bench.writes == ["Bf"]
            assert bench.variables["ups.beeper.status"] == "enabled"

    run(scenario())


def test_an_acknowledged_setting_that_reads_otherwise_is_an_error() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=FaultKind.FROZEN, request="Bld ?"))
            # The frozen answer has to be known before the setting changes.
            await asyncio.sleep(310)
            with pytest.raises(UnconfirmedError, match="does not show it"):
                await bench.ups.set_variable("battery.charge.low", "40")
            assert bench.variables["battery.charge.low"] == "30"

    run(scenario())


def test_a_cancel_that_did_not_arrive_is_sent_again() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            await bench.ups.command("shutdown.stayoff", "120")
            bench.unit.inject(Fault(kind=FaultKind.LOST_REQUEST, request="C", count=2))
            await bench.ups.command("shutdown.stop")
            assert not bench.unit.shutdown_pending

    run(scenario())


@pytest.mark.parametrize("kind", LOST_ANSWERS)
def test_a_link_that_fails_all_the_time_ends_in_a_typed_error(kind: FaultKind) -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.inject(Fault(kind=kind))
            with pytest.raises(CommandError):
                await bench.ups.command("shutdown.stop")
            bench.unit.clear_faults()
            await bench.until(lambda: not bench.ups.state.stale)
            await bench.ups.command("beeper.disable")
            assert bench.variables["ups.beeper.status"] == "disabled"

    run(scenario())


def test_commands_wait_for_no_query_round() -> None:
    async def scenario() -> None:
        bench = Bench("everything")
        # Every query takes its whole second; the first round lasts most of a minute.
        bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="LC"))
        async with bench:
            for request in ("TPb", "Lf ?", "OS ?", "RTS"):
                bench.unit.inject(Fault(kind=FaultKind.SILENCE, request=request))
            await asyncio.sleep(10)
            asked_at = bench.loop.time()
            await bench.ups.command("beeper.disable")
            # One query that was under way, the wait for its late reply, and a poll of ours.
            assert bench.loop.time() - asked_at < 2.0

    run(scenario())


def test_two_commands_do_not_mix() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(bench.ups.command("shutdown.return", "60"))
                tasks.create_task(bench.ups.command("shutdown.stayoff", "120"))
            assert bench.writes == ["An", "S01", "Af", "Sf02"]

    run(scenario())
