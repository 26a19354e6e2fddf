"""The flow of Discord webhooks."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups.const import (
    CONF_EVENTS,
    CONF_MENTION,
    CONF_PLAN_PROGRESS,
    CONF_WEBHOOK_URL,
    SUBENTRY_DISCORD,
)
from scripts.lib.discord_server import TOKEN, WEBHOOK_ID, DiscordServer
from tests.ha.common import WEBHOOK_URL, MockConfigEntry, add_webhook

WEBHOOK = {CONF_WEBHOOK_URL: f" {WEBHOOK_URL} ", CONF_MENTION: " @here "}
OTHER_URL = WEBHOOK_URL.replace(WEBHOOK_ID, "223456789012345678")


async def start(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Start to add a webhook, and return the id of the flow."""
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_DISCORD), context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.FORM
    return result["flow_id"]


async def submit(hass: HomeAssistant, flow_id: str, data: dict[str, Any]) -> SubentryFlowResult:
    """Submit the form."""
    result = await hass.config_entries.subentries.async_configure(flow_id, dict(data))
    await hass.async_block_till_done()
    return result


async def test_add(hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer) -> None:
    result = await submit(hass, await start(hass, loaded), WEBHOOK)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = loaded.subentries.values()
    assert (subentry.title, subentry.unique_id) == ("UPS", WEBHOOK_ID)
    assert subentry.data == {
        CONF_WEBHOOK_URL: WEBHOOK_URL,
        CONF_EVENTS: [],
        CONF_PLAN_PROGRESS: True,
        CONF_MENTION: "@here",
    }
    assert discord.messages == []


@pytest.mark.parametrize(
    ("mistake", "errors"),
    [
        ({CONF_WEBHOOK_URL: "https://example.com"}, {CONF_WEBHOOK_URL: "invalid_webhook_url"}),
        ({CONF_WEBHOOK_URL: " "}, {CONF_WEBHOOK_URL: "invalid_webhook_url"}),
        ({CONF_WEBHOOK_URL: OTHER_URL}, {CONF_WEBHOOK_URL: "webhook_gone"}),
        ({CONF_MENTION: "Joe"}, {CONF_MENTION: "invalid_mention"}),
        ({CONF_MENTION: "<@123456789012345678> x"}, {CONF_MENTION: "invalid_mention"}),
    ],
)
async def test_mistake_then_recover(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    discord: DiscordServer,
    mistake: dict[str, Any],
    errors: dict[str, str],
) -> None:
    flow_id = await start(hass, loaded)
    result = await submit(hass, flow_id, {**WEBHOOK, **mistake})
    assert result["errors"] == errors
    assert result["data_schema"] is not None
    assert TOKEN not in str(result["data_schema"].schema)
    result = await submit(hass, flow_id, WEBHOOK)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_without_internet_then_recover(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    discord.trouble = 503
    flow_id = await start(hass, loaded)
    result = await submit(hass, flow_id, WEBHOOK)
    assert result["errors"] == {CONF_WEBHOOK_URL: "discord_unreachable"}
    discord.trouble = None
    result = await submit(hass, flow_id, WEBHOOK)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_webhook_is_added_once(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    await add_webhook(hass, loaded)
    result = await submit(hass, await start(hass, loaded), WEBHOOK)
    assert result["errors"] == {CONF_WEBHOOK_URL: "webhook_taken"}


async def test_the_url_is_kept_and_never_shown(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded, mention="@here", events=["power_lost"])
    form = await loaded.start_subentry_reconfigure_flow(hass, subentry_id)
    suggested = {
        str(marker): (marker.description or {}).get("suggested_value")
        for marker in form["data_schema"].schema
    }
    assert suggested[CONF_WEBHOOK_URL] is None
    assert suggested[CONF_EVENTS] == ["power_lost"]
    result = await submit(
        hass, form["flow_id"], {CONF_EVENTS: ["battery_low"], CONF_PLAN_PROGRESS: False}
    )
    assert result["reason"] == "reconfigure_successful"
    assert loaded.subentries[subentry_id].data == {
        CONF_WEBHOOK_URL: WEBHOOK_URL,
        CONF_EVENTS: ["battery_low"],
        CONF_PLAN_PROGRESS: False,
        CONF_MENTION: "",
    }


async def test_the_same_webhook_can_be_entered_again(
    hass: HomeAssistant, loaded: MockConfigEntry, discord: DiscordServer
) -> None:
    subentry_id = await add_webhook(hass, loaded)
    form = await loaded.start_subentry_reconfigure_flow(hass, subentry_id)
    result = await submit(hass, form["flow_id"], {**WEBHOOK, CONF_PLAN_PROGRESS: True})
    assert result["reason"] == "reconfigure_successful"
