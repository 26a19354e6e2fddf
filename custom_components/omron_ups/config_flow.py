"""How a UPS comes into Home Assistant: connect, prove, choose who may see it."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, override
from uuid import uuid4

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_HOST, CONF_MODEL, CONF_PORT
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.helpers.typing import UNDEFINED, UndefinedType
from homeassistant.loader import async_get_integration
import probatio

from .blueprints import async_accept_offer, with_offer, without_offer
from .connection import read_once
from .const import (
    CONF_CONNECTION,
    CONF_NUT_SERVER,
    CONF_OTHER_DEVICES,
    CONF_TITLE,
    CONF_UNIT,
    CONF_UPS,
    DOMAIN,
    LOGGER,
    SUBENTRY_DISCORD,
    SUBENTRY_NUT_ACCOUNT,
    SUBENTRY_UPS_OUTPUT,
    ConnectionKind,
)
from .discord_flow import DiscordFlow
from .driver import PROFILES, UpsError, UpsState, list_usb_units
from .errors import flow_error_key, flow_error_placeholders
from .identity import async_device_of, place_of, unique_id_of
from .nut_form import async_check_nut_input, nut_schema
from .nut_options import default_nut_options, others_at
from .options_flow import OmronOptionsFlow
from .remote_server import (
    ACCOUNT_SCHEMA,
    SERVER_SCHEMA,
    account_data,
    async_list_ups,
    remote_server,
    server_data,
    ups_schema,
    with_account,
    without_password,
)
from .serial_port import SERIAL_SCHEMA, async_serial_data, serial_suggestion
from .shutdown.kinds import KINDS
from .subentry_flow import NutAccountFlow
from .target_flow import TargetFlow
from .ups_output_flow import UpsOutputFlow
from .usb_units import (
    NO_UNITS,
    by_key,
    identity_data,
    identity_of,
    telling_apart,
    unit_key,
    usb_schema,
)

DEFAULT_TITLE: Final = "UPS"

SIMULATED_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_MODEL, default=next(iter(PROFILES))): SelectSelector(
            SelectSelectorConfig(
                mode=SelectSelectorMode.DROPDOWN,
                options=[
                    SelectOptionDict(value=profile.name, label=profile.title)
                    for profile in PROFILES.values()
                ],
            )
        )
    }
)


class OmronConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds a UPS, or changes how it is reached."""

    VERSION = 1

    _data: dict[str, Any]
    _title: str
    _offers_other_devices = False
    _discovered: dict[str, Any]
    _server: dict[str, Any] | None = None
    _found: dict[str, str]

    def __init__(self) -> None:
        """Begin without anything to say about errors."""
        self._placeholders = {"own_address": ""}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the flow behind "Configure"."""
        return OmronOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to a UPS."""
        return {
            SUBENTRY_DISCORD: DiscordFlow,
            SUBENTRY_NUT_ACCOUNT: NutAccountFlow,
            SUBENTRY_UPS_OUTPUT: UpsOutputFlow,
            **dict.fromkeys(KINDS, TargetFlow),
        }

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how the UPS is connected."""
        return self.async_show_menu(step_id="user", menu_options=list(ConnectionKind))

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the connection; its kind stays."""
        kind = ConnectionKind(self._get_reconfigure_entry().data[CONF_CONNECTION])
        steps: Mapping[ConnectionKind, Callable[[], Awaitable[ConfigFlowResult]]] = {
            ConnectionKind.USB_DEVICE: self.async_step_usb_device,
            ConnectionKind.SERIAL: self.async_step_serial,
            ConnectionKind.NUT: self.async_step_nut,
            ConnectionKind.SIMULATED: self.async_step_simulated,
        }
        return await steps[kind]()

    async def async_step_usb_device(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which of the attached units it is; each time with a new look at the bus."""
        errors: dict[str, str] = {}
        units = NO_UNITS
        try:
            units = await list_usb_units()
        except UpsError as err:
            errors["base"] = flow_error_key(err, ConnectionKind.USB_DEVICE)
        data: dict[str, Any] | None = None
        if user_input is not None and user_input.get(CONF_OTHER_DEVICES):
            self._offers_other_devices = True
        elif user_input is not None and not errors:
            chosen = by_key((*units.known, *units.unknown)).get(user_input.get(CONF_UNIT, ""))
            if chosen is None:
                errors["base"] = "usb_not_found"
            else:
                data = identity_data(chosen.identity)
                kind = {CONF_CONNECTION: ConnectionKind.USB_DEVICE}
                self._async_abort_entries_match({**kind, **telling_apart(data)})
        elif not errors and not (units.known or units.unknown):
            errors["base"] = "usb_not_found"
        schema = usb_schema(units, offers_other=self._offers_other_devices)
        return await self._async_step_connect(
            ConnectionKind.USB_DEVICE, schema, data, errors=errors
        )

    @override
    async def async_step_integration_discovery(
        self, discovery_info: dict[str, Any]
    ) -> ConfigFlowResult:
        """Offer a unit that was found at a USB port, unless it is configured."""
        data = identity_data(identity_of(discovery_info))
        kind = {CONF_CONNECTION: ConnectionKind.USB_DEVICE}
        self._async_abort_entries_match({**kind, **telling_apart(data)})
        await self.async_set_unique_id(unit_key(identity_of(data)))
        self._abort_if_unique_id_configured(reload_on_update=False)
        self._discovered = data
        self.context["title_placeholders"] = {"name": discovery_info[CONF_TITLE]}
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether to add the unit that was found; what goes wrong is said where it is cured."""
        if user_input is not None:
            return await self.async_step_usb_device(
                {CONF_UNIT: unit_key(identity_of(self._discovered))}
            )
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            description_placeholders=self.context["title_placeholders"],
        )

    async def async_step_serial(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the serial port."""
        data: dict[str, Any] | None = None
        if user_input is not None:
            data = {
                CONF_CONNECTION: ConnectionKind.SERIAL,
                **await async_serial_data(self.hass, user_input),
            }
            await self._async_abort_if_port_is_configured(data)
        return await self._async_step_connect(ConnectionKind.SERIAL, SERIAL_SCHEMA, data)

    async def async_step_nut(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for another NUT server, and which of its UPSes it is if it has several."""
        kind = ConnectionKind.NUT
        if user_input is None:
            return await self._async_step_connect(kind, SERVER_SCHEMA, None)
        stored = self._get_reconfigure_entry().data if self.source == SOURCE_RECONFIGURE else {}
        self._server = server_data(user_input, before=self._server or stored)
        errors: dict[str, str] = {}
        found = await self._async_try(kind, async_list_ups(self.hass, self._server), errors)
        if not found:
            errors.setdefault("base", "own_server" if found is None else "no_ups")
            return self._async_show_connection(kind, SERVER_SCHEMA, self._server, errors)
        names = {stored.get(CONF_UPS)} & found.keys() or found.keys()
        if len(names) == 1:
            return await self.async_step_ups({CONF_UPS: next(iter(names))})
        self._found = found
        return await self.async_step_ups()

    async def async_step_ups(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which UPS of the NUT server it is."""
        if user_input is None:
            return self.async_show_form(step_id=CONF_UPS, data_schema=ups_schema(self._found))
        data = {**(self._server or {}), **user_input}
        place = {name: data[name] for name in (CONF_HOST, CONF_PORT, CONF_UPS)}
        self._async_abort_entries_match({CONF_CONNECTION: ConnectionKind.NUT, **place})
        return await self._async_step_connect(ConnectionKind.NUT, SERVER_SCHEMA, data)

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin, because a NUT server refuses the account."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for an account that the NUT server accepts."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            data = with_account(entry.data, account_data(user_input, before=entry.data))
            proof = self._async_read_once(data)
            if await self._async_try(ConnectionKind.NUT, proof, errors) is not None:
                return self._async_finish(entry, data)
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=self.add_suggested_values_to_schema(
                ACCOUNT_SCHEMA, without_password(user_input or entry.data)
            ),
            errors=errors,
            description_placeholders={
                **self._placeholders,
                "ups": entry.title,
                "server": remote_server(entry.data).label,
            },
        )

    async def async_step_simulated(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which model to simulate."""
        return await self._async_step_connect(
            ConnectionKind.SIMULATED, SIMULATED_SCHEMA, user_input
        )

    async def async_step_nut_server(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who may see the UPS on the network."""
        values = await default_nut_options(self.hass)
        address = values[CONF_HOST], values[CONF_PORT]
        owner = next(others_at(self.hass, address, but=None), None)
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            user_input, wants_blueprints = without_offer(user_input)
            checked = await async_check_nut_input(self.hass, user_input, entry=None)
            if not checked.errors:
                if wants_blueprints:
                    await async_accept_offer(self.hass)
                return self.async_create_entry(
                    title=self._title,
                    data=self._data,
                    options={CONF_NUT_SERVER: checked.options},
                )
            values, errors, placeholders = checked.options, checked.errors, checked.placeholders
        return self.async_show_form(
            step_id=CONF_NUT_SERVER,
            data_schema=with_offer(nut_schema(values, joins=owner is not None, errors=errors)),
            errors=errors,
            description_placeholders={
                **placeholders,
                "owner": self._title if owner is None else owner.title,
            },
        )

    async def _async_step_connect(
        self,
        kind: ConnectionKind,
        schema: probatio.Schema,
        data: dict[str, Any] | None,
        *,
        errors: dict[str, str] | None = None,
    ) -> ConfigFlowResult:
        """Go on with the UPS that the data of a connection lead to, or show the form of it."""
        errors = errors or {}
        if data is not None:
            data = {CONF_CONNECTION: kind, **data}
            if await self._async_is_held_by_entry(data):
                return self._async_take_over_held(data)
            state = await self._async_try(kind, self._async_read_once(data), errors)
            if state is not None:
                return await self._async_handle_proof(data, state)
        elif self.source == SOURCE_RECONFIGURE:
            data = dict(self._get_reconfigure_entry().data)
        return self._async_show_connection(kind, schema, data, errors)

    @callback
    def _async_show_connection(
        self,
        kind: ConnectionKind,
        schema: probatio.Schema,
        data: dict[str, Any] | None,
        errors: dict[str, str],
    ) -> ConfigFlowResult:
        suggestion = None if data is None else _SUGGESTIONS.get(kind, dict)(data)
        return self.async_show_form(
            step_id=kind,
            data_schema=self.add_suggested_values_to_schema(schema, suggestion),
            errors=errors,
            description_placeholders=self._placeholders,
        )

    async def _async_try[ResultT](
        self, kind: ConnectionKind, work: Coroutine[Any, Any, ResultT], errors: dict[str, str]
    ) -> ResultT | None:
        """Return what comes of the work; None where it fails, and the reason in `errors`."""
        try:
            return await work
        except UpsError as err:
            errors["base"] = flow_error_key(err, kind)
            self._placeholders = flow_error_placeholders(err)
        except Exception:  # noqa: BLE001 - a flow that breaks cannot be corrected by its user
            LOGGER.exception("Unexpected error while connecting")
            errors["base"] = "unknown"
        return None

    async def _async_read_once(self, data: Mapping[str, Any]) -> UpsState:
        integration = await async_get_integration(self.hass, DOMAIN)
        return await read_once(data, version=str(integration.version))

    async def _async_abort_if_port_is_configured(self, data: Mapping[str, Any]) -> None:
        """Abort where another entry has the serial port, by whatever path."""
        port = await async_device_of(self.hass, data)
        for entry in self._async_current_entries(include_ignore=False):
            is_other = entry.entry_id != self.context.get("entry_id")
            if is_other and await async_device_of(self.hass, entry.data) == port:
                raise AbortFlow(reason="already_configured")

    async def _async_is_held_by_entry(self, data: Mapping[str, Any]) -> bool:
        """Tell whether the running entry has the device open that it would be proved on.

        Nobody else can open it then, and that a UPS is there is proved every second.
        """
        if self.source != SOURCE_RECONFIGURE:
            return False
        entry = self._get_reconfigure_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return False
        device = await async_device_of(self.hass, data)
        return device is not None and await async_device_of(self.hass, entry.data) == device

    @callback
    def _async_take_over_held(self, data: dict[str, Any]) -> ConfigFlowResult:
        """Finish with the device that is open; the path that it is known by may be another."""
        entry = self._get_reconfigure_entry()
        is_known_by_place = entry.unique_id == place_of(entry.data)
        return self._async_finish(
            entry, data, unique_id=place_of(data) if is_known_by_place else UNDEFINED
        )

    async def _async_handle_proof(self, data: dict[str, Any], state: UpsState) -> ConfigFlowResult:
        """Go on with a UPS that answered, unless it is one that we have, or not the one we had."""
        if self.source == SOURCE_RECONFIGURE:
            unique_id = await self._async_check_identity(data, state)
            return self._async_finish(self._get_reconfigure_entry(), data, unique_id=unique_id)
        await self.async_set_unique_id(unique_id_of(data, state) or uuid4().hex)
        self._abort_if_unique_id_configured(reload_on_update=False)
        self._data = data
        self._title = state.title or DEFAULT_TITLE
        return await self.async_step_nut_server()

    async def _async_check_identity(self, data: Mapping[str, Any], state: UpsState) -> str | None:
        """Return the unique id that the reconfigured entry is to have.

        A serial number must stay what it is. The path of a port is only known until something
        better is.
        """
        entry = self._get_reconfigure_entry()
        if (unique_id := unique_id_of(data, state)) is None:
            return entry.unique_id
        await self.async_set_unique_id(unique_id)
        if entry.unique_id != place_of(entry.data):
            self._abort_if_unique_id_mismatch()
        elif unique_id != entry.unique_id:
            self._abort_if_unique_id_configured(reload_on_update=False)
        return unique_id

    @callback
    def _async_finish(
        self,
        entry: ConfigEntry,
        data: dict[str, Any],
        *,
        unique_id: str | UndefinedType | None = UNDEFINED,
    ) -> ConfigFlowResult:
        """End a flow that changes an entry."""
        was_running = entry.state is ConfigEntryState.LOADED
        result = self.async_update_and_abort(entry, data=data, unique_id=unique_id)
        if not was_running:
            # A running entry listens for the change; one that waits for its next try does not.
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result


# What the form of a connection is filled with, where that is not its data as they are.
_SUGGESTIONS: Final[Mapping[ConnectionKind, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    ConnectionKind.SERIAL: serial_suggestion,
    ConnectionKind.NUT: without_password,
}
