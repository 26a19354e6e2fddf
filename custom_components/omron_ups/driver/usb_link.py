"""An open USB unit: reports out through the control endpoint, packets in through the interrupt one.

Nothing here knows asyncio. Every method waits, and only one thread may use a link.
"""

from array import array
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
import errno
import logging
import time
from typing import Self

from usb.backend import IBackend
from usb.core import USBError, USBTimeoutError

from .errors import InvalidReplyError, NotAUpsError, ReplyTimeoutError, TransportError
from .models import LinkInfo
from .profiles import OMRON_VENDOR_ID
from .usb_context import Device, UsbContext, ups_errors
from .usb_devices import NewContext, UsbIdentity, find_device, read_strings

_LOGGER = logging.getLogger(__name__)

REPORT_BYTES = 16
"""Size of the output report (declared by a BN150T, seen on BW55T); every request fits into one."""
LONGEST_REPLY = 4 * 64
"""More bytes than this without a CR are no reply; one Windows program allows four reports."""

# HID 1.11, section 7.2.2
_CLASS_INTERFACE_OUT = 0x21
_SET_REPORT = 0x09
_HID_CLASS = 3
_DIRECTION_IN = 0x80
_TRANSFER_KIND = 0x03
_INTERRUPT = 3

# Each wait is short, so that the worker is soon free after a cancellation or a close.
_CONTROL_MS = 500
_SLICE_MS = 100
# Beyond the time limit of the transport, in case nobody tells us to stop.
_RECEIVE_LIMIT_S = 2.0
# A packet that waits in the unit comes within its polling interval; 10 ms was seen on BY35S.
_LONGEST_INTERVAL_MS = 32
_INTERVAL_MARGIN_MS = 5
# Two whole replies of the longest kind in the smallest packets; who sends more does not stop.
_STALE_PACKETS = 2 * LONGEST_REPLY // 8
_OVERFLOWS_BEFORE_RESET = 3


def as_report(request: bytes) -> bytes:
    """Return `request` as an output report: 16 bytes, filled with zeros.

    Raises:
        ValueError: it does not fit; no request of the dialect is that long.
    """
    if len(request) > REPORT_BYTES:
        raise ValueError(f"{request!r} does not fit into a report of {REPORT_BYTES} bytes")
    return request.ljust(REPORT_BYTES, b"\0")


