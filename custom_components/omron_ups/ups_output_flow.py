"""Adds the last step of the shutdown plan: the UPS switches its output off."""

from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
import probatio

from .const import CONF_CONFIRMED, CONF_DELAY, CONF_RETURNS, SUBENTRY_UPS_OUTPUT
from .shutdown.specs import OutputOptions

_DEFAULTS = OutputOptions()

OUTPUT_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_CONFIRMED, default=False): BooleanSelector(),
        probatio.Required(CONF_RETURNS, default=_DEFAULTS.returns): BooleanSelector(),
        probatio.Required(CONF_DELAY, default=round(_DEFAULTS.delay_s)): NumberSelector(
            NumberSelectorConfig(
                min=12,
                max=600,
                mode=NumberSelectorMode.BOX,
                unit_of_measurement=UnitOfTime.SECONDS,
            )
        ),
    }
)


class UpsOutputFlow(ConfigSubentryFlow):
    """There is one output, so there is one of these; everything on the UPS loses its power."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Let the user confirm what that means."""
        entry = self._get_entry()
        is_new = self.source != SOURCE_RECONFIGURE
        if is_new and any(entry.get_subentries_of_type(SUBENTRY_UPS_OUTPUT)):
            return self.async_abort(reason="output_exists")
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input[CONF_CONFIRMED]:
                errors[CONF_CONFIRMED] = "not_confirmed"
            elif is_new:
                return self.async_create_entry(
                    title=entry.title, data=user_input, unique_id=SUBENTRY_UPS_OUTPUT
                )
            else:
                return self.async_update_and_abort(
                    entry, self._get_reconfigure_subentry(), data=user_input
                )
        suggestion = user_input or (None if is_new else self._get_reconfigure_subentry().data)
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(OUTPUT_SCHEMA, suggestion),
            errors=errors,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change how long it waits, and whether it comes back."""
        return await self.async_step_user(user_input)
