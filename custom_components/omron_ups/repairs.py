"""What a repair issue offers to do."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
import probatio

from .const import CONF_ALLOWED_NETWORKS, CONF_ENTRY_ID, CONF_NETWORK, CONF_NUT_SERVER, DOMAIN
from .nut_options import owner_of, parse_network


class AllowAddressFlow(RepairsFlow):
    """Lets a machine in that was refused."""

    def __init__(self, *, entry_id: str, network: str) -> None:
        """Suggest `network` for the server of the entry."""
        self._entry_id = entry_id
        self._network = network

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_allow()

    async def async_step_allow(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask which network to allow, by default just the machine, and allow it."""
        errors = {}
        if user_input is not None:
            self._network = user_input[CONF_NETWORK]
            try:
                self._async_allow(str(parse_network(self._network)))
            except ValueError:
                errors[CONF_NETWORK] = "invalid_network"
            else:
                return self.async_create_entry(data={})
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        return self.async_show_form(
            step_id="allow",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_NETWORK, default=self._network): str}
            ),
            description_placeholders=issue.translation_placeholders if issue else None,
            errors=errors,
        )

    @callback
    def _async_allow(self, network: str) -> None:
        """Add the network to the options of the entry that owns the server."""
        entry = owner_of(self.hass, self.hass.config_entries.async_get_known_entry(self._entry_id))
        options = entry.options[CONF_NUT_SERVER]
        networks = [*options[CONF_ALLOWED_NETWORKS], network]
        nut_server = {**options, CONF_ALLOWED_NETWORKS: networks}
        self.hass.config_entries.async_update_entry(
            entry, options={**entry.options, CONF_NUT_SERVER: nut_server}
        )


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue; only a refused address can be fixed from here."""
    known = data or {}
    return AllowAddressFlow(entry_id=str(known[CONF_ENTRY_ID]), network=str(known[CONF_NETWORK]))
