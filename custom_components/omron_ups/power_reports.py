"""What happens to the power, one report at a time, for whoever wants to hear of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .battery_form import battery_options
from .const import LOGGER
from .driver import PowerEvent, UpsState, power_events
from .nut import ForcedShutdown
from .nut_service import NutService
from .outages import OutageLog
from .reminders import REMINDERS, Reminder, reminder_intervals

type Report = Callable[[str, Mapping[str, Any]], None]
"""Takes the type of an event, one of those of the event entity, and its facts."""


class PowerReports:
    """Finds what happens while Home Assistant watches, and tells it.

    What the UPS is in the middle of at the start is where it begins, not news. But an outage that
    was reported has to be reported as over, also if it ended before the start.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        coordinator: DataUpdateCoordinator[UpsState],
        nut: NutService,
        outage_log: OutageLog,
    ) -> None:
        """Tell nobody yet."""
        self._hass = hass
        self._entry = entry
        self.coordinator = coordinator
        self._nut = nut
        self.outage_log = outage_log
        self._seen = coordinator.data
        self._listeners: list[Report] = []
        self._intervals = reminder_intervals(battery_options(entry))
        self._timers: dict[PowerEvent, CALLBACK_TYPE] = {}
        self._undo: list[CALLBACK_TYPE] = []

    @callback
    def async_subscribe(self, listener: Report) -> CALLBACK_TYPE:
        """Tell one more from now on; returns the undo."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    @callback
    def async_start(self) -> None:
        """Take bearings, and begin to watch; those who want to hear of it are there now."""
        self._seen = self.coordinator.data
        self._undo = [
            self.coordinator.async_add_listener(self._async_handle_update),
            self._nut.forced_shutdowns.subscribe(self._async_handle_forced_shutdown),
        ]
        self._async_keep_reminders(self._seen)
        if self.outage_log.ended_unseen:
            # After the event entity has shown its last event: what changes then is news to
            # automations.
            self._hass.loop.call_soon(self.async_report, PowerEvent.POWER_RESTORED)

    @callback
    def async_apply(self) -> None:
        """Take over how often the user wants to hear of what lasts; the time begins anew."""
        intervals = reminder_intervals(battery_options(self._entry))
        if intervals == self._intervals:
            return
        self._intervals = intervals
        self._async_cancel_timers()
        self._async_keep_reminders(self._seen)

    @callback
    def async_stop(self) -> None:
        """Watch no more; may be called again."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._async_cancel_timers()

    @callback
    def async_report(self, event: str, details: Mapping[str, Any] | None = None) -> None:
        """Tell an event of the types that the event entity has.

        Args:
            event: Its type.
            details: Facts beside those of the battery.

        """
        facts = {**_facts(self._seen), **(details or {})}
        for listener in tuple(self._listeners):
            try:
                listener(event, facts)
            except Exception:  # noqa: BLE001 - whatever it is, the others must hear of it
                LOGGER.exception("Somebody could not be told of %s", event)

    @callback
    def _async_handle_update(self) -> None:
        """Tell what happened since the last time we looked."""
        old, self._seen = self._seen, self.coordinator.data
        for event in power_events(old, self._seen):
            self.async_report(event)
        self._async_keep_reminders(self._seen)

    @callback
    def _async_handle_forced_shutdown(self, request: ForcedShutdown) -> None:
        """Tell what a client of our own server has ordered."""
        self.async_report(
            PowerEvent.FORCED_SHUTDOWN,
            {
                "ups_name": request.name,
                "username": request.username,
                "address": str(request.address),
            },
        )

    @callback
    def _async_keep_reminders(self, state: UpsState) -> None:
        for reminder in REMINDERS:
            if not reminder.lasts(state):
                if (cancel := self._timers.pop(reminder.event, None)) is not None:
                    cancel()
            elif reminder.event not in self._timers:
                self._async_remind_later(reminder)

    @callback
    def _async_remind_later(self, reminder: Reminder) -> None:
        if (interval := self._intervals.get(reminder.event)) is not None:
            self._timers[reminder.event] = async_call_later(
                self._hass, interval, partial(self._async_remind, reminder)
            )

    @callback
    def _async_remind(self, reminder: Reminder, _now: datetime) -> None:
        self.async_report(reminder.event)
        self._async_remind_later(reminder)

    @callback
    def _async_cancel_timers(self) -> None:
        for cancel in self._timers.values():
            cancel()
        self._timers.clear()


def _facts(state: UpsState) -> dict[str, Any]:
    """Return what a message about the event wants to say, as far as it is known."""
    known = {
        "battery_charge": state.battery_charge,
        "battery_runtime": state.battery_runtime,
        "load": state.load,
    }
    return {name: value for name, value in known.items() if value is not None}
