"""The remote UPS on Debian's real upsd."""

from collections.abc import AsyncIterator, Callable
from functools import partial
import itertools
from pathlib import Path

import pytest

from custom_components.omron_ups.driver import (
    REMOTE_TIMING,
    CommandRejectedError,
    CredentialsRefusedError,
    NoDataError,
    NotSupportedError,
    OldDataError,
    OutOfRangeError,
    PowerEvent,
    RemoteCommand,
    RemoteUps,
    Timing,
    TransportError,
    UnconfirmedError,
    UnknownUpsError,
    Ups,
    UpsSource,
    UpsState,
    Writable,
    list_remote_ups,
    power_events,
    remote_control,
    remote_reader,
)

from .remote_rig import (
    ADMIN,
    DUMP,
    QUICK,
    Rig,
    Upsd,
    Watched,
    dump_variables,
    free_port,
    need,
    running_rig,
    until,
    watching,
)
from .test_remote_values import check_dump

UNIT = {
    "ups.status": "OL",
    "ups.mfr": "OMRON",
    "ups.model": "BW55T",
    "ups.serial": "A0Z25110005109G ",
    "ups.load": "12",
    "ups.id": 'my "ups" \\ #2',
    "ups.contact": '"quoted"',
    "input.sensitivity": "N",
    "input.voltage": "103.7",
    "battery.charge": "90",
    "battery.charge.low": "30",
    "output.voltage.nominal": "100",
}
OFFERS = (
    "SETFLAGS ups.id RW STRING",
    "SETAUX ups.id 16",
    "SETFLAGS input.sensitivity RW STRING",
    "SETAUX input.sensitivity 8",
    "ADDENUM input.sensitivity N",
    "ADDENUM input.sensitivity L",
    "ADDENUM input.sensitivity auto",
    "SETFLAGS battery.charge.low RW NUMBER",
    "ADDRANGE battery.charge.low 10 40",
    "ADDRANGE battery.charge.low 60 90",
    "SETFLAGS output.voltage.nominal RW NUMBER",
    "SETFLAGS ups.status RW STRING",
    "ADDCMD beeper.toggle",
    "ADDCMD driver.killpower",
    "ADDCMD load.off",
    "ADDCMD shutdown.stop",
)


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running_rig(tmp_path, UNIT, OFFERS) as rig:
        yield rig


def events(watched: Watched) -> list[PowerEvent]:
    """Return all events between the published states."""
    states = watched.published
    return [event for old, new in itertools.pairwise(states) for event in power_events(old, new)]


def says(words: str, state: UpsState) -> bool:
    """Tell whether the server says these status words."""
    return state.raw_status == words


def uses(source: UpsSource) -> UpsState:
    """Use a UPS as the glue does, whichever way it is reached."""
    return source.state


def test_both_kinds_of_ups_are_sources() -> None:
    kinds: tuple[type[UpsSource], ...] = (Ups, RemoteUps)
    members = {name for name in vars(UpsSource) if not name.startswith("_")}
    assert members
    for kind in kinds:
        assert members <= set(dir(kind))


async def test_the_dump_served_by_dummy_ups_comes_out_right(tmp_path: Path) -> None:
    need("dummy-ups")
    upsd = Upsd(tmp_path, free_port(), ("qnapups",))
    unit = tmp_path / "unit.seq"
    unit.write_bytes(DUMP.read_bytes())
    upsd.write_configuration(
        {"qnapups": f"driver = dummy-ups\nport = {unit}\nmode = dummy-once\npollinterval = 1"}
    )
    try:
        await upsd.run("dummy-ups", "-a", "qnapups")
        await upsd.start()
        async with watching(upsd.port, "qnapups") as watched:
            await watched.until(lambda state: state.battery_charge == 100)
            # It shows no padding and calls itself dummy-ups; all else is the dump.
            check_dump(dict(watched.state.variables))
            assert watched.state.on_battery is False
            for words in ("OB DISCHRG", "OB LB DISCHRG", "OL CHRG"):
                lines = [f"{name}: {value}" for name, value in dump_variables().items()]
                text = "\n".join(line for line in lines if not line.startswith("ups.status"))
                unit.write_text(f"{text}\nups.status: {words}\n")
                await watched.until(partial(says, words))
                if "LB" in words:
                    await watched.until(lambda state: state.battery_low)
            await watched.until(lambda state: state.on_battery is False)
        assert events(watched) == [
            PowerEvent.POWER_LOST,
            PowerEvent.BATTERY_LOW,
            PowerEvent.POWER_RESTORED,
            PowerEvent.BATTERY_OK,
        ]
    finally:
        await upsd.close()


async def test_the_dump_under_the_vendor_drivers_own_name(tmp_path: Path) -> None:
    async with running_rig(tmp_path, dump_variables()) as rig, watching(rig.port) as watched:
        assert rig.driver.variables["driver.name"] == "omron_usb"
        check_dump(dict(watched.state.variables))
        assert watched.ups.unique_id == f"127.0.0.1:{rig.port}/ups"
        assert watched.state.charging is False


