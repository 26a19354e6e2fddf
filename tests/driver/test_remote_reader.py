"""What the answers of odd servers come to, when the variables are read."""

import asyncio

import pytest

from custom_components.omron_ups.driver import (
    InvalidReplyError,
    NoDataError,
    ReplyTimeoutError,
    TransportError,
    UnknownUpsError,
    UpsError,
)

from .remote_data import HEALTHY, LIST_VAR
from .remote_rig import (
    HEADER,
    SILENCE_S,
    failure,
    give_up_after,
    listening,
    listing,
    odd_server,
    until,
    watching,
)


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on silent servers soon."""
    give_up_after(SILENCE_S, monkeypatch)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"ERR DRIVER-NOT-CONNECTED\n", NoDataError),
        (listing({"ups.status": "WAIT"}), NoDataError),
        (listing({}), NoDataError),
        (b"ERR UNKNOWN-UPS\n", UnknownUpsError),
        (b"ERR FEATURE-NOT-SUPPORTED\n", InvalidReplyError),
        (b"hello\n", InvalidReplyError),
        (b"BEGIN LIST VAR ups\nVAR ups ups.status\nEND LIST VAR ups\n", InvalidReplyError),
        (b"BEGIN LIST VAR ups\n" + b"x" * 100_000, InvalidReplyError),
        (listing({"ups.status": "OL", "ups.mfr": "\u96fb"}), InvalidReplyError),
        (b"", ReplyTimeoutError),
        (b"BEGIN LIST VAR ups\n", ReplyTimeoutError),
        (None, TransportError),
    ],
)
async def test_lists_that_tell_nothing(answer: bytes | None, error: type[UpsError]) -> None:
    async with odd_server({LIST_VAR: answer}) as server:
        assert isinstance(await failure(server.port), error)


async def test_it_closes_in_the_middle_of_a_list() -> None:
    async with odd_server({}) as server:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            is_list = server.connections == 0
            server.connections += 1
            writer.write(HEADER if is_list else b"BEGIN LIST VAR ups\nVAR ups a")
            await writer.drain()
            writer.close()

        async with listening(serve) as port:
            assert type(await failure(port)) is TransportError


async def test_a_late_answer_is_never_taken_for_another() -> None:
    async with odd_server(HEALTHY) as server, watching(server.port) as watched:
        server.answers[LIST_VAR] = b""
        connections = server.connections
        await until(lambda: server.connections > connections)
        late = next(iter(server.writers))
        server.answers[LIST_VAR] = listing({"ups.status": "OL", "ups.load": "99"})
        late.write(listing({"ups.status": "OB LB", "ups.load": "1"}))
        await watched.until(lambda state: state.load == 99)
        assert all(state.on_battery is False for state in watched.published)
