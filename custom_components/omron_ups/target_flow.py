"""Adds or changes a target of the shutdown plan: enter, let it prove itself, put it in order."""

from collections.abc import AsyncIterator, Mapping, Sequence
import contextlib
from datetime import datetime
import re
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME, CONF_USERNAME
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import probatio

from .const import (
    CONF_ADDRESS,
    CONF_GRACE,
    CONF_MAC,
    CONF_OPTIONS,
    CONF_OTP_CODE,
    CONF_PORTS,
    CONF_REMOVE_SECURE_ON,
    CONF_RUNS_ON,
    CONF_SAVE_ANYWAY,
    CONF_SECURE_ON,
    CONF_STAGE,
    CONF_TIME_LIMIT,
    CONF_USES,
    LOGGER,
    SECTION_RELATIONS,
    SECTION_VERIFY,
    SECTION_WAKE,
)
from .findings_text import async_confirmation, async_describe
from .plan_options import make_spec, plan_of
from .plan_service import PlanService
from .shutdown.errors import OptionError, ShutdownError
from .shutdown.fields import FieldType
from .shutdown.findings import FindingKey
from .shutdown.kinds import KINDS, Kind, make_target, server_of
from .shutdown.models import Finding, Severity
from .shutdown.ssh_keys import forced_line, generate_key_pair
from .shutdown.target import SecondFactor, Target
from .shutdown.targets.ssh import fetch_host_key
from .shutdown.tls import Trust, fetch_certificate
from .target_form import BY_DIALOGUE, flat_options, options_schema, plan_part_schema, shown_options
from .target_tools import tools_of

_IDENTITY_KEYS: Final = frozenset({FindingKey.IDENTITY_CHANGED, FindingKey.IDENTITY_UNTRUSTED})
_PUBLIC_KEY: Final = "public_key"
# Where administrators usually put what a forced command runs.
_FORCED_PROGRAM: Final = "/usr/local/sbin/ups-shutdown"
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}")
# What makes it another machine.
_PLACE: Final = ("host", "url", "port")
_RELATED: Final = frozenset({CONF_USES, CONF_RUNS_ON})


