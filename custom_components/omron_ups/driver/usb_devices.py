"""The OMRON units on the USB bus: who is attached, and which of them is ours after a replug."""

from array import array
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import errno
import logging

from usb.backend import IBackend
from usb.core import USBError

from .errors import DeviceNotFoundError
from .profiles import OMRON_VENDOR_ID, find_profile
from .usb_context import Device, UsbContext, new_context, ups_errors

_LOGGER = logging.getLogger(__name__)

# USB 2.0, tables 9-3 to 9-5
_STANDARD_DEVICE_IN = 0x80
_GET_DESCRIPTOR = 6
_STRING = 3
_LONGEST_STRING = 254
_DESCRIPTOR_HEAD = 2
_ENGLISH = 0x0409
_CONTROL_MS = 500

# A unit may declare strings and then fail to tell them; that makes it no worse a UPS.
_NO_SUCH_STRING = (errno.EPIPE, errno.ETIMEDOUT, errno.EOVERFLOW)

type NewContext = Callable[[], UsbContext]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbIdentity:
    """Names one unit so that it is found again after a replug.

    The bus address is no part of it: it is another one after every replug.
    """

    product_id: int
    """USB product id. An id that no profile knows is used only because somebody chose it here."""
    serial: str | None = None
    """Serial number of the USB descriptor; some models have none (``iSerial 0``, seen on BY35S)."""
    port: str | None = None
    """Bus and ports on the way to the unit, as Linux writes them: ``1-2.3``."""

    @property
    def label(self) -> str:
        """What log lines and NUT clients see."""
        place = f"@{self.port}" if self.port else ""
        return f"usb:{OMRON_VENDOR_ID:04x}:{self.product_id:04x}{place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbUnit:
    """One attached device of OMRON."""

    identity: UsbIdentity
    model: str | None
    """Model by its product id, else the product string of the device itself."""
    manufacturer: str | None
    is_known: bool
    """Whether the product id is known to be a UPS. OMRON's sensors have the same vendor id."""
    bus: int
    address: int
    """Number on the bus, until the next replug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbUnits:
    """What is attached with OMRON's vendor id."""

    known: tuple[UsbUnit, ...]
    """UPS units, by their product id."""
    unknown: tuple[UsbUnit, ...]
    """UPS units of an unknown model, or no UPS at all: use one only when the user asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStrings:
    """The strings of a device's descriptor; None where it has none or does not tell."""

    manufacturer: str | None = None
    product: str | None = None
    serial: str | None = None


async def list_usb_units(*, new_context: NewContext = new_context) -> UsbUnits:
    """Return the OMRON devices that are attached now; nothing is claimed.

    Strings of a device that this process may not open are None.

    Raises:
        NoBackendError: there is no libusb.
    """
    loop = asyncio.get_running_loop()
    units = await loop.run_in_executor(None, _list_units, new_context)
    return UsbUnits(
        known=tuple(unit for unit in units if unit.is_known),
        unknown=tuple(unit for unit in units if not unit.is_known),
    )


def find_device(context: UsbContext, identity: UsbIdentity) -> Device:
    """Return the device that `identity` names: by serial number, then by port chain.

    Where the identity has a serial number, a unit at its port with another one is not it.

    Raises:
        DeviceNotFoundError: it is not attached; the text says where its siblings are.
        DevicePermissionError: it may be one that this process may not ask for its serial number.
    """
    siblings = [
        device
        for device in context.devices
        if _ids(context.backend, device) == (OMRON_VENDOR_ID, identity.product_id)
    ]
    at_port = [device for device in siblings if _port(context.backend, device) == identity.port]
    if identity.serial is None:
        matches = at_port
    else:
        matches = _with_serial(context.backend, siblings, at_port, identity)
    # Two with one serial number: only the port tells them apart.
    if len(matches) > 1:
        matches = [device for device in matches if device in at_port]
    if len(matches) != 1:
        raise DeviceNotFoundError(_not_found(context.backend, identity, siblings))
    return matches[0]


