"""The USB link over a real Linux kernel; run as root in a virtual machine by scripts/usb-rig."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
import os
from pathlib import Path
import time

import pytest

from custom_components.omron_ups.driver import UpsOptions
from custom_components.omron_ups.driver.errors import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    ReplyTimeoutError,
)
from custom_components.omron_ups.driver.options import Timing
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from custom_components.omron_ups.driver.transport_usb import UsbTransport
from custom_components.omron_ups.driver.ups import Ups
from custom_components.omron_ups.driver.usb_devices import UsbUnit, list_usb_units

from .bus import VhciBus

Q1 = b"(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000"
USER = 1000
LIMIT_S = 30
HIDRAW = Path("/sys/class/hidraw")


@pytest.fixture(scope="module")
def server() -> Iterator[VhciBus]:
    server = VhciBus()
    yield server
    server.close()


@pytest.fixture
def bus(libusb: None, server: VhciBus) -> Iterator[VhciBus]:
    """The kernel's bus without a device."""
    yield server
    server("unplug")


@pytest.fixture
async def link(bus: VhciBus, ups: SimulatedUps) -> AsyncIterator[UsbTransport]:
    """The link to a BW55T that the kernel has just found; not open yet."""
    bus.plug(ups)
    unit = await attached()
    link = UsbTransport(unit.identity)
    link.reply_limit_s = 5.0
    yield link
    await link.close()


def has_hid_driver() -> bool:
    """Return whether the kernel's HID driver has the unit."""
    return any(HIDRAW.glob("*"))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens in the kernel or in another process."""
    async with asyncio.timeout(LIMIT_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def listed() -> UsbUnit:
    """Return the one unit that is attached."""
    (unit,) = (await list_usb_units()).known
    return unit


async def attached() -> UsbUnit:
    """Wait until the kernel has bound its HID driver to the unit, and return the unit."""
    await until(has_hid_driver)
    return await listed()


async def detached() -> None:
    """Wait until the kernel has noticed that the unit is gone."""
    async with asyncio.timeout(LIMIT_S):
        while (await list_usb_units()).known:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_the_unit_is_listed(bus: VhciBus, link: UsbTransport) -> None:
    unit = await attached()
    assert (unit.model, unit.manufacturer) == ("BW55T", "OMRON")
    assert unit.identity.product_id == 0x00D0
    assert unit.identity.port
    sysfs = Path("/sys/bus/usb/devices") / unit.identity.port
    assert int((sysfs / "devnum").read_text()) == unit.address


@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize("size", [8, 64])
async def test_enumerate_claim_exchange_release(
    bus: VhciBus, ups: SimulatedUps, size: int, *, is_padded: bool
) -> None:
    bus.plug(ups, packet_size=size, report_size=size, is_padded=is_padded)
    link = UsbTransport((await attached()).identity)
    await link.open()
    assert not has_hid_driver()
    for _ in range(3):
        assert await link.exchange(b"Q1\r") == Q1
        assert await link.exchange(b"Bl ?\r") == b"100"
    assert bus("log")[0] == [0x0002, 0, 16, "Q1\r".ljust(16, "\0")]
    await link.close()
    await until(has_hid_driver)


async def test_a_stalled_wvalue(bus: VhciBus, link: UsbTransport) -> None:
    bus("set", accepted_values=[0x0200])
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1
    assert [entry[0] for entry in bus("log")] == [0x0002, 0x0200]


async def test_a_stalled_endpoint(bus: VhciBus, link: UsbTransport) -> None:
    await link.open()
    bus("set", stalls=1)
    assert await link.exchange(b"Q1\r") == Q1


async def test_a_request_that_hangs(bus: VhciBus, link: UsbTransport) -> None:
    await link.open()
    await link.exchange(b"Q1\r")
    bus("hang", hangs=True)
    with pytest.raises(ReplyTimeoutError):
        await link.exchange(b"Q1\r")
    bus("hang", hangs=False)
    assert await link.exchange(b"Q1\r") == Q1


async def test_another_program_has_the_unit(bus: VhciBus, link: UsbTransport) -> None:
    await link.open()
    other = UsbTransport((await listed()).identity)
    with pytest.raises(DeviceBusyError, match="another program"):
        await other.open()
    assert await link.exchange(b"Q1\r") == Q1


async def test_no_permission(bus: VhciBus, link: UsbTransport) -> None:
    os.seteuid(USER)
    try:
        with pytest.raises(DevicePermissionError, match="may not open"):
            await link.open()
    finally:
        os.seteuid(0)


async def test_unplugged_in_the_middle_of_a_read_and_replugged(
    bus: VhciBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    await link.open()
    await link.exchange(b"Q1\r")
    address = (await listed()).address
    ups.inject(Fault(kind=FaultKind.SILENCE, count=1))
    waiting = asyncio.create_task(link.exchange(b"Q1\r"))
    await until(lambda: len(bus("log")) == 2)
    bus("unplug")
    with pytest.raises(DeviceNotFoundError):
        await waiting
    await link.close()
    await detached()
    with pytest.raises(DeviceNotFoundError):
        await link.open()
    bus.plug(ups)
    await attached()
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1
    assert (await listed()).address != address


async def test_replugged_while_nobody_looked(
    bus: VhciBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    await link.open()
    await link.exchange(b"Q1\r")
    bus("unplug")
    await detached()
    bus.plug(ups)
    await attached()
    with pytest.raises(DeviceNotFoundError):
        await link.exchange(b"Q1\r")
    await link.close()
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1


async def test_the_whole_driver_survives_a_replug(
    bus: VhciBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    timing = Timing(poll_s=0.5, stale_after_s=2.0, reconnect_first_s=0.5, reconnect_longest_s=0.5)
    driver = Ups(link, options=UpsOptions(version="1", timing=timing))
    await driver.start()
    try:
        for _ in range(3):
            bus("unplug")
            await until(lambda: driver.state.stale)
            bus.plug(ups)
            began = time.monotonic()
            await until(lambda: not driver.state.stale)
            print(f"data again {time.monotonic() - began:.1f} s after the replug")  # noqa: T201
    finally:
        await driver.stop()
