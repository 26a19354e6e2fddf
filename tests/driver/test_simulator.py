"""The simulated UPS lives through outages as a UPS does."""

import pytest

from custom_components.omron_ups.driver.simulator import SimulatedUps
from custom_components.omron_ups.driver.simulator_machine import SimulatorState

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


# -- shutdown and restart -------------------------------------------------------------------------


def test_s_on_battery_cuts_the_output_and_mains_brings_it_back(
    ups: SimulatedUps, clock: Clock
) -> None:
    ups.cut_mains()
    assert ask(ups, "An") == "OK"
    assert ask(ups, "S.2") == "OK"
    assert status(ups) == "10001010"
    assert state(ups) is SimulatorState.SHUTDOWN_PENDING
    clock.now += 11.9
    assert ups.output_on
    clock.now += 0.1
    assert state(ups) is SimulatorState.OFF_WILL_RETURN
    charge = ups.charge
    clock.now += 3600
    assert ups.charge == charge
    ups.restore_mains()
    clock.now += 13.9
    assert state(ups) is SimulatorState.RETURNING
    clock.now += 0.1
    assert state(ups) is SimulatorState.ON_LINE


def test_mains_returning_during_the_countdown_does_not_stop_it(
    ups: SimulatedUps, clock: Clock
) -> None:
    ups.cut_mains()
    ask(ups, "S01")
    ups.restore_mains()
    assert status(ups) == "00101010"
    clock.now += 60
    assert state(ups) is SimulatorState.RETURNING
    clock.now += 14
    assert state(ups) is SimulatorState.ON_LINE


def test_without_auto_restart_the_output_stays_off_until_the_button(
    ups: SimulatedUps, clock: Clock
) -> None:
    assert ask(ups, "Af") == "OK"
    assert ask(ups, "V2") == "10000000"
    ask(ups, "S.2")
    clock.now += 3600
    assert state(ups) is SimulatorState.OFF_STAYS_OFF
    assert status(ups) == "00001000"
    ups.press_button()
    assert state(ups) is SimulatorState.ON_LINE


def test_sf_stays_off_even_with_auto_restart(ups: SimulatedUps, clock: Clock) -> None:
    assert ask(ups, "Sf.5") == "OK"
    clock.now += 30
    ups.cut_mains()
    ups.restore_mains()
    clock.now += 3600
    assert state(ups) is SimulatorState.OFF_STAYS_OFF


def test_an_empty_battery_without_auto_restart_stays_off(ups: SimulatedUps, clock: Clock) -> None:
    ask(ups, "Af")
    ups.cut_mains()
    ups.charge = 0
    assert state(ups) is SimulatorState.OFF_STAYS_OFF
    ups.restore_mains()
    clock.now += 3600
    assert not ups.output_on


@pytest.mark.parametrize("order", ["S02", "Sf02", "S.5R00003"])
def test_c_cancels_a_pending_shutdown(ups: SimulatedUps, clock: Clock, order: str) -> None:
    assert ask(ups, order) == "OK"
    assert ups.shutdown_pending
    assert ask(ups, "C") == "OK"
    assert status(ups) == "00101000"
    clock.now += 3600
    assert ups.output_on


def test_a_second_order_starts_the_countdown_anew(ups: SimulatedUps, clock: Clock) -> None:
    ask(ups, "S.5")
    clock.now += 20
    ask(ups, "S.5")
    clock.now += 20
    assert ups.output_on
    clock.now += 10
    assert not ups.output_on


def test_a_unit_may_keep_the_first_countdown(ups: SimulatedUps, clock: Clock) -> None:
    ups.repeat_restarts_countdown = False
    ask(ups, "S.5")
    clock.now += 20
    assert ask(ups, "S.5") == "OK"
    clock.now += 10
    assert not ups.output_on


def test_a_timed_restart_waits_for_its_minutes(ups: SimulatedUps, clock: Clock) -> None:
    assert ask(ups, "S.2R00003") == "OK"
    clock.now += 12 + 179
    assert state(ups) is SimulatorState.RETURNING
    clock.now += 1
    assert state(ups) is SimulatorState.ON_LINE


def test_a_timed_restart_waits_for_mains_too(ups: SimulatedUps, clock: Clock) -> None:
    ask(ups, "Af")
    ask(ups, "S.2R00001")
    ups.cut_mains()
    clock.now += 600
    assert state(ups) is SimulatorState.OFF_WILL_RETURN
    ups.restore_mains()
    clock.now += 14
    assert state(ups) is SimulatorState.ON_LINE


def test_mains_lost_again_while_returning_starts_over(ups: SimulatedUps, clock: Clock) -> None:
    ask(ups, "S.2")
    clock.now += 12 + 10
    ups.cut_mains()
    assert state(ups) is SimulatorState.OFF_WILL_RETURN
    ups.restore_mains()
    clock.now += 13
    assert not ups.output_on
    clock.now += 1
    assert ups.output_on


def test_the_output_waits_for_the_restart_charge(ups: SimulatedUps, clock: Clock) -> None:
    assert ask(ups, "RBV050") == "OK"
    ups.charge = 49
    ask(ups, "S.2")
    clock.now += 12 + 60
    assert state(ups) is SimulatorState.RETURNING
    clock.now += 8 * 36
    assert state(ups) is SimulatorState.ON_LINE
    assert ask(ups, "Bl ?") == "050"


def test_the_output_ramps_up_and_index_2_varies_while_it_returns(
    ups: SimulatedUps, clock: Clock
) -> None:
    ask(ups, "S.2")
    clock.now += 12
    seen = []
    voltages = []
    for _ in range(14):
        seen.append(status(ups)[2])
        voltages.append(ups.output_voltage)
        clock.now += 1
    assert {"0", "1"} == set(seen)
    assert voltages[0] == 0
    assert 0 < voltages[-2] < voltages[-1] < ups.output_voltage


def test_the_button_switches_off_and_cold_start_on_battery(
    ups: SimulatedUps,
) -> None:
    ups.press_button()
    assert state(ups) is SimulatorState.OFF_STAYS_OFF
    ups.cut_mains()
    ups.press_button()
    assert not ups.output_on
    assert ask(ups, "CSn") == "OK"
    assert ask(ups, "V3")[13] == "1"
    ups.press_button()
    assert state(ups) is SimulatorState.ON_BATTERY


def test_a_dark_unit_is_silent_until_mains_returns(clock: Clock) -> None:
    ups = SimulatedUps(clock=clock)
    ups.cut_mains()
    ask(ups, "S.2")
    clock.now += 12
    assert not ups.reachable
    assert ups.handle(b"Q1\r") is None
    ups.restore_mains()
    assert status(ups)[0] == "0"


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
