"""Messages on their way: kept on disk until they have arrived, in order, with their own times."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import logging
import random
from typing import Any, Final, Protocol, Self
from uuid import uuid4

from .discord import (
    BadMessageError,
    Message,
    MessageGoneError,
    RateLimitedError,
    UnreachableError,
    WebhookGoneError,
)

FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0
MAX_AGE: Final = timedelta(days=14)
MAX_LETTERS: Final = 500
# Live messages that are remembered; an older one is no longer edited.
_MAX_LIVE: Final = 20

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Something to tell. It holds facts, not text: what is told may depend on what follows."""

    kind: str
    """What happened, as the renderer knows it."""
    at: datetime
    """When it happened, not when it is told."""
    group: str = ""
    """What belongs together: an outage, a plan."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Facts at that time, JSON."""
    letter_id: str = field(default_factory=lambda: uuid4().hex)

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "letter_id": self.letter_id,
            "kind": self.kind,
            "at": self.at.isoformat(),
            "group": self.group,
            "data": dict(self.data),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what was stored.

        Raises:
            KeyError, TypeError, ValueError: it was not stored by `as_dict`.

        """
        return cls(
            letter_id=str(stored["letter_id"]),
            kind=str(stored["kind"]),
            at=datetime.fromisoformat(stored["at"]),
            group=str(stored["group"]),
            data=dict(stored["data"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One message, and how many letters from the front of the queue it tells."""

    message: Message
    count: int = 1
    live_key: str = ""
    """Where it is not empty, the last message with this key is edited instead of a new one."""


class OutboxStore(Protocol):
    """Where letters survive a restart."""

    async def load(self) -> Mapping[str, Any] | None:
        """Return what was saved last."""

    async def save(self, data: dict[str, Any]) -> None:
        """Return once it is on disk."""


class Sender(Protocol):
    """Delivers messages; see DiscordWebhook."""

    @property
    def pause_s(self) -> float:
        """How long to wait with the next request."""

    async def post(self, message: Message) -> str:
        """Post a message and return its id."""

    async def edit(self, message_id: str, message: Message) -> None:
        """Replace a message."""


class Outbox:
    """Delivers letters in order, however long that takes.

    A message counts as delivered once Discord has confirmed it. If Home Assistant dies between
    Discord's taking a message and that moment's being on disk, the message is told twice: Discord
    offers webhooks nothing to prevent that.
    """

    def __init__(
        self,
        *,
        sender: Sender,
        store: OutboxStore,
        render: Callable[[Sequence[Letter]], Batch],
        on_gone: Callable[[], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Deliver nothing yet.

        Args:
            sender: Delivers messages.
            store: Keeps letters.
            render: Makes the next message from all letters that wait, the oldest first.
            on_gone: Called when the webhook is no more; letters are kept, nothing is sent.
            now: The wall clock.

        """
        self._sender = sender
        self._store = store
        self._render = render
        self._on_gone = on_gone
        self._now = now
        self._letters: list[Letter] = []
        self._live: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._is_new = asyncio.Event()
        # How often the content has changed, and how much of that is on disk.
        self._changes = 0
        self._saved = 0
        self._saving = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._pause_s = FIRST_PAUSE_S

    @property
    def waiting(self) -> tuple[Letter, ...]:
        """The letters that have not arrived yet, oldest first."""
        return tuple(self._letters)

    async def start(self) -> None:
        """Load what was left over, and begin to deliver."""
        stored = await self._store.load() or {}
        self._letters[:0] = _stored_letters(stored.get("letters", ()))
        self._live = {str(key): str(value) for key, value in stored.get("live", {}).items()}
        self._tasks = [
            asyncio.create_task(self._keep(), name="omron_ups outbox on disk"),
            asyncio.create_task(self._run(), name="omron_ups outbox"),
        ]
        self._wake.set()

    async def stop(self) -> None:
        """Stop delivering and keep what waits; may be called again."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._save()

    def put(self, letter: Letter) -> None:
        """Take a letter; returns at once, so that nobody waits for Discord or the disk."""
        self._letters.append(letter)
        self._changes += 1
        self._is_new.set()
        self._wake.set()

    async def _keep(self) -> None:
        """Write new letters at once: while the line is down, power may fail any moment."""
        while True:
            await self._is_new.wait()
            self._is_new.clear()
            await self._save()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self._deliver_all():
                return

    async def _deliver_all(self) -> bool:
        """Deliver until nothing waits; False once there is no use in going on."""
        while self._letters:
            self._drop_old()
            await self._save()
            if not self._letters:
                return True
            # What comes in while this is under way is not part of it.
            batch = self._render(tuple(self._letters))
            told = self._letters[: batch.count]
            try:
                await asyncio.sleep(self._sender.pause_s)
                await self._send(batch)
            except RateLimitedError as err:
                await asyncio.sleep(err.retry_after_s)
                continue
            except UnreachableError as err:
                await self._back_off(err)
                continue
            except WebhookGoneError as err:
                _LOGGER.warning("No more messages are sent: %s", err)
                self._on_gone()
                return False
            except BadMessageError as err:
                _LOGGER.warning("A message about %s is given up: %s", told[0].kind, err)
            self._pause_s = FIRST_PAUSE_S
            self._letters = [item for item in self._letters if item not in told]
            self._changes += 1
            await self._save()
        return True

    async def _send(self, batch: Batch) -> None:
        message_id = self._live.get(batch.live_key)
        if message_id is not None:
            try:
                await self._sender.edit(message_id, batch.message)
            except MessageGoneError:
                del self._live[batch.live_key]
            else:
                return
        message_id = await self._sender.post(batch.message)
        if batch.live_key and message_id:
            self._live[batch.live_key] = message_id
            for key in list(self._live)[:-_MAX_LIVE]:
                del self._live[key]

    async def _back_off(self, err: UnreachableError) -> None:
        level = logging.WARNING if self._pause_s == FIRST_PAUSE_S else logging.DEBUG
        _LOGGER.log(level, "%d messages wait: %s", len(self._letters), err)
        # Jitter: many houses lose and regain their network at the same time.
        await asyncio.sleep(self._pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def _drop_old(self) -> None:
        oldest = self._now() - MAX_AGE
        kept = [item for item in self._letters if item.at >= oldest][-MAX_LETTERS:]
        if dropped := len(self._letters) - len(kept):
            _LOGGER.warning("%d messages were never delivered and are too old now", dropped)
            self._letters = kept
            self._changes += 1

    async def _save(self) -> None:
        """Return once everything is on disk, whoever writes it there."""
        async with self._saving:
            if (changes := self._changes) == self._saved:
                return
            data = {
                "letters": [item.as_dict() for item in self._letters],
                "live": dict(self._live),
            }
            try:
                await self._store.save(data)
            except OSError:
                _LOGGER.exception(
                    "Messages cannot be stored; they are lost if Home Assistant stops"
                )
            else:
                self._saved = changes


def _stored_letters(stored: Sequence[Mapping[str, Any]]) -> list[Letter]:
    letters: list[Letter] = []
    for item in stored:
        try:
            letters.append(Letter.from_dict(item))
        except KeyError, TypeError, ValueError:
            _LOGGER.warning("A stored message cannot be read and is given up")
    return letters
