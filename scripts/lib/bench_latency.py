"""How long after the cut of mains does a person's Home Assistant, and a NUT client, know of it.

The clock starts before the switch of the simulated UPS is asked to turn, so that every figure
includes the way through Home Assistant's API on top of the driver's own time.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
import random
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from aiohttp import ClientWebSocketResponse

from scripts.lib.demo import DOMAIN, UPS, Demo, Options, running_demo
from scripts.lib.hass_api import HassApi

TRIES = 20
# Between two NUT requests; adds at most this much to a NUT figure.
NUT_PAUSE_S = 0.002
TRY_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Channel:
    """One way by which the news arrives, and what it says of mains off and on."""

    name: str
    off: str
    on: str


MAINS = Channel("binary_sensor mains", "off", "on")
EVENT = Channel("event power", "power_lost", "power_restored")
STATUS = Channel("NUT ups.status", "OB DISCHRG", "OL")
CHANNELS = (MAINS, EVENT, STATUS)


@dataclass(slots=True)
class Board:
    """When each channel last said what."""

    seen: dict[tuple[Channel, str], float] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, channel: Channel, text: str) -> None:
        """Keep the time of the first word of its kind since the last clear."""
        async with self.changed:
            self.seen.setdefault((channel, text), time.monotonic())
            self.changed.notify_all()

    async def wait_for(self, channel: Channel, text: str) -> float:
        """Return when `channel` said `text`."""
        async with self.changed:
            await self.changed.wait_for(lambda: (channel, text) in self.seen)
        return self.seen[channel, text]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench latency", description=__doc__)
    parser.add_argument("--tries", type=int, default=TRIES, help="default: %(default)s")
    parser.add_argument("--model", default="bw55t", help="default: %(default)s")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="omron-ups-bench-") as folder:
        asyncio.run(_measure(Path(folder), arguments.model, arguments.tries))
    return 0


async def _measure(folder: Path, model: str, tries: int) -> None:
    async with running_demo(Options(model=model), folder) as demo:
        entities = await _entities(demo.api)
        board = Board()
        figures: dict[tuple[Channel, bool], list[float]] = {
            (channel, on): [] for on in (False, True) for channel in CHANNELS
        }
        async with _listening(demo, entities, board):
            for _ in range(tries):
                for on in (False, True):
                    # At a random moment between two polls.
                    await asyncio.sleep(1.5 + random.random())  # noqa: S311 - no secret
                    for channel, seconds in (await _switch(demo, board, on=on)).items():
                        figures[channel, on].append(seconds)
    print(f"{model}, {tries} cuts and returns of mains, seconds")
    print(f"{'':24}{'':10}{'median':>8}{'worst':>8}")
    for (channel, on), times in figures.items():
        print(
            f"{channel.name:24}{'returned' if on else 'lost':10}"
            f"{median(times):8.3f}{max(times):8.3f}"
        )


async def _switch(demo: Demo, board: Board, *, on: bool) -> Mapping[Channel, float]:
    board.seen.clear()
    began = time.monotonic()
    await demo.set_mains(on=on)
    async with asyncio.timeout(TRY_TIMEOUT_S):
        return {
            channel: await board.wait_for(channel, channel.on if on else channel.off) - began
            for channel in CHANNELS
        }


async def _entities(api: HassApi) -> Mapping[str, Channel]:
    """Return which entity is which channel."""
    (entry,) = await api.get(f"config/config_entries/entry?domain={DOMAIN}")
    by_key = await api.entities(entry["entry_id"])
    return {by_key["binary_sensor.mains"]: MAINS, by_key["event.power"]: EVENT}


@asynccontextmanager
async def _listening(
    demo: Demo, entities: Mapping[str, Channel], board: Board
) -> AsyncIterator[None]:
    async with demo.api.socket() as socket:
        await socket.send_json({"id": 1, "type": "subscribe_events", "event_type": "state_changed"})
        tasks = [
            asyncio.create_task(_listen_to_entities(socket, entities, board)),
            asyncio.create_task(_poll_nut(demo.nut_port, board)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _listen_to_entities(
    socket: ClientWebSocketResponse, entities: Mapping[str, Channel], board: Board
) -> None:
    async for message in socket:
        body: dict[str, Any] = message.json()
        if body["type"] != "event":
            continue
        state = body["event"]["data"]["new_state"]
        channel = entities.get(state["entity_id"]) if state else None
        if channel is MAINS:
            await board.note(channel, state["state"])
        elif channel is EVENT:
            await board.note(channel, str(state["attributes"].get("event_type")))


async def _poll_nut(port: int, board: Board) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(f"GET VAR {UPS} ups.status\n".encode())
            line = (await reader.readline()).decode().rstrip()
            status = line.partition('"')[2].rstrip('"')
            # Charging is no news here: it says that mains is back.
            await board.note(STATUS, status.removesuffix(" CHRG"))
            await asyncio.sleep(NUT_PAUSE_S)
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(main())
