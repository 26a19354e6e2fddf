"""Requests that a fuzzer makes up, and what has to hold however they are sent.

The server's side is the real one but for the socket, so that thousands of conversations take
seconds; what the socket adds is tested elsewhere.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from itertools import pairwise
from typing import Any, Final, override

from hypothesis import strategies as st

from custom_components.omron_ups.nut import Account, NutServer, NutUps, Role
from custom_components.omron_ups.nut.accounts import Accounts, Credentials
from custom_components.omron_ups.nut.connection import Connection
from custom_components.omron_ups.nut.session import COMMANDS

from .shared import (
    COMMANDS as UPS_COMMANDS,
    VARIABLES,
    WRITABLE,
    Clock,
    Driver,
    password_hash,
    settings,
)

MAX_LINE: Final = 511
_STUCK_S: Final = 10.0

_NAMES: Final = ("ups", "UPS", "qnapups", "gone", "stale", "nope", "__class__", "../x", "%s%n")
_VARIABLES: Final = (*VARIABLES, "UPS.Status", "server.version", "server.x", "ups.status.", "0")
_VALUES: Final = ("N", "12", "99999999999999999999", "-1", 'a"b', "", "x" * 17, "\\", "TRACKING")
_SUBCOMMANDS: Final = (
    *("VAR", "TYPE", "DESC", "CMDDESC", "UPSDESC", "NUMLOGINS", "NUMATTACH", "TRACKING"),
    *("UPS", "RW", "CMD", "CLIENT", "ENUM", "RANGE", "ON", "OFF"),
)
_USERS: Final = ("admin", "mon", "sec", "nobody")
_ODD: Final = (
    *(b'"', b"\\", b"#", b"=", b"\x00", b"\x7f", b"\x80", b"\xff", b"\r", b"\t", b"\x0b", b'""'),
    *(b"x" * 511, b"x" * 512, b"x" * 513, b"w " * 33, "é".encode(), b'"a b"', b'\\"', b"\\\\"),
)


def _bytes(texts: Sequence[str]) -> st.SearchStrategy[bytes]:
    return st.sampled_from([text.encode() for text in texts])


_WORD: Final = st.one_of(
    _bytes(_NAMES),
    _bytes(_VARIABLES),
    _bytes(_VALUES),
    _bytes(_SUBCOMMANDS),
    _bytes(UPS_COMMANDS),
    st.sampled_from(_ODD),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")),
)
_PLAUSIBLE: Final = _bytes(
    (
        *(f"USERNAME {user}" for user in _USERS),
        *(f"PASSWORD {user}pw" for user in _USERS),
        *("LOGIN ups", "ATTACH qnapups", "PRIMARY ups", "MASTER ups", "FSD qnapups", "LOGOUT"),
        *("SET TRACKING ON", "SET VAR ups ups.id x", "SET VAR ups battery.charge.low 20"),
        *("INSTCMD ups load.off", "INSTCMD ups beeper.mute 5", "STARTTLS", "GET TRACKING x"),
        *("LIST VAR ups", "LIST UPS", "GET VAR ups ups.status", "LIST CLIENT ups", ""),
    )
)


def _line(command: str, words: Sequence[bytes], separator: bytes) -> bytes:
    return separator.join((command.encode(), *words))


LINE: Final = st.one_of(
    _PLAUSIBLE,
    st.builds(
        _line,
        st.sampled_from((*COMMANDS, "get", "Set", "FOO", "SECONDARY")),
        st.lists(_WORD, max_size=6),
        st.sampled_from((b" ", b"  ", b"\t", b" \r")),
    ),
    st.lists(_WORD, max_size=40).map(b" ".join),
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a client sends, and where its bytes are split into packets."""

    sent: bytes
    packets: tuple[bytes, ...]


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Draw requests and send them in one write, byte by byte or split anywhere."""
    lines = draw(st.lists(LINE, max_size=12))
    sent = b"".join(line + b"\n" for line in lines) + draw(st.sampled_from((b"", b"", b"VER")))
    how = draw(st.sampled_from(("whole", "bytes", "anywhere")))
    if how == "whole" or not sent:
        return Conversation(sent, (sent,))
    if how == "bytes" and len(sent) < 500:
        return Conversation(sent, tuple(sent[at : at + 1] for at in range(len(sent))))
    cuts = sorted({0, *draw(st.lists(st.integers(0, len(sent)), max_size=8)), len(sent)})
    return Conversation(sent, tuple(sent[start:end] for start, end in pairwise(cuts)))


@dataclass(slots=True, eq=False)
class Socket(asyncio.Transport):
    """The client's end: takes what the server writes, and lets it read on or not."""

    replies: bytearray = field(default_factory=bytearray)
    reading: bool = True
    closed: bool = False

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.7", 1) if name == "peername" else default

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.replies += data

    @override
    def can_write_eof(self) -> bool:
        return True

    @override
    def write_eof(self) -> None:
        self.closed = True

    @override
    def abort(self) -> None:
        self.closed = True

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def pause_reading(self) -> None:
        self.reading = False

    @override
    def resume_reading(self) -> None:
        self.reading = True


