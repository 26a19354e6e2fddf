"""NUT's own clients and aionut, run against the server."""

import asyncio
from collections.abc import Sequence
from ctypes import CDLL
from dataclasses import replace
import os
from pathlib import Path
import re
import shutil
import sys

from aionut import AIONUTClient, NUTCommandError
import pytest

from custom_components.omron_ups.nut import (
    Account,
    ControlArgumentError,
    ControlError,
    ControlUnknownError,
    Role,
)
from custom_components.omron_ups.nut.connection import Connection
from custom_components.omron_ups.nut.session import Session

from . import libnutclient
from .certificates import write_files
from .conftest import needs
from .libnutclient import LIBRARY
from .shared import (
    COMMANDS,
    DEVICES,
    PATIENCE_S,
    VARIABLES,
    Served,
    connected,
    password_hash,
    serving_with,
    settings,
)


def program(name: str) -> str:
    """Return where a client is; without it the test is skipped, but never in CI."""
    path = shutil.which(name)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is missing: install nut-client")
    if path is None:
        pytest.skip(f"{name} is missing")
    return path


async def run(name: str, *arguments: str) -> tuple[int | None, str, str]:
    """Run a client to its end."""
    process = await asyncio.create_subprocess_exec(
        program(name),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def lines(name: str, *arguments: str) -> list[str]:
    """Return what a client prints when all goes well."""
    code, out, err = await run(name, *arguments)
    assert code == 0, err
    return out.splitlines()


async def test_upsc(served: Served) -> None:
    host = f"127.0.0.1:{served.port}"
    assert await lines("upsc", "-l", host) == [device.name for device in DEVICES]
    assert (await lines("upsc", "-L", host))[0] == "ups: UPS of the tests"
    assert await lines("upsc", f"ups@{host}", "ups.status") == ["OL"]
    assert dict(line.split(": ", 1) for line in await lines("upsc", f"ups@{host}")) == VARIABLES


async def test_upsc_lists_clients(served: Served) -> None:
    async with connected(served.port) as client:
        await client.log_in()
        assert await lines("upsc", "-c", f"ups@127.0.0.1:{served.port}") == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("ups", "arguments", "message"),
    [
        ("nope", (), "Unknown UPS"),
        ("gone", (), "Driver not connected"),
        ("stale", (), "Data stale"),
        ("ups", ("ups.none",), "Variable not supported by UPS"),
    ],
)
async def test_upsc_understands_the_errors(
    ups: str, arguments: Sequence[str], message: str, served: Served
) -> None:
    code, _out, err = await run("upsc", f"{ups}@127.0.0.1:{served.port}", *arguments)
    assert code == 1
    assert f"Error: {message}" in err


async def test_upsrw_lists_what_can_be_written(served: Served) -> None:
    text = "\n".join(await lines("upsrw", f"ups@127.0.0.1:{served.port}"))
    assert "[input.sensitivity]" in text
    assert "Type: ENUM" in text
    assert 'Option: "N" SELECTED' in text
    assert "Type: RANGE" in text
    assert 'Option: "10-40" SELECTED' in text
    assert "Maximum length: 16" in text
    assert 'Value: my "ups" \\ #2' in text


async def test_upscmd_lists_commands(served: Served) -> None:
    text = "\n".join(await lines("upscmd", "-l", f"ups@127.0.0.1:{served.port}"))
    assert "load.off - Turn off the load immediately" in text
    assert all(command in text for command in COMMANDS)


async def test_upslog_writes_a_line(served: Served, tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        program("upslog"),
        *("-s", f"ups@127.0.0.1:{served.port}", "-l", "-", "-i", "1", "-u", "root"),
        *("-f", "%VAR ups.status% %VAR battery.charge% %VAR ups.none%"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"NUT_ALTPIDPATH": str(tmp_path), "NUT_PIDPATH": str(tmp_path)},
    )
    assert writer.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b"OL 100.0 NA" not in (line := await writer.stdout.readline()):
                assert line, "upslog ended"
    finally:
        if writer.returncode is None:
            writer.kill()
        await writer.wait()


