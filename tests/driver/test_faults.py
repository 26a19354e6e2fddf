"""Every way in which an exchange can fail, fed to the driver.

No exception escapes, nothing wrong is published, and the state recovers by itself.
"""

import asyncio
from dataclasses import dataclass, field, replace
import logging
from typing import override

import pytest

from custom_components.omron_ups.driver import PROFILES, UpsError, UpsState
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

from .bench import Bench
from .virtual_time import run

# What follows from load and ratings is what the unit measures, so that one may stand for the other.
UNIT = replace(PROFILES["everything"], power_factor=0.7)
# The unit's clock runs.
MOVING = {"ups.time", "ups.date"}
# Longer than any query waits for its turn: paused by failures, or not known of until the next look.
LONGEST_TURN_S = 1300.0
UNDER_FAULT_S = 320.0
RECOVERY_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault, and which variables it may bend although the driver does its best."""

    fault: Fault
    bends: set[str] = field(default_factory=set)
    why: str = ""

    @override
    def __str__(self) -> str:
        """Name the row."""
        parts = (self.fault.kind, self.fault.request, self.fault.count, self.fault.probability)
        return "-".join(str(part) for part in parts if part not in {None, 1.0})


BENDS: dict[FaultKind, tuple[set[str], str]] = {
    FaultKind.FLICKER: ({"ups.status"}, "a bit that is always wrong is what the unit says"),
    FaultKind.RUNTIME_9999: ({"battery.runtime"}, "a week is a runtime that a unit may have"),
}
NOW_AND_THEN = (
    FaultKind.NO_CR,
    FaultKind.GARBLED,
    FaultKind.NAK,
    FaultKind.ECHO,
    FaultKind.SILENCE,
    FaultKind.LATE,
    FaultKind.REPEAT_PREVIOUS,
    FaultKind.GLUED,
    FaultKind.IO_ERROR,
)
STATUS_FAULTS = (FaultKind.SILENCE, FaultKind.LATE, FaultKind.NAK, FaultKind.GARBLED)
ROWS = (
    *(
        Row(
            fault=Fault(kind=kind),
            bends=BENDS.get(kind, (set(), ""))[0],
            why=BENDS.get(kind, (set(), ""))[1],
        )
        for kind in FaultKind
    ),
    *(Row(fault=Fault(kind=kind, request="Q1")) for kind in STATUS_FAULTS),
    *(Row(fault=Fault(kind=kind, probability=0.3)) for kind in NOW_AND_THEN),
    # Cut for ever, a charge of 100 is one of 1, as a unit would say it that does not pad.
    *(
        Row(fault=Fault(kind=FaultKind.SHORT, request=request, count=2))
        for request in ("Bl ?", "RTS", "TPb", "Lf ?", "Bld ?")
    ),
    Row(fault=Fault(kind=FaultKind.FLICKER, count=1)),
)


def wrong(state: UpsState, truth: dict[str, str], bends: set[str]) -> dict[str, str]:
    """Return what `state` says otherwise than `truth`."""
    return {
        name: value
        for name, value in state.variables.items()
        if name not in bends | MOVING and truth.get(name) != value
    }


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault_while_running(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with Bench(UNIT) as bench:
            truth = bench.variables
            bench.published.clear()
            bench.unit.inject(row.fault)
            await asyncio.sleep(UNDER_FAULT_S)
            assert bench.ups.is_running
            for state in bench.published:
                assert wrong(state, truth, row.bends) == {}
            bench.unit.clear_faults()
            await asyncio.sleep(RECOVERY_S)
            assert not bench.ups.state.stale
            assert bench.variables["ups.status"] == "OL"
            await bench.until(
                lambda: {*truth} <= {*bench.variables} and not wrong(bench.ups.state, truth, set()),
                limit_s=LONGEST_TURN_S,
            )

    run(scenario())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault_from_the_start(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with Bench(UNIT) as bench:
            truth = bench.variables
        bench.unit.inject(row.fault)
        bench.published.clear()
        ups = bench.make_driver()
        try:
            await ups.start()
        except UpsError:
            assert not ups.is_running
        else:
            await asyncio.sleep(10)
        for state in bench.published:
            assert wrong(state, truth, row.bends) == {}
        bench.unit.clear_faults()
        await ups.start()
        await bench.until(
            lambda: {*truth} <= {*ups.state.variables} and not wrong(ups.state, truth, set()),
            limit_s=LONGEST_TURN_S,
        )
        await ups.stop()

    run(scenario())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault_during_commands(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the answer, a success is one, and nothing is sent that nobody asked for."""

    async def scenario() -> None:
        async with Bench(UNIT) as bench:
            bench.unit.inject(row.fault)
            with_success = []
            for name in ("beeper.disable", "outlet.1.load.off", "shutdown.stayoff"):
                try:
                    await bench.ups.command(name)
                except UpsError:
                    continue
                with_success.append(name)
            unit = bench.unit
            truths = {
                "beeper.disable": not unit.settings.beeper,
                "outlet.1.load.off": not unit.settings.outlets["A"],
                "shutdown.stayoff": unit.shutdown_pending,
            }
            assert [name for name in with_success if not truths[name]] == []
            assert set(bench.writes) <= {"Bf", "Oaf", "Af", "Sf.5", "An"}
            unit.clear_faults()
            await bench.until(lambda: not bench.ups.state.stale)
            unit.cancel_shutdown()
            if not unit.output_on:
                unit.press_button()
            await bench.until(lambda: bench.remembered() is None, limit_s=2000)
            assert unit.settings.auto_restart

    run(scenario())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_every_fault_is_fed() -> None:
    assert {row.fault.kind for row in ROWS} == set(FaultKind)
    assert all(row.why for row in ROWS if row.bends)
