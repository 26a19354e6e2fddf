"""The in-process link behaves as a link does, faults included."""

import asyncio

import pytest

from custom_components.omron_ups.driver.errors import (
    DeviceNotFoundError,
    ReplyTimeoutError,
    TransportError,
)
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from custom_components.omron_ups.driver.transport_simulated import SimulatedTransport

from .simulated import make_ups

Q1 = b"(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000"


@pytest.fixture
def ups() -> SimulatedUps:
    return make_ups()


@pytest.fixture
def transport(ups: SimulatedUps) -> SimulatedTransport:
    return SimulatedTransport(ups, turnaround_s=0, reply_limit_s=0.05)


async def test_an_exchange_carries_one_reply_without_its_cr(transport: SimulatedTransport) -> None:
    await transport.open()
    assert await transport.exchange(b"Q1\r") == Q1
    assert await transport.exchange(b"Bl ?\r") == b"100"
    assert transport.label == "simulated"
    assert transport.info.product_id == 0x00D0
    await transport.close()
    with pytest.raises(TransportError, match="not open"):
        await transport.exchange(b"Q1\r")


async def test_an_exchange_takes_as_long_as_on_the_real_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    for model in ("bw55t", "bn75t-serial"):
        transport = SimulatedTransport(make_ups(model))
        await transport.open()
        await transport.exchange(b"Q1\r")
    assert slept == pytest.approx([0.05, 0.243], abs=0.001)


async def test_silence_ends_at_the_time_limit(
    ups: SimulatedUps, transport: SimulatedTransport
) -> None:
    await transport.open()
    ups.inject(Fault(kind=FaultKind.SILENCE, count=1))
    with pytest.raises(ReplyTimeoutError):
        await transport.exchange(b"Q1\r")


@pytest.mark.parametrize("kind", [FaultKind.NO_CR, FaultKind.ZERO_LENGTH])
async def test_a_reply_without_end_is_none(
    ups: SimulatedUps, transport: SimulatedTransport, kind: FaultKind
) -> None:
    await transport.open()
    ups.inject(Fault(kind=kind, count=1))
    with pytest.raises(ReplyTimeoutError):
        await transport.exchange(b"Q1\r")


@pytest.mark.parametrize(
    "kind", [FaultKind.SPLIT, FaultKind.GLUED, FaultKind.NUL_PADDING, FaultKind.GARBAGE_AFTER_CR]
)
async def test_a_reply_ends_at_its_cr_however_it_comes(
    ups: SimulatedUps, transport: SimulatedTransport, kind: FaultKind
) -> None:
    await transport.open()
    await transport.exchange(b"Bl ?\r")
    ups.inject(Fault(kind=kind))
    assert await transport.exchange(b"Q1\r") == Q1
    assert await transport.exchange(b"Bl ?\r") == b"100"


async def test_small_packets_are_put_together() -> None:
    transport = SimulatedTransport(make_ups("by35s"), turnaround_s=0)
    await transport.open()
    assert len(await transport.exchange(b"Q1\r")) == 46


async def test_a_late_reply_is_taken_for_the_next_one_once(
    ups: SimulatedUps, transport: SimulatedTransport
) -> None:
    await transport.open()
    ups.inject(Fault(kind=FaultKind.LATE, count=1))
    with pytest.raises(ReplyTimeoutError):
        await transport.exchange(b"Q1\r")
    # Later than any link waits: only the shape of the reply tells that it is not the answer.
    assert await transport.exchange(b"Bl ?\r") == Q1
    assert await transport.exchange(b"Bl ?\r") == b"100"


async def test_an_unplugged_unit_fails_the_exchange_and_the_opening(
    ups: SimulatedUps, transport: SimulatedTransport
) -> None:
    await transport.open()
    ups.unplug()
    with pytest.raises(DeviceNotFoundError):
        await transport.exchange(b"Q1\r")
    await transport.close()
    with pytest.raises(DeviceNotFoundError):
        await transport.open()
    ups.replug()
    await transport.open()
    assert await transport.exchange(b"Q1\r") == Q1


async def test_the_cable_can_fall_out_during_an_exchange(ups: SimulatedUps) -> None:
    transport = SimulatedTransport(ups, turnaround_s=0.02)
    await transport.open()
    exchange = asyncio.create_task(transport.exchange(b"Q1\r"))
    await asyncio.sleep(0)
    ups.unplug()
    with pytest.raises(DeviceNotFoundError):
        await exchange


async def test_an_io_error_is_an_error_of_the_link(
    ups: SimulatedUps, transport: SimulatedTransport
) -> None:
    await transport.open()
    ups.inject(Fault(kind=FaultKind.IO_ERROR, count=1))
    with pytest.raises(TransportError, match="I/O"):
        await transport.exchange(b"Q1\r")
