"""Dumps of units: nothing secret in them, and each is a device again."""

import asyncio
import json
from pathlib import Path

import pytest

from custom_components.omron_ups.driver import Ups, UpsOptions, load_replies, make_dump
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

from .bench import READS, Bench
from .replay import ReplayTransport, read_dump
from .virtual_time import run

# Every dump that somebody sent, dropped in here, is tried from then on.
FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("*.json"))
# What the driver says of itself.
OWN = {"driver.parameter.port", "driver.version"}


def test_a_dump_holds_every_answer_and_no_serial_number() -> None:
    async def scenario() -> None:
        async with Bench("everything") as bench:
            # Even where it shows up under another request.
            bench.unit.inject(Fault(kind=FaultKind.GLUED))
            text = json.dumps(make_dump(bench.ups))
            assert bench.unit.profile.serial not in text
            assert "simulated" not in text
            dump = json.loads(text)
            assert dump["replies"]["PSNR"] == "X" * 14 + "  "
            assert dump["variables"]["ups.serial"] == "X" * 14
            assert set(dump["replies"]) >= bench.unit.profile.queries - {"F", "I"}
            assert "shutdown.return" in dump["commands"]
            assert bench.writes == []

    run(scenario())


def test_a_serial_number_that_could_not_be_read_is_masked_as_well() -> None:
    async def scenario() -> None:
        async with Bench("bw55t") as bench:
            bench.unit.inject(Fault(kind=FaultKind.GARBLED, request="PSNR"))
        async with bench:
            assert set(make_dump(bench.ups)["replies"]["PSNR"]) <= {"X", " "}

    run(scenario())


def test_a_refused_serial_number_stays_a_refusal() -> None:
    async def scenario() -> None:
        bench = Bench("bw55t")
        bench.unit.inject(Fault(kind=FaultKind.NAK, request="PSNR"))
        async with bench:
            assert make_dump(bench.ups)["replies"]["PSNR"] == "NAK"

    run(scenario())


def test_a_dump_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 99"):
        load_replies({"format": 99, "replies": {}})


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_dump_is_a_device_again(path: Path) -> None:
    dump = read_dump(path)

    async def scenario() -> None:
        transport = ReplayTransport(dump)
        loop = asyncio.get_running_loop()
        ups = Ups(transport, options=UpsOptions(version="0"), monotonic=loop.time)
        await ups.start()
        await asyncio.sleep(700)
        variables = dict(ups.state.variables)
        assert not ups.state.stale
        await ups.stop()
        recorded = {name: value for name, value in dump["variables"].items() if name not in OWN}
        assert {name: variables.get(name) for name in recorded} == recorded
        assert sorted(ups.commands) == dump["commands"]
        assert sorted(ups.writable) == dump["writable"]
        assert set(transport.requests) <= READS

    run(scenario())


def test_there_are_dumps_to_try() -> None:
    assert FIXTURES
