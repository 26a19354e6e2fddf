"""STARTTLS: clients that mean well, clients that do not, and certificates that change."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
import socket
import ssl

import pytest

from custom_components.omron_ups.nut import (
    CertificateError,
    CertificateFault,
    TlsFiles,
    load_certificate,
)
from custom_components.omron_ups.nut.connection import Connection
from custom_components.omron_ups.nut.server import NutServer
from custom_components.omron_ups.nut.session import Session

from .certificates import client_context, pem_pair, write_files
from .shared import (
    LIMITS,
    PATIENCE_S,
    Client,
    Served,
    connected,
    exchange,
    serving_with,
    settings,
    until,
)

SHORT_S = 0.05
PRIVILEGED = (
    "USERNAME u",
    "PASSWORD p",
    "LOGIN ups",
    "FSD ups",
    "SET VAR ups x y",
    "INSTCMD ups x",
)
INJECTED = "STARTTLS\nUSERNAME mon\nPASSWORD monpw\nFSD spare\nVER\n"


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return write_files(tmp_path)


@pytest.fixture
async def served(files: TlsFiles) -> AsyncGenerator[Served]:
    async with serving_with(replace(settings(), tls=files)) as served:
        yield served


async def start_tls(client: Client, context: ssl.SSLContext | None = None) -> None:
    assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
    async with asyncio.timeout(PATIENCE_S):
        await client.writer.start_tls(context or client_context())


@asynccontextmanager
async def secured(port: int, context: ssl.SSLContext | None = None) -> AsyncGenerator[Client]:
    async with connected(port) as client:
        await start_tls(client, context)
        yield client


async def no_connections(server: NutServer) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while server.statistics.connections:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.001)


async def test_58_conversation_goes_on_in_tls(served: Served) -> None:
    async with secured(served.port) as client:
        assert client.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        assert await client.ask("NETVER") == b"1.3\n"
        assert await client.ask("STARTTLS") == b"ERR ALREADY-SSL-MODE\n"
        await client.log_in()
        assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 1\n"
        assert await client.ask("LOGOUT") == b"OK Goodbye\n"
        assert await client.rest() == b""
    await until(served.ups, lambda: not served.ups.clients)
    await no_connections(served.server)


async def test_extra_words_behind_starttls_are_ignored(served: Served) -> None:
    async with connected(served.port) as client:
        assert await client.ask("starttls now please") == b"OK STARTTLS\n"


async def test_login_in_tls_ends_with_a_connection_that_breaks(served: Served) -> None:
    async with secured(served.port) as client:
        await client.log_in()
        client.writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await until(served.ups, lambda: not served.ups.clients)
    await no_connections(served.server)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
async def test_tls_1_1_is_refused_and_1_2_is_not(served: Served) -> None:
    old = client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with connected(served.port) as client:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await start_tls(client, old)
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with secured(served.port, context) as client:
        assert await client.ask("NETVER") == b"1.3\n"


async def test_long_replies_reach_a_client_that_reads_late(files: TlsFiles) -> None:
    count = 5000
    limits = replace(LIMITS, output_bytes=4096)
    async with serving_with(replace(settings(limits), tls=files)) as served:
        block = await exchange(served.port, "LIST VAR ups\n")
        async with secured(served.port) as client:
            client.writer.write(b"LIST VAR ups\n" * count + b"LOGOUT\n")
            async with asyncio.timeout(PATIENCE_S):
                assert await client.reader.readexactly(len(block) * count) == block * count
            assert await client.rest() == b"OK Goodbye\n"


async def test_client_in_tls_that_never_reads_is_dropped_alone(files: TlsFiles) -> None:
    limits = replace(LIMITS, output_bytes=4096, output_stall_s=SHORT_S)
    async with serving_with(replace(settings(limits), tls=files)) as served:
        async with secured(served.port) as greedy, connected(served.port) as other:
            assert isinstance(greedy.writer.transport, asyncio.Transport)
            greedy.writer.transport.pause_reading()

            async def ask_without_reading() -> None:
                while True:
                    greedy.writer.write(b"LIST VAR ups\n" * 4000)
                    await greedy.writer.drain()

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(ask_without_reading(), PATIENCE_S)
            assert await other.ask("NETVER") == b"1.3\n"
        await no_connections(served.server)


def _keeps_what_was_sent_before(connection: Connection, context: ssl.SSLContext) -> None:
    """Begin TLS as upsd does, the bytes read so far kept for afterwards."""
    connection._flush()
    connection._transport.pause_reading()
    connection._pending = connection._loop.create_task(connection._upgrade(context))


@pytest.mark.parametrize("naive", [True, False])
async def test_59_text_injected_ahead_of_tls_is_not_executed(
    naive: bool, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    if naive:
        monkeypatch.setattr(Connection, "_start_tls", _keeps_what_was_sent_before)
    async with connected(served.port) as client:
        client.writer.write(INJECTED.encode())
        assert await client.line() == b"OK STARTTLS\n"
        await client.writer.start_tls(client_context())
        client.writer.write(b"LOGOUT\n")
        replies = await client.rest()
    assert replies.endswith(b"OK Goodbye\n")
    assert replies.count(b"\n") == (5 if naive else 1)
    assert served.upses["spare"].is_forced_shutdown("spare") is naive


def _goes_on_as_before(_server: NutServer, connection: Connection) -> Session:
    """Keep what the client said in clear text, as upsd does."""
    session = connection._session
    assert session is not None
    session.finished, session.upgrade = False, None
    return session


@pytest.mark.parametrize("naive", [True, False])
async def test_what_was_said_in_clear_text_does_not_count_in_tls(
    naive: bool, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    if naive:
        monkeypatch.setattr(NutServer, "secured", _goes_on_as_before)
    async with connected(served.port) as client:
        for request in ("USERNAME mon", "PASSWORD monpw", "SET TRACKING ON"):
            assert await client.ask(request) == b"OK\n"
        await start_tls(client)
        assert await client.ask("GET TRACKING") == (b"ON\n" if naive else b"OFF\n")
        expected = b"OK PRIMARY-GRANTED\n" if naive else b"ERR USERNAME-REQUIRED\n"
        assert await client.ask("PRIMARY ups") == expected


async def test_login_in_clear_text_is_over_with_starttls(served: Served) -> None:
    async with connected(served.port) as client:
        await client.log_in()
        assert served.ups.logins == 1
        await start_tls(client)
        assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 0\n"


@pytest.mark.parametrize("naive", [True, False])
async def test_60_stalled_handshake_is_closed_and_holds_up_nobody(
    naive: bool, files: TlsFiles
) -> None:
    limits = replace(LIMITS, handshake_s=3600 if naive else SHORT_S, idle_s=SHORT_S)
    async with (
        serving_with(replace(settings(limits), tls=files)) as served,
        connected(served.port) as stalling,
    ):
        assert await stalling.ask("STARTTLS") == b"OK STARTTLS\n"
        assert await exchange(served.port, "NETVER\n") == b"1.3\n"
        if naive:
            # Neither the idle limit nor anything else ends it.
            await asyncio.sleep(5 * SHORT_S)
            assert served.server.statistics.connections == 1
        else:
            assert await stalling.closed()
            await no_connections(served.server)


@pytest.mark.parametrize("garbage", [b"VER\n" * 100, b"\x16\x03\x01\x00\x05hello", b"\x00"])
async def test_garbage_instead_of_a_handshake_costs_only_its_client(
    garbage: bytes, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(served.port) as client:
        assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
        client.writer.write(garbage)
        client.writer.write_eof()
        await client.rest()
    await no_connections(served.server)
    assert await exchange(served.port, "NETVER\n") == b"1.3\n"
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


@pytest.mark.parametrize("end", ["client", "server", "networks"])
async def test_connection_lost_during_the_handshake_is_forgotten(
    end: str, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(served.port) as client:
        assert await client.ask("STARTTLS") == b"OK STARTTLS\n"
        if end == "client":
            client.writer.transport.abort()
        elif end == "server":
            await served.server.close()
        else:
            served.server.update(replace(served.server.settings, allowed_networks=()))
        await no_connections(served.server)
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


@pytest.mark.parametrize("request_line", PRIVILEGED)
@pytest.mark.parametrize(
    ("address", "secure", "refused"),
    [("192.0.2.7", False, True), ("192.0.2.7", True, False), ("127.0.0.1", False, False)],
)
async def test_credentials_in_clear_text_are_refused_where_tls_is_required(
    request_line: str, address: str, secure: bool, refused: bool, served: Served
) -> None:
    served.server.update(replace(served.server.settings, require_tls=True))
    session = Session(
        common=served.server._common,
        address=ip_address(address),
        drop=lambda: None,
        context=served.server._context,
        secure=secure,
    )
    words = tuple(request_line.split())
    assert (session.handle(words) == b"ERR ACCESS-DENIED\n") is refused
    assert session.handle(("GET", "VAR", "ups", "ups.status")) == b'VAR ups ups.status "OL"\n'
    served.server.update(replace(served.server.settings, require_tls=False))
    assert session.handle(words) != b"ERR ACCESS-DENIED\n"


def _missing(files: TlsFiles) -> None:
    files.certificate.unlink()


def _no_certificate(files: TlsFiles) -> None:
    files.certificate.write_text("planted secret")


def _missing_key(files: TlsFiles) -> None:
    files.private_key.unlink()


def _no_key(files: TlsFiles) -> None:
    files.private_key.write_text("planted secret")


def _other_key(files: TlsFiles) -> None:
    certificate = files.certificate.read_bytes()
    write_files(files.certificate.parent, "other")
    files.certificate.write_bytes(certificate)


def _locked_key(files: TlsFiles) -> None:
    write_files(files.certificate.parent, passphrase=b"planted secret")


FAULTS = [
    (_missing, CertificateFault.CERTIFICATE_UNREADABLE),
    (_no_certificate, CertificateFault.CERTIFICATE_UNREADABLE),
    (_missing_key, CertificateFault.PRIVATE_KEY_UNREADABLE),
    (_no_key, CertificateFault.PRIVATE_KEY_UNREADABLE),
    (_other_key, CertificateFault.PRIVATE_KEY_MISMATCH),
    (_locked_key, CertificateFault.PRIVATE_KEY_ENCRYPTED),
]


@pytest.mark.parametrize(("spoil", "fault"), FAULTS)
async def test_files_that_cannot_be_used_are_told_in_words(
    spoil: Callable[[TlsFiles], None], fault: CertificateFault, files: TlsFiles
) -> None:
    spoil(files)
    with pytest.raises(CertificateError) as caught:
        await load_certificate(files)
    assert caught.value.fault is fault
    assert "planted" not in str(caught.value)
    assert str(files.certificate.parent) in str(caught.value)


@pytest.mark.parametrize(("spoil", "fault"), FAULTS)
async def test_server_without_a_usable_certificate_serves_without_tls(
    spoil: Callable[[TlsFiles], None], fault: CertificateFault, files: TlsFiles
) -> None:
    spoil(files)
    heard: list[CertificateError | None] = []
    server = NutServer(replace(settings(), tls=files), on_certificate=heard.append)
    await server.start()
    try:
        assert await exchange(server.port, "STARTTLS\nNETVER\n") == (
            b"ERR FEATURE-NOT-CONFIGURED\n1.3\n"
        )
        write_files(files.certificate.parent, "repaired")
        await server.refresh_certificate()
        async with secured(server.port, client_context("repaired")) as client:
            assert await client.ask("NETVER") == b"1.3\n"
    finally:
        await server.close()
    assert [err.fault if err else None for err in heard] == [fault, None]


async def test_renewed_certificate_is_shown_after_an_update(served: Served) -> None:
    files = served.server.settings.tls
    assert files is not None
    heard: asyncio.Queue[CertificateError | None] = asyncio.Queue()
    served.server.on_certificate = heard.put_nowait
    async with secured(served.port) as early:
        write_files(files.certificate.parent, "renewed")
        served.server.update(served.server.settings)
        assert await heard.get() is None
        async with secured(served.port, client_context("renewed")) as client:
            assert await client.ask("NETVER") == b"1.3\n"
        assert await early.ask("NETVER") == b"1.3\n"
        files.certificate.write_bytes(pem_pair("localhost")[0])
        served.server.update(served.server.settings)
        assert await heard.get() is not None
        async with secured(served.port, client_context("renewed")) as client:
            assert await client.ask("NETVER") == b"1.3\n"


async def test_files_that_did_not_change_are_not_read_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = served.server._certificate.context
    await served.server.refresh_certificate()
    assert served.server._certificate.context is context
    served.server.update(replace(served.server.settings, tls=None))
    await served.server.refresh_certificate()
    assert not served.server.has_tls


async def test_output_is_switched_in_tls_too(served: Served) -> None:
    async with secured(served.port) as client:
        await client.log_in("admin")
        assert await client.ask("INSTCMD ups load.off") == b"OK\n"
    assert served.driver.calls == [("load.off", None)]
