"""A pyusb backend whose only bus is in this process: no libusb, no kernel."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
import errno
import itertools
import struct
import time
from types import SimpleNamespace
from typing import Any, override

from usb.backend import IBackend
from usb.core import USBError, USBTimeoutError

from custom_components.omron_ups.driver.usb_context import UsbContext

from .device import BabbleError, StallError, UsbDevice

_POLL_S = 0.002
_TEXTS = {
    errno.ENODEV: "No such device (it may have been disconnected)",
    errno.EBUSY: "Resource busy",
    errno.EACCES: "Access denied (insufficient permissions)",
    errno.EPIPE: "Pipe error",
    errno.EOVERFLOW: "Overflow",
    errno.EIO: "Input/Output Error",
}


@dataclass
class Plugged:
    """A device in a port, and what the kernel knows of it."""

    device: UsbDevice
    bus: int
    ports: tuple[int, ...]
    address: int
    driver: str | None = "usbhid"
    is_gone: bool = False
    failing: dict[str, int] = field(default_factory=dict)
    """Backend calls that fail, with their errno; ENOSYS: there is no such call on this system."""
    takes: int | None = None
    """How many bytes of a report are taken, where not all."""
    calls: list[str] = field(default_factory=list)
    finalized: int = 0

    def finalize(self) -> None:
        """Be let go by one context."""
        self.finalized += 1


def _fail(number: int) -> Exception:
    if number == errno.ENOSYS:
        return NotImplementedError("Operation not supported or unimplemented on this platform")
    return USBError(_TEXTS[number], None, number)


class FakeBus:
    """Ports to plug devices into."""

    def __init__(self) -> None:
        """Begin empty."""
        self._addresses = itertools.count(2)
        self.plugged: list[Plugged] = []
        self.open_contexts = 0

    def plug(self, device: UsbDevice, *, bus: int = 1, ports: tuple[int, ...] = (2, 3)) -> Plugged:
        """Put a device into a port; its address is a new one every time."""
        plugged = Plugged(device=device, bus=bus, ports=ports, address=next(self._addresses))
        self.plugged.append(plugged)
        return plugged

    def unplug(self, plugged: Plugged) -> None:
        """Pull it out."""
        plugged.is_gone = True
        plugged.device.forget()
        self.plugged.remove(plugged)

    def new_context(self) -> UsbContext:
        """Return a look at this bus, as the driver's own ``new_context`` does at the real one."""
        self.open_contexts += 1
        return UsbContext(FakeBackend(self))


class FakeBackend(IBackend):
    """One libusb context of the bus."""

    def __init__(self, bus: FakeBus) -> None:
        """Look at `bus`."""
        self._bus = bus

    def _finalize_object(self) -> None:
        self._bus.open_contexts -= 1

    @override
    def enumerate_devices(self) -> Iterable[Any]:
        return tuple(self._bus.plugged)

    @override
    def get_device_descriptor(self, dev: Any) -> Any:
        names = (
            "bLength bDescriptorType bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol "
            "bMaxPacketSize0 idVendor idProduct bcdDevice iManufacturer iProduct iSerialNumber "
            "bNumConfigurations"
        )
        values = struct.unpack("<BBHBBBBHHHBBBB", dev.device.device_descriptor)
        return SimpleNamespace(
            **dict(zip(names.split(), values, strict=True)),
            bus=dev.bus,
            address=dev.address,
            port_numbers=dev.ports or None,
        )

    @override
    def get_configuration_descriptor(self, dev: Any, config: int) -> Any:
        return SimpleNamespace(bNumInterfaces=dev.device.configuration_descriptor[4])

    @override
    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> Any:
        raw = dev.device.configuration_descriptor[9:18]
        return SimpleNamespace(
            bInterfaceNumber=raw[2], bNumEndpoints=raw[4], bInterfaceClass=raw[5]
        )

    @override
    def get_endpoint_descriptor(self, dev: Any, ep: int, intf: int, alt: int, config: int) -> Any:
        raw = struct.unpack_from("<BBBBHB", dev.device.configuration_descriptor, 27)
        names = "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize bInterval"
        return SimpleNamespace(**dict(zip(names.split(), raw, strict=True)))

    def _reach(self, plugged: Any, call: str) -> Plugged:
        assert isinstance(plugged, Plugged)
        plugged.calls.append(call)
        if plugged.is_gone:
            raise _fail(errno.ENODEV)
        if call in plugged.failing:
            raise _fail(plugged.failing[call])
        return plugged

    @override
    def open_device(self, dev: Any) -> object:
        return self._reach(dev, "open_device")

    @override
    def close_device(self, dev_handle: Any) -> None:
        dev_handle.calls.append("close_device")

    @override
    def claim_interface(self, dev_handle: Any, intf: int) -> None:
        plugged = self._reach(dev_handle, "claim_interface")
        if plugged.driver is not None:
            raise _fail(errno.EBUSY)
        plugged.driver = "usbfs"

    @override
    def release_interface(self, dev_handle: Any, intf: int) -> None:
        self._reach(dev_handle, "release_interface").driver = None

    @override
    def is_kernel_driver_active(self, dev_handle: Any, intf: int) -> bool:
        return self._reach(dev_handle, "is_kernel_driver_active").driver == "usbhid"

    @override
    def detach_kernel_driver(self, dev_handle: Any, intf: int) -> None:
        self._reach(dev_handle, "detach_kernel_driver").driver = None

    @override
    def attach_kernel_driver(self, dev_handle: Any, intf: int) -> None:
        self._reach(dev_handle, "attach_kernel_driver").driver = "usbhid"

    @override
    def clear_halt(self, dev_handle: Any, ep: int) -> None:
        self._reach(dev_handle, "clear_halt").device.clear_halt()

    @override
    def reset_device(self, dev_handle: Any) -> None:
        self._reach(dev_handle, "reset_device").device.forget()

    @override
    def ctrl_transfer(
        self,
        dev_handle: Any,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: array[int],
        timeout: int,
        /,
    ) -> int:
        plugged = self._reach(dev_handle, "ctrl_transfer")
        setup = struct.pack("<BBHHH", request_type, request, value, index, len(data))
        try:
            answer = plugged.device.control(setup, b"" if request_type & 0x80 else data.tobytes())
        except StallError:
            raise _fail(errno.EPIPE) from None
        data[: len(answer)] = array("B", answer)
        if request_type & 0x80:
            return len(answer)
        return len(data) if plugged.takes is None else plugged.takes

    @override
    def intr_read(self, dev_handle: Any, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        until = time.monotonic() + timeout / 1000
        while True:
            plugged = self._reach(dev_handle, "intr_read")
            packet = _take(plugged.device, len(buff))
            if packet is not None:
                buff[: len(packet)] = array("B", packet)
                return len(packet)
            if time.monotonic() >= until:
                plugged.device.cancel_in(len(buff))
                raise USBTimeoutError("Operation timed out", None, errno.ETIMEDOUT)
            time.sleep(_POLL_S)


def _take(device: UsbDevice, room: int) -> bytes | None:
    try:
        return device.take_in(room)
    except StallError:
        raise _fail(errno.EPIPE) from None
    except BabbleError:
        raise _fail(errno.EOVERFLOW) from None
