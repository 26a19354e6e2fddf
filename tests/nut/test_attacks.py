"""Attacks that hurt the real upsd, or a server without our limits, and what they do to ours.

The numbers are those of the project's list of upsd's weaknesses.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
import re
import socket
import ssl

import pytest

from custom_components.omron_ups.nut import Account, Role, server as nut_server

from .certificates import client_context, write_files
from .proxy import running_proxy
from .shared import (
    DEVICES,
    LIMITS,
    PATIENCE_S,
    UPSD_USERS,
    Client,
    Served,
    connected,
    connected_from,
    credentials,
    exchange,
    password_hash,
    serving,
    serving_with,
    settings,
)
from .upsd import Upsd, running_upsd
from .upsmon import running_upsmon

type Attack = Callable[[int], AbstractAsyncContextManager[None]]

SHORT_S = 0.05
# Long enough for an answer on loopback; one that is held up gives none, however long one waits.
NO_ANSWER_S = 0.5
FOR_EVER_S = 1000.0
HERE = Path(__file__).parent
FORGED = "STARTTLS\nUSERNAME mon\nPASSWORD monpw\nFSD spare\n"


@pytest.fixture
async def served_tls(tmp_path: Path) -> AsyncGenerator[Served]:
    limits = replace(LIMITS, output_bytes=4096, output_stall_s=SHORT_S)
    async with serving_with(replace(settings(limits), tls=write_files(tmp_path))) as served:
        yield served


async def is_held_up(port: int, attack: Attack) -> bool:
    """Ask while an attack goes on, and tell whether an answer had to wait for its end."""
    async with connected(port) as client:
        async with attack(port):
            for _ in range(200):
                client.writer.write(b"NETVER\n")
                line = asyncio.create_task(client.line())
                await asyncio.wait([line], timeout=NO_ANSWER_S)
                if not line.done():
                    break
                assert line.result() == b"1.3\n"
            else:
                return False
        assert await line == b"1.3\n"
        return True


@asynccontextmanager
async def never_reading(port: int) -> AsyncGenerator[None]:
    """Ask for more and more until the server takes nothing in any more, and read nothing."""
    loop = asyncio.get_running_loop()
    with socket.socket() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.settimeout(0)
        await loop.sock_connect(greedy, ("127.0.0.1", port))

        async def ask() -> None:
            while True:
                await loop.sock_sendall(greedy, b"LIST VAR ups\n" * 4000)

        asking = asyncio.create_task(ask())
        await asyncio.wait([asking], timeout=NO_ANSWER_S)
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


@asynccontextmanager
async def stalling_the_handshake(port: int) -> AsyncGenerator[None]:
    async with connected(port) as client:
        assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
        yield


@asynccontextmanager
async def taking_every_place(port: int) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(PLACES):
            await stack.enter_async_context(connected(port))
        yield


@pytest.mark.parametrize("attack", [never_reading, stalling_the_handshake])
async def test_weakness_1_and_2_one_client_holds_up_all_of_upsd_but_nobody_here(
    attack: Attack, own_upsd: Upsd, served_tls: Served
) -> None:
    assert await is_held_up(own_upsd.port, attack)
    assert not await is_held_up(served_tls.port, attack)


async def injected(port: int) -> bytes:
    """Inject requests of somebody on the way ahead of TLS; returns what is said within it."""
    async with connected(port) as client:
        client.writer.write(FORGED.encode())
        assert await client.line() == b"OK STARTTLS\n"
        await client.writer.start_tls(client_context())
        client.writer.write(b"NETVER\n")
        async with asyncio.timeout(PATIENCE_S):
            return await client.reader.readuntil(b"1.3\n")


async def test_weakness_3_text_injected_ahead_of_tls_is_executed_by_upsd_but_not_by_us(
    own_upsd: Upsd, served_tls: Served
) -> None:
    assert await injected(own_upsd.port) == b"OK\nOK\nOK FSD-SET\n1.3\n"
    assert b'"FSD OL' in await exchange(own_upsd.port, "GET VAR spare ups.status\n")
    assert await injected(served_tls.port) == b"1.3\n"
    assert b'"OL' in await exchange(served_tls.port, "GET VAR spare ups.status\n")


async def secure_after_credentials(port: int) -> bytes:
    async with connected(port) as client:
        for request in ("USERNAME mon", "PASSWORD monpw"):
            assert await client.ask(request) == b"OK\n"
        assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
        await client.writer.start_tls(client_context())
        return await client.ask("PRIMARY ups")


async def test_weakness_3_credentials_from_before_tls_count_for_upsd_but_not_for_us(
    own_upsd: Upsd, served_tls: Served
) -> None:
    assert await secure_after_credentials(own_upsd.port) == b"OK PRIMARY-GRANTED\n"
    assert await secure_after_credentials(served_tls.port) == b"ERR USERNAME-REQUIRED\n"


async def overheard(port: int, folder: Path, *, last: str = "LOGIN ups") -> dict[str, bytes]:
    """Let upsmon reach the server through somebody who denies it TLS; returns what he hears."""
    async with (
        running_proxy(port) as proxy,
        running_upsmon(folder, proxy.port, "ups mon monpw primary"),
    ):
        await proxy.until(last)
        return proxy.heard


async def test_weakness_4_who_denies_tls_gets_a_login_unless_tls_is_required(
    own_upsd: Upsd, served_tls: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in (("upsd", own_upsd.port), ("ours", served_tls.port)):
        heard = await overheard(port, tmp_path / name)
        assert heard["PASSWORD monpw"] == heard["LOGIN ups"] == b"OK\n"
    elsewhere = ip_address("192.0.2.7")
    monkeypatch.setattr(nut_server, "_peer_address", lambda _transport: elsewhere)
    served_tls.server.update(
        replace(
            served_tls.server.settings, require_tls=True, allowed_networks=(ip_network(elsewhere),)
        )
    )
    heard = await overheard(served_tls.port, tmp_path / "required", last="USERNAME mon")
    assert heard["USERNAME mon"] == b"ERR ACCESS-DENIED\n"
    assert b"OK\n" not in heard.values()
    assert served_tls.ups.logins == 0


async def version_of_tls(port: int, version: ssl.TLSVersion) -> str:
    context = client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    async with connected(port) as client:
        assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
        async with asyncio.timeout(PATIENCE_S):
            await client.writer.start_tls(context)
        assert await client.ask("NETVER") == b"1.3\n"
        return str(client.writer.get_extra_info("ssl_object").version())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this Python has no TLS 1.1 to attack with")
async def test_weakness_5_old_tls_is_good_enough_for_upsd_but_not_for_us(
    own_upsd: Upsd, served_tls: Served
) -> None:
    assert await version_of_tls(own_upsd.port, ssl.TLSVersion.TLSv1_1) == "TLSv1.1"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await version_of_tls(served_tls.port, ssl.TLSVersion.TLSv1_1)
    assert await version_of_tls(served_tls.port, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"


async def guess(port: int, count: int, *, wait_s: float) -> int:
    """Guess passwords on as many connections; returns how many were answered in that time."""

    async def one(number: int) -> None:
        replies = await exchange(port, f"USERNAME mon\nPASSWORD {number}\nLOGIN ups\n")
        assert replies == b"OK\nOK\nERR ACCESS-DENIED\n"

    guesses = [asyncio.create_task(one(number)) for number in range(count)]
    done, pending = await asyncio.wait(guesses, timeout=wait_s)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return sum(1 for task in done if task.exception() is None)


async def test_weakness_6_passwords_can_be_guessed_side_by_side_at_upsd_but_not_here(
    upsd: int,
) -> None:
    assert await guess(upsd, 20, wait_s=PATIENCE_S) == 20
    async with serving(replace(LIMITS, failed_credentials_delay_s=FOR_EVER_S)) as served:
        assert await guess(served.port, 5, wait_s=NO_ANSWER_S) == 0
        assert await exchange(served.port, "NETVER\n") == b"1.3\n"
        assert not served.ups.clients


@pytest.mark.parametrize("naive", [True, False])
async def test_weakness_6_right_that_is_missing_costs_time_too(naive: bool) -> None:
    """A known account must not flood the log with refused commands."""
    limits = replace(LIMITS, failed_credentials_delay_s=0.0 if naive else FOR_EVER_S)
    async with serving(limits) as served:
        flood = asyncio.create_task(
            exchange(served.port, credentials("sec") + "FSD ups\n" * 50 + "LOGOUT\n")
        )
        await asyncio.wait([flood], timeout=PATIENCE_S if naive else NO_ANSWER_S)
        assert len(served.ups.audit.records) == (50 if naive else 0)
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        assert served.ups.forced_shutdowns == ()


async def disclosed(port: int) -> bytes:
    """Return what a stranger at another address gets to read."""
    async with connected(port) as host:
        await host.log_in()
        try:
            async with connected_from("127.0.0.2", port) as stranger:
                stranger.writer.write(b"LIST CLIENT ups\nLIST VAR ups\n")
                stranger.writer.write_eof()
                return await stranger.rest()
        except ConnectionError:
            return b""


async def test_weakness_7_stranger_reads_everything_at_upsd_but_nothing_here(
    own_upsd: Upsd, served: Served
) -> None:
    served.server.update(replace(settings(), allowed_networks=(ip_network("127.0.0.1/32"),)))
    told = await disclosed(own_upsd.port)
    assert b"CLIENT ups 127.0.0.1\n" in told
    assert b"VAR ups ups.id " in told
    assert await disclosed(served.port) == b""


async def force_shutdown(port: int, name: str) -> bytes:
    """Say FSD with the credentials of a primary that somebody at another address got hold of."""
    async with connected_from("127.0.0.2", port) as thief:
        for request in ("USERNAME mon", "PASSWORD monpw"):
            assert await thief.ask(request) == b"OK\n"
        return await thief.ask(f"FSD {name}")


async def test_weakness_8_stolen_primary_shuts_all_down_at_upsd_but_not_here(
    own_upsd: Upsd, served: Served
) -> None:
    assert await force_shutdown(own_upsd.port, "ups") == b"OK FSD-SET\n"
    account = Account(
        username="mon",
        password_hash=password_hash("monpw"),
        role=Role.PRIMARY,
        networks=(ip_network("127.0.0.1/32"),),
    )
    served.ups.set_accounts([account])
    served.ups.set_names("ups", ["nas"])
    assert await force_shutdown(served.port, "ups") == b"ERR ACCESS-DENIED\n"
    (record,) = served.ups.audit.records
    assert (str(record.address), record.username, record.granted) == ("127.0.0.2", "mon", False)
    # Where it may, it stops those under one name and leaves a trace.
    served.ups.set_accounts([replace(account, networks=())])
    assert await force_shutdown(served.port, "nas") == b"OK FSD-SET\n"
    assert served.ups.forced_shutdowns == ("nas",)
    assert str(served.ups.audit.records[-1].address) == "127.0.0.2"


async def tracked(client: Client) -> str:
    """Run a command with tracking on; returns its id."""
    for request in ("USERNAME admin", "PASSWORD adminpw", "SET TRACKING ON"):
        assert await client.ask(request) == b"OK\n"
    return (await client.ask("INSTCMD ups load.off")).decode().split()[2]


async def outcome(client: Client, number: str) -> bytes:
    while (reply := await client.ask(f"GET TRACKING {number}")) == b"PENDING\n":
        pass
    return reply


async def first_tracking_id(port: int) -> str:
    async with connected(port) as client:
        return await tracked(client)


async def test_weakness_9_tracking_ids_of_upsd_can_be_foretold_but_not_ours(
    own_upsd: Upsd, tmp_path: Path
) -> None:
    with running_upsd(tmp_path, DEVICES, UPSD_USERS) as rehearsal:
        foretold = await first_tracking_id(rehearsal.port)
    assert await first_tracking_id(own_upsd.port) == foretold
    ours = []
    for _ in range(2):
        async with serving() as served:
            ours.append(await first_tracking_id(served.port))
    assert len({*ours, foretold}) == 3


async def test_weakness_10_long_name_makes_upsd_lose_the_end_of_a_line_but_not_us(
    served: Served, upsd: int
) -> None:
    request = f"GET DESC ups {'x' * 500}\nNETVER\n"
    assert b"\n1.3\n" not in await exchange(upsd, request)
    assert await exchange(served.port, request) == b"ERR INVALID-ARGUMENT\n1.3\n"


PLACES = 20


async def test_weakness_11_full_upsd_leaves_newcomers_waiting_but_we_tell_them_at_once(
    own_upsd: Upsd, tmp_path: Path
) -> None:
    with running_upsd(tmp_path, DEVICES, UPSD_USERS, extra=f"MAXCONN {PLACES}\n") as full:
        async with taking_every_place(full.port), connected(full.port) as newcomer:
            newcomer.writer.write(b"NETVER\n")
            line = asyncio.create_task(newcomer.line())
            await asyncio.wait([line], timeout=NO_ANSWER_S)
            assert not line.done()
            line.cancel()
            await asyncio.gather(line, return_exceptions=True)
    async with (
        serving(replace(LIMITS, connections=PLACES)) as served,
        taking_every_place(served.port),
        connected(served.port) as newcomer,
    ):
        assert await newcomer.closed()


async def read_tracking_of_another(port: int) -> bytes:
    """Ask with a wrong password for what became of an admin's command."""
    async with connected(port) as admin, connected(port) as stranger:
        number = await tracked(admin)
        await outcome(admin, number)
        for request in ("USERNAME admin", "PASSWORD wrong", "SET TRACKING ON"):
            assert await stranger.ask(request) == b"OK\n"
        return await outcome(stranger, number)


