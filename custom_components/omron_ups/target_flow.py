"""Adds or changes a target of the shutdown plan: enter, let it prove itself, put it in order."""

from collections.abc import Mapping, Sequence
import contextlib
import re
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import probatio

from .const import (
    CONF_ADDRESS,
    CONF_GRACE,
    CONF_MAC,
    CONF_OPTIONS,
    CONF_PORTS,
    CONF_SAVE_ANYWAY,
    CONF_SECURE_ON,
    CONF_STAGE,
    CONF_TIME_LIMIT,
    LOGGER,
    SECTION_VERIFY,
    SECTION_WAKE,
)
from .findings_text import async_describe
from .plan_options import make_spec
from .shutdown.errors import OptionError, ShutdownError
from .shutdown.findings import FindingKey
from .shutdown.kinds import KINDS, Kind, make_target, server_of
from .shutdown.models import Finding, Severity
from .shutdown.ssh_keys import forced_line, generate_key_pair
from .shutdown.targets.ssh import fetch_host_key
from .shutdown.tls import Trust, fetch_certificate
from .target_form import BY_DIALOGUE, flat_options, options_schema, plan_part_schema, shown_options
from .target_tools import tools_of

_IDENTITY_KEYS: Final = frozenset({FindingKey.IDENTITY_CHANGED, FindingKey.IDENTITY_UNTRUSTED})
_PUBLIC_KEY: Final = "public_key"
# Where administrators usually put what a forced command runs.
_FORCED_PROGRAM: Final = "/usr/local/sbin/ups-shutdown"
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}")
_UNPLANNED: Final = {CONF_STAGE: 0, CONF_TIME_LIMIT: 0}