def setting(served: Served) -> None:
    """Let the UPS take over what clients set, as a driver does."""

    def publish(name: str, value: str) -> None:
        served.ups.publish(VARIABLES | {name: value}, read_at=served.clock.now)

    served.driver.on_set = publish


async def test_upsrw_sets_and_reads_back(served: Served) -> None:
    setting(served)
    target = f"ups@127.0.0.1:{served.port}"
    value = 'a "b" \\ #c'
    login = ("-u", "admin", "-p", "adminpw")
    # -w waits for the outcome by its tracking id.
    code, out, err = await run("upsrw", "-s", f"ups.id={value}", "-w", *login, target)
    assert (code, (out + err).strip().splitlines()[-1:]) == (0, ["SUCCESS"])
    assert await lines("upsc", target, "ups.id") == [value]
    assert served.driver.calls == [("ups.id", value)]


@pytest.mark.parametrize(
    ("setting", "user", "message"),
    [
        ("ups.mfr=x", "admin", "ERR READONLY"),
        ("ups.id=12345678901234567", "admin", "ERR TOO-LONG"),
        ("input.sensitivity=x", "admin", "ERR INVALID-VALUE"),
        ("battery.charge.low=50", "admin", "ERR INVALID-VALUE"),
        ("ups.id=x", "sec", "Access denied"),
    ],
)
async def test_upsrw_is_told_why_not(setting: str, user: str, message: str, served: Served) -> None:
    target = f"ups@127.0.0.1:{served.port}"
    code, out, err = await run("upsrw", "-s", setting, "-u", user, "-p", f"{user}pw", target)
    assert code == 1
    assert message in out + err or message.upper().replace(" ", "-") in out + err
    assert served.driver.calls == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (None, "SUCCESS"),
        (ControlError("no"), "FAILED"),
        (ControlArgumentError("no"), "INVALID-ARGUMENT"),
        (ControlUnknownError("?"), "UNKNOWN"),
    ],
)
async def test_upscmd_waits_for_the_outcome(
    fault: Exception | None, message: str, served: Served
) -> None:
    served.driver.waits = True
    served.driver.fault = fault
    target = f"ups@127.0.0.1:{served.port}"
    login = ("-u", "admin", "-p", "adminpw")
    command = asyncio.create_task(run("upscmd", "-w", *login, target, "load.off", "30"))
    async with asyncio.timeout(PATIENCE_S):
        # The UPS takes its time until upscmd has asked for the outcome once.
        while served.server.requests < 6:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
    served.driver.go.set()
    # It exits with 0 whatever the outcome is.
    _code, out, err = await command
    assert message in out + err
    assert served.driver.calls == [("load.off", "30")]


async def test_upscmd_without_the_right_to_switch_is_refused(served: Served) -> None:
    served.ups.set_accounts(
        [Account(username="op", password_hash=password_hash("oppw"), role=Role.ADMIN)]
    )
    target = f"ups@127.0.0.1:{served.port}"
    login = ("-u", "op", "-p", "oppw")
    code, out, err = await run("upscmd", *login, target, "load.off")
    assert code == 1
    assert "ACCESS-DENIED" in out + err
    assert await lines("upscmd", *login, target, "beeper.mute") is not None
    assert served.driver.calls == [("beeper.mute", None)]


async def test_upsc_in_tls(tmp_path: Path) -> None:
    async with serving_with(replace(settings(), tls=write_files(tmp_path))) as served:
        begun: list[Connection] = []
        secured = served.server.secured

        def noting(connection: Connection) -> Session:
            begun.append(connection)
            return secured(connection)

        served.server.secured = noting  # type: ignore[method-assign]
        target = f"ups@127.0.0.1:{served.port}"
        shown = dict(line.split(": ", 1) for line in await lines("upsc", target))
        assert shown == VARIABLES
        assert len(begun) == 1


PYNUT = """
import sys
from PyNUT import PyNUTClient, PyNUTError
port, user, password = sys.argv[1:]
client = PyNUTClient(host="127.0.0.1", port=int(port), login=user, password=password)
def attempt(name, *arguments):
    try:
        return getattr(client, name)(*arguments)
    except PyNUTError as error:
        return str(error)
for call in (
    ("GetUPSList",), ("GetUPSVars", "ups"), ("GetUPSCommands", "ups"),
    ("GetRWVars", "ups"), ("RunUPSCommand", "ups", "test.panel.start"),
    ("RunUPSCommand", "ups", "beeper.mute"), ("SetRWVar", "ups", "ups.id", "test"),
    ("ListClients", "ups"), ("ListClients", "MissingBogusDummy"),
    ("FSD", "spare"), ("ver",), ("help",),
):
    print(*call, "->", attempt(*call))
"""


