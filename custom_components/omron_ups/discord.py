"""Discord webhooks: messages within Discord's limits, and what its answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
import re
import time
from typing import Any, Final

import aiohttp

API = "https://discord.com/api/v10"
"""The root of all requests; no setting, but tests put a Discord of their own there."""
REQUEST_LIMIT_S: Final = 15.0

# Discord's limits, in characters; figures of its API documentation.
MAX_CONTENT: Final = 2000
MAX_TITLE: Final = 256
MAX_DESCRIPTION: Final = 4096
MAX_FIELDS: Final = 25
MAX_FIELD_NAME: Final = 256
MAX_FIELD_VALUE: Final = 1024
MAX_FOOTER: Final = 2048
MAX_EMBED: Final = 6000

_ELLIPSIS: Final = "…"
# What stands in for text that Discord does not take: a zero-width space.
_NO_TEXT: Final = "\u200b"
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_FORBIDDEN: Final = 403
_GONE: Final = frozenset({401, 404})
# A rate limit without a figure; Discord always gives one.
_DEFAULT_RETRY_S: Final = 5.0

_WEBHOOK_URL: Final = re.compile(
    r"https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/"
    r"(?P<id>\d{15,22})/(?P<token>[A-Za-z0-9_-]{20,100})/?"
)


class DiscordError(Exception):
    """A message could not be delivered; no text of these errors holds the webhook's token."""


class UnreachableError(DiscordError):
    """Discord did not answer, or has trouble of its own: worth another try later."""