class TargetFlow(ConfigSubentryFlow):
    """One flow for all kinds; what differs stands in the rows of the kind."""

    _name = ""
    _options: dict[str, Any] | None = None
    """What was entered, with what is kept or made; None before the first form was sent."""
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

    @property
    def _known_options(self) -> Mapping[str, Any]:
        """The options that were entered last, else those that are stored."""
        return self._stored.get(CONF_OPTIONS, {}) if self._options is None else self._options

    @property
    def _known_name(self) -> str:
        is_entered = self._options is not None
        return self._name if is_entered else self._get_reconfigure_subentry().title

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for what only this kind needs."""
        if user_input is None:
            return await self._async_show_user()
        # Who comes back to correct something keeps the key that the host may know by now.
        before = self._known_options
        self._name = user_input[CONF_NAME].strip()
        self._options = self._with_identity(
            flat_options(user_input, self._kind.fields, before), before
        )
        self._confirmed = False
        return await self._async_prove()

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
            self._options = {**self._known_options, **self._shown}
            self._confirmed = True
            return await self._async_prove()
        public_key = self._known_options.get(_PUBLIC_KEY, "")
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

    async def async_step_one_time_code(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a code of the second factor, once: the host gives a token for it."""
        if user_input is None:
            return await self._async_show_code()
        code = "".join(user_input.get(CONF_OTP_CODE, "").split())
        if not code:
            # Nobody has it at hand just now.
            return await self.async_step_check()
        async with self._async_open_target() as target:
            if not isinstance(target, SecondFactor):
                raise TypeError(f"{self._kind.name} has no second factor")
            try:
                token = await target.obtain_device_token(code)
            except ShutdownError as err:
                self._findings = (target.explain(err),)
                return await self._async_show_code({"base": "code_not_accepted"})
        tokens = dict.fromkeys(self._names_of(FieldType.DEVICE_TOKEN), token)
        self._options = {**self._known_options, **tokens}
        return await self._async_prove()

    async def _async_show_code(self, errors: dict[str, str] | None = None) -> SubentryFlowResult:
        return self.async_show_form(
            step_id="one_time_code",
            data_schema=probatio.Schema({probatio.Optional(CONF_OTP_CODE): TextSelector()}),
            errors=errors,
            description_placeholders={"findings": await self._async_describe_findings()},
        )

    async def async_step_check(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what is wrong; the user may correct it later, for the host may be off just now."""
        if user_input is not None:
            if user_input[CONF_SAVE_ANYWAY]:
                return await self.async_step_plan()
            return await self._async_show_user()
        return self.async_show_form(
            step_id="check",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_SAVE_ANYWAY, default=False): BooleanSelector()}
            ),
            description_placeholders={"findings": await self._async_describe_findings()},
        )

    async def _async_describe_findings(self) -> str:
        return await async_describe(self.hass, self._findings, ups=self._get_entry().title)

    async def async_step_plan(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask when it stops, how that is seen, and how it comes back."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = _plan_errors(user_input) | self._relation_errors(user_input)
            if not errors:
                return self._async_finish(user_input)
        schema = plan_part_schema(
            self.hass,
            self._get_entry(),
            kind=self._kind,
            subentry_id=self._own_id,
            has_secure_on=CONF_SECURE_ON in self._stored.get(SECTION_WAKE, {}),
        )
        suggestion = user_input or self._shown_part() or self._proposal()
        return self.async_show_form(
            step_id="plan",
            data_schema=self.add_suggested_values_to_schema(schema, suggestion),
            errors=errors,
        )

    async def _async_show_user(
        self, errors: dict[str, str] | None = None, detail: str = ""
    ) -> SubentryFlowResult:
        kind, known = self._kind, self._known_options
        shown: dict[str, Any] = {}
        if known:
            shown = {CONF_NAME: self._known_name, **shown_options(known, kind.fields)}
        fields = options_schema(kind.fields, hass=self.hass, stored=known)
        schema = probatio.Schema({probatio.Required(CONF_NAME): TextSelector(), **fields})
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders={
                "detail": detail,
                "confirmation": await async_confirmation(self.hass, self._confirmed_at),
            },
        )

    async def _async_prove(self) -> SubentryFlowResult:
        """Go on with what the target shows, or show the first form with what went wrong."""
        try:
            return await self._async_look()
        except OptionError as err:
            return await self._async_show_user({"base": "options_invalid"}, str(err))
        except ShutdownError as err:
            return await self._async_show_user({"base": "cannot_connect"}, str(err))
        except Exception:  # noqa: BLE001 - a flow that breaks cannot be corrected by its user
            LOGGER.exception("Unexpected error while checking a target")
            return await self._async_show_user({"base": "unknown"})

    async def _async_look(self) -> SubentryFlowResult:
        """Let the target show who it is and what the credential may do, without any effect."""
        if self._needs_identity():
            return await self._async_fetch_identity()
        async with self._async_open_target() as target:
            self._findings = await target.preflight()
        self._options = {
            **target.suggested_options,
            **self._known_options,
            **target.learned_options,
        }
        worst = [item for item in self._findings if item.severity is Severity.ERROR]
        if not self._confirmed and any(item.key in _IDENTITY_KEYS for item in worst):
            return await self._async_fetch_identity()
        if isinstance(target, SecondFactor) and any(w.key in target.code_findings for w in worst):
            return await self.async_step_one_time_code()
        if any(item.severity is not Severity.OK for item in self._findings):
            return await self.async_step_check()
        return await self.async_step_plan()

    @contextlib.asynccontextmanager
    async def _async_open_target(self) -> AsyncIterator[Target]:
        """Yield what was entered as a target that is in no plan.

        Raises:
            OptionError: an option cannot be used.

        """
        # What is not asked yet is what most people leave as it is proposed.
        planned = {CONF_STAGE: self._kind.stage, CONF_TIME_LIMIT: self._kind.time_limit_s}
        spec = make_spec(
            {**planned, **self._stored, CONF_OPTIONS: self._known_options},
            target_id="",
            name=self._name,
            kind=self._subentry_type,
        )
        target = make_target(spec, tools_of(self.hass, self._get_entry().runtime_data.nut))
        try:
            await target.open()
            yield target
        finally:
            await target.close()

    def _with_identity(
        self, options: Mapping[str, Any], before: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the options with what nobody enters by hand.

        Our own key stays; what the other side has shown counts only for the same machine, and
        what it gave an account only for that account.
        """
        ours = {"private_key", _PUBLIC_KEY}
        given = self._names_of(FieldType.DEVICE_TOKEN)
        shown = self._names_of(*BY_DIALOGUE) - ours - given
        is_same = all(options.get(name) == before.get(name) for name in _PLACE)
        is_same_account = is_same and options.get(CONF_USERNAME) == before.get(CONF_USERNAME)
        kept = ours | (shown if is_same else set()) | (given if is_same_account else set())
        found = {**{name: before[name] for name in kept if name in before}, **options}
        if self._has_key and "private_key" not in found:
            pair = generate_key_pair()
            found |= {"private_key": pair.private_key, _PUBLIC_KEY: pair.public_key}
        return found

    def _names_of(self, *types: FieldType) -> set[str]:
        return {field.name for field in self._kind.fields if field.type in types}

    def _needs_identity(self) -> bool:
        options = self._known_options
        if self._has_key:
            return not options.get("host_key")
        is_pinned = options.get("tls_trust") == Trust.FINGERPRINT
        return is_pinned and not options.get("tls_fingerprint")

    async def _async_fetch_identity(self) -> SubentryFlowResult:
        """Ask who answers there.

        Raises:
            UnreachableError: nobody does.

        """
        host, port = server_of(self._kind, self._known_options)
        if self._has_key:
            key = await fetch_host_key(host, port=port)
            self._shown = {"host_key": key.line}
            self._shown_fingerprint = key.fingerprint
        else:
            name = str(self._known_options.get("tls_name", ""))
            certificate = await fetch_certificate(host, port, server_name=name)
            self._shown = {
                "tls_trust": Trust.FINGERPRINT,
                "tls_fingerprint": certificate.fingerprint,
            }
            self._shown_fingerprint = certificate.fingerprint
        return await self.async_step_identity()

    @property
    def _own_id(self) -> str | None:
        """The target that is changed, None for a new one."""
        return None if self.source != SOURCE_RECONFIGURE else self._reconfigure_subentry_id

    @property
    def _confirmed_at(self) -> datetime | None:
        """When the target that is changed was last stopped for real."""
        entry = self._get_entry()
        if self._own_id is None or entry.state is not ConfigEntryState.LOADED:
            return None
        plan: PlanService = entry.runtime_data.plan
        return plan.confirmed_at(self._own_id)

    def _shown_part(self) -> dict[str, Any]:
        """Return what the form may show of the plan's part of what is stored."""
        shown = _without_secrets(self._stored)
        if SECTION_RELATIONS in shown:
            known = {spec.target_id for spec in plan_of(self._get_entry()).targets}
            # One that was deleted cannot be chosen any more, and would make the form refuse itself.
            shown[SECTION_RELATIONS] = {
                key: [item for item in value if item in known] if key in _RELATED else value
                for key, value in shown[SECTION_RELATIONS].items()
            }
        return shown

    def _relation_errors(self, user_input: Mapping[str, Any]) -> dict[str, str]:
        """Return what cannot be: what a target runs on must not run on it."""
        plan = plan_of(self._get_entry())
        for host_id in user_input[SECTION_RELATIONS].get(CONF_RUNS_ON, ()):
            host = plan.target(host_id)
            hosts = plan.hosts_of(host) if host else ()
            if any(item.target_id == self._own_id for item in hosts):
                return {SECTION_RELATIONS: "runs_on_circle"}
        return {}

    def _proposal(self) -> dict[str, Any]:
        """Return how most people would see that a host of this kind is off."""
        kind = self._kind
        if kind.tells_by_itself:
            return {SECTION_VERIFY: {CONF_GRACE: round(kind.grace_s)}} if kind.grace_s else {}
        usual = next((field.default for field in kind.fields if field.name == "port"), None)
        address, chosen = "", usual
        with contextlib.suppress(OptionError):
            address, chosen = server_of(kind, self._known_options)
        # A port that is closed all the time would be taken for a sign that the host is off.
        ports = [str(chosen if port == usual else port) for port in kind.ports]
        verify = {CONF_ADDRESS: address, CONF_PORTS: ports, CONF_GRACE: round(kind.grace_s)}
        return {SECTION_VERIFY: verify}

    def _async_finish(self, user_input: Mapping[str, Any]) -> SubentryFlowResult:
        wake = dict(user_input[SECTION_WAKE])
        before = self._stored.get(SECTION_WAKE, {})
        is_removed = wake.pop(CONF_REMOVE_SECURE_ON, False)
        is_same = wake.get(CONF_MAC) == before.get(CONF_MAC)
        if not wake.get(CONF_SECURE_ON):
            wake.pop(CONF_SECURE_ON, None)
            if CONF_SECURE_ON in before and is_same and not is_removed:
                wake[CONF_SECURE_ON] = before[CONF_SECURE_ON]
        data = {**user_input, SECTION_WAKE: wake, CONF_OPTIONS: dict(self._known_options)}
        if self.source != SOURCE_RECONFIGURE:
            return self.async_create_entry(title=self._name, data=data)
        return self.async_update_and_abort(
            self._get_entry(), self._get_reconfigure_subentry(), title=self._name, data=data
        )


def _without_secrets(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form may show of the plan's part of a stored target."""
    shown = {key: value for key, value in stored.items() if key != CONF_OPTIONS}
    if SECTION_WAKE in shown:
        wake = shown[SECTION_WAKE].items()
        shown[SECTION_WAKE] = {key: value for key, value in wake if key != CONF_SECURE_ON}
    return shown


def _plan_errors(user_input: Mapping[str, Any]) -> dict[str, str]:
    """Return what cannot be; an error inside a section shows above the section."""
    errors: dict[str, str] = {}
    ports = user_input.get(SECTION_VERIFY, {}).get(CONF_PORTS, ())
    if not all(str(port).isdecimal() and 1 <= int(port) <= 65535 for port in ports):  # noqa: PLR2004
        errors[SECTION_VERIFY] = "invalid_port"
    for name in (CONF_MAC, CONF_SECURE_ON):
        value = user_input[SECTION_WAKE].get(name)
        if value and not _MAC.fullmatch(value.strip()):
            errors[SECTION_WAKE] = "invalid_mac"
    return errors
