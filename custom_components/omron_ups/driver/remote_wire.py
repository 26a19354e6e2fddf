"""Our own conversation with a NUT server, for what aionut cannot say.

aionut sends a request again when its answer is lost, and has no SET VAR, LIST RW or TRACKING. A
session lives for one purpose only, and nothing is ever sent twice.
"""

import asyncio
from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, field
import re
import socket
from typing import Self

from .errors import InvalidReplyError, ReplyTimeoutError, TransportError
from .remote_errors import (
    AddressNotAllowedError,
    CredentialsRefusedError,
    NotANutServerError,
    ServerUnreachableError,
    UpsdRefusal,
    reading_error,
)

DEFAULT_PORT = 3493
CONNECT_LIMIT_S = 5.0
# libupsclient's own limit for one reply.
REPLY_LIMIT_S = 5.0
CLOSE_LIMIT_S = 1.0
# A UPS has some hundred variables at most.
MEMBERS_LIMIT = 2000

_PLAIN = re.compile(r"[A-Za-z0-9._:@+-]+")
_SENDABLE = re.compile(r"[ -~]*")
_NEEDS_ESCAPE = re.compile(r'(["\\#])')
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteServer:
    """Where a NUT server is, and who we are to it."""

    host: str
    port: int = DEFAULT_PORT
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """Host and port, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def is_sendable(text: str) -> bool:
    """Tell whether upsd would hear `text` as it is: it drops all but printable ASCII."""
    return _SENDABLE.fullmatch(text) is not None


def quoted(word: str) -> str:
    """Return `word` as upsd's tokenizer takes it for one word."""
    if _PLAIN.fullmatch(word):
        return word
    return '"{}"'.format(_NEEDS_ESCAPE.sub(r"\\\1", word))


def unescaped(text: str) -> str:
    """Undo the backslashes inside a quoted word."""
    return _ESCAPED.sub(r"\1", text)


def split_words(line: str) -> tuple[str, ...]:
    """Cut a reply into its words."""
    return tuple(
        unescaped(match[1]) if match[2] is None else match[2] for match in _WORD.finditer(line)
    )


