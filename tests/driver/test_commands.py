"""Every command and every setting: the exact bytes, the effect on the unit, what is published."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from custom_components.omron_ups.driver import (
    PROFILES,
    CommandRejectedError,
    Delays,
    Dialect,
    NotSupportedError,
    OutOfRangeError,
    SimulatedUps,
    TransportError,
    UnconfirmedError,
)
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

from .bench import Bench
from .virtual_time import run

type Look = Callable[[SimulatedUps], object]

# command, value, bytes, what the unit then shows
COMMANDS: tuple[tuple[str, str | None, list[str], Look, object], ...] = (
    ("beeper.enable", None, ["Bn"], lambda unit: unit.settings.beeper, True),
    ("beeper.disable", None, ["Bf"], lambda unit: unit.settings.beeper, False),
    ("load.off", None, ["Af", "Sf.2"], lambda unit: unit.shutdown_pending, True),
    ("load.off.delay", "18", ["Af", "Sf.3"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.return", None, ["An", "S.5"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.return", "", ["An", "S.5"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.return", "12", ["An", "S.2"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.return", "54", ["An", "S.9"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.return", "60", ["An", "S01"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.return", "120", ["An", "S02"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.return", "1800", ["An", "S30"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.stayoff", None, ["Af", "Sf.5"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.stayoff", "120", ["Af", "Sf02"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.reboot", None, ["S.2R00003"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.reboot.graceful", None, ["S.5R00003"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.reboot.graceful", "60", ["S01R00003"], lambda unit: unit.shutdown_pending, True),
    ("shutdown.stop", None, ["C"], lambda unit: unit.shutdown_pending, False),
    ("test.battery.start.quick", None, ["T"], lambda unit: unit.testing, True),
    ("outlet.1.load.off", None, ["Oaf"], lambda unit: unit.settings.outlets["A"], False),
    ("outlet.1.load.on", None, ["Oan"], lambda unit: unit.settings.outlets["A"], True),
    ("outlet.2.load.off", None, ["Obf"], lambda unit: unit.settings.outlets["B"], False),
    ("outlet.2.load.on", None, ["Obn"], lambda unit: unit.settings.outlets["B"], True),
)

# variable, value, bytes
SETTINGS: tuple[tuple[str, str, str], ...] = (
    ("battery.charge.low", "0", "BLD000"),
    ("battery.charge.low", "45", "BLD045"),
    ("battery.charge.low", "100", "BLD100"),
    ("battery.charge.restart", "7", "RBV007"),
    ("battery.date", "2026-02-28", "BRW20260228"),
    ("input.sensitivity", "normal", "SS1"),
    ("input.sensitivity", "low", "SS2"),
    ("input.sensitivity", "high", "SS3"),
    ("ups.start.auto", "no", "Af"),
    ("ups.start.auto", "yes", "An"),
    ("ups.start.battery", "yes", "CSn"),
    ("ups.start.battery", "no", "CSf"),
)

NONSENSE: tuple[tuple[str, str, str], ...] = (
    ("battery.charge.low", "101", "not between 0 and 100"),
    ("battery.charge.low", "-1", "not a whole number"),
    ("battery.charge.low", "30.5", "not a whole number"),
    ("battery.charge.low", "", "not a whole number"),
    ("battery.date", "2026-02-30", "not a date"),
    ("battery.date", "1999-12-31", "between 2000-01-01 and 2099-12-31"),
    ("input.sensitivity", "HIGH", "one of: normal, low, high"),
    ("ups.start.auto", "on", "one of: yes, no"),
    ("ups.time", "24:00", "not a time"),
    ("ups.time", "12:30:15", "seconds become 0"),
    ("ups.delay.shutdown", "66", "nearest: 60 s or 120 s"),
    ("ups.delay.shutdown", "11", "nearest: 12 s"),
    ("ups.delay.shutdown", "3600", "nearest: 1800 s"),
    ("ups.delay.start", "90", "whole minutes"),
    ("output.voltage.nominal", "99", "not between 100 and 240"),
)


@pytest.mark.parametrize(("name", "value", "sent", "look", "shown"), COMMANDS)
def test_each_command_sends_exactly_its_bytes(
    name: str, value: str | None, sent: list[str], look: Look, shown: object
) -> None:
    async def scenario() -> None:
        async with Bench("everything", offers_unproven=True) as bench:
            await bench.ups.command(name, value)
            assert bench.writes == sent
            assert look(bench.unit) == shown

    run(scenario())


def test_every_command_is_tried_above() -> None:
    async def scenario() -> None:
        async with Bench("everything", offers_unproven=True) as bench:
            tried = {name for name, *_ in COMMANDS}
            # The simulated group C cannot be switched: see what is refused below.
            assert set(bench.ups.commands) == tried | {"outlet.3.load.on", "outlet.3.load.off"}

    run(scenario())


def test_each_command_says_whether_it_cuts_the_load() -> None:
    async def scenario() -> None:
        async with Bench("everything", offers_unproven=True) as bench:
            harmless = {row.name for row in bench.ups.commands.values() if not row.is_dangerous}
            assert harmless == {
                *("beeper.enable", "beeper.disable", "shutdown.stop"),
                "test.battery.start.quick",
            }
            dangerous = {name for name, row in bench.ups.writable.items() if row.is_dangerous}
            assert dangerous == {"output.voltage.nominal"}

    run(scenario())


@pytest.mark.parametrize(("name", "value", "request_"), SETTINGS)
def test_each_setting_sends_exactly_its_bytes_and_is_published_at_once(
    name: str, value: str, request_: str
) -> None:
    async def scenario() -> None:
        async with Bench("everything") as bench:
            await bench.ups.set_variable(name, value)
            assert bench.writes == [request_]
            assert bench.variables[name] == value

    run(scenario())


def test_the_clock_is_set_by_its_halves() -> None:
    async def scenario() -> None:
        async with Bench("everything") as bench:
            await bench.ups.set_variable("ups.date", "2026-12-31")
            await bench.ups.set_variable("ups.time", "23:05")
            # 2026-12-31 is a Thursday, the fourth day; the simulated clock began at midnight.
            assert bench.writes == ["WR2641231000000", "WR2641231230500"]
            assert bench.variables["ups.date"] == "2026-12-31"
            assert bench.variables["ups.time"] == "23:05"

    run(scenario())


def test_older_units_are_set_by_the_older_letters() -> None:
    async def scenario() -> None:
        async with Bench("by35s") as bench:
            assert bench.ups.writable["input.sensitivity"].enum == ("normal", "low")
            await bench.ups.set_variable("input.sensitivity", "low")
            await bench.ups.set_variable("input.sensitivity", "normal")
            assert bench.writes == ["VB", "VA"]

    run(scenario())


def test_the_output_voltage_is_offered_on_request_only() -> None:
    async def scenario() -> None:
        async with Bench("everything") as bench:
            assert "output.voltage.nominal" not in bench.ups.writable
            assert "test.battery.start.quick" not in bench.ups.commands
            with pytest.raises(NotSupportedError):
                await bench.ups.set_variable("output.voltage.nominal", "100")
            with pytest.raises(NotSupportedError):
                await bench.ups.command("test.battery.start.quick")
            assert bench.writes == []
        async with Bench("everything", offers_unproven=True) as bench:
            await bench.ups.set_variable("output.voltage.nominal", "110")
            assert bench.writes == ["OUT110"]
            # No query reads it, so without an acknowledgement nobody knows.
            bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="OUT115"))
            with pytest.raises(UnconfirmedError):
                await bench.ups.set_variable("output.voltage.nominal", "115")

    run(scenario())


@pytest.mark.parametrize(("name", "value", "words"), NONSENSE)
def test_nonsense_is_refused_in_words_and_not_sent(name: str, value: str, words: str) -> None:
    async def scenario() -> None:
        async with Bench("everything", offers_unproven=True) as bench:
            with pytest.raises(OutOfRangeError, match=words):
                await bench.ups.set_variable(name, value)
            assert bench.writes == []

    run(scenario())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shutdown.return", "66"),
        ("shutdown.return", "x"),
        ("load.off", "60"),
        ("beeper.enable", "1"),
    ],
)
def test_a_value_that_a_command_cannot_take_is_refused(name: str, value: str) -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            with pytest.raises(OutOfRangeError):
                await bench.ups.command(name, value)
            assert bench.writes == []

    run(scenario())


def test_the_delays_are_the_drivers_own() -> None:
    async def scenario() -> None:
        async with Bench(delays=Delays(shutdown_s=60, start_s=600)) as bench:
            assert bench.variables["ups.delay.shutdown"] == "60"
            await bench.ups.set_variable("ups.delay.shutdown", "24")
            await bench.ups.set_variable("ups.delay.start", "300")
            assert bench.variables["ups.delay.shutdown"] == "24"
            assert bench.ups.state.start_delay == 300
            await bench.ups.command("shutdown.reboot.graceful")
            assert bench.writes == ["S.4R00005"]

    run(scenario())


def test_the_delays_can_be_set_without_a_link() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.unplug()
            await bench.until(lambda: bench.ups.state.stale)
            await bench.ups.set_variable("ups.delay.shutdown", "24")
            assert bench.ups.state.stale
            bench.unit.replug()
            await bench.until(lambda: not bench.ups.state.stale)
            assert bench.variables["ups.delay.shutdown"] == "24"

    run(scenario())


@pytest.mark.parametrize(
    ("model", "dialect"),
    [
        ("generic-megatec", Dialect.OMRON),
        ("bn75t-serial", Dialect.OMRON),
        ("bw55t", Dialect.MEGATEC),
    ],
)
def test_a_unit_that_proved_nothing_is_offered_nothing(model: str, dialect: Dialect) -> None:
    async def scenario() -> None:
        async with Bench(model, offers_unproven=True, dialect=dialect) as bench:
            assert bench.ups.commands == {}
            assert bench.ups.writable == {}
            with pytest.raises(NotSupportedError):
                await bench.ups.command("shutdown.return")
            assert bench.writes == []

    run(scenario())


def test_a_bw55t_is_offered_what_its_pages_announce() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            assert set(bench.ups.commands) == {
                *("beeper.enable", "beeper.disable", "load.off", "load.off.delay"),
                *("shutdown.return", "shutdown.stayoff", "shutdown.reboot"),
                *("shutdown.reboot.graceful", "shutdown.stop"),
            }
            assert set(bench.ups.writable) == {
                *("battery.charge.low", "battery.charge.restart", "input.sensitivity"),
                *("ups.delay.shutdown", "ups.delay.start", "ups.start.auto", "ups.start.battery"),
            }

    run(scenario())


def test_without_pages_an_answered_query_vouches_for_its_setting() -> None:
    row = PROFILES["bw55t"]
    profile = replace(row, queries=row.queries - {"CF", "CF2", "CF3", "CF4", "CF5", "Rbv ?"})

    async def scenario() -> None:
        async with Bench(profile, offers_unproven=True) as bench:
            assert {"shutdown.return", "shutdown.stop", "beeper.disable"} <= set(bench.ups.commands)
            assert not any(name.startswith("outlet.") for name in bench.ups.commands)
            assert "battery.charge.low" in bench.ups.writable
            assert "battery.charge.restart" not in bench.ups.writable
            assert "output.voltage.nominal" not in bench.ups.writable
            await bench.ups.command("shutdown.return")
            assert bench.writes == ["An", "S.5"]

    run(scenario())


def test_a_unit_without_the_setting_is_shut_down_as_it_is() -> None:
    row = PROFILES["bw55t"]
    profile = replace(row, writes=row.writes - {"An", "Af"}, queries=row.queries - {"V2"})

    async def scenario() -> None:
        async with Bench(profile) as bench:
            await bench.ups.command("shutdown.return")
            assert bench.writes == ["S.5"]

    run(scenario())


def test_what_the_unit_refuses_is_an_error() -> None:
    async def scenario() -> None:
        async with Bench("everything") as bench:
            with pytest.raises(CommandRejectedError, match="refused Ocf"):
                await bench.ups.command("outlet.3.load.off")
            with pytest.raises(CommandRejectedError, match="refused Ocn"):
                await bench.ups.command("outlet.3.load.on")
            assert bench.writes == ["Ocf", "Ocn"]

    run(scenario())


def test_without_a_link_nothing_is_sent() -> None:
    async def scenario() -> None:
        async with Bench() as bench:
            bench.unit.unplug()
            await bench.until(lambda: bench.ups.state.stale)
            with pytest.raises(TransportError):
                await bench.ups.command("beeper.disable")
            with pytest.raises(TransportError):
                await bench.ups.set_variable("battery.charge.low", "40")
            bench.unit.replug()
            await bench.until(lambda: not bench.ups.state.stale)
            assert bench.writes == []

    run(scenario())


def test_a_setting_that_cannot_be_read_at_all_cannot_be_remembered() -> None:
    row = PROFILES["bw55t"]
    profile = replace(row, queries=row.queries - {"CF", "CF2", "CF3", "CF4", "CF5", "V2"})

    async def scenario() -> None:
        async with Bench(profile) as bench:
            await bench.ups.command("shutdown.stayoff")
            assert bench.writes == ["Af", "Sf.5"]
            assert bench.remembered() is None

    run(scenario())


def test_a_unit_keeps_its_commands_over_a_bad_reconnection() -> None:
    row = PROFILES["bw55t"]
    # On a serial line nothing but an answer proves the dialect.
    profile = replace(row, baud=2400, queries=row.queries - {"CF", "CF2", "CF3", "CF4", "CF5"})

    async def scenario() -> None:
        async with Bench(profile) as bench:
            offered = set(bench.ups.commands)
            assert offered
            bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="Bl ?", count=3))
            bench.unit.inject(Fault(kind=FaultKind.IO_ERROR, request="Q1", count=1))
            await bench.until(lambda: bench.ups.last_error is not None)
            await asyncio.sleep(60)
            assert set(bench.ups.commands) == offered
            assert bench.variables["ups.beeper.status"] == "enabled"

    run(scenario())


def test_what_a_bad_moment_hid_is_found_later() -> None:
    async def scenario() -> None:
        bench = Bench("everything")
        for request in ("CF3", "RRTC"):
            bench.unit.inject(Fault(kind=FaultKind.NAK, request=request, count=1))
        async with bench:
            assert "ups.date" not in bench.variables
            assert "ups.date" not in bench.ups.writable
            await bench.until(lambda: "ups.date" in bench.variables, limit_s=700)
            assert "ups.date" in bench.ups.writable

    run(scenario())


def test_another_firmware_is_asked_anew_what_it_offers() -> None:
    with_outlets, without = PROFILES["everything"], PROFILES["bw55t"]

    async def scenario() -> None:
        async with Bench(replace(with_outlets, product_id=without.product_id)) as bench:
            assert "outlet.1.load.off" in bench.ups.commands
            bench.unit.unplug()
            await bench.until(lambda: bench.ups.state.stale)
            bench.unit.profile = without
            bench.unit.replug()
            await bench.until(lambda: "outlet.1.load.off" not in bench.ups.commands)
            await bench.until(lambda: "ups.date" not in bench.variables, limit_s=1000)
            assert "shutdown.return" in bench.ups.commands
            assert bench.variables["ups.status"] == "OL"

    run(scenario())
