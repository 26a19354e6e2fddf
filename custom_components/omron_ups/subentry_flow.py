"""What can be added to a UPS: accounts of NUT clients."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .const import (
    CONF_ADD_ALIAS,
    CONF_ALIASES,
    CONF_MAY_SWITCH_OUTPUT,
    CONF_NETWORKS,
    CONF_NUT_SERVER,
    CONF_PASSWORD_HASH,
    CONF_PASSWORD_IS_PUBLISHED,
    CONF_ROLE,
    SUBENTRY_NUT_ACCOUNT,
)
from .nut import Role, hash_password
from .nut_accounts import PRESETS, PUBLISHED_PASSWORDS, Preset, means_everybody
from .nut_options import nut_options, others_at, parse_network, rows, stored_options

# Clients read the password from a line of upsmon.conf and send it as one word of a request.
_FORBIDDEN: Final = frozenset(' \t"#\\')

_PASSWORD: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password")
)
_NETWORKS: Final = TextSelector(TextSelectorConfig(multiple=True))
_RIGHTS: Final = {
    probatio.Required(CONF_ROLE, default=Role.MONITOR): SelectSelector(
        SelectSelectorConfig(options=list(Role), translation_key="nut_role")
    ),
    probatio.Required(CONF_MAY_SWITCH_OUTPUT, default=False): BooleanSelector(),
    probatio.Optional(CONF_NETWORKS): _NETWORKS,
}
_USERNAME: Final = {
    probatio.Required(CONF_USERNAME): TextSelector(TextSelectorConfig(autocomplete="off"))
}

ACCOUNT_SCHEMA: Final = probatio.Schema(
    {**_USERNAME, probatio.Required(CONF_PASSWORD): _PASSWORD, **_RIGHTS}
)
CHANGE_SCHEMA: Final = probatio.Schema(
    {**_USERNAME, probatio.Optional(CONF_PASSWORD): _PASSWORD, **_RIGHTS}
)


class NutAccountFlow(ConfigSubentryFlow):
    """Adds or changes an account that NUT clients log in with."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask whose account it is."""
        return self.async_show_menu(step_id="user", menu_options=["account", *PRESETS])

    async def async_step_account(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add an account of the user's own choice."""
        return await self._async_step_account("account", ACCOUNT_SCHEMA, user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change an account."""
        return await self._async_step_account("reconfigure", CHANGE_SCHEMA, user_input)

    async def async_step_synology(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add the account that DSM logs in with."""
        return await self._async_step_preset("synology", user_input)

    async def async_step_qnap(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add the account that QTS logs in with."""
        return await self._async_step_preset("qnap", user_input)

    async def _async_step_account(
        self, step_id: str, schema: probatio.Schema, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        errors: dict[str, str] = {}
        suggestion: Mapping[str, Any] | None = user_input
        if user_input is not None:
            errors = self._account_errors(user_input)
            if not errors:
                return await self._async_finish(user_input)
        elif step_id == SOURCE_RECONFIGURE:
            suggestion = self._get_reconfigure_subentry().data
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, suggestion),
            errors=errors,
        )

    async def _async_step_preset(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        """Ask from where an account may be used whose password everybody knows."""
        preset = PRESETS[step_id]
        if preset.username in self._other_names():
            return self.async_abort(
                reason="account_exists", description_placeholders={"username": preset.username}
            )
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._preset_errors(preset, user_input)
            if not errors:
                if user_input.get(CONF_ADD_ALIAS):
                    self._async_add_alias(preset.ups_name)
                return await self._async_finish(
                    {
                        CONF_USERNAME: preset.username,
                        CONF_PASSWORD: preset.password,
                        CONF_ROLE: Role.MONITOR,
                        CONF_NETWORKS: user_input[CONF_NETWORKS],
                    }
                )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                self._preset_schema(preset), user_input
            ),
            errors=errors,
            description_placeholders={
                "username": preset.username,
                "password": preset.password,
                "ups_name": preset.ups_name,
            },
        )

    def _preset_schema(self, preset: Preset) -> probatio.Schema:
        """Return the form, with the offer to add the name if the UPS has it not."""
        networks = {probatio.Required(CONF_NETWORKS): _NETWORKS}
        if preset.ups_name in nut_options(self._get_entry()).names:
            return probatio.Schema(networks)
        alias = {probatio.Required(CONF_ADD_ALIAS, default=True): BooleanSelector()}
        return probatio.Schema({**networks, **alias})

    @callback
    def _async_add_alias(self, name: str) -> None:
        entry = self._get_entry()
        options = stored_options(entry)
        nut_server = {**options, CONF_ALIASES: [*options[CONF_ALIASES], name]}
        self.hass.config_entries.async_update_entry(
            entry, options={**entry.options, CONF_NUT_SERVER: nut_server}
        )

    async def _async_finish(self, user_input: Mapping[str, Any]) -> SubentryFlowResult:
        """Store the account, its password hashed."""
        username = user_input[CONF_USERNAME]
        networks = (parse_network(text) for text in rows(user_input.get(CONF_NETWORKS, ())))
        data = {
            CONF_USERNAME: username,
            **await self._async_stored_password(user_input),
            CONF_ROLE: user_input[CONF_ROLE],
            CONF_MAY_SWITCH_OUTPUT: user_input.get(CONF_MAY_SWITCH_OUTPUT, False),
            CONF_NETWORKS: rows(map(str, networks)),
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

    async def _async_stored_password(self, user_input: Mapping[str, Any]) -> dict[str, Any]:
        """Return the new password as it is stored, or what is stored already."""
        password = user_input.get(CONF_PASSWORD)
        if password is None:
            stored = self._get_reconfigure_subentry().data
            names = (CONF_PASSWORD_HASH, CONF_PASSWORD_IS_PUBLISHED)
            return {name: stored[name] for name in names if name in stored}
        return {
            CONF_PASSWORD_HASH: await self.hass.async_add_executor_job(hash_password, password),
            CONF_PASSWORD_IS_PUBLISHED: password in PUBLISHED_PASSWORDS,
        }

    def _account_errors(self, user_input: Mapping[str, Any]) -> dict[str, str]:
        """Return what no NUT client could send, what is taken, and what would be reckless."""
        errors = {
            name: "not_one_word"
            for name in (CONF_USERNAME, CONF_PASSWORD)
            if name in user_input and not _is_word(user_input[name])
        }
        if user_input[CONF_USERNAME] in self._other_names():
            errors[CONF_USERNAME] = "username_taken"
        is_published = self._is_published(user_input)
        if is_published and user_input[CONF_ROLE] != Role.MONITOR:
            errors[CONF_ROLE] = "published_password_role"
        return errors | _network_errors(user_input, is_published=is_published)

    def _preset_errors(self, preset: Preset, user_input: Mapping[str, Any]) -> dict[str, str]:
        errors = _network_errors(user_input, is_published=True)
        options = nut_options(self._get_entry())
        if user_input.get(CONF_ADD_ALIAS) and options.address is not None:
            others = others_at(self.hass, options.address, but=self._get_entry().entry_id)
            if any(preset.ups_name in nut_options(entry).names for entry in others):
                errors[CONF_ADD_ALIAS] = "alias_taken"
        return errors

    def _is_published(self, user_input: Mapping[str, Any]) -> bool:
        """Tell whether everybody knows the password that the account will have."""
        if CONF_PASSWORD in user_input:
            return user_input[CONF_PASSWORD] in PUBLISHED_PASSWORDS
        return bool(self._get_reconfigure_subentry().data.get(CONF_PASSWORD_IS_PUBLISHED))

    def _other_names(self) -> set[str]:
        own = None
        if self.source == SOURCE_RECONFIGURE:
            own = self._get_reconfigure_subentry().subentry_id
        return {
            subentry.data[CONF_USERNAME]
            for subentry in self._get_entry().get_subentries_of_type(SUBENTRY_NUT_ACCOUNT)
            if subentry.subentry_id != own
        }


def _network_errors(user_input: Mapping[str, Any], *, is_published: bool) -> dict[str, str]:
    """Return what is wrong with the networks; a published password is worth no more than they."""
    try:
        networks = [parse_network(text) for text in rows(user_input.get(CONF_NETWORKS, ()))]
    except ValueError:
        return {CONF_NETWORKS: "invalid_network"}
    if not is_published:
        return {}
    if not networks:
        return {CONF_NETWORKS: "published_password_networks"}
    if any(map(means_everybody, networks)):
        return {CONF_NETWORKS: "network_too_wide"}
    return {}


def _is_word(text: str) -> bool:
    return text.isascii() and text.isprintable() and bool(text) and not _FORBIDDEN & set(text)