class _Quick(Accounts):
    """Accounts whose passwords are compared without scrypt, which is not what is fuzzed."""

    @override
    async def verify(self, credentials: Credentials) -> Account | None:
        await asyncio.sleep(0)
        if credentials.password != f"{credentials.username}pw":
            return None
        return next(iter(self._candidates(credentials)), None)

    @override
    def remembered(self, credentials: Credentials) -> Account | None:
        return None


class Target:
    """A server that is talked to without a network, and looked after between conversations."""

    def __init__(self) -> None:
        """Serve the UPSes of the acceptance table."""
        clock = Clock()
        self.server = NutServer(replace(settings(), allowed_networks=(ip_network("192.0.2.0/24"),)))
        self.driver = Driver()
        self.ups = NutUps(name="ups", aliases=("qnapups",), controls=self.driver, clock=clock)
        self.ups.publish(VARIABLES, read_at=clock.now)
        self.ups.declare(writable=WRITABLE, commands=UPS_COMMANDS)
        stale = NutUps(name="stale", clock=clock)
        stale.publish(VARIABLES, read_at=clock.now - 100)
        for ups in (self.ups, NutUps(name="gone", clock=clock), stale):
            ups._accounts = _Quick(_accounts())
            self.server.add_ups(ups)

    async def start(self) -> None:
        """Listen on loopback, though nobody will come."""
        await self.server.start()

    async def close(self) -> None:
        """Stop listening."""
        await self.server.close()

    def connect(self) -> tuple[Connection, Socket]:
        """Return a new client's two ends."""
        connection, socket = Connection(self.server, asyncio.get_running_loop()), Socket()
        connection.connection_made(socket)
        return connection, socket

    async def send(self, connection: Connection, socket: Socket, packets: Sequence[bytes]) -> None:
        """Send packets as a network does: only while the server reads, until it hangs up."""
        async with asyncio.timeout(_STUCK_S):
            for packet in packets:
                rest = memoryview(packet)
                while rest and not socket.closed:
                    await self._until_reading(socket)
                    room = connection.get_buffer(len(rest))
                    count = min(len(room), len(rest))
                    room[:count] = rest[:count]
                    connection.buffer_updated(count)
                    rest = rest[count:]
            await self._until_reading(socket)

    async def _until_reading(self, socket: Socket) -> None:
        while not (socket.reading or socket.closed):  # noqa: ASYNC110 - as a poll of the socket
            await asyncio.sleep(0)


async def check(target: Target, conversation: Conversation) -> None:
    """Hold a conversation and check what must be true of any."""
    bystander, watched = target.connect()
    connection, socket = target.connect()
    try:
        await _talk(target, conversation, (connection, socket), (bystander, watched))
    finally:
        for each in (connection, bystander):
            each.connection_lost(None)
        target.ups.clear_forced_shutdown("ups")
        target.ups.clear_forced_shutdown("qnapups")
    assert target.ups.logins == 0
    assert target.server.statistics.connections == 0


async def _talk(
    target: Target,
    conversation: Conversation,
    client: tuple[Connection, Socket],
    bystander: tuple[Connection, Socket],
) -> None:
    connection, socket = client
    before = target.server.requests
    await target.send(connection, socket, conversation.packets)
    check_replies(bytes(socket.replies), target.server.requests - before)
    await target.send(*bystander, [b"NETVER\n"])
    assert bytes(bystander[1].replies) == b"1.3\n"


def check_replies(replies: bytes, requests: int) -> None:
    """Check that there are as many replies as requests, each of whole and short lines."""
    assert replies.isascii()
    assert not replies or replies.endswith(b"\n")
    count = 0
    inside = b""
    for line in replies.splitlines(keepends=True):
        assert len(line) <= MAX_LINE
        if inside:
            assert not line.startswith((b"BEGIN", b"ERR", b"OK"))
            if line == inside:
                inside = b""
                count += 1
        elif line.startswith(b"BEGIN LIST "):
            inside = b"END" + line.removeprefix(b"BEGIN")
        else:
            count += 1
    assert not inside
    assert count == requests


def _accounts() -> tuple[Account, ...]:
    roles = {"admin": Role.ADMIN, "mon": Role.PRIMARY, "sec": Role.MONITOR}
    return tuple(
        Account(username=name, password_hash=password_hash("x"), role=role, may_switch_output=True)
        for name, role in roles.items()
    )
