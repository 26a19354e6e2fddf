"""A UPS at a USB port: adding it, changing it, and each error followed by its cure."""

from collections.abc import Callable, Iterator
import errno
from functools import partial
from unittest.mock import patch

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups.const import CONF_NUT_SERVER, DOMAIN
from custom_components.omron_ups.driver import (
    NoBackendError,
    SimulatedUps,
    UsbIdentity,
    UsbTransport,
    list_usb_units,
)
from custom_components.omron_ups.driver.simulator.profiles import PROFILES
from custom_components.omron_ups.usb_units import identity_data, identity_of, telling_apart
from tests.driver.usb_rig.device import DeviceSettings, UsbDevice
from tests.driver.usb_rig.fake_backend import FakeBus, Plugged
from tests.ha.common import (
    MockConfigEntry,
    eventually,
    is_loaded,
    nut_server_input,
    nut_server_options,
    set_up,
    state_of,
    unused_port,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")

BW55T = UsbIdentity(product_id=0x00D0, serial="L123", port="1-2.3")
UNIT = "00d0/L123/1-2.3"
SERIAL_NUMBER = PROFILES["bw55t"].serial


@pytest.fixture
def bus() -> Iterator[FakeBus]:
    """Return the USB bus of this machine, with nothing attached yet."""
    bus = FakeBus()
    transport = partial(UsbTransport, new_context=bus.new_context)
    units = partial(list_usb_units, new_context=bus.new_context)
    with (
        patch("custom_components.omron_ups.connection.UsbTransport", transport),
        patch("custom_components.omron_ups.config_flow.list_usb_units", units),
    ):
        yield bus
    assert bus.open_contexts == 0


def plug(
    bus: FakeBus,
    *,
    profile: str = "bw55t",
    product_id: int = 0x00D0,
    serial: str | None = "L123",
    ports: tuple[int, ...] = (2, 3),
) -> Plugged:
    """Plug a UPS in."""
    settings = DeviceSettings(product_id=product_id, serial=serial)
    ups = SimulatedUps(PROFILES[profile])
    return bus.plug(UsbDevice(settings, answer(ups)), ports=ports)


def answer(ups: SimulatedUps) -> Callable[[bytes], tuple[bytes, ...]]:
    """Return how the UPS answers requests."""
    return lambda request: tuple(ups.deliver(request))


def usb_entry(
    identity: UsbIdentity = BW55T, unique_id: str | None = SERIAL_NUMBER
) -> MockConfigEntry:
    """Return an entry of a UPS at a USB port, not served."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="BW55T",
        unique_id=unique_id,
        data={"connection": "usb_device", **identity_data(identity)},
        options={CONF_NUT_SERVER: nut_server_options(1, enabled=False)},
    )


async def begin(hass: HomeAssistant) -> ConfigFlowResult:
    """Return the form of the USB connection."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    return await submit(hass, result, next_step_id="usb_device")


async def submit(hass: HomeAssistant, form: ConfigFlowResult, **data: object) -> ConfigFlowResult:
    """Submit a form."""
    return await hass.config_entries.flow.async_configure(form["flow_id"], data)


async def finish(hass: HomeAssistant, form: ConfigFlowResult) -> MockConfigEntry:
    """Go on from a connection that is proved to an entry that is set up."""
    assert form["step_id"] == CONF_NUT_SERVER, form.get("errors")
    result = await submit(hass, form, **nut_server_input(unused_port()))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    entry: MockConfigEntry = result["result"]
    assert is_loaded(entry)
    return entry


def offered(form: ConfigFlowResult) -> list[str]:
    """Return the labels of the units that can be chosen."""
    assert form["data_schema"] is not None
    fields = form["data_schema"].schema
    return (
        [option["label"] for option in fields["unit"].config["options"]] if "unit" in fields else []
    )


async def test_one_press_on_submit_is_enough(hass: HomeAssistant, bus: FakeBus) -> None:
    plug(bus)
    form = await begin(hass)
    assert form["errors"] == {}
    assert offered(form) == ["BW55T (0590:00d0, 1-2.3, L123)"]
    entry = await finish(hass, await submit(hass, form))
    assert entry.title == "BW55T"
    assert entry.unique_id == SERIAL_NUMBER
    assert entry.data == {
        "connection": "usb_device",
        "product_id": 0x00D0,
        "serial": "L123",
        "port": "1-2.3",
    }
    assert identity_of(entry.data) == BW55T
    assert entry.runtime_data.ups._timing.reconnect_longest_s == 1.0
    await hass.config_entries.async_unload(entry.entry_id)


async def test_nothing_attached_then_recover(hass: HomeAssistant, bus: FakeBus) -> None:
    form = await begin(hass)
    assert form["errors"] == {"base": "usb_not_found"}
    form = await submit(hass, form)
    assert form["errors"] == {"base": "usb_not_found"}
    plug(bus)
    form = await submit(hass, form)
    assert offered(form)
    entry = await finish(hass, await submit(hass, form, unit=UNIT))
    await hass.config_entries.async_unload(entry.entry_id)


async def test_no_access_to_the_bus_then_recover(hass: HomeAssistant, bus: FakeBus) -> None:
    plug(bus)
    with patch(
        "custom_components.omron_ups.config_flow.list_usb_units",
        side_effect=NoBackendError("no libusb"),
    ):
        form = await begin(hass)
        assert form["errors"] == {"base": "no_usb_access"}
        form = await submit(hass, form)
        assert form["errors"] == {"base": "no_usb_access"}
    form = await submit(hass, form)
    entry = await finish(hass, await submit(hass, form, unit=UNIT))
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("call", "number", "error"),
    [
        ("claim_interface", errno.EBUSY, "usb_busy"),
        ("claim_interface", errno.EACCES, "usb_permission"),
        ("claim_interface", errno.ENODEV, "usb_not_found"),
        ("claim_interface", errno.EIO, "cannot_connect"),
    ],
)
async def test_unit_that_cannot_be_opened_then_recover(
    hass: HomeAssistant, bus: FakeBus, call: str, number: int, error: str
) -> None:
    plugged = plug(bus)
    plugged.failing[call] = number
    form = await submit(hass, await begin(hass), unit=UNIT)
    assert form["errors"] == {"base": error}
    plugged.failing.clear()
    entry = await finish(hass, await submit(hass, form, unit=UNIT))
    await hass.config_entries.async_unload(entry.entry_id)


