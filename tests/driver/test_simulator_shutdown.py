"""A simulated UPS goes off when it is told to, and comes back when it should."""

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


def test_a_unit_may_go_silent_whenever_its_output_is_off(ups: SimulatedUps) -> None:
    ups.press_button()
    assert ups.handle(b"Q1\r") is not None
    ups.answers_while_off = False
    assert ups.handle(b"Q1\r") is None
    ups.press_button()
    assert ups.handle(b"Q1\r") is not None
