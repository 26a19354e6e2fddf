"""Instant commands and settings of a UPS that another NUT server has."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import logging
from types import MappingProxyType

from .errors import (
    CommandRejectedError,
    InvalidReplyError,
    NotSupportedError,
    OutOfRangeError,
    ReplyTimeoutError,
    TransportError,
    UnconfirmedError,
)
from .models import Writable
from .remote_errors import UpsdRefusal, ordering_error, reading_error
from .remote_values import is_secret, number, respelled
from .remote_wire import RemoteServer, UpsdSession, is_sendable, may_set

_LOGGER = logging.getLogger(__name__)

# As long as upscmd waits for the driver to report back.
TRACKING_LIMIT_S = 10.0
TRACKING_INTERVAL_S = 0.25
_SUCCESS, _PENDING = "SUCCESS", "PENDING"
_CUTS_LOAD = ("load.", "outlet.", "shutdown.", "bypass.")
_SETS_OUTPUT = ("outlet.", "output.")
# Readings that dummy-ups offers to be overwritten, and the server's own affairs.
_NO_SETTINGS = ("device.", "driver.", "server.")
_READINGS = frozenset({"ups.alarm", "ups.load", "ups.status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCommand:
    """One instant command that the server lists."""

    name: str
    is_dangerous: bool
    """Whether its name says that it may cut the load, now or later."""
    takes_delay: None = None
    """Never known: a value is handed on as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSetting:
    """One variable that the server lets the account set."""

    writable: Writable
    spellings: Mapping[str, str]
    """The server's words by ours, where they differ."""


