"""Serves one UPS to NUT clients, and tells the user what stands in the way."""

from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later

from .const import CONF_ENTRY_ID, CONF_NETWORK, LOGGER, Issue
from .driver import UpsSource, UpsState
from .expected_clients import ExpectedClients
from .forced_shutdowns import ForcedShutdowns
from .issues import EntryIssues
from .nut import (
    Address,
    AddressNotAvailableError,
    AuditRecord,
    CertificateError,
    ForcedShutdown,
    LoggedIn,
    NameTakenError,
    NutServer,
    NutServerError,
)
from .nut_accounts import accounts_of
from .nut_certificate import CertificateWatch
from .nut_controls import UpsControls, writable_by_clients
from .nut_options import async_share_options, nut_options, others_at, owner_of, server_settings
from .nut_served import DATA_NUT_SERVERS, async_leave, take_over

# Whoever holds the port may let go of it.
RETRY_INTERVAL: Final = timedelta(seconds=30)
# A port scan must not fill the list of repairs.
MAX_REFUSED_ISSUES: Final = 3

# The first row that fits wins.
_LISTEN_ISSUES: Final[tuple[tuple[type[NutServerError], Issue], ...]] = (
    (NameTakenError, Issue.NUT_NAME_TAKEN),
    (AddressNotAvailableError, Issue.NUT_ADDRESS_NOT_AVAILABLE),
    (NutServerError, Issue.NUT_PORT_IN_USE),
)


