"""What can be added to a UPS: accounts of NUT clients."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .const import CONF_PASSWORD_HASH, CONF_ROLE, SUBENTRY_NUT_ACCOUNT
from .nut import Role, hash_password

# Clients read the password from a line of upsmon.conf and send it as one word of a request.
_FORBIDDEN: Final = frozenset(' \t"#\\')

ACCOUNT_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_USERNAME): TextSelector(TextSelectorConfig(autocomplete="off")),
        probatio.Required(CONF_PASSWORD): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password")
        ),
        # The other roles act on commands that the server does not know yet.
        probatio.Required(CONF_ROLE, default=Role.MONITOR): SelectSelector(
            SelectSelectorConfig(options=[Role.MONITOR], translation_key="nut_role")
        ),
    }
)


class NutAccountFlow(ConfigSubentryFlow):
    """Adds or changes an account that NUT clients log in with."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add an account."""
        return await self._async_step_account("user", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change an account."""
        return await self._async_step_account("reconfigure", user_input)

    async def _async_step_account(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        errors: dict[str, str] = {}
        suggestion: Mapping[str, Any] | None = user_input
        if user_input is not None:
            errors = self._errors(user_input)
            if not errors:
                return await self._async_finish(user_input)
        elif step_id == SOURCE_RECONFIGURE:
            suggestion = self._get_reconfigure_subentry().data
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(ACCOUNT_SCHEMA, suggestion),
            errors=errors,
        )

    async def _async_finish(self, user_input: Mapping[str, Any]) -> SubentryFlowResult:
        """Store the account, its password hashed."""
        username = user_input[CONF_USERNAME]
        data = {
            CONF_USERNAME: username,
            CONF_PASSWORD_HASH: await self.hass.async_add_executor_job(
                hash_password, user_input[CONF_PASSWORD]
            ),
            CONF_ROLE: user_input[CONF_ROLE],
        }
        if self.source != SOURCE_RECONFIGURE:
            return self.async_create_entry(title=username, data=data, unique_id=username)
        return self.async_update_and_abort(
            self._get_entry(),
            self._get_reconfigure_subentry(),
            title=username,
            data=data,
            unique_id=username,
        )

    def _errors(self, user_input: Mapping[str, Any]) -> dict[str, str]:
        """Return what no NUT client could send, and a name that is taken."""
        errors = {
            name: "not_one_word"
            for name in (CONF_USERNAME, CONF_PASSWORD)
            if not _is_word(user_input[name])
        }
        if user_input[CONF_USERNAME] in self._other_names():
            errors[CONF_USERNAME] = "username_taken"
        return errors

    def _other_names(self) -> set[str]:
        own = None
        if self.source == SOURCE_RECONFIGURE:
            own = self._get_reconfigure_subentry().subentry_id
        return {
            subentry.data[CONF_USERNAME]
            for subentry in self._get_entry().get_subentries_of_type(SUBENTRY_NUT_ACCOUNT)
            if subentry.subentry_id != own
        }


def _is_word(text: str) -> bool:
    return text.isascii() and text.isprintable() and bool(text) and not _FORBIDDEN & set(text)
