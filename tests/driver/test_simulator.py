"""The simulated UPS lives through outages as a UPS does."""

import pytest

from custom_components.omron_ups.driver.simulator.machine import SimulatorState
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps

from .simulated import Clock, ask, make_ups, state, status


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ups(clock: Clock) -> SimulatedUps:
    return make_ups(clock=clock)


def test_a_bw55t_on_mains_says_what_the_published_dump_says(ups: SimulatedUps) -> None:
    assert ask(ups, "Q1") == "(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000"
    assert ask(ups, "RTS") == "0065"
    assert state(ups) is SimulatorState.ON_LINE


def test_an_outage_drains_the_battery_to_the_end_and_the_output_returns(
    ups: SimulatedUps, clock: Clock
) -> None:
    clock.now += 5
    ups.cut_mains()
    assert ups.mains_changed_at == clock.now
    assert status(ups) == "10001000"
    assert state(ups) is SimulatorState.ON_BATTERY
    clock.now += 30 * 60
    assert ask(ups, "Bl ?") == "054"
    assert ask(ups, "RTS") == "0035"
    clock.now += 20 * 60
    assert status(ups) == "11001000"
    assert state(ups) is SimulatorState.LOW_BATTERY
    clock.now += 20 * 60
    assert ups.charge == 0
    assert state(ups) is SimulatorState.OFF_WILL_RETURN
    assert ask(ups, "Q1").startswith("(000.0 000.0 000.0 000 ")
    assert ask(ups, "Lf ?") == "00.0"
    ups.restore_mains()
    assert state(ups) is SimulatorState.RETURNING
    clock.now += 14
    assert state(ups) is SimulatorState.ON_LINE
    assert status(ups) == "00101000"
    clock.now += 9 * 3600
    assert ask(ups, "Bl ?") == "100"


def test_a_heavier_load_drains_faster_and_sags_deeper(ups: SimulatedUps) -> None:
    ups.cut_mains()
    light_runtime, light_voltage = ups.runtime_s, ups.battery_voltage
    ups.load = 100
    assert ups.runtime_s < light_runtime / 8
    assert ups.battery_voltage < light_voltage


def test_voltage_falls_with_the_charge_and_jumps_up_on_the_charger(ups: SimulatedUps) -> None:
    ups.cut_mains()
    full = ups.battery_voltage
    ups.charge = 40
    empty = ups.battery_voltage
    ups.restore_mains()
    assert empty < full < 13.7
    assert empty < ups.battery_voltage < 13.7


def test_time_scale_makes_minutes_of_seconds(clock: Clock) -> None:
    ups = make_ups(clock=clock, time_scale=60)
    ups.cut_mains()
    clock.now += 30
    assert ask(ups, "Bl ?") == "054"
    ups.time_scale = 1
    clock.now += 30
    assert ask(ups, "Bl ?") == "053"


def test_a_clock_that_jumps_back_changes_nothing(ups: SimulatedUps, clock: Clock) -> None:
    ups.cut_mains()
    clock.now += 600
    before = ups.charge
    clock.now -= 300
    assert ups.charge == before


def test_a_skipped_outage_ends_like_a_watched_one() -> None:
    clocks = Clock(), Clock()
    watched, skipped = (make_ups(clock=clock) for clock in clocks)
    for ups in (watched, skipped):
        ups.cut_mains()
        ask(ups, "S.5")
    for _ in range(3600):
        clocks[0].now += 1
        watched.advance()
    clocks[1].now += 3600
    assert skipped.charge == pytest.approx(watched.charge)
    assert state(skipped) is state(watched) is SimulatorState.OFF_WILL_RETURN


# -- tests, faults, overload ----------------------------------------------------------------------


def test_a_self_test_shows_for_ten_seconds_and_passes(ups: SimulatedUps, clock: Clock) -> None:
    assert ups.start_self_test()
    assert not ups.start_self_test()
    assert status(ups) == "00101100"
    assert state(ups) is SimulatorState.SELF_TEST
    assert ups.battery_voltage < 13
    clock.now += 10
    assert status(ups) == "00101000"


def test_some_models_show_on_battery_during_a_self_test(clock: Clock) -> None:
    ups = make_ups("by35s", clock=clock)
    ups.start_self_test()
    reply = ask(ups, "Q1")
    assert reply.startswith("(099.2 ")
    assert reply.endswith(" 10001100")


