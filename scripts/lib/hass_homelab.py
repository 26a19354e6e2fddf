"""Start Home Assistant as scripts.lib.hass_discord does, on a machine that can be started anew.

What the kernel tells of its boot is made up, so that the end of a machine and its next start can
be played without one.
"""

import os
import sys
import time
from typing import Final, override

from custom_components.omron_ups import discord, plan_service
from custom_components.omron_ups.shutdown.clock import SystemClock
from scripts.lib.hass import run
from scripts.lib.hass_discord import API_VARIABLE

BOOT_ID_VARIABLE: Final = "OMRON_UPS_BOOT_ID"
"""The environment variable with the boot id."""
_BOOTED: Final = time.monotonic()


class MachineClock(SystemClock):
    """The clock of a machine that started when this process did."""

    @property
    @override
    def boot_id(self) -> str:
        return os.environ[BOOT_ID_VARIABLE]

    @override
    def uptime_s(self) -> float:
        return time.monotonic() - _BOOTED


if __name__ == "__main__":
    discord.API = os.environ[API_VARIABLE]
    vars(plan_service)["SystemClock"] = MachineClock
    sys.exit(run())
