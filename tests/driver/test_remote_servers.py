"""The remote UPS on servers that are odd, old, broken or no NUT servers at all."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from custom_components.omron_ups.driver import (
    AddressNotAllowedError,
    CommandError,
    CommandNotAllowedError,
    CommandRejectedError,
    CredentialsRefusedError,
    InvalidReplyError,
    NoDataError,
    NotANutServerError,
    RemoteServer,
    ReplyTimeoutError,
    ServerUnreachableError,
    TransportError,
    UnconfirmedError,
    UnknownUpsError,
    UpsError,
    Writable,
    list_remote_ups,
    remote,
    remote_reader,
    remote_wire,
)

from .remote_rig import (
    HEADER,
    QUICK,
    Watched,
    free_port,
    listening,
    listing,
    odd_server,
    until,
    watching,
)

LIST_VAR = "LIST VAR ups"
ON_MAINS = {"ups.status": "OL", "ups.load": "12"}
HEALTHY = {LIST_VAR: listing(ON_MAINS)}
# NUT 2.7 and older: no TRACKING.
OLD = {
    **HEALTHY,
    "USERNAME": b"OK\n",
    "PASSWORD": b"OK\n",
    "LOGIN": b"OK\n",
    "SET VAR": b"ERR VAR-NOT-SUPPORTED\n",
    "SET TRACKING": b"ERR INVALID-ARGUMENT\n",
    "LIST RW": b'BEGIN LIST RW ups\nRW ups ups.id "x"\nRW ups\nEND LIST RW ups\n',
    "LIST CMD": b"BEGIN LIST CMD ups\nCMD ups beeper.toggle\nCMD ups\nEND LIST CMD ups\n",
    "GET TYPE": b"TYPE ups ups.id RW STRING:8\n",
    "INSTCMD": b"OK\n",
    "SET VAR ups ups.id": b"OK\n",
}
WHO: dict[str, Any] = {"username": "u", "password": "p"}


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on silent servers soon."""
    monkeypatch.setattr(remote_reader, "REPLY_LIMIT_S", 0.2)
    monkeypatch.setattr(remote_wire, "REPLY_LIMIT_S", 0.2)


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


async def failure(port: int) -> UpsError:
    """Return why the UPS cannot be started."""
    watched = Watched(port)
    with pytest.raises(UpsError) as caught:
        await watched.ups.start()
    assert not watched.ups.is_running
    return caught.value


# Who is there?


async def test_nobody_listens() -> None:
    port = free_port()
    assert isinstance(await failure(port), ServerUnreachableError)
    with pytest.raises(ServerUnreachableError, match=f"127.0.0.1:{port} cannot be reached"):
        await list_remote_ups("127.0.0.1", port)


async def test_no_such_host() -> None:
    with pytest.raises(ServerUnreachableError, match=r"nowhere\.invalid is not known"):
        await list_remote_ups("nowhere.invalid")


async def test_an_address_that_swallows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_wire, "CONNECT_LIMIT_S", 0)
    with pytest.raises(ServerUnreachableError, match="no answer"):
        await list_remote_ups("127.0.0.1", free_port())


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


# What does it say?


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


async def test_one_lost_poll_is_no_loss() -> None:
    patient = replace(QUICK, stale_after_s=30.0)
    async with odd_server(HEALTHY) as server, watching(server.port, timing=patient) as watched:
        for answer in (None, b"", b"garbage\n", b"ERR DRIVER-NOT-CONNECTED\n"):
            server.requests.clear()
            server.answers[LIST_VAR] = answer
            await until(lambda: server.requests)
            server.answers[LIST_VAR] = listing(ON_MAINS)
            watched.polls = 0
            await until(lambda: watched.polls > 1)
        assert not any(state.stale for state in watched.published)


@pytest.mark.parametrize("answer", [None, b"", b"garbage\n"])
async def test_a_server_that_went_mad_is_a_loss_until_it_recovers(answer: bytes | None) -> None:
    async with odd_server(HEALTHY) as server, watching(server.port) as watched:
        server.answers[LIST_VAR] = answer
        await watched.until(lambda state: state.stale)
        assert watched.ups.last_error is not None
        server.answers[LIST_VAR] = listing(ON_MAINS)
        await watched.until(lambda state: not state.stale)


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


async def test_polls_come_faster_on_battery() -> None:
    async with odd_server(HEALTHY) as server, watching(server.port) as watched:
        server.answers[LIST_VAR] = listing({"ups.status": "OB DISCHRG"})
        await watched.until(lambda state: state.on_battery)
        assert watched.ups.age is not None
        seen = len(watched.published)
        await until(lambda: len(watched.published) > seen + 3)


async def test_a_subscriber_can_leave_and_its_bugs_are_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with odd_server(HEALTHY) as server:
        watched = Watched(server.port)

        def fail(_state: object) -> None:
            raise RuntimeError("a bug")

        leave = watched.ups.subscribe(fail)
        await watched.ups.start()
        assert "error in a subscriber" in caplog.text
        leave()
        leave()
        caplog.clear()
        seen = len(watched.published)
        await until(lambda: len(watched.published) > seen)
        await watched.ups.stop()
        assert "error in a subscriber" not in caplog.text


async def test_a_bug_of_ours_ends_neither_the_polls_nor_the_reconnects(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_seen: object) -> None:
        raise RuntimeError("a bug")

    async with odd_server(HEALTHY) as server, watching(server.port) as watched:
        with monkeypatch.context() as patch:
            patch.setattr(remote, "assemble_remote", fail)
            await until(lambda: "error while connecting" in caplog.text)
            assert "error in the poll loop" in caplog.text
        await until(lambda: watched.ups.last_error is not None)
        seen = len(watched.published)
        await until(lambda: len(watched.published) > seen + 1)


