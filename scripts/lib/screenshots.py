"""Use the blueprints as a person does, in a browser: ``scripts/screenshots``."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Final

from scripts.lib.bench_discord import add_webhook, serving
from scripts.lib.browser import (
    Browser,
    BrowserError,
    missing_programs,
    running_browser,
    stored_login,
)
from scripts.lib.config_folder import CHECKOUT
from scripts.lib.demo import DOMAIN, Demo, Options, running_demo
from scripts.lib.discord_server import DiscordServer

IMAGES: Final = CHECKOUT / "docs/images"
_BLUEPRINT: Final = "Power events to Discord or any notify entity"
_FILE: Final = "notify_discord.yaml"
_ARRIVAL_S: Final = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Go through it and write the pictures; returns 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=IMAGES, help="for the pictures (default: docs/images)"
    )
    options = parser.parse_args(arguments)
    if missing := missing_programs():
        print(f"screenshots: {', '.join(missing)} missing: install chromium and chromium-driver")
        return 1
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_run(options.folder))
    except BrowserError as err:
        print(f"screenshots: {err}", file=sys.stderr)
        return 1
    print(f"screenshots: an automation was made and has run; the pictures are in {options.folder}")
    return 0


async def _run(pictures: Path) -> None:
    discord = DiscordServer()
    options = Options(program="scripts.lib.hass_discord", language="en")
    with TemporaryDirectory() as config, TemporaryDirectory() as profile:
        async with (
            serving(discord),
            running_demo(options, Path(config)) as demo,
            running_browser(Path(profile)) as browser,
        ):
            (entry,) = await demo.api.get(f"config/config_entries/entry?domain={DOMAIN}")
            # By itself the webhook tells nothing: what arrives is the automation's.
            await add_webhook(demo.api, entry["entry_id"], [])
            address = demo.hass.address
            await browser.open(f"{address}/manifest.json")
            await browser.run(stored_login(address, demo.api.token))
            await _install(browser, address, pictures)
            await _make_automation(browser, pictures)
            await _see_it_run(browser, demo, discord, pictures)


async def _install(browser: Browser, address: str, pictures: Path) -> None:
    """Install the blueprints by the action."""
    action = f"{DOMAIN}.install_blueprints"
    await browser.open(f"{address}/config/tools/action?service={action}")
    await browser.find("*", "Installs the blueprints")
    await browser.click("ha-progress-button, ha-button", "Perform action")
    await browser.find("*", _FILE)
    await browser.open(f"{address}/config/blueprint/dashboard")
    await browser.find("[role=row]", _FILE)
    await browser.take_picture(pictures / "blueprints.png")


async def _make_automation(browser: Browser, pictures: Path) -> None:
    """Make an automation from a blueprint: the UPS, whom to tell, save."""
    await browser.click("[role=row]", _BLUEPRINT)
    await browser.choose("ha-selector-entity", "Power")
    await browser.choose("ha-entities-picker", "Messages")
    await browser.click("ha-button", "Save")
    await browser.find("ha-button", "Traces")
    await browser.take_picture(pictures / "blueprint-automation.png")


async def _see_it_run(browser: Browser, demo: Demo, discord: DiscordServer, pictures: Path) -> None:
    """Pull the plug, wait for the message, look at the trace.

    Raises:
        BrowserError: Discord was told nothing, or something else.

    """
    await demo.set_mains(on=False)
    try:
        async with asyncio.timeout(_ARRIVAL_S):
            while not discord.titles:  # noqa: ASYNC110 - there is no event behind it
                await asyncio.sleep(0.1)
    except TimeoutError as err:
        raise BrowserError("the automation told Discord nothing") from err
    if discord.titles != ["BW55T: Power lost"]:
        raise BrowserError(f"the automation told {discord.titles}")
    await browser.click("ha-button", "Traces")
    await browser.find("*", "Executed: ")
    await browser.take_picture(pictures / "blueprint-trace.png")


if __name__ == "__main__":
    sys.exit(main())
