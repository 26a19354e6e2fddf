"""scripts/demo as its user meets it: start, look, cut the mains, restore it, stop."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import re
import signal
import socket
from typing import Any

from aiohttp import ClientSession
import pytest

from scripts.lib.demo import DASHBOARD
from scripts.lib.hass_api import HassApi
from scripts.lib.nut_client import upsc
from tests.ports import unused_port

CHECKOUT = Path(__file__).parents[2]

# Set-up may have to fetch Python and the packages first.
START_TIMEOUT_S = 240
STOP_TIMEOUT_S = 70
CHANGE_TIMEOUT_S = 60
# What runs on a timer of ten seconds must have run before the log is judged.
WATCH_S = 12
COMPLAINT = re.compile(r" (ERROR|CRITICAL) |Detected that custom integration|^Traceback")

# What a BW55T must show to NUT clients, whatever else it shows.
BW55T_VARIABLES = """
    battery.charge battery.charge.low battery.charge.restart battery.runtime battery.temperature
    battery.voltage battery.voltage.nominal device.mfr device.model device.serial device.type
    driver.name driver.parameter.pollinterval driver.parameter.port driver.version
    driver.version.internal input.frequency input.sensitivity input.voltage input.voltage.fault
    output.frequency output.voltage ups.beeper.status ups.delay.reboot ups.delay.shutdown
    ups.delay.start ups.firmware ups.firmware.aux ups.load ups.mfr ups.model ups.power
    ups.power.nominal ups.productid ups.realpower ups.realpower.nominal ups.serial ups.start.auto
    ups.start.battery ups.status ups.temperature ups.type ups.vendorid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDemo:
    """A demo, and what it told its user."""

    process: Process
    address: str
    nut_port: int
    username: str
    password: str


@pytest.mark.timeout(START_TIMEOUT_S + STOP_TIMEOUT_S + 60)
async def test_demo_shows_a_power_cut_everywhere_and_leaves_nothing_behind(tmp_path: Path) -> None:
    log = tmp_path / "hass.log"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", unused_port())) as taken:
        nut_port = taken.getsockname()[1]
        async with started_demo(log, temporary, nut_port) as demo:
            assert demo.nut_port > nut_port, "a port that is taken must be passed over"
            async with logged_in(demo) as api:
                await look_cut_and_restore(demo, api)
                await asyncio.sleep(WATCH_S)
            await stop(demo.process)
            assert not is_open(demo.nut_port)
            assert not is_open(int(demo.address.rpartition(":")[2]))
    assert not list(temporary.iterdir()), "the demo must take its files away"
    complaints = [line for line in log.read_text().splitlines() if COMPLAINT.search(line)]
    assert not complaints, "\n".join(complaints)


async def look_cut_and_restore(demo: RunningDemo, api: HassApi) -> None:
    (entry,) = await api.command("config_entries/get", domain="omron_ups")
    entities = await api.entities(entry["entry_id"])

    async def shows(**expected: str) -> None:
        wanted = {entities[key.replace("__", ".")]: state for key, state in expected.items()}
        await becomes(wanted, lambda: states_of(api, wanted))

    await shows(binary_sensor__mains="on", binary_sensor__connected="on")
    assert set(await variables(demo)) >= set(BW55T_VARIABLES.split())
    assert (await variables(demo))["ups.status"] == "OL"
    await assert_dashboard_is_alive(api)
    # The frontend asks for it first of all, and shows nothing without an answer.
    assert "omron_ups" in await api.command("get_services")

    assert demo.process.stdin is not None
    demo.process.stdin.write(b"off\n")
    await shows(binary_sensor__mains="off", sensor__status="on_battery", switch__sim_mains="off")
    await becomes("power_lost", lambda: last_power_event(api, entities["event.power"]))
    await becomes("OB DISCHRG", lambda: ups_status(demo))

    await api.call("switch.turn_on", entities["switch.sim_mains"])
    await shows(binary_sensor__mains="on", switch__sim_mains="on")
    await becomes("power_restored", lambda: last_power_event(api, entities["event.power"]))
    await becomes("OL", lambda: first_status_word(demo))


