"""Messages to Discord: within its limits, and its answers understood."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
import logging
import traceback
from unittest.mock import patch
import warnings

import aiohttp
from aiohttp.test_utils import TestServer
from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.discord import (
    MAX_CONTENT,
    BadMessageError,
    DiscordWebhook,
    Embed,
    EmbedField,
    Message,
    MessageGoneError,
    RateLimitedError,
    UnreachableError,
    Webhook,
    WebhookGoneError,
    parse_webhook_url,
    trim,
)
from scripts.lib.discord_server import TOKEN, WEBHOOK_ID, DiscordServer, find_fault

WEBHOOK = Webhook(webhook_id=WEBHOOK_ID, token=TOKEN)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def discord() -> DiscordServer:
    """Return what the server of `api` holds."""
    return DiscordServer()


@pytest.fixture
async def api(discord: DiscordServer, socket_enabled: None) -> AsyncGenerator[str]:
    async with TestServer(discord.app()) as server:
        yield str(server.make_url("/api/v10"))


@pytest.fixture
async def webhook(api: str) -> AsyncGenerator[DiscordWebhook]:
    async with aiohttp.ClientSession() as session:
        yield DiscordWebhook(session, WEBHOOK, api=api)


@pytest.mark.parametrize(
    "url",
    [
        f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f" https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}/\n",
        f"https://discordapp.com/api/v10/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f"https://ptb.discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
    ],
)
def test_urls_as_discord_shows_them(url: str) -> None:
    assert parse_webhook_url(url) == WEBHOOK


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"http://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f"https://discord.com.example/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f"https://example.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}",
        f"https://discord.com/api/webhooks/{WEBHOOK_ID}/",
        f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}/slack",
        f"https://discord.com/api/webhooks/x/{TOKEN}",
    ],
)
def test_other_urls_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="webhook") as caught:
        parse_webhook_url(url)
    assert TOKEN not in str(caught.value)


async def test_checking_posts_nothing(webhook: DiscordWebhook, discord: DiscordServer) -> None:
    assert await webhook.check() == "UPS"
    assert discord.messages == []


async def test_a_message_arrives_and_is_edited(
    webhook: DiscordWebhook, discord: DiscordServer
) -> None:
    embed = Embed(
        title="Power failure",
        description="on battery",
        color=0xD32F2F,
        fields=(EmbedField(name="Charge", value="99 %"),),
        footer="BW55T",
        timestamp=NOON,
    )
    message_id = await webhook.post(Message(content="Hello", embed=embed))
    assert discord.messages[0].body == {
        "content": "Hello",
        "allowed_mentions": {"parse": []},
        "embeds": [
            {
                "title": "Power failure",
                "description": "on battery",
                "color": 0xD32F2F,
                "timestamp": "2026-11-22T12:00:00+00:00",
                "footer": {"text": "BW55T"},
                "fields": [{"name": "Charge", "value": "99 %", "inline": True}],
            }
        ],
    }
    await webhook.edit(message_id, Message(content="Hello again"))
    assert discord.messages[0].body["content"] == "Hello again"
    assert len(discord.messages) == 1


async def test_a_message_that_somebody_deleted(
    webhook: DiscordWebhook, discord: DiscordServer
) -> None:
    message_id = await webhook.post(Message(content="Hello"))
    discord.messages.clear()
    with pytest.raises(MessageGoneError):
        await webhook.edit(message_id, Message(content="x"))


@pytest.mark.parametrize(
    ("mention", "allowed"),
    [
        ("", {"parse": []}),
        ("@everyone", {"parse": ["everyone"]}),
        ("@here", {"parse": ["everyone"]}),
        ("<@&123>", {"parse": [], "roles": ["123"]}),
        ("<@123>", {"parse": [], "users": ["123"]}),
        ("somebody", {"parse": []}),
    ],
)
def test_only_the_chosen_one_is_notified(mention: str, allowed: dict[str, object]) -> None:
    payload = Message(content="pve1", mention=mention).payload()
    assert payload["allowed_mentions"] == allowed
    assert payload["content"] == f"{mention} pve1".strip()


async def test_the_limit_is_told(webhook: DiscordWebhook, discord: DiscordServer) -> None:
    discord.limit, discord.window_s = 2, 30.0
    assert webhook.pause_s == 0
    await webhook.post(Message(content="1"))
    await webhook.post(Message(content="2"))
    assert 25 < webhook.pause_s <= 30
    with pytest.raises(RateLimitedError) as caught:
        await webhook.post(Message(content="3"))
    assert 25 < caught.value.retry_after_s <= 30


async def test_a_deleted_webhook(webhook: DiscordWebhook, discord: DiscordServer) -> None:
    discord.is_deleted = True
    with pytest.raises(WebhookGoneError):
        await webhook.post(Message(content="x"))


async def test_a_wrong_token(api: str) -> None:
    other = Webhook(webhook_id=WEBHOOK_ID, token="wrong" * 5)
    async with aiohttp.ClientSession() as session:
        webhook = DiscordWebhook(session, other, api=api)
        with pytest.raises(WebhookGoneError):
            await webhook.check()


@pytest.mark.parametrize("status", [403, 500, 502, 503])
async def test_trouble_passes(webhook: DiscordWebhook, discord: DiscordServer, status: int) -> None:
    discord.trouble = status
    with pytest.raises(UnreachableError):
        await webhook.post(Message(content="x"))


async def test_what_discord_never_takes(webhook: DiscordWebhook) -> None:
    with pytest.raises(BadMessageError):
        await webhook.post(Message(embed=Embed(title="x", color=-1)))


async def test_nobody_there(caplog: pytest.LogCaptureFixture, socket_enabled: None) -> None:
    caplog.set_level(logging.DEBUG)
    async with aiohttp.ClientSession() as session:
        webhook = DiscordWebhook(session, WEBHOOK, api="http://127.0.0.1:1/api/v10")
        with pytest.raises(UnreachableError) as caught:
            await webhook.post(Message(content="x"))
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert TOKEN not in told
    assert TOKEN not in repr(WEBHOOK)


texts = st.text(max_size=5000) | st.text(alphabet="ab😀", min_size=200, max_size=9000)


@given(text=texts, limit=st.integers(1, 300))
def test_trimming(text: str, limit: int) -> None:
    trimmed = trim(text, limit)
    assert len(trimmed.encode("utf-16-le")) // 2 <= limit
    assert trimmed == text or trimmed.endswith("…")


@given(
    content=texts,
    title=texts,
    description=texts,
    footer=texts,
    fields=st.lists(st.tuples(texts, texts), max_size=30),
)
def test_whatever_is_told_fits(
    content: str, title: str, description: str, footer: str, fields: list[tuple[str, str]]
) -> None:
    embed = Embed(
        title=title,
        description=description,
        footer=footer,
        fields=tuple(EmbedField(name=name, value=value) for name, value in fields),
    )
    assert find_fault(Message(content=content, embed=embed).payload()) == ""
    assert find_fault(Message(content=content).payload()) == ""


def test_short_texts_stay_whole() -> None:
    payload = Message(content="x" * MAX_CONTENT, embed=Embed(title="t", description="d")).payload()
    assert payload["content"] == "x" * MAX_CONTENT
    assert payload["embeds"] == [{"title": "t", "description": "d"}]


async def test_somebody_elses_client_gets_on_with_the_server(
    api: str, discord: DiscordServer
) -> None:
    """Else the server would only be the mirror of our own client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nextcord  # noqa: PLC0415 - slow, and warns of its own age
    with patch.object(nextcord.http.Route, "BASE", api):
        async with aiohttp.ClientSession() as session:
            url = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}"
            theirs = nextcord.Webhook.from_url(url, session=session)
            embed = nextcord.Embed(title="Theirs", description="text", timestamp=NOON)
            sent = await theirs.send("Hello", embed=embed, wait=True)
            assert sent.content == "Hello"
            await theirs.edit_message(sent.id, content="Edited")
            assert discord.messages[0].body["content"] == "Edited"
            with pytest.raises(nextcord.HTTPException):
                await theirs.send("x" * (MAX_CONTENT + 1), wait=True)
            await theirs.delete_message(sent.id)
            assert discord.messages == []
            discord.is_deleted = True
            with pytest.raises(nextcord.NotFound):
                await theirs.send("Hello", wait=True)
