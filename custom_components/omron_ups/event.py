"""The event entity: what happened to the power, one event at a time."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import OmronConfigEntry
from .driver import PowerEvent
from .entity import OmronStandingEntity
from .plan_reports import PLAN_EVENTS

PARALLEL_UPDATES = 0

POWER: Final = EventEntityDescription(
    key="power", translation_key="power", event_types=[*PowerEvent, *PLAN_EVENTS]
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entity of a UPS."""
    async_add_entities([OmronPowerEvent(entry=entry, description=POWER)])


class OmronPowerEvent(OmronStandingEntity, EventEntity):
    """Shows what happens to the power."""

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of what happens from now on."""
        await super().async_added_to_hass()
        reports = self.coordinator.config_entry.runtime_data.reports
        self.async_on_remove(reports.async_subscribe(self._async_handle_report))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Show nothing: a reading is no event."""

    @callback
    def _async_handle_report(self, event: str, facts: Mapping[str, Any]) -> None:
        self._trigger_event(event, dict(facts))
        self.async_write_ha_state()
