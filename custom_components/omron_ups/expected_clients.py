"""Misses the hosts that should be logged in and are not."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_address
import socket
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started

from .const import LOGGER, Issue
from .issues import EntryIssues
from .nut import Address, NutUps
from .nut_options import nut_options

# A reboot for an update is no reason to worry.
GRACE: Final = timedelta(minutes=5)


class ExpectedClients:
    """Raises an issue for each expected host that stays away.

    Not while Home Assistant starts, and not on battery or during a forced shutdown, when hosts
    leave because they should.
    """

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, issues: EntryIssues, ups: NutUps
    ) -> None:
        """Miss nobody until `async_start`."""
        self._hass = hass
        self._entry = entry
        self._issues = issues
        self._ups = ups
        self._on_battery = False
        self._is_started = False
        self._undo: list[CALLBACK_TYPE] = []
        self._timers: dict[str, CALLBACK_TYPE] = {}
        self._reported: set[str] = set()
        self._addresses: dict[str, frozenset[Address]] = {}

    @callback
    def async_start(self) -> None:
        """Look at who is there as soon as Home Assistant has started, and at every change."""
        self._undo.append(async_at_started(self._hass, self._async_begin))

    @callback
    def async_stop(self) -> None:
        """Miss nobody any more."""
        self._is_started = False
        while self._undo:
            self._undo.pop()()
        for host in tuple(self._timers):
            self._async_stop_timer(host)

    @callback
    def async_note_power(self, *, on_battery: bool) -> None:
        """Note whether hosts may be leaving because there is no mains."""
        if on_battery != self._on_battery:
            self._on_battery = on_battery
            self.async_look()

    @callback
    def async_look(self) -> None:
        """See who is there now; to be called when what the user expects has changed."""
        if self._is_started:
            self._entry.async_create_task(
                self._hass, self._async_look(), "NUT clients", eager_start=True
            )

    @callback
    def _async_begin(self, _hass: HomeAssistant) -> None:
        self._is_started = True
        self._undo.append(self._ups.subscribe(self.async_look))
        self.async_look()

    async def _async_look(self) -> None:
        expected = nut_options(self._entry).expected_clients
        for host in expected:
            await self._async_resolve(host)
        if not self._is_started:
            return
        attached = frozenset(client.address for client in self._ups.clients)
        missing = {host for host in expected if not self._addresses[host] & attached}
        for host in {*self._timers, *self._reported} - missing:
            self._async_forget(host)
        for host in missing - self._reported:
            self._async_miss(host)

    @callback
    def _async_miss(self, host: str) -> None:
        if self._on_battery or self._ups.forced_shutdowns:
            self._async_stop_timer(host)
        elif host not in self._timers:
            self._timers[host] = async_call_later(
                self._hass, GRACE, partial(self._async_report, host)
            )

    @callback
    def _async_report(self, host: str, _now: datetime) -> None:
        self._timers.pop(host)
        self._reported.add(host)
        self._issues.async_raise(
            Issue.NUT_CLIENT_MISSING,
            detail=host,
            severity=ir.IssueSeverity.WARNING,
            placeholders={"host": host},
        )

    @callback
    def _async_forget(self, host: str) -> None:
        self._async_stop_timer(host)
        self._reported.discard(host)
        self._issues.async_settle(Issue.NUT_CLIENT_MISSING, host)

    @callback
    def _async_stop_timer(self, host: str) -> None:
        if (cancel := self._timers.pop(host, None)) is not None:
            cancel()

    async def _async_resolve(self, host: str) -> None:
        """Keep the addresses of a host; the last known ones if nobody can tell them now."""
        try:
            self._addresses[host] = frozenset({ip_address(host)})
        except ValueError:
            self._addresses.setdefault(host, frozenset())
        else:
            return
        try:
            found = await self._hass.loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as err:
            LOGGER.debug("The address of %s is not known now: %s", host, err)
        else:
            self._addresses[host] = frozenset(_addresses(info[4][0] for info in found))


def _addresses(texts: Iterable[object]) -> Iterable[Address]:
    """Yield addresses; those of a link come with the name of the link behind a percent sign."""
    return (ip_address(str(text).partition("%")[0]) for text in texts)
