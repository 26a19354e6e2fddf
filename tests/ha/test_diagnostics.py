"""Diagnostics, and what must not be in them."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import ExtendedJSONEncoder
import pytest

from custom_components.omron_ups.diagnostics import (
    _public_device,
    async_get_config_entry_diagnostics,
)
from custom_components.omron_ups.driver import SimulatedUps, load_replies
from custom_components.omron_ups.shutdown.fields import FieldType
from custom_components.omron_ups.shutdown.kinds import KINDS
from scripts.lib.simulator_server import TcpServer
from tests.driver.remote_data import UNIT
from tests.driver.remote_rig import Rig
from tests.ha.common import (
    MockConfigEntry,
    NutConnection,
    add_account,
    change_nut_server,
    eventually,
    remote_entry,
    serial_entry,
    set_up,
    simulated_entry,
)
from tests.ha.plan import subentry

SECRET = "planted-secret"


async def diagnose(hass: HomeAssistant, entry: MockConfigEntry) -> tuple[dict[str, Any], str]:
    """Return the diagnostics, and the file that a user would send."""
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    text = json.dumps(diagnostics, cls=ExtendedJSONEncoder)
    return json.loads(text), text


async def test_what_helps_is_there(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    found, _ = await diagnose(hass, loaded)
    assert found["data"] == {"connection": "simulated", "model": "bw55t"}
    assert found["options"]["nut_server"]["ups_name"] == "ups"
    assert found["ups"]["state"]["raw_status"] == "00101000"
    assert found["ups"]["state"]["model"] == "BW55T"
    assert found["ups"]["variables"]["ups.status"] == "OL"
    assert found["ups"]["last_error"] is None
    assert load_replies(found["dump"])["Q1"].startswith("(")
    assert "beeper.disable" in found["dump"]["commands"]
    assert found["nut"] == {
        "is_serving": True,
        "has_tls": False,
        "statistics": {"accepted": 0, "connections": 0, "refused": 0, "requests": 0},
        "clients": [],
        "forced_shutdowns": [],
        "audit": [],
    }
    assert found["outages"]["count"] == 0
    simulated.unplug()
    await eventually(lambda: loaded.runtime_data.ups.last_error is not None)
    found, _ = await diagnose(hass, loaded)
    assert found["ups"]["last_error"] == "DeviceNotFoundError"


async def test_what_is_nobody_elses_business_is_not(
    hass: HomeAssistant, no_name_server: None, free_port: int
) -> None:
    entry = simulated_entry(
        free_port,
        allowed_networks=["127.0.0.0/8", "192.0.2.0/24"],
        expected_clients=[f"{SECRET}-host"],
        certificate=f"/{SECRET}/cert.pem",
        private_key=f"/{SECRET}/key.pem",
    )
    entry.add_to_hass(hass)
    await add_account(hass, entry, f"{SECRET}-user", SECRET, networks=["192.0.2.7/32"])
    await set_up(hass, entry)
    found, text = await diagnose(hass, entry)
    assert found["subentries"] == [
        {
            "type": "nut_account",
            "username": "**REDACTED**",
            "password_hash": "**REDACTED**",
            "role": "monitor",
            "networks": "**REDACTED**",
        }
    ]
    secrets = (SECRET, "scrypt$", "192.0.2.", "127.0.0.", "SIMULATED00001")
    assert [secret for secret in secrets if secret in text] == []
    await hass.config_entries.async_unload(entry.entry_id)


async def test_what_clients_did_is_there_without_their_names(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await eventually(lambda: "beeper.disable" in loaded.runtime_data.ups.commands)
    await add_account(hass, loaded, f"{SECRET}-user", role="admin")
    async with NutConnection(free_port) as client:
        assert await client.log_in(f"{SECRET}-user") == "OK"
        await client.ask("INSTCMD ups beeper.disable")
        await client.ask(f"SET VAR ups ups.start.auto {SECRET}")
        await client.ask(f"SET VAR ups {SECRET} yes")
        await client.ask("FSD ups")
        found, text = await diagnose(hass, loaded)
    nut = found["nut"]
    assert [(record["kind"], record["detail"], record["outcome"]) for record in nut["audit"]] == [
        ("instcmd", "beeper.disable", "OK"),
        ("set", "ups.start.auto", "ERR INVALID-VALUE"),
        ("set", "**REDACTED**", "ERR VAR-NOT-SUPPORTED"),
        ("fsd", "", "OK FSD-SET"),
    ]
    assert nut["forced_shutdowns"] == ["ups"]
    assert len(nut["clients"]) == 1
    assert [secret for secret in (SECRET, "127.0.0.1") if secret in text] == []


async def test_refused_addresses_are_counted_without_being_named(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await change_nut_server(hass, loaded, allowed_networks=["192.0.2.0/24"])
    async with NutConnection(free_port) as client:
        assert await client.ask("VER") == ""
    await eventually(lambda: bool(loaded.runtime_data.nut.audit))
    found, text = await diagnose(hass, loaded)
    assert [record["kind"] for record in found["nut"]["audit"]] == ["address"]
    assert found["nut"]["statistics"]["refused"] == 1
    assert "127.0.0.1" not in text


@pytest.mark.usefixtures("socket_enabled")
async def test_secrets_of_an_address_are_not_there(hass: HomeAssistant) -> None:
    async with TcpServer(SimulatedUps()) as server:
        url = f"socket://{server.place}?{SECRET}"
        entry = serial_entry(url, SECRET)
        entry.add_to_hass(hass)
        await set_up(hass, entry)
        found, text = await diagnose(hass, entry)
        assert found["data"]["device"] == "socket://**REDACTED**"
        assert [secret for secret in (SECRET, server.place) if secret in text] == []
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("device", "shown"),
    [
        ("/dev/ttyUSB0", "/dev/ttyUSB0"),
        (f"/dev/serial/by-id/usb-FTDI_{SECRET}-if00-port0", "**REDACTED**"),
        (f"socket://192.0.2.1:4001?{SECRET}", "socket://**REDACTED**"),
    ],
)
def test_only_the_name_of_a_port_is_shown(device: str, shown: str) -> None:
    assert _public_device(serial_entry(device, SECRET)) == {"device": shown}


async def test_a_ups_of_another_server(hass: HomeAssistant, rig: Rig) -> None:
    account = {"username": f"{SECRET}-user", "password": f"{SECRET}-password"}
    entry = remote_entry(rig.port, **account)
    entry.add_to_hass(hass)
    rig.driver.set("device.location", SECRET)
    rig.driver.set("device.contact", SECRET)
    await set_up(hass, entry)
    ups = entry.runtime_data.ups
    await eventually(lambda: ups.state.variables.get("device.contact") == SECRET)
    found, text = await diagnose(hass, entry)
    assert found["dump"] is None
    assert found["data"]["ups"] == "ups"
    assert found["ups"]["state"]["model"] == "BW55T"
    secrets = (SECRET, "127.0.0.", UNIT["ups.serial"].strip())
    assert [secret for secret in secrets if secret in text] == []
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_secret_of_a_target_is_there(
    hass: HomeAssistant, loaded: MockConfigEntry, kind: str
) -> None:
    """Nor where it is, nor texts in which people put passwords."""
    harmless = {FieldType.CHOICE, FieldType.FLAG, FieldType.INTEGER}
    options = {
        item.name: SECRET
        for item in KINDS[kind].fields
        if item.is_secret or item.name in {"command", "action_data", "peers", "token_id"}
        if item.type not in harmless
    }
    wake = {"mac": SECRET, "secure_on": SECRET, "broadcast": SECRET}
    target = subentry(kind, "NAS", options, wake=wake, verify={"address": SECRET})
    hass.config_entries.async_add_subentry(loaded, target)
    await hass.async_block_till_done()
    found, text = await diagnose(hass, loaded)
    assert SECRET not in text
    assert found["plan"]["targets"].keys() <= {target.subentry_id}
    assert found["plan"]["state"] == "idle"
    assert found["plan"]["armed"] is False
