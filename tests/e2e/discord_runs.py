"""An outage that nobody on Discord can be told of while it lasts, with the rig of the plan."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
import time
from typing import Any, Final

from aiohttp import ClientSession

from scripts.lib.bench_discord import add_webhook
from scripts.lib.discord_server import DiscordServer
from scripts.lib.hass_api import HassApi
from tests.e2e.plan_rig import Home
from tests.e2e.plan_runs import is_back
from tests.e2e.waiting import becomes

EVENTS: Final = (
    "power_lost",
    "power_restored",
    "battery_low",
    "communication_lost",
    "communication_restored",
    "plan_started",
    "plan_cancelled",
    "plan_finished",
    "plan_failed",
)
SHORTEST_S: Final = 90.0
"""What the run takes by itself."""
# The outbox tries again after 300 s at the latest, give or take a fifth.
_ARRIVAL_S: Final = 400.0
# Longer than Discord's limit makes the next message wait.
_QUIET_S: Final = 10.0
# The plan looks whether there is something to tell every other second.
_LOOK_S: Final = 10.0
_CHARGE: Final = 90
_SHORT_OUTAGE_S: Final = 5.0


@dataclass(slots=True, kw_only=True)
class AwayRun:
    """What was done when, by the wall clock, and what Discord was told in the end."""

    cuts: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    began_at: float = 0.0
    """When the plan showed that it runs."""
    back_at: float = 0.0
    """When everybody was back."""
    told_meanwhile: int = 0
    """How many messages arrived while the line was down."""
    embeds: Sequence[dict[str, Any]] = ()
    """All messages, in the order in which Discord has them."""
    refused: Sequence[tuple[int, str]] = ()

    @property
    def titles(self) -> list[str]:
        """What the messages say."""
        return [embed["title"] for embed in self.embeds]

    @property
    def times(self) -> list[float]:
        """When the messages say that it happened, by the wall clock."""
        return [datetime.fromisoformat(embed["timestamp"]).timestamp() for embed in self.embeds]


async def away_run(rig: Home, discord: DiscordServer, *, away_s: float) -> AwayRun:
    """Take the line away, let mains fail twice, restart Home Assistant twice, give the line back.

    The first outage is over before anything is shut down. In the second one the plan stops
    everybody; Home Assistant is killed while it does that, and restarted in order when it is done.
    Mains comes back while the line is still away.

    Args:
        rig: with an armed plan that begins some seconds after mains fails.
        discord: where its webhook leads to.
        away_s: how long the line is away, at least SHORTEST_S.

    """
    run = AwayRun()
    discord.trouble = 503
    gone_at = time.monotonic()
    async with _full_battery(rig):
        await _short_outage(rig, run)
        await _fail(rig, run)
        await becomes("running", rig.plan_state)
        run.began_at = time.time()
        await rig.hass.crash()
        await rig.hass.start_again()
        await becomes("handed_over", rig.plan_state)
        rest_s = max(_LOOK_S, gone_at + away_s - SHORTEST_S / 2 - time.monotonic())
        await asyncio.sleep(rest_s / 2)
        await rig.hass.stop()
        await rig.hass.start_again()
        await becomes("handed_over", rig.plan_state)
        await asyncio.sleep(rest_s / 2)
        await _restore(rig, run)
        await becomes(expected=True, look=lambda: is_back(rig))
    run.back_at = time.time()
    await asyncio.sleep(max(0.0, gone_at + away_s - time.monotonic()))
    run.told_meanwhile = len(discord.messages)
    discord.refused.clear()
    discord.trouble = None
    await _until_quiet(discord)
    run.embeds = [message.body["embeds"][0] for message in discord.messages]
    run.refused = tuple(discord.refused)
    return run


def faults(run: AwayRun) -> list[str]:
    """Return what must not be."""
    ups = "BW55T"
    expected = [
        f"Power was out at {ups} for ",
        f"Power failure: {ups} is on battery",
        f"{ups}: hosts are being shut down",
        # The message that is edited while the plan runs, as it was edited last.
        f"{ups}: the shutdown plan is done",
        f"{ups}: the shutdown plan is done",
        f"Power is back at {ups}",
        f"{ups}: the shutdown plan is done",
    ]
    found = []
    if run.told_meanwhile:
        found.append(f"{run.told_meanwhile} messages arrived without a line")
    if run.refused:
        found.append(f"Discord refused {run.refused}")
    if len(run.titles) != len(expected) or not all(
        title.startswith(begin) for title, begin in zip(run.titles, expected, strict=True)
    ):
        return [*found, f"told {run.titles}"]
    moments = {0: run.returns[0], 1: run.cuts[1], 2: run.began_at, 5: run.returns[1]}
    found += [
        f"{run.titles[number]} told {run.times[number] - moment:+.1f} s of its own time"
        for number, moment in moments.items()
        if abs(run.times[number] - moment) > _READ_S
    ]
    in_order = [time for number, time in enumerate(run.times) if number != _LIVE]
    if in_order != sorted(in_order):
        found.append(f"not in order: {run.times}")
    return found


# From the bit in the UPS to the event, on a machine that has a lot to do.
_READ_S: Final = 5.0
_LIVE: Final = 3


async def _short_outage(rig: Home, run: AwayRun) -> None:
    await _fail(rig, run)
    await asyncio.sleep(_SHORT_OUTAGE_S)
    await _restore(rig, run)
    await becomes("idle", rig.plan_state)


async def _fail(rig: Home, run: AwayRun) -> None:
    run.cuts.append(time.time())
    rig.ups.cut_mains()
    await becomes("off", lambda: rig.state("binary_sensor.mains"))


async def _restore(rig: Home, run: AwayRun) -> None:
    run.returns.append(time.time())
    rig.ups.restore_mains()
    await becomes("on", lambda: rig.state("binary_sensor.mains"))


async def _until_quiet(discord: DiscordServer) -> None:
    """Wait for the first message, and then until no more come."""
    async with asyncio.timeout(_ARRIVAL_S):
        while not discord.messages:  # noqa: ASYNC110 - there is no event behind it
            await asyncio.sleep(0.5)
    told: list[int] = []
    while told != (told := [message.edits for message in discord.messages]):  # noqa: ASYNC110
        await asyncio.sleep(_QUIET_S)


@asynccontextmanager
async def _full_battery(rig: Home) -> AsyncIterator[None]:
    """Keep the battery where it is: low battery is another subject, also after an hour."""

    async def charge() -> None:
        while True:
            rig.ups.charge = _CHARGE
            await asyncio.sleep(1)

    task = asyncio.create_task(charge())
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def with_webhook(rig: Home) -> AsyncIterator[None]:
    """Add the webhook; be authorised for longer than a login lasts."""
    token = await rig.api.command("auth/long_lived_access_token", client_name="run", lifespan=1)
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(rig.hass.address, headers=headers) as session:
        rig.api = HassApi(session)
        await add_webhook(rig.api, rig.entry_id, list(EVENTS))
        # Home Assistant writes the entry a second late, and would know nothing after a crash.
        await asyncio.sleep(2)
        yield
