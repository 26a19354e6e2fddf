"""Diagnostics, and what must not be in them."""

import json
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import ExtendedJSONEncoder
import pytest

from custom_components.omron_ups.const import CONF_PASSWORD_HASH, CONF_ROLE, SUBENTRY_NUT_ACCOUNT
from custom_components.omron_ups.diagnostics import (
    _public_device,
    async_get_config_entry_diagnostics,
)
from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.nut import hash_password
from scripts.lib.simulator_server import TcpServer
from tests.ha.common import MockConfigEntry, eventually, serial_entry, set_up, simulated_entry

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
    assert found["nut"] == {"is_serving": True, "clients": []}
    assert found["outages"]["count"] == 0
    simulated.unplug()
    await eventually(lambda: loaded.runtime_data.ups.last_error is not None)
    found, _ = await diagnose(hass, loaded)
    assert found["ups"]["last_error"] == "DeviceNotFoundError"


async def test_what_is_nobody_elses_business_is_not(hass: HomeAssistant, free_port: int) -> None:
    entry = simulated_entry(free_port, allowed_networks=["127.0.0.0/8", "192.0.2.0/24"])
    entry.add_to_hass(hass)
    account = ConfigSubentry(
        subentry_type=SUBENTRY_NUT_ACCOUNT,
        title=f"{SECRET}-user",
        unique_id=f"{SECRET}-user",
        data=MappingProxyType(
            {
                "username": f"{SECRET}-user",
                CONF_PASSWORD_HASH: hash_password(SECRET),
                CONF_ROLE: "monitor",
            }
        ),
    )
    hass.config_entries.async_add_subentry(entry, account)
    await set_up(hass, entry)
    found, text = await diagnose(hass, entry)
    assert found["subentries"] == [
        {
            "type": "nut_account",
            "username": "**REDACTED**",
            "password_hash": "**REDACTED**",
            "role": "monitor",
        }
    ]
    secrets = (SECRET, "scrypt$", "192.0.2.", "127.0.0.", "SIMULATED00001")
    assert [secret for secret in secrets if secret in text] == []
    await hass.config_entries.async_unload(entry.entry_id)


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
