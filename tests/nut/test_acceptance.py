"""Every behaviour that a NUT client can notice, held against the real upsd where it is to be equal.

The numbers are those of the project's acceptance table; "+" stands for what is better than upsd.
Rows that take more than a conversation, or a fault, are with the tests of what they are about.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
import re
import socket
import struct

import pytest

from .acceptance import BETTER, EQUAL, PATTERNS, Case
from .certificates import client_context
from .shared import PATIENCE_S, Client, Served, connected, credentials, escape, exchange
from .sides import Side, User, ask_until, eventually

HERE = Path(__file__).parent
ROWS = range(1, 86)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
SEC = User("sec", "secpw", "secondary")


def name_of(case: Case) -> str:
    return f"{case.row}-{case.user or 'anybody'}-{case.request!r}"


@pytest.mark.parametrize("case", EQUAL, ids=name_of)
async def test_equal_to_upsd(case: Case, served: Served, upsd: int) -> None:
    assert await exchange(served.port, case.sent) == case.expected
    assert await exchange(upsd, case.sent) == case.expected


@pytest.mark.parametrize("case", BETTER, ids=name_of)
async def test_better_than_upsd(case: Case, served: Served) -> None:
    assert await exchange(served.port, case.sent) == case.expected


@pytest.mark.parametrize(("row", "request_line", "pattern"), PATTERNS)
async def test_shaped_like_upsd(
    row: int, request_line: str, pattern: str, served: Served, upsd: int
) -> None:
    for port in (served.port, upsd):
        reply = await exchange(port, f"{request_line}\n")
        assert re.fullmatch(pattern, reply.decode("ascii"))


async def test_16_client_is_listed_with_its_address(served: Served, upsd: int) -> None:
    for port in (served.port, upsd):
        replies = await exchange(port, f"{credentials('sec')}LOGIN ups\nLIST CLIENT ups\n")
        assert replies.endswith(
            b"OK\nBEGIN LIST CLIENT ups\nCLIENT ups 127.0.0.1\nEND LIST CLIENT ups\n"
        )


async def test_16_client_is_listed_under_the_spelling_of_who_asks(served: Served) -> None:
    replies = await exchange(served.port, f"{credentials('sec')}LOGIN ups\nLIST CLIENT Ups\n")
    assert replies.endswith(b"BEGIN LIST CLIENT Ups\nCLIENT Ups 127.0.0.1\nEND LIST CLIENT Ups\n")


async def test_43_fsd_outlasts_the_return_of_mains_and_closes_nobody(side: Side) -> None:
    async with connected(side.port) as client, connected(side.port) as other:
        await client.log_in("mon", "spare")
        assert await client.ask("FSD spare") == b"OK FSD-SET\n"
        for status in ("OB DISCHRG", "OL"):
            side.publish("spare", {"ups.status": status})
            expected = f'VAR spare ups.status "FSD {status}"\n'.encode()
            await eventually(side.port, "GET VAR spare ups.status", expected)
            for asker in (client, other):
                assert await asker.ask("GET VAR spare ups.status") == expected
        assert await other.ask("GET VAR ups ups.status") == b'VAR ups ups.status "OL"\n'


async def tracking_id(client: Client) -> str:
    """Set a variable with tracking on; returns the id that comes back."""
    assert await client.ask("SET TRACKING ON") == b"OK\n"
    reply = await client.ask("SET VAR ups ups.id x")
    match = re.fullmatch(
        r"OK TRACKING ([0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})\n", reply.decode()
    )
    assert match, reply
    return match.group(1)


async def test_50_tracked_request_is_pending_until_it_succeeds(served: Served, upsd: int) -> None:
    for port in (served.port, upsd):
        async with connected(port) as client:
            for request in ("USERNAME admin", "PASSWORD adminpw"):
                await client.ask(request)
            number = await tracking_id(client)
            async with asyncio.timeout(PATIENCE_S):
                while (reply := await client.ask(f"GET TRACKING {number}")) == b"PENDING\n":
                    pass
            assert reply == b"SUCCESS\n"


async def test_62_request_in_single_bytes(served: Served, upsd: int) -> None:
    for port in (served.port, upsd):
        async with connected(port) as client:
            for byte in b"GET VAR ups ups.status":
                client.writer.write(bytes((byte,)))
                await client.writer.drain()
            assert await client.ask("") == b'VAR ups ups.status "OL"\n'


async def test_58_conversation_goes_on_in_tls(side: Side) -> None:
    async with connected(side.port) as client:
        assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
        await client.writer.start_tls(client_context())
        assert client.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        assert await client.ask("NETVER") == b"1.3\n"
        assert await client.ask("STARTTLS") == b"ERR ALREADY-SSL-MODE\n"
        await client.log_in()
        assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 1\n"
        assert await client.ask("GET VAR ups ups.status") == b'VAR ups ups.status "OL"\n'
        assert await client.ask("LOGOUT") == b"OK Goodbye\n"


def end_with_eof(client: Client, _side: Side) -> None:
    client.writer.write_eof()


def end_with_rst(client: Client, _side: Side) -> None:
    raw = client.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    client.writer.transport.abort()


def say_nothing(_client: Client, side: Side) -> None:
    side.pass_time(61)


@pytest.mark.parametrize("end", [end_with_eof, end_with_rst, say_nothing])
async def test_67_login_ends_with_the_connection_however_it_ends(
    end: Callable[[Client, Side], None], side: Side
) -> None:
    async with connected(side.port) as client:
        await client.log_in()
        assert await exchange(side.port, "GET NUMLOGINS ups\n") == b"NUMLOGINS ups 1\n"
        end(client, side)
        await eventually(side.port, "GET NUMLOGINS ups", b"NUMLOGINS ups 0\n")


async def test_68_silent_client_is_closed_after_60_s_without_a_word(side: Side) -> None:
    async with connected(side.port) as client:
        assert await client.ask("NETVER") == b"1.3\n"
        side.pass_time(59)
        assert await exchange(side.port, "NETVER\n") == b"1.3\n"
        assert await client.ask("NETVER") == b"1.3\n"
        side.pass_time(61)
        assert await client.rest() == b""


async def test_70_data_returns_at_once_after_it_was_stale(side: Side) -> None:
    request = "GET VAR ups ups.status"
    side.lose("ups")
    await eventually(side.port, request, b"ERR DATA-STALE\n")
    side.publish("ups", {"ups.status": "OB"})
    await eventually(side.port, request, b'VAR ups ups.status "OB"\n')


async def test_70_data_is_stale_after_15_s_and_not_before(served: Served) -> None:
    request = "GET VAR ups ups.status"
    async with connected(served.port) as client:
        served.clock.now += 15
        assert await client.ask(request) == b'VAR ups ups.status "OL"\n'
        served.clock.now += 0.1
        assert await client.ask(request) == b"ERR DATA-STALE\n"
        served.ups.publish({"ups.status": "OB"}, read_at=served.clock.now)
        assert await client.ask(request) == b'VAR ups ups.status "OB"\n'
        served.ups.disconnect()
        assert await client.ask(request) == b"ERR DRIVER-NOT-CONNECTED\n"


async def test_71_next_privileged_command_uses_new_rights(side: Side) -> None:
    async with connected(side.port) as client:
        await client.log_in("sec")
        assert await client.ask("PRIMARY ups") == b"ERR ACCESS-DENIED\n"
        side.set_users([User("sec", "secpw", "primary")])
        await ask_until(client, "PRIMARY ups", b"OK PRIMARY-GRANTED\n")
        side.set_users([SEC])
        await ask_until(client, "PRIMARY ups", b"ERR ACCESS-DENIED\n")
        assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 1\n"


async def test_72_removed_ups_closes_its_logins_and_nobody_else(side: Side) -> None:
    async with connected(side.port) as client, connected(side.port) as other:
        await client.log_in("sec", "spare")
        await other.log_in("sec", "ups")
        side.remove("spare")
        assert await client.rest() == b""
        assert await other.ask("LIST VAR spare") == b"ERR UNKNOWN-UPS\n"
        assert await other.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 1\n"


@pytest.mark.parametrize("value", ["x" * 255, '"' * 127, "#" * 127, "\\" * 127], ids=lambda v: v[0])
async def test_77_longest_value_comes_in_one_line(value: str, side: Side) -> None:
    side.publish("spare", {"ups.load": value})
    reply = f'VAR spare ups.load "{escape(value)}"\n'.encode()
    await eventually(side.port, "GET VAR spare ups.load", reply)
    assert len(reply) < 512


def test_every_row_is_tested() -> None:
    rows = {case.row for case in (*EQUAL, *BETTER)} | {row for row, _, _ in PATTERNS}
    for path in HERE.glob("test_*.py"):
        rows |= {int(row) for row in re.findall(r"def test_(\d\d?)_", path.read_text())}
    assert sorted(rows) == list(ROWS)