class RemoteControl:
    """The writing half of a remote UPS; every order has a connection of its own."""

    def __init__(self, server: RemoteServer, ups: str) -> None:
        """Write to `ups` of `server`."""
        self._server = server
        self._ups = ups
        self._label = f"{server.label}/{ups}"
        self._settings: Mapping[str, RemoteSetting] = {}
        self.commands: Mapping[str, RemoteCommand] = MappingProxyType({})
        """By NUT name; empty without an account, or while it is refused."""

    @property
    def has_account(self) -> bool:
        """Whether there is a user name to act under."""
        return bool(self._server.username)

    @property
    def writable(self) -> Mapping[str, Writable]:
        """The variables that can be set, by NUT name."""
        return MappingProxyType({name: row.writable for name, row in self._settings.items()})

    async def learn(self) -> None:
        """Ask what the account may do.

        Raises:
            CredentialsRefusedError: nothing, because the server does not accept it.
            UpsError: the server could not be asked.

        """
        self.forget()
        async with UpsdSession(self._server) as session:
            await session.authenticate()
            if await may_set(session, self._server.label, self._ups):
                self._settings = await self._read_settings(session)
            self.commands = await self._read_commands(session)

    def forget(self) -> None:
        """Offer nothing any more."""
        self._settings = {}
        self.commands = MappingProxyType({})

    async def command(self, name: str, value: str | None) -> None:
        """Carry out an instant command; see RemoteUps.command."""
        if name not in self.commands:
            raise NotSupportedError(f"{self._label} offers no command {name}")
        await self._order(name, ("INSTCMD", self._ups, name, *((value,) if value else ())))

    async def set_variable(self, name: str, value: str) -> None:
        """Set a variable; see RemoteUps.set_variable."""
        row = self._settings.get(name)
        if row is None:
            raise NotSupportedError(f"{name} of {self._label} cannot be set")
        text = row.spellings.get(value, value)
        await self._order(name, ("SET", "VAR", self._ups, name, text))

    async def _read_commands(self, session: UpsdSession) -> Mapping[str, RemoteCommand]:
        names = sorted(await self._names(session, "CMD"))
        return MappingProxyType(
            {
                name: RemoteCommand(name=name, is_dangerous=_cuts_load(name))
                for name in names
                if not name.startswith("driver.")
            }
        )

    async def _read_settings(self, session: UpsdSession) -> Mapping[str, RemoteSetting]:
        names = filter(_may_offer, await self._names(session, "RW"))
        return {name: await self._read_setting(session, name) for name in names}

    async def _names(self, session: UpsdSession, kind: str) -> list[str]:
        return [words[0] for words in await self._list(session, kind) if words]

    async def _read_setting(self, session: UpsdSession, name: str) -> RemoteSetting:
        try:
            kinds = (await session.ask("GET", "TYPE", self._ups, name)).split()[3:]
        except UpsdRefusal as err:
            self._tolerate(err)
            kinds = []
        enum = await self._list(session, "ENUM", name) if "ENUM" in kinds else []
        ranges = await self._list(session, "RANGE", name) if "RANGE" in kinds else []
        words = {respelled(name, word): word for word, *_ in filter(None, enum)}
        return RemoteSetting(
            writable=Writable(
                max_length=next(_lengths(kinds), None),
                enum=tuple(words),
                ranges=tuple(_ranges(ranges)),
                is_dangerous=name.startswith(_SETS_OUTPUT),
            ),
            spellings=MappingProxyType(words),
        )

    async def _list(self, session: UpsdSession, *what: str) -> list[tuple[str, ...]]:
        """Return the members of a list; none where the server knows no such list."""
        kind, *variable = what
        try:
            members = await session.members("LIST", kind, self._ups, *variable)
        except UpsdRefusal as err:
            self._tolerate(err)
            return []
        # What was asked for is repeated in front.
        return [words[len(what) + 1 :] for words in members]

    def _tolerate(self, refusal: UpsdRefusal) -> None:
        """Go on without an answer that this server never gives; raise where it may come later."""
        error = reading_error(self._label, refusal)
        if not isinstance(error, InvalidReplyError):
            raise error from refusal
        _LOGGER.debug("%s", error)

    async def _order(self, what: str, words: tuple[str, ...]) -> None:
        """Send an order once, and find out what became of it as far as the server can tell."""
        if not all(map(is_sendable, words)):
            raise OutOfRangeError(f"{what}: only ASCII characters can be sent")
        async with UpsdSession(self._server) as session:
            await session.authenticate()
            await _ask_for_tracking(session)
            try:
                reply = await session.ask(*words)
                await self._follow(session, what, reply)
            except UpsdRefusal as err:
                raise ordering_error(what, err) from err
            except (InvalidReplyError, ReplyTimeoutError, TransportError) as err:
                raise UnconfirmedError(f"{what} was sent, but not acknowledged: {err}") from err

    async def _follow(self, session: UpsdSession, what: str, reply: str) -> None:
        """Wait until the driver reports back, where the server keeps track of that."""
        match reply.split():
            case ["OK", "TRACKING", identity]:
                pass
            case ["OK", *_]:
                return
            case _:
                raise InvalidReplyError(f"{what}: the server answered {reply}")
        outcome = _PENDING
        for _ in range(round(TRACKING_LIMIT_S / TRACKING_INTERVAL_S)):
            outcome = await self._outcome(session, what, identity)
            if outcome != _PENDING:
                break
            await asyncio.sleep(TRACKING_INTERVAL_S)
        if outcome != _SUCCESS:
            raise UnconfirmedError(f"{what}: the server's driver has not reported back")

    async def _outcome(self, session: UpsdSession, what: str, identity: str) -> str:
        try:
            return await session.ask("GET", "TRACKING", identity)
        except UpsdRefusal as err:
            if err.word == "INVALID-ARGUMENT":
                raise OutOfRangeError(f"{what}: the driver refuses the value") from err
            raise CommandRejectedError(f"{what}: the driver refused") from err


async def _ask_for_tracking(session: UpsdSession) -> None:
    """Old servers know nothing of it, and their OK only means that the driver was told."""
    try:
        await session.ask("SET", "TRACKING", "ON")
    except UpsdRefusal:
        return


def _cuts_load(name: str) -> bool:
    return name != "shutdown.stop" and name.startswith(_CUTS_LOAD)


def _may_offer(name: str) -> bool:
    return name not in _READINGS and not name.startswith(_NO_SETTINGS) and not is_secret(name)


def _lengths(kinds: Iterable[str]) -> Iterator[int]:
    return (
        int(length)
        for kind, _, length in (word.partition(":") for word in kinds)
        if kind == "STRING" and length.isdecimal()
    )


def _ranges(members: Iterable[tuple[str, ...]]) -> Iterator[tuple[int, int]]:
    for member in members:
        ends = [number(word) for word in member]
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None:  # noqa: PLR2004
            yield int(ends[0]), int(ends[1])
