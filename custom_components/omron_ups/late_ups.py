"""An entry that runs without its UPS, because a plan is open: it may be what we switched off."""

import asyncio
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .const import LOGGER
from .driver import UpsError, UpsSource
from .plan_service import PlanService

TRY_EVERY_S: Final = 5.0


class LateUps:
    """Tries to reach the UPS, and reloads the entry once it is there and the plan is over."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, ups: UpsSource, plan: PlanService
    ) -> None:
        """Try nothing yet."""
        self._hass = hass
        self._entry = entry
        self._ups = ups
        self._plan = plan
        self._is_there = False
        self._undo: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> None:
        """Begin to try."""
        self._undo = self._plan.subscribe(self._async_reload_if_over)
        self._entry.async_create_background_task(
            self._hass, self._async_try(), f"wait for {self._entry.title}"
        )

    @callback
    def async_stop(self) -> None:
        """Reload no more; the tries end with the entry."""
        if self._undo is not None:
            self._undo()
            self._undo = None

    async def _async_try(self) -> None:
        while True:
            await asyncio.sleep(TRY_EVERY_S)
            try:
                await self._ups.start()
            except UpsError as err:
                LOGGER.debug("%s is not there yet: %s", self._entry.title, err)
                continue
            LOGGER.info("%s is there again", self._entry.title)
            self._is_there = True
            self._async_reload_if_over()
            return

    @callback
    def _async_reload_if_over(self) -> None:
        """Show everything that the unit offers, which nobody knew before."""
        if not self._is_there or not self._plan.is_idle:
            return
        self.async_stop()
        self._hass.config_entries.async_schedule_reload(self._entry.entry_id)
