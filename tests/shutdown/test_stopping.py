"""How one target is stopped: steps in order, answers of all kinds, and the time it has."""

import asyncio
from dataclasses import replace
from typing import override

import pytest

from custom_components.omron_ups.shutdown.errors import RefusedError, UnreachableError
from custom_components.omron_ups.shutdown.events import PlanEventType
from custom_components.omron_ups.shutdown.folding import STOP_ENDED
from custom_components.omron_ups.shutdown.models import (
    HostState,
    Observation,
    Outcome,
    PlanResult,
    PlanState,
    Reply,
    TargetState,
)
from custom_components.omron_ups.shutdown.specs import TargetSpec, Verify
from custom_components.omron_ups.shutdown.stopping import PATIENT_S
from custom_components.omron_ups.shutdown.target import StopContext, StopStep

from .bench import (
    BATTERY,
    LOW,
    POWEROFF,
    Bench,
    DrainTarget,
    Host,
    HostTarget,
    plan_of,
    scenario,
    spec_of,
)

PLAN = plan_of(spec_of("host"))


class Sceptical(HostTarget):
    """Asks again after 20 s in which nothing happens."""

    steps = (replace(POWEROFF, resend_after_s=20.0),)

    @override
    async def observe(self) -> Observation:
        return Observation(state=HostState.UP if self.host.is_up else HostState.UNKNOWN)


class Stubborn(DrainTarget):
    """Its guests go only the hard way."""

    @override
    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        self.escalations += 1
        if step.key == "guests":
            self.guests_s = 0.0
            return Reply(outcome=Outcome.ACCEPTED)
        return Reply(outcome=Outcome.NOTHING_TO_DO)


class Detaching(HostTarget):
    """Knows by itself when it is down."""

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @override
    async def observe(self) -> Observation:
        state = HostState.UP if self.host.is_up else HostState.DOWN
        return Observation(state=state, is_conclusive=state is HostState.DOWN)


class LateGuests(HostTarget):
    """Nothing of it ever comes to an end, and the first step takes all the time there is."""

    steps = (
        StopStep(key="disarm", irreversible=False, is_awaited=True),
        StopStep(key="guests", irreversible=False, is_awaited=True),
        POWEROFF,
    )

    def __init__(self, spec: TargetSpec, host: Host) -> None:
        """Begin without an escalation."""
        super().__init__(spec, host)
        self.escalated: dict[str, float] = {}

    @override
    async def is_step_done(self, step: StopStep) -> bool:
        return False

    @override
    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        self.escalated[step.key] = asyncio.get_running_loop().time()
        return Reply(outcome=Outcome.NOTHING_TO_DO)


class Hurrying(DrainTarget):
    """Its guests go at once if they are told to hurry."""

    steps = (replace(DrainTarget.steps[0], repeats_when_short=True), POWEROFF)

    def __init__(self, spec: TargetSpec, host: Host) -> None:
        """Begin with nobody told."""
        super().__init__(spec, host)
        self.told: list[tuple[str, bool]] = []
        self.is_gone = False

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        self.told.append((step.key, context.is_short))
        if self.is_gone:
            raise UnreachableError("no route to host")
        if context.is_short:
            self.guests_s = 0.0
        return await super().send(step, context)


async def ignore(_host: Host) -> Reply:
    return Reply(outcome=Outcome.ACCEPTED)


async def refuse(_host: Host) -> Reply:
    raise RefusedError("no right to do that")


async def hang(_host: Host) -> Reply:
    await asyncio.sleep(1e9)
    return Reply(outcome=Outcome.ACCEPTED)


async def stopped(bench: Bench, limit_s: float = 600.0) -> TargetState:
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    ends = STOP_ENDED
    await bench.wait_for(lambda: bench.runner.target_states["host"] in ends, limit_s)
    return bench.runner.target_states["host"]


def commands(bench: Bench) -> list[str]:
    return [key for _, key in bench.host("host").commands]


@scenario
async def test_accepted_is_no_evidence() -> None:
    bench = Bench(PLAN)
    bench.targets["host"].answer = ignore
    assert await stopped(bench) is TargetState.OVERDUE
    assert commands(bench) == ["poweroff"]
    assert bench.targets["host"].escalations == 1


@scenario
async def test_who_is_down_in_the_last_moment_is_not_given_up() -> None:
    """A kind is asked for its own view every few seconds only."""
    for limit_s in (60.0, 61.0, 62.0, 63.0, 64.0):
        spec = spec_of("host", verify=Verify(), time_limit_s=limit_s)
        bench = Bench(plan_of(spec), {"host": Detaching})
        bench.host("host").stop_s = limit_s - 0.5
        assert await stopped(bench) is TargetState.DOWN, limit_s


