"""Runs one scenario to its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
import logging
from typing import Any, Final, override

from custom_components.omron_ups.shutdown.errors import RequestError
from custom_components.omron_ups.shutdown.models import PlanState
from tests.driver.virtual_time import VirtualTimeLoop

from .actions import perform
from .facts import Fact, Facts, What
from .fault_table import apply_faults
from .home import HomeAssistant, RunnerFactory
from .life import track_tasks
from .machine import Machine, MachineState
from .rack import TICK_S, Rack
from .scenario import ELSEWHERE, ON_UPS, Scenario, UserAction

LOGGER_NAME: Final = "custom_components.omron_ups.shutdown"
# How long everything must stay as it is before it counts as the end.
QUIET_S: Final = 30.0
# What the rack raises on purpose may be logged with its traceback.
EXPECTED: Final = (ConnectionError, OSError, RequestError)
SURPRISE: Final = "surprise"


@dataclass(slots=True)
class Ending:
    """How a run ended, and all that is known of it."""

    scenario: Scenario
    rack: Rack
    home: HomeAssistant
    is_settled: bool
    """Whether it came to rest, before the limit."""
    errors: list[str] = field(default_factory=list)
    """Exceptions that nobody expected."""

    @property
    def crashes(self) -> int:
        """How often Home Assistant died."""
        return sum(1 for _ in self.facts.of(What.HA_CRASH, What.HA_STOP))

    @property
    def facts(self) -> Facts:
        """What happened."""
        return self.rack.facts


class RackLoop(VirtualTimeLoop):
    """Does at once what others leave to threads, which know nothing of virtual time."""

    @override
    def run_in_executor[*ArgsT, ResultT](
        self, executor: object, func: Callable[[*ArgsT], ResultT], *args: *ArgsT
    ) -> asyncio.Future[ResultT]:
        done: asyncio.Future[ResultT] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as err:  # noqa: BLE001 - as an executor does it
            done.set_exception(err)
        return done


class _Errors(logging.Handler):
    """Collects what was logged with an exception that the rack did not raise."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not _is_expected(error):
            self.found.append(f"{record.getMessage()}: {error!r}")


def _is_expected(error: BaseException) -> bool:
    """Return whether the rack raised it on purpose."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_expected(inner) for inner in error.exceptions)
    return isinstance(error, (*EXPECTED, asyncio.CancelledError)) or SURPRISE in str(error)


def simulate(
    scenario: Scenario,
    factory: RunnerFactory,
    *,
    prepare: Callable[[Rack, HomeAssistant], None] | None = None,
) -> Ending:
    """Run a scenario from beginning to end.

    Args:
        scenario: what is to happen.
        factory: what makes a runner.
        prepare: is called before time begins to pass.

    """
    errors = _Errors()
    logger = logging.getLogger(LOGGER_NAME)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(errors)
    try:
        with asyncio.Runner(loop_factory=RackLoop) as runner:
            ending = runner.run(_simulate(scenario, factory, prepare, errors.found))
    finally:
        logger.removeHandler(errors)
        logger.propagate = propagates
    ending.errors.extend(errors.found)
    return ending


async def _simulate(
    scenario: Scenario,
    factory: RunnerFactory,
    prepare: Callable[[Rack, HomeAssistant], None] | None,
    errors: list[str],
) -> Ending:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: _note(errors, context))
    track_tasks(loop)
    rack = Rack(scenario)
    home = HomeAssistant(rack, factory)
    for machine in rack.machines.values():
        _connect(machine, home)
    if rack.estate.proxmox is not None:
        rack.estate.cluster.own_stops = home.stop_with_guest
        rack.estate.cluster.own_starts = home.start_with_guest
    apply_faults(rack, home)
    _schedule(rack, home)
    if prepare:
        prepare(rack, home)
    await rack.estate.open()
    home.start()
    is_settled = await _pass_time(rack, home)
    home.end()
    await asyncio.sleep(60.0)
    await rack.estate.close()
    return Ending(scenario=scenario, rack=rack, home=home, is_settled=is_settled)


def _connect(machine: Machine, home: HomeAssistant) -> None:
    """Let Home Assistant share the fate of the host that runs it."""
    follow = machine.on_change

    def changed(changing: Machine) -> None:
        follow(changing)
        home.follow_host(changing)

    machine.on_change = changed


def _note(errors: list[str], context: dict[str, Any]) -> None:
    """Note what asyncio itself complains of."""
    error = context.get("exception")
    if error is None or not _is_expected(error):
        errors.append(f"{context.get('message')}: {error!r}")


def _schedule(rack: Rack, home: HomeAssistant) -> None:
    """Prepare crashes and what users do."""
    for crash in rack.scenario.crashes:
        if crash.point is not None:
            rack.points.injections[crash.point] = partial(home.crash, crash)
        elif crash.at is not None:
            rack.at(crash.at, home.crash, crash)
    for action in rack.scenario.actions:
        rack.at(action.at, _spawn, home, action)


def _spawn(home: HomeAssistant, action: UserAction) -> None:
    home.spawn(perform(home, action))


async def _pass_time(rack: Rack, home: HomeAssistant) -> bool:
    """Let time pass until everything has come to rest; return whether it did."""
    limit_s = rack.scenario.last_s + rack.scenario.limit_s
    next_reading = quiet_since = rack.now()
    seen = 0
    while rack.now() < limit_s:
        await asyncio.sleep(TICK_S)
        was_on = rack.ups.output
        rack.step()
        home.follow_power(was_on)
        if rack.now() >= next_reading:
            next_reading += rack.scenario.reading_s
            home.feed()
        if len(rack.facts.rows) != seen or not is_at_rest(rack, home):
            seen, quiet_since = len(rack.facts.rows), rack.now()
        if rack.now() - quiet_since > QUIET_S:
            return True
    return False


def is_at_rest(rack: Rack, home: HomeAssistant) -> bool:
    """Return whether nothing is left to happen."""
    if rack.now() < rack.scenario.last_s + 5.0 or rack.ups.countdown:
        return False
    if any(machine.is_changing for machine in rack.hosts()):
        return False
    if not rack.scenario.mains_returns:
        return _has_ended(home) if home.is_alive else not rack.ups.output
    if not rack.ups.output and not rack.ups.stays_off:
        return False
    return _has_ended(home) if home.is_alive else not _will_start(rack, home)


def _will_start(rack: Rack, home: HomeAssistant) -> bool:
    """Return whether Home Assistant is about to start again."""
    where = rack.scenario.home_assistant
    if where in {ELSEWHERE, ON_UPS}:
        return where == ELSEWHERE or rack.ups.output
    return rack.machines[where].state is MachineState.UP


def _has_ended(home: HomeAssistant) -> bool:
    """Return whether the runner has nothing left to do."""
    runner = home.runner
    if runner is None or not home.has_started:
        return False
    if home.rack.scenario.mains_returns:
        return runner.state is PlanState.IDLE and not runner.is_open
    if not home.rack.ups.output:
        return True
    # With the output on it goes on until the battery is empty, unless all has been done.
    return runner.state is PlanState.HANDED_OVER


def timeline(facts: Facts, *, without: frozenset[What] = frozenset()) -> list[str]:
    """Return the facts as lines."""
    return [fact.line() for fact in facts.rows if fact.what not in without]


def first(facts: Facts, what: What, who: str) -> Fact | None:
    """Return the first fact of a kind about one host."""
    return next(facts.of(what, who=who), None)
