"""How long after the cut of mains does the request with the message arrive at Discord.

The clock starts before the switch of the simulated UPS is asked to turn, so that every figure
includes the way through Home Assistant's API on top of the driver's own time.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
from pathlib import Path
import random
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time
from typing import Final

from aiohttp import web

from scripts.lib.demo import DOMAIN, Demo, Options, free_port, running_demo
from scripts.lib.discord_server import TOKEN, WEBHOOK_ID, DiscordServer
from scripts.lib.hass_api import HassApi
from scripts.lib.hass_discord import API_VARIABLE

TRIES: Final = 50
TRY_TIMEOUT_S: Final = 30
_FIRST_PORT: Final = 18200


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench latency --discord", description=__doc__)
    parser.add_argument("--tries", type=int, default=TRIES, help="default: %(default)s")
    parser.add_argument("--model", default="bw55t", help="default: %(default)s")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="omron-ups-bench-") as folder:
        asyncio.run(_measure(Path(folder), arguments.model, arguments.tries))
    return 0


async def _measure(folder: Path, model: str, tries: int) -> None:
    # Discord's own limit is no part of what is measured.
    discord = DiscordServer(limit=10**6)
    options = Options(model=model, program="scripts.lib.hass_discord")
    async with serving(discord), running_demo(options, folder) as demo:
        await add_webhook(demo.api, ["power_lost", "power_restored"])
        figures: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(tries):
            for on in (False, True):
                # At a random moment between two polls.
                await asyncio.sleep(1.5 + random.random())  # noqa: S311 - no secret
                figures[on].append(await _switch(demo, discord, on=on))
    print(f"{model}, {tries} cuts and returns of mains, seconds until the request is at Discord")
    print(f"{'':10}{'median':>8}{'worst':>8}")
    for on, times in figures.items():
        print(f"{'returned' if on else 'lost':10}{median(times):8.3f}{max(times):8.3f}")


@asynccontextmanager
async def serving(discord: DiscordServer) -> AsyncIterator[None]:
    """Serve a Discord on loopback, where Home Assistants that start now find it."""
    runner = web.AppRunner(discord.app(), access_log=None)
    await runner.setup()
    port = free_port(_FIRST_PORT)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    os.environ[API_VARIABLE] = f"http://127.0.0.1:{port}/api/v10"
    try:
        yield
    finally:
        del os.environ[API_VARIABLE]
        await runner.cleanup()


async def add_webhook(api: HassApi, events: list[str]) -> None:
    """Add the webhook of the Discord that is served, as a user would."""
    (entry,) = await api.get(f"config/config_entries/entry?domain={DOMAIN}")
    path = "config/config_entries/subentries/flow"
    step = await api.post(path, {"handler": [entry["entry_id"], "discord"]})
    answer = {
        "webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        "events": events,
        "plan_progress": True,
    }
    result = await api.post(f"{path}/{step['flow_id']}", answer)
    if result["type"] != "create_entry":
        raise RuntimeError(f"the webhook was not added: {result.get('errors')}")


async def _switch(demo: Demo, discord: DiscordServer, *, on: bool) -> float:
    before = len(discord.messages)
    began = time.monotonic()
    await demo.set_mains(on=on)
    async with asyncio.timeout(TRY_TIMEOUT_S):
        while len(discord.messages) == before:  # noqa: ASYNC110 - the time is in the message
            await asyncio.sleep(0.01)
    return discord.messages[before].at - began


if __name__ == "__main__":
    sys.exit(main())
