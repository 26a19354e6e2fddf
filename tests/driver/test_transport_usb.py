"""The USB link over a pyusb backend in this process; real libusb: test_transport_usb_libusb.py."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
import errno
import threading
from typing import override

import pytest

from custom_components.omron_ups.driver import transport_usb
from custom_components.omron_ups.driver.errors import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    InvalidReplyError,
    NoBackendError,
    NotAUpsError,
    RejectedError,
    ReplyTimeoutError,
    TransportError,
    UpsError,
)
from custom_components.omron_ups.driver.models import LinkInfo
from custom_components.omron_ups.driver.transport_usb import UsbTransport
from custom_components.omron_ups.driver.usb_context import UsbContext
from custom_components.omron_ups.driver.usb_devices import UsbIdentity

from .simulated import make_ups
from .usb_rig.device import DeviceSettings, UsbDevice
from .usb_rig.fake_backend import FakeBus, Plugged

BW55T = UsbIdentity(product_id=0x00D0, port="1-2.3")
Q1 = b"(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000"


@dataclass
class Bench:
    """One simulated bw55t in a port, and the link to it."""

    settings: DeviceSettings = field(default_factory=DeviceSettings)
    bus: FakeBus = field(default_factory=FakeBus)

    def __post_init__(self) -> None:
        """Plug the unit in."""
        self.ups = make_ups()
        self.device = UsbDevice(self.settings, self.ups.deliver)
        self.plugged = self.bus.plug(self.device)
        self.link = UsbTransport(BW55T, new_context=self.bus.new_context)

    def values(self) -> list[int]:
        """Return the wValue of every SET_REPORT until now."""
        return [value for value, *_ in self.device.log]

    def replug(self, *, ports: tuple[int, ...] = (2, 3)) -> Plugged:
        """Pull the cable and put it in again."""
        if self.plugged in self.bus.plugged:
            self.bus.unplug(self.plugged)
        self.plugged = self.bus.plug(self.device, ports=ports)
        return self.plugged


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_usb, "_answered_to", {})


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def link(bench: Bench) -> AsyncIterator[UsbTransport]:
    await bench.link.open()
    yield bench.link
    await bench.link.close()


@pytest.fixture(autouse=True)
def nothing_is_left(bench: Bench) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive(), thread
    assert bench.bus.open_contexts == 0


async def test_an_exchange_with_the_simulated_unit(bench: Bench, link: UsbTransport) -> None:
    assert await link.exchange(b"Q1\r") == Q1
    assert bench.device.log == [(0x0002, 0, 16, b"Q1\r".ljust(16, b"\0"))]
    assert await link.exchange(b"Bl ?\r") == b"100"


@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize(("packet_size", "report_size"), [(8, 8), (8, 64), (64, 64)])
async def test_replies_are_gathered_from_packets_of_any_size(
    bench: Bench, link: UsbTransport, packet_size: int, report_size: int, is_padded: bool
) -> None:
    await link.close()
    bench.settings.packet_size = packet_size
    bench.settings.report_size = report_size
    bench.settings.is_padded = is_padded
    await link.open()
    for _ in range(3):
        assert await link.exchange(b"Q1\r") == Q1
        assert await link.exchange(b"RTS\r") == b"0065"


async def test_descriptors_tell_who_it_is(bench: Bench, link: UsbTransport) -> None:
    bw55t = LinkInfo(manufacturer="OMRON", model="BW55T", vendor_id=0x0590, product_id=0x00D0)
    assert link.info == bw55t
    assert link.label == "usb:0590:00d0@1-2.3"


async def test_before_it_is_opened_nothing_is_known(bench: Bench) -> None:
    assert bench.link.info == LinkInfo()
    with pytest.raises(TransportError, match="is not open"):
        await bench.link.exchange(b"Q1\r")


async def test_the_kernel_driver_is_detached_and_comes_back(bench: Bench) -> None:
    await bench.link.open()
    assert bench.plugged.driver == "usbfs"
    await bench.link.close()
    assert bench.plugged.driver == "usbhid"
    undone = ["release_interface", "attach_kernel_driver", "close_device"]
    assert bench.plugged.calls[-3:] == undone
    assert bench.plugged.finalized == 1


async def test_without_a_kernel_driver_none_is_attached(bench: Bench) -> None:
    bench.plugged.driver = None
    await bench.link.open()
    await bench.link.close()
    assert bench.plugged.driver is None


# wValue of SET_REPORT


async def test_a_unit_that_stalls_the_first_wvalue_is_asked_by_the_second(
    bench: Bench, link: UsbTransport
) -> None:
    bench.settings.accepted_values = (0x0200,)
    assert await link.exchange(b"Q1\r") == Q1
    assert await link.exchange(b"Q1\r") == Q1
    assert bench.values() == [0x0002, 0x0200, 0x0200]
    assert link.set_report_value == 0x0200


async def test_a_unit_that_ignores_the_first_wvalue_is_asked_by_the_second(
    bench: Bench, link: UsbTransport
) -> None:
    link.reply_limit_s = 0.1
    bench.settings.answered_values = (0x0200,)
    assert await link.exchange(b"Q1\r") == Q1
    assert bench.values() == [0x0002, 0x0200]


async def test_the_wvalue_is_remembered_for_the_unit(bench: Bench, link: UsbTransport) -> None:
    bench.settings.accepted_values = (0x0200,)
    await link.exchange(b"Q1\r")
    await link.close()
    later = UsbTransport(BW55T, new_context=bench.bus.new_context)
    await later.open()
    await later.exchange(b"Q1\r")
    await later.close()
    assert bench.values() == [0x0002, 0x0200, 0x0200]


async def test_a_remembered_wvalue_that_fails_is_given_up(bench: Bench, link: UsbTransport) -> None:
    bench.settings.accepted_values = (0x0200,)
    await link.exchange(b"Q1\r")
    await link.close()
    bench.settings.accepted_values = (0x0002,)
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1
    assert bench.values() == [0x0002, 0x0200, 0x0200, 0x0002]


async def test_only_q1_is_ever_sent_twice(bench: Bench, link: UsbTransport) -> None:
    bench.settings.accepted_values = (0x0200,)
    with pytest.raises(RejectedError, match="stalled"):
        await link.exchange(b"S.2\r")
    assert bench.values() == [0x0002]


async def test_a_unit_that_refuses_both_begins_with_the_first_again(
    bench: Bench, link: UsbTransport
) -> None:
    bench.settings.accepted_values = ()
    for _ in range(2):
        with pytest.raises(RejectedError):
            await link.exchange(b"Q1\r")
    assert bench.values() == [0x0002, 0x0200, 0x0002, 0x0200]
    assert link.set_report_value is None


async def test_after_its_first_reply_a_silent_unit_is_not_asked_otherwise(
    bench: Bench, link: UsbTransport
) -> None:
    await link.exchange(b"Q1\r")
    link.reply_limit_s = 0.05
    bench.settings.answered_values = ()
    with pytest.raises(ReplyTimeoutError):
        await link.exchange(b"Q1\r")
    assert bench.values() == [0x0002, 0x0002]


async def test_the_wvalue_can_be_chosen(bench: Bench) -> None:
    bench.settings.accepted_values = (0x0002,)
    link = UsbTransport(BW55T, set_report_value=0x0200, new_context=bench.bus.new_context)
    await link.open()
    with pytest.raises(RejectedError):
        await link.exchange(b"Q1\r")
    await link.close()
    assert bench.values() == [0x0200]


# What can go wrong with a transfer


async def test_silence_ends_at_the_limit_and_a_late_reply_is_dropped(
    bench: Bench, link: UsbTransport
) -> None:
    await link.exchange(b"Q1\r")
    link.reply_limit_s = 0.05
    bench.settings.answered_values = ()
    with pytest.raises(ReplyTimeoutError, match="no reply to b'RTS"):
        await link.exchange(b"RTS\r")
    bench.device.send(b"0065\r")
    bench.settings.answered_values = (0x0002,)
    link.reply_limit_s = 1.0
    assert await link.exchange(b"Bl ?\r") == b"100"


async def test_a_reply_with_a_gap_in_it_is_one_reply(bench: Bench, link: UsbTransport) -> None:
    await link.close()
    bench.settings.packet_size = bench.settings.report_size = 8
    await link.open()
    bench.settings.answered_values = ()
    waiting = asyncio.create_task(link.exchange(b"Q1\r"))
    await until(lambda: bench.values() == [0x0002])
    bench.device.send(Q1[:20])
    # Longer than one read waits.
    await asyncio.sleep(0.25)
    bench.device.send(Q1[20:] + b"\r")
    assert await waiting == Q1


async def test_what_came_unasked_is_dropped(bench: Bench, link: UsbTransport) -> None:
    for _ in range(5):
        bench.device.send(b"099\r")
    assert await link.exchange(b"Bl ?\r") == b"100"


async def test_a_unit_that_never_stops_sending(bench: Bench, link: UsbTransport) -> None:
    for _ in range(100):
        bench.device.send(b"099\r")
    with pytest.raises(InvalidReplyError, match="without being asked"):
        await link.exchange(b"Bl ?\r")


async def test_a_stall_of_the_endpoint_is_cleared(bench: Bench, link: UsbTransport) -> None:
    bench.settings.stalls = 1
    assert await link.exchange(b"Q1\r") == Q1
    assert bench.plugged.calls.count("clear_halt") == 1


async def test_a_stall_that_stays_resets_the_unit(bench: Bench, link: UsbTransport) -> None:
    bench.settings.stalls = 2
    with pytest.raises(TransportError, match="stalls again and again"):
        await link.exchange(b"Q1\r")
    assert "reset_device" in bench.plugged.calls


async def test_an_overflow_costs_one_reply(bench: Bench, link: UsbTransport) -> None:
    bench.settings.overflows = 1
    with pytest.raises(InvalidReplyError, match="more than its endpoint may"):
        await link.exchange(b"Q1\r")
    assert await link.exchange(b"Q1\r") == Q1
    assert "reset_device" not in bench.plugged.calls


async def test_overflow_upon_overflow_resets_the_unit(bench: Bench, link: UsbTransport) -> None:
    bench.settings.overflows = 3
    for _ in range(2):
        with pytest.raises(InvalidReplyError):
            await link.exchange(b"Q1\r")
    with pytest.raises(TransportError, match="was reset"):
        await link.exchange(b"Q1\r")
    assert bench.plugged.calls.count("reset_device") == 1


async def test_a_request_that_does_not_fit_is_not_sent(bench: Bench, link: UsbTransport) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        await link.exchange(b"WR20261122145900\r")
    assert bench.device.log == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENODEV, DeviceNotFoundError),
        (errno.EIO, TransportError),
        (errno.EPIPE, RejectedError),
    ],
)
async def test_a_control_transfer_that_fails(
    bench: Bench, link: UsbTransport, number: int, kind: type[UpsError]
) -> None:
    bench.plugged.failing["ctrl_transfer"] = number
    with pytest.raises(kind) as caught:
        await link.exchange(b"Bl ?\r")
    assert type(caught.value) is kind


async def test_a_report_that_is_taken_in_part(bench: Bench, link: UsbTransport) -> None:
    bench.plugged.takes = 8
    with pytest.raises(TransportError, match="only 8 of 16 bytes"):
        await link.exchange(b"Bl ?\r")


async def test_a_unit_that_goes_while_its_stall_is_cleared(
    bench: Bench, link: UsbTransport
) -> None:
    bench.settings.stalls = 1
    bench.plugged.failing["clear_halt"] = errno.ENODEV
    with pytest.raises(DeviceNotFoundError, match="unplugged"):
        await link.exchange(b"Q1\r")
    assert "reset_device" not in bench.plugged.calls


# What can go wrong with opening


@pytest.mark.parametrize(
    ("call", "number", "kind", "words"),
    [
        ("open_device", errno.EACCES, DevicePermissionError, "may not open"),
        ("detach_kernel_driver", errno.EACCES, DevicePermissionError, "may not open"),
        ("claim_interface", errno.EBUSY, DeviceBusyError, "another program"),
        ("claim_interface", errno.ENODEV, DeviceNotFoundError, "unplugged"),
        ("claim_interface", errno.EIO, TransportError, "cable"),
    ],
)
async def test_a_unit_that_cannot_be_opened(
    bench: Bench, call: str, number: int, kind: type[UpsError], words: str
) -> None:
    bench.plugged.failing[call] = number
    with pytest.raises(kind, match=words):
        await bench.link.open()
    assert not bench.link.is_open
    bench.plugged.failing.clear()
    bench.plugged.driver = "usbhid"
    await bench.link.open()
    await bench.link.close()


async def test_a_claim_that_fails_gives_the_unit_back(bench: Bench) -> None:
    bench.plugged.failing["claim_interface"] = errno.EBUSY
    with pytest.raises(DeviceBusyError):
        await bench.link.open()
    assert bench.plugged.driver == "usbhid"
    assert bench.plugged.calls[-1] == "close_device"


async def test_a_system_whose_kernel_has_no_driver_to_detach(bench: Bench) -> None:
    bench.plugged.driver = None
    bench.plugged.failing["is_kernel_driver_active"] = errno.ENOSYS
    await bench.link.open()
    assert await bench.link.exchange(b"Q1\r") == Q1
    await bench.link.close()
    assert "attach_kernel_driver" not in bench.plugged.calls


@pytest.mark.parametrize(("interface_class", "endpoint_kind"), [(0xFF, 3), (3, 2)])
async def test_a_sensor_of_omron_is_no_ups(
    bench: Bench, interface_class: int, endpoint_kind: int
) -> None:
    bench.settings.interface_class = interface_class
    bench.settings.endpoint_kind = endpoint_kind
    with pytest.raises(NotAUpsError, match="no HID interface"):
        await bench.link.open()


async def test_a_machine_without_libusb() -> None:
    def fail() -> UsbContext:
        raise NoBackendError("libusb 1.0 cannot be loaded on this machine")

    with pytest.raises(NoBackendError):
        await UsbTransport(BW55T, new_context=fail).open()


async def test_an_unplugged_unit_is_found_again_under_its_new_address(
    bench: Bench, link: UsbTransport
) -> None:
    bench.bus.unplug(bench.plugged)
    with pytest.raises(DeviceNotFoundError, match="unplugged"):
        await link.exchange(b"Q1\r")
    await link.close()
    with pytest.raises(DeviceNotFoundError, match=r"no unit with port 1-2\.3 is attached"):
        await link.open()
    bench.replug()
    await link.open()
    assert await link.exchange(b"Q1\r") == Q1


async def test_a_pulled_cable_ends_a_read_at_once(bench: Bench, link: UsbTransport) -> None:
    bench.settings.answered_values = ()
    waiting = asyncio.create_task(link.exchange(b"Q1\r"))
    await until(lambda: bench.values() == [0x0002])
    bench.bus.unplug(bench.plugged)
    with pytest.raises(DeviceNotFoundError):
        await waiting


# Cancelling


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  (it happens in another thread)
            await asyncio.sleep(0.001)


async def test_a_cancelled_exchange_leaves_the_unit_usable(
    bench: Bench, link: UsbTransport
) -> None:
    await link.close()
    bench.settings.packet_size = bench.settings.report_size = 8
    await link.open()
    await link.exchange(b"Q1\r")
    bench.settings.answered_values = ()
    waiting = asyncio.create_task(link.exchange(b"Q1\r"))
    await until(lambda: len(bench.values()) == 2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bench.device.send(Q1 + b"\r")
    bench.settings.answered_values = (0x0002,)
    assert await link.exchange(b"Bl ?\r") == b"100"


async def test_a_cancelled_opening_gives_the_unit_back(bench: Bench) -> None:
    may_look = threading.Event()

    def slow() -> UsbContext:
        may_look.wait(30)
        return bench.bus.new_context()

    link = UsbTransport(BW55T, new_context=slow)
    opening = asyncio.create_task(link.open())
    await asyncio.sleep(0.01)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    may_look.set()
    await until(lambda: "close_device" in bench.plugged.calls)
    assert bench.plugged.driver == "usbhid"


async def test_a_cancelled_close_still_gives_the_unit_back(bench: Bench) -> None:
    await bench.link.open()
    closing = asyncio.create_task(bench.link.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await until(lambda: "close_device" in bench.plugged.calls)
    assert bench.plugged.driver == "usbhid"


async def test_closing_twice_is_fine(bench: Bench) -> None:
    await bench.link.open()
    await bench.link.close()
    await bench.link.close()
    assert not bench.link.is_open


async def test_the_event_loop_is_never_held_up(bench: Bench, link: UsbTransport) -> None:
    calls: list[str] = []
    loop_thread = threading.current_thread()

    def spy(call: str) -> None:
        calls.append(call)
        assert threading.current_thread() is not loop_thread

    bench.plugged.calls = Spied(spy)
    await link.exchange(b"Q1\r")
    await link.close()
    assert {"ctrl_transfer", "intr_read", "close_device"} <= set(calls)


class Spied(list[str]):
    """A list that tells of every append."""

    def __init__(self, spy: Callable[[str], None]) -> None:
        """Tell `spy`."""
        super().__init__()
        self._spy = spy

    @override
    def append(self, item: str, /) -> None:
        """Tell, then append."""
        self._spy(item)
        super().append(item)