async def test_unit_that_is_pulled_out_before_it_is_chosen(
    hass: HomeAssistant, bus: FakeBus
) -> None:
    plugged = plug(bus)
    form = await begin(hass)
    bus.unplug(plugged)
    form = await submit(hass, form, unit=UNIT)
    assert form["errors"] == {"base": "usb_not_found"}
    plug(bus)
    form = await submit(hass, form)
    entry = await finish(hass, await submit(hass, form, unit=UNIT))
    await hass.config_entries.async_unload(entry.entry_id)


async def test_other_devices_only_for_who_asks_for_them(hass: HomeAssistant, bus: FakeBus) -> None:
    plug(bus, product_id=0x00FE, serial=None)
    form = await begin(hass)
    assert form["errors"] == {}
    assert offered(form) == []
    form = await submit(hass, form, other_devices=False)
    assert form["errors"] == {"base": "usb_not_found"}
    form = await submit(hass, form, other_devices=True)
    assert form["errors"] == {}
    assert offered(form) == ["BW55T (0590:00fe, 1-2.3)"]
    entry = await finish(hass, await submit(hass, form, unit="00fe//1-2.3"))
    assert entry.data["product_id"] == 0x00FE
    await hass.config_entries.async_unload(entry.entry_id)


async def test_unit_without_any_serial_number_is_known_by_its_port(
    hass: HomeAssistant, bus: FakeBus
) -> None:
    plug(bus, profile="generic-megatec", serial=None)
    form = await submit(hass, await begin(hass), unit="00d0//1-2.3")
    entry = await finish(hass, form)
    assert entry.unique_id == "1-2.3"
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("serial", ["L123", None])
async def test_unit_that_is_configured_already(
    hass: HomeAssistant, bus: FakeBus, serial: str | None
) -> None:
    identity = UsbIdentity(product_id=0x00D0, serial=serial, port="1-2.3")
    usb_entry(identity).add_to_hass(hass)
    plug(bus, serial=serial, ports=(2, 3))
    result = await submit(hass, await begin(hass))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


def test_what_tells_units_apart() -> None:
    assert telling_apart(identity_data(BW55T)) == {"product_id": 0x00D0, "serial": "L123"}
    by_port = UsbIdentity(product_id=0x00D0, port="1-2")
    assert telling_apart(identity_data(by_port)) == {"product_id": 0x00D0, "port": "1-2"}


async def test_set_up_waits_for_the_unit_and_finds_it_again(
    hass: HomeAssistant, bus: FakeBus
) -> None:
    entry = usb_entry()
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "device_not_found"
    plugged = plug(bus)
    await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(hass, "sensor.bw55t_status") == "on_mains"
    bus.unplug(plugged)
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "unavailable")
    plug(bus, ports=(4,))
    await eventually(lambda: state_of(hass, "sensor.bw55t_status") == "on_mains")
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_while_the_unit_is_open(hass: HomeAssistant, bus: FakeBus) -> None:
    plugged = plug(bus)
    entry = usb_entry()
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    bus.unplug(plugged)
    plug(bus, ports=(4,))
    form = await entry.start_reconfigure_flow(hass)
    assert form["step_id"] == "usb_device"
    result = await submit(hass, form)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["port"] == "1-4"
    assert is_loaded(entry)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_to_another_unit(hass: HomeAssistant, bus: FakeBus) -> None:
    entry = usb_entry()
    entry.add_to_hass(hass)
    plug(bus, profile="bn150t", serial="L999", ports=(4,))
    result = await submit(hass, await entry.start_reconfigure_flow(hass))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "unique_id_mismatch"
    assert entry.data["serial"] == "L123"


async def test_reconfigure_to_another_port(hass: HomeAssistant, bus: FakeBus) -> None:
    entry = usb_entry(UsbIdentity(product_id=0x00D0, port="1-2.3"), unique_id="1-2.3")
    entry.add_to_hass(hass)
    plug(bus, profile="generic-megatec", serial=None, ports=(4,))
    result = await submit(hass, await entry.start_reconfigure_flow(hass))
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.unique_id == "1-4"
    assert is_loaded(entry)
    await hass.config_entries.async_unload(entry.entry_id)
