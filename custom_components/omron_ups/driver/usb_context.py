"""libusb through pyusb: which library, and a fresh look at the bus whenever one is needed.

This goes through pyusb's backend interface rather than `usb.core.Device`, which claims interfaces
on its own and frees libusb's devices when Python likes, even after their context is gone.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import ctypes
import ctypes.util
import errno
import functools
import threading
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from usb.backend import IBackend, libusb1
from usb.core import USBError

from .errors import (
    DeviceBusyError,
    DeviceNotFoundError,
    DevicePermissionError,
    InvalidReplyError,
    NoBackendError,
    RejectedError,
    ReplyTimeoutError,
    TransportError,
    UpsError,
)

# What Linux distributions call it; Home Assistant's image has it, but ``find_library`` misses it.
_SYSTEM_LIBRARY = "libusb-1.0.so.0"
_LOADING = threading.Lock()

_REASONS: Mapping[int, tuple[type[UpsError], str]] = MappingProxyType(
    {
        errno.ENODEV: (DeviceNotFoundError, "the unit was unplugged"),
        errno.ENXIO: (DeviceNotFoundError, "the unit was unplugged"),
        errno.ENOENT: (DeviceNotFoundError, "the unit is not there any more"),
        errno.EIO: (TransportError, "I/O error on the USB line; check cable and hub"),
        errno.EBUSY: (DeviceBusyError, "another program uses the unit"),
        errno.EACCES: (DevicePermissionError, "this process may not open the unit"),
        errno.EPERM: (DevicePermissionError, "this process may not open the unit"),
        errno.EPIPE: (RejectedError, "the unit stalled the transfer"),
        errno.ETIMEDOUT: (ReplyTimeoutError, "the unit did not take the transfer in time"),
        errno.EOVERFLOW: (InvalidReplyError, "the unit sent more than its endpoint may"),
    }
)


class Device(Protocol):
    """A device as a backend of pyusb hands it out."""

    def finalize(self) -> object:
        """Let it go."""


class UsbContext:
    """One libusb context, with the devices that are attached at the moment it is made.

    Every look at the bus needs a new one: a libusb that relies on udev never sees a unit again
    that was replugged while no udev daemon runs, as in a container.
    """

    def __init__(self, backend: IBackend) -> None:
        """Take over `backend`."""
        self.backend = backend
        self.devices: tuple[Device, ...] = tuple(backend.enumerate_devices())

    def close(self) -> None:
        """Free the devices, then the context; every handle must have been closed before."""
        for device in self.devices:
            device.finalize()
        self.backend.finalize()

    def __enter__(self) -> Self:
        """Return the context itself."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the context."""
        self.close()


def new_context() -> UsbContext:
    """Return a new look at the bus; takes milliseconds, so never call it in an event loop.

    Raises:
        NoBackendError: there is no libusb, or it has no access to any USB bus.
    """
    with _LOADING:
        loaded = _load()
    try:
        return UsbContext(type(loaded)(loaded.lib))
    except USBError as err:
        raise NoBackendError(f"libusb cannot reach the USB bus: {err}") from err


@contextmanager
def ups_errors(label: str) -> Iterator[None]:
    """Raise what pyusb raises as an UpsError that says what is wrong with the unit `label`."""
    try:
        yield
    except (USBError, NotImplementedError) as err:
        number = getattr(err, "errno", None) or 0
        kind, reason = _REASONS.get(number, (TransportError, f"USB error: {err}"))
        raise kind(f"{label}: {reason}") from err


@functools.cache
def _load() -> libusb1._LibUSB:
    for find in _FINDERS:
        path = find()
        if path is None or not _can_be_loaded(path):
            continue
        if (backend := _backend_of(path)) is not None:
            return backend
    raise NoBackendError("libusb 1.0 cannot be loaded on this machine")


def _backend_of(path: str) -> libusb1._LibUSB | None:
    return libusb1.get_backend(find_library=lambda _name: path)


def _can_be_loaded(path: str) -> bool:
    # pyusb would log an error with a traceback for each library that is merely missing.
    try:
        ctypes.CDLL(path)
    except OSError:
        return False
    return True


def _packaged_library() -> str | None:
    try:
        import libusb_package  # noqa: PLC0415  (has no wheel for every machine)
    except ImportError:
        return None
    path = libusb_package.get_library_path()
    return None if path is None else str(path)


_FINDERS: tuple[Callable[[], str | None], ...] = (
    lambda: _SYSTEM_LIBRARY,
    _packaged_library,
    # Runs programs, and finds nothing in Home Assistant's image.
    lambda: ctypes.util.find_library("usb-1.0"),
)
