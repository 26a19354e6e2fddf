"""The event entity: what happened to the power, one event at a time."""

from asyncio import TimerHandle
from collections import deque
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

# The state of an event entity is its time in milliseconds, and Home Assistant's own trigger sees
# nothing new in a state that stays the same.
_GAP_S: Final = 0.002

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
    """Shows what happens to the power, each event for a moment of its own."""

    _gap: TimerHandle | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Hear of what happens from now on."""
        await super().async_added_to_hass()
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        reports = self.coordinator.config_entry.runtime_data.reports
        self.async_on_remove(self._async_cancel_gap)
        self.async_on_remove(reports.async_subscribe(self._async_handle_report))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Show nothing: a reading is no event."""

    @callback
    def _async_handle_report(self, event: str, facts: Mapping[str, Any]) -> None:
        self._waiting.append((event, dict(facts)))
        if self._gap is None:
            self._async_show_next()

    @callback
    def _async_show_next(self) -> None:
        self._gap = None
        if not self._waiting:
            return
        self._trigger_event(*self._waiting.popleft())
        self.async_write_ha_state()
        self._gap = self.hass.loop.call_later(_GAP_S, self._async_show_next)

    @callback
    def _async_cancel_gap(self) -> None:
        if self._gap is not None:
            self._gap.cancel()