@scenario
async def test_what_was_accepted_and_ignored_is_asked_once_more() -> None:
    bench = Bench(PLAN, {"host": Sceptical})
    bench.targets["host"].answer = ignore
    assert await stopped(bench) is TargetState.OVERDUE
    first, second = (at for at, _ in bench.host("host").commands)
    assert second - first >= 20.0


@scenario
async def test_a_refusal_is_not_repeated() -> None:
    bench = Bench(PLAN, {"host": Sceptical})
    bench.targets["host"].answer = refuse
    assert await stopped(bench) is TargetState.REFUSED
    assert commands(bench) == ["poweroff"]


@scenario
async def test_guests_get_their_moment_even_if_steps_before_took_all_the_time() -> None:
    bench = Bench(plan_of(spec_of("host", time_limit_s=12.0)), {"host": LateGuests})
    target = bench.targets["host"]
    assert isinstance(target, LateGuests)
    target.answer = ignore
    await stopped(bench)
    asked = {key: at for at, key in bench.host("host").commands}
    assert set(target.escalated) == {"disarm", "guests", "poweroff"}
    for key, at in target.escalated.items():
        assert at - asked[key] >= PATIENT_S - 0.1, key


@scenario
async def test_what_never_left_is_tried_again() -> None:
    bench = Bench(PLAN)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def answer(host: Host) -> Reply:
        if loop.time() - began < 50.0:
            raise UnreachableError("no route to host")
        host.stop()
        return Reply(outcome=Outcome.ACCEPTED)

    bench.targets["host"].answer = answer
    assert await stopped(bench) is TargetState.DOWN
    assert len(commands(bench)) > 2


@scenario
async def test_a_request_that_hangs_ends_after_20_s_and_its_host_is_looked_at() -> None:
    bench = Bench(PLAN)

    async def answer(host: Host) -> Reply:
        host.stop()
        return await hang(host)

    bench.targets["host"].answer = answer
    assert await stopped(bench) is TargetState.DOWN
    assert commands(bench) == ["poweroff"]


@scenario
async def test_guests_are_off_before_their_host() -> None:
    bench = Bench(PLAN, {"host": DrainTarget})
    assert await stopped(bench) is TargetState.DOWN
    (guests_at, _), (off_at, _) = bench.host("host").commands
    assert off_at - guests_at >= 30.0


@scenario
async def test_guests_that_hang_are_stopped_the_hard_way_in_time_for_their_host() -> None:
    bench = Bench(PLAN, {"host": Stubborn})
    target = bench.targets["host"]
    assert isinstance(target, Stubborn)
    target.guests_s = 1e9
    assert await stopped(bench) is TargetState.DOWN
    (guests_at, _), (off_at, _) = bench.host("host").commands
    # Three quarters of its 60 s are for the guests, the rest is for the host.
    assert 40.0 < off_at - guests_at < 60.0


@scenario
async def test_a_host_that_dies_before_its_turn_is_asked_nothing() -> None:
    bench = Bench(plan_of(spec_of("first", 5), spec_of("host", 10)))
    bench.host("first").stop_s = 40.0
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    bench.host("host").is_up = False
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)
    assert bench.runner.target_states["host"] is TargetState.DOWN
    assert commands(bench) == []


@scenario
async def test_a_target_that_nobody_can_see_is_unconfirmed_and_no_failure() -> None:
    bench = Bench(plan_of(replace(spec_of("host"), verify=Verify(), wake=None)))
    assert await stopped(bench) is TargetState.UNCONFIRMED
    assert "host" not in bench.durations.stops
    await bench.wait(5.0)
    assert bench.told(PlanEventType.FAILED) == []
    (end,) = (event for event in bench.events if event.type is PlanEventType.FINISHED)
    assert end.key == PlanResult.ALL_DOWN
    assert end.detail == "HOST was told to stop, but nothing can show whether it did"


@scenario
async def test_a_target_that_nobody_can_see_and_that_may_not_have_heard_is_a_failure() -> None:
    bench = Bench(plan_of(replace(spec_of("host"), verify=Verify(), wake=None)))
    bench.targets["host"].answer = hang
    assert await stopped(bench) is TargetState.OVERDUE
    await bench.wait(5.0)
    assert bench.told(PlanEventType.FAILED) == [PlanResult.INCOMPLETE]


@scenario
async def test_storage_of_a_target_that_nobody_can_see_waits_all_the_same() -> None:
    blind = replace(spec_of("host", uses=frozenset({"nas"})), verify=Verify(), wake=None)
    bench = Bench(plan_of(blind, spec_of("nas", 20)))
    assert await stopped(bench) is TargetState.UNCONFIRMED
    await bench.wait(300.0)
    assert bench.host("nas").commands == []


