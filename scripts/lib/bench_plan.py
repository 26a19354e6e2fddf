"""How long after "start the plan" does the first request, and the last of a stage, leave.

Everything is real but the hosts: the runner, webhooks over TCP, and a journal that is synced to
the disk before the first request. The clock starts with the call and stops with the bytes.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time
from typing import override

import aiohttp

from custom_components.omron_ups.shutdown.clock import SystemClock
from custom_components.omron_ups.shutdown.models import Power, PowerView
from custom_components.omron_ups.shutdown.network import SystemNetwork
from custom_components.omron_ups.shutdown.ports import Feeds, Ports
from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import NOT_IN_PLAN, Plan, TargetSpec
from custom_components.omron_ups.shutdown.stores import FileDurations, FileJournal
from custom_components.omron_ups.shutdown.targets.webhook import WebhookTarget

TRIES = 20
TARGETS = 50
_TRY_LIMIT_S = 60
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class NoFeeds(Feeds):
    """One UPS, no other."""

    @override
    def view(self, feed_id: str) -> PowerView | None:
        return None


@dataclass(slots=True)
class Receiver:
    """Takes requests, and notes when each came."""

    port: int = 0
    arrivals: list[float] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        await reader.readline()
        async with self.changed:
            self.arrivals.append(time.monotonic())
            self.changed.notify_all()
        writer.write(_ANSWER)
        await writer.drain()
        writer.close()

    async def wait_for(self, count: int) -> list[float]:
        """Return when the first `count` requests came."""
        async with self.changed, asyncio.timeout(_TRY_LIMIT_S):
            await self.changed.wait_for(lambda: len(self.arrivals) >= count)
        return self.arrivals[:count]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one try showed, in seconds after the call."""

    first_s: float
    last_s: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench plan", description=__doc__)
    parser.add_argument("--tries", type=int, default=TRIES, help="default: %(default)s")
    arguments = parser.parse_args()
    print(f"{arguments.tries} plans each, journal in a temporary folder, milliseconds")
    print(f"{'targets in one stage':24}{'request':10}{'median':>8}{'worst':>8}")
    for targets in (1, TARGETS):
        figures = [asyncio.run(measure(targets)) for _ in range(arguments.tries)]
        for name, times in (
            ("first", [item.first_s for item in figures]),
            ("last", [item.last_s for item in figures]),
        ):
            print(f"{targets:<24}{name:10}{median(times) * 1e3:8.1f}{max(times) * 1e3:8.1f}")
    return 0


async def measure(targets: int) -> Figures:
    """Start one plan and return when its requests came."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server, _running(receiver.port, targets) as runner:
        began = time.monotonic()
        await runner.start_shutdown()
        arrivals = await receiver.wait_for(targets)
    return Figures(first_s=min(arrivals) - began, last_s=max(arrivals) - began)


@asynccontextmanager
async def _running(port: int, targets: int) -> AsyncIterator[Runner]:
    """Yield a runner of a plan with one stage, armed, on mains."""
    specs = tuple(_spec(number, port) for number in range(targets))
    plan = Plan(targets=specs, home_assistant_host=NOT_IN_PLAN)
    with TemporaryDirectory(prefix="omron-ups-bench-") as folder:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            ports = Ports(
                clock=SystemClock(),
                network=SystemNetwork(),
                journal=FileJournal(Path(folder) / "journal"),
                durations=await FileDurations.load(Path(folder) / "durations"),
                output=None,
                feeds=NoFeeds(),
            )
            made = {spec.target_id: WebhookTarget(spec, session) for spec in specs}
            runner = Runner(plan, made, ports)
            await runner.start()
            runner.handle_power(PowerView(power=Power.MAINS, low=False, charge=100.0))
            runner.set_armed(True)
            try:
                yield runner
            finally:
                await runner.stop()


def _spec(number: int, port: int) -> TargetSpec:
    return TargetSpec(
        target_id=f"target{number}",
        name=f"target {number}",
        kind="webhook",
        stage=10,
        time_limit_s=60.0,
        options={"url": f"http://127.0.0.1:{port}/stop/{number}"},
    )


if __name__ == "__main__":
    sys.exit(main())
