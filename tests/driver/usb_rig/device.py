"""The UPS as USB sees it: descriptors, control transfers, packets on the interrupt endpoint.

The layer below is somebody else's: a pyusb backend, umockdev, or the kernel over USB/IP. It runs on
whatever Python that one needs, so it keeps to what Python 3.11 understands.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
import struct

VENDOR_ID = 0x0590
ENDPOINT = 0x81
REPORT_BYTES = 16

# Standard and HID requests as (bmRequestType, bRequest)
GET_DEVICE_DESCRIPTOR = (0x80, 6)
GET_INTERFACE_DESCRIPTOR = (0x81, 6)
GET_CONFIGURATION = (0x80, 8)
SET_CONFIGURATION = (0x00, 9)
CLEAR_FEATURE = (0x02, 1)
SET_REPORT = (0x21, 9)
# SET_ADDRESS, SET_INTERFACE, SET_IDLE
WITHOUT_EFFECT = {(0x00, 5), (0x01, 11), (0x21, 10)}
GET_STATUS = {(0x80, 0), (0x81, 0), (0x82, 0)}
DEVICE, CONFIGURATION, STRING, HID_REPORT = 1, 2, 3, 0x22
ENGLISH = b"\x09\x04"
MANUFACTURER, PRODUCT, SERIAL = 1, 2, 3


class StallError(Exception):
    """The device answers the transfer with STALL."""


class BabbleError(Exception):
    """The device sends more than the transfer has room for."""


@dataclass
class DeviceSettings:
    """What the device is and how it misbehaves; every value may be changed while it is plugged."""

    product_id: int = 0x00D0
    product: str = "BW55T"
    serial: str | None = None
    packet_size: int = 64
    report_size: int = 64
    """Bytes of one input report; the last one is filled with zeros."""
    is_padded: bool = True
    """False: the last report is short, as no real unit was seen to do."""
    interval_ms: int = 10
    interface_class: int = 3
    endpoint_kind: int = 3
    """Kind of transfers of the one endpoint: 3 is interrupt, 2 is bulk."""
    languages: bytes = ENGLISH
    """What string 0 says; nothing at all is allowed too."""
    accepted_values: tuple[int, ...] = (0x0002, 0x0200)
    """The wValues of SET_REPORT that do not stall."""
    answered_values: tuple[int, ...] = (0x0002, 0x0200)
    """Those of them that are not silently ignored."""
    stalls: int = 0
    """How many more times the interrupt endpoint stalls until it is cleared."""
    overflows: int = 0
    """How many more reads overflow."""


class UsbDevice:
    """One device that hands each request to `answer` and sends what comes back."""

    def __init__(
        self, settings: DeviceSettings, answer: Callable[[bytes], Iterable[bytes]]
    ) -> None:
        """Begin unconfigured and silent; `answer` returns the reads that carry a reply."""
        self.settings = settings
        self.log: list[tuple[int, int, int, bytes]] = []
        """Every SET_REPORT as (wValue, wIndex, length, data)."""
        self._answer = answer
        self._configuration = 0
        self._packets: deque[bytes] = deque()
        self._halted = False

    @property
    def speed(self) -> str:
        """As Linux names it; a low-speed device has packets of 8 bytes."""
        return "low" if self.settings.packet_size <= 8 else "full"

    @property
    def device_descriptor(self) -> bytes:
        """USB 2.0, table 9-8."""
        serial = SERIAL if self.settings.serial is not None else 0
        ids = (VENDOR_ID, self.settings.product_id, 0x0100)
        head = (18, DEVICE, 0x0110, 0, 0, 0, 8)
        return struct.pack("<BBHBBBBHHHBBBB", *head, *ids, MANUFACTURER, PRODUCT, serial, 1)

    @property
    def configuration_descriptor(self) -> bytes:
        """Configuration, one interface, HID descriptor, one endpoint."""
        settings = self.settings
        interface = bytes([9, 4, 0, 0, 1, settings.interface_class, 0, 0, 0])
        hid = struct.pack(
            "<BBHBBBH", 9, 0x21, 0x0110, 0, 1, HID_REPORT, len(self.report_descriptor)
        )
        endpoint = struct.pack(
            "<BBBBHB",
            7,
            5,
            ENDPOINT,
            settings.endpoint_kind,
            settings.packet_size,
            settings.interval_ms,
        )
        rest = interface + hid + endpoint
        return struct.pack("<BBHBBBBB", 9, CONFIGURATION, 9 + len(rest), 1, 1, 0, 0xA0, 50) + rest

    @property
    def report_descriptor(self) -> bytes:
        """A vendor page with one input and one output report, without report ids."""
        head = bytes.fromhex("06a0ff0901a1010902150026ff007508")
        sizes = bytes([0x95, self.settings.report_size, 0x81, 0x02])
        return head + sizes + bytes([0x09, 0x03, 0x95, REPORT_BYTES, 0x91, 0x02, 0xC0])

    def control(self, setup: bytes, data: bytes) -> bytes:
        """Answer one control transfer with what it returns; StallError where it is refused."""
        request_type, request, value, index, length = struct.unpack("<BBHHH", setup)
        kind = (request_type, request)
        if kind == SET_REPORT:
            self._set_report(value, index, data)
            return b""
        if kind == SET_CONFIGURATION:
            self._configuration = value & 0xFF
        if kind == CLEAR_FEATURE:
            self.clear_halt()
        if kind in {SET_CONFIGURATION, CLEAR_FEATURE} | WITHOUT_EFFECT:
            return b""
        return self._inform(kind, value)[:length]

    def _inform(self, kind: tuple[int, int], value: int) -> bytes:
        if kind in GET_STATUS:
            return b"\0\0"
        if kind == GET_CONFIGURATION:
            return bytes([self._configuration])
        if kind == GET_INTERFACE_DESCRIPTOR and value >> 8 == HID_REPORT:
            return self.report_descriptor
        if kind == GET_DEVICE_DESCRIPTOR:
            return self._descriptor(value >> 8, value & 0xFF)
        raise StallError

    def _descriptor(self, kind: int, number: int) -> bytes:
        if kind == DEVICE:
            return self.device_descriptor
        if kind == CONFIGURATION:
            return self.configuration_descriptor
        if kind == STRING:
            return self._string(number)
        raise StallError

    def _string(self, number: int) -> bytes:
        texts = {
            MANUFACTURER: "OMRON",
            PRODUCT: self.settings.product,
            SERIAL: self.settings.serial,
        }
        if number == 0:
            text = self.settings.languages
        elif (words := texts.get(number)) is not None:
            text = words.encode("utf-16-le")
        else:
            raise StallError
        return bytes([2 + len(text), STRING]) + text

    def _set_report(self, value: int, index: int, data: bytes) -> None:
        self.log.append((value, index, len(data), data))
        if value not in self.settings.accepted_values or len(data) != REPORT_BYTES:
            raise StallError
        if value not in self.settings.answered_values:
            return
        for read in self._answer(data.split(b"\r")[0] + b"\r"):
            self.send(read)

    def send(self, text: bytes) -> None:
        """Queue `text` as input reports, asked or not."""
        settings = self.settings
        for start in range(0, len(text), settings.report_size):
            report = text[start : start + settings.report_size]
            if settings.is_padded:
                report = report.ljust(settings.report_size, b"\0")
            size = settings.packet_size
            self._packets.extend(report[at : at + size] for at in range(0, len(report), size))

    def clear_halt(self) -> None:
        """End a stall of the endpoint."""
        self._halted = False

    def forget(self) -> None:
        """Lose what was to be sent, as after a reset."""
        self._packets.clear()
        self._halted = False

    def take_in(self, room: int) -> bytes | None:
        """Run one interrupt transfer as a host controller does; None: it is not finished yet.

        Whole packets until the buffer is full or a short one ends it.
        """
        self._misbehave()
        taken = b""
        for number, packet in enumerate(self._packets, start=1):
            if len(taken) + len(packet) > room:
                self._packets.popleft()
                raise BabbleError
            taken += packet
            if len(packet) < self.settings.packet_size or len(taken) == room:
                for _ in range(number):
                    self._packets.popleft()
                return taken
        return None

    def _misbehave(self) -> None:
        if self.settings.stalls and not self._halted:
            self.settings.stalls -= 1
            self._halted = True
        if self._halted:
            raise StallError
        if self.settings.overflows and self._packets:
            self.settings.overflows -= 1
            self._packets.clear()
            raise BabbleError

    def cancel_in(self, room: int) -> None:
        """The host gave up: what the unfinished transfer had swallowed is lost."""
        while self._packets and len(self._packets[0]) <= room:
            room -= len(self._packets.popleft())
