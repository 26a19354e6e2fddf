"""A UPS of another NUT server: adding it, changing it, and each error followed by its cure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowContext,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups.const import (
    CONF_BATTERY,
    CONF_BATTERY_PACKS,
    CONF_NUT_SERVER,
    CONF_UPS,
    DOMAIN,
    SECTION_REMINDERS,
)
from custom_components.omron_ups.remote_server import (
    SERVER_SCHEMA,
    account_data,
    async_list_ups,
    remote_place,
    remote_server,
    server_data,
    ups_schema,
    with_account,
    without_password,
)
from tests.driver.remote_data import HEALTHY, LIST_VAR, UNIT
from tests.driver.remote_rig import (
    ADMIN,
    DUMP,
    HEADER,
    SILENCE_S,
    PushedDriver,
    Rig,
    Upsd,
    give_up_after,
    need,
    odd_server,
)
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    change_nut_server,
    eventually,
    is_loaded,
    nut_server_input,
    open_options,
    remote_entry,
    set_up,
    state_of,
    unused_port,
)
from tests.ha.test_config_flow import choose, created_entry, submit

pytestmark = pytest.mark.usefixtures("socket_enabled")

SERIAL_NUMBER = UNIT["ups.serial"].strip()
NO_UPS = b"BEGIN LIST UPS\nEND LIST UPS\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on silent servers soon."""
    give_up_after(SILENCE_S, monkeypatch)


def at(port: int, **account: str) -> dict[str, Any]:
    """Return what the form of the step `nut` sends."""
    return {CONF_HOST: LOOPBACK, CONF_PORT: port, **account}


def suggested(form: ConfigFlowResult) -> dict[str, Any]:
    """Return what the form is filled with."""
    assert form["data_schema"] is not None
    return {
        str(marker): marker.description["suggested_value"]
        for marker in form["data_schema"].schema
        if marker.description
    }


async def reconfigure(hass: HomeAssistant, entry: ConfigEntry) -> ConfigFlowResult:
    """Return the form of the reconfigure flow."""
    context: ConfigFlowContext = {"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    return await hass.config_entries.flow.async_init(DOMAIN, context=context)


async def finish(hass: HomeAssistant, form: ConfigFlowResult) -> MockConfigEntry:
    """Submit the form `nut_server` without serving, and return the entry once it is set up."""
    assert form["step_id"] == CONF_NUT_SERVER, form.get("errors")
    user_input = nut_server_input(unused_port(), enabled=False)
    entry = created_entry(hass, await submit(hass, form["flow_id"], user_input))
    await hass.async_block_till_done()
    assert is_loaded(entry)
    return entry


async def test_a_nas_whose_ups_hides_its_serial_number(hass: HomeAssistant, tmp_path: Path) -> None:
    need("dummy-ups")
    upsd = Upsd(tmp_path, unused_port(), ("qnapups",))
    unit = tmp_path / "unit.seq"
    unit.write_bytes(DUMP.read_bytes())
    upsd.write_configuration({"qnapups": f"driver = dummy-ups\nport = {unit}\nmode = dummy-once"})
    try:
        await upsd.run("dummy-ups", "-a", "qnapups")
        await upsd.start()
        flow_id = await choose(hass, "nut")
        entry = await finish(hass, await submit(hass, flow_id, at(upsd.port)))
        assert entry.title == "BW55T"
        assert entry.unique_id == f"127.0.0.1:{upsd.port}/qnapups"
        assert entry.data == {"connection": "nut", **at(upsd.port), CONF_UPS: "qnapups"}
        assert state_of(hass, "sensor.bw55t_battery_charge") == "100"
        assert state_of(hass, "binary_sensor.bw55t_mains") == "on"
        await hass.config_entries.async_unload(entry.entry_id)
    finally:
        await upsd.close()


async def test_with_an_account(hass: HomeAssistant, rig: Rig) -> None:
    flow_id = await choose(hass, "nut")
    entry = await finish(hass, await submit(hass, flow_id, at(rig.port, **ADMIN)))
    assert entry.unique_id == SERIAL_NUMBER
    assert entry.data == {"connection": "nut", **at(rig.port), **ADMIN, CONF_UPS: "ups"}
    assert "load.off" in entry.runtime_data.ups.commands
    # Cancelling a shutdown is one command that the server offers, so there is a button.
    await hass.services.async_call(
        "button", "press", {"entity_id": "button.bw55t_cancel_shutdown"}, blocking=True
    )
    assert rig.driver.orders == ["INSTCMD shutdown.stop"]
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_server_with_several(hass: HomeAssistant, tmp_path: Path) -> None:
    need("upsd")
    upsd = Upsd(tmp_path, unused_port(), ("rack", "desk"))
    upsd.write_configuration(
        {
            "rack": 'driver = stub\nport = auto\ndesc = "In the rack"',
            "desk": "driver = stub\nport = auto",
        }
    )
    drivers = [
        PushedDriver(tmp_path / f"stub-{name}", {"ups.status": "OL", "ups.model": name})
        for name in upsd.names
    ]
    for driver in drivers:
        await driver.start()
    try:
        await upsd.start()
        flow_id = await choose(hass, "nut")
        form = await submit(hass, flow_id, at(upsd.port))
        assert form["step_id"] == "ups"
        assert form["data_schema"] is not None
        (selector,) = form["data_schema"].schema.values()
        assert selector.config["options"] == [
            {"value": "rack", "label": "rack (In the rack)"},
            {"value": "desk", "label": "desk"},
        ]
        entry = await finish(hass, await submit(hass, form["flow_id"], {CONF_UPS: "desk"}))
        assert entry.title == "desk"
        assert entry.unique_id == f"127.0.0.1:{upsd.port}/desk"

        flow_id = await choose(hass, "nut")
        form = await submit(hass, flow_id, at(upsd.port))
        result = await submit(hass, form["flow_id"], {CONF_UPS: "desk"})
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "already_configured"

        # The UPS that it is stays chosen; only where there is none of that name one has to be.
        form = await reconfigure(hass, entry)
        result = await submit(hass, form["flow_id"], at(upsd.port))
        assert result["reason"] == "reconfigure_successful"
        hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_UPS: "gone"})
        await hass.async_block_till_done()
        form = await reconfigure(hass, entry)
        form = await submit(hass, form["flow_id"], at(upsd.port))
        assert form["step_id"] == "ups"
        await hass.config_entries.async_unload(entry.entry_id)
    finally:
        await upsd.close()
        for driver in drivers:
            await driver.stop()


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"LIST UPS": None}, "address_not_allowed"),
        ({"LIST UPS": b"ERR ACCESS-DENIED\n"}, "address_not_allowed"),
        ({"LIST UPS": b"220 mail.example ESMTP\n"}, "not_a_nut_server"),
        ({"LIST UPS": b""}, "server_silent"),
        ({"LIST UPS": NO_UPS}, "no_ups"),
        ({LIST_VAR: b"ERR DATA-STALE\n"}, "old_data"),
        ({LIST_VAR: b"ERR DRIVER-NOT-CONNECTED\n"}, "no_data"),
        ({LIST_VAR: b"ERR UNKNOWN-UPS\n"}, "unknown_ups"),
    ],
)
async def test_a_server_that_does_not_help(
    hass: HomeAssistant, answers: Mapping[str, bytes | None], error: str
) -> None:
    async with odd_server({**HEALTHY, **answers}) as server:
        flow_id = await choose(hass, "nut")
        result = await submit(hass, flow_id, at(server.port))
        assert result["step_id"] == "nut"
        assert result["errors"] == {"base": error}
        assert suggested(result) == at(server.port)
        server.answers |= {"LIST UPS": HEADER, **HEALTHY}
        result = await submit(hass, flow_id, at(server.port))
        assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


