"""How a UPS comes into Home Assistant: connect, prove, choose who may see it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, override
from uuid import uuid4

from homeassistant.components import usb
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_MODEL, CONF_PORT
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    SerialPortSelector,
)
from homeassistant.helpers.typing import UNDEFINED, UndefinedType
from homeassistant.loader import async_get_integration
import probatio

from .connection import read_once
from .const import (
    CONF_CONNECTION,
    CONF_DIALECT,
    CONF_NUT_SERVER,
    CONF_OTHER_DEVICES,
    CONF_TITLE,
    CONF_UNIT,
    DOMAIN,
    LOGGER,
    SUBENTRY_NUT_ACCOUNT,
    ConnectionKind,
)
from .driver import PROFILES, Dialect, UpsError, UpsState, list_usb_units, public_url
from .errors import error_key, usb_error_key
from .nut_form import async_check_nut_input, nut_schema
from .nut_options import default_nut_options, others_at, owner_of, shared_options, stored_options
from .subentry_flow import NutAccountFlow
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

SERIAL_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_DEVICE): SerialPortSelector(),
        probatio.Required(CONF_DIALECT, default=Dialect.OMRON): SelectSelector(
            SelectSelectorConfig(options=list(Dialect), translation_key=CONF_DIALECT)
        ),
    }
)

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
        return {SUBENTRY_NUT_ACCOUNT: NutAccountFlow}

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
            errors["base"] = usb_error_key(err)
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
        if user_input is not None:
            # The path of a USB adapter changes with the order of plugging in; its id does not.
            device = await self.hass.async_add_executor_job(
                usb.get_serial_by_id, user_input[CONF_DEVICE]
            )
            user_input = {**user_input, CONF_DEVICE: device}
            self._async_abort_entries_match({CONF_DEVICE: device})
        return await self._async_step_connect(ConnectionKind.SERIAL, SERIAL_SCHEMA, user_input)

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
            checked = await async_check_nut_input(self.hass, user_input, entry=None)
            if not checked.errors:
                return self.async_create_entry(
                    title=self._title,
                    data=self._data,
                    options={CONF_NUT_SERVER: checked.options},
                )
            values, errors, placeholders = checked.options, checked.errors, checked.placeholders
        return self.async_show_form(
            step_id=CONF_NUT_SERVER,
            data_schema=nut_schema(values, joins=owner is not None, errors=errors),
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
        user_input: dict[str, Any] | None,
        *,
        errors: dict[str, str] | None = None,
    ) -> ConfigFlowResult:
        """Show the form of a connection until it leads to a UPS."""
        errors = errors or {}
        suggestion: Mapping[str, Any] | None = user_input
        if user_input is not None:
            data = {CONF_CONNECTION: kind, **user_input}
            if self._is_held_by_entry(data):
                return self._async_finish_reconfigure(data)
            try:
                state = await self._async_read_once(data)
            except UpsError as err:
                is_usb = kind is ConnectionKind.USB_DEVICE
                errors["base"] = usb_error_key(err) if is_usb else error_key(err)
            except Exception:  # noqa: BLE001 - a flow that breaks cannot be corrected by its user
                LOGGER.exception("Unexpected error while connecting")
                errors["base"] = "unknown"
            else:
                return await self._async_handle_proof(data, state)
        elif self.source == SOURCE_RECONFIGURE:
            suggestion = self._get_reconfigure_entry().data
        return self.async_show_form(
            step_id=kind,
            data_schema=self.add_suggested_values_to_schema(schema, suggestion),
            errors=errors,
        )

    async def _async_read_once(self, data: Mapping[str, Any]) -> UpsState:
        integration = await async_get_integration(self.hass, DOMAIN)
        return await read_once(data, version=str(integration.version))

    def _is_held_by_entry(self, data: Mapping[str, Any]) -> bool:
        """Tell whether the running entry has the device open that it would be proved on.

        Nobody else can open it then, and that a UPS is there is proved every second.
        """
        if self.source != SOURCE_RECONFIGURE or (device := _device(data)) is None:
            return False
        entry = self._get_reconfigure_entry()
        return _device(entry.data) == device and entry.state is ConfigEntryState.LOADED

    async def _async_handle_proof(self, data: dict[str, Any], state: UpsState) -> ConfigFlowResult:
        """Go on with a UPS that answered, unless it is one that we have, or not the one we had."""
        if self.source == SOURCE_RECONFIGURE:
            unique_id = await self._async_check_identity(data, state)
            return self._async_finish_reconfigure(data, unique_id=unique_id)
        await self.async_set_unique_id(_unique_id(data, state) or uuid4().hex)
        self._abort_if_unique_id_configured(reload_on_update=False)
        self._data = data
        self._title = state.model or DEFAULT_TITLE
        return await self.async_step_nut_server()

    async def _async_check_identity(self, data: Mapping[str, Any], state: UpsState) -> str | None:
        """Return the unique id that the reconfigured entry is to have.

        A serial number must stay what it is. The path of a port is only known until something
        better is.
        """
        entry = self._get_reconfigure_entry()
        if (unique_id := _unique_id(data, state)) is None:
            return entry.unique_id
        await self.async_set_unique_id(unique_id)
        if entry.unique_id != _place(entry.data):
            self._abort_if_unique_id_mismatch()
        elif unique_id != entry.unique_id:
            self._abort_if_unique_id_configured(reload_on_update=False)
        return unique_id

    @callback
    def _async_finish_reconfigure(
        self, data: dict[str, Any], *, unique_id: str | UndefinedType | None = UNDEFINED
    ) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        was_running = entry.state is ConfigEntryState.LOADED
        result = self.async_update_and_abort(entry, data=data, unique_id=unique_id)
        if not was_running:
            # A running entry listens for the change; one that waits for its next try does not.
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result


class OmronOptionsFlow(OptionsFlow):
    """Changes what is done with a UPS; each step is merged into the options."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to change."""
        return self.async_show_menu(step_id="init", menu_options=[CONF_NUT_SERVER])

    async def async_step_nut_server(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who may see the UPS on the network."""
        entry = self.config_entry
        owner = owner_of(self.hass, entry)
        values: Mapping[str, Any] = {**stored_options(entry), **shared_options(owner)}
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            checked = await async_check_nut_input(self.hass, user_input, entry=entry)
            if not checked.errors:
                return self.async_create_entry(
                    data={**entry.options, CONF_NUT_SERVER: checked.options}
                )
            values, errors, placeholders = checked.options, checked.errors, checked.placeholders
        return self.async_show_form(
            step_id=CONF_NUT_SERVER,
            data_schema=nut_schema(values, joins=owner is not entry, errors=errors),
            errors=errors,
            description_placeholders={**placeholders, "owner": owner.title},
        )


def _unique_id(data: Mapping[str, Any], state: UpsState) -> str | None:
    """Return what tells this UPS from others; nothing does for a simulated one."""
    if data[CONF_CONNECTION] == ConnectionKind.SIMULATED:
        return None
    return state.serial or _place(data)


def _place(data: Mapping[str, Any]) -> str | None:
    """Return where the UPS is connected, which is all that is known of one without a serial."""
    if data[CONF_CONNECTION] == ConnectionKind.USB_DEVICE:
        port: str | None = data[CONF_PORT]
        return port
    return public_url(data[CONF_DEVICE])


def _device(data: Mapping[str, Any]) -> object:
    """Return what only one program can have open; None for a simulated UPS."""
    if data[CONF_CONNECTION] == ConnectionKind.USB_DEVICE:
        return telling_apart(data)
    return data.get(CONF_DEVICE)
