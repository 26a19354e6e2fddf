"""Adds or changes a Discord webhook."""

from collections.abc import Mapping
import re
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .const import (
    CONF_EVENTS,
    CONF_MENTION,
    CONF_PLAN_PROGRESS,
    CONF_WEBHOOK_URL,
    LOGGER,
    SUBENTRY_DISCORD,
)
from .discord import DiscordError, DiscordWebhook, WebhookGoneError, parse_webhook_url
from .discord_words import EVENTS

DEFAULT_TITLE: Final = "Discord"

# What Discord calls a mention; see Message.
_MENTION: Final = re.compile(r"@everyone|@here|<@[&!]?\d{15,22}>")
# Whoever gets hold of the URL can post, so it is shown to nobody.
_URL: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
_CHOICES: Final = {
    probatio.Optional(CONF_EVENTS, default=list): SelectSelector(
        SelectSelectorConfig(
            options=list(EVENTS),
            multiple=True,
            mode=SelectSelectorMode.DROPDOWN,
            translation_key="power_event",
        )
    ),
    probatio.Required(CONF_PLAN_PROGRESS, default=True): BooleanSelector(),
    probatio.Optional(CONF_MENTION): TextSelector(),
}
WEBHOOK_SCHEMA: Final = probatio.Schema({probatio.Required(CONF_WEBHOOK_URL): _URL, **_CHOICES})
CHANGE_SCHEMA: Final = probatio.Schema({probatio.Optional(CONF_WEBHOOK_URL): _URL, **_CHOICES})


class DiscordFlow(ConfigSubentryFlow):
    """Asks for a webhook, and asks Discord whether it exists; posts nothing."""

    _name = DEFAULT_TITLE

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for a new webhook."""
        return await self._async_step_webhook("user", WEBHOOK_SCHEMA, {}, user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a webhook; the stored URL stays if none is entered."""
        stored = self._get_reconfigure_subentry().data
        return await self._async_step_webhook("reconfigure", CHANGE_SCHEMA, stored, user_input)

    async def _async_step_webhook(
        self,
        step_id: str,
        schema: probatio.Schema,
        stored: Mapping[str, Any],
        user_input: dict[str, Any] | None,
    ) -> SubentryFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            user_input = _tidied(user_input)
            errors = await self._async_errors(user_input)
            if not errors:
                return self._async_finish({**stored, **user_input})
        shown = {**stored, **(user_input or {})}
        shown.pop(CONF_WEBHOOK_URL, None)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
        )

    async def _async_errors(self, user_input: dict[str, Any]) -> dict[str, str]:
        """Return what is wrong with the input, by field."""
        errors: dict[str, str] = {}
        mention = user_input[CONF_MENTION]
        if mention and not _MENTION.fullmatch(mention):
            errors[CONF_MENTION] = "invalid_mention"
        url = user_input.get(CONF_WEBHOOK_URL)
        if url is None and self.source == SOURCE_RECONFIGURE:
            return errors
        if error := await self._async_url_error(url or ""):
            errors[CONF_WEBHOOK_URL] = error
        return errors

    async def _async_url_error(self, url: str) -> str | None:
        """Return what is wrong with a URL, None if Discord knows it; keeps its name there."""
        try:
            webhook = parse_webhook_url(url)
        except ValueError:
            return "invalid_webhook_url"
        if webhook.webhook_id in self._other_ids():
            return "webhook_taken"
        try:
            name = await DiscordWebhook(async_get_clientsession(self.hass), webhook).check()
        except WebhookGoneError:
            return "webhook_gone"
        except DiscordError as err:
            LOGGER.debug("Discord could not be asked about a webhook: %s", err)
            return "discord_unreachable"
        self._name = name or DEFAULT_TITLE
        return None

    def _async_finish(self, data: dict[str, Any]) -> SubentryFlowResult:
        webhook_id = parse_webhook_url(data[CONF_WEBHOOK_URL]).webhook_id
        if self.source != SOURCE_RECONFIGURE:
            return self.async_create_entry(title=self._name, data=data, unique_id=webhook_id)
        return self.async_update_and_abort(
            self._get_entry(),
            self._get_reconfigure_subentry(),
            data=data,
            unique_id=webhook_id,
        )

    def _other_ids(self) -> set[str | None]:
        own = None
        if self.source == SOURCE_RECONFIGURE:
            own = self._get_reconfigure_subentry().subentry_id
        return {
            subentry.unique_id
            for subentry in self._get_entry().get_subentries_of_type(SUBENTRY_DISCORD)
            if subentry.subentry_id != own
        }


def _tidied(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input without the blanks that come along when something is pasted."""
    tidied = dict(user_input)
    tidied[CONF_MENTION] = tidied.get(CONF_MENTION, "").strip()
    tidied[CONF_WEBHOOK_URL] = tidied.get(CONF_WEBHOOK_URL, "").strip()
    if not tidied[CONF_WEBHOOK_URL]:
        del tidied[CONF_WEBHOOK_URL]
    return tidied
