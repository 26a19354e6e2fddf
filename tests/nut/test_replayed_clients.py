"""What clients that cannot be run here send, answered by our server and by upsd alike.

Each row is the conversation of one client, as its source or a capture of it shows. A request is
sent when the reply to the one before is complete in that client's own eyes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
import re

import pytest

from custom_components.omron_ups.nut import replies

from .certificates import client_context
from .shared import COMMANDS, PATIENCE_S, VARIABLES, Client, Served, connected
from .sides import ALIAS, Side, User, ask_until

SEEN_BY_PEOPLE = re.compile(
    rb'^(Network UPS Tools upsd ).*|^((?:CMD)?DESC \S+ \S+ )"(?!Description unavailable).*"$',
    re.MULTILINE,
)
"""Versions differ, and our descriptions are in our own words."""
KNOWN_ERRORS = (
    *("ACCESS-DENIED", "UNKNOWN-UPS", "VAR-NOT-SUPPORTED", "CMD-NOT-SUPPORTED", "READONLY"),
    *("INVALID-ARGUMENT", "INSTCMD-FAILED", "SET-FAILED", "TOO-LONG", "FEATURE-NOT-SUPPORTED"),
    *("FEATURE-NOT-CONFIGURED", "ALREADY-SSL-MODE", "DRIVER-NOT-CONNECTED", "DATA-STALE"),
    *("ALREADY-LOGGED-IN", "INVALID-PASSWORD", "ALREADY-SET-PASSWORD", "INVALID-USERNAME"),
    *("ALREADY-SET-USERNAME", "USERNAME-REQUIRED", "PASSWORD-REQUIRED", "UNKNOWN-COMMAND"),
    *("INVALID-VALUE", "UNKNOWN", "FAILED"),
)
"""NUT's own words; at any other one WinNUT throws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A client: what it sends, how it ends a line, and the errors that it expects."""

    name: str
    requests: Sequence[str]
    line_end: str = "\n"
    errors: Sequence[str] = ()
    goodbye: bool = True
    """Whether it waits for the answer to LOGOUT and for the end of the connection."""

    @property
    def sent(self) -> Sequence[str]:
        """Return all requests, the last one included."""
        return (*self.requests, "LOGOUT") if self.goodbye else self.requests


EVERY_DESC_AND_TYPE = [f"GET {kind} ups {name}" for name in VARIABLES for kind in ("DESC", "TYPE")]
NO_TLS = "STARTTLS -> ERR FEATURE-NOT-CONFIGURED"
UPSLOG_VARIABLES = ("battery.charge", "input.voltage", "ups.load", "ups.status")
NO_BUZZWORDS = (
    "GET VAR ups ups.mode.buzzwords -> ERR VAR-NOT-SUPPORTED",
    "GET VAR ups experimental.ups.mode.buzzwords -> ERR VAR-NOT-SUPPORTED",
)


def request_of(error: str) -> str:
    return error.partition(" -> ")[0]


REPLAYS = [
    Replay(
        name="nut_exporter",
        requests=(
            *("VER", "NETVER", "USERNAME sec", "PASSWORD secpw", "LIST UPS"),
            *("LIST CLIENT ups", "LIST CMD ups"),
            *(f"GET CMDDESC ups {command}" for command in COMMANDS),
            *("GET UPSDESC ups", "GET NUMLOGINS ups", "LIST VAR ups", *EVERY_DESC_AND_TYPE),
        ),
    ),
    Replay(
        name="winnut",
        requests=(
            *("USERNAME sec", "PASSWORD secpw", "LOGIN", "VER", "NETVER"),
            *(f"GET VAR ups {name}" for name in (*VARIABLES, "battery.runtime", "ups.realpower")),
            "LIST VAR ups",
            *(f"GET DESC ups {name}" for name in VARIABLES),
        ),
        line_end="\r\r\n",
        errors=(
            "LOGIN -> ERR INVALID-ARGUMENT",
            "GET VAR ups battery.runtime -> ERR VAR-NOT-SUPPORTED",
            "GET VAR ups ups.realpower -> ERR VAR-NOT-SUPPORTED",
        ),
    ),
    Replay(
        name="peanut",
        requests=(
            *("VER", "NETVER", "LIST UPS", "LIST VAR ups", *EVERY_DESC_AND_TYPE),
            *("LIST CMD ups", "LIST CLIENT ups", "LIST RW ups"),
            *("LIST ENUM ups input.sensitivity", "LIST RANGE ups battery.charge.low"),
        ),
    ),
    Replay(
        name="upsmon 2.8.3 and newer",
        requests=(
            *("STARTTLS", "USERNAME mon", "PASSWORD monpw", "LOGIN ups", "PRIMARY ups"),
            *("GET VAR ups ups.status", *map(request_of, NO_BUZZWORDS)) * 2,
            *("GET VAR ups ups.alarm", "FSD spare", "GET NUMLOGINS ups"),
        ),
        errors=(NO_TLS, *NO_BUZZWORDS, "GET VAR ups ups.alarm -> ERR VAR-NOT-SUPPORTED"),
        # It stops its host without a LOGOUT.
        goodbye=False,
    ),
    Replay(
        name="upslog",
        requests=("STARTTLS", "LIST UPS", *(f"GET VAR ups {name}" for name in UPSLOG_VARIABLES)),
        errors=(NO_TLS, "GET VAR ups input.voltage -> ERR VAR-NOT-SUPPORTED"),
    ),
    Replay(
        name="upsstats.cgi",
        requests=("STARTTLS", "LIST UPS", "GET VAR ups ups.mfr", "GET VAR ups ups.status"),
        errors=(NO_TLS,),
    ),
    Replay(
        name="aionut of Home Assistant",
        requests=(
            *("USERNAME admin", "PASSWORD adminpw", "LIST UPS", "LIST VAR ups", "LIST CMD ups"),
            "INSTCMD ups beeper.mute",
        ),
        goodbye=False,
    ),
    Replay(
        name="libnutclient with a set of devices",
        requests=("LIST UPS", "GET UPSDESC ups", "LIST VAR ups", "LIST RW ups", "INSTCMD ups x "),
        errors=("INSTCMD ups x  -> ERR USERNAME-REQUIRED",),
    ),
]