async def test_values_with_quotes_and_backslashes_arrive_whole(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        assert watched.state.variables["ups.id"] == UNIT["ups.id"]
        assert watched.state.variables["ups.contact"] == UNIT["ups.contact"]
        assert watched.ups.unique_id == "A0Z25110005109G"
        assert uses(watched.ups) is watched.state


async def test_names_are_found_in_any_case_and_unknown_ones_named(rig: Rig) -> None:
    assert await list_remote_ups("127.0.0.1", rig.port) == {"ups": 'Rack "A"'}
    async with watching(rig.port, "UPS") as watched:
        assert watched.state.on_battery is False
    with pytest.raises(UnknownUpsError, match="has no UPS qnapups; it has ups") as caught:
        await Watched(rig.port, "qnapups").ups.start()
    assert caught.value.names == ("ups",)


async def test_power_events_in_their_order(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        steps: tuple[tuple[str, Callable[[UpsState], object]], ...] = (
            ("OB DISCHRG", lambda state: state.on_battery),
            ("OB LB DISCHRG", lambda state: state.battery_low),
            ("OL CHRG", lambda state: state.on_battery is False),
        )
        for words, holds in steps:
            rig.driver.set("ups.status", words)
            await watched.until(holds)
    assert events(watched) == [
        PowerEvent.POWER_LOST,
        PowerEvent.BATTERY_LOW,
        PowerEvent.POWER_RESTORED,
        PowerEvent.BATTERY_OK,
    ]
    assert watched.state.variables["ups.status"] == "OL CHRG"


async def test_fsd_of_the_server_is_told_and_not_passed_on(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        assert not watched.state.forced_shutdown
        answer = await rig.upsd.ask("USERNAME mon", "PASSWORD monpw", "FSD ups")
        assert answer == "OK FSD-SET\n"
        await watched.until(lambda state: state.forced_shutdown)
        assert watched.state.on_battery is False
        assert watched.state.variables["ups.status"] == "OL"
    # A client that comes later sees it at once.
    async with watching(rig.port) as watched:
        assert watched.state.forced_shutdown


async def test_stale_data_is_lost_at_once_and_back_by_itself(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        rig.driver.say("DATASTALE")
        await watched.until(lambda state: state.stale)
        first = watched.ups.last_error
        assert isinstance(first, OldDataError)
        # Heard again, it is no news.
        await until(lambda: watched.ups.last_error is not first)
        rig.driver.say("DATAOK")
        await watched.until(lambda state: not state.stale)
    assert events(watched) == [
        PowerEvent.COMMUNICATION_LOST,
        PowerEvent.COMMUNICATION_RESTORED,
    ]


async def test_a_server_without_data_does_not_start(rig: Rig) -> None:
    rig.driver.say("DATASTALE")
    await rig.upsd.until_answered("GET VAR ups ups.load", "ERR DATA-STALE")
    watched = Watched(rig.port)
    with pytest.raises(OldDataError):
        await watched.ups.start()
    assert not watched.ups.is_running
    rig.driver.say("DATAOK")
    await rig.upsd.until_answered("GET VAR ups ups.load", "VAR")
    await watched.ups.start()
    await watched.ups.stop()


async def test_a_driver_that_died_is_a_loss_after_the_usual_time(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        await rig.driver.stop()
        await watched.until(lambda state: state.stale)
        assert isinstance(watched.ups.last_error, NoDataError)
        assert not isinstance(watched.ups.last_error, OldDataError)
        assert watched.ups.age is not None


async def test_upsd_killed_and_started_again(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        await rig.upsd.kill("upsd")
        await watched.until(lambda state: state.stale)
        assert isinstance(watched.ups.last_error, TransportError)
        await rig.upsd.start()
        await watched.until(lambda state: not state.stale)


def test_a_silent_poll_can_be_repeated_before_the_readings_are_stale() -> None:
    assert REMOTE_TIMING.poll_s + remote_reader.REPLY_LIMIT_S < REMOTE_TIMING.stale_after_s


async def test_a_restart_in_time_is_no_loss(rig: Rig) -> None:
    patient = Timing(poll_s=0.1, stale_after_s=30.0, reconnect_first_s=0.05)
    async with watching(rig.port, timing=patient) as watched:
        await rig.upsd.kill("upsd")
        await until(lambda: watched.ups.last_error is not None)
        seen = len(watched.published)
        await rig.upsd.start()
        await until(lambda: len(watched.published) > seen)
        assert not any(state.stale for state in watched.published)


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


async def test_start_and_stop_may_be_repeated(rig: Rig) -> None:
    watched = Watched(rig.port, timing=QUICK)
    await watched.ups.stop()
    await watched.ups.start()
    await watched.ups.start()
    await watched.ups.stop()
    await watched.ups.stop()
    assert not watched.ups.is_running
    await watched.ups.start()
    seen = len(watched.published)
    await until(lambda: len(watched.published) > seen)
    await watched.ups.stop()
