"""What Discord is told of one UPS, however bad the line and however often we restart."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock, patch

from homeassistant.components.diagnostics import REDACTED
from homeassistant.const import CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups.const import (
    CONF_EVENTS,
    CONF_MENTION,
    CONF_NUT_SERVER,
    CONF_WEBHOOK_URL,
    DOMAIN,
    Issue,
)
from custom_components.omron_ups.diagnostics import async_get_config_entry_diagnostics
from custom_components.omron_ups.discord_channel import OutboxFile
from custom_components.omron_ups.driver import PowerEvent, SimulatedUps
from scripts.lib.discord_server import TOKEN, WEBHOOK_ID, DiscordServer
from tests.ha.common import (
    WEBHOOK_URL,
    MockConfigEntry,
    NutConnection,
    add_account,
    add_webhook,
    async_fire_time_changed,
    eventually,
    set_up,
)

POWER = [PowerEvent.POWER_LOST, PowerEvent.POWER_RESTORED]


@pytest.fixture(autouse=True)
def impatient() -> Generator[None]:
    """Let the outbox try again soon."""
    outbox = "custom_components.omron_ups.outbox"
    with patch(f"{outbox}.FIRST_PAUSE_S", 0.02), patch(f"{outbox}.LONGEST_PAUSE_S", 0.05):
        yield


@pytest.fixture
def clock() -> Generator[Mock]:
    """Return what says when something happened; the loop goes by its own clock."""
    with patch("custom_components.omron_ups.discord_service.dt_util.utcnow") as clock:
        clock.return_value = datetime.now(UTC)
        yield clock


def embed(discord: DiscordServer, number: int = -1) -> dict[str, Any]:
    """Return the embed of a message."""
    found: dict[str, Any] = discord.messages[number].body["embeds"][0]
    return found


async def test_nothing_is_posted_unasked(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded)
    simulated.cut_mains()
    await eventually(lambda: loaded.runtime_data.outage_log.outages.lasts)
    await hass.async_block_till_done()
    assert loaded.runtime_data.discord.channels[subentry_id].waiting == 0
    assert discord.messages == []


async def test_an_outage(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    await add_webhook(hass, loaded, events=POWER, mention="@here")
    simulated.cut_mains()
    await eventually(lambda: len(discord.messages) == 1)
    assert embed(discord)["title"] == "Power failure: BW55T is on battery"
    fields = {item["name"]: item["value"] for item in embed(discord)["fields"]}
    assert fields["Status"] == "On battery"
    assert fields.keys() >= {"Charge", "Runtime", "Load"}
    assert discord.messages[0].body["content"] == "@here"
    simulated.restore_mains()
    await eventually(lambda: len(discord.messages) == 2)
    assert embed(discord)["title"] == "Power is back at BW55T"
    assert discord.messages[1].body["content"] == ""


async def test_in_japanese(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    hass.config.language = "ja"
    await add_webhook(hass, loaded, events=POWER)
    simulated.cut_mains()
    await eventually(lambda: discord.titles == ["停電: BW55T はバッテリー運転中です"])


async def test_two_webhooks_are_told_what_each_wants(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    both = [await add_webhook(hass, loaded, events=[event], unique_id=event) for event in POWER]
    assert set(loaded.runtime_data.discord.channels) == set(both)
    simulated.cut_mains()
    await eventually(lambda: len(discord.messages) == 1)
    simulated.restore_mains()
    await eventually(lambda: len(discord.messages) == 2)
    assert discord.titles == ["Power failure: BW55T is on battery", "Power is back at BW55T"]


async def test_an_outage_that_nobody_heard_of_is_one_message(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded, events=POWER)
    discord.trouble = 503
    simulated.cut_mains()
    channel = loaded.runtime_data.discord.channels[subentry_id]
    await eventually(lambda: channel.waiting == discord.attempts == 1)
    simulated.restore_mains()
    await eventually(lambda: channel.waiting == 2)
    discord.trouble = None
    await eventually(lambda: channel.waiting == 0)
    (title,) = discord.titles
    assert title.startswith("Power was out at BW55T for")


@pytest.mark.parametrize("forced", [True, False])
async def test_an_outage_in_which_clients_were_told_to_stop_is_told_in_full(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    discord: DiscordServer,
    *,
    free_port: int,
    forced: bool,
) -> None:
    """Nobody asked for the event of the forced shutdown, but "nothing was shut down" is false."""
    await add_account(hass, loaded, "joe", role="primary")
    subentry_id = await add_webhook(hass, loaded, events=POWER)
    discord.trouble = 503
    simulated.cut_mains()
    channel = loaded.runtime_data.discord.channels[subentry_id]
    await eventually(lambda: channel.waiting == discord.attempts == 1)
    if forced:
        async with NutConnection(loaded.options[CONF_NUT_SERVER][CONF_PORT]) as client:
            await client.introduce("joe")
            assert await client.ask("FSD ups") == "OK FSD-SET"
    simulated.restore_mains()
    await eventually(lambda: channel.waiting == 2)
    discord.trouble = None
    await eventually(lambda: channel.waiting == 0)
    assert len(discord.messages) == (2 if forced else 1)


async def test_who_forced_a_shutdown_is_told(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer, free_port: int
) -> None:
    await add_account(hass, loaded, "joe", role="primary")
    await add_webhook(hass, loaded, events=[PowerEvent.FORCED_SHUTDOWN])
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("FSD ups") == "OK FSD-SET"
    await eventually(lambda: len(discord.messages) == 1)
    fields = {item["name"]: item["value"] for item in embed(discord)["fields"]}
    assert fields["Details"] == "ups, joe, 127.0.0.1"


async def test_an_hour_without_network_and_a_restart(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    discord: DiscordServer,
    clock: Mock,
) -> None:
    events = [*POWER, PowerEvent.BATTERY_LOW, PowerEvent.BATTERY_OK]
    subentry_id = await add_webhook(hass, loaded, events=events)
    service = loaded.runtime_data.discord
    began = datetime.now(UTC) - timedelta(hours=2)
    discord.trouble = 503
    clock.return_value = began
    simulated.cut_mains()
    await eventually(lambda: service.channels[subentry_id].waiting == discord.attempts == 1)
    clock.return_value = began + timedelta(minutes=20)
    simulated.charge = 10.0
    await eventually(lambda: service.channels[subentry_id].waiting == 2)

    await hass.config_entries.async_unload(loaded.entry_id)
    await hass.async_block_till_done()
    clock.return_value = began + timedelta(minutes=40)
    simulated.restore_mains()
    with patch("custom_components.omron_ups.connection.SimulatedUps", return_value=simulated):
        await set_up(hass, loaded)
    channel = loaded.runtime_data.discord.channels[subentry_id]
    await eventually(lambda: channel.waiting >= 3)
    assert discord.messages == []

    clock.return_value = began + timedelta(hours=1)
    discord.trouble = None
    await eventually(lambda: channel.waiting == 0)
    told = {
        item.body["embeds"][0]["title"]: datetime.fromisoformat(item.body["embeds"][0]["timestamp"])
        for item in discord.messages
    }
    assert len(told) == len(discord.messages)
    assert list(told)[:3] == [
        "Power failure: BW55T is on battery",
        "Low battery: BW55T will soon be empty",
        "Power is back at BW55T",
    ]
    assert [(at - began) // timedelta(minutes=1) for at in told.values()][:3] == [0, 20, 40]


async def test_what_waits_is_private_and_goes_with_the_webhook(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    discord: DiscordServer,
    hass_storage: dict[str, Any],
) -> None:
    subentry_id = await add_webhook(hass, loaded, events=POWER)
    discord.trouble = 503
    simulated.cut_mains()
    await eventually(lambda: len(discord.refused) > 1)
    key = f"{DOMAIN}.{loaded.entry_id}.discord"
    (letter,) = hass_storage[key]["data"][subentry_id]["letters"]
    assert letter["kind"] == "power_lost"
    assert TOKEN not in str(hass_storage[key])
    assert OutboxFile(hass, loaded.entry_id)._store._private
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await hass.async_block_till_done()
    assert hass_storage[key]["data"] == {}
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert key not in hass_storage


async def test_what_waits_of_a_webhook_that_was_deleted_meanwhile_is_forgotten(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded, events=POWER)
    discord.trouble = 503
    simulated.cut_mains()
    await eventually(lambda: loaded.runtime_data.discord.channels[subentry_id].waiting == 1)
    await hass.config_entries.async_unload(loaded.entry_id)
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await set_up(hass, loaded)
    await add_webhook(hass, loaded)
    assert [item.waiting for item in loaded.runtime_data.discord.channels.values()] == [0]


def issue(hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str) -> ir.IssueEntry | None:
    """Return the issue of a webhook that is gone."""
    return ir.async_get(hass).async_get_issue(
        DOMAIN, f"{Issue.DISCORD_WEBHOOK_GONE}_{entry.entry_id}_{subentry_id}"
    )


async def test_a_deleted_webhook_is_an_issue_until_there_is_another(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded, events=POWER)
    await hass.async_block_till_done(wait_background_tasks=True)
    discord.is_deleted = True
    simulated.cut_mains()
    await eventually(lambda: issue(hass, loaded, subentry_id) is not None)
    (refusal,) = discord.refused
    assert refusal[0] == 404

    discord.is_deleted = False
    other = WEBHOOK_URL.replace(TOKEN, TOKEN[::-1])
    with patch("scripts.lib.discord_server.TOKEN", TOKEN[::-1]):
        subentry = loaded.subentries[subentry_id]
        hass.config_entries.async_update_subentry(
            loaded, subentry, data={**subentry.data, CONF_WEBHOOK_URL: other}
        )
        await eventually(lambda: discord.titles == ["Power failure: BW55T is on battery"])
    assert issue(hass, loaded, subentry_id) is None


async def test_a_deleted_webhook_is_found_before_it_is_needed(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue(hass, loaded, subentry_id) is None
    discord.is_deleted = True
    await pass_a_day(hass)
    await eventually(lambda: issue(hass, loaded, subentry_id) is not None)
    discord.trouble = 503
    await pass_a_day(hass)
    assert issue(hass, loaded, subentry_id) is not None
    discord.trouble, discord.is_deleted = None, False
    await pass_a_day(hass)
    await eventually(lambda: issue(hass, loaded, subentry_id) is None)
    await hass.config_entries.async_unload(loaded.entry_id)


async def pass_a_day(hass: HomeAssistant) -> None:
    """Let the daily check come round."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(days=1, minutes=1))
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_options_apply_without_a_reload(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded)
    before = loaded.runtime_data
    subentry = loaded.subentries[subentry_id]
    hass.config_entries.async_update_subentry(
        loaded, subentry, data={**subentry.data, CONF_EVENTS: POWER, CONF_MENTION: "@everyone"}
    )
    await hass.async_block_till_done()
    assert loaded.runtime_data is before
    simulated.cut_mains()
    await eventually(lambda: len(discord.messages) == 1)
    assert discord.messages[0].body["content"] == "@everyone"


