"""Who answers at an address, and how it says that it does not want to."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
import socket

import pytest

from custom_components.omron_ups.driver import (
    AddressNotAllowedError,
    InvalidReplyError,
    NotANutServerError,
    RemoteServer,
    ReplyTimeoutError,
    ServerUnreachableError,
    UnknownUpsError,
    list_remote_ups,
    remote_wire,
)
from tests.ports import unused_port

from .remote_data import LIST_VAR
from .remote_rig import SILENCE_S, failure, give_up_after, listening, odd_server


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on silent servers soon."""
    give_up_after(SILENCE_S, monkeypatch)


@contextlib.asynccontextmanager
async def saying(text: bytes, *, hangs_up: bool = False) -> AsyncIterator[int]:
    """Listen, and greet every client with this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        if not hangs_up:
            await reader.read()
        writer.close()

    async with listening(serve) as port:
        yield port


async def test_nobody_listens() -> None:
    port = unused_port()
    assert isinstance(await failure(port), ServerUnreachableError)
    with pytest.raises(ServerUnreachableError, match=f"127.0.0.1:{port} cannot be reached"):
        await list_remote_ups("127.0.0.1", port)


async def test_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(ServerUnreachableError, match=r"nas\.invalid is not known"):
        await list_remote_ups("nas.invalid")


async def test_an_address_that_swallows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_wire, "CONNECT_LIMIT_S", 0)
    with pytest.raises(ServerUnreachableError, match="no answer"):
        await list_remote_ups("127.0.0.1", unused_port())


async def test_accepted_and_closed_at_once_is_how_a_qnap_refuses() -> None:
    async with saying(b"", hangs_up=True) as port:
        error = await failure(port)
        assert isinstance(error, AddressNotAllowedError)
        assert error.address == "127.0.0.1"
        assert "add this address (127.0.0.1) on the NAS" in str(error)
        with pytest.raises(AddressNotAllowedError):
            await list_remote_ups("127.0.0.1", port)


async def test_reading_denied_is_the_same() -> None:
    async with odd_server({"LIST UPS": b"ERR ACCESS-DENIED\n"}) as server:
        assert isinstance(await failure(server.port), AddressNotAllowedError)
    async with odd_server({LIST_VAR: b"ERR ACCESS-DENIED\n"}) as server:
        assert isinstance(await failure(server.port), AddressNotAllowedError)


async def test_silence() -> None:
    async with saying(b"") as port:
        assert isinstance(await failure(port), ReplyTimeoutError)


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\x00\n",
        b"\n",
        b"x" * 100_000,
        b"BEGIN LIST UPS\n" + b"UPS ups x\n" * 3000,
    ],
    ids=["ssh", "http", "binary", "empty", "endless line", "endless list"],
)
async def test_no_nut_server(text: bytes) -> None:
    async with saying(text) as port:
        assert isinstance(await failure(port), NotANutServerError)


async def test_a_server_that_refuses_lists() -> None:
    async with odd_server({"LIST UPS": b"ERR\n"}) as server:
        assert isinstance(await failure(server.port), InvalidReplyError)


async def test_a_server_without_ups_names_none() -> None:
    async with odd_server({"LIST UPS": b"BEGIN LIST UPS\nEND LIST UPS\n"}) as server:
        error = await failure(server.port)
        assert isinstance(error, UnknownUpsError)
        assert (error.names, str(error).endswith("it names none")) == ((), True)
        assert await list_remote_ups("127.0.0.1", server.port, "u", "p") == {}


async def test_descriptions_may_be_in_any_script() -> None:
    header = 'BEGIN LIST UPS\nUPS a "\u505c\u96fb \\"1\\""\nUPS b\nUPS\nEND LIST UPS\n'.encode()
    async with odd_server({"LIST UPS": header}) as server:
        found = await list_remote_ups("127.0.0.1", server.port)
    assert found == {"a": '\u505c\u96fb "1"', "b": ""}


def test_an_address_of_six_is_told_from_its_port() -> None:
    assert RemoteServer(host="fd00::1").label == "[fd00::1]:3493"
    assert "hunter2" not in repr(RemoteServer(host="nas", password="hunter2"))
