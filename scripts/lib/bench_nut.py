"""Measure our NUT server side by side with Debian's upsd, or ours alone under siege."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any

from custom_components.omron_ups.nut import Limits
from scripts.lib.bench_nut_servers import (
    UPS,
    USER,
    Running,
    bw55t_variables,
    list_variables,
    running_ours,
    running_upsd,
    upsd_is_installed,
)
from scripts.lib.demo import Options, running_demo
from tests.nut.certificates import write_files

SECONDS = 5.0
CONNECT_LIMIT_S = 60.0
IDLE_CLIENTS = 2000
BUSY_CLIENTS = 200
ATTACKERS = 50
_LIST = f"LIST VAR {UPS}"
_GET = f"GET VAR {UPS} ups.status"
_SOURCE = Path(__file__).with_name("bench_nut_load.c")

type Attack = Callable[[int], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the comparison."""

    name: str
    mode: str
    clients: int
    request: str


WORKS = (
    Work("LIST VAR, 1 client", "run", 1, _LIST),
    Work("LIST VAR, 50 clients", "run", 50, _LIST),
    Work("LIST VAR, 500 clients", "run", 500, _LIST),
    Work("GET VAR, 50 clients", "run", 50, _GET),
    Work("500 connect at once", "connect", 500, _GET),
    Work("1000 connect at once", "connect", 1000, _GET),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the load generator measured; the latencies are those of whole replies."""

    replies: int
    failures: int
    seconds: float
    p50_s: float
    p99_s: float
    max_s: float

    @property
    def per_second(self) -> float:
        """Return the rate of replies."""
        return self.replies / self.seconds


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench nut", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="per row (%(default)s)")
    parser.add_argument(
        "--soak",
        action="store_true",
        help=f"{IDLE_CLIENTS} idle and {BUSY_CLIENTS} busy clients, with and without attackers",
    )
    parser.add_argument(
        "--in-hass",
        action="store_true",
        help="ours inside a Home Assistant that polls a UPS, with the limits that hold there",
    )
    arguments = parser.parse_args()
    if not arguments.soak and not upsd_is_installed():
        print("bench: upsd or dummy-ups is missing: install nut-server", file=sys.stderr)
        return 1
    with TemporaryDirectory(prefix="omron-ups-bench-") as folder:
        measure = _soak if arguments.soak else _in_hass if arguments.in_hass else _compare
        asyncio.run(measure(Path(folder), arguments.seconds))
    return 0


async def _compare(folder: Path, seconds: float) -> None:
    load = await _load_generator()
    async with running_upsd(folder, await bw55t_variables()) as upsd:
        # dummy-ups has variables of its own: ours serves what upsd does, them included.
        variables = await list_variables(upsd.port)
        async with running_ours(folder, variables) as ours:
            if await list_variables(ours.port) != variables:
                raise RuntimeError("The two servers do not serve the same variables")
            await _side_by_side(load, upsd, ours, seconds, WORKS)


async def _in_hass(folder: Path, seconds: float) -> None:
    """Compare with the server in a Home Assistant, whose UPS is polled meanwhile."""
    load = await _load_generator()
    limits = Limits()
    # The rest is kept for machines that have logged in before, which the load generator does not.
    places = limits.connections - limits.reserved_connections
    async with running_demo(Options(), folder / "hass") as demo:
        ours = Running(name="ours", port=demo.nut_port, pid=demo.hass.pid)
        variables = await list_variables(ours.port)
        (folder / "upsd").mkdir()
        async with running_upsd(folder / "upsd", variables) as upsd:
            print(f"strangers may open {places} connections in Home Assistant: no more are tried")
            works = [work for work in WORKS if work.clients <= places]
            await _side_by_side(load, upsd, ours, seconds, works)


async def _side_by_side(
    load: Path, upsd: Running, ours: Running, seconds: float, works: Sequence[Work]
) -> None:
    count = len(await list_variables(ours.port))
    print(f"{count} variables, {seconds:g} s a row, loopback")
    print(f"{'':24}{'':6}{'/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}{'ratio':>9}")
    for work in works:
        theirs = await _run(load, upsd, work, seconds)
        mine = await _run(load, ours, work, seconds)
        _print_row(work, "upsd", theirs)
        _print_row(work, "ours", mine, ratio=_ratio(work, theirs, mine))
    print(f"memory: upsd {upsd.memory_mb:.1f} MB, ours {ours.memory_mb:.1f} MB")


def _ratio(work: Work, theirs: Figures, mine: Figures) -> float:
    """Return how many times faster ours is: all connected, or replies a second."""
    if work.mode == "connect":
        return theirs.seconds / mine.seconds
    return mine.per_second / theirs.per_second


def _print_row(work: Work, server: str, figures: Figures, *, ratio: float | None = None) -> None:
    name = work.name if server == "upsd" else ""
    failures = f"  {figures.failures} failed" if figures.failures else ""
    times = "".join(f"{s * 1e3:10.3f}" for s in (figures.p50_s, figures.p99_s, figures.max_s))
    shown = f"{ratio:8.1f}x" if ratio is not None else ""
    print(f"{name:24}{server:6}{figures.per_second:10.0f}{times}{shown}{failures}", flush=True)


async def _soak(folder: Path, seconds: float) -> None:
    load = await _load_generator()
    busy = Work("", "run", BUSY_CLIENTS, _LIST)
    variables = await bw55t_variables()
    async with running_ours(folder, variables, write_files(folder)) as ours:
        print(f"{len(variables)} variables; memory at start {ours.memory_mb:.1f} MB")
        await _print_soak("busy alone", load, ours, busy, seconds)
        async with _idle(load, ours):
            print(f"memory with {IDLE_CLIENTS} idle clients {ours.memory_mb:.1f} MB")
            await _print_soak(f"and {IDLE_CLIENTS} idle", load, ours, busy, seconds)
        for name, attack in ATTACKS.items():
            async with _attacked(attack, ours.port):
                await _print_soak(f"and {ATTACKERS} that {name}", load, ours, busy, seconds)
        print(f"memory at the end {ours.memory_mb:.1f} MB")


async def _print_soak(name: str, load: Path, ours: Running, busy: Work, seconds: float) -> None:
    figures = await _run(load, ours, busy, seconds)
    print(
        f"{name:40} LIST VAR {figures.per_second:8.0f}/s  p50 {figures.p50_s * 1e3:7.3f} ms"
        f"  p99 {figures.p99_s * 1e3:7.3f} ms  {ours.memory_mb:6.1f} MB",
        flush=True,
    )


@asynccontextmanager
async def _idle(load: Path, ours: Running) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(load, "hold", f"{ours.port}", f"{IDLE_CLIENTS}", "600", "NETVER"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            await process.stdout.readline()
        yield
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _attacked(attack: Attack, port: int) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_again_and_again(attack, port)) for _ in range(ATTACKERS)]
    try:
        await asyncio.sleep(1)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(attack: Attack, port: int) -> None:
    while True:
        try:
            await attack(port)
        except OSError:
            # The server has hung up, as it should.
            await asyncio.sleep(0.01)


async def _never_reads(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    try:
        while not reader.at_eof():
            writer.write(f"{_LIST}\n".encode() * 100)
            await writer.drain()
    finally:
        writer.transport.abort()


async def _stalls_tls(port: int) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"STARTTLS\n")
        # The first bytes of a handshake, and no more.
        writer.write(b"\x16\x03\x01\x02\x00\x01")
        await _reader.read()
        while await _reader.read(64):
            pass
    finally:
        writer.transport.abort()


async def _dribbles(port: int) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)
    finally:
        writer.transport.abort()


async def _guesses_passwords(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"USERNAME {USER}\nPASSWORD {os.urandom(8).hex()}\nLOGIN {UPS}\n".encode())
        for _ in range(3):
            await reader.readline()
    finally:
        writer.transport.abort()


ATTACKS: dict[str, Attack] = {
    "never read": _never_reads,
    "stall TLS": _stalls_tls,
    "dribble bytes": _dribbles,
    "guess passwords": _guesses_passwords,
}


async def _load_generator() -> Path:
    """Return the load generator, compiled into the cache if it is older than its source."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omron-ups"
    program = cache / "bench_nut_load"
    if await asyncio.to_thread(_is_fresh, program):
        return program
    cache.mkdir(parents=True, exist_ok=True)
    await _output("cc", "-O2", "-Wall", "-o", str(program), str(_SOURCE))
    return program


def _is_fresh(program: Path) -> bool:
    return program.exists() and program.stat().st_mtime > _SOURCE.stat().st_mtime


async def _run(load: Path, server: Running, work: Work, seconds: float) -> Figures:
    limit = CONNECT_LIMIT_S if work.mode == "connect" else seconds
    output = await _output(
        *(str(load), work.mode, str(server.port), str(work.clients), str(limit), work.request)
    )
    return Figures(**json.loads(output))


async def _output(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with exit code {process.returncode}")
    return output


if __name__ == "__main__":
    sys.exit(main())