class TargetFlow(ConfigSubentryFlow):
    """One flow for all kinds; what differs stands in the rows of the kind."""

    _name = ""
    _options: dict[str, Any]
    _shown: dict[str, str]
    """What the step `identity` asks to confirm: option names with their values."""
    _shown_fingerprint = ""
    _confirmed = False
    _findings: Sequence[Finding] = ()

    @property
    def _kind(self) -> Kind:
        return KINDS[self._subentry_type]

    @property
    def _has_key(self) -> bool:
        """Whether it is reached by SSH, with a key of ours and one of the host."""
        return any(field.name == "host_key" for field in self._kind.fields)

    @property
    def _stored(self) -> Mapping[str, Any]:
        """What the target that is changed has stored; nothing for a new one."""
        if self.source != SOURCE_RECONFIGURE:
            return {}
        return self._get_reconfigure_subentry().data

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for what only this kind needs."""
        kind = self._kind
        stored = self._stored.get(CONF_OPTIONS, {})
        errors: dict[str, str] = {}
        detail = ""
        shown: Mapping[str, Any] = {}
        if user_input is not None:
            self._name = user_input[CONF_NAME].strip()
            self._options = flat_options(user_input, kind.fields, stored)
            self._keep_identity(stored)
            self._confirmed = False
            try:
                return await self._async_prove()
            except OptionError as err:
                errors["base"], detail = "options_invalid", str(err)
            except ShutdownError as err:
                errors["base"], detail = "cannot_connect", str(err)
            except Exception:  # noqa: BLE001 - a flow that breaks cannot be corrected by its user
                LOGGER.exception("Unexpected error while checking a target")
                errors["base"] = "unknown"
            shown = user_input
        elif self.source == SOURCE_RECONFIGURE:
            title = self._get_reconfigure_subentry().title
            shown = {CONF_NAME: title, **shown_options(stored, kind.fields)}
        fields = options_schema(
            kind.fields,
            hass=self.hass,
            keeps_secrets=bool(stored),
        )
        schema = probatio.Schema({probatio.Required(CONF_NAME): TextSelector(), **fields})
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders={"detail": detail},
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a target, beginning with what only its kind needs."""
        return await self.async_step_user(user_input)

    async def async_step_identity(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show who answers, for the user to confirm: from then on it must be the same."""
        if user_input is not None:
            self._options.update(self._shown)
            self._confirmed = True
            return await self._async_prove()
        public_key = self._options.get(_PUBLIC_KEY, "")
        return self.async_show_form(
            step_id="identity",
            data_schema=probatio.Schema({}),
            description_placeholders={
                "name": self._name,
                "fingerprint": self._shown_fingerprint,
                "public_key": public_key,
                "forced_line": forced_line(public_key, _FORCED_PROGRAM) if public_key else "",
            },
        )

    async def async_step_check(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what is wrong; the user may correct it later, for the host may be off just now."""
        if user_input is not None:
            if user_input[CONF_SAVE_ANYWAY]:
                return await self.async_step_plan()
            return await self.async_step_user()
        return self.async_show_form(
            step_id="check",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_SAVE_ANYWAY, default=False): BooleanSelector()}
            ),
            description_placeholders={
                "findings": await async_describe(self.hass, self._findings),
            },
        )

    async def async_step_plan(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask when it stops, how that is seen, and how it comes back."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = _plan_errors(user_input)
            if not errors:
                return self._async_finish(user_input)
        kind = self._kind
        subentry_id = None if self.source != SOURCE_RECONFIGURE else self._reconfigure_subentry_id
        schema = plan_part_schema(
            self.hass,
            self._get_entry(),
            subentry_id=subentry_id,
            stage=kind.stage,
            limit_s=round(kind.time_limit_s),
        )
        stored = {key: value for key, value in self._stored.items() if key != CONF_OPTIONS}
        suggestion = user_input or stored or self._proposal()
        return self.async_show_form(
            step_id="plan",
            data_schema=self.add_suggested_values_to_schema(schema, suggestion),
            errors=errors,
        )

    async def _async_prove(self) -> SubentryFlowResult:
        """Let the target show who it is and what the credential may do, without any effect."""
        if self._needs_identity():
            return await self._async_fetch_identity()
        self._findings = await self._async_preflight()
        worst = [item for item in self._findings if item.severity is Severity.ERROR]
        if not self._confirmed and any(item.key in _IDENTITY_KEYS for item in worst):
            return await self._async_fetch_identity()
        if self._findings:
            return await self.async_step_check()
        return await self.async_step_plan()

    async def _async_preflight(self) -> Sequence[Finding]:
        spec = make_spec(
            {**_UNPLANNED, CONF_OPTIONS: self._options},
            target_id="",
            name=self._name,
            kind=self._subentry_type,
        )
        target = make_target(spec, tools_of(self.hass, self._get_entry().runtime_data.nut))
        try:
            await target.open()
            return await target.preflight()
        finally:
            await target.close()

    def _keep_identity(self, stored: Mapping[str, Any]) -> None:
        """Take over what nobody enters by hand, as long as it is the same machine."""
        same = all(self._options.get(name) == stored.get(name) for name in ("host", "url", "port"))
        if same or not stored:
            names = [item.name for item in self._kind.fields if item.type in BY_DIALOGUE]
            kept = {name: stored[name] for name in (*names, _PUBLIC_KEY) if name in stored}
            self._options = {**kept, **self._options}
        if self._has_key and "private_key" not in self._options:
            pair = generate_key_pair()
            self._options["private_key"] = pair.private_key
            self._options[_PUBLIC_KEY] = pair.public_key

    def _needs_identity(self) -> bool:
        if self._has_key:
            return not self._options.get("host_key")
        is_pinned = self._options.get("tls_trust") == Trust.FINGERPRINT
        return is_pinned and not self._options.get("tls_fingerprint")

    async def _async_fetch_identity(self) -> SubentryFlowResult:
        """Ask who answers there.

        Raises:
            UnreachableError: nobody does.

        """
        host, port = server_of(self._kind, self._options)
        if self._has_key:
            key = await fetch_host_key(host, port=port)
            self._shown = {"host_key": key.line}
            self._shown_fingerprint = key.fingerprint
        else:
            name = str(self._options.get("tls_name", ""))
            certificate = await fetch_certificate(host, port, server_name=name)
            self._shown = {
                "tls_trust": Trust.FINGERPRINT,
                "tls_fingerprint": certificate.fingerprint,
            }
            self._shown_fingerprint = certificate.fingerprint
        return await self.async_step_identity()

    def _proposal(self) -> dict[str, Any]:
        """Return how most people would see that a host of this kind is off."""
        kind = self._kind
        address = ""
        with contextlib.suppress(OptionError):
            address, _ = server_of(kind, self._options)
        ports = [str(port) for port in kind.ports]
        verify = {CONF_ADDRESS: address, CONF_PORTS: ports, CONF_GRACE: round(kind.grace_s)}
        return {SECTION_VERIFY: verify}

    def _async_finish(self, user_input: Mapping[str, Any]) -> SubentryFlowResult:
        data = {**user_input, CONF_OPTIONS: self._options}
        if self.source != SOURCE_RECONFIGURE:
            return self.async_create_entry(title=self._name, data=data)
        return self.async_update_and_abort(
            self._get_entry(), self._get_reconfigure_subentry(), title=self._name, data=data
        )


def _plan_errors(user_input: Mapping[str, Any]) -> dict[str, str]:
    """Return what cannot be; an error inside a section shows above the section."""
    errors: dict[str, str] = {}
    ports = user_input[SECTION_VERIFY].get(CONF_PORTS, ())
    if not all(str(port).isdecimal() and 1 <= int(port) <= 65535 for port in ports):  # noqa: PLR2004
        errors[SECTION_VERIFY] = "invalid_port"
    for name in (CONF_MAC, CONF_SECURE_ON):
        value = user_input[SECTION_WAKE].get(name)
        if value and not _MAC.fullmatch(value.strip()):
            errors[SECTION_WAKE] = "invalid_mac"
    return errors
