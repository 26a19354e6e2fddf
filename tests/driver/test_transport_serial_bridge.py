"""The serial link through bridges in the network that come, go and speak for themselves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from custom_components.omron_ups.driver import (
    DeviceNotFoundError,
    SerialTransport,
    TransportError,
    Ups,
    UpsOptions,
    UpsState,
)
from custom_components.omron_ups.driver.options import Timing

from .rfc2217_bridge import Rfc2217Bridge
from .simulated import make_ups

Q1 = b"(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000"
TIMING = Timing(poll_s=0.1, stale_after_s=0.5, reconnect_first_s=0.1, reconnect_longest_s=0.1)
LIMIT_S = 20


@pytest.fixture
async def bridge() -> AsyncIterator[Rfc2217Bridge]:
    async with Rfc2217Bridge(make_ups()) as bridge:
        yield bridge


@pytest.mark.parametrize(("dtr", "rts"), [(True, False), (False, True), (False, False)])
async def test_an_independent_bridge_has_its_port_set(
    bridge: Rfc2217Bridge, *, dtr: bool, rts: bool
) -> None:
    link = SerialTransport(bridge.url, dtr=dtr, rts=rts)
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1
    assert await link.exchange(b"Bl ?\r") == b"100"
    await link.close()
    (port,) = bridge.lines
    assert (port.baudrate, port.bytesize, port.parity, port.stopbits) == (2400, 8, "N", 1)
    assert (port.dtr, port.rts) == (dtr, rts)
    assert (port.xonxoff, port.rtscts) == (False, False)


async def test_a_byte_that_telnet_uses_itself_is_carried(bridge: Rfc2217Bridge) -> None:
    class Unit:
        def handle(self, _request: bytes) -> bytes:
            return b"\xff\x00\xff\xff7\r"

    bridge.unit = Unit()  # type: ignore[assignment]
    link = SerialTransport(bridge.url)
    await link.open()
    assert await link.exchange(b"Q1\r") == b"\xff\x00\xff\xff7"
    await link.close()


async def test_a_bridge_that_drops_in_the_middle_and_comes_back(bridge: Rfc2217Bridge) -> None:
    link = SerialTransport(bridge.url)
    await link.open()
    await link.exchange(b"Q1\r")
    bridge.unit.unplug()
    waiting = asyncio.create_task(link.exchange(b"Q1\r"))
    await asyncio.sleep(0.05)
    bridge.drop()
    with pytest.raises(TransportError, match="the connection ended"):
        await waiting
    await link.close()
    with pytest.raises(DeviceNotFoundError, match="refuses the connection"):
        await link.open()
    bridge.unit.replug()
    await bridge.come_back()
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1
    await link.close()


async def wait_until_stale(ups: Ups, *, stale: bool) -> None:
    """Wait for the first state that is stale, or is not."""
    seen = asyncio.Event()

    def look(state: UpsState) -> None:
        if state.stale is stale:
            seen.set()

    stop = ups.subscribe(look)
    try:
        look(ups.state)
        async with asyncio.timeout(LIMIT_S):
            await seen.wait()
    finally:
        stop()


async def test_the_whole_driver_survives_a_bridge_that_restarts(bridge: Rfc2217Bridge) -> None:
    ups = Ups(SerialTransport(bridge.url), options=UpsOptions(version="0", timing=TIMING))
    await ups.start()
    try:
        assert ups.state.battery_charge == 100
        for connections in (2, 3):
            bridge.drop()
            await wait_until_stale(ups, stale=True)
            await bridge.come_back()
            await wait_until_stale(ups, stale=False)
            assert len(bridge.lines) == connections
    finally:
        await ups.stop()
