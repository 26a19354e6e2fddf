"""Which libusb is used, and how its errors are told."""

from collections.abc import Callable, Iterator
import errno
import logging

import pytest
from usb.backend import libusb1
from usb.core import USBError, USBTimeoutError

from custom_components.omron_ups.driver import list_usb_units, usb_context
from custom_components.omron_ups.driver.errors import (
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
from custom_components.omron_ups.driver.usb_context import new_context, ups_errors

type Find = Callable[[], str | None]


@pytest.fixture(autouse=True)
def load_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let pyusb and the driver forget which library they have."""
    monkeypatch.setattr(libusb1, "_lib_object", None)
    usb_context._load.cache_clear()
    yield
    usb_context._load.cache_clear()


def test_libusb_is_found_on_this_machine() -> None:
    with new_context() as context:
        assert isinstance(context.devices, tuple)


@pytest.mark.parametrize("place", [1, 2])
def test_the_packaged_library_and_the_search_stand_in(
    monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    find = usb_context._FINDERS[place]
    if find() is None:
        assert place == 2, "the packaged library is a requirement"
        pytest.skip("ctypes finds no libusb-1.0 here")
    monkeypatch.setattr(usb_context, "_FINDERS", (find,))
    with new_context() as context:
        assert isinstance(context.devices, tuple)


def test_the_library_is_looked_for_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def finder(name: str, path: str | None) -> Find:
        def find() -> str | None:
            asked.append(name)
            return path

        return find

    finders = (
        finder("missing", "libmissing.so.0"),
        finder("none", None),
        finder("no libusb", "libc.so.6"),
        usb_context._FINDERS[1],
        finder("too late", None),
    )
    monkeypatch.setattr(usb_context, "_FINDERS", finders)
    new_context().close()
    assert asked == ["missing", "none", "no libusb"]


async def test_without_libusb_there_is_no_list(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(usb_context, "_FINDERS", (lambda: None, lambda: "libmissing.so.0"))
    with caplog.at_level(logging.WARNING), pytest.raises(NoBackendError, match="cannot be loaded"):
        await list_usb_units()
    assert caplog.records == []


def test_a_libusb_that_may_not_see_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, lib: object) -> None:
        raise USBError("Other error", -99, None)

    usb_context._load()
    monkeypatch.setattr(libusb1._LibUSB, "__init__", refuse)
    with pytest.raises(NoBackendError, match="cannot reach the USB bus"):
        new_context()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (USBError("", -4, errno.ENODEV), DeviceNotFoundError, "unplugged"),
        (USBError("", None, errno.ENXIO), DeviceNotFoundError, "unplugged"),
        (USBError("", -5, errno.ENOENT), DeviceNotFoundError, "not there any more"),
        (USBError("", -1, errno.EIO), TransportError, "check cable and hub"),
        (USBError("", -6, errno.EBUSY), DeviceBusyError, "another program"),
        (USBError("", -3, errno.EACCES), DevicePermissionError, "may not open"),
        (USBError("", None, errno.EPERM), DevicePermissionError, "may not open"),
        (USBError("", -9, errno.EPIPE), RejectedError, "stalled"),
        (USBTimeoutError("", -7, errno.ETIMEDOUT), ReplyTimeoutError, "in time"),
        (USBError("", -8, errno.EOVERFLOW), InvalidReplyError, "more than its endpoint"),
        (USBError("strange", -99, None), TransportError, "USB error: .*strange"),
        (NotImplementedError("no such call"), TransportError, "USB error: no such call"),
    ],
)
def test_each_error_has_its_own_words(error: Exception, kind: type[UpsError], words: str) -> None:
    with pytest.raises(kind, match=f"usb: .*{words}") as caught, ups_errors("usb"):
        raise error
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error
