"""The server's shell: limits, refusals, and clients that misbehave."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
import socket
import struct

import pytest

from custom_components.omron_ups.nut import (
    AddressNotAvailableError,
    NutServer,
    NutServerError,
    NutUps,
    PortInUseError,
    ServerSettings,
)
from custom_components.omron_ups.nut.connection import Connection
from custom_components.omron_ups.nut.session import COMMANDS, Command, Session

from .shared import (
    ELSEWHERE,
    LIMITS,
    LOOPBACK,
    PATIENCE_S,
    Served,
    connected,
    credentials,
    exchange,
    serving,
    settings,
    until,
)

SHORT_S = 0.05
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def settled(condition: Callable[[], bool]) -> None:
    """Let the loop turn until a condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)


async def test_67_login_ends_with_the_connection_however_it_ends(served: Served) -> None:
    async with connected(served.port) as client:
        await client.log_in()
        client.writer.write_eof()
        assert await client.rest() == b""
        await until(served.ups, lambda: not served.ups.clients)
    async with connected(served.port) as client:
        await client.log_in()
        raw = client.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        client.writer.transport.abort()
        await until(served.ups, lambda: not served.ups.clients)
    async with connected(served.port) as client:
        await client.log_in()
        assert await client.ask("LOGOUT") == b"OK Goodbye\n"
        await until(served.ups, lambda: not served.ups.clients)


async def test_68_idle_client_is_closed_without_a_word_and_logged_out(served: Served) -> None:
    async with connected(served.port) as client:
        await client.log_in()
        served.server.update(settings(replace(LIMITS, idle_s=0.0)))
        assert await client.rest() == b""
        await until(served.ups, lambda: not served.ups.clients)


async def test_slow_request_is_closed_although_bytes_keep_coming() -> None:
    async with (
        serving(replace(LIMITS, request_s=SHORT_S)) as served,
        connected(served.port) as client,
    ):
        closed = asyncio.create_task(client.closed())
        while not closed.done():
            client.writer.write(b"x")
            await asyncio.sleep(SHORT_S / 10)
        assert await closed


async def test_complete_requests_leave_the_slow_request_limit_unused() -> None:
    async with (
        serving(replace(LIMITS, request_s=SHORT_S, idle_s=PATIENCE_S)) as served,
        connected(served.port) as silent,
    ):
        assert await silent.ask("NETVER") == b"1.3\n"
        async with connected(served.port) as slow:
            slow.writer.write(b"NETVER")
            assert await slow.closed()
        assert await silent.ask("NETVER") == b"1.3\n"


@pytest.mark.parametrize("opening", [b"", b'GET "', b"VER\n"])
async def test_66_endless_request_gets_one_error_and_is_closed(
    opening: bytes, served: Served
) -> None:
    async with connected(served.port) as client, connected(served.port) as other:
        client.writer.write(opening + b"x" * 2**20)
        if opening.endswith(b"\n"):
            assert await client.line() != b""
        assert await client.line() == b"ERR INVALID-ARGUMENT\n"
        client.writer.write(b"\nVER\n")
        assert await client.rest() == b""
        assert await other.ask("NETVER") == b"1.3\n"


async def test_client_that_keeps_sending_after_the_goodbye_is_closed() -> None:
    async with (
        serving(replace(LIMITS, request_s=SHORT_S)) as served,
        connected(served.port) as client,
    ):
        assert await client.ask("LOGOUT") == b"OK Goodbye\n"
        assert await client.rest() == b""
        async with asyncio.timeout(PATIENCE_S):
            while served.server.statistics.connections:
                client.writer.write(b"VER\n")
                await asyncio.sleep(0)


async def test_69_client_that_never_reads_is_dropped_alone() -> None:
    limits = replace(LIMITS, output_bytes=4096, output_stall_s=SHORT_S)
    async with (
        serving(limits) as served,
        connected(served.port) as other,
    ):
        loop = asyncio.get_running_loop()
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.settimeout(0)
            await loop.sock_connect(greedy, ("127.0.0.1", served.port))

            async def ask_without_reading() -> None:
                while True:
                    await loop.sock_sendall(greedy, b"LIST VAR ups\n" * 4000)

            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                async with asyncio.timeout(PATIENCE_S):
                    await ask_without_reading()
        assert await other.ask("NETVER") == b"1.3\n"
        assert served.server.statistics.connections == 1


