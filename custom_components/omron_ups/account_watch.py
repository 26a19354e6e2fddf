"""Asks the user for another account when a NUT server refuses the one that there is."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .driver import RemoteUps, UpsState


class AccountWatch:
    """Looks at the account of a UPS of another NUT server; the readings do not depend on it."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, ups: RemoteUps) -> None:
        """Look now, because the account was tried before anybody could watch."""
        self._hass = hass
        self._entry = entry
        self._ups = ups
        self._was_refused = False
        self._look()

    @callback
    def async_handle_state(self, _state: UpsState) -> None:
        """Look again."""
        self._look()

    @callback
    def _look(self) -> None:
        is_refused = self._ups.account_error is not None
        # Whoever dismisses the request is not asked again at each poll.
        if is_refused and not self._was_refused:
            self._entry.async_start_reauth(self._hass)
        self._was_refused = is_refused
