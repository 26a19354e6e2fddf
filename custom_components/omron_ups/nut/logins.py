"""The clients that said LOGIN to one UPS."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .accounts import Address
from .undo import listed


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A client that said LOGIN: from where, to which name of the UPS, as whom, since when."""

    address: Address
    name: str
    username: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Login:
    client: LoggedIn
    scope: object
    drop: Callable[[], None]


class Logins:
    """Who is logged in, whom to tell of a change, and how to wait until all have gone."""

    def __init__(self) -> None:
        """Begin without any."""
        self._logins: dict[object, _Login] = {}
        self._subscribers: list[Callable[[], None]] = []

    @property
    def clients(self) -> tuple[LoggedIn, ...]:
        """Return all of them, in the order in which they came."""
        return tuple(login.client for login in self._logins.values())

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self._logins)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever they have changed; returns the undo."""
        return listed(self._subscribers, callback)

    def add(
        self, client: LoggedIn, *, scope: object, drop: Callable[[], None]
    ) -> Callable[[], None]:
        """Count a client until the undo is called."""
        token = object()
        self._logins[token] = _Login(client=client, scope=scope, drop=drop)
        self._notify()

        def log_out() -> None:
            if self._logins.pop(token, None) is not None:
                self._notify()

        return log_out

    def drop_scope(self, scope: object) -> None:
        """Close the clients that logged in through the scope."""
        self._drop(lambda login: login.scope is scope)

    def drop_all_but(self, names: tuple[str, ...]) -> None:
        """Close the clients that logged in to none of the names."""
        kept = {name.lower() for name in names}
        self._drop(lambda login: login.client.name.lower() not in kept)

    def of(self, name: str) -> tuple[LoggedIn, ...]:
        """Return the clients that logged in to the name."""
        return tuple(client for client in self.clients if client.name.lower() == name.lower())

    async def wait_until_gone(self, name: str, *, timeout_s: float) -> tuple[LoggedIn, ...]:
        """Wait until nobody is logged in to the name; returns who is left when time is up."""
        changed = asyncio.Event()
        undo = self.subscribe(changed.set)
        try:
            async with asyncio.timeout(timeout_s):
                while self.of(name):
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return self.of(name)
        finally:
            undo()
        return ()

    def _drop(self, condition: Callable[[_Login], bool]) -> None:
        for login in tuple(filter(condition, self._logins.values())):
            login.drop()

    def _notify(self) -> None:
        for callback in tuple(self._subscribers):
            callback()
