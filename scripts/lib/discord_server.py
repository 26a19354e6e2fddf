"""A Discord of our own: takes webhooks' messages, and refuses them as the documentation says.

It is written from Discord's documentation, not from our client, and an independent client posts to
it in the tests.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
import json
import time
from typing import Any, Final

from aiohttp import web

WEBHOOK_ID: Final = "123456789012345678"
TOKEN: Final = "a-token_of-68-characters-that-nobody-may-see-0123456789-abcdefghijkl"  # noqa: S105

# (path in the embed, longest text); the sum over all of them is limited too.
_TEXTS: Final[tuple[tuple[tuple[str, ...], int], ...]] = (
    (("title",), 256),
    (("description",), 4096),
    (("footer", "text"), 2048),
    (("author", "name"), 256),
)
_MAX_TOTAL: Final = 6000
_MAX_FIELDS: Final = 25
_MAX_EMBEDS: Final = 10
_MAX_CONTENT: Final = 2000
_MAX_COLOR: Final = 0xFFFFFF
_MENTIONS: Final = frozenset({"roles", "users", "everyone"})


@dataclass(slots=True, kw_only=True)
class Posted:
    """A message that was taken."""

    message_id: str
    body: dict[str, Any]
    at: float
    """When it came, on the monotonic clock."""
    edits: int = 0


@dataclass(slots=True, kw_only=True)
class DiscordServer:
    """What the server holds, and how it behaves; may be changed at any time."""

    messages: list[Posted] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    """Status and reason of each refusal."""
    attempts: int = 0
    """How many messages came, those that were refused among them."""
    limit: int = 5
    """Requests in `window_s`, as Discord counts them for each webhook at the time of writing."""
    window_s: float = 2.0
    is_deleted: bool = False
    trouble: int | None = None
    """Status that every request is answered with, None for normal work."""
    _times: deque[float] = field(default_factory=deque)

    def app(self) -> web.Application:
        """Return the application; `/api/v10` is its root as it is Discord's."""
        app = web.Application()
        path = "/api/v10/webhooks/{id}/{token}"
        app.router.add_get(path, self._get)
        app.router.add_post(path, self._post)
        app.router.add_patch(path + "/messages/{message}", self._patch)
        app.router.add_delete(path + "/messages/{message}", self._delete)
        return app

    @property
    def titles(self) -> list[str]:
        """The titles of the messages as they stand now, in their order."""
        return [
            (item.body.get("embeds") or [{}])[0].get("title") or item.body.get("content", "")
            for item in self.messages
        ]

    async def _get(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return self._answer({"id": WEBHOOK_ID, "type": 1, "name": "UPS", "channel_id": "1"})

    async def _post(self, request: web.Request) -> web.Response:
        self.attempts += 1
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = await request.json()
        if fault := find_fault(body):
            return self._refuse(400, 50035, fault)
        posted = Posted(message_id=str(10**18 + len(self.messages)), body=body, at=time.monotonic())
        self.messages.append(posted)
        if request.query.get("wait") not in {"true", "1"}:
            return web.Response(status=204, headers=self._headers())
        return self._answer(_message(posted))

    async def _patch(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        posted = self._find(request)
        if posted is None:
            return self._refuse(404, 10008, "Unknown Message")
        body = await request.json()
        if fault := find_fault(posted.body | body):
            return self._refuse(400, 50035, fault)
        posted.body |= body
        posted.edits += 1
        return self._answer(_message(posted))

    async def _delete(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        posted = self._find(request)
        if posted is None:
            return self._refuse(404, 10008, "Unknown Message")
        self.messages.remove(posted)
        return web.Response(status=204, headers=self._headers())

    def _find(self, request: web.Request) -> Posted | None:
        wanted = request.match_info["message"]
        return next((item for item in self.messages if item.message_id == wanted), None)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.trouble is not None:
            return self._refuse(self.trouble, 0, "trouble")
        if self.is_deleted or request.match_info["id"] != WEBHOOK_ID:
            return self._refuse(404, 10015, "Unknown Webhook")
        if request.match_info["token"] != TOKEN:
            return self._refuse(401, 50027, "Invalid Webhook Token")
        return self._limited()

    def _limited(self) -> web.Response | None:
        now = time.monotonic()
        while self._times and self._times[0] <= now - self.window_s:
            self._times.popleft()
        if len(self._times) < self.limit:
            self._times.append(now)
            return None
        wait_s = self._times[0] + self.window_s - now
        self.refused.append((429, "rate limited"))
        return _json_response(
            {"message": "You are being rate limited.", "retry_after": wait_s, "global": False},
            status=429,
            headers={**self._headers(), "Retry-After": str(int(wait_s) + 1)},
        )

    def _headers(self) -> dict[str, str]:
        left = self.limit - len(self._times)
        reset_s = self._times[0] + self.window_s - time.monotonic() if self._times else 0
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Reset-After": f"{max(0.0, reset_s):.3f}",
            "X-RateLimit-Bucket": "a-bucket",
        }

    def _answer(self, body: Mapping[str, Any]) -> web.Response:
        return _json_response(body, headers=self._headers())

    def _refuse(self, status: int, code: int, message: str) -> web.Response:
        self.refused.append((status, message))
        return _json_response({"message": message, "code": code}, status=status)


def _json_response(
    body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return JSON whose type names no character set, as Discord's answers do not."""
    return web.Response(
        body=json.dumps(body).encode(),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def find_fault(body: Mapping[str, Any]) -> str:
    """Return what Discord's documentation forbids in the body of a message; empty if nothing."""
    content = body.get("content") or ""
    embeds = body.get("embeds") or []
    if not content and not embeds:
        return "Cannot send an empty message"
    if _length(content) > _MAX_CONTENT:
        return "content is too long"
    if len(embeds) > _MAX_EMBEDS:
        return "too many embeds"
    if set((body.get("allowed_mentions") or {}).get("parse", ())) - _MENTIONS:
        return "unknown mentions"
    if sum(map(_total, embeds)) > _MAX_TOTAL:
        return "the embeds are too long together"
    return next(filter(None, map(_embed_fault, embeds)), "")


def _embed_fault(embed: Mapping[str, Any]) -> str:
    for path, limit in _TEXTS:
        if _length(_at(embed, path)) > limit:
            return f"{'.'.join(path)} is too long"
    fields = embed.get("fields", [])
    if len(fields) > _MAX_FIELDS:
        return "too many fields"
    for item in fields:
        if not 1 <= _length(item["name"]) <= 256 or not 1 <= _length(item["value"]) <= 1024:  # noqa: PLR2004
            return "a field is empty or too long"
    if not 0 <= embed.get("color", 0) <= _MAX_COLOR:
        return "no colour"
    if "timestamp" in embed and datetime.fromisoformat(embed["timestamp"]).tzinfo is None:
        return "a timestamp without a zone"
    return ""


def _at(embed: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = embed
    for key in path:
        value = value.get(key, {})
    return value or ""


def _total(embed: Mapping[str, Any]) -> int:
    fields = embed.get("fields", [])
    return sum(_length(_at(embed, path)) for path, _ in _TEXTS) + sum(
        _length(item["name"]) + _length(item["value"]) for item in fields
    )


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _message(posted: Posted) -> dict[str, Any]:
    return {
        "id": posted.message_id,
        "type": 0,
        "channel_id": "1",
        "webhook_id": WEBHOOK_ID,
        "content": posted.body.get("content", ""),
        "embeds": posted.body.get("embeds", []),
        "attachments": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "flags": 0,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "author": {
            "id": WEBHOOK_ID,
            "username": "UPS",
            "discriminator": "0000",
            "avatar": None,
            "bot": True,
        },
    }
