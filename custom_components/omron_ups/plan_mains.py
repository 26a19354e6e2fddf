"""An entity outside the UPS that says whether there is mains, as the plan's options name it."""

from collections.abc import Callable

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event

from .const import CONF_MAINS_ENTITY, CONF_SHUTDOWN_PLAN


class MainsEntity:
    """What a plug or meter says of the mains."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, on_change: Callable[[], None]
    ) -> None:
        """Listen to nothing before `async_track`; `on_change` hears of every new state."""
        self._hass = hass
        self._entry = entry
        self._on_change = on_change
        self._tracked: str | None = None
        self._undo: CALLBACK_TYPE | None = None

    @property
    def has_mains(self) -> bool | None:
        """Whether there is mains; None without an entity, or one that does not know."""
        if (wanted := self._wanted) is None:
            return None
        state = self._hass.states.get(wanted)
        return None if state is None else {STATE_ON: True, STATE_OFF: False}.get(state.state)

    @callback
    def async_track(self) -> None:
        """Listen to the entity that is configured now, and to no other."""
        wanted = self._wanted
        if wanted == self._tracked:
            return
        self.async_stop()
        if wanted is not None:
            self._tracked = wanted
            self._undo = async_track_state_change_event(self._hass, wanted, self._async_handle)

    @callback
    def async_stop(self) -> None:
        """Listen no more."""
        if self._undo is not None:
            self._undo()
        self._undo = self._tracked = None

    @property
    def _wanted(self) -> str | None:
        options = self._entry.options.get(CONF_SHUTDOWN_PLAN, {})
        mains_entity: str | None = options.get(CONF_MAINS_ENTITY)
        return mains_entity

    @callback
    def _async_handle(self, _event: Event[EventStateChangedData]) -> None:
        self._on_change()
