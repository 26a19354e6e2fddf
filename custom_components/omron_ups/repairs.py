"""What a repair issue offers to do."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
import probatio

from .blueprints import async_install_blueprints
from .const import (
    CONF_ALLOWED_NETWORKS,
    CONF_ENTRY_ID,
    CONF_NETWORK,
    CONF_NUT_SERVER,
    CONF_UPS_NAME,
    DOMAIN,
    Issue,
)
from .coordinator import OmronConfigEntry
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
        return self.async_show_form(
            step_id="allow",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_NETWORK, default=self._network): str}
            ),
            description_placeholders=_placeholders(self.hass, self.issue_id),
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


class ClearForcedShutdownFlow(RepairsFlow):
    """Takes FSD off a name of a UPS."""

    def __init__(self, *, entry_id: str, ups_name: str) -> None:
        """Offer to clear what is set for the name."""
        self._entry_id = entry_id
        self._ups_name = ups_name

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_clear()

    async def async_step_clear(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask once more, and clear it."""
        if user_input is None:
            return self.async_show_form(
                step_id="clear",
                data_schema=probatio.Schema({}),
                description_placeholders=_placeholders(self.hass, self.issue_id),
            )
        entry: OmronConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is not None and entry.state is ConfigEntryState.LOADED:
            entry.runtime_data.nut.forced_shutdowns.async_clear(self._ups_name)
        return self.async_create_entry(data={})


class InstallBlueprintsFlow(RepairsFlow):
    """Replaces blueprints of ours by newer versions."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_install()

    async def async_step_install(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask once more, and install them."""
        if user_input is None:
            return self.async_show_form(
                step_id="install",
                data_schema=probatio.Schema({}),
                description_placeholders=_placeholders(self.hass, self.issue_id),
            )
        await async_install_blueprints(self.hass, only_newer=True)
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue of one of the kinds that can be fixed."""
    known = {name: str(value) for name, value in (data or {}).items()}
    if issue_id == Issue.BLUEPRINTS_OUTDATED:
        return InstallBlueprintsFlow()
    if issue_id.startswith(Issue.NUT_FORCED_SHUTDOWN):
        return ClearForcedShutdownFlow(entry_id=known[CONF_ENTRY_ID], ups_name=known[CONF_UPS_NAME])
    return AllowAddressFlow(entry_id=known[CONF_ENTRY_ID], network=known[CONF_NETWORK])


def _placeholders(hass: HomeAssistant, issue_id: str) -> Mapping[str, str] | None:
    """Return what the texts of an issue name; its repair names the same."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return issue.translation_placeholders if issue else None
