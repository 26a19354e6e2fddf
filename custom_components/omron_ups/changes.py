"""What happens when the user changes a config entry that is running."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval

from .battery_form import connection_options
from .const import DOMAIN, Issue
from .coordinator import OmronConfigEntry
from .nut import MAX_AGE_S
from .nut_options import nut_options
from .plan_entity import async_rename_devices

LOOK_INTERVAL: Final = timedelta(seconds=5)

type _Foundation = tuple[Mapping[str, Any], Mapping[str, Any], tuple[str, int] | None]


class EntryChanges:
    """Applies changes to a running entry, and reloads it only if nothing less will do.

    A reload closes the NUT server for a moment, and an upsmon that last heard "on battery" takes
    that for the end and stops its host. On battery a reload therefore waits.
    """

    def __init__(self, hass: HomeAssistant, entry: OmronConfigEntry) -> None:
        """Take the entry as it is now for what runs."""
        self._hass = hass
        self._entry = entry
        self._running_on = _foundation(entry)
        self._issue_id = f"{Issue.RELOAD_WAITS}_{entry.entry_id}"
        self._stop_waiting: list[CALLBACK_TYPE] = []

    async def async_handle_update(self, _hass: HomeAssistant, entry: OmronConfigEntry) -> None:
        """Take over what the user changed."""
        self.async_stop()
        await entry.runtime_data.discord.async_apply()
        if _foundation(entry) == self._running_on:
            entry.runtime_data.nut.async_apply()
            entry.runtime_data.plan.async_apply()
            entry.runtime_data.reports.async_apply()
            async_rename_devices(self._hass, entry)
            return
        stops = (
            entry.runtime_data.plan.subscribe(self._async_reload_if_safe),
            entry.runtime_data.coordinator.async_add_listener(self._async_reload_if_safe),
            # Silence is not reported again and again.
            async_track_time_interval(self._hass, self._async_handle_time, LOOK_INTERVAL),
        )
        self._stop_waiting.extend(stops)
        self._async_reload_if_safe()

    @callback
    def async_stop(self) -> None:
        """Wait no longer for the moment to reload."""
        while self._stop_waiting:
            self._stop_waiting.pop()()
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)

    @callback
    def _async_handle_time(self, _now: datetime) -> None:
        self._async_reload_if_safe()

    @callback
    def _async_reload_if_safe(self) -> None:
        ups = self._entry.runtime_data.ups
        # Once clients are told that the data is stale there is nothing left to protect, and a new
        # connection may be the cure.
        is_silent = ups.age is None or ups.age > MAX_AGE_S
        is_disturbed = self._entry.runtime_data.plan.runner.is_open
        if not is_disturbed and (is_silent or not ups.state.on_battery):
            self.async_stop()
            self._hass.config_entries.async_schedule_reload(self._entry.entry_id)
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=Issue.RELOAD_WAITS,
            translation_placeholders={"ups": self._entry.title},
        )


def _foundation(entry: OmronConfigEntry) -> _Foundation:
    """Return what cannot change without a reload: how the UPS is read, and the server's address."""
    return entry.data, connection_options(entry), nut_options(entry).address