@asynccontextmanager
async def started_demo(log: Path, temporary: Path, nut_port: int) -> AsyncIterator[RunningDemo]:
    """Run scripts/demo from another folder until it has introduced itself."""
    port = unused_port()
    process = await asyncio.create_subprocess_exec(
        CHECKOUT / "scripts/demo",
        *("--port", str(port), "--nut-port", str(nut_port), "--log", str(log)),
        cwd=temporary.parent,
        env={**os.environ, "TMPDIR": str(temporary), "LANG": "en_US.UTF-8"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            output = await introduction(process)
        yield RunningDemo(
            process=process,
            address=told(r"^Home Assistant +(http://\S+)$", output),
            nut_port=int(told(r"upsc ups@127\.0\.0\.1:(\d+)$", output)),
            username=told(r"^User name +(\S+)$", output),
            password=told(r"^Password +(\S+)$", output),
        )
    finally:
        if process.returncode is None:
            await stop(process)


async def introduction(process: Process) -> str:
    assert process.stdout is not None
    output = ""
    while "Ctrl-C stops everything" not in output:
        line = await process.stdout.readline()
        assert line, f"the demo ended:\n{output}"
        output += line.decode()
    return output


async def stop(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(STOP_TIMEOUT_S):
        await process.communicate()
    assert process.returncode == 0


@asynccontextmanager
async def logged_in(demo: RunningDemo) -> AsyncIterator[HassApi]:
    """Log in with what the demo printed, as the login page does."""
    client = {"client_id": f"{demo.address}/"}
    async with ClientSession(demo.address) as session:
        body: dict[str, Any] = {"handler": ["homeassistant", None], "redirect_uri": demo.address}
        async with session.post("/auth/login_flow", json={**client, **body}) as response:
            path = f"/auth/login_flow/{(await response.json())['flow_id']}"
        body = {"username": demo.username, "password": demo.password}
        async with session.post(path, json={**client, **body}) as response:
            code = (await response.json())["result"]
        form = {"grant_type": "authorization_code", "code": code, **client}
        async with session.post("/auth/token", data=form) as response:
            token = (await response.json())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(demo.address, headers=headers) as session:
        yield HassApi(session)


async def assert_dashboard_is_alive(api: HassApi) -> None:
    """Every entity on the first dashboard has a state, and there are enough of them."""
    config = await api.command("lovelace/config", url_path=DASHBOARD)
    shown = set(re.findall(r"'((?:sensor|binary_sensor|switch|number|event)\.\w+)'", str(config)))
    states = {row["entity_id"]: row["state"] for row in await api.get("states")}
    assert len(shown) >= 12
    assert {
        entity for entity in shown if states.get(entity, "unavailable") == "unavailable"
    } == set()


async def becomes(expected: object, look: Callable[[], Awaitable[object]]) -> None:
    """Wait until ``look`` returns what is expected; fail with what it returned instead."""
    seen = await look()
    try:
        async with asyncio.timeout(CHANGE_TIMEOUT_S):
            while seen != expected:
                await asyncio.sleep(0.1)
                seen = await look()
    except TimeoutError:
        pytest.fail(f"still {seen!r} instead of {expected!r}")


async def states_of(api: HassApi, wanted: dict[str, str]) -> dict[str, str]:
    return {entity: (await api.get(f"states/{entity}"))["state"] for entity in wanted}


async def last_power_event(api: HassApi, entity: str) -> str | None:
    event: str | None = (await api.get(f"states/{entity}"))["attributes"]["event_type"]
    return event


async def variables(demo: RunningDemo) -> dict[str, str]:
    lines = (await upsc("ups", demo.nut_port)).splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


async def ups_status(demo: RunningDemo) -> str:
    return (await variables(demo))["ups.status"]


async def first_status_word(demo: RunningDemo) -> str:
    """Return the status without CHRG, which the unit may or may not add after a short cut."""
    return (await ups_status(demo)).split()[0]


def told(pattern: str, output: str) -> str:
    match = re.search(pattern, output, re.MULTILINE)
    assert match is not None, f"no {pattern} in:\n{output}"
    return match[1]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
