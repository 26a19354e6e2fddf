"""Driver and simulated UPS through random power events, faults, commands and reconnects."""
# ruff: noqa: D102 - the name of a rule says what happens

import asyncio
from collections.abc import Coroutine
import contextlib
from dataclasses import replace
from typing import Any, override

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
import pytest

from custom_components.omron_ups.driver import PROFILES, Ups, UpsError, UpsState
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

from .bench import Bench
from .virtual_time import VirtualTimeLoop

STALE_AFTER_S = 4.0
# What follows from load and ratings is what the unit measures, so that one may stand for the other.
UNIT = replace(PROFILES["everything"], power_factor=0.7)
# No driver can tell a unit that repeats itself for ever from one in which nothing changes.
UNDETECTABLE = {FaultKind.FROZEN}
MOVING = {
    *("ups.time", "ups.date", "battery.runtime", "battery.voltage", "input.voltage.fault"),
    # Only who watched the test knows.
    "ups.test.result",
}
# Command or variable, value, what may go over the wire for it.
ASKED: tuple[tuple[str, str | None, set[str]], ...] = (
    ("beeper.enable", None, {"Bn"}),
    ("beeper.disable", None, {"Bf"}),
    ("load.off", None, {"Af", "Sf.2"}),
    ("shutdown.return", "60", {"An", "S01"}),
    ("shutdown.return", None, {"An", "S.5"}),
    ("shutdown.stayoff", "120", {"Af", "Sf02"}),
    ("shutdown.reboot", None, {"S.2R00003"}),
    ("shutdown.stop", None, {"C"}),
    ("outlet.1.load.off", None, {"Oaf"}),
    ("outlet.1.load.on", None, {"Oan"}),
    ("battery.charge.low", "40", {"BLD040"}),
    ("input.sensitivity", "high", {"SS3"}),
    ("ups.start.battery", "yes", {"CSn"}),
    ("ups.delay.shutdown", "30", set()),
)
FAULTS = st.builds(
    Fault,
    kind=st.sampled_from(sorted(set(FaultKind) - UNDETECTABLE)),
    request=st.sampled_from([None, None, "Q1", "V2", "An", "Af", "C", "S01", "Sf.2", "CF", "Bl ?"]),
    count=st.integers(1, 5),
    probability=st.sampled_from([1.0, 0.5]),
)


