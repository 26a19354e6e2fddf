"""What both rigs of real libusb share: each scenario runs with either libusb, on one unit."""

from collections.abc import Iterator

import pytest
from usb.backend import libusb1

from custom_components.omron_ups.driver import transport_usb, usb_context
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from tests.driver.simulated import make_ups

LIBRARIES = {"system": 0, "packaged": 1}


@pytest.fixture(params=LIBRARIES)
def libusb(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the driver use one of the two libusbs, which has seen no device yet."""
    find = usb_context._FINDERS[LIBRARIES[request.param]]
    monkeypatch.setattr(usb_context, "_FINDERS", (find,))
    monkeypatch.setattr(transport_usb, "_answered_to", {})
    _forget_library()
    yield
    _forget_library()


@pytest.fixture
def ups() -> SimulatedUps:
    """A bw55t that is not plugged in."""
    return make_ups()


def _forget_library() -> None:
    libusb1._lib_object = None
    usb_context._load.cache_clear()