async def test_client_that_reads_late_gets_every_reply() -> None:
    count = 40_000
    async with (
        serving(replace(LIMITS, output_bytes=4096)) as served,
        connected(served.port) as client,
    ):
        block = await exchange(served.port, "LIST VAR ups\n")
        client.writer.write(b"LIST VAR ups\n" * count + b"LOGOUT\n")
        async with asyncio.timeout(PATIENCE_S):
            assert await client.reader.readexactly(len(block) * count) == block * count
        assert await client.rest() == b"OK Goodbye\n"


async def test_500_clients_at_once_are_all_answered(served: Served) -> None:
    replies = await asyncio.gather(*(exchange(served.port, "NETVER\n") for _ in range(500)))
    assert set(replies) == {b"1.3\n"}


async def test_73_refused_address_is_closed_without_a_byte() -> None:
    """As upsd 2.2.2 did, seen with one built from its source; upsd 2.4 and newer lets all in."""
    refused: list[object] = []
    server = NutServer(replace(settings(), allowed_networks=ELSEWHERE), on_refused=refused.append)
    await server.start()
    try:
        for _ in range(2):
            async with connected(server.port) as client:
                client.writer.write(b"VER\n")
                assert await client.closed()
        assert refused == [IPv4Address("127.0.0.1")]
        assert (server.statistics.refused, server.statistics.accepted) == (2, 0)
        server.update(server.settings)
        async with connected(server.port) as client:
            assert await client.closed()
        assert len(refused) == 2
        server.update(replace(server.settings, allowed_networks=LOOPBACK))
        assert await exchange(server.port, "NETVER\n") == b"1.3\n"
    finally:
        await server.close()


async def test_narrower_networks_close_only_those_outside(served: Served) -> None:
    async with connected(served.port) as client:
        assert await client.ask("NETVER") == b"1.3\n"
        served.server.update(settings(replace(LIMITS, idle_s=30.0)))
        assert await client.ask("NETVER") == b"1.3\n"
        served.server.update(replace(settings(), allowed_networks=ELSEWHERE))
        assert await client.closed()


@pytest.mark.parametrize("cap", ["connections", "connections_per_address"])
async def test_connections_over_a_cap_are_closed_at_once(cap: str) -> None:
    async with serving(replace(LIMITS, **{cap: 2})) as served:
        async with connected(served.port) as first, connected(served.port) as second:
            for client in (first, second):
                assert await client.ask("NETVER") == b"1.3\n"
            async with connected(served.port) as third:
                assert await third.closed()
            first.writer.write_eof()
            assert await first.rest() == b""
            await settled(lambda: served.server.statistics.connections == 1)
            assert await exchange(served.port, "NETVER\n") == b"1.3\n"
        assert served.server.statistics.refused == 1


async def test_wrong_password_waits_and_holds_up_nobody() -> None:
    async with (
        serving(replace(LIMITS, failed_credentials_delay_s=3600)) as served,
        connected(served.port) as wrong,
        connected(served.port) as other,
    ):
        wrong.writer.write(b"USERNAME sec\nPASSWORD wrong\nLOGIN ups\nNETVER\n")
        assert await wrong.line() == b"OK\n"
        assert await wrong.line() == b"OK\n"
        assert await other.ask("GET VAR ups ups.status") == b'VAR ups ups.status "OL"\n'
        assert await other.ask("LIST CLIENT ups") == b"BEGIN LIST CLIENT ups\n"
        # Only the five requests that were answered or wait for their check have been taken in.
        assert served.server.statistics.requests == 5


async def test_client_that_waits_for_its_password_check_is_not_idle() -> None:
    async with (
        serving(replace(LIMITS, failed_credentials_delay_s=3600)) as served,
        connected(served.port) as waiting,
        connected(served.port) as idle,
    ):
        waiting.writer.write(b"USERNAME sec\nPASSWORD wrong\nLOGIN ups\n")
        assert await waiting.line() == b"OK\n"
        assert await waiting.line() == b"OK\n"
        served.server.update(settings(replace(served.server.limits, idle_s=0.0)))
        assert await idle.closed()
        assert served.server.statistics.connections == 1


async def test_requests_behind_a_password_check_keep_their_order(served: Served) -> None:
    replies = await exchange(
        served.port,
        f"NETVER\n{credentials('sec')}LOGIN ups\nGET NUMLOGINS ups\nLOGOUT\nVER\n",
    )
    assert replies == b"1.3\nOK\nOK\nOK\nNUMLOGINS ups 1\nOK Goodbye\n"