async def test_the_address_to_allow_is_named(hass: HomeAssistant) -> None:
    async with odd_server({"LIST UPS": None}) as server:
        flow_id = await choose(hass, "nut")
        result = await submit(hass, flow_id, at(server.port))
        assert result["description_placeholders"] == {"own_address": " (127.0.0.1)"}


async def test_nobody_there(hass: HomeAssistant, rig: Rig) -> None:
    flow_id = await choose(hass, "nut")
    result = await submit(hass, flow_id, at(unused_port()))
    assert result["errors"] == {"base": "server_unreachable"}
    result = await submit(hass, flow_id, at(rig.port))
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


async def test_an_error_that_nobody_thought_of(hass: HomeAssistant, rig: Rig) -> None:
    flow_id = await choose(hass, "nut")
    target = "custom_components.omron_ups.remote_server.list_remote_ups"
    with patch(target, side_effect=RuntimeError("a bug")):
        result = await submit(hass, flow_id, at(rig.port))
    assert result["errors"] == {"base": "unknown"}
    result = await submit(hass, flow_id, at(rig.port))
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


async def test_refused_credentials(hass: HomeAssistant, rig: Rig) -> None:
    flow_id = await choose(hass, "nut")
    result = await submit(hass, flow_id, at(rig.port, **{**ADMIN, CONF_PASSWORD: "wrong"}))
    assert result["errors"] == {"base": "credentials_refused"}
    # A password never goes back to the browser.
    assert suggested(result) == at(rig.port, username=ADMIN[CONF_USERNAME])
    result = await submit(hass, flow_id, at(rig.port, **ADMIN))
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


@pytest.mark.parametrize(
    ("served_at", "host"),
    [
        (LOOPBACK, LOOPBACK),
        (LOOPBACK, "localhost"),
        ("localhost", LOOPBACK),
        ("0.0.0.0", LOOPBACK),
        ("0.0.0.0", "0.0.0.0"),
    ],
)
async def test_our_own_server(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int, served_at: str, host: str
) -> None:
    await change_nut_server(hass, loaded, host=served_at)
    assert loaded.runtime_data.nut.is_serving
    flow_id = await choose(hass, "nut")
    result = await submit(hass, flow_id, {CONF_HOST: host, CONF_PORT: free_port})
    assert result["errors"] == {"base": "own_server"}


