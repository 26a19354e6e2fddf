"""What the log says of NUT clients."""

from ipaddress import ip_address
import logging

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.nut import AuditKind, AuditRecord
from custom_components.omron_ups.nut_audit import log_audit
from tests.ha.common import (
    MockConfigEntry,
    NutConnection,
    add_account,
    change_nut_server,
    eventually,
)

LOGGER = "custom_components.omron_ups"

type Line = tuple[int, str]


def lines(caplog: pytest.LogCaptureFixture) -> list[Line]:
    """Return what was logged of NUT clients."""
    return [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == LOGGER and "NUT client" in record.getMessage()
    ]


async def test_each_deed_is_logged_once(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    free_port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await eventually(lambda: "beeper.disable" in loaded.runtime_data.ups.commands)
    await add_account(hass, loaded, "joe", role="admin")
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == "OK"
        for request in (
            "SET VAR ups ups.delay.shutdown 60",
            "INSTCMD ups beeper.disable",
            "FSD ups",
            "INSTCMD ups load.off",
        ):
            await client.ask(request)
    who = "NUT client 127.0.0.1, account 'joe'"
    assert lines(caplog) == [
        (logging.INFO, f"{who}: SET ups 'ups.delay.shutdown 60': OK"),
        (logging.INFO, f"{who}: INSTCMD ups 'beeper.disable': OK"),
        (logging.WARNING, f"{who}: FSD ups: OK FSD-SET"),
        (logging.WARNING, f"{who}: INSTCMD ups 'load.off': ERR ACCESS-DENIED"),
    ]


async def test_a_refused_login_is_logged_and_its_password_is_not(
    loaded: MockConfigEntry, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe", "planted") == "ERR ACCESS-DENIED"
    assert lines(caplog) == [
        (
            logging.WARNING,
            "NUT client 127.0.0.1, account 'joe': LOGIN ups: ERR ACCESS-DENIED",
        )
    ]
    assert "planted" not in caplog.text


async def test_a_refused_address_is_logged_once(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    free_port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await change_nut_server(hass, loaded, allowed_networks=["192.0.2.0/24"])
    for _ in range(2):
        async with NutConnection(free_port) as client:
            assert await client.ask("VER") == ""
    await eventually(lambda: bool(lines(caplog)))
    await hass.async_block_till_done()
    assert lines(caplog) == [
        (logging.WARNING, "NUT client 127.0.0.1 refused: it is in none of the allowed networks")
    ]


def test_a_client_cannot_write_lines_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    log_audit(
        AuditRecord(
            kind=AuditKind.SET,
            address=ip_address("192.0.2.1"),
            outcome="ERR ACCESS-DENIED",
            username="a\nWARNING b\x1b[2J",
            ups="ups",
            detail="x\r\ny",
        )
    )
    ((_, line),) = lines(caplog)
    assert line.isprintable()