class NutService:
    """One UPS on a NUT server, as the options of its config entry want it.

    The UPS stays on its server while its entry is reloaded: an upsmon that last heard "on battery"
    takes a lost connection for the end and stops its host.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, ups: UpsSource) -> None:
        """Prepare to serve `ups`; `async_start` does."""
        self._hass = hass
        self._entry = entry
        self._driver = ups
        self._served = take_over(hass, entry, self)
        self._ups = self._served.ups
        self._ups.set_accounts(accounts_of(entry))
        # Until the unit has told everything, what it told before the reload holds.
        self._told_before = {item.name: item.value for item in self._ups.variables}
        self._is_complete = False
        self._issues = EntryIssues(hass, entry)
        self.forced_shutdowns = ForcedShutdowns(entry, self._issues, self._served)
        """What clients have set; for whoever shows it or clears it."""
        self._expected = ExpectedClients(hass, entry, self._issues, self._ups)
        self._certificate = CertificateWatch(hass, entry, self._issues, self._served)
        self._refused: dict[Address, None] = {}
        self._cancel_retry: CALLBACK_TYPE | None = None
        self._cancel_names_retry: CALLBACK_TYPE | None = None
        self._undo: list[CALLBACK_TYPE] = []

    @property
    def is_serving(self) -> bool:
        """Whether clients can connect."""
        return self.server is not None

    @property
    def server(self) -> NutServer | None:
        """The server that clients connect to, None if they cannot."""
        lease = self._served.lease
        return None if lease is None or self._is_stopped else lease.server

    @property
    def clients(self) -> tuple[LoggedIn, ...]:
        """The clients that are logged in to this UPS."""
        return self._ups.clients

    @property
    def audit(self) -> tuple[AuditRecord, ...]:
        """What clients did or tried to do, to this UPS and to its server."""
        refused = () if self.server is None else self.server.audit.records
        return (*self._ups.audit.records, *refused)

    @property
    def _is_stopped(self) -> bool:
        return self._served.keeper is not self

    def has_name(self, name: str) -> bool:
        """Tell whether clients can ask for the UPS under this name, whatever its case."""
        return self.is_serving and self.goes_by(name)

    def goes_by(self, name: str) -> bool:
        """Tell whether it is one of the UPS's names, also before clients can ask for it."""
        is_offered = self.is_serving or nut_options(self._entry).enabled
        return is_offered and name.lower() in {item.lower() for item in self._ups.names}

    def is_forced_shutdown(self, name: str) -> bool:
        """Tell whether FSD is set for a name."""
        return self._ups.is_forced_shutdown(name)

    def set_forced_shutdown(self, name: str) -> None:
        """Tell the clients of a name to shut down, for the shutdown plan.

        Raises:
            InvalidNameError: It is none of the UPS's names.

        """
        self._ups.set_forced_shutdown(name)

    def clear_forced_shutdown(self, name: str) -> None:
        """Take back what `set_forced_shutdown` set; what a client has set stays."""
        if name.lower() not in self.forced_shutdowns.by_clients:
            self._ups.clear_forced_shutdown(name)

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call back when a client logs in or leaves; returns the undo."""
        return self._ups.subscribe(on_change)

    def publish(self, state: UpsState) -> None:
        """Serve the state from now on, with its own age, and what the unit can do."""
        if self._is_stopped:
            return
        if self._is_complete:
            self._ups.declare(
                writable=writable_by_clients(self._driver), commands=tuple(self._driver.commands)
            )
        if state.read_at is not None:
            self._ups.publish({**self._told_before, **state.variables}, read_at=state.read_at)
        self._expected.async_note_power(on_battery=bool(state.on_battery))

    async def async_start(self) -> None:
        """Begin to serve the UPS, which must have been started."""
        if self._is_stopped:
            return
        self._told_before = {}
        self._is_complete = True
        self._ups.set_controls(UpsControls(self._driver))
        self.publish(self._driver.state)
        self._undo.append(self._certificate.async_start())
        await self._async_leave_other_address()
        self._async_apply_names()
        if self._served.lease is None:
            await self._async_listen()
        else:
            self._async_begin()

    async def async_stop(self, *, final: bool = False) -> None:
        """Look after the UPS no more; may be called again.

        Args:
            final: Close its clients at once. Otherwise that waits until it is clear that this is
                no reload.

        """
        if self._is_stopped:
            return
        self._ups.set_controls(None)
        self._expected.async_stop()
        for cancel in (self._cancel_retry, self._cancel_names_retry):
            if cancel is not None:
                cancel()
        while self._undo:
            self._undo.pop()()
        self._issues.async_settle_all()
        async_leave(self._hass, self._entry, self._served)
        if final:
            await self._served.release()

    @callback
    def async_apply(self) -> None:
        """Take over what the entry says now without closing the server."""
        self._ups.set_accounts(accounts_of(self._entry))
        self._ups.description = self._entry.title
        self._async_apply_names()
        self.forced_shutdowns.async_show()
        self._expected.async_look()
        self.async_update_settings()
        # What this entry decides may be about others on the same server.
        address = nut_options(self._entry).address
        if address is None or owner_of(self._hass, self._entry) is not self._entry:
            return
        for entry in tuple(others_at(self._hass, address, but=self._entry.entry_id)):
            async_share_options(self._hass, self._entry, entry)
            if entry.state is ConfigEntryState.LOADED:
                entry.runtime_data.nut.async_update_settings()

    @callback
    def async_update_settings(self) -> None:
        """Let the server be as its owner wants it now."""
        settings = server_settings(self._hass, self._entry)
        if self._served.lease is not None:
            self._served.lease.update(settings)
        for address in tuple(self._refused):
            if any(address in network for network in settings.allowed_networks):
                del self._refused[address]
                self._issues.async_settle(Issue.NUT_ADDRESS_REFUSED, str(address))

    async def _async_leave_other_address(self) -> None:
        """Give up a place that is not the one the options name any more."""
        lease = self._served.lease
        if lease is None:
            return
        if nut_options(self._entry).address != (lease.settings.host, lease.settings.port):
            await self._served.release()

    async def _async_listen(self, _now: datetime | None = None) -> None:
        """Listen, now or as soon as nothing stands in the way any more."""
        self._cancel_retry = None
        if not nut_options(self._entry).enabled:
            return
        try:
            lease = await self._hass.data[DATA_NUT_SERVERS].acquire(
                server_settings(self._hass, self._entry),
                self._ups,
                on_refused=self._served.handle_refused,
                on_certificate=self._served.handle_certificate,
            )
        except NutServerError as err:
            if not self._is_stopped:
                self._async_report(err)
                self._cancel_retry = async_call_later(
                    self._hass, RETRY_INTERVAL, self._async_listen
                )
            return
        if self._is_stopped:
            await lease.release()
            return
        self._served.lease = lease
        for _, issue in _LISTEN_ISSUES:
            self._issues.async_settle(issue)
        self._async_begin()

    @callback
    def _async_begin(self) -> None:
        """Bring everything that the user sees up to date, now that clients are served."""
        self._expected.async_start()
        self.async_apply()

    @callback
    def _async_apply_names(self, _now: datetime | None = None) -> None:
        """Take over the names, now or as soon as nobody else has one of them any more."""
        if self._cancel_names_retry is not None:
            self._cancel_names_retry()
            self._cancel_names_retry = None
        options = nut_options(self._entry)
        try:
            self._ups.set_names(options.ups_name, options.aliases)
        except NameTakenError as err:
            self._async_report(err)
            self._cancel_names_retry = async_call_later(
                self._hass, RETRY_INTERVAL, self._async_apply_names
            )
        else:
            # Without a place on a server nobody has looked yet.
            if self._served.lease is not None:
                self._issues.async_settle(Issue.NUT_NAME_TAKEN)

    @callback
    def _async_report(self, err: NutServerError) -> None:
        """Tell the user why clients are not served as the options say."""
        options = nut_options(self._entry)
        LOGGER.debug("NUT clients of %s are not served: %s", self._entry.title, err)
        self._issues.async_raise(
            next(issue for kind, issue in _LISTEN_ISSUES if isinstance(err, kind)),
            severity=ir.IssueSeverity.ERROR,
            placeholders={
                "host": options.host,
                "port": str(options.port),
                "ups_name": options.ups_name,
            },
        )

    @callback
    def async_handle_refused(self, address: Address) -> None:
        """Ask the user whether the machine at the address may connect."""
        LOGGER.warning("NUT client %s refused: it is in none of the allowed networks", address)
        if len(self._refused) >= MAX_REFUSED_ISSUES:
            return
        self._refused[address] = None
        self._issues.async_raise(
            Issue.NUT_ADDRESS_REFUSED,
            detail=str(address),
            severity=ir.IssueSeverity.WARNING,
            placeholders={"address": str(address)},
            data={
                CONF_ENTRY_ID: self._entry.entry_id,
                CONF_NETWORK: str(ip_network(address)),
            },
        )

    @callback
    def async_handle_certificate(self, err: CertificateError | None) -> None:
        """Take note of whether the server can use its certificate."""
        self._certificate.async_handle(err)

    @callback
    def async_handle_forced_shutdown(self, request: ForcedShutdown, *, is_new: bool) -> None:
        """Take note that a client has said FSD."""
        self.forced_shutdowns.async_handle(request, is_new=is_new)
        self._expected.async_look()