@pytest.mark.parametrize(
    ("user", "write", "fsd"),
    [
        ("admin", "OK", "OK"),
        ("mon", "ERR ACCESS-DENIED", "OK"),
        ("sec", "ERR ACCESS-DENIED", "Primary level functions are not available"),
    ],
)
async def test_82_pynut(user: str, write: str, fsd: str, served: Served, upsd: int) -> None:
    """Make the calls of NUT's test_nutclient.py; upsd has to give the same results."""
    python = program("/usr/bin/python3")
    code, _out, _err = await run(python, "-c", "import PyNUT, telnetlib")
    if code:
        pytest.skip("PyNUT is missing: install python3-nut")
    told = []
    for port in (served.port, upsd):
        out = await lines(python, "-W", "ignore", "-c", PYNUT, str(port), user, f"{user}pw")
        told.append([line for line in out if not line.startswith(("ver ->", "help ->"))])
    ours, real = told
    assert ours == real
    answers = dict(line.split(" -> ", 1) for line in ours)
    assert "ERR CMD-NOT-SUPPORTED" in answers["RunUPSCommand ups test.panel.start"]
    assert write in answers["RunUPSCommand ups beeper.mute"]
    assert write in answers["SetRWVar ups ups.id test"]
    assert fsd in answers["FSD spare"]
    # Its own words for ERR UNKNOWN-UPS.
    assert answers["ListClients MissingBogusDummy"] == "MissingBogusDummy is not a valid UPS"


async def test_80_aionut(served: Served) -> None:
    client = AIONUTClient("127.0.0.1", served.port, "admin", "adminpw")
    try:
        assert list(await client.list_ups()) == [device.name for device in DEVICES]
        variables = await client.list_vars("ups")
        assert variables.keys() == VARIABLES.keys()
        assert variables["ups.status"] == "OL"
        assert await client.list_commands("ups") == set(COMMANDS)
        assert await client.description("ups") == "UPS of the tests"
        with pytest.raises(NUTCommandError, match="DATA-STALE"):
            await client.list_vars("stale")
        await client.run_command("ups", "beeper.mute")
        assert served.driver.calls == [("beeper.mute", None)]
        served.ups.set_controls(None)
        with pytest.raises(NUTCommandError, match="INSTCMD-FAILED"):
            await client.run_command("ups", "beeper.mute")
    finally:
        client.shutdown()


@pytest.mark.parametrize("user", ["admin", "sec"])
async def test_libnutclient(user: str, served: Served, upsd: int) -> None:
    """NUT's C++ library compares every line with what it sent."""
    try:
        CDLL(LIBRARY)
    except OSError:
        needs(None, LIBRARY, "libnutclient2")
    setting(served)
    told = [
        await lines(sys.executable, libnutclient.__file__, str(port), user, f"{user}pw")
        for port in (served.port, upsd)
    ]
    ours, real = [[line for line in out if "description" not in line] for out in told]
    assert ours == real
    answers = dict(line.split(" -> ", 1) for line in told[0])
    assert answers["get_device_num_logins ups"] == "1"
    assert answers["get_device_variable_values ups Zeta.var"] == "[b'1']"
    assert answers["get_device_description ups"] == "b'UPS of the tests'"
    assert len(served.driver.calls) == (2 if user == "admin" else 0)
    assert served.upses["spare"].is_forced_shutdown("spare") is (user == "admin")


async def test_nut_scanner_finds_every_ups(served: Served) -> None:
    here = ("-s", "127.0.0.1", "-e", "127.0.0.1", "-p", str(served.port))
    found = await lines("nut-scanner", "-O", "-q", "-P", *here)
    assert sorted(re.findall(r'"([^"@]+)@127\.0\.0\.1', "\n".join(found))) == sorted(
        device.name for device in DEVICES
    )
