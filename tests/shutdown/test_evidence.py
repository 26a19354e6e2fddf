"""When a host is down: two signals, three times, and the grace time after its last sign of life."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import override

import pytest

from custom_components.omron_ups.shutdown.evidence import GAP_S, DownWatch, Gateway, Look, Watching
from custom_components.omron_ups.shutdown.models import HostState, Observation
from custom_components.omron_ups.shutdown.specs import Verify

from .bench import Host, HostTarget, Lan, scenario, spec_of

UP = Observation(state=HostState.UP, evidence="it answers")
GOING = Observation(state=HostState.GOING)
SILENT = Observation(state=HostState.DOWN, evidence="silent")
UNKNOWN = Observation(state=HostState.UNKNOWN)
GONE = Observation(state=HostState.DOWN, evidence="detached", is_conclusive=True)


def watch(*looks: Observation, grace_s: float = 0.0, every_s: float = 2.0) -> DownWatch:
    watching = DownWatch(grace_s)
    for number, look in enumerate(looks):
        watching.note(look, 100.0 + number * every_s)
    return watching


@pytest.mark.parametrize(
    ("looks", "is_down"),
    [
        ((), False),
        ((SILENT, SILENT), False),
        ((SILENT, SILENT, SILENT), True),
        ((SILENT, SILENT, UP, SILENT), False),
        ((SILENT, SILENT, GOING, SILENT, SILENT), False),
        ((SILENT, SILENT, UNKNOWN, SILENT), False),
        ((UNKNOWN,) * 9, False),
        ((GONE,), True),
        ((GONE, UP), False),
    ],
)
def test_three_silent_looks_in_a_row(looks: tuple[Observation, ...], *, is_down: bool) -> None:
    assert watch(*looks).is_down(200.0) is is_down


def test_the_grace_time_begins_with_the_last_sign_of_life() -> None:
    watching = watch(UP, SILENT, SILENT, SILENT, grace_s=30.0)
    assert watching.is_silent()
    assert not watching.is_down(129.9)
    assert watching.is_down(130.0)
    assert watching.silent_since == 102.0


def test_a_host_that_was_never_seen_alive_has_its_grace_time_too() -> None:
    watching = watch(SILENT, SILENT, SILENT, grace_s=30.0)
    assert not watching.is_down(129.9)
    assert watching.is_down(130.0)
    assert not watching.was_alive


def test_looks_too_far_apart_prove_nothing_together() -> None:
    assert not watch(SILENT, SILENT, SILENT, every_s=GAP_S + 1.0).is_silent()
    assert watch(UP, UP, every_s=GAP_S + 1.0).up_s(300.0) == 300.0 - 161.0


def test_up_is_counted_without_a_break() -> None:
    assert watch(UP, UP, UP).up_s(110.0) == 10.0
    assert watch(UP, GOING, UP).up_s(110.0) == 6.0
    assert watch(UP, UNKNOWN).up_s(110.0) == 0.0
    assert watch(UP, UNKNOWN).is_alive
    assert not watch(UP, SILENT).is_alive


class Telling(HostTarget):
    """Shows its state itself."""

    seen = UNKNOWN

    @override
    async def observe(self) -> Observation:
        return self.seen


class Bench:
    """One host, and all that is needed to look at it."""

    def __init__(self, verify: Verify | None = None, *, gateway: str = "gateway") -> None:
        """Begin with a host that is up."""
        self.lan = Lan()
        self.host = self.lan.hosts["host"] = Host("host")
        spec = replace(spec_of("host"), verify=verify or Verify(address="host", ports=(22, 443)))
        self.target = Telling(spec, self.host)
        self.look = Look(self.target, self.lan, Gateway(self.lan, gateway))

    async def state(self) -> HostState:
        """Look once."""
        return (await self.look.take()).state


@scenario
async def test_all_signals_alive_is_up_and_some_is_going() -> None:
    bench = Bench()
    assert await bench.state() is HostState.UP
    bench.host.is_up = False
    seen = await bench.look.take()
    assert (seen.state, seen.evidence) == (HostState.DOWN, "port 22, port 443, ping silent")


@scenario
async def test_one_signal_alone_proves_nothing() -> None:
    bench = Bench(Verify(address="host", ports=(22,), ping=False))
    assert await bench.state() is HostState.UP
    bench.host.is_up = False
    assert await bench.state() is HostState.UNKNOWN
    assert await Bench(Verify()).state() is HostState.UNKNOWN


@scenario
async def test_our_own_gateway_silent_means_unknown() -> None:
    bench = Bench()
    bench.lan.is_cut = True
    assert await bench.state() is HostState.UNKNOWN
    without = Bench(gateway="")
    without.lan.is_cut = True
    assert await without.state() is HostState.DOWN


@scenario
async def test_a_sign_of_life_from_the_kind_outweighs_a_silent_network() -> None:
    bench = Bench()
    bench.host.is_up = False
    bench.target.seen = GOING
    assert await bench.state() is HostState.GOING
    await asyncio.sleep(10.0)
    bench.target.seen = GONE
    assert (await bench.look.take()).is_conclusive
    await asyncio.sleep(10.0)
    # An API that merely went silent is no second signal.
    bench.target.seen = SILENT
    assert await bench.state() is HostState.DOWN


class Broken(Lan):
    """A machine that cannot look."""

    @override
    async def is_open(self, address: str, port: int) -> bool:
        raise OSError("network is unreachable")

    @override
    async def answers_ping(self, address: str) -> bool | None:
        return None


@scenario
async def test_a_machine_that_cannot_look_knows_nothing() -> None:
    bench = Bench()
    bench.look = Look(bench.target, Broken(), Gateway(Broken(), ""))
    assert await bench.state() is HostState.UNKNOWN


@scenario
async def test_a_kind_that_raises_or_hangs_holds_up_no_look() -> None:
    class Raising(Telling):
        @override
        async def observe(self) -> Observation:
            raise ZeroDivisionError("a defect")

    class Hanging(Telling):
        @override
        async def observe(self) -> Observation:
            await asyncio.sleep(1e9)
            return UP

    for kind in (Raising, Hanging):
        bench = Bench()
        look = Look(kind(bench.target.spec, bench.host), bench.lan, Gateway(bench.lan, ""))
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            assert (await look.take()).state is HostState.UP
        assert asyncio.get_running_loop().time() - began < 2.0
        look.forget()


@scenario
async def test_a_host_that_somebody_waits_for_is_looked_at_every_2_s() -> None:
    bench = Bench()
    watching = Watching(bench.look, asyncio.get_running_loop().time)
    times: list[float] = []

    def note(_seen: Observation) -> None:
        times.append(asyncio.get_running_loop().time())

    task = asyncio.create_task(watching.run(note, lambda: len(times) >= 3))
    await asyncio.sleep(30.0)
    task.cancel()
    gaps = [round(after - before) for before, after in pairwise(times)]
    assert gaps[:4] == [10, 10, 2, 2]


@scenario
async def test_a_kind_that_no_network_shows_is_up_between_two_of_its_answers_too() -> None:
    bench = Bench(Verify())
    bench.target.seen = UP
    loop = asyncio.get_running_loop()
    watching = Watching(bench.look, loop.time)
    task = asyncio.create_task(watching.run(lambda _seen: None, lambda: True))
    await asyncio.sleep(33.0)
    assert watching.watch.up_s(loop.time()) >= 30.0
    bench.target.seen = UNKNOWN
    await asyncio.sleep(10.0)
    assert watching.watch.up_s(loop.time()) == 0.0
    task.cancel()