async def test_a_start_that_is_given_up_leaves_nothing_behind() -> None:
    async with odd_server({**OLD, "LIST CMD": b""}) as server:
        watched = Watched(server.port, **WHO)
        start = asyncio.create_task(watched.ups.start())
        await until(lambda: any(line.startswith("LIST CMD") for line in server.requests))
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        assert not watched.ups.is_running


async def test_a_loss_in_the_first_round_is_why_it_does_not_start() -> None:
    async with odd_server({**OLD, "LIST CMD": b""}) as server:
        watched = Watched(server.port, **WHO)
        start = asyncio.create_task(watched.ups.start())
        await until(lambda: any(line.startswith("LIST CMD") for line in server.requests))
        server.answers[LIST_VAR] = None
        with pytest.raises(TransportError):
            await start
        assert not watched.ups.is_running


# What may be changed?


async def test_an_old_server_says_ok_and_that_has_to_do() -> None:
    async with odd_server(OLD) as server, watching(server.port, **WHO) as watched:
        assert list(watched.ups.commands) == ["beeper.toggle"]
        assert dict(watched.ups.writable) == {"ups.id": Writable(max_length=8)}
        await watched.ups.command("beeper.toggle")
        await watched.ups.set_variable("ups.id", "two words")
        assert "INSTCMD ups beeper.toggle" in server.requests
        assert 'SET VAR ups ups.id "two words"' in server.requests


async def test_a_server_that_knows_next_to_nothing() -> None:
    small = {**HEALTHY, "USERNAME": b"OK\n", "PASSWORD": b"OK\n", "SET VAR": b"OK\n"}
    async with odd_server(small) as server, watching(server.port, **WHO) as watched:
        assert watched.ups.account_error is None
        assert dict(watched.ups.commands) == {}
        assert dict(watched.ups.writable) == {}
    lists = {"LIST RW": OLD["LIST RW"]}
    async with odd_server({**small, **lists}) as server, watching(server.port, **WHO) as watched:
        assert dict(watched.ups.writable) == {"ups.id": Writable()}


async def test_kinds_without_members() -> None:
    kinds = {
        "GET TYPE": b"TYPE ups ups.id RW ENUM RANGE STRING:x\n",
        "LIST RANGE": b'BEGIN LIST RANGE\nRANGE ups ups.id "low" "9"\nRANGE ups ups.id "1"\n'
        b'RANGE ups ups.id "1" "9"\nEND LIST RANGE\n',
    }
    async with odd_server({**OLD, **kinds}) as server, watching(server.port, **WHO) as watched:
        assert dict(watched.ups.writable) == {"ups.id": Writable(ranges=((1, 9),))}


async def test_a_server_that_judges_the_password_at_once() -> None:
    for command in ("USERNAME", "PASSWORD"):
        answers = {**OLD, command: b"ERR ACCESS-DENIED\n"}
        async with odd_server(answers) as server, watching(server.port, **WHO) as watched:
            assert isinstance(watched.ups.account_error, CredentialsRefusedError)
            assert "p" not in server.requests


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"ERR ACCESS-DENIED\n", CommandNotAllowedError),
        (b"ERR INSTCMD-FAILED\n", CommandRejectedError),
        (b"ERR DATA-STALE\n", NoDataError),
        (b"ERR PASSWORD-REQUIRED\n", CredentialsRefusedError),
        (b"ERR CMD-NOT-SUPPORTED\n", CommandError),
        (b"what?\n", UnconfirmedError),
        (b"", UnconfirmedError),
        (None, UnconfirmedError),
    ],
)
async def test_an_order_is_sent_once_whatever_becomes_of_it(
    answer: bytes | None, error: type[UpsError]
) -> None:
    async with odd_server({**OLD, "INSTCMD": answer}) as server:
        async with watching(server.port, **WHO) as watched:
            with pytest.raises(error, match=r"beeper\.toggle"):
                await watched.ups.command("beeper.toggle")
        assert server.requests.count("INSTCMD ups beeper.toggle") == 1


async def test_an_order_that_could_not_be_sent() -> None:
    async with odd_server(OLD) as server, watching(server.port, **WHO) as watched:
        server.answers["USERNAME"] = None
        with pytest.raises(TransportError):
            await watched.ups.command("beeper.toggle")
        assert "INSTCMD ups beeper.toggle" not in server.requests


@pytest.mark.parametrize(
    "row",
    [
        {"SET VAR": b"ERR DATA-STALE\n"},
        {"LIST RW": b"ERR DRIVER-NOT-CONNECTED\n"},
        {"LIST CMD": b""},
    ],
)
async def test_what_the_account_may_do_is_asked_again(
    row: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LEARN_AGAIN_S", 0.05)
    async with odd_server({**OLD, **row}) as server, watching(server.port, **WHO) as watched:
        assert dict(watched.ups.commands) == {}
        assert watched.ups.account_error is None
        server.answers.update(OLD)
        await until(lambda: watched.ups.commands)


async def test_a_slow_server_does_not_keep_the_readings_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote, "LEARN_LIMIT_S", 0.1)
    answers = {**OLD, "LIST CMD": b""}
    async with odd_server(answers) as server, watching(server.port, **WHO) as watched:
        assert watched.state.on_battery is False
        assert watched.ups.last_error is None