@scenario
async def test_who_says_yes_but_was_never_seen_is_not_taken_for_down() -> None:
    spec = spec_of("host")
    # The user entered the address of nobody.
    bench = Bench(plan_of(replace(spec, verify=replace(spec.verify, address="nobody"))))
    await bench.start()
    await bench.runner.start_shutdown()
    states: list[str] = []
    for seconds in (50.0, 30.0):
        await bench.wait(seconds)
        states.append(bench.runner.target_states["host"])
    assert states == [TargetState.STOPPING, TargetState.OVERDUE]


@scenario
async def test_a_host_that_is_overdue_and_goes_down_late_counts_as_down() -> None:
    bench = Bench(PLAN)
    bench.host("host").stop_s = 90.0
    assert await stopped(bench) is TargetState.OVERDUE
    await bench.wait(60.0)
    assert bench.runner.target_states["host"] is TargetState.DOWN
    assert bench.durations.stops["host"][0] >= 90.0


@scenario
async def test_after_low_battery_nobody_waits_for_guests_longer_than_the_battery() -> None:
    bench = Bench(PLAN, {"host": DrainTarget})
    await bench.start()
    await bench.set_power(replace(LOW, runtime_s=40.0), 1.0)
    await bench.set_power(None, 24.0)
    assert commands(bench) == ["guests", "poweroff"]


@pytest.mark.parametrize("grace_s", [0.0, 45.0])
def test_disks_have_their_grace_time(grace_s: float) -> None:
    async def test() -> None:
        spec = spec_of("host")
        bench = Bench(plan_of(replace(spec, verify=replace(spec.verify, grace_s=grace_s))))
        await bench.start()
        await bench.runner.start_shutdown()
        loop = asyncio.get_running_loop()
        await bench.wait_for(lambda: not bench.host("host").is_up)
        off_at = loop.time()
        await bench.wait_for(lambda: not bench.runner.is_open)
        assert grace_s - 3.0 <= loop.time() - off_at <= grace_s + 10.0

    scenario(test)()


@scenario
async def test_low_battery_hurries_what_was_asked_before() -> None:
    bench = Bench(PLAN, {"host": Hurrying})
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    target = bench.targets["host"]
    assert isinstance(target, Hurrying)
    assert target.told == [("guests", False)]
    await bench.set_power(LOW, 5.0)
    assert target.told == [("guests", False), ("guests", True), ("poweroff", True)]


@scenario
async def test_who_cannot_be_reached_at_low_battery_is_asked_now_and_then() -> None:
    bench = Bench(PLAN, {"host": Hurrying})
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    target = bench.targets["host"]
    assert isinstance(target, Hurrying)
    target.is_gone = True
    await bench.set_power(LOW, 12.0)
    assert target.told == [("guests", False), *[("guests", True)] * 3]


@scenario
async def test_what_cannot_go_faster_is_not_asked_again_at_low_battery() -> None:
    bench = Bench(PLAN, {"host": DrainTarget})
    await bench.start()
    await bench.set_power(BATTERY, 40.0)
    await bench.set_power(LOW, 5.0)
    assert commands(bench) == ["guests"]


@scenario
async def test_who_is_down_before_it_would_be_hurried_keeps_nobody_waiting() -> None:
    """Its last request was sent so late that it is granted a moment beyond its time."""
    bench = Bench(
        plan_of(spec_of("host", time_limit_s=12.0), spec_of("next", 20)), {"host": DrainTarget}
    )
    target = bench.targets["host"]
    assert isinstance(target, DrainTarget)
    target.guests_s, target.host.stop_s = 11.0, 1.0
    assert await stopped(bench) is TargetState.DOWN
    (_, (poweroff, _)) = target.host.commands
    settled = asyncio.get_running_loop().time()
    assert settled - poweroff < PATIENT_S, "it is down before"
    await bench.wait(2.0)
    assert bench.host("next").commands
    assert not target.escalations


@scenario
async def test_only_a_stop_that_we_asked_for_tells_how_long_it_took() -> None:
    bench = Bench(plan_of(spec_of("told"), spec_of("own", 20)))
    bench.host("told").stop_s = 40.0
    await bench.start()
    await bench.set_power(BATTERY, 45.0)
    # By its own timer, before its turn.
    bench.host("own").is_up = False
    await bench.wait(60.0)
    down = {e.target_id: e.data for e in bench.events if e.key == TargetState.DOWN}
    assert bench.host("own").commands == []
    assert (sorted(down), sorted(down["told"]), down["own"]) == (["own", "told"], ["seconds"], {})