class DriverMachine(RuleBasedStateMachine):
    """The rules are what can happen, the invariants what must hold all the same."""

    def __init__(self) -> None:
        """Make a loop; the unit follows once its setting is drawn."""
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.problems: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.problems.append(context))
        self.watched: Ups | None = None

    def run[ResultT](self, main: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Let time pass until `main` is done."""
        return self.loop.run_until_complete(main)

    @initialize(auto_restart=st.booleans(), answers_while_dark=st.booleans())
    def switch_on(self, auto_restart: bool, answers_while_dark: bool) -> None:
        self.auto_restart = auto_restart

        async def begin() -> None:
            self.bench = Bench(UNIT)
            self.bench.unit.settings.auto_restart = auto_restart
            self.bench.unit.answers_while_dark = answers_while_dark
            await self.bench.ups.start()

        self.run(begin())
        self.seen = len(self.bench.writes)
        self.watch()

    def watch(self) -> None:
        """Check every state at the moment of its publication."""
        if self.watched is not self.bench.ups:
            self.watched = self.bench.ups
            self.watched.subscribe(self.check_state)

    def check_state(self, state: UpsState) -> None:
        if not state.stale:
            assert state.read_at is not None
            assert self.loop.time() - state.read_at <= STALE_AFTER_S

    def check_writes(self, asked: set[str]) -> None:
        """Nothing is sent but what was asked for and the one write that restores."""
        restoring = {"An" if self.auto_restart else "Af"}
        new = self.bench.writes[self.seen :]
        self.seen += len(new)
        assert set(new) <= asked | restoring

    @rule(seconds=st.sampled_from([0.3, 1.0, 5.0, 30.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @rule()
    def cut_mains(self) -> None:
        self.bench.unit.cut_mains()

    @rule()
    def restore_mains(self) -> None:
        self.bench.unit.restore_mains()

    @rule(charge=st.integers(1, 100))
    def set_charge(self, charge: int) -> None:
        self.bench.unit.charge = charge

    @rule(load=st.integers(0, 120))
    def set_load(self, load: int) -> None:
        self.bench.unit.load = load

    @rule()
    def test_itself(self) -> None:
        self.bench.unit.start_self_test()

    @rule()
    def press_button(self) -> None:
        self.bench.unit.press_button()

    @rule(fault=FAULTS)
    def misbehave(self, fault: Fault) -> None:
        self.bench.unit.inject(fault)

    @rule()
    def unplug(self) -> None:
        self.bench.unit.unplug()

    @rule()
    def replug(self) -> None:
        self.bench.unit.replug()

    @rule(asked=st.sampled_from(ASKED))
    def ask(self, asked: tuple[str, str | None, set[str]]) -> None:
        name, value, requests = asked
        self.check_writes(set())
        ups = self.bench.ups
        set_it = name in ups.writable
        doing = ups.set_variable(name, value or "") if set_it else ups.command(name, value)
        # Typed, and no more than that is promised.
        with contextlib.suppress(UpsError):
            self.run(doing)
        self.check_writes(requests)

    @rule()
    def restart_the_process(self) -> None:
        async def restart() -> None:
            await self.bench.ups.stop()
            self.bench.ups = self.bench.make_driver()
            self.watch()
            await self.start_at_last()

        self.run(restart())

    async def start_at_last(self) -> None:
        """Start as Home Assistant does: again and again until it works; a fault may prevent it."""
        for _ in range(20):
            try:
                await self.bench.ups.start()
            except UpsError:
                await asyncio.sleep(5)
            else:
                return

    @invariant()
    def published_data_is_fresh_or_marked_stale(self) -> None:
        if self.watched is None:
            return
        ups = self.bench.ups
        assert ups.state.stale or ups.age is None or ups.age <= STALE_AFTER_S

    @invariant()
    def nothing_is_sent_unasked(self) -> None:
        if self.watched is not None:
            self.check_writes(set())
            # Checked when they were published; a history of hours is heavy.
            self.bench.published.clear()

    @invariant()
    def nothing_escapes(self) -> None:
        assert self.problems == []

    @override
    def teardown(self) -> None:
        """Let everything end well: then all is known again, and the setting is as it was."""
        if self.watched is not None:
            self.run(self.end_well())
            self.check_writes(set())
        self.loop.close()
        assert self.problems == []

    async def end_well(self) -> None:
        bench = self.bench
        bench.unit.clear_faults()
        bench.unit.restore_mains()
        bench.unit.load = 12
        if not bench.ups.is_running:
            await self.start_at_last()
        for _ in range(3):
            # Countdowns run out, and the output comes back by itself or by hand.
            await asyncio.sleep(250)
            if not bench.unit.output_on:
                bench.unit.press_button()
        bench.unit.charge = 100
        await bench.until(lambda: bench.remembered() is None, limit_s=2500)
        assert bench.unit.settings.auto_restart is self.auto_restart
        await bench.until(lambda: not bench.ups.state.stale)
        await asyncio.sleep(1300)
        known = bench.variables
        await bench.restart_driver()
        truth = bench.variables
        await bench.ups.stop()
        assert {
            name: (value, truth.get(name))
            for name, value in known.items()
            if name not in MOVING and truth.get(name) != value
        } == {}


DriverMachine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    # Explaining a failure traces every line, which takes a hundred times as long.
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
# Making a failure small takes a while.
TestDriver = pytest.mark.timeout(900)(DriverMachine.TestCase)