async def test_weakness_12_stranger_reads_the_tracking_ids_of_upsd_but_not_ours(
    served: Served, upsd: int
) -> None:
    assert await read_tracking_of_another(upsd) == b"SUCCESS\n"
    assert await read_tracking_of_another(served.port) == b"ERR UNKNOWN\n"


async def outcome_after_many_more(port: int) -> bytes:
    async with connected(port) as client:
        number = await tracked(client)
        await outcome(client, number)
        for _ in range(1024):
            assert (await client.ask("INSTCMD ups load.off")).startswith(b"OK TRACKING ")
        return await client.ask(f"GET TRACKING {number}")


async def test_weakness_12_tracking_ids_pile_up_in_upsd_but_not_here(
    served: Served, own_upsd: Upsd
) -> None:
    assert await outcome_after_many_more(own_upsd.port) == b"SUCCESS\n"
    assert await outcome_after_many_more(served.port) == b"ERR UNKNOWN\n"


@pytest.mark.parametrize("naive", [True, False])
async def test_weakness_13_request_that_never_ends_does_not_keep_its_place(naive: bool) -> None:
    limits = replace(LIMITS, request_s=FOR_EVER_S if naive else SHORT_S, idle_s=FOR_EVER_S)
    async with serving(limits) as served, connected(served.port) as slow:
        closed = asyncio.create_task(slow.closed())
        for _ in range(20):
            slow.writer.write(b"x")
            await asyncio.wait([closed], timeout=SHORT_S / 5)
        if naive:
            assert served.server.statistics.connections == 1
            closed.cancel()
            await asyncio.gather(closed, return_exceptions=True)
        else:
            assert await closed


async def test_command_behind_logout_is_executed_by_upsd_but_not_by_us(
    served: Served, upsd: int
) -> None:
    request = f"{credentials('sec')}LOGOUT\nNETVER\n"
    assert (await exchange(upsd, request)).endswith(b"OK Goodbye\n1.3\n")
    assert (await exchange(served.port, request)).endswith(b"OK Goodbye\n")


def test_every_weakness_is_attacked() -> None:
    numbers = set()
    for text in re.findall(r"def test_weakness_((?:\d+_(?:and_)?)+)", Path(__file__).read_text()):
        numbers |= {int(number) for number in re.findall(r"\d+", text)}
    assert sorted(numbers) == list(range(1, 14))
