"""The two NUT servers that scripts/bench nut compares: Debian's upsd with dummy-ups, and ours."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
import json
import os
from pathlib import Path
import shlex
import signal
import socket
import sys
import time
from typing import Any

from custom_components.omron_ups.driver import (
    PROFILES,
    SimulatedTransport,
    SimulatedUps,
    Ups,
    UpsOptions,
    VolatileMemory,
)
from custom_components.omron_ups.nut import (
    Account,
    Limits,
    NutServer,
    NutUps,
    ServerSettings,
    TlsFiles,
    hash_password,
)

UPS = "ups"
USER, PASSWORD = "mon", "monpw"
_START_S = 15.0
_UPSD = Path("/lib/nut/upsd")
_DUMMY = Path("/lib/nut/dummy-ups")
# All clients come from one address here, and are more than any homelab has.
_LIMITS = Limits(connections=8192, connections_per_address=8192, reserved_connections=0)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    name: str
    port: int
    pid: int

    @property
    def memory_mb(self) -> float:
        """Return the resident memory of its process."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def upsd_is_installed() -> bool:
    """Tell whether there is a upsd to compare with."""
    return _UPSD.exists() and _DUMMY.exists()


async def bw55t_variables() -> Mapping[str, str]:
    """Return what a simulated BW55T publishes once all of its queries were answered."""
    transport = SimulatedTransport(SimulatedUps(PROFILES["bw55t"]), turnaround_s=0)
    ups = Ups(transport, options=UpsOptions(version="0"), memory=VolatileMemory())
    await ups.start()
    try:
        count = 0
        while len(ups.state.variables) > count:
            count = len(ups.state.variables)
            await asyncio.sleep(2)
        return dict(ups.state.variables)
    finally:
        await ups.stop()


async def list_variables(port: int) -> Mapping[str, str]:
    """Return what LIST VAR answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"LIST VAR {UPS}\n".encode())
        text = (await reader.readuntil(f"END LIST VAR {UPS}\n".encode())).decode()
    finally:
        writer.close()
        await writer.wait_closed()
    words = [shlex.split(line) for line in text.splitlines()[1:-1]]
    return {line[2]: line[3] for line in words}


@asynccontextmanager
async def running_upsd(folder: Path, variables: Mapping[str, str]) -> AsyncIterator[Running]:
    """Run upsd on a free port, with dummy-ups serving the variables but for its own ones."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    files = {
        "ups.dev": "".join(f"{name}: {value}\n" for name, value in variables.items()),
        "ups.conf": f"[{UPS}]\n  driver = dummy-ups\n  port = {folder}/ups.dev\n"
        "  mode = dummy-once\n",
        "upsd.conf": f"LISTEN 127.0.0.1 {port}\n",
        "upsd.users": f"[{USER}]\n  password = {PASSWORD}\n  upsmon secondary\n",
    }
    for name, text in files.items():
        path = folder / name
        path.write_text(text, encoding="ascii")
        path.chmod(0o640)
    paths = ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH")
    environment = os.environ | dict.fromkeys(paths, str(folder))
    root = ("-u", "root") if os.geteuid() == 0 else ()
    async with (
        _process((str(_DUMMY), "-a", UPS, "-F", *root), environment, folder / "dummy.log"),
        _process((str(_UPSD), "-F", *root), environment, folder / "upsd.log") as upsd,
    ):
        await _until_it_lists(port, variables)
        yield Running("upsd", port, upsd.pid)


@asynccontextmanager
async def running_ours(
    folder: Path, variables: Mapping[str, str], tls: TlsFiles | None = None
) -> AsyncIterator[Running]:
    """Run our server in a process of its own, with the same variables."""
    configuration = folder / "ours.json"
    configuration.write_text(
        json.dumps(
            {
                "variables": dict(variables),
                "tls": [str(tls.certificate), str(tls.private_key)] if tls else None,
            }
        ),
        encoding="utf-8",
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = (sys.executable, "-m", __spec__.name, str(configuration), str(port))
    async with _process(command, dict(os.environ), folder / "ours.log") as process:
        await _until_it_lists(port, variables)
        yield Running("ours", port, process.pid)


@asynccontextmanager
async def _process(
    command: tuple[str, ...], environment: Mapping[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=file, stderr=file
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_it_lists(port: int, variables: Mapping[str, str]) -> None:
    async with asyncio.timeout(_START_S):
        while True:
            try:
                # An error is no list, and would be waited for in vain.
                listed = await asyncio.wait_for(list_variables(port), 1)
            except OSError, asyncio.IncompleteReadError, TimeoutError:
                listed = {}
            if listed.keys() >= variables.keys():
                return
            await asyncio.sleep(0.1)


async def _serve(wanted: Mapping[str, Any], port: int) -> None:
    tls = wanted["tls"] and TlsFiles(
        certificate=Path(wanted["tls"][0]), private_key=Path(wanted["tls"][1])
    )
    server = NutServer(
        ServerSettings(
            host="127.0.0.1",
            port=port,
            allowed_networks=(ip_network("127.0.0.0/8"),),
            limits=_LIMITS,
            tls=tls,
        )
    )
    ups = NutUps(name=UPS)
    ups.set_accounts([Account(username=USER, password_hash=hash_password(PASSWORD))])
    server.add_ups(ups)
    ups.publish(wanted["variables"], read_at=time.monotonic())
    await server.start()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    while not stopped.is_set():
        ups.publish(wanted["variables"], read_at=time.monotonic())
        try:
            await asyncio.wait_for(stopped.wait(), 1)
        except TimeoutError:
            continue
    await server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run our server for scripts/bench nut.")
    parser.add_argument("configuration", type=Path)
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    wanted = json.loads(arguments.configuration.read_text(encoding="utf-8"))
    asyncio.run(_serve(wanted, arguments.port))