async def test_the_url_is_in_no_log_and_no_diagnostics(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    discord: DiscordServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "custom_components.omron_ups")
    subentry_id = await add_webhook(hass, loaded, events=POWER)
    await hass.async_block_till_done(wait_background_tasks=True)
    discord.is_deleted = True
    simulated.cut_mains()
    await eventually(lambda: issue(hass, loaded, subentry_id) is not None)
    diagnostics = await async_get_config_entry_diagnostics(hass, loaded)
    (subentry,) = diagnostics["subentries"]
    assert subentry[CONF_WEBHOOK_URL] == REDACTED
    assert diagnostics["discord"] == [{"is_gone": True, "waiting": 1}]
    assert TOKEN not in str(diagnostics)
    assert WEBHOOK_ID not in str(diagnostics)
    ours = [item for item in caplog.records if item.name.startswith("custom_components")]
    assert ours
    assert [item for item in ours if TOKEN in item.getMessage()] == []


async def test_home_assistant_stops(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    discord: DiscordServer,
    hass_storage: dict[str, Any],
) -> None:
    subentry_id = await add_webhook(hass, loaded, events=POWER)
    discord.trouble = 503
    simulated.cut_mains()
    await eventually(lambda: loaded.runtime_data.discord.channels[subentry_id].waiting == 1)
    await hass.async_stop(force=True)
    stored = hass_storage[f"{DOMAIN}.{loaded.entry_id}.discord"]["data"]
    assert [item["kind"] for item in stored[subentry_id]["letters"]] == ["power_lost"]
