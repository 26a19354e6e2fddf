"""What Home Assistant holds of one UPS, and the coordinator that the driver feeds."""

from dataclasses import dataclass
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .const import LOGGER
from .discord_service import DiscordService
from .driver import SimulatedUps, UpsSource, UpsState
from .errors import update_failed
from .nut_service import NutService
from .outages import OutageLog
from .plan_service import PlanService
from .power_reports import PowerReports


@dataclass(kw_only=True)
class OmronRuntimeData:
    """Everything that belongs to one set-up config entry."""

    coordinator: OmronCoordinator
    ups: UpsSource
    nut: NutService
    plan: PlanService
    outage_log: OutageLog
    reports: PowerReports
    discord: DiscordService
    simulated: SimulatedUps | None
    """The simulation behind the UPS, if it is one."""

    @callback
    def async_handle_state(self, state: UpsState) -> None:
        """Hand on what the driver published; to the network first, where machines wait for it."""
        self.nut.publish(state)
        if not state.stale and state.on_battery is not None:
            self.outage_log.note(on_battery=state.on_battery)
        self.coordinator.async_handle_state(state)

    async def async_close(self) -> None:
        """Close the server unless this is a reload, then the device; may be called again."""
        self.reports.async_stop()
        await self.plan.async_stop()
        await self.nut.async_stop()
        await self.ups.stop()
        await self.discord.async_stop()

    async def async_handle_stop(self, _event: Event) -> None:
        """Close the server, then the device, because Home Assistant stops."""
        self.reports.async_stop()
        await self.plan.async_stop()
        await self.nut.async_stop(final=True)
        await self.ups.stop()
        await self.discord.async_stop()


type OmronConfigEntry = ConfigEntry[OmronRuntimeData]


class OmronCoordinator(DataUpdateCoordinator[UpsState]):
    """Hands on what the driver publishes; it never polls, because the driver does.

    A polling coordinator pauses without listeners, and the NUT clients would be served old data.
    """

    config_entry: OmronConfigEntry

    def __init__(self, hass: HomeAssistant, entry: OmronConfigEntry, ups: UpsSource) -> None:
        """Begin with what the UPS, which must have been started, says now."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title)
        self.ups = ups
        self.data = ups.state

    @callback
    def async_handle_state(self, state: UpsState) -> None:
        """Take over a state that the driver published."""
        if not state.stale:
            if not self.last_update_success:
                self.logger.info("Fetching %s data recovered", self.name)
            self.async_set_updated_data(state)
            return
        self.data = state
        if self.last_update_success:
            self.async_set_update_error(update_failed(self.ups.last_error))
        else:
            self.async_update_listeners()

    @override
    async def _async_update_data(self) -> UpsState:
        """Return what is known; asking the UPS in between would only delay the driver's round."""
        if self.ups.state.stale:
            raise update_failed(self.ups.last_error)
        return self.ups.state