def test_a_worn_battery_fails_its_self_test(ups: SimulatedUps, clock: Clock) -> None:
    fresh = ups.runtime_s
    ups.fail_battery()
    assert ups.runtime_s == pytest.approx(fresh / 5)
    assert status(ups) == "00101000"
    ups.start_self_test()
    clock.now += 10
    assert status(ups) == "00101001"
    assert state(ups) is SimulatorState.TEST_FAILED
    assert ups.replace_battery
    ups.renew_battery()
    assert status(ups) == "00101000"
    ups.replace_battery = True
    assert status(ups) == "00101001"


def test_an_outage_ends_a_self_test_without_a_result(ups: SimulatedUps, clock: Clock) -> None:
    ups.fail_battery()
    ups.start_self_test()
    ups.cut_mains()
    assert status(ups) == "10001000"
    assert not ups.start_self_test()
    clock.now += 11
    assert not ups.replace_battery


def test_a_self_test_comes_round_by_itself(ups: SimulatedUps, clock: Clock) -> None:
    ups.self_test_interval_s = 100
    clock.now += 105
    assert status(ups)[5] == "1"
    clock.now += 10
    assert status(ups)[5] == "0"
    ups.cut_mains()
    clock.now += 90
    assert status(ups)[5] == "0"
    ups.restore_mains()
    clock.now += 100
    assert status(ups)[5] == "1"


def test_a_fault_shows_in_index_3(ups: SimulatedUps) -> None:
    ups.set_fault(True)
    assert status(ups) == "00111000"
    assert state(ups) is SimulatorState.TEST_FAILED
    ups.set_fault(False)
    assert status(ups) == "00101000"


def test_overload_is_carried_or_cut(ups: SimulatedUps, clock: Clock) -> None:
    ups.load = 120
    assert ask(ups, "Q1").split()[3] == "120"
    assert state(ups) is SimulatorState.OVERLOAD
    ups.overload_limit_s = 30
    clock.now += 20
    ups.load = 130
    clock.now += 10
    assert state(ups) is SimulatorState.OFF_STAYS_OFF
    ups.load = 50
    ups.press_button()
    clock.now += 60
    assert state(ups) is SimulatorState.ON_LINE


# -- mains ----------------------------------------------------------------------------------------


def test_a_brown_out_is_a_failure_and_is_recorded(ups: SimulatedUps, clock: Clock) -> None:
    clock.now += 1
    ups.input_voltage = 72
    assert ups.mains
    assert ups.mains_changed_at == clock.now
    assert ask(ups, "Q1").startswith("(072.0 072.0 100.0 012 ")
    assert status(ups) == "10001000"
    clock.now += 1
    ups.input_voltage = 101.5
    assert ups.mains_changed_at == clock.now
    assert ask(ups, "Q1").startswith("(101.5 072.0 101.6 ")
    assert ups.backup_events == 1


def test_sensitivity_decides_what_counts_as_a_failure(ups: SimulatedUps) -> None:
    ups.input_voltage = 82
    assert status(ups)[0] == "1"
    assert ask(ups, "SS2") == "OK"
    assert status(ups)[0] == "0"
    ask(ups, "SS3")
    ups.input_voltage = 88
    assert status(ups)[0] == "1"


def test_cutting_twice_changes_the_moment_once(ups: SimulatedUps, clock: Clock) -> None:
    ups.cut_mains()
    cut_at = clock.now
    clock.now += 5
    ups.cut_mains()
    assert ups.mains_changed_at == cut_at
    assert not ups.mains


def test_frequency_on_battery_is_that_of_the_output(ups: SimulatedUps) -> None:
    ups.input_frequency = 49.7
    assert ask(ups, "Q1").split()[4] == "49.7"
    assert ask(ups, "Lf ?") == "49.6"
    ups.cut_mains()
    assert ask(ups, "Q1").split()[4] == "50.0"
    assert ask(ups, "Lf ?") == "50.0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("load", -1),
        ("load", 151),
        ("load", float("nan")),
        ("charge", -0.1),
        ("charge", 100.1),
        ("input_voltage", -1),
        ("input_voltage", 301),
        ("input_frequency", 100),
        ("temperature", 100),
        ("battery_temperature", -100),
        ("time_scale", 0),
        ("time_scale", 1e9),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    ups: SimulatedUps, name: str, value: float
) -> None:
    before = getattr(ups, name)
    with pytest.raises(ValueError, match="is not"):
        setattr(ups, name, value)
    assert getattr(ups, name) == before


def test_a_time_scale_of_nothing_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="time scale 0"):
        make_ups(time_scale=0)


def test_temperatures_show_where_they_belong(ups: SimulatedUps) -> None:
    ups.temperature = 31.25
    ups.battery_temperature = -4
    assert ask(ups, "Q1").split()[6] == "31.2"
    assert ask(ups, "TPb") == "-04.0"