async def converse(port: int, replay: Replay) -> list[tuple[str, bytes]]:
    """Have a conversation; returns each request with its reply, and what came at the end."""
    async with connected(port) as client:
        told = []
        for request in replay.sent:
            client.writer.write(f"{request}{replay.line_end}".encode())
            told.append((request, await reply_to(client, request)))
        if replay.goodbye:
            client.writer.write_eof()
            told.append(("", await client.rest()))
        return told


async def reply_to(client: Client, request: str) -> bytes:
    """Read as clients do: a list until the words END and those of the request."""
    first = await client.line()
    if not first.startswith(b"BEGIN "):
        return first
    async with asyncio.timeout(PATIENCE_S):
        return first + await client.reader.readuntil(f"END {request}\n".encode())


@pytest.mark.parametrize("replay", REPLAYS, ids=lambda replay: replay.name)
async def test_conversation_goes_as_with_upsd(replay: Replay, served: Served, upsd: int) -> None:
    ours, real = [
        [(request, SEEN_BY_PEOPLE.sub(rb"\1\2", reply)) for request, reply in told]
        for told in (await converse(served.port, replay), await converse(upsd, replay))
    ]
    assert ours == real
    errors = {
        f"{request} -> {reply.decode().strip()}"
        for request, reply in ours
        if reply.startswith(b"ERR")
    }
    assert errors == set(replay.errors)


async def test_81_exporter_finds_a_word_behind_rw_and_a_dot_in_each_name(served: Served) -> None:
    """Without them the library of the exporter panics."""
    told = dict(await converse(served.port, REPLAYS[0]))
    for name in VARIABLES:
        assert "." in name
        assert re.fullmatch(
            rb"TYPE ups \S+(?: RW)?(?: ENUM| RANGE)* (?:NUMBER|STRING:\d+)\n",
            told[f"GET TYPE ups {name}"],
        )


async def test_83_winnut_is_served_on_its_second_connection(served: Served, upsd: int) -> None:
    for port in (served.port, upsd):
        async with connected(port):
            told = dict(await converse(port, REPLAYS[1]))
        assert re.fullmatch(rb"[\d.]+\S*", told["VER"].split()[4])


def test_every_error_has_a_name_that_winnut_knows() -> None:
    ours = [reply for reply in vars(replies).values() if str(reply).startswith("b'ERR ")]
    assert ours
    assert {reply.decode().split()[1] for reply in ours} <= set(KNOWN_ERRORS)


async def test_84_peanut_gets_bare_oks(served: Served, upsd: int) -> None:
    for port in (served.port, upsd):
        async with connected(port) as client:
            for request in (
                *("USERNAME admin", "PASSWORD adminpw", "LOGIN ups"),
                *("SET VAR ups ups.id x", "INSTCMD ups beeper.mute"),
            ):
                assert await client.ask(request) == b"OK\n"
            assert await client.ask("LOGOUT") == b"OK Goodbye\n"
    assert served.driver.calls == [("ups.id", "x"), ("beeper.mute", None)]


async def test_84_peanut_waits_for_the_server_to_hang_up(served: Served) -> None:
    async with connected(served.port) as client:
        assert await client.ask("LOGOUT") == b"OK Goodbye\n"
        assert await client.rest() == b""


async def test_newer_tools_accept_the_version_that_they_ask_for_in_tls(side: Side) -> None:
    """NUT's next release says PROTVER after the handshake, and hangs up above 1.3."""
    async with connected(side.port) as client:
        assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
        await client.writer.start_tls(client_context())
        assert await client.ask("PROTVER") == b"1.3\n"
        assert await client.ask("GET VAR ups ups.status") == b'VAR ups ups.status "OL"\n'


@pytest.mark.parametrize(
    ("name", "user", "password"), [("ups", "monuser", "secret"), (ALIAS, "admin", "123456")]
)
async def test_85_appliance_logs_in_with_its_fixed_credentials(
    name: str, user: str, password: str, side: Side
) -> None:
    side.set_users([User(user, password, "secondary")])
    async with connected(side.port) as client:
        for request in (f"USERNAME {user}", f"PASSWORD {password}"):
            assert await client.ask(request) == b"OK\n"
        await ask_until(client, f"LOGIN {name}", b"OK\n")
        for request in (f"FSD {name}", f"SET VAR {name} ups.id x", f"INSTCMD {name} load.off"):
            assert await client.ask(request) == b"ERR ACCESS-DENIED\n"
        assert await client.ask(f"GET VAR {name} ups.status") == (
            f'VAR {name} ups.status "OL"\n'.encode()
        )
        assert await client.ask(f"GET NUMLOGINS {name}") == f"NUMLOGINS {name} 1\n".encode()
