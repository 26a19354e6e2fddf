"""Keep Discord out of reach while a shutdown plan runs: ``scripts/discord-away``."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
import shutil
import sys
from tempfile import mkdtemp

from scripts.lib.bench_discord import serving
from scripts.lib.discord_server import DiscordServer
from tests.e2e.discord_runs import AwayRun, away_run, faults, with_webhook
from tests.e2e.plan_rig import home

MINUTES = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what Discord was told; returns 1 if that is not as it should be."""
    parser = argparse.ArgumentParser(
        prog="scripts/discord-away",
        description="Keep Discord out of reach while a shutdown plan runs.",
    )
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, metavar="N", help="default: %(default)g"
    )
    options = parser.parse_args(arguments)
    folder = Path(mkdtemp(prefix="omron-ups-discord-away-"))
    run = asyncio.run(_run(folder, options.minutes))
    for embed in run.embeds:
        print(f"{embed['timestamp']}  {embed['title']}")
    if found := faults(run):
        print("\n".join(found))
        print(f"log and journal are in {folder}")
        return 1
    shutil.rmtree(folder)
    print(f"{options.minutes:g} minutes without Discord: all arrived once, in order")
    return 0


async def _run(folder: Path, minutes: float) -> AwayRun:
    discord = DiscordServer()
    program = "scripts.lib.hass_discord"
    async with (
        serving(discord),
        home(folder / "home", triggers={"time_on_battery": 15}, program=program) as rig,
        with_webhook(rig),
    ):
        await rig.arm()
        return await away_run(rig, discord, away_s=minutes * 60)


if __name__ == "__main__":
    sys.exit(main())
