"""Forced shutdowns that NUT clients have set: shown, and cleared by nobody but the user."""

from collections.abc import Callable

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_ENTRY_ID, CONF_UPS_NAME, LOGGER, Issue
from .issues import EntryIssues
from .nut import ForcedShutdown
from .nut_served import Served


class ForcedShutdowns:
    """FSD by name of the UPS; like upsd, a name keeps it whatever becomes of the power."""

    def __init__(self, entry: ConfigEntry, issues: EntryIssues, served: Served) -> None:
        """Show what is set for the names of `served`."""
        self._entry = entry
        self._issues = issues
        self._served = served
        self._subscribers: list[Callable[[ForcedShutdown], None]] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The names for which FSD is set."""
        return self._served.ups.forced_shutdowns

    @property
    def by_clients(self) -> frozenset[str]:
        """The names for which a client has set it, in lower case."""
        names = (name.lower() for name in self._served.forced_by)
        return frozenset(names) & frozenset(name.lower() for name in self.names)

    def subscribe(self, on_forced: Callable[[ForcedShutdown], None]) -> Callable[[], None]:
        """Call back when a client sets FSD for a name that had none; returns the undo."""
        self._subscribers.append(on_forced)
        return lambda: self._subscribers.remove(on_forced)

    @callback
    def async_clear(self, name: str) -> None:
        """Take FSD off a name."""
        self._served.ups.clear_forced_shutdown(name)
        LOGGER.info("Forced shutdown of %s is cleared for the name %s", self._entry.title, name)
        self.async_show()

    @callback
    def async_show(self) -> None:
        """Offer to clear what clients have set, as long as it is set."""
        forced_by = self._served.forced_by
        for name in forced_by.keys() - set(self._served.ups.forced_shutdowns):
            del forced_by[name]
            self._issues.async_settle(Issue.NUT_FORCED_SHUTDOWN, name)
        for name, request in forced_by.items():
            self._issues.async_raise(
                Issue.NUT_FORCED_SHUTDOWN,
                detail=name,
                severity=ir.IssueSeverity.ERROR,
                placeholders={
                    "ups_name": name,
                    "username": request.username,
                    "address": str(request.address),
                },
                data={CONF_ENTRY_ID: self._entry.entry_id, CONF_UPS_NAME: name},
            )

    @callback
    def async_handle(self, request: ForcedShutdown, *, is_new: bool) -> None:
        """Tell the user, and whoever waits for such news."""
        self.async_show()
        if is_new:
            for on_forced in tuple(self._subscribers):
                on_forced(request)