def read_strings(backend: IBackend, handle: object, device: Device) -> DeviceStrings:
    """Ask an open device for its strings.

    Raises:
        USBError: the device is gone.
    """
    descriptor = backend.get_device_descriptor(device)
    return DeviceStrings(
        manufacturer=_read_string(backend, handle, descriptor.iManufacturer),
        product=_read_string(backend, handle, descriptor.iProduct),
        serial=_read_string(backend, handle, descriptor.iSerialNumber),
    )


def _list_units(new_context: NewContext) -> list[UsbUnit]:
    with new_context() as context:
        return [
            _unit(context.backend, device)
            for device in context.devices
            if _ids(context.backend, device)[0] == OMRON_VENDOR_ID
        ]


def _unit(backend: IBackend, device: Device) -> UsbUnit:
    descriptor = backend.get_device_descriptor(device)
    profile = find_profile(model=None, product_id=descriptor.idProduct)
    try:
        strings = _strings_of_closed(backend, device)
    except USBError as err:
        _LOGGER.debug("%d-%d: no strings: %s", descriptor.bus, descriptor.address, err)
        strings = DeviceStrings()
    return UsbUnit(
        identity=UsbIdentity(
            product_id=descriptor.idProduct, serial=strings.serial, port=_port(backend, device)
        ),
        model=profile.model if profile else strings.product,
        manufacturer=strings.manufacturer,
        is_known=profile is not None,
        bus=descriptor.bus,
        address=descriptor.address,
    )


def _ids(backend: IBackend, device: Device) -> tuple[int, int]:
    descriptor = backend.get_device_descriptor(device)
    return descriptor.idVendor, descriptor.idProduct


def _port(backend: IBackend, device: Device) -> str | None:
    descriptor = backend.get_device_descriptor(device)
    if not descriptor.port_numbers:
        return None
    return f"{descriptor.bus}-{'.'.join(map(str, descriptor.port_numbers))}"


def _with_serial(
    backend: IBackend, siblings: Sequence[Device], at_port: Sequence[Device], identity: UsbIdentity
) -> list[Device]:
    serials: list[tuple[Device, str | None]] = []
    unreadable: list[USBError] = []
    for device in siblings:
        try:
            serials.append((device, _strings_of_closed(backend, device).serial))
        except USBError as err:
            unreadable.append(err)
    matches = [device for device, serial in serials if serial == identity.serial]
    if not matches:
        matches = [device for device, serial in serials if serial is None and device in at_port]
    if not matches and unreadable:
        with ups_errors(identity.label):
            raise unreadable[0]
    return matches


def _not_found(backend: IBackend, identity: UsbIdentity, siblings: Sequence[Device]) -> str:
    places = ", ".join(filter(None, (_port(backend, device) for device in siblings)))
    hint = f"; another unit of this model is at {places}" if places else ""
    wanted = f"serial number {identity.serial}" if identity.serial else f"port {identity.port}"
    return f"{identity.label}: no unit with {wanted} is attached{hint}"


def _strings_of_closed(backend: IBackend, device: Device) -> DeviceStrings:
    handle = backend.open_device(device)
    try:
        return read_strings(backend, handle, device)
    finally:
        backend.close_device(handle)


def _read_string(backend: IBackend, handle: object, index: int) -> str | None:
    if not index:
        return None
    try:
        languages = _read_string_descriptor(backend, handle, 0, language=0)
        language = int.from_bytes(languages[:2], "little") or _ENGLISH
        text = _read_string_descriptor(backend, handle, index, language=language)
    except USBError as err:
        if err.errno in _NO_SUCH_STRING:
            return None
        raise
    return text.decode("utf-16-le", errors="replace").strip("\0 ") or None


def _read_string_descriptor(
    backend: IBackend, handle: object, index: int, *, language: int
) -> bytes:
    buffer = array("B", bytes(_LONGEST_STRING))
    value = _STRING << 8 | index
    size = backend.ctrl_transfer(
        handle, _STANDARD_DEVICE_IN, _GET_DESCRIPTOR, value, language, buffer, _CONTROL_MS
    )
    descriptor = buffer[:size].tobytes()
    if len(descriptor) < _DESCRIPTOR_HEAD:
        return b""
    # An odd length is a bug of the device; half a character is none.
    return descriptor[_DESCRIPTOR_HEAD : descriptor[0] & ~1]
