"""Serves one UPS to NUT clients, and tells the user what stands in the way."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_USERNAME
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from .const import (
    CONF_ENTRY_ID,
    CONF_NETWORK,
    CONF_PASSWORD_HASH,
    CONF_ROLE,
    DOMAIN,
    LOGGER,
    SUBENTRY_NUT_ACCOUNT,
    Issue,
)
from .driver import UpsState
from .nut import (
    Account,
    Address,
    AddressNotAvailableError,
    Lease,
    LoggedIn,
    NameTakenError,
    NutServerError,
    NutServers,
    NutUps,
    Role,
    ServerSettings,
)
from .nut_options import nut_options, others_at, owner_of

DATA_NUT_SERVERS: HassKey[NutServers] = HassKey(f"{DOMAIN}_nut_servers")

# Whoever holds the port may let go of it.
RETRY_INTERVAL: Final = timedelta(seconds=30)
# A port scan must not fill the list of repairs.
MAX_REFUSED_ISSUES: Final = 3

# The first row that fits wins.
_ISSUES: Final[tuple[tuple[type[NutServerError], Issue], ...]] = (
    (NameTakenError, Issue.NUT_NAME_TAKEN),
    (AddressNotAvailableError, Issue.NUT_ADDRESS_NOT_AVAILABLE),
    (NutServerError, Issue.NUT_PORT_IN_USE),
)


class NutService:
    """One UPS on a NUT server, as the options of its config entry want it."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, state: UpsState) -> None:
        """Prepare to serve `state`; `async_start` does."""
        options = nut_options(entry)
        self._hass = hass
        self._entry = entry
        self._ups = NutUps(name=options.ups_name, aliases=options.aliases, description=entry.title)
        self._ups.set_accounts(_accounts(entry))
        self.publish(state)
        self._lease: Lease | None = None
        self._cancel_retry: CALLBACK_TYPE | None = None
        self._issues: set[str] = set()
        self._refused: dict[str, Address] = {}
        self._is_stopped = False

    @property
    def is_serving(self) -> bool:
        """Whether clients can connect."""
        return self._lease is not None

    @property
    def clients(self) -> tuple[LoggedIn, ...]:
        """The clients that are logged in to this UPS."""
        return self._ups.clients

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call back when a client logs in or leaves; returns the undo."""
        return self._ups.subscribe(on_change)

    def publish(self, state: UpsState) -> None:
        """Serve the state from now on, with its own age."""
        if state.read_at is not None:
            self._ups.publish(state.variables, read_at=state.read_at)

    async def async_start(self, _now: datetime | None = None) -> None:
        """Listen, now or as soon as nothing stands in the way any more."""
        self._cancel_retry = None
        if not nut_options(self._entry).enabled:
            return
        servers = self._hass.data[DATA_NUT_SERVERS]
        try:
            self._lease = await servers.acquire(
                self._settings(), self._ups, on_refused=self._async_handle_refused
            )
        except NutServerError as err:
            self._async_report(err)
            self._cancel_retry = async_call_later(self._hass, RETRY_INTERVAL, self.async_start)
            return
        if self._is_stopped:
            await self.async_stop()
            return
        for _, issue in _ISSUES:
            self._async_delete_issue(f"{issue}_{self._entry.entry_id}")

    async def async_stop(self) -> None:
        """Close the clients and give the place on the server up; may be called again."""
        self._is_stopped = True
        if self._cancel_retry is not None:
            self._cancel_retry()
            self._cancel_retry = None
        for issue_id in tuple(self._issues):
            self._async_delete_issue(issue_id)
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await lease.release()

    @callback
    def async_apply(self) -> None:
        """Take over names, accounts and networks from the entry without closing the server."""
        options = nut_options(self._entry)
        self._ups.set_accounts(_accounts(self._entry))
        try:
            self._ups.set_names(options.ups_name, options.aliases)
        except NameTakenError as err:
            self._async_report(err)
        else:
            self._async_settle_names()
        self.async_update_networks()
        # The networks of this entry may be those of others on the same server.
        if options.address is not None:
            for entry in others_at(self._hass, options.address, but=self._entry.entry_id):
                if entry.state is ConfigEntryState.LOADED:
                    entry.runtime_data.nut.async_update_networks()

    @callback
    def async_update_networks(self) -> None:
        """Let in whom the owner of the server allows now."""
        settings = self._settings()
        if self._lease is not None:
            self._lease.update(settings)
        for issue_id, address in tuple(self._refused.items()):
            if any(address in network for network in settings.allowed_networks):
                self._async_delete_issue(issue_id)

    def _settings(self) -> ServerSettings:
        options = nut_options(self._entry)
        owner = nut_options(owner_of(self._hass, self._entry))
        return ServerSettings(
            host=options.host, port=options.port, allowed_networks=owner.allowed_networks
        )

    @callback
    def _async_settle_names(self) -> None:
        """Forget that a name was taken; without a lease nobody has looked yet."""
        if self._lease is not None:
            self._async_delete_issue(f"{Issue.NUT_NAME_TAKEN}_{self._entry.entry_id}")

    @callback
    def _async_report(self, err: NutServerError) -> None:
        """Tell the user why clients are not served as the options say."""
        options = nut_options(self._entry)
        issue = next(issue for kind, issue in _ISSUES if isinstance(err, kind))
        LOGGER.debug("NUT clients of %s are not served: %s", self._entry.title, err)
        self._async_create_issue(
            f"{issue}_{self._entry.entry_id}",
            issue,
            severity=ir.IssueSeverity.ERROR,
            placeholders={
                "host": options.host,
                "port": str(options.port),
                "ups_name": options.ups_name,
            },
        )

    @callback
    def _async_handle_refused(self, address: Address) -> None:
        """Ask the user whether the machine at the address may connect."""
        issue_id = f"{Issue.NUT_ADDRESS_REFUSED}_{self._entry.entry_id}_{address}"
        if len(self._refused) >= MAX_REFUSED_ISSUES:
            return
        self._refused[issue_id] = address
        self._async_create_issue(
            issue_id,
            Issue.NUT_ADDRESS_REFUSED,
            severity=ir.IssueSeverity.WARNING,
            placeholders={"address": str(address)},
            data={
                CONF_ENTRY_ID: self._entry.entry_id,
                CONF_NETWORK: str(ip_network(address)),
            },
        )

    @callback
    def _async_create_issue(
        self,
        issue_id: str,
        issue: Issue,
        *,
        severity: ir.IssueSeverity,
        placeholders: dict[str, str],
        data: dict[str, str | int | float | None] | None = None,
    ) -> None:
        self._issues.add(issue_id)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data=data,
            is_fixable=data is not None,
            severity=severity,
            translation_key=issue,
            translation_placeholders={"ups": self._entry.title, **placeholders},
        )

    @callback
    def _async_delete_issue(self, issue_id: str) -> None:
        self._issues.discard(issue_id)
        self._refused.pop(issue_id, None)
        ir.async_delete_issue(self._hass, DOMAIN, issue_id)


def _accounts(entry: ConfigEntry) -> Iterator[Account]:
    for subentry in entry.get_subentries_of_type(SUBENTRY_NUT_ACCOUNT):
        yield Account(
            username=subentry.data[CONF_USERNAME],
            password_hash=subentry.data[CONF_PASSWORD_HASH],
            role=Role(subentry.data[CONF_ROLE]),
        )