async def test_ups_that_goes_during_a_password_check_gets_no_login(served: Served) -> None:
    ups = NutUps(name="x")
    ups.set_accounts(served.ups.accounts._accounts)
    undo = served.server.add_ups(ups)
    async with connected(served.port) as client:
        await client.ask("USERNAME sec")
        await client.ask("PASSWORD secpw")
        verify = ups.accounts.verify

        async def verify_and_remove(given: object) -> object:
            account = await verify(given)  # type: ignore[arg-type]
            undo()
            return account

        ups._accounts.verify = verify_and_remove  # type: ignore[method-assign, assignment]
        assert await client.ask("LOGIN x") == b"ERR UNKNOWN-UPS\n"
    assert ups.clients == ()


async def _fail_late(_session: Session, _words: object) -> bytes:
    raise RuntimeError("planted")


def _fail_now(_session: Session, _words: object) -> bytes:
    raise RuntimeError("planted")


@pytest.mark.parametrize("handler", [_fail_now, _fail_late])
async def test_fault_costs_its_client_the_connection_and_is_logged(
    handler: Callable[[Session, object], bytes],
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(COMMANDS, "FAULT", Command(handler=handler))
    async with connected(served.port) as client, connected(served.port) as other:
        client.writer.write(b"FAULT\n")
        assert await client.closed()
        assert await other.ask("NETVER") == b"1.3\n"
    assert "planted" in caplog.text


async def test_requests_are_counted(served: Served) -> None:
    await exchange(served.port, "VER\nFOO\n\n")
    statistics = served.server.statistics
    assert (statistics.requests, statistics.accepted) == (3, 1)


async def test_closing_twice_closes_every_client_once(served: Served) -> None:
    async with connected(served.port) as client, connected(served.port) as silent:
        await client.log_in()
        await served.server.close()
        await served.server.close()
        assert await client.closed()
        assert await silent.closed()
        assert served.ups.clients == ()


async def test_closed_server_can_start_again(served: Served) -> None:
    await served.server.close()
    await served.server.start()
    await served.server.start()
    assert await exchange(served.port, "NETVER\n") == b"1.3\n"


async def test_closing_during_a_password_check_leaves_no_login() -> None:
    async with (
        serving(replace(LIMITS, failed_credentials_delay_s=3600)) as served,
        connected(served.port) as client,
    ):
        client.writer.write(b"USERNAME sec\nPASSWORD wrong\nLOGIN ups\n")
        assert await client.line() == b"OK\n"
        await served.server.close()
        assert served.ups.clients == ()


async def test_port_in_use_and_foreign_addresses_are_told_apart(served: Served) -> None:
    taken = NutServer(replace(settings(), port=served.port))
    with pytest.raises(PortInUseError):
        await taken.start()
    with pytest.raises(AddressNotAvailableError):
        await NutServer(replace(settings(), host="192.0.2.1")).start()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (PermissionError(13, "Permission denied"), NutServerError),
        (socket.gaierror(-2, "Name or service not known"), AddressNotAvailableError),
    ],
)
async def test_other_errors_of_the_system_are_told_too(
    fault: OSError, error: type[NutServerError], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: object, **_options: object) -> None:
        raise fault

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", refuse)
    with pytest.raises(NutServerError) as caught:
        await NutServer(settings()).start()
    assert type(caught.value) is error
    assert caught.value.__cause__ is fault


def test_server_does_not_move() -> None:
    server = NutServer(settings())
    assert server.port == 0
    with pytest.raises(ValueError, match="another address"):
        server.update(replace(settings(), port=1))


async def test_ipv4_client_of_an_ipv6_socket_is_an_ipv4_client() -> None:
    with socket.socket(socket.AF_INET6) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.bind(("::ffff:127.0.0.1", 0))
        probe.listen()
        probe.settimeout(0)
        loop = asyncio.get_running_loop()
        port = probe.getsockname()[1]
        server = NutServer(
            ServerSettings(
                host="127.0.0.1",
                port=0,
                allowed_networks=(ip_network("127.0.0.1/32"),),
                limits=LIMITS,
            )
        )
        await server.start()
        try:
            assert server._server is not None
            inner = await loop.create_server(lambda: Connection(server, loop), sock=probe)
            assert await exchange(port, "NETVER\n") == b"1.3\n"
            inner.close()
        finally:
            await server.close()


async def test_nagle_is_off(served: Served) -> None:
    async with connected(served.port) as client:
        await client.ask("NETVER")
        (connection,) = served.server._connections
        raw = connection._transport.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
