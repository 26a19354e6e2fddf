"""One UPS as the network sees it: names, variables, commands, accounts and logged-in clients."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import re
import time
from typing import Final, Protocol

from .accounts import Account, Accounts, Address
from .audit import Audit
from .controls import Action, ControlRunner, Controls, Outcome, Writable
from .errors import InvalidNameError
from .logins import LoggedIn, Logins
from .replies import DATA_STALE, DRIVER_NOT_CONNECTED
from .undo import listed

_UPS_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ITEM_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
# `ups` alone can be spelt in eight ways; somebody who tries them all shall not fill the memory.
_MAX_BLOCKS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable in its own spelling; `writable` is None for one that is read only."""

    name: str
    value: str
    writable: Writable | None = None


MAX_AGE_S: Final = 15.0
"""upsd's MAXAGE."""


class Names(Protocol):
    """Who must know, and may object, when a UPS changes its names."""

    def check_names(self, ups: NutUps, names: Sequence[str]) -> None:
        """Raise NameTakenError if another UPS has one of the names."""

    def names_changed(self) -> None:
        """Take over the names that every UPS has now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedShutdown:
    """Who said FSD to which name of the UPS."""

    name: str
    address: Address
    username: str


class NutUps:
    """A UPS that may be served, under one name and any number of aliases."""

    def __init__(
        self,
        *,
        name: str,
        aliases: Sequence[str] = (),
        description: str = "",
        max_age_s: float = MAX_AGE_S,
        controls: Controls | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a UPS that has no data yet.

        Args:
            name: What LIST UPS calls it.
            aliases: Other names that clients may use for it.
            description: What LIST UPS says about it.
            max_age_s: Age of the last good reading above which the data is stale.
            controls: What clients set variables and run commands through; without it they
                cannot.
            clock: What `read_at` is measured on.

        Raises:
            InvalidNameError: A name has characters that no client could send.

        """
        self.description = description
        self._names = _checked_names(name, aliases)
        self._max_age_s = max_age_s
        self._clock = clock
        self._read_at: float | None = None
        self._published: dict[str, str] = {}
        self._variables: dict[str, Variable] = {}
        self._writable: dict[str, Writable] = {}
        self._commands: dict[str, str] = {}
        self._blocks: dict[tuple[str, ...], bytes] = {}
        self._accounts = Accounts()
        self._logins = Logins()
        self._runner = ControlRunner(controls)
        self._audit = Audit()
        self._forced_shutdowns: set[str] = set()
        self._forced_subscribers: list[Callable[[ForcedShutdown], None]] = []
        self._watchers: list[Names] = []

    @property
    def name(self) -> str:
        """Return the name that LIST UPS shows."""
        return self._names[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name and its aliases."""
        return self._names

    @property
    def accounts(self) -> Accounts:
        """Return the accounts that may act on this UPS."""
        return self._accounts

    @property
    def clients(self) -> tuple[LoggedIn, ...]:
        """Return the clients that are logged in under any name of the UPS."""
        return self._logins.clients

    @property
    def logins(self) -> int:
        """Return how many clients are logged in under any name of the UPS."""
        return self._logins.count

    @property
    def audit(self) -> Audit:
        """Return what clients did to this UPS, or tried to."""
        return self._audit

    @property
    def forced_shutdowns(self) -> tuple[str, ...]:
        """Return the names for which FSD is set."""
        return tuple(name for name in self._names if self.is_forced_shutdown(name))

    @property
    def commands(self) -> tuple[str, ...]:
        """Return the instant commands of the UPS, sorted."""
        return tuple(self._commands.values())

    @property
    def variables(self) -> Iterable[Variable]:
        """Return the variables of the UPS, sorted by name whatever its case."""
        return self._variables.values()

    def publish(self, variables: Mapping[str, str], *, read_at: float) -> None:
        """Serve these variables from now on.

        A name that no client could ask for is left out.

        Args:
            variables: All variables of the UPS; those missing here are gone.
            read_at: Time of the last good reading, on the clock of the constructor.

        """
        self._read_at = read_at
        if variables == self._published:
            return
        self._published = dict(variables)
        self._rebuild()

    def declare(
        self, *, writable: Mapping[str, Writable] | None = None, commands: Sequence[str] = ()
    ) -> None:
        """Say which variables can be written and which instant commands there are."""
        rules = {name.lower(): rule for name, rule in (writable or {}).items()}
        valid = filter(_ITEM_NAME.fullmatch, commands)
        names = {name.lower(): name for name in sorted(valid, key=str.lower)}
        if (rules, names) != (self._writable, self._commands):
            self._writable, self._commands = rules, names
            self._rebuild()

    def set_controls(self, controls: Controls | None) -> None:
        """Let clients act on the UPS through this from now on; None refuses all they want."""
        self._runner.controls = controls

    def hand_over(self, action: Action, on_outcome: Callable[[Outcome], None]) -> bool:
        """Hand a client's request over to the UPS, as ControlRunner.start() says."""
        return self._runner.start(action, on_outcome)

    def disconnect(self) -> None:
        """Serve no data until the next publish(): the device is gone."""
        self._read_at = None
        self._published = {}
        self._rebuild()

    def set_names(self, name: str, aliases: Sequence[str] = ()) -> None:
        """Go by other names; only clients logged in under a name that is gone are closed.

        Raises:
            InvalidNameError: A name has characters that no client could send.
            NameTakenError: Another UPS of a server that serves this one has the name.

        """
        names = _checked_names(name, aliases)
        for watcher in self._watchers:
            watcher.check_names(self, names)
        self._names = names
        self._forced_shutdowns &= {kept.lower() for kept in names}
        for watcher in self._watchers:
            watcher.names_changed()
        self._logins.drop_all_but(names)

    def set_accounts(self, accounts: Iterable[Account]) -> None:
        """Judge by these accounts from the next privileged command on."""
        self._accounts.replace(accounts)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever the clients logged in have changed; returns the undo."""
        return self._logins.subscribe(callback)

    def is_forced_shutdown(self, name: str) -> bool:
        """Tell whether FSD is set for a name, whatever its case."""
        return bool(self._forced_shutdowns) and name.lower() in self._forced_shutdowns

    def set_forced_shutdown(self, name: str) -> None:
        """Tell all clients that ask under this name to shut down, until it is cleared.

        Raises:
            InvalidNameError: It is none of the UPS's names.

        """
        self._forced_shutdowns.add(self.spelling(name).lower())
        self._blocks.clear()

    def clear_forced_shutdown(self, name: str) -> None:
        """Take FSD off a name; no client that has seen it turns back."""
        self._forced_shutdowns.discard(name.lower())
        self._blocks.clear()

    def force_shutdown(self, request: ForcedShutdown) -> None:
        """Set FSD because a client said so, and tell those who want to know."""
        self.set_forced_shutdown(request.name)
        for callback in tuple(self._forced_subscribers):
            callback(request)

    def subscribe_forced_shutdown(
        self, callback: Callable[[ForcedShutdown], None]
    ) -> Callable[[], None]:
        """Call back whenever a client says FSD, set already or not; returns the undo."""
        return listed(self._forced_subscribers, callback)

    async def host_sync(self, name: str, *, timeout_s: float) -> tuple[LoggedIn, ...]:
        """Wait until all clients of a name have logged out, as upsmon's HOSTSYNC does.

        A client logs out when it begins to shut down: that is no proof that its host is off.
        Primaries are waited for too, as their hosts go down as well.

        Args:
            name: One of the names of the UPS.
            timeout_s: Longest wait.

        Returns:
            The clients that were still logged in when time was up.

        Raises:
            InvalidNameError: It is none of the UPS's names.

        """
        return await self._logins.wait_until_gone(self.spelling(name), timeout_s=timeout_s)

    def spelling(self, name: str) -> str:
        """Return a name of the UPS, given in any case, in its own spelling.

        Raises:
            InvalidNameError: It is none of the UPS's names.

        """
        for own in self._names:
            if own.lower() == name.lower():
                return own
        raise InvalidNameError(f"{name!r} is no name of the UPS {self.name!r}")

    def refusal(self) -> bytes | None:
        """Return the error that stands for the data while there is none, or only old data."""
        if self._read_at is None:
            return DRIVER_NOT_CONNECTED
        if self._clock() - self._read_at > self._max_age_s:
            return DATA_STALE
        return None

    def variable(self, name: str) -> Variable | None:
        """Return the variable of that name, whatever its case."""
        return self._variables.get(name.lower())

    def command(self, name: str) -> str | None:
        """Return the instant command of that name, whatever its case, in its own spelling."""
        return self._commands.get(name.lower())

    def prepared(self, key: tuple[str, ...], members: Callable[[], bytes]) -> bytes:
        """Return the block kept under the key, made anew after each change of the data."""
        block = self._blocks.get(key)
        if block is None:
            if len(self._blocks) >= _MAX_BLOCKS:
                self._blocks.clear()
            block = self._blocks[key] = members()
        return block

    def log_in(
        self, client: LoggedIn, *, scope: object, drop: Callable[[], None]
    ) -> Callable[[], None]:
        """Count a client until the undo is called.

        Args:
            client: Who logged in.
            scope: Where; drop_clients() closes the clients of one scope.
            drop: Closes the client.

        """
        return self._logins.add(client, scope=scope, drop=drop)

    def drop_clients(self, scope: object) -> None:
        """Close the clients that logged in through the scope."""
        self._logins.drop_scope(scope)

    def watch_names(self, watcher: Names) -> Callable[[], None]:
        """Ask the watcher before, and tell it after, each change of names; returns the undo."""
        return listed(self._watchers, watcher)

    def _rebuild(self) -> None:
        self._variables = {item.name.lower(): item for item in self._current_variables()}
        self._blocks.clear()

    def _current_variables(self) -> Iterator[Variable]:
        for name in sorted(filter(_ITEM_NAME.fullmatch, self._published), key=str.lower):
            rule = self._writable.get(name.lower())
            yield Variable(name=name, value=self._published[name], writable=rule)


def _checked_names(name: str, aliases: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once whatever its case."""
    names: dict[str, str] = {}
    for candidate in (name, *aliases):
        if not _UPS_NAME.fullmatch(candidate):
            raise InvalidNameError(f"{candidate!r} cannot be the name of a UPS")
        names.setdefault(candidate.lower(), candidate)
    return tuple(names.values())
