"""Every knob of the simulated UPS can be turned in words."""

import pytest

from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.machine import SimulatorState
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from scripts.lib.simulator_control import COMMANDS, ControlError, describe, parse_fault, run_command
from tests.driver.simulated import ask, make_ups, state, status


@pytest.fixture
def ups() -> SimulatedUps:
    return make_ups()


def test_mains_goes_and_comes(ups: SimulatedUps) -> None:
    assert run_command(ups, "mains off") == "ok: mains off"
    assert state(ups) is SimulatorState.ON_BATTERY
    assert run_command(ups, "  mains   on \n") == "ok: mains on"
    assert state(ups) is SimulatorState.ON_LINE


@pytest.mark.parametrize(
    ("line", "name", "value", "answer"),
    [
        ("load 50", "load", 50, "ok: load 50"),
        ("charge 30%", "charge", 30, "ok: charge 30"),
        ("voltage 99.5", "input_voltage", 99.5, "ok: input voltage 99.5"),
        ("frequency 59.9", "input_frequency", 59.9, "ok: input frequency 59.9"),
        ("temperature 40", "temperature", 40, "ok: temperature 40"),
        ("speed 60", "time_scale", 60, "ok: time scale 60"),
    ],
)
def test_numbers_are_set(
    ups: SimulatedUps, line: str, name: str, value: float, answer: str
) -> None:
    assert run_command(ups, line) == answer
    assert getattr(ups, name) == value


def test_test_starts_a_self_test_or_says_why_not(ups: SimulatedUps) -> None:
    assert run_command(ups, "test").startswith("ok: bw55t self_test")
    assert run_command(ups, "test") == "error: no self-test while self_test"


def test_battery_fails_and_is_renewed(ups: SimulatedUps) -> None:
    fresh = ups.runtime_s
    assert run_command(ups, "battery fail") == "ok: battery failed"
    assert ups.runtime_s < fresh
    assert run_command(ups, "battery renew") == "ok: battery renewed"
    assert ups.runtime_s == fresh


def test_flags_are_raised_and_lowered(ups: SimulatedUps) -> None:
    assert run_command(ups, "replace on") == "ok: replace on"
    assert run_command(ups, "failure on") == "ok: failure on"
    assert status(ups) == "00111001"
    run_command(ups, "replace off")
    run_command(ups, "failure off")
    assert status(ups) == "00101000"


def test_button_and_cable(ups: SimulatedUps) -> None:
    assert "output off" in run_command(ups, "button")
    assert "cable out" in run_command(ups, "unplug")
    assert ups.handle(b"Q1") is None
    assert "cable in" in run_command(ups, "replug")


def test_faults_come_and_go(ups: SimulatedUps) -> None:
    assert run_command(ups, "fault silence Q1 3") == "ok: silence on Q1, 3 times"
    assert run_command(ups, "fault nak") == "ok: nak on any request, until cleared"
    assert run_command(ups, "status").endswith("faults: silence, nak")
    assert run_command(ups, "clear").endswith("faults: none")
    assert ask(ups, "Bl ?") == "100"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nak", Fault(kind=FaultKind.NAK)),
        ("nak Bl ?", Fault(kind=FaultKind.NAK, request="Bl ?")),
        ("late Bl ? 2", Fault(kind=FaultKind.LATE, request="Bl ?", count=2)),
        ("flicker 4", Fault(kind=FaultKind.FLICKER, count=4)),
        ("short Q1 25%", Fault(kind=FaultKind.SHORT, request="Q1", probability=0.25)),
    ],
)
def test_a_fault_is_read_from_words(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


def test_an_unknown_fault_names_the_known_ones() -> None:
    with pytest.raises(ControlError, match=r"unknown fault 'x'; one of short, .*io_error"):
        parse_fault("x")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "unknown command ''; try help"),
        ("jump", "unknown command 'jump'; try help"),
        ("mains", "say on or off, not ''"),
        ("mains maybe", "say on or off, not 'maybe'"),
        ("load", "'' is not a number"),
        ("load much", "'much' is not a number"),
        ("load inf", "'inf' is not a number"),
        ("load 151", "load 151 % is not between 0 and 150"),
        ("battery eat", "say fail or renew, not 'eat'"),
        ("unplug it", "nothing may follow here, not 'it'"),
        ("fault nak Q1 0", "a fault that happens 0 times is none"),
        ("fault nak Q1 x%", "'x%' is not a number"),
    ],
)
def test_what_is_wrong_is_said_in_words_and_changes_nothing(
    ups: SimulatedUps, line: str, error: str
) -> None:
    before = describe(ups)
    assert run_command(ups, line) == f"error: {error}"
    assert describe(ups) == before


def test_help_names_every_command_on_one_line(ups: SimulatedUps) -> None:
    answer = run_command(ups, "help")
    assert "\n" not in answer
    for word, command in COMMANDS.items():
        assert command.usage.split()[0] == word
        assert command.usage in answer


def test_status_is_one_line_of_words(ups: SimulatedUps) -> None:
    assert describe(ups) == (
        "bw55t on_line, mains on, output on, load 12 %, charge 100.0 %, runtime 3930 s, "
        "cable in, faults: none"
    )
