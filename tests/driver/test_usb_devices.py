"""Who is attached, and which of them is ours."""

from collections.abc import Iterator
import errno

import pytest

from custom_components.omron_ups.driver.errors import DeviceNotFoundError, DevicePermissionError
from custom_components.omron_ups.driver.usb_devices import (
    UsbIdentity,
    UsbUnit,
    find_device,
    list_usb_units,
)

from .usb_rig.device import DeviceSettings, UsbDevice
from .usb_rig.fake_backend import FakeBus, Plugged


@pytest.fixture
def bus() -> Iterator[FakeBus]:
    bus = FakeBus()
    yield bus
    assert bus.open_contexts == 0


def plug(
    bus: FakeBus,
    *,
    ports: tuple[int, ...] = (2, 3),
    number: int = 1,
    product_id: int = 0x00D0,
    product: str = "BW55T",
    serial: str | None = None,
) -> Plugged:
    """Plug a device in that is never asked anything."""
    settings = DeviceSettings(product_id=product_id, product=product, serial=serial)
    return bus.plug(UsbDevice(settings, lambda _: ()), bus=number, ports=ports)


def found(bus: FakeBus, identity: UsbIdentity) -> object:
    """Return what the identity leads to."""
    with bus.new_context() as context:
        return find_device(context, identity)


async def test_units_are_listed_with_all_that_tells_them_apart(bus: FakeBus) -> None:
    plug(bus, serial="L123")
    units = await list_usb_units(new_context=bus.new_context)
    bw55t = UsbUnit(
        identity=UsbIdentity(product_id=0x00D0, serial="L123", port="1-2.3"),
        model="BW55T",
        manufacturer="OMRON",
        is_known=True,
        bus=1,
        address=2,
    )
    assert units.known == (bw55t,)
    assert units.unknown == ()


async def test_a_product_id_that_nobody_knows_is_kept_apart(bus: FakeBus) -> None:
    plug(bus, product_id=0x00D4, product="2JCIE-BU01")
    units = await list_usb_units(new_context=bus.new_context)
    assert units.known == ()
    assert [unit.model for unit in units.unknown] == ["2JCIE-BU01"]
    assert [unit.is_known for unit in units.unknown] == [False]


async def test_the_model_is_known_even_if_the_device_may_not_be_opened(bus: FakeBus) -> None:
    plug(bus, product_id=0x00B7, product="BN150T", serial="L123").failing["open_device"] = 13
    (unit,) = (await list_usb_units(new_context=bus.new_context)).known
    assert unit.model == "BN150T"
    assert unit.identity == UsbIdentity(product_id=0x00B7, port="1-2.3")
    assert unit.manufacturer is None


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EOVERFLOW, errno.EIO])
async def test_a_device_that_does_not_tell_its_strings(bus: FakeBus, number: int) -> None:
    plug(bus).failing["ctrl_transfer"] = number
    (unit,) = (await list_usb_units(new_context=bus.new_context)).known
    assert unit.manufacturer is None


async def test_a_device_that_names_no_language(bus: FakeBus) -> None:
    plug(bus, serial="L123").device.settings.languages = b""
    (unit,) = (await list_usb_units(new_context=bus.new_context)).known
    assert unit.identity.serial == "L123"


async def test_a_serial_number_of_blanks_is_none(bus: FakeBus) -> None:
    plug(bus, serial="  \0")
    (unit,) = (await list_usb_units(new_context=bus.new_context)).known
    assert unit.identity.serial is None


async def test_an_empty_string_descriptor(bus: FakeBus) -> None:
    plug(bus, product_id=0x00D4, product="", serial="")
    (unit,) = (await list_usb_units(new_context=bus.new_context)).unknown
    assert (unit.model, unit.identity.serial) == (None, None)


async def test_an_empty_bus(bus: FakeBus) -> None:
    units = await list_usb_units(new_context=bus.new_context)
    assert units.known == units.unknown == ()


def test_the_serial_number_is_followed_to_another_port(bus: FakeBus) -> None:
    plug(bus, ports=(1,), serial="L1")
    moved = plug(bus, ports=(4,), serial="L2")
    assert found(bus, UsbIdentity(product_id=0x00D0, serial="L2", port="1-1")) is moved


def test_without_a_serial_number_the_port_decides(bus: FakeBus) -> None:
    plug(bus, ports=(1,))
    second = plug(bus, ports=(2, 4))
    assert found(bus, UsbIdentity(product_id=0x00D0, port="1-2.4")) is second


def test_two_units_with_one_serial_number_are_told_apart_by_their_ports(bus: FakeBus) -> None:
    plug(bus, ports=(1,), serial="0")
    second = plug(bus, ports=(2,), serial="0")
    assert found(bus, UsbIdentity(product_id=0x00D0, serial="0", port="1-2")) is second
    with pytest.raises(DeviceNotFoundError):
        found(bus, UsbIdentity(product_id=0x00D0, serial="0", port="1-5"))


def test_another_unit_in_the_same_port_is_not_taken(bus: FakeBus) -> None:
    plug(bus, ports=(1,), serial="L1")
    with pytest.raises(DeviceNotFoundError, match="no unit with serial number L2") as caught:
        found(bus, UsbIdentity(product_id=0x00D0, serial="L2", port="1-1"))
    assert "another unit of this model is at 1-1" in str(caught.value)


def test_a_unit_that_forgot_its_serial_number_is_found_in_its_port(bus: FakeBus) -> None:
    plug(bus, ports=(3,))
    forgetful = plug(bus, ports=(1,))
    assert found(bus, UsbIdentity(product_id=0x00D0, serial="L1", port="1-1")) is forgetful


def test_its_serial_number_beats_a_silent_unit_in_its_port(bus: FakeBus) -> None:
    plug(bus, ports=(1,))
    ours = plug(bus, ports=(2,), serial="L1")
    assert found(bus, UsbIdentity(product_id=0x00D0, serial="L1", port="1-1")) is ours


def test_another_model_in_the_port_is_not_taken(bus: FakeBus) -> None:
    plug(bus, ports=(1,), product_id=0x00B7)
    with pytest.raises(DeviceNotFoundError):
        found(bus, UsbIdentity(product_id=0x00D0, port="1-1"))


def test_another_bus_is_another_port(bus: FakeBus) -> None:
    plug(bus, ports=(1,), number=2)
    with pytest.raises(DeviceNotFoundError, match="2-1"):
        found(bus, UsbIdentity(product_id=0x00D0, port="1-1"))


def test_a_serial_number_that_may_not_be_read_is_a_question_of_permission(bus: FakeBus) -> None:
    plug(bus, ports=(1,), serial="L1").failing["open_device"] = errno.EACCES
    with pytest.raises(DevicePermissionError):
        found(bus, UsbIdentity(product_id=0x00D0, serial="L1", port="1-1"))


def test_a_device_without_a_port_is_found_by_its_serial_number(bus: FakeBus) -> None:
    ours = plug(bus, ports=(), serial="L1")
    identity = UsbIdentity(product_id=0x00D0, serial="L1")
    assert found(bus, identity) is ours
    assert identity.label == "usb:0590:00d0"
