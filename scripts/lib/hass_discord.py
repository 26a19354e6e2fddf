"""Start Home Assistant as scripts.lib.hass does, with a Discord of our own behind all webhooks."""

import os
import sys
from typing import Final

from custom_components.omron_ups import discord
from scripts.lib.hass import run

API_VARIABLE: Final = "OMRON_UPS_DISCORD_API"
"""The environment variable with the root of the Discord of our own."""

if __name__ == "__main__":
    discord.API = os.environ[API_VARIABLE]
    sys.exit(run())
