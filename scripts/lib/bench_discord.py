"""How long after the UPS says so does the request with the message arrive at Discord.

One simulated UPS on several serial lines at once: our integration in a Home Assistant reads one of
them, a chain of nutdrv_qx, upsd, upsmon and curl each of the others, so that every cut of mains is
the same for all. The clock starts when the bit changes in the unit. The lines are as fast as USB.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import random
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any, Final

from aiohttp import web

from custom_components.omron_ups.driver import PROFILES, SimulatedUps
from scripts.lib.demo import DOMAIN, Options, running_demo
from scripts.lib.discord_server import TOKEN, WEBHOOK_ID, DiscordServer, Posted
from scripts.lib.hass_api import HassApi
from scripts.lib.hass_discord import API_VARIABLE
from scripts.lib.nut_chain import DEFAULTS, EVERY_SECOND, missing_programs, running_chain
from scripts.lib.simulator_server import PtyServer

TRIES: Final = 50
TRY_TIMEOUT_S: Final = 30
# Longer than the slowest of them takes between two looks.
_LONGEST_PAUSE_S: Final = 5.0
_HASS: Final = "hass"
_CHAINS: Final = (DEFAULTS, EVERY_SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way by which the news travels, and how its messages begin."""

    name: str
    lost: str
    returned: str


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench latency --discord", description=__doc__)
    parser.add_argument("--tries", type=int, default=TRIES, help="default: %(default)s")
    parser.add_argument("--model", default="bw55t", help="default: %(default)s")
    arguments = parser.parse_args()
    if missing := missing_programs():
        print(f"bench: {', '.join(missing)} missing: install nut-server and curl", file=sys.stderr)
        return 1
    with TemporaryDirectory(prefix="omron-ups-bench-") as name:
        folder = Path(name)
        (folder / _HASS).mkdir()
        for chain in _CHAINS:
            (folder / chain.name).mkdir()
        asyncio.run(_measure(folder, arguments.model, arguments.tries))
    return 0


async def _measure(folder: Path, model: str, tries: int) -> None:
    # Discord's own limit is no part of what is measured.
    discord = DiscordServer(limit=10**6)
    ups = SimulatedUps(PROFILES[model])
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(serving(discord))
        ways = [
            await _our_way(stack, folder / _HASS, await _line(stack, ups)),
            *await _nut_ways(stack, folder, ups, f"{api}/webhooks/{WEBHOOK_ID}/{TOKEN}"),
        ]
        # All of them are there, and have seen both, before anything counts.
        await _switch(ups, discord, ways, on=False)
        await _switch(ups, discord, ways, on=True)
        figures: dict[tuple[str, bool], list[float]] = {
            (way.name, on): [] for on in (False, True) for way in ways
        }
        for number in range(tries):
            for on in (False, True):
                # At a random moment between the looks of all of them.
                await asyncio.sleep(_LONGEST_PAUSE_S * random.random())  # noqa: S311 - no secret
                for name, seconds in (await _switch(ups, discord, ways, on=on)).items():
                    figures[name, on].append(seconds)
            print(f"\r{number + 1} of {tries}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{model}, {tries} cuts and returns of mains, seconds until the request is at Discord")
    print(f"{'':20}{'':10}{'median':>8}{'worst':>8}")
    for (name, on), times in figures.items():
        word = "returned" if on else "lost"
        print(f"{name:20}{word:10}{median(times):8.3f}{max(times):8.3f}")


async def _line(stack: AsyncExitStack, ups: SimulatedUps) -> str:
    """Return one more serial line that leads to the unit."""
    return (await stack.enter_async_context(PtyServer(ups))).place


async def _our_way(stack: AsyncExitStack, folder: Path, terminal: str) -> Way:
    """Set our integration up on a serial line, in a Home Assistant, with a webhook."""
    options = Options(program="scripts.lib.hass_discord")
    demo = await stack.enter_async_context(running_demo(options, folder))
    answers: dict[str, dict[str, object]] = {
        "user": {"next_step_id": "serial"},
        "serial": {"device": terminal},
        "nut_server": {"enabled": False},
    }
    entry_id = await demo.api.create_entry(DOMAIN, answers)
    await add_webhook(demo.api, entry_id, ["power_lost", "power_restored"])
    return Way(name=DOMAIN, lost="Power failure: ", returned="Power is back")


async def _nut_ways(
    stack: AsyncExitStack, folder: Path, ups: SimulatedUps, url: str
) -> Sequence[Way]:
    """Run the chains of NUT's programs, each on a serial line."""
    ways = []
    for chain in _CHAINS:
        name = chain.name
        running = running_chain(chain, folder / name, terminal=await _line(stack, ups), url=url)
        await stack.enter_async_context(running)
        ways.append(Way(name=name, lost=f"{name} ONBATT", returned=f"{name} ONLINE"))
    return ways


async def _switch(
    ups: SimulatedUps, discord: DiscordServer, ways: Sequence[Way], *, on: bool
) -> Mapping[str, float]:
    """Cut or restore mains; return after how many seconds each of them had told Discord."""
    # However many tries there are, low battery is another subject.
    ups.charge = 100
    discord.messages.clear()
    began = time.monotonic()
    if on:
        ups.restore_mains()
    else:
        ups.cut_mains()
    found: dict[str, float] = {}
    while len(found) < len(ways):
        await asyncio.sleep(0.01)
        for way in ways:
            begin = way.returned if on else way.lost
            if (message := _find(discord, begin)) is not None:
                found[way.name] = message.at - began
        if time.monotonic() - began > TRY_TIMEOUT_S:
            silent = ", ".join(way.name for way in ways if way.name not in found)
            raise TimeoutError(f"nothing from {silent} in {TRY_TIMEOUT_S} s: {discord.titles}")
    return found


def _find(discord: DiscordServer, begin: str) -> Posted | None:
    pairs = zip(discord.messages, discord.titles, strict=True)
    return next((message for message, title in pairs if title.startswith(begin)), None)


@asynccontextmanager
async def serving(discord: DiscordServer) -> AsyncIterator[str]:
    """Serve a Discord on loopback, where Home Assistants that start now find it; yield its root."""
    runner = web.AppRunner(discord.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    root = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
    os.environ[API_VARIABLE] = root
    try:
        yield root
    finally:
        del os.environ[API_VARIABLE]
        await runner.cleanup()


async def add_webhook(api: HassApi, entry_id: str, events: list[str]) -> None:
    """Add the webhook of the Discord that is served, as a user would."""
    path = "config/config_entries/subentries/flow"
    step: dict[str, Any] = await api.post(path, {"handler": [entry_id, "discord"]})
    answer = {
        "webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        "events": events,
        "plan_progress": True,
    }
    result = await api.post(f"{path}/{step['flow_id']}", answer)
    if result["type"] != "create_entry":
        raise RuntimeError(f"the webhook was not added: {result.get('errors')}")


if __name__ == "__main__":
    sys.exit(main())
