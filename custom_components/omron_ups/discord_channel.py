"""One Discord webhook: its options, its outbox, and whether it still works."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.storage import Store

from .const import (
    CONF_EVENTS,
    CONF_MENTION,
    CONF_PLAN_PROGRESS,
    CONF_WEBHOOK_URL,
    DOMAIN,
    LOGGER,
    Issue,
)
from .discord import (
    DiscordError,
    DiscordWebhook,
    UnreachableError,
    Webhook,
    WebhookGoneError,
    parse_webhook_url,
)
from .discord_messages import language_of, render
from .issues import EntryIssues
from .outbox import Batch, Letter, Outbox

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOptions:
    """What the user chose for a webhook."""

    name: str
    webhook: Webhook
    events: frozenset[str]
    """Types of events that are posted without any automation."""
    plan_progress: bool
    """Whether the course of the shutdown plan is posted."""
    mention: str
    """Who is notified of what is critical; see Message."""


def channel_options(subentry: ConfigSubentry) -> ChannelOptions:
    """Return the options that a subentry holds."""
    data = subentry.data
    return ChannelOptions(
        name=subentry.title,
        webhook=parse_webhook_url(data[CONF_WEBHOOK_URL]),
        events=frozenset(data.get(CONF_EVENTS, ())),
        plan_progress=data.get(CONF_PLAN_PROGRESS, True),
        mention=data.get(CONF_MENTION, ""),
    )


class OutboxFile:
    """The outboxes of one config entry on disk, each under the id of its subentry."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Read nothing yet."""
        self._store: Store[dict[str, dict[str, Any]]] = Store(
            hass, _VERSION, f"{DOMAIN}.{entry_id}.discord", private=True, atomic_writes=True
        )
        self._outboxes: dict[str, dict[str, Any]] = {}

    async def async_load(self, subentry_ids: Collection[str]) -> None:
        """Read what was kept, and forget webhooks that are gone."""
        stored = await self._store.async_load() or {}
        self._outboxes = {key: stored[key] for key in subentry_ids if key in stored}

    def part(self, subentry_id: str) -> OutboxPart:
        """Return the outbox of one webhook."""
        return OutboxPart(self, subentry_id)

    def get(self, subentry_id: str) -> Mapping[str, Any] | None:
        """Return what is kept of an outbox."""
        return self._outboxes.get(subentry_id)

    async def async_keep(self, subentry_id: str, data: dict[str, Any] | None) -> None:
        """Keep the outbox of a webhook, or with None forget it; done when it is on disk."""
        self._outboxes.pop(subentry_id, None)
        if data is not None:
            self._outboxes[subentry_id] = data
        await self._store.async_save(dict(self._outboxes))

    async def async_remove(self) -> None:
        """Forget everything, on disk too."""
        await self._store.async_remove()


@dataclass(frozen=True, slots=True)
class OutboxPart:
    """One outbox within the file; what an Outbox wants of a store."""

    file: OutboxFile
    subentry_id: str

    async def load(self) -> Mapping[str, Any] | None:
        """Return what was saved last."""
        return self.file.get(self.subentry_id)

    async def save(self, data: dict[str, Any]) -> None:
        """Return once it is on disk."""
        await self.file.async_keep(self.subentry_id, data)


class DiscordChannel:
    """Tells Discord through one webhook, at any time, and as soon as that is possible."""

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        subentry_id: str,
        options: ChannelOptions,
        file: OutboxFile,
        issues: EntryIssues,
    ) -> None:
        """Send nothing yet."""
        self._hass = hass
        self._file = file
        self._issues = issues
        self._is_gone = False
        self.subentry_id = subentry_id
        self.options = options
        self._outbox = self._make_outbox()

    @property
    def is_gone(self) -> bool:
        """Whether Discord says that there is no such webhook any more."""
        return self._is_gone

    @property
    def waiting(self) -> int:
        """How many letters have not arrived yet."""
        return len(self._outbox.waiting)

    async def async_start(self) -> None:
        """Deliver what was left over, and what comes."""
        self._is_gone = False
        await self._outbox.start()

    async def async_stop(self) -> None:
        """Deliver nothing more and keep what waits; may be called again."""
        await self._outbox.stop()

    async def async_apply(self, options: ChannelOptions) -> None:
        """Take over what the user changed."""
        before, self.options = self.options, options
        if before.webhook == options.webhook:
            return
        # The user's flow has proved the new one.
        self._async_settle()
        await self._async_start_again()

    async def async_remove(self) -> None:
        """Stop for good."""
        await self.async_stop()
        self._async_settle()
        await self._file.async_keep(self.subentry_id, None)

    @callback
    def async_put(self, letter: Letter) -> None:
        """Take a letter; nobody waits for Discord."""
        self._outbox.put(letter)

    async def async_check(self) -> None:
        """Find out whether the webhook is still there; better now than in the next outage."""
        try:
            await self._sender().check()
        except WebhookGoneError:
            self._async_handle_gone()
        except UnreachableError:
            LOGGER.debug("Discord cannot be asked about %s now", self.options.name)
        except DiscordError as err:
            LOGGER.warning("Discord said about %s: %s", self.options.name, err)
        else:
            self._async_settle()
            if self._is_gone:
                await self._async_start_again()

    def _sender(self) -> DiscordWebhook:
        return DiscordWebhook(async_get_clientsession(self._hass), self.options.webhook)

    def _make_outbox(self) -> Outbox:
        return Outbox(
            sender=self._sender(),
            store=self._file.part(self.subentry_id),
            render=self._render,
            on_gone=self._async_handle_gone,
        )

    async def _async_start_again(self) -> None:
        """Begin anew with the letters that wait, through the webhook of now."""
        await self._outbox.stop()
        self._outbox = self._make_outbox()
        await self.async_start()

    def _render(self, letters: Collection[Letter]) -> Batch:
        return render(
            tuple(letters),
            language=language_of(self._hass.config.language),
            mention=self.options.mention,
        )

    @callback
    def _async_handle_gone(self) -> None:
        self._is_gone = True
        self._issues.async_raise(
            Issue.DISCORD_WEBHOOK_GONE,
            severity=ir.IssueSeverity.ERROR,
            detail=self.subentry_id,
            placeholders={"webhook": self.options.name},
        )

    @callback
    def _async_settle(self) -> None:
        self._issues.async_settle(Issue.DISCORD_WEBHOOK_GONE, self.subentry_id)


type OnChannel = Callable[[DiscordChannel], None]
