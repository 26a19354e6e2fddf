"""The event entity: what happened to the power, one event at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .coordinator import OmronConfigEntry
from .driver import PowerEvent, UpsState, power_events
from .entity import OmronStandingEntity
from .nut import ForcedShutdown

PARALLEL_UPDATES = 0

POWER: Final = EventEntityDescription(
    key="power", translation_key="power", event_types=list(PowerEvent)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """An event that is repeated as long as its cause lasts."""

    event: PowerEvent
    lasts: Callable[[UpsState], bool | None]
    interval: timedelta


# The intervals are those of upsmon: NOCOMMWARNTIME and RBWARNTIME.
REMINDERS: Final[tuple[Reminder, ...]] = (
    Reminder(
        event=PowerEvent.COMMUNICATION_LOST,
        lasts=lambda s: s.stale,
        interval=timedelta(minutes=5),
    ),
    Reminder(
        event=PowerEvent.REPLACE_BATTERY,
        lasts=lambda s: s.replace_battery,
        interval=timedelta(hours=12),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entity of a UPS."""
    async_add_entities([OmronPowerEvent(entry=entry, description=POWER)])


class OmronPowerEvent(OmronStandingEntity, EventEntity):
    """Reports what happens while Home Assistant watches.

    What the UPS is in the middle of when the entity starts is where it begins, not news. But an
    outage that was reported has to be reported as over, also if it ended before the start.
    """

    _seen: UpsState

    def __init__(self, *, entry: OmronConfigEntry, description: EventEntityDescription) -> None:
        """Report nothing yet."""
        super().__init__(entry=entry, description=description)
        self._timers: dict[PowerEvent, CALLBACK_TYPE] = {}

    @override
    async def async_added_to_hass(self) -> None:
        """Take bearings."""
        await super().async_added_to_hass()
        self._seen = self.coordinator.data
        self._keep_reminders(self._seen)
        data = self.coordinator.config_entry.runtime_data
        self.async_on_remove(data.nut.forced_shutdowns.subscribe(self._report_forced_shutdown))
        if data.outage_log.ended_unseen:
            # After the entity has shown its last event: what changes then is news to automations.
            self.hass.loop.call_soon(self._report, PowerEvent.POWER_RESTORED)

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Remind of nothing any more."""
        for cancel in self._timers.values():
            cancel()
        self._timers.clear()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Report what happened since the last time we looked."""
        old, self._seen = self._seen, self.coordinator.data
        for event in power_events(old, self._seen):
            self._report(event)
        self._keep_reminders(self._seen)

    @callback
    def _report(self, event: str, **details: str) -> None:
        self._trigger_event(event, {**_attributes(self._seen), **details})
        self.async_write_ha_state()

    @callback
    def _report_forced_shutdown(self, request: ForcedShutdown) -> None:
        """Report what a client of our own server has ordered."""
        self._report(
            PowerEvent.FORCED_SHUTDOWN,
            ups_name=request.name,
            username=request.username,
            address=str(request.address),
        )

    @callback
    def _keep_reminders(self, state: UpsState) -> None:
        for reminder in REMINDERS:
            if not reminder.lasts(state):
                if (cancel := self._timers.pop(reminder.event, None)) is not None:
                    cancel()
            elif reminder.event not in self._timers:
                self._remind_later(reminder)

    @callback
    def _remind_later(self, reminder: Reminder) -> None:
        self._timers[reminder.event] = async_call_later(
            self.hass, reminder.interval, partial(self._remind, reminder)
        )

    @callback
    def _remind(self, reminder: Reminder, _now: datetime) -> None:
        self._report(reminder.event)
        self._remind_later(reminder)


def _attributes(state: UpsState) -> dict[str, Any]:
    """Return what a message about the event wants to say, as far as it is known."""
    known = {
        "battery_charge": state.battery_charge,
        "battery_runtime": state.battery_runtime,
        "load": state.load,
    }
    return {name: value for name, value in known.items() if value is not None}
