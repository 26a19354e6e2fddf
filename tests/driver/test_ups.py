"""The poll loop against a simulated UPS: start, cut of mains, faults, loss and return."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
import logging
from typing import Any

import pytest

from custom_components.omron_ups.driver import (
    PROFILES,
    Dialect,
    NotAUpsError,
    ReplyTimeoutError,
    SimulatedTransport,
    SimulatedUps,
    Timing,
    TransportError,
    Ups,
    UpsOptions,
    UpsState,
)
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

FAST = Timing(
    poll_s=0.02,
    poll_on_battery_s=0.01,
    stale_after_s=0.15,
    reconnect_first_s=0.02,
    reconnect_longest_s=0.05,
)
BW55T_VARIABLES = (
    "battery.charge",
    "battery.charge.low",
    "battery.charge.restart",
    "battery.runtime",
    "battery.temperature",
    "battery.voltage",
    "battery.voltage.nominal",
    "device.mfr",
    "device.model",
    "device.serial",
    "device.type",
    "driver.name",
    "driver.parameter.pollinterval",
    "driver.parameter.port",
    "driver.version",
    "driver.version.internal",
    "input.frequency",
    "input.sensitivity",
    "input.voltage",
    "input.voltage.fault",
    "output.frequency",
    "output.voltage",
    "ups.beeper.status",
    "ups.delay.reboot",
    "ups.delay.shutdown",
    "ups.delay.start",
    "ups.firmware",
    "ups.firmware.aux",
    "ups.load",
    "ups.mfr",
    "ups.model",
    "ups.power",
    "ups.power.nominal",
    "ups.productid",
    "ups.realpower",
    "ups.realpower.nominal",
    "ups.serial",
    "ups.start.auto",
    "ups.start.battery",
    "ups.status",
    "ups.temperature",
    "ups.type",
    "ups.vendorid",
)


class Bench:
    """A simulated UPS with a driver on it."""

    def __init__(
        self, model: str = "bw55t", *, dialect: Dialect = Dialect.OMRON, timing: Timing = FAST
    ) -> None:
        """Connect the driver, not started yet."""
        self.unit = SimulatedUps(PROFILES[model])
        self.transport = SimulatedTransport(self.unit, turnaround_s=0.0, reply_limit_s=0.05)
        self.ups = Ups(
            self.transport,
            options=UpsOptions(version="0.1.0", dialect=dialect, timing=timing),
        )

    async def until(self, holds: Callable[[UpsState], bool]) -> UpsState:
        """Wait for a published state of which `holds` is true."""
        found: asyncio.Future[UpsState] = asyncio.get_running_loop().create_future()

        def look(state: UpsState) -> None:
            if holds(state) and not found.done():
                found.set_result(state)

        undo = self.ups.subscribe(look)
        try:
            async with asyncio.timeout(20):
                return await found
        finally:
            undo()


@contextlib.asynccontextmanager
async def running(model: str = "bw55t", **options: Any) -> AsyncIterator[Bench]:
    """Run a bench for the length of a block."""
    bench = Bench(model, **options)
    await bench.ups.start()
    try:
        yield bench
    finally:
        await bench.ups.stop()


async def test_a_bw55t_tells_everything_after_start() -> None:
    async with running() as bench:
        variables = bench.ups.state.variables
        assert [name for name in BW55T_VARIABLES if name not in variables] == []
        assert variables["ups.status"] == "OL"
        assert variables["battery.runtime"] == "3900"
        assert variables["ups.model"] == "BW55T"
        assert variables["ups.firmware.aux"] == "1.04"
        assert bench.ups.is_running
        assert bench.ups.age is not None


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("bn150t", {"battery.date", "battery.runtime", "ups.firmware", "ups.serial"}),
        ("by50s", {"battery.charge", "ups.serial", "battery.date"}),
        ("by35s", {"input.voltage", "ups.load"}),
        ("bn75t-serial", {"input.voltage", "ups.load"}),
        ("generic-megatec", {"input.voltage", "ups.status", "battery.voltage"}),
    ],
)
async def test_every_model_tells_what_it_can(model: str, names: set[str]) -> None:
    async with running(model) as bench:
        assert names <= bench.ups.state.variables.keys()


async def test_a_plain_megatec_unit_is_sent_nothing_risky() -> None:
    bench = Bench("generic-megatec")
    asked: list[bytes] = []
    exchange = bench.transport.exchange

    async def spy(request: bytes) -> bytes:
        asked.append(request)
        return await exchange(request)

    bench.transport.exchange = spy  # type: ignore[method-assign]
    bench.ups = Ups(bench.transport, options=UpsOptions(version="0", timing=FAST))
    await bench.ups.start()
    await bench.ups.stop()
    assert set(asked) == {b"Q1\r", b"Bl ?\r"}


async def test_the_megatec_dialect_asks_nothing_but_q1() -> None:
    async with running("bw55t", dialect=Dialect.MEGATEC) as bench:
        state = bench.ups.state
    assert state.battery_charge is None
    assert state.replace_battery is None
    assert state.input_voltage == pytest.approx(103.7)


async def test_cut_and_return_of_mains() -> None:
    async with running() as bench:
        bench.unit.cut_mains()
        state = await bench.until(lambda state: state.on_battery is True)
        assert state.variables["ups.status"] == "OB DISCHRG"
        assert state.input_voltage == 0.0
        bench.unit.restore_mains()
        state = await bench.until(lambda state: state.on_battery is False)
        assert state.variables["ups.status"].startswith("OL")


async def test_a_flicker_of_the_on_battery_bit_is_never_published() -> None:
    async with running() as bench:
        seen: list[bool | None] = []
        bench.ups.subscribe(lambda state: seen.append(state.on_battery))
        for _ in range(5):
            bench.unit.inject(Fault(kind=FaultKind.FLICKER, count=1))
            await bench.until(lambda _: not bench.unit.faults)
        await bench.until(lambda _: True)
    assert set(seen) == {False}


async def test_low_battery() -> None:
    async with running() as bench:
        bench.unit.cut_mains()
        bench.unit.charge = 10
        state = await bench.until(lambda state: state.battery_low is True)
        assert state.variables["ups.status"] == "OB LB DISCHRG"


async def test_a_self_test_is_shown_and_is_no_power_loss() -> None:
    async with running() as bench:
        seen: list[bool | None] = []
        bench.ups.subscribe(lambda state: seen.append(state.on_battery))
        bench.unit.start_self_test()
        state = await bench.until(lambda state: state.testing is True)
        assert state.variables["ups.test.result"] == "In progress"
    assert set(seen) == {False}


async def test_lost_readings_go_stale_and_come_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running() as bench:
        bench.unit.unplug()
        state = await bench.until(lambda state: state.stale)
        assert state.input_voltage == pytest.approx(103.7)
        assert isinstance(bench.ups.last_error, TransportError)
        bench.unit.replug()
        state = await bench.until(lambda state: not state.stale)
        assert state.variables["ups.status"] == "OL"
    # Who owns the driver tells the user, once; the driver itself stays quiet.
    assert caplog.records == []


async def test_a_cut_while_unplugged_is_seen_at_the_return() -> None:
    async with running() as bench:
        bench.unit.unplug()
        await bench.until(lambda state: state.stale)
        bench.unit.cut_mains()
        bench.unit.replug()
        state = await bench.until(lambda state: not state.stale)
        assert state.on_battery is True


async def test_a_silent_unit_goes_stale_and_is_opened_anew() -> None:
    async with running() as bench:
        bench.unit.inject(Fault(kind=FaultKind.SILENCE))
        await bench.until(lambda state: state.stale)
        while bench.ups.last_error is None:  # noqa: ASYNC110 - the driver tells nobody of this
            await asyncio.sleep(0.01)
        assert isinstance(bench.ups.last_error, ReplyTimeoutError)
        bench.unit.clear_faults()
        await bench.until(lambda state: not state.stale)


async def test_one_missed_reply_is_no_loss() -> None:
    async with running() as bench:
        bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="Q1", count=1))
        await bench.until(lambda _: not bench.unit.faults)
        await bench.until(lambda _: True)
        assert bench.ups.last_error is None


async def test_start_tells_when_nothing_answers() -> None:
    bench = Bench()
    bench.unit.inject(Fault(kind=FaultKind.SILENCE))
    with pytest.raises(ReplyTimeoutError):
        await bench.ups.start()
    assert not bench.transport.is_open
    assert not bench.ups.is_running


async def test_start_tells_when_something_else_answers() -> None:
    bench = Bench()
    bench.unit.inject(Fault(kind=FaultKind.NAK, request="Q1"))
    with pytest.raises(NotAUpsError, match="no UPS answers here"):
        await bench.ups.start()


async def test_start_tells_when_the_link_is_lost_in_the_first_round() -> None:
    bench = Bench()
    bench.ups.subscribe(lambda _: bench.unit.unplug())
    with pytest.raises(TransportError):
        await bench.ups.start()
    assert not bench.ups.is_running
    bench.unit.replug()


async def test_start_again_after_a_failure() -> None:
    bench = Bench()
    bench.unit.unplug()
    with pytest.raises(TransportError):
        await bench.ups.start()
    bench.unit.replug()
    await bench.ups.start()
    await bench.ups.start()
    assert bench.ups.state.variables["ups.status"] == "OL"
    await bench.ups.stop()
    await bench.ups.stop()
    assert not bench.transport.is_open
    # What nobody watches is history at once.
    assert bench.ups.state.stale
    assert bench.ups.state.variables


async def test_a_cancelled_start_closes_the_link() -> None:
    bench = Bench()
    bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="Bl ?"))
    bench.transport.reply_limit_s = 10
    bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="CF"))
    task = asyncio.create_task(bench.ups.start())
    await bench.until(lambda _: True)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not bench.transport.is_open
    assert not bench.ups.is_running


async def test_a_failing_subscriber_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as bench:

        def fail(_: UpsState) -> None:
            raise RuntimeError("bug")

        undo = bench.ups.subscribe(fail)
        await bench.until(lambda _: True)
        undo()
        undo()
    assert "error in a subscriber" in caplog.text


async def test_a_bug_in_the_loop_is_logged_and_survived(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running() as bench:
        with monkeypatch.context() as broken:
            broken.setattr("custom_components.omron_ups.driver.ups.assemble", lambda _: 1 / 0)
            await bench.until(lambda state: state.stale)
        await bench.until(lambda state: not state.stale)
    assert "error in the poll loop" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_readings_that_are_not_renewed_become_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "custom_components.omron_ups.driver.reader.lifetime", lambda _, **_options: 0.05
    )
    async with running() as bench:
        state = await bench.until(lambda state: state.battery_charge is None)
        assert state.input_voltage is not None
        assert not state.stale


async def test_the_age_is_unknown_before_the_first_reply() -> None:
    bench = Bench()
    assert bench.ups.age is None
    assert bench.ups.state.stale
