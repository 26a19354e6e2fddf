"""The config and reconfigure flows, each error followed by its cure."""

from collections.abc import AsyncGenerator
import errno
from pathlib import Path
import socket
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_MODEL, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups.const import (
    CONF_ALIASES,
    CONF_ALLOWED_NETWORKS,
    CONF_CERTIFICATE,
    CONF_CONNECTION,
    CONF_DIALECT,
    CONF_DTR,
    CONF_ENABLED,
    CONF_EXPECTED_CLIENTS,
    CONF_NUT_SERVER,
    CONF_PRIVATE_KEY,
    CONF_REQUIRE_TLS,
    CONF_RTS,
    CONF_UPS_NAME,
    DEFAULT_PORT,
    DOMAIN,
    SECTION_ADVANCED,
)
from custom_components.omron_ups.driver import (
    DeviceBusyError,
    DevicePermissionError,
    Dialect,
    SerialTransport,
    TransportError,
)
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.profiles import PROFILES
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from scripts.lib.simulator_server import PtyServer
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    is_loaded,
    nut_server_input,
    nut_server_options,
    open_options,
    serial_entry,
    set_up,
    simulated_entry,
    unused_port,
)
from tests.ha.test_nut_certificate import FAULTS, break_certificate, write_certificate

pytestmark = pytest.mark.usefixtures("socket_enabled")

SERIAL_NUMBER = PROFILES["bw55t"].serial


@pytest.fixture
def ups() -> SimulatedUps:
    """Return a BW55T."""
    return SimulatedUps()


@pytest.fixture
async def pty(ups: SimulatedUps) -> AsyncGenerator[str]:
    """Return the path of a serial port with the UPS behind it."""
    async with PtyServer(ups) as server:
        yield server.place


@pytest.fixture
async def other_pty() -> AsyncGenerator[str]:
    """Return the path of a serial port with a UPS of another serial number behind it."""
    async with PtyServer(SimulatedUps(PROFILES["bn150t"])) as server:
        yield server.place


@pytest.fixture
async def megatec_pty() -> AsyncGenerator[str]:
    """Return the path of a serial port with a UPS behind it that tells no serial number."""
    async with PtyServer(SimulatedUps(PROFILES["generic-megatec"])) as server:
        yield server.place


