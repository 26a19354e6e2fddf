"""The simulated UPS lives through outages as a UPS does."""

from dataclasses import dataclass

import pytest

from custom_components.omron_ups.driver.simulator import SimulatedUps
from custom_components.omron_ups.driver.simulator_machine import SimulatorState
from custom_components.omron_ups.driver.simulator_profiles import PROFILES


@dataclass
class Clock:
    """Time that passes when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ups(clock: Clock) -> SimulatedUps:
    unit = SimulatedUps(PROFILES["bw55t"], clock=clock)
    unit.answers_while_dark = True
    return unit


def ask(ups: SimulatedUps, request: str) -> str:
    reply = ups.handle(request.encode() + b"\r")
    assert reply is not None
    assert reply.endswith(b"\r")
    return reply[:-1].decode()


def state(ups: SimulatedUps) -> SimulatorState:
    return ups.state


def status(ups: SimulatedUps) -> str:
    return ask(ups, "Q1").rsplit(" ", 1)[1]


def test_a_bw55t_on_mains_says_what_the_published_dump_says(ups: SimulatedUps) -> None:
    assert ask(ups, "Q1") == "(103.7 000.0 103.8 012 50.1 13.7 25.9 00101000"
    assert ask(ups, "RTS") == "0065"
    assert state(ups) is SimulatorState.ON_LINE


def test_an_outage_drains_the_battery_to_the_end_and_the_output_returns(
    ups: SimulatedUps, clock: Clock
) -> None:
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
    ups.restore_mains()
    assert state(ups) is SimulatorState.RETURNING
    clock.now += 14
    assert state(ups) is SimulatorState.ON_LINE
    assert status(ups) == "00101000"
    clock.now += 9 * 3600
    assert ask(ups, "Bl ?") == "100"