class UpsdSession:
    """One connection to a NUT server; use it as an asynchronous context."""

    def __init__(self, server: RemoteServer) -> None:
        """Prepare to talk to `server`."""
        self._server = server
        self._label = server.label
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            ServerUnreachableError: the text says why.

        """
        server = self._server
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                self._reader, self._writer = await asyncio.open_connection(server.host, server.port)
        except TimeoutError as err:
            raise ServerUnreachableError(f"{self._label} cannot be reached: no answer") from err
        except socket.gaierror as err:
            raise ServerUnreachableError(f"{server.host} is not known as a host name") from err
        except OSError as err:
            reason = err.strerror or err
            raise ServerUnreachableError(f"{self._label} cannot be reached: {reason}") from err
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Disconnect."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._writer.wait_closed()

    async def list_ups(self) -> dict[str, str]:
        """Return the descriptions by UPS name; as the first question, it proves a NUT server.

        Raises:
            AddressNotAllowedError: the server closes the connection, or denies the answer.
            NotANutServerError: it answers something else.
            ReplyTimeoutError: it is silent.

        """
        try:
            members = await self.members("LIST", "UPS")
        except InvalidReplyError as err:
            raise NotANutServerError(f"{self._label}: no NUT server answers here") from err
        except UpsdRefusal as err:
            raise reading_error(self._label, err) from err
        except TransportError as err:
            raise AddressNotAllowedError(self._label, self._own_address()) from err
        return {words[1]: " ".join(words[2:]) for words in members if len(words) > 1}

    async def authenticate(self) -> None:
        """Say who we are; upsd judges that only when something needs a right.

        Raises:
            CredentialsRefusedError: the server does judge, or cannot be told these characters.

        """
        for command, secret in (
            ("USERNAME", self._server.username),
            ("PASSWORD", self._server.password),
        ):
            if not is_sendable(secret or ""):
                raise CredentialsRefusedError(f"{command} may only consist of ASCII characters")
            try:
                await self.ask(command, secret or "")
            except UpsdRefusal as err:
                raise CredentialsRefusedError(f"{self._label} refuses the {command}") from err

    async def ask(self, *words: str) -> str:
        """Send one request and return its one line of reply; UpsdRefusal where it is ``ERR``."""
        await self._send(words)
        return await self._line()

    async def members(self, *words: str) -> list[tuple[str, ...]]:
        """Ask for a list and return its members, each in words."""
        header = await self.ask(*words)
        if header.split(" ", 1)[0] != "BEGIN":
            raise InvalidReplyError(f"{self._label}: {words[1]} was answered without a list")
        members = []
        while not (line := await self._line()).startswith("END LIST"):
            members.append(split_words(line))
            if len(members) > MEMBERS_LIMIT:
                raise InvalidReplyError(f"{self._label}: the list of {words[1]} has no end")
        return members

    async def _send(self, words: tuple[str, ...]) -> None:
        self._writer.write(" ".join([words[0], *map(quoted, words[1:])]).encode() + b"\n")
        with self._translated():
            async with asyncio.timeout(REPLY_LIMIT_S):
                await self._writer.drain()

    async def _line(self) -> str:
        with self._translated():
            async with asyncio.timeout(REPLY_LIMIT_S):
                raw = await self._reader.readuntil()
        line = raw.decode(errors="replace").strip()
        if line == "ERR" or line.startswith("ERR "):
            raise UpsdRefusal(line[4:])
        return line

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as err:
            raise ReplyTimeoutError(f"{self._label} does not answer") from err
        except (EOFError, OSError) as err:
            raise TransportError(f"{self._label} closed the connection") from err
        except asyncio.LimitOverrunError as err:
            raise InvalidReplyError(f"{self._label}: a line without end") from err

    def _own_address(self) -> str | None:
        name = self._writer.get_extra_info("sockname")
        return name[0] if name else None


async def list_remote_ups(
    host: str,
    port: int = DEFAULT_PORT,
    username: str | None = None,
    password: str | None = None,
) -> dict[str, str]:
    """Return the UPSes of a NUT server: descriptions by name; credentials are checked if given.

    Raises:
        ServerUnreachableError: nothing there.
        AddressNotAllowedError: the server wants our address to be allowed first.
        NotANutServerError: it is something else.
        ReplyTimeoutError: it is silent.
        CredentialsRefusedError: the account is not accepted for the first UPS.

    """
    server = RemoteServer(host=host, port=port, username=username, password=password)
    async with UpsdSession(server) as session:
        found = await session.list_ups()
    if username and found:
        await check_account(server, next(iter(found)))
    return found


async def check_account(server: RemoteServer, ups: str) -> None:
    """Prove that the server accepts the account; see `may_set`."""
    async with UpsdSession(server) as session:
        await session.authenticate()
        await may_set(session, server.label, ups)


# upsd looks at the right first and only then for the variable.
NO_VARIABLE = "omron_ups.no.such.variable"
_PAST_THE_RIGHT = frozenset({"OK", "VAR-NOT-SUPPORTED", "READONLY"})
_NO_DATA = frozenset({"DATA-STALE", "DRIVER-NOT-CONNECTED"})
_DENIALS = frozenset({"ACCESS-DENIED", "INVALID-USERNAME", "INVALID-PASSWORD"})


async def may_set(session: UpsdSession, label: str, ups: str) -> bool:
    """Tell whether the account may set variables, by trying one that does not exist.

    upsd never says that a password is wrong, only that something is denied. An account is accepted
    when it may log in (``upsmon secondary``) or set variables (``actions = SET``), or where the
    server denies neither because it knows neither.

    Raises:
        CredentialsRefusedError: it may neither, or the password is wrong.
        UpsError: the server could not be asked.

    """
    answer = await _verdict(session, "SET", "VAR", ups, NO_VARIABLE, "0")
    if answer in _PAST_THE_RIGHT:
        return True
    if answer in _NO_DATA:
        raise reading_error(f"{label}/{ups}", UpsdRefusal(answer))
    if await _verdict(session, "LOGIN", ups) in _DENIALS:
        raise CredentialsRefusedError(
            f"{label} refuses the user name or the password, or the account may neither log in nor"
            " set variables"
        )
    return False


async def _verdict(session: UpsdSession, *words: str) -> str:
    try:
        await session.ask(*words)
    except UpsdRefusal as err:
        return err.word
    return "OK"