async def choose(hass: HomeAssistant, kind: str) -> str:
    """Start the config flow, choose a connection, and return the id of the flow."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["usb_device", "serial", "nut", "simulated"]
    result = await submit(hass, result["flow_id"], {"next_step_id": kind})
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == kind
    return result["flow_id"]


async def submit(hass: HomeAssistant, flow_id: str, data: dict[str, Any]) -> ConfigFlowResult:
    """Submit a form of the config flow."""
    return await hass.config_entries.flow.async_configure(flow_id, data)


async def reach_nut_server(hass: HomeAssistant) -> ConfigFlowResult:
    """Return the form `nut_server` of a simulated UPS."""
    flow_id = await choose(hass, "simulated")
    result = await submit(hass, flow_id, {CONF_MODEL: "bw55t"})
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")
    return result


def defaults(form: ConfigFlowResult) -> dict[str, Any]:
    """Return what one press on Submit would send."""
    schema = form["data_schema"]
    assert schema is not None
    values: dict[str, Any] = schema({})
    return values


def created_entry(hass: HomeAssistant, result: ConfigFlowResult) -> MockConfigEntry:
    """Return the entry that the flow ended with."""
    assert result["type"] is FlowResultType.CREATE_ENTRY
    return result["result"]


async def test_one_press_on_submit_is_enough(hass: HomeAssistant) -> None:
    form = await reach_nut_server(hass)
    with patch("custom_components.omron_ups.nut_options.DEFAULT_PORT", unused_port()):
        form = await reach_nut_server(hass)
        result = await submit(hass, form["flow_id"], {})
    entry = created_entry(hass, result)
    assert entry.title == "BW55T"
    assert entry.data == {CONF_CONNECTION: "simulated", CONF_MODEL: "bw55t"}
    options = entry.options[CONF_NUT_SERVER]
    assert options[CONF_ENABLED] is True
    assert options[CONF_HOST] == "0.0.0.0"
    assert options[CONF_UPS_NAME] == "ups"
    assert options[CONF_ALIASES] == []
    assert {"127.0.0.0/8", "::1/128"} < set(options[CONF_ALLOWED_NETWORKS])
    await hass.async_block_till_done()
    assert is_loaded(entry)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_default_port_is_the_one_clients_expect(hass: HomeAssistant) -> None:
    form = await reach_nut_server(hass)
    assert defaults(form)[CONF_PORT] == DEFAULT_PORT


async def test_simulated_upses_are_all_different(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = await reach_nut_server(hass)
    result = await submit(hass, form["flow_id"], {})
    entry = created_entry(hass, result)
    options = entry.options[CONF_NUT_SERVER]
    served = loaded.options[CONF_NUT_SERVER]
    assert options[CONF_UPS_NAME] == "ups2"
    assert options[CONF_PORT] == served[CONF_PORT]
    assert options[CONF_ALLOWED_NETWORKS] == served[CONF_ALLOWED_NETWORKS]
    assert entry.unique_id != loaded.unique_id
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_networks_of_the_first_entry_are_read_only(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = await reach_nut_server(hass)
    assert read_only_fields(form) == {
        CONF_ALLOWED_NETWORKS,
        CONF_CERTIFICATE,
        CONF_PRIVATE_KEY,
        CONF_REQUIRE_TLS,
    }
    assert form["description_placeholders"] == {"owner": "BW55T"}


def read_only_fields(form: ConfigFlowResult) -> set[str]:
    """Return the fields that cannot be changed."""
    assert form["data_schema"] is not None
    fields = dict(form["data_schema"].schema)
    fields |= fields.pop(SECTION_ADVANCED).schema.schema
    return {
        str(name) for name, field in fields.items() if getattr(field, "config", {}).get("read_only")
    }


def is_collapsed(form: ConfigFlowResult) -> bool:
    """Tell whether the section is closed."""
    assert form["data_schema"] is not None
    collapsed: bool = form["data_schema"].schema[SECTION_ADVANCED].options["collapsed"]
    return collapsed


async def test_who_joins_gets_what_the_first_one_decided(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    form = await reach_nut_server(hass)
    tampered = nut_server_input(
        free_port, ups_name="ups2", allowed_networks=["0.0.0.0/0"], require_tls=True
    )
    result = await submit(hass, form["flow_id"], tampered)
    entry = created_entry(hass, result)
    assert entry.options[CONF_NUT_SERVER] == nut_server_options(free_port, ups_name="ups2")
    await hass.async_block_till_done()

    hass.config_entries.async_update_entry(entry, title="Second")
    form = await open_options(hass, entry)
    assert read_only_fields(form) >= {CONF_ALLOWED_NETWORKS, CONF_CERTIFICATE}
    assert form["description_placeholders"] == {"owner": "BW55T"}
    form = await open_options(hass, loaded)
    assert read_only_fields(form) == set()
    # What the first one changes holds for the other, also when it is alone one day.
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], nut_server_input(free_port, allowed_networks=["127.0.0.1/32"])
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.options[CONF_NUT_SERVER][CONF_ALLOWED_NETWORKS] == ["127.0.0.1/32"]
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("fault", FAULTS)
async def test_certificate_that_cannot_be_used(
    hass: HomeAssistant, tmp_path: Path, fault: str
) -> None:
    files = write_certificate(tmp_path)
    break_certificate(tmp_path, fault)
    form = await reach_nut_server(hass)
    assert is_collapsed(form)
    port = unused_port()
    result = await submit(hass, form["flow_id"], nut_server_input(port, **files))
    # The frontend shows no error at a field inside a section.
    assert result["errors"] == {SECTION_ADVANCED: fault}
    assert not is_collapsed(result)
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    assert placeholders["certificate_culprit"] == files[CONF_CERTIFICATE]
    assert placeholders["private_key_culprit"] == files[CONF_PRIVATE_KEY]
    write_certificate(tmp_path)
    result = await submit(hass, form["flow_id"], nut_server_input(port, **files))
    entry = created_entry(hass, result)
    await hass.async_block_till_done()
    assert entry.runtime_data.nut.server.has_tls
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        ({CONF_PRIVATE_KEY: "key.pem"}, "certificate_missing"),
        ({CONF_REQUIRE_TLS: True}, "tls_without_certificate"),
        ({CONF_EXPECTED_CLIENTS: ["nas", "my nas"]}, "invalid_host"),
        ({CONF_EXPECTED_CLIENTS: ["192.0.2.300"]}, "invalid_host"),
        ({CONF_EXPECTED_CLIENTS: ["-nas"]}, "invalid_host"),
    ],
)
async def test_mistakes_in_the_section(
    hass: HomeAssistant, no_name_server: None, mistake: dict[str, Any], error: str
) -> None:
    form = await reach_nut_server(hass)
    port = unused_port()
    result = await submit(hass, form["flow_id"], nut_server_input(port, **mistake))
    assert result["errors"] == {SECTION_ADVANCED: error}
    good = nut_server_input(port, expected_clients=["192.0.2.3", "nas.lan", "2001:db8::1", " "])
    result = await submit(hass, form["flow_id"], good)
    entry = created_entry(hass, result)
    stored = entry.options[CONF_NUT_SERVER][CONF_EXPECTED_CLIENTS]
    assert stored == ["192.0.2.3", "nas.lan", "2001:db8::1"]
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_fields_of_the_section_can_be_emptied(
    hass: HomeAssistant,
    no_name_server: None,
    loaded: MockConfigEntry,
    free_port: int,
    tmp_path: Path,
) -> None:
    """The frontend leaves a field out that was emptied; a default would come back."""
    files = write_certificate(tmp_path)
    configure = hass.config_entries.options.async_configure
    form = await open_options(hass, loaded)
    await configure(form["flow_id"], nut_server_input(free_port, expected_clients=["nas"], **files))
    assert loaded.options[CONF_NUT_SERVER][CONF_CERTIFICATE] == files[CONF_CERTIFICATE]
    form = await open_options(hass, loaded)
    user_input = {**nut_server_input(free_port), SECTION_ADVANCED: {}}
    await configure(form["flow_id"], user_input)
    assert loaded.options[CONF_NUT_SERVER] == nut_server_options(free_port)
    await hass.async_block_till_done()


async def test_options_of_an_entry_that_was_stored_before_there_were_more(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    old = nut_server_input(free_port)
    del old[SECTION_ADVANCED]
    hass.config_entries.async_update_entry(loaded, options={CONF_NUT_SERVER: old})
    await hass.async_block_till_done()
    assert loaded.runtime_data.nut.is_serving
    form = await open_options(hass, loaded)
    await hass.config_entries.options.async_configure(form["flow_id"], {})
    assert loaded.options[CONF_NUT_SERVER] == nut_server_options(free_port)


async def test_serial(hass: HomeAssistant, pty: str) -> None:
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    result = await submit(hass, result["flow_id"], nut_server_input(unused_port()))
    entry = created_entry(hass, result)
    assert entry.title == "BW55T"
    assert entry.unique_id == SERIAL_NUMBER
    assert entry.data == {
        CONF_CONNECTION: "serial",
        CONF_DEVICE: pty,
        CONF_DIALECT: Dialect.OMRON,
        CONF_DTR: True,
        CONF_RTS: False,
    }
    await hass.async_block_till_done()
    assert is_loaded(entry)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_unit_that_does_not_tell_its_model_is_named_by_its_size(
    hass: HomeAssistant, other_pty: str
) -> None:
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: other_pty})
    result = await submit(hass, result["flow_id"], nut_server_input(unused_port(), enabled=False))
    entry = created_entry(hass, result)
    assert entry.title == "OMRON 1125 VA"
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_serial_port_is_stored_by_its_id(
    hass: HomeAssistant, ups: SimulatedUps, tmp_path: Path
) -> None:
    by_id = tmp_path / "usb-Adapter-if00"
    async with PtyServer(ups, link=by_id):
        flow_id = await choose(hass, "serial")
        with patch(
            "custom_components.omron_ups.serial_port.usb.get_serial_by_id",
            return_value=str(by_id),
        ) as get_serial_by_id:
            result = await submit(hass, flow_id, {CONF_DEVICE: "/dev/ttyUSB0"})
        get_serial_by_id.assert_called_once_with("/dev/ttyUSB0")
        result = await submit(
            hass, result["flow_id"], nut_server_input(unused_port(), enabled=False)
        )
        entry = created_entry(hass, result)
        assert entry.data[CONF_DEVICE] == str(by_id)
        await hass.async_block_till_done()
        await hass.config_entries.async_unload(entry.entry_id)


async def test_unit_without_a_serial_number(hass: HomeAssistant, megatec_pty: str) -> None:
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: megatec_pty, CONF_DIALECT: Dialect.MEGATEC})
    result = await submit(hass, result["flow_id"], nut_server_input(unused_port(), enabled=False))
    entry = created_entry(hass, result)
    assert entry.title == "UPS"
    assert entry.unique_id == megatec_pty
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_nothing_at_the_port(hass: HomeAssistant, pty: str) -> None:
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: "/dev/ttyNONE"})
    assert result["errors"] == {"base": "device_not_found"}
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


async def test_port_in_use_by_another_program(
    hass: HomeAssistant, pty: str, other_pty: str
) -> None:
    holder = SerialTransport(pty)
    await holder.open()
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["errors"] == {"base": "device_busy"}
    await holder.close()
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (FaultKind.SILENCE, "no_reply"),
        (FaultKind.NAK, "not_a_ups"),
        (FaultKind.GARBLED, "not_a_ups"),
    ],
)
async def test_port_without_a_proper_ups(
    hass: HomeAssistant, pty: str, ups: SimulatedUps, fault: FaultKind, error: str
) -> None:
    ups.inject(Fault(kind=fault))
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["errors"] == {"base": error}
    ups.clear_faults()
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        (DevicePermissionError("no"), "device_permission"),
        (DeviceBusyError("no"), "device_busy"),
        (TransportError("no"), "cannot_connect"),
        (RuntimeError("a bug"), "unknown"),
    ],
)
async def test_errors_that_a_test_cannot_bring_about(
    hass: HomeAssistant, pty: str, problem: Exception, error: str
) -> None:
    flow_id = await choose(hass, "serial")
    with patch.object(SerialTransport, "_open", side_effect=problem):
        result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["errors"] == {"base": error}
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


async def test_port_that_is_configured_already(hass: HomeAssistant, pty: str) -> None:
    entry = serial_entry(pty, SERIAL_NUMBER)
    entry.add_to_hass(hass)
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_ups_that_is_configured_already_at_another_port(
    hass: HomeAssistant, pty: str
) -> None:
    entry = serial_entry("/dev/ttyOTHER", SERIAL_NUMBER)
    entry.add_to_hass(hass)
    flow_id = await choose(hass, "serial")
    result = await submit(hass, flow_id, {CONF_DEVICE: pty})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


@pytest.mark.parametrize(
    ("mistake", "errors", "culprit"),
    [
        ({CONF_UPS_NAME: "my ups"}, {CONF_UPS_NAME: "invalid_name"}, "my ups"),
        ({CONF_UPS_NAME: " "}, {CONF_UPS_NAME: "invalid_name"}, ""),
        ({CONF_ALIASES: ["ok", "ups@home"]}, {CONF_ALIASES: "invalid_name"}, "ups@home"),
        (
            {CONF_ALLOWED_NETWORKS: ["10.0.0.0/8", "home"]},
            {CONF_ALLOWED_NETWORKS: "invalid_network"},
            "home",
        ),
        ({CONF_ALLOWED_NETWORKS: ["", " "]}, {CONF_ALLOWED_NETWORKS: "no_network"}, ""),
        ({CONF_HOST: "192.0.2.1"}, {CONF_HOST: "address_not_available"}, "192.0.2.1"),
        ({CONF_HOST: " "}, {CONF_HOST: "no_address"}, ""),
    ],
)
async def test_mistakes_about_the_nut_server(
    hass: HomeAssistant, mistake: dict[str, Any], errors: dict[str, str], culprit: str
) -> None:
    form = await reach_nut_server(hass)
    port = unused_port()
    result = await submit(hass, form["flow_id"], nut_server_input(port, **mistake))
    assert result["errors"] == errors
    field = next(iter(errors))
    assert result["description_placeholders"] == {f"{field}_culprit": culprit, "owner": "BW55T"}
    result = await submit(hass, form["flow_id"], nut_server_input(port))
    entry = created_entry(hass, result)
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_nut_port_in_use_by_another_program(hass: HomeAssistant) -> None:
    form = await reach_nut_server(hass)
    with socket.create_server((LOOPBACK, 0)) as other_program:
        port = other_program.getsockname()[1]
        result = await submit(hass, form["flow_id"], nut_server_input(port))
        assert result["errors"] == {CONF_PORT: "port_in_use"}
        placeholders = result["description_placeholders"]
        assert placeholders == {"port_culprit": str(port), "owner": "BW55T"}
    result = await submit(hass, form["flow_id"], nut_server_input(port))
    entry = created_entry(hass, result)
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_nut_port_that_the_system_keeps(hass: HomeAssistant) -> None:
    form = await reach_nut_server(hass)
    options = nut_server_input(unused_port())
    with patch(
        "asyncio.base_events.BaseEventLoop.create_server",
        side_effect=PermissionError(errno.EACCES, "no"),
    ):
        result = await submit(hass, form["flow_id"], options)
    assert result["errors"] == {CONF_PORT: "cannot_listen"}
    result = await submit(hass, form["flow_id"], options)
    entry = created_entry(hass, result)
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_input_is_tidied(hass: HomeAssistant) -> None:
    form = await reach_nut_server(hass)
    port = unused_port()
    untidy = nut_server_input(
        port,
        host=f" {LOOPBACK} ",
        ups_name=" rack ",
        aliases=["qnapups ", "", "qnapups"],
        allowed_networks=["127.0.0.1/8", " 127.0.0.0/8", "10.1.2.3"],
    )
    result = await submit(hass, form["flow_id"], untidy)
    entry = created_entry(hass, result)
    assert entry.options[CONF_NUT_SERVER] == nut_server_options(
        port,
        ups_name="rack",
        aliases=["qnapups"],
        allowed_networks=["127.0.0.0/8", "10.1.2.3/32"],
    )
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("clash", "field"),
    [({CONF_UPS_NAME: "UPS"}, CONF_UPS_NAME), ({CONF_ALIASES: ["nas"]}, CONF_ALIASES)],
)
async def test_name_of_another_ups_on_the_same_server(
    hass: HomeAssistant, clash: dict[str, Any], field: str
) -> None:
    port = unused_port()
    first = simulated_entry(port, aliases=["nas"])
    first.add_to_hass(hass)
    await set_up(hass, first)
    form = await reach_nut_server(hass)
    good = nut_server_input(port, ups_name="ups2")
    result = await submit(hass, form["flow_id"], {**good, **clash})
    assert result["errors"] == {field: "name_taken"}
    result = await submit(hass, form["flow_id"], good)
    entry = created_entry(hass, result)
    await hass.async_block_till_done()
    for item in (first, entry):
        await hass.config_entries.async_unload(item.entry_id)


async def reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]
) -> ConfigFlowResult:
    """Submit the form of the reconfigure flow."""
    form = await entry.start_reconfigure_flow(hass)
    assert form["type"] is FlowResultType.FORM
    return await submit(hass, form["flow_id"], data)


async def test_reconfigure_suggests_what_is_set(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = await loaded.start_reconfigure_flow(hass)
    assert form["step_id"] == "simulated"
    marker = next(iter(form["data_schema"].schema))
    assert marker.description == {"suggested_value": "bw55t"}


async def test_reconfigure_simulated(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    unique_id = loaded.unique_id
    result = await reconfigure(hass, loaded, {CONF_MODEL: "bn150t"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert is_loaded(loaded)
    assert loaded.runtime_data.ups.state.model == "BN150T"
    assert loaded.unique_id == unique_id


async def test_reconfigure_moves_an_entry_that_waits_for_its_ups(
    hass: HomeAssistant, pty: str
) -> None:
    entry = serial_entry("/dev/ttyGONE", SERIAL_NUMBER)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    result = await reconfigure(hass, entry, {CONF_DEVICE: pty, CONF_DIALECT: "omron"})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data[CONF_DEVICE] == pty
    assert is_loaded(entry)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_error_then_recover(hass: HomeAssistant, pty: str) -> None:
    entry = serial_entry("/dev/ttyGONE", SERIAL_NUMBER)
    entry.add_to_hass(hass)
    form = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, form["flow_id"], {CONF_DEVICE: "/dev/ttyNONE"})
    assert result["errors"] == {"base": "device_not_found"}
    result = await submit(hass, form["flow_id"], {CONF_DEVICE: pty})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_to_another_ups(hass: HomeAssistant, pty: str, other_pty: str) -> None:
    entry = serial_entry(pty, SERIAL_NUMBER)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    result = await reconfigure(hass, entry, {CONF_DEVICE: other_pty, CONF_DIALECT: "omron"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "unique_id_mismatch"
    assert entry.data[CONF_DEVICE] == pty
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_the_dialect_on_the_port_that_is_open(
    hass: HomeAssistant, pty: str
) -> None:
    entry = serial_entry(pty, SERIAL_NUMBER)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    result = await reconfigure(hass, entry, {CONF_DEVICE: pty, CONF_DIALECT: "megatec"})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert is_loaded(entry)
    assert entry.unique_id == SERIAL_NUMBER
    assert entry.runtime_data.ups.state.serial is None
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_learns_the_serial_number(
    hass: HomeAssistant, pty: str, megatec_pty: str
) -> None:
    entry = serial_entry(megatec_pty, megatec_pty, dialect="megatec")
    entry.add_to_hass(hass)
    result = await reconfigure(hass, entry, {CONF_DEVICE: pty, CONF_DIALECT: "omron"})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.unique_id == SERIAL_NUMBER
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_keeps_the_port_as_unique_id(
    hass: HomeAssistant, megatec_pty: str
) -> None:
    entry = serial_entry(megatec_pty, megatec_pty)
    entry.add_to_hass(hass)
    result = await reconfigure(hass, entry, {CONF_DEVICE: megatec_pty, CONF_DIALECT: "megatec"})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.unique_id == megatec_pty
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_to_a_ups_that_is_configured(
    hass: HomeAssistant, pty: str, megatec_pty: str
) -> None:
    serial_entry("/dev/ttyOTHER", SERIAL_NUMBER).add_to_hass(hass)
    entry = serial_entry(megatec_pty, megatec_pty)
    entry.add_to_hass(hass)
    result = await reconfigure(hass, entry, {CONF_DEVICE: pty, CONF_DIALECT: "omron"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
