"""The rack itself: hosts, UPS and disk do what real ones do, and a crash is a crash."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
import random
from typing import Any

import pytest

from custom_components.omron_ups.shutdown.models import Power
from tests.driver.virtual_time import run as run_virtually

from .rack.battery import START_DELAY_S, RackUps, UpsSpec
from .rack.disk import Disk, RackJournal
from .rack.facts import Facts, What
from .rack.life import Crashed, Life, Points, track_tasks
from .rack.machine import Machine, MachineSpec, MachineState
from .rack.naive import NaiveRunner
from .rack.randomly import random_scenario
from .rack.run import simulate, timeline
from .rack.scenario import Crash, Outage, Scenario

HOST = MachineSpec(machine_id="host", kind="plain", stop_s=10.0, boot_s=20.0)


def on_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtually(test())


def machine(spec: MachineSpec = HOST) -> Machine:
    loop = asyncio.get_running_loop()
    return Machine(spec, Facts(loop.time))


def states(host: Machine) -> tuple[MachineState, bool, bool]:
    return host.state, host.has_ports(), host.has_network()


def test_a_host_falls_silent_before_it_is_off() -> None:
    async def test() -> None:
        host = machine()
        host.begin_stop("test")
        assert states(host) == (MachineState.STOPPING, True, True)
        await asyncio.sleep(6.0)
        assert states(host) == (MachineState.STOPPING, False, True)
        await asyncio.sleep(3.0)
        assert states(host) == (MachineState.STOPPING, False, False)
        assert host.is_running, "a power cut now would hurt it"
        await asyncio.sleep(2.0)
        assert states(host) == (MachineState.OFF, False, False)

    on_virtual_time(test)


def test_the_grace_time_covers_a_silent_host() -> None:
    for stop_s in (1.0, 10.0, 100.0):
        assert replace(HOST, stop_s=stop_s).grace_s > 0.2 * stop_s


def test_a_host_wakes_only_when_it_is_off_and_has_power() -> None:
    async def test() -> None:
        host = machine()
        host.begin_stop("test")
        host.start("too early")
        await asyncio.sleep(11.0)
        assert states(host)[0] is MachineState.OFF, "a magic packet to a stopping host is lost"
        host.set_power(on=False)
        host.start("no power")
        assert states(host)[0] is MachineState.OFF
        host.set_power(on=True)
        await asyncio.sleep(21.0)
        assert states(host)[0] is MachineState.UP

    on_virtual_time(test)


def test_an_ac_edge_starts_only_who_returns_by_itself() -> None:
    async def test() -> None:
        host = machine(replace(HOST, returns_by_itself=False))
        host.set_power(on=False)
        assert [fact.what for fact in host._facts.rows] == [What.CUT]
        host.set_power(on=True)
        assert host.state is MachineState.OFF

    on_virtual_time(test)


def test_a_host_that_hangs_never_gets_there() -> None:
    async def test() -> None:
        host = machine()
        host.quirks.hangs = True
        host.begin_stop("test")
        await asyncio.sleep(1e4)
        assert host.state is MachineState.STOPPING

    on_virtual_time(test)


class Moment:
    """A clock that is set by hand, and a UPS that follows it."""

    def __init__(self, spec: UpsSpec, watts: float) -> None:
        """Begin on mains."""
        self.now = 0.0
        self.facts = Facts(lambda: self.now)
        self.ups = RackUps(spec, self.facts, lambda: watts)

    def pass_time(self, seconds: int) -> None:
        """Let whole seconds pass."""
        for _ in range(seconds):
            self.now += 1.0
            self.ups.step(1.0)

    def has_output(self) -> bool:
        """Return whether the output is on."""
        return self.ups.output

    def whats(self) -> list[What]:
        """Return what happened so far."""
        return [fact.what for fact in self.facts.rows]


SPEC = UpsSpec(rated_w=100.0, full_load_s=100.0, idle_w=0.0, recharge_s=200.0)


def test_the_battery_lasts_as_long_as_its_load_lets_it() -> None:
    at = Moment(SPEC, watts=50.0)
    at.ups.set_mains(on=False)
    assert at.ups.runtime_s == pytest.approx(200.0)
    at.pass_time(100)
    assert at.ups.charge == pytest.approx(50.0)
    at.pass_time(40)
    assert at.ups.is_low
    at.pass_time(60)
    assert at.whats() == [What.MAINS_LOST, What.LOW, What.EMPTY]
    assert not at.has_output()
    at.ups.set_mains(on=True)
    at.pass_time(int(START_DELAY_S) + 2)
    assert at.has_output()
    assert at.ups.charge == pytest.approx(6.0, abs=0.5)


def test_an_old_battery_is_empty_while_the_ups_still_hopes() -> None:
    at = Moment(SPEC, watts=50.0)
    at.ups.true_capacity = 0.5
    at.ups.set_mains(on=False)
    at.pass_time(50)
    assert at.ups.runtime_s == pytest.approx(100.0)
    assert at.ups.true_runtime_s == pytest.approx(50.0)


def test_mains_does_not_end_a_countdown_and_the_output_returns() -> None:
    at = Moment(SPEC, watts=10.0)
    at.ups.set_mains(on=False)
    at.ups.arm(20.0, returns=True)
    at.pass_time(5)
    at.ups.set_mains(on=True)
    at.pass_time(16)
    assert not at.has_output()
    at.pass_time(int(START_DELAY_S) + 1)
    assert at.has_output()


def test_stay_off_stays_off_and_cancel_cancels() -> None:
    at = Moment(SPEC, watts=10.0)
    at.ups.arm(5.0, returns=False)
    at.pass_time(100)
    assert not at.has_output()
    other = Moment(SPEC, watts=10.0)
    other.ups.arm(5.0, returns=True)
    other.ups.cancel()
    other.pass_time(100)
    assert other.has_output()


def test_only_synced_bytes_survive_a_crash() -> None:
    async def test() -> None:
        track_tasks(asyncio.get_running_loop())
        left: set[bytes] = set()
        for seed in range(30):
            disk = Disk(rng=random.Random(seed))  # noqa: S311 - repeatable on purpose
            life = Life(Points(asyncio.get_running_loop().time))
            journal = RackJournal(life, disk)
            await life.spawn(journal.append(b"first\n"))
            task = life.spawn(journal.append(b"second\n"))
            await asyncio.sleep(disk.sync_s / 2)
            life.die()
            await asyncio.wait([task])
            assert disk.journal.startswith(b"first\n")
            left.add(disk.journal.removeprefix(b"first\n"))
        assert left <= {b"second\n"[:length] for length in range(8)}
        assert len(left) > 3, "some are torn"

    on_virtual_time(test)


def test_a_full_disk_takes_nothing() -> None:
    async def test() -> None:
        disk = Disk(rng=random.Random(1), is_full=True)  # noqa: S311 - repeatable on purpose
        journal = RackJournal(Life(Points(asyncio.get_running_loop().time)), disk)
        with pytest.raises(OSError, match="No space left"):
            await journal.append(b"line\n")
        with pytest.raises(OSError, match="No space left"):
            await journal.replace(b"line\n")
        assert disk.journal == b""

    on_virtual_time(test)


def test_nothing_of_a_dead_process_reaches_the_world() -> None:
    async def test() -> None:
        track_tasks(asyncio.get_running_loop())
        reached: list[str] = []
        life = Life(Points(asyncio.get_running_loop().time))

        async def child() -> None:
            try:
                await asyncio.sleep(100.0)
            finally:
                life.point("last words")
                reached.append("last words")

        async def parent() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())

        task = life.spawn(parent())
        await asyncio.sleep(1.0)
        assert len(life.tasks) == 2
        life.points.injections[0] = life.die
        with pytest.raises(Crashed):
            life.point("the end")
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert reached == []
        assert life.alive_tasks() == []

    on_virtual_time(test)


CRASHING = Scenario(
    machines=(HOST,),
    outages=(Outage(at=10.0, duration_s=100.0),),
    crashes=(Crash(at=30.0, restart_s=20.0, is_reboot=True),),
    limit_s=500.0,
)


def test_home_assistant_starts_again_after_a_crash() -> None:
    ending = simulate(CRASHING, NaiveRunner)
    story = [(f.what, round(f.at)) for f in ending.facts.of(What.HA_UP, What.HA_CRASH)]
    assert story == [(What.HA_UP, 0), (What.HA_CRASH, 30), (What.HA_UP, 50)]
    told = [power for _, power in ending.home.readings]
    unknown, battery = Power.UNKNOWN, Power.BATTERY
    assert told == [unknown, Power.MAINS, battery, unknown, battery, Power.MAINS]
    assert ending.home.boot == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_is_always_the_same_run(seed: int) -> None:
    scenario = random_scenario(seed)
    assert scenario == random_scenario(seed)
    stories = [timeline(simulate(scenario, NaiveRunner).facts) for _ in range(2)]
    assert stories[0] == stories[1]
