"""What an account may change at a UPS of another server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.omron_ups.driver import (
    CommandError,
    CommandNotAllowedError,
    CommandRejectedError,
    CredentialsRefusedError,
    NoDataError,
    NotSupportedError,
    OutOfRangeError,
    RemoteCommand,
    TransportError,
    UnconfirmedError,
    UpsError,
    Writable,
    list_remote_ups,
    remote,
    remote_control,
)

from .remote_data import HEALTHY, OFFERS, OLD, UNIT, WHO
from .remote_rig import (
    ADMIN,
    PATIENCE_S,
    SILENCE_S,
    Rig,
    give_up_after,
    odd_server,
    running_rig,
    until,
    watching,
)


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an upsd that has to share the machine."""
    give_up_after(PATIENCE_S, monkeypatch)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running_rig(tmp_path, UNIT, OFFERS) as rig:
        yield rig


async def test_without_an_account_nothing_can_be_changed(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        assert dict(watched.ups.commands) == {}
        assert dict(watched.ups.writable) == {}
        with pytest.raises(NotSupportedError, match="no command beeper"):
            await watched.ups.command("beeper.toggle")
        with pytest.raises(NotSupportedError, match=r"ups\.id"):
            await watched.ups.set_variable("ups.id", "x")
    assert rig.driver.orders == []


async def test_an_accounts_offers(rig: Rig) -> None:
    async with watching(rig.port, **ADMIN) as watched:
        assert watched.ups.account_error is None
        assert dict(watched.ups.commands) == {
            "beeper.toggle": RemoteCommand(name="beeper.toggle", is_dangerous=False),
            "load.off": RemoteCommand(name="load.off", is_dangerous=True),
            "shutdown.stop": RemoteCommand(name="shutdown.stop", is_dangerous=False),
        }
        assert dict(watched.ups.writable) == {
            "battery.charge.low": Writable(ranges=((10, 40), (60, 90))),
            "input.sensitivity": Writable(max_length=8, enum=("normal", "low", "auto")),
            "output.voltage.nominal": Writable(is_dangerous=True),
            "ups.id": Writable(max_length=16),
        }


async def test_orders_arrive_as_they_are_meant(rig: Rig) -> None:
    async with watching(rig.port, **ADMIN) as watched:
        await watched.ups.command("beeper.toggle")
        await watched.ups.command("load.off", "20")
        await watched.ups.set_variable("input.sensitivity", "low")
        await watched.ups.set_variable("input.sensitivity", "auto")
        await watched.ups.set_variable("ups.id", 'a "b" \\ #c')
    assert rig.driver.orders == [
        "INSTCMD beeper.toggle",
        "INSTCMD load.off 20",
        'SET input.sensitivity "L"',
        'SET input.sensitivity "auto"',
        'SET ups.id "a \\"b\\" \\\\ \\#c"',
    ]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [(1, CommandRejectedError), (2, OutOfRangeError), (3, CommandRejectedError)],
)
async def test_what_the_driver_reports_is_what_became_of_it(
    rig: Rig, outcome: int, error: type[Exception]
) -> None:
    rig.driver.outcome = outcome
    async with watching(rig.port, **ADMIN) as watched:
        with pytest.raises(error, match=r"beeper\.toggle"):
            await watched.ups.command("beeper.toggle")


async def test_no_report_is_no_success(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_control, "TRACKING_LIMIT_S", 0.5)
    rig.driver.outcome = None
    async with watching(rig.port, **ADMIN) as watched:
        with pytest.raises(UnconfirmedError, match="not reported"):
            await watched.ups.command("beeper.toggle")
    assert rig.driver.orders == ["INSTCMD beeper.toggle"]


@pytest.mark.parametrize(
    ("name", "value"), [("battery.charge.low", "50"), ("ups.id", "x" * 17), ("ups.id", "\u96fb")]
)
async def test_values_that_the_server_does_not_take(rig: Rig, name: str, value: str) -> None:
    async with watching(rig.port, **ADMIN) as watched:
        with pytest.raises(OutOfRangeError, match=name):
            await watched.ups.set_variable(name, value)
    assert rig.driver.orders == []


async def test_an_account_that_may_only_log_in(rig: Rig) -> None:
    async with watching(rig.port, username="sec", password="secpw") as watched:
        assert watched.ups.account_error is None
        assert dict(watched.ups.writable) == {}
        with pytest.raises(CommandRejectedError, match="ACCESS-DENIED"):
            await watched.ups.command("beeper.toggle")
    await rig.upsd.until_answered("GET NUMLOGINS ups", "NUMLOGINS ups 0")
    assert await list_remote_ups("127.0.0.1", rig.port, "sec", "secpw")


@pytest.mark.parametrize(
    ("username", "password"),
    [("sec", "wrong"), ("stranger", ""), ("nobody", "nobodypw"), ("sec", "\u96fb")],
)
async def test_a_refused_account_does_not_cost_the_readings(
    rig: Rig, username: str, password: str
) -> None:
    with pytest.raises(CredentialsRefusedError):
        await list_remote_ups("127.0.0.1", rig.port, username, password)
    async with watching(rig.port, username=username, password=password) as watched:
        assert isinstance(watched.ups.account_error, CredentialsRefusedError)
        assert watched.state.on_battery is False
        assert dict(watched.ups.commands) == {}


async def test_an_account_is_judged_anew_after_a_loss(rig: Rig) -> None:
    async with watching(rig.port, username="sec", password="newpw") as watched:
        assert watched.ups.account_error is not None
        users = rig.upsd.folder / "upsd.users"
        users.write_text(users.read_text().replace("secpw", "newpw"))
        await rig.upsd.kill("upsd")
        await until(lambda: watched.ups.last_error is not None)
        await rig.upsd.start()
        await until(lambda: watched.ups.account_error is None)
        await until(lambda: "load.off" in watched.ups.commands)


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
    answer: bytes | None, error: type[UpsError], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up_after(SILENCE_S, monkeypatch)
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
    give_up_after(SILENCE_S, monkeypatch)
    monkeypatch.setattr(remote, "LEARN_AGAIN_S", 0.05)
    async with odd_server({**OLD, **row}) as server, watching(server.port, **WHO) as watched:
        assert dict(watched.ups.commands) == {}
        assert watched.ups.account_error is None
        server.answers.update(OLD)
        await until(lambda: watched.ups.commands)
