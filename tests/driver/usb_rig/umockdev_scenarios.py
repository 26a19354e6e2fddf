"""The USB link over real pyusb and real libusb; run by test_transport_usb_libusb.py.

The process needs umockdev's library preloaded, which is why these are no tests of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import threading
from typing import Any

import pytest

from custom_components.omron_ups.driver import UpsOptions, usb_link
from custom_components.omron_ups.driver.errors import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    InvalidReplyError,
    RejectedError,
    ReplyTimeoutError,
    TransportError,
)
from custom_components.omron_ups.driver.models import LinkInfo
from custom_components.omron_ups.driver.options import Timing
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from custom_components.omron_ups.driver.transport_usb import UsbTransport
from custom_components.omron_ups.driver.ups import Ups
from custom_components.omron_ups.driver.usb_devices import UsbIdentity, list_usb_units
from scripts.lib.dump_ups import main as dump_ups
from tests.driver.usb_rig.bus import UmockdevBus

BW55T = UsbIdentity(product_id=0x00D0, port="1-2.3")
Q1 = b"(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000"
NOBODY = 65534
PATIENCE_S = 10.0
"""Far more than anything here takes, on a machine that has a lot to do."""


@pytest.fixture(scope="module")
def server() -> Iterator[UmockdevBus]:
    server = UmockdevBus()
    yield server
    server.close()


@pytest.fixture
def bus(
    libusb: None, server: UmockdevBus, monkeypatch: pytest.MonkeyPatch
) -> Iterator[UmockdevBus]:
    """A bus without a device, for a driver with patience."""
    monkeypatch.setenv("UMOCKDEV_DIR", server.root)
    monkeypatch.setattr(UsbTransport, "reply_limit_s", PATIENCE_S)
    monkeypatch.setattr(usb_link, "_RECEIVE_LIMIT_S", PATIENCE_S)
    monkeypatch.setattr(usb_link, "_CONTROL_MS", round(1000 * PATIENCE_S))
    yield server
    server("unplug")


@pytest.fixture
async def link(bus: UmockdevBus) -> AsyncIterator[UsbTransport]:
    link = UsbTransport(BW55T)
    yield link
    await link.close()
    await asyncio.sleep(0)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("usb:")]


def values(bus: UmockdevBus) -> list[int]:
    """Return the wValue of every SET_REPORT until now."""
    return [entry[0] for entry in bus("log")]


async def test_the_unit_is_listed(bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport) -> None:
    assert (await list_usb_units()).known == ()
    bus.plug(ups, serial="L123")
    units = await list_usb_units()
    assert [(unit.model, unit.manufacturer) for unit in units.known] == [("BW55T", "OMRON")]
    assert units.known[0].identity == UsbIdentity(product_id=0xD0, serial="L123", port="1-2.3")
    assert units.unknown == ()
    assert bus("driver") == "usbhid"


async def test_a_sensor_is_listed_apart(
    bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    bus.plug(ups, product_id=0x00D4, product="2JCIE-BU01")
    units = await list_usb_units()
    assert units.known == ()
    assert [unit.model for unit in units.unknown] == ["2JCIE-BU01"]


@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize("sizes", [(8, 8), (8, 64), (64, 64)], ids=str)
async def test_enumerate_claim_exchange_release(
    bus: UmockdevBus,
    ups: SimulatedUps,
    link: UsbTransport,
    sizes: tuple[int, int],
    *,
    is_padded: bool,
) -> None:
    bus.plug(ups, packet_size=sizes[0], report_size=sizes[1], is_padded=is_padded)
    await link.open()
    assert bus("driver") == "usbfs"
    assert link.info == LinkInfo(
        manufacturer="OMRON", model="BW55T", vendor_id=0x0590, product_id=0x00D0
    )
    for _ in range(2):
        assert await link.exchange(b"Q1\r") == Q1
        assert await link.exchange(b"Bl ?\r") == b"100"
    assert bus("log")[0] == [0x0002, 0, 16, "Q1\r".ljust(16, "\0")]
    await link.close()
    assert bus("driver") == "usbhid"


async def test_a_stalled_wvalue(bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport) -> None:
    bus.plug(ups, accepted_values=[0x0200])
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1
    assert await link.exchange(b"RTS\r") == b"0065"
    assert values(bus) == [0x0002, 0x0200, 0x0200]
    bus("set", accepted_values=[])
    with pytest.raises(RejectedError, match="stalled"):
        await link.exchange(b"RTS\r")


async def test_an_ignored_wvalue(bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport) -> None:
    bus.plug(ups, answered_values=[0x0200])
    await link.open()
    # Within it nothing answers to the first, and the second has to.
    link.reply_limit_s = 1.0
    assert await link.exchange(b"Q1\r") == Q1
    assert values(bus) == [0x0002, 0x0200]


async def test_a_stalled_endpoint(bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport) -> None:
    bus.plug(ups)
    await link.open()
    bus("set", stalls=1)
    assert await link.exchange(b"Q1\r") == Q1
    bus("set", stalls=2)
    with pytest.raises(TransportError, match="stalls again and again"):
        await link.exchange(b"Q1\r")


async def test_an_overflow(bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport) -> None:
    bus.plug(ups)
    await link.open()
    bus("set", overflows=1)
    with pytest.raises(InvalidReplyError, match="more than its endpoint"):
        await link.exchange(b"Q1\r")
    assert await link.exchange(b"Q1\r") == Q1


async def test_another_program_has_the_unit(
    bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    bus.plug(ups)
    bus("take_by", driver="usbfs")
    with pytest.raises(DeviceBusyError, match="another program"):
        await link.open()
    bus("take_by", driver="usbhid")
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1


@contextmanager
def nobody(root: str) -> Iterator[None]:
    """Be an ordinary user, where this process is not one already."""
    if os.geteuid() != 0:
        yield
        return
    Path(root).chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_no_permission(bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport) -> None:
    bus.plug(ups, mode=0)
    # Nobody may not be allowed to read our libraries.
    await list_usb_units()
    with nobody(bus.root):
        (unit,) = (await list_usb_units()).known
        with pytest.raises(DevicePermissionError, match="may not open"):
            await link.open()
    assert (unit.model, unit.manufacturer) == ("BW55T", None)


async def test_silence_and_the_late_reply(
    bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    bus.plug(ups)
    await link.open()
    await link.exchange(b"Q1\r")
    link.reply_limit_s = 0.2
    ups.inject(Fault(kind=FaultKind.SILENCE, count=1))
    with pytest.raises(ReplyTimeoutError):
        await link.exchange(b"RTS\r")
    bus("send", text="0065\r")
    link.reply_limit_s = PATIENCE_S
    assert await link.exchange(b"Bl ?\r") == b"100"


async def test_a_cancelled_exchange(
    bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    bus.plug(ups, packet_size=8, report_size=8)
    await link.open()
    await link.exchange(b"Q1\r")
    ups.inject(Fault(kind=FaultKind.SILENCE, count=1))
    waiting = asyncio.create_task(link.exchange(b"RTS\r"))
    while len(values(bus)) < 2:  # noqa: ASYNC110  (it happens in another process)
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bus("send", text="0065\r")
    assert await link.exchange(b"Q1\r") == Q1


async def test_unplugged_in_the_middle_of_a_read_and_replugged(
    bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    bus.plug(ups)
    await link.open()
    await link.exchange(b"Q1\r")
    ups.inject(Fault(kind=FaultKind.SILENCE, count=1))
    waiting = asyncio.create_task(link.exchange(b"Q1\r"))
    while len(values(bus)) < 2:  # noqa: ASYNC110  (it happens in another process)
        await asyncio.sleep(0.01)
    bus("unplug")
    with pytest.raises(DeviceNotFoundError, match="unplugged"):
        await waiting
    await link.close()
    with pytest.raises(DeviceNotFoundError, match="no unit"):
        await link.open()
    bus.plug(ups)
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1


async def until(holds: Callable[[], Any]) -> None:
    """Wait until `holds`."""
    async with asyncio.timeout(2 * PATIENCE_S):
        while not holds():  # noqa: ASYNC110  (not all of it is told)
            await asyncio.sleep(0.01)


async def test_the_whole_driver_survives_a_replug(
    bus: UmockdevBus, ups: SimulatedUps, link: UsbTransport
) -> None:
    bus.plug(ups)
    timing = Timing(poll_s=0.1, stale_after_s=0.5, reconnect_first_s=0.1, reconnect_longest_s=0.1)
    driver = Ups(link, options=UpsOptions(version="1", timing=timing))
    await driver.start()
    try:
        assert (driver.state.model, driver.state.battery_charge) == ("BW55T", 100)
        for _ in range(2):
            bus("unplug")
            await until(lambda: driver.state.stale)
            await until(lambda: isinstance(driver.last_error, DeviceNotFoundError))
            bus.plug(ups)
            await until(lambda: not driver.state.stale)
    finally:
        await driver.stop()
    assert bus("driver") == "usbhid"


@pytest.mark.parametrize("name", [[], ["L123"], ["1-2.3"]], ids=str)
async def test_a_unit_is_dumped(
    bus: UmockdevBus, ups: SimulatedUps, tmp_path: Path, name: list[str]
) -> None:
    bus.plug(ups, serial="L123")
    output = tmp_path / "dump.json"
    arguments = ["--usb", *name, "--output", str(output)]
    assert await asyncio.to_thread(dump_ups, arguments, lambda _: None) == 0
    dump = json.loads(output.read_text())
    assert (dump["link"]["model"], dump["link"]["product_id"]) == ("BW55T", 0xD0)
    assert dump["replies"]["Q1"] == Q1.decode()
    assert dump["variables"]["battery.charge"] == "100"
    assert "L123" not in output.read_text()
    assert bus("driver") == "usbhid"


async def test_a_sensor_is_dumped_only_when_named(bus: UmockdevBus, ups: SimulatedUps) -> None:
    bus.plug(ups, product_id=0x00D4, product="2JCIE-BU01")
    said: list[str] = []
    assert await asyncio.to_thread(dump_ups, ["--usb"], said.append) == 1
    assert "no UPS is attached" in said.pop()
    assert bus("log") == []
    assert await asyncio.to_thread(dump_ups, ["--usb", "1-2.3"], said.append) == 0
    assert json.loads(said[0])["link"]["product_id"] == 0xD4