class ReplyBuffer:
    """Puts a reply together from packets; the CR ends it, not the size of a transfer."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._text = b""
        self._received = 0

    def feed(self, packet: bytes) -> bytes | None:
        """Take the next packet; return the reply without CR once it is complete.

        Zeros are fill, also before the text: the end of the report before may still be on its way.

        Raises:
            InvalidReplyError: there is no CR in 256 bytes.
        """
        self._received += len(packet)
        self._text += packet.replace(b"\0", b"")
        text, end, _ = self._text.partition(b"\r")
        if end:
            return text
        if self._received >= LONGEST_REPLY:
            raise InvalidReplyError(f"{self._received} bytes without a CR: {self._text!r}")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HidInterface:
    """Where to send and where to listen."""

    number: int
    endpoint: int
    packet_size: int
    """``wMaxPacketSize``: a smaller read overflows, a larger one may wait for a second packet."""
    interval_ms: int


class UsbLink:
    """A claimed unit, until `close`."""

    def __init__(
        self,
        *,
        label: str,
        info: LinkInfo,
        backend: IBackend,
        handle: object,
        interface: HidInterface,
        undo: ExitStack,
    ) -> None:
        """Use what `open` has opened; `undo` gives it all back."""
        self.info = info
        self._label = label
        self._backend = backend
        self._handle = handle
        self._interface = interface
        self._undo = undo
        self._overflows = 0

    @classmethod
    def open(cls, identity: UsbIdentity, new_context: NewContext) -> Self:
        """Find the unit, take it from the kernel's HID driver and claim it.

        Raises:
            NotAUpsError: the device has no HID interface with an interrupt endpoint.
            TransportError: it cannot be used; the subclass of the error says why.
        """
        label = identity.label
        with ExitStack() as undo, ups_errors(label):
            context = undo.enter_context(new_context())
            device = find_device(context, identity)
            handle = _open_device(context, device, undo)
            interface = _find_interface(context.backend, device, label)
            _claim(context.backend, handle, interface.number, undo)
            return cls(
                label=label,
                info=_link_info(context.backend, handle, device),
                backend=context.backend,
                handle=handle,
                interface=interface,
                undo=undo.pop_all(),
            )

    def close(self) -> None:
        """Give the unit back to the kernel; may be called again, and after it was unplugged."""
        self._undo.close()

    def send(self, request: bytes, *, value: int) -> None:
        """Send `request` as one SET_REPORT with the wValue `value`.

        Raises:
            RejectedError: the unit stalled it.
            ReplyTimeoutError: the unit did not take it in time.
            TransportError: the link is down.
        """
        report = array("B", as_report(request))
        with ups_errors(self._label):
            sent = self._backend.ctrl_transfer(
                self._handle,
                _CLASS_INTERFACE_OUT,
                _SET_REPORT,
                value,
                self._interface.number,
                report,
                _CONTROL_MS,
            )
        if sent != REPORT_BYTES:
            raise TransportError(f"{self._label}: only {sent} of {REPORT_BYTES} bytes were sent")

    def receive(self, is_wanted: Callable[[], bool]) -> bytes:
        """Return the next reply without its CR.

        Args:
            is_wanted: asked several times a second; the wait ends when it says no.

        Raises:
            InvalidReplyError: what comes is no reply.
            ReplyTimeoutError: nothing complete came, or it is not wanted any more.
            TransportError: the link is down.
        """
        buffer = ReplyBuffer()
        deadline = time.monotonic() + _RECEIVE_LIMIT_S
        while is_wanted() and time.monotonic() < deadline:
            packet = self._read_packet(_SLICE_MS)
            if packet is not None and (reply := buffer.feed(packet)) is not None:
                self._overflows = 0
                return reply
        raise ReplyTimeoutError(f"{self._label}: no complete reply")

    def discard(self) -> None:
        """Read until nothing more waits in the unit.

        Raises:
            InvalidReplyError: the unit does not stop sending.
            TransportError: the link is down.
        """
        wait_ms = min(self._interface.interval_ms, _LONGEST_INTERVAL_MS) + _INTERVAL_MARGIN_MS
        for _ in range(_STALE_PACKETS):
            if self._read_packet(wait_ms) is None:
                return
        raise InvalidReplyError(f"{self._label}: the unit sends without being asked")

    def _read_packet(self, timeout_ms: int) -> bytes | None:
        with ups_errors(self._label):
            try:
                return self._read(timeout_ms)
            except USBError as err:
                if err.errno == errno.EOVERFLOW:
                    self._count_overflow()
                if err.errno != errno.EPIPE:
                    raise
                return self._read_after_stall(timeout_ms)

    def _read(self, timeout_ms: int) -> bytes | None:
        buffer = array("B", bytes(self._interface.packet_size))
        try:
            size = self._backend.intr_read(
                self._handle, self._interface.endpoint, self._interface.number, buffer, timeout_ms
            )
        except USBTimeoutError:
            return None
        return buffer[:size].tobytes()

    def _read_after_stall(self, timeout_ms: int) -> bytes | None:
        _LOGGER.debug("%s: the endpoint stalled, clearing it", self._label)
        try:
            self._backend.clear_halt(self._handle, self._interface.endpoint)
            return self._read(timeout_ms)
        except USBError as err:
            if err.errno != errno.EPIPE:
                raise
            self._reset()
            raise TransportError(f"{self._label}: the unit stalls again and again") from err

    def _count_overflow(self) -> None:
        self._overflows += 1
        if self._overflows < _OVERFLOWS_BEFORE_RESET:
            return
        self._reset()
        raise TransportError(f"{self._label}: the unit was reset after overflowing again and again")

    def _reset(self) -> None:
        _quietly(self._backend.reset_device, self._handle)


def _open_device(context: UsbContext, device: Device, undo: ExitStack) -> object:
    handle = context.backend.open_device(device)
    undo.callback(_quietly, context.backend.close_device, handle)
    return handle


def _claim(backend: IBackend, handle: object, number: int, undo: ExitStack) -> None:
    if _has_kernel_driver(backend, handle, number):
        backend.detach_kernel_driver(handle, number)
        undo.callback(_quietly, backend.attach_kernel_driver, handle, number)
    backend.claim_interface(handle, number)
    undo.callback(_quietly, backend.release_interface, handle, number)


def _has_kernel_driver(backend: IBackend, handle: object, number: int) -> bool:
    try:
        return backend.is_kernel_driver_active(handle, number)
    except NotImplementedError:
        # Not Linux: there is nothing that could be detached.
        return False


def _find_interface(backend: IBackend, device: Device, label: str) -> HidInterface:
    configuration = backend.get_configuration_descriptor(device, 0)
    for place in range(configuration.bNumInterfaces):
        interface = backend.get_interface_descriptor(device, place, 0, 0)
        if interface.bInterfaceClass != _HID_CLASS:
            continue
        for endpoint_place in range(interface.bNumEndpoints):
            endpoint = backend.get_endpoint_descriptor(device, endpoint_place, place, 0, 0)
            if _is_interrupt_in(endpoint.bEndpointAddress, endpoint.bmAttributes):
                return HidInterface(
                    number=interface.bInterfaceNumber,
                    endpoint=endpoint.bEndpointAddress,
                    packet_size=endpoint.wMaxPacketSize,
                    interval_ms=endpoint.bInterval,
                )
    raise NotAUpsError(f"{label}: the device has no HID interface that a UPS would have")


def _is_interrupt_in(address: int, attributes: int) -> bool:
    return bool(address & _DIRECTION_IN) and attributes & _TRANSFER_KIND == _INTERRUPT


def _link_info(backend: IBackend, handle: object, device: Device) -> LinkInfo:
    strings = read_strings(backend, handle, device)
    return LinkInfo(
        manufacturer=strings.manufacturer,
        model=strings.product,
        serial=strings.serial,
        vendor_id=OMRON_VENDOR_ID,
        product_id=backend.get_device_descriptor(device).idProduct,
    )


def _quietly(call: Callable[..., None], *arguments: object) -> None:
    """Call what gives the unit back: it may be gone, or in use by another program meanwhile."""
    try:
        call(*arguments)
    except (USBError, NotImplementedError) as err:
        _LOGGER.debug("while closing: %s", err)