@pytest.mark.usefixtures("loaded")
async def test_another_server_on_this_machine_is_not_ours(hass: HomeAssistant, rig: Rig) -> None:
    flow_id = await choose(hass, "nut")
    result = await submit(hass, flow_id, at(rig.port))
    assert result["step_id"] == CONF_NUT_SERVER, result.get("errors")


async def test_an_address_that_nobody_knows_is_not_ours(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int, no_name_server: None
) -> None:
    assert await async_list_ups_of(hass, "nas", free_port) == {}


async def test_the_same_port_of_another_machine_is_not_ours(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    assert await async_list_ups_of(hass, "192.0.2.1", free_port) == {}
    assert await async_list_ups_of(hass, "127.0.0.2", free_port) == {}
    await change_nut_server(hass, loaded, host="0.0.0.0")
    assert await async_list_ups_of(hass, "192.0.2.1", free_port) == {}
    assert await async_list_ups_of(hass, "127.0.0.2", free_port) is None


async def async_list_ups_of(hass: HomeAssistant, host: str, port: int) -> dict[str, str] | None:
    """Return what is listed of a server that would have no UPS."""
    target = "custom_components.omron_ups.remote_server.list_remote_ups"
    with patch(target, return_value={}):
        return await async_list_ups(hass, {CONF_HOST: host, CONF_PORT: port})


async def test_reconfigure_to_another_port(hass: HomeAssistant, rig: Rig) -> None:
    entry = remote_entry(unused_port(), unique_id=SERIAL_NUMBER, **ADMIN)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "server_unreachable"
    form = await reconfigure(hass, entry)
    assert form["step_id"] == "nut"
    assert CONF_PASSWORD not in suggested(form)
    result = await submit(
        hass, form["flow_id"], at(rig.port, username=ADMIN[CONF_USERNAME], password="")
    )
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert is_loaded(entry)
    assert entry.data == {"connection": "nut", **at(rig.port), **ADMIN, CONF_UPS: "ups"}
    await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_to_another_ups(hass: HomeAssistant, rig: Rig) -> None:
    entry = remote_entry(unused_port(), unique_id="another")
    entry.add_to_hass(hass)
    form = await reconfigure(hass, entry)
    result = await submit(hass, form["flow_id"], at(rig.port))
    assert result["reason"] == "unique_id_mismatch"


async def test_reconfigure_learns_the_serial_number(hass: HomeAssistant, rig: Rig) -> None:
    entry = remote_entry(rig.port)
    entry.add_to_hass(hass)
    form = await reconfigure(hass, entry)
    result = await submit(hass, form["flow_id"], at(rig.port))
    assert result["reason"] == "reconfigure_successful"
    assert entry.unique_id == SERIAL_NUMBER
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_only_what_is_known_of_the_battery_can_be_changed(
    hass: HomeAssistant, rig: Rig
) -> None:
    entry = remote_entry(rig.port)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    # This server tells no battery voltage, and its self-test is its own affair.
    form = await open_options(hass, entry, CONF_BATTERY)
    assert form["data_schema"] is not None
    assert list(form["data_schema"].schema) == [SECTION_REMINDERS]
    hass.config_entries.options.async_abort(form["flow_id"])
    rig.driver.set("battery.voltage", "13.7")
    await eventually(lambda: entry.runtime_data.ups.state.battery_voltage == 13.7)
    form = await open_options(hass, entry, CONF_BATTERY)
    await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_BATTERY_PACKS: 2, SECTION_REMINDERS: {}}
    )
    await hass.async_block_till_done()
    assert entry.runtime_data.ups.state.battery_voltage == 27.4
    await hass.config_entries.async_unload(entry.entry_id)


def test_an_empty_password_keeps_that_of_the_same_account() -> None:
    before = {CONF_USERNAME: "joe", CONF_PASSWORD: "secret"}
    assert account_data({CONF_USERNAME: " joe "}, before=before) == before
    assert account_data({CONF_USERNAME: "ann"}, before=before) == {
        CONF_USERNAME: "ann",
        CONF_PASSWORD: "",
    }
    assert account_data({CONF_PASSWORD: "secret"}, before=before) == {}
    assert with_account({**before, CONF_UPS: "ups"}, {}) == {CONF_UPS: "ups"}
    assert without_password(before) == {CONF_USERNAME: "joe"}


def test_ipv6_and_case() -> None:
    data = server_data({CONF_HOST: " [2001:DB8::1] ", CONF_PORT: 3493}, before={})
    assert remote_server(data).host == "2001:DB8::1"
    assert remote_place({**data, CONF_UPS: "Rack"}) == "[2001:db8::1]:3493/rack"


def test_forms() -> None:
    assert SERVER_SCHEMA({CONF_HOST: "nas"}) == {CONF_HOST: "nas", CONF_PORT: 3493}
    assert ups_schema({"a": "", "b": "B"})({}) == {CONF_UPS: "a"}
