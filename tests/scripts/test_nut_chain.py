"""What scripts/bench compares us with really tells Discord."""

import asyncio
import os
from pathlib import Path

import pytest

from custom_components.omron_ups.driver import PROFILES, SimulatedUps
from scripts.lib.bench_discord import serving
from scripts.lib.discord_server import TOKEN, WEBHOOK_ID, DiscordServer
from scripts.lib.nut_chain import EVERY_SECOND, missing_programs, running_chain
from scripts.lib.simulator_server import PtyServer

LIMIT_S = 60

if missing_programs() and os.environ.get("CI") != "true":
    pytest.skip(f"{missing_programs()} are missing", allow_module_level=True)


async def until_told(discord: DiscordServer, text: str) -> None:
    """Wait for a message."""
    async with asyncio.timeout(LIMIT_S):
        while text not in discord.titles:  # noqa: ASYNC110 - there is no event behind it
            await asyncio.sleep(0.05)


async def test_nuts_own_programs_tell_of_an_outage(tmp_path: Path) -> None:
    discord = DiscordServer()
    ups = SimulatedUps(PROFILES["bw55t"])
    async with serving(discord) as api, PtyServer(ups) as line:
        url = f"{api}/webhooks/{WEBHOOK_ID}/{TOKEN}"
        async with running_chain(EVERY_SECOND, tmp_path, terminal=line.place, url=url):
            ups.cut_mains()
            await until_told(discord, "nut-every-second ONBATT")
            ups.restore_mains()
            await until_told(discord, "nut-every-second ONLINE")
    assert discord.titles == ["nut-every-second ONBATT", "nut-every-second ONLINE"]
