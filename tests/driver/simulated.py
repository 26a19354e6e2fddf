"""A simulated UPS on a clock that the test owns."""

from dataclasses import dataclass

from custom_components.omron_ups.driver.simulator.machine import SimulatorState
from custom_components.omron_ups.driver.simulator.profiles import PROFILES
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps


@dataclass
class Clock:
    """Time that passes when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def make_ups(
    model: str = "bw55t", *, clock: Clock | None = None, time_scale: float = 1.0
) -> SimulatedUps:
    """Return a unit of `model` that answers even while dark."""
    ups = SimulatedUps(PROFILES[model], clock=clock or Clock(), time_scale=time_scale)
    ups.answers_while_dark = True
    return ups


def ask(ups: SimulatedUps, request: str) -> str:
    """Return the reply to one request, both without CR."""
    reply = ups.handle(request.encode() + b"\r")
    assert reply is not None
    assert reply.endswith(b"\r")
    return reply[:-1].decode()


def status(ups: SimulatedUps) -> str:
    """Return the eight status characters."""
    return ask(ups, "Q1").rsplit(" ", 1)[1]


def state(ups: SimulatedUps) -> SimulatorState:
    """Return the state; a call, because a property looks constant to a type checker."""
    return ups.state
