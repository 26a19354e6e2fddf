"""What is done with a UPS that is there already: the steps behind "Configure"."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow

from .battery_form import battery_placeholders, battery_schema
from .const import CONF_BATTERY, CONF_NUT_SERVER, CONF_SHUTDOWN_PLAN
from .nut_form import async_check_nut_input, nut_schema
from .nut_options import owner_of, shared_options, stored_options
from .plan_form import plan_schema, suggested_plan


class OmronOptionsFlow(OptionsFlow):
    """Changes what is done with a UPS; each step is merged into the options."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to change."""
        steps = [CONF_NUT_SERVER, CONF_SHUTDOWN_PLAN, CONF_BATTERY]
        return self.async_show_menu(step_id="init", menu_options=steps)

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

    async def async_step_shutdown_plan(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask when the shutdown plan begins, and which of its hosts is our own."""
        entry = self.config_entry
        if user_input is not None:
            return self.async_create_entry(data={**entry.options, CONF_SHUTDOWN_PLAN: user_input})
        stored = suggested_plan(entry.options.get(CONF_SHUTDOWN_PLAN, {}))
        return self.async_show_form(
            step_id=CONF_SHUTDOWN_PLAN,
            data_schema=self.add_suggested_values_to_schema(plan_schema(entry), stored),
        )

    async def async_step_battery(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what to make of the battery, and how often to tell of what lasts."""
        entry = self.config_entry
        if user_input is not None:
            return self.async_create_entry(data={**entry.options, CONF_BATTERY: user_input})
        return self.async_show_form(
            step_id=CONF_BATTERY,
            data_schema=battery_schema(entry),
            description_placeholders=battery_placeholders(entry),
        )
