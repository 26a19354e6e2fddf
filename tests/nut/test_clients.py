"""NUT's own clients and aionut, run against the server."""

import asyncio
from collections.abc import Sequence
import os
from pathlib import Path
import shutil

from aionut import AIONUTClient, NUTCommandError
import pytest

from .shared import COMMANDS, DEVICES, PATIENCE_S, VARIABLES, Served, connected, until

UPSMON = "/lib/nut/upsmon"


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


async def test_upsmon_secondary_counts_until_it_is_killed(served: Served, tmp_path: Path) -> None:
    configuration = tmp_path / "upsmon.conf"
    configuration.write_text(
        f"MONITOR ups@127.0.0.1:{served.port} 1 sec secpw secondary\n"
        'SHUTDOWNCMD "/bin/true"\nPOLLFREQ 1\nPOLLFREQALERT 1\nMINSUPPLIES 1\n'
        f"POWERDOWNFLAG {tmp_path}/killpower\nRUN_AS_USER root\n"
    )
    configuration.chmod(0o640)
    paths = dict.fromkeys(("NUT_CONFPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH"), str(tmp_path))
    upsmon = await asyncio.create_subprocess_exec(
        program(UPSMON),
        *("-F", "-p"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | paths,
    )
    try:
        await until(served.ups, lambda: len(served.ups.clients) == 1)
        async with connected(served.port) as client:
            assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 1\n"
            upsmon.kill()
            await until(served.ups, lambda: not served.ups.clients)
            assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 0\n"
    finally:
        if upsmon.returncode is None:
            upsmon.kill()
        await upsmon.wait()


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