class RateLimitedError(DiscordError):
    """Too many requests."""

    def __init__(self, retry_after_s: float) -> None:
        """Know when Discord takes the next request."""
        super().__init__(f"Discord takes the next message in {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class WebhookGoneError(DiscordError):
    """The webhook was deleted, or its token is wrong: only the user can cure that."""


class MessageGoneError(DiscordError):
    """The message that was to be edited is no longer there."""


class BadMessageError(DiscordError):
    """Discord does not take this message, and never will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where messages go. The token lets anybody post, so it is a secret."""

    webhook_id: str
    token: str = field(repr=False)


def parse_webhook_url(text: str) -> Webhook:
    """Return the webhook of a URL as Discord's settings show it.

    Raises:
        ValueError: it is none. The text does not repeat it.

    """
    match = _WEBHOOK_URL.fullmatch(text.strip())
    if match is None:
        raise ValueError("not the URL of a Discord webhook")
    return Webhook(webhook_id=match["id"], token=match["token"])


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedField:
    """A name with a value below it."""

    name: str
    value: str
    inline: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Embed:
    """A framed message. Texts may be of any length: they are trimmed, not refused."""

    title: str
    description: str = ""
    color: int | None = None
    """0xRRGGBB."""
    fields: tuple[EmbedField, ...] = ()
    footer: str = ""
    timestamp: datetime | None = None
    """When it happened, with a time zone: Discord shows it in each reader's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is posted."""

    content: str = ""
    embed: Embed | None = None
    mention: str = ""
    """`@everyone`, `@here`, or `<@id>` and `<@&id>`: the only text that may notify somebody."""

    def payload(self) -> dict[str, Any]:
        """Return the JSON body, within Discord's limits."""
        text = " ".join(part for part in (self.mention, self.content) if part)
        body: dict[str, Any] = {
            "content": trim(text, MAX_CONTENT),
            "allowed_mentions": _allowed_mentions(self.mention),
        }
        if self.embed is not None:
            body["embeds"] = [_embed_payload(_within_total(self.embed))]
        elif not text:
            body["content"] = _NO_TEXT
        return body


class DiscordWebhook:
    """Posts and edits messages through one webhook."""

    def __init__(
        self, session: aiohttp.ClientSession, webhook: Webhook, *, api: str | None = None
    ) -> None:
        """Send nothing yet; `api` stands for another root than Discord's own, in tests."""
        self._session = session
        self._url = f"{api or API}/webhooks/{webhook.webhook_id}/{webhook.token}"
        self._free_at = 0.0

    @property
    def pause_s(self) -> float:
        """How long to wait with the next request, as Discord's last answer asks."""
        return max(0.0, self._free_at - time.monotonic())

    async def check(self) -> str:
        """Return the name that the webhook has in Discord; posts nothing.

        Raises:
            DiscordError: see the classes above.

        """
        answer = await self._request("GET", self._url)
        return str(answer.get("name") or "")

    async def post(self, message: Message) -> str:
        """Post a message and return its id.

        Raises:
            DiscordError: see the classes above.

        """
        answer = await self._request("POST", f"{self._url}?wait=true", message.payload())
        return str(answer.get("id") or "")

    async def edit(self, message_id: str, message: Message) -> None:
        """Replace a message that was posted here.

        Raises:
            DiscordError: see the classes above; MessageGoneError if somebody deleted it.

        """
        await self._request("PATCH", f"{self._url}/messages/{message_id}", message.payload())

    async def _request(
        self, method: str, url: str, payload: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        try:
            async with self._session.request(
                method,
                url,
                json=payload,
                timeout=aiohttp.ClientTimeout(total=REQUEST_LIMIT_S),
                allow_redirects=False,
            ) as response:
                answer = await _json(response)
                self._note_limit(response.headers)
                _raise_for(response.status, answer, response.headers)
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            # The cause may quote the URL, and with it the token.
            raise UnreachableError(f"Discord cannot be reached: {type(err).__name__}") from None

    def _note_limit(self, headers: Mapping[str, str]) -> None:
        if headers.get("X-RateLimit-Remaining") == "0":
            pause_s = _seconds(headers.get("X-RateLimit-Reset-After"), 0.0)
            self._free_at = time.monotonic() + pause_s


def trim(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text; what was cut shows as an ellipsis.

    Discord counts UTF-16 units in some places and characters in others; this counts the former,
    which are never fewer.
    """
    if _units(text) <= limit:
        return text
    kept: list[str] = []
    left = limit - 1
    for character in text:
        left -= _units(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + _ELLIPSIS


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _within_total(embed: Embed) -> Embed:
    """Return the embed with its description short enough for the sum of all texts."""
    fields = tuple(
        replace(
            item,
            name=trim(item.name or _NO_TEXT, MAX_FIELD_NAME),
            value=trim(item.value or _NO_TEXT, MAX_FIELD_VALUE),
        )
        for item in embed.fields[:MAX_FIELDS]
    )
    title = trim(embed.title, MAX_TITLE)
    footer = trim(embed.footer, MAX_FOOTER)
    left = MAX_EMBED - _units(title) - _units(footer)
    kept: list[EmbedField] = []
    for item in fields:
        left -= _units(item.name) + _units(item.value)
        if left < 0:
            left += _units(item.name) + _units(item.value)
            break
        kept.append(item)
    description = trim(embed.description, min(left, MAX_DESCRIPTION)) if left > 0 else ""
    return replace(embed, title=title, description=description, fields=tuple(kept), footer=footer)


def _embed_payload(embed: Embed) -> dict[str, Any]:
    body: dict[str, Any] = {"title": embed.title or _NO_TEXT}
    if embed.description:
        body["description"] = embed.description
    if embed.color is not None:
        body["color"] = embed.color
    if embed.timestamp is not None:
        body["timestamp"] = embed.timestamp.isoformat()
    if embed.footer:
        body["footer"] = {"text": embed.footer}
    if embed.fields:
        body["fields"] = [
            {"name": item.name, "value": item.value, "inline": item.inline} for item in embed.fields
        ]
    return body


def _allowed_mentions(mention: str) -> dict[str, Any]:
    """Return who may be notified: nobody, or exactly the one whom the user chose.

    Names of hosts come from elsewhere and could contain @everyone.
    """
    if mention in {"@everyone", "@here"}:
        return {"parse": ["everyone"]}
    if role := re.fullmatch(r"<@&(\d+)>", mention):
        return {"parse": [], "roles": [role[1]]}
    if user := re.fullmatch(r"<@!?(\d+)>", mention):
        return {"parse": [], "users": [user[1]]}
    return {"parse": []}


async def _json(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """Return the answer; a proxy's page of HTML says nothing that the status does not."""
    try:
        answer = await response.json(content_type=None)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _raise_for(status: int, answer: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    if status < 300:  # noqa: PLR2004 - success in HTTP
        return
    code = answer.get("code")
    said = f"HTTP {status}, code {code}" if code else f"HTTP {status}"
    if status == _TOO_MANY_REQUESTS:
        header_s = _seconds(headers.get("Retry-After"), _DEFAULT_RETRY_S)
        raise RateLimitedError(_seconds(answer.get("retry_after"), header_s))
    if code == 10008:  # noqa: PLR2004 - "Unknown Message"
        raise MessageGoneError(said)
    if status in _GONE:
        raise WebhookGoneError(f"The webhook was deleted, or its token is wrong ({said})")
    # Forbidden is what a block of this network's address looks like, and that passes.
    if status >= _SERVER_ERROR or status == _FORBIDDEN:
        raise UnreachableError(f"Discord has trouble ({said})")
    raise BadMessageError(f"Discord does not take the message ({said})")


def _seconds(value: object, default: float) -> float:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return default
