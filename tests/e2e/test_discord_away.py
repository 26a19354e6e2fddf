"""Discord cannot be reached while a plan runs and Home Assistant is restarted: nothing is lost."""

from pathlib import Path

import pytest

from scripts.lib.bench_discord import serving
from scripts.lib.discord_server import DiscordServer
from tests.e2e.discord_runs import SHORTEST_S, away_run, faults, with_webhook
from tests.e2e.plan_rig import home
from tests.nut.upsmon import UPSMON
from tests.shutdown.sshd import SSHD

TIMEOUT_S = 500

pytestmark = [
    pytest.mark.timeout(TIMEOUT_S),
    pytest.mark.skipif(not SSHD or not Path(UPSMON).exists(), reason="needs sshd and upsmon"),
]


async def test_every_event_arrives_once_in_order_with_its_own_time(tmp_path: Path) -> None:
    """The same for a whole hour is ``scripts/discord-away``."""
    discord = DiscordServer()
    program = "scripts.lib.hass_discord"
    async with (
        serving(discord),
        home(tmp_path / "home", triggers={"time_on_battery": 15}, program=program) as rig,
        with_webhook(rig),
    ):
        await rig.arm()
        run = await away_run(rig, discord, away_s=SHORTEST_S)
    assert not faults(run), run
