"""The remote UPS on Debian's real upsd, and on servers that let it down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
import itertools
from pathlib import Path

import pytest

from custom_components.omron_ups.driver import (
    REMOTE_TIMING,
    NoDataError,
    OldDataError,
    PowerEvent,
    TransportError,
    UnknownUpsError,
    UpsState,
    list_remote_ups,
    power_events,
    remote,
    remote_reader,
)
from tests.ports import unused_port

from .remote_data import HEALTHY, LIST_VAR, OFFERS, OLD, ON_MAINS, UNIT, WHO, check_dump
from .remote_rig import (
    DUMP,
    LOSING,
    PATIENCE_S,
    SILENCE_S,
    Rig,
    Upsd,
    Watched,
    dump_variables,
    give_up_after,
    listing,
    need,
    odd_server,
    running_rig,
    until,
    watching,
)

REPLY_LIMIT_S = remote_reader.REPLY_LIMIT_S


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


def events(watched: Watched) -> list[PowerEvent]:
    """Return all events between the published states."""
    states = watched.published
    return [event for old, new in itertools.pairwise(states) for event in power_events(old, new)]


def says(words: str, state: UpsState) -> bool:
    """Tell whether the server says these status words."""
    return state.raw_status == words


async def test_the_dump_served_by_dummy_ups_comes_out_right(tmp_path: Path) -> None:
    need("dummy-ups")
    upsd = Upsd(tmp_path, unused_port(), ("qnapups",))
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
    async with watching(rig.port, timing=LOSING) as watched:
        await rig.driver.stop()
        await watched.until(lambda state: state.stale)
        assert isinstance(watched.ups.last_error, NoDataError)
        assert not isinstance(watched.ups.last_error, OldDataError)
        assert watched.ups.age is not None


async def test_a_low_battery_is_not_over_because_upsd_was_away(rig: Rig) -> None:
    async with watching(rig.port, timing=LOSING) as watched:
        # Only what was seen to be good before is news when it is not.
        await until(lambda: watched.polls > 3)
        rig.driver.set("ups.status", "OB LB DISCHRG")
        await watched.until(lambda state: state.battery_low)
        await rig.upsd.kill("upsd")
        await watched.until(lambda state: state.stale)
        await rig.upsd.start()
        await watched.until(lambda state: not state.stale)
    assert events(watched) == [
        PowerEvent.POWER_LOST,
        PowerEvent.BATTERY_LOW,
        PowerEvent.COMMUNICATION_LOST,
        PowerEvent.COMMUNICATION_RESTORED,
    ]


async def test_upsd_killed_and_started_again(rig: Rig) -> None:
    async with watching(rig.port, timing=LOSING) as watched:
        await rig.upsd.kill("upsd")
        await watched.until(lambda state: state.stale)
        assert isinstance(watched.ups.last_error, TransportError)
        await rig.upsd.start()
        await watched.until(lambda state: not state.stale)


def test_a_silent_poll_can_be_repeated_before_the_readings_are_stale() -> None:
    assert REMOTE_TIMING.poll_s + REPLY_LIMIT_S < REMOTE_TIMING.stale_after_s


async def test_a_restart_in_time_is_no_loss(rig: Rig) -> None:
    async with watching(rig.port) as watched:
        await rig.upsd.kill("upsd")
        await until(lambda: watched.ups.last_error is not None)
        seen = len(watched.published)
        await rig.upsd.start()
        await until(lambda: len(watched.published) > seen)
        assert not any(state.stale for state in watched.published)


async def test_start_and_stop_may_be_repeated(rig: Rig) -> None:
    watched = Watched(rig.port)
    await watched.ups.stop()
    await watched.ups.start()
    await watched.ups.start()
    await watched.ups.stop()
    await watched.ups.stop()
    assert not watched.ups.is_running
    assert watched.state.stale
    await watched.ups.start()
    seen = len(watched.published)
    await until(lambda: len(watched.published) > seen)
    await watched.ups.stop()


async def test_one_lost_poll_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    give_up_after(SILENCE_S, monkeypatch)
    async with odd_server(HEALTHY) as server, watching(server.port) as watched:
        for answer in (None, b"", b"garbage\n", b"ERR DRIVER-NOT-CONNECTED\n"):
            server.requests.clear()
            server.answers[LIST_VAR] = answer
            await until(lambda: server.requests)
            server.answers[LIST_VAR] = listing(ON_MAINS)
            watched.polls = 0
            await until(lambda: watched.polls > 1)
        assert not any(state.stale for state in watched.published)


@pytest.mark.parametrize("answer", [None, b"", b"garbage\n"])
async def test_a_server_that_went_mad_is_a_loss_until_it_recovers(
    answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up_after(SILENCE_S, monkeypatch)
    async with odd_server(HEALTHY) as server, watching(server.port, timing=LOSING) as watched:
        server.answers[LIST_VAR] = answer
        await watched.until(lambda state: state.stale)
        await until(lambda: watched.ups.last_error is not None)
        server.answers[LIST_VAR] = listing(ON_MAINS)
        await watched.until(lambda state: not state.stale)


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


async def test_a_loss_in_the_first_round_is_why_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give_up_after(SILENCE_S, monkeypatch)
    async with odd_server({**OLD, "LIST CMD": b""}) as server:
        watched = Watched(server.port, **WHO)
        start = asyncio.create_task(watched.ups.start())
        await until(lambda: any(line.startswith("LIST CMD") for line in server.requests))
        server.answers[LIST_VAR] = None
        with pytest.raises(TransportError):
            await start
        assert not watched.ups.is_running


async def test_a_slow_server_does_not_keep_the_readings_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote, "LEARN_LIMIT_S", 0.1)
    answers = {**OLD, "LIST CMD": b""}
    async with odd_server(answers) as server, watching(server.port, **WHO) as watched:
        assert watched.state.on_battery is False
        assert watched.ups.last_error is None
