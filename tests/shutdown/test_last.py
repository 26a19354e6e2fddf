"""What comes last: the output and our own host, while others refuse, come up, or have power."""

import asyncio
from dataclasses import replace
from typing import override

import pytest

from custom_components.omron_ups.shutdown.models import Outcome, PlanState, Reply, TargetState
from custom_components.omron_ups.shutdown.specs import OutputOptions, Verify

from .bench import BATTERY, LOW, MAINS, Answer, Bench, Host, Lan, Output, plan_of, scenario, spec_of

OUTPUT = OutputOptions()
OWN = plan_of(spec_of("node"), spec_of("own", 5), home_assistant_host="own", output=OUTPUT)
OWN_FED = replace(OWN, targets=(spec_of("node"), spec_of("own", 5, second_feed="other")))


class Counting(Output):
    """Knows whether a countdown runs."""

    is_counting = False
    is_deaf = False

    @override
    async def arm(self, delay_s: float, *, returns: bool) -> Reply:
        """Start the countdown."""
        self.is_counting = True
        return await super().arm(delay_s, returns=returns)

    @override
    async def cancel(self) -> Reply:
        """Stop it, unless nobody listens."""
        if self.is_deaf:
            return Reply(outcome=Outcome.UNKNOWN)
        self.is_counting = False
        return await super().cancel()


def counts(output: Counting) -> bool:
    return output.is_counting


async def refuse(_host: Host) -> Reply:
    return Reply(outcome=Outcome.REFUSED, detail="token expired")


async def unreachable(_host: Host) -> Reply:
    return Reply(outcome=Outcome.UNKNOWN, detail="no route to host", was_sent=False)


async def handed_over(bench: Bench) -> None:
    await bench.start()
    await bench.set_power(BATTERY, 31.0)
    await bench.wait_for(lambda: bench.state == PlanState.HANDED_OVER)


# Our own host says no


@scenario
async def test_the_countdown_is_cancelled_when_our_own_host_refuses() -> None:
    output = Counting()
    bench = Bench(OWN, output=output)
    bench.targets["own"].answer = refuse
    await handed_over(bench)
    await bench.wait(10.0)
    assert bench.runner.target_states["own"] is TargetState.REFUSED
    assert output.armed
    assert not counts(output), "the power of a host that goes on"
    count = len(output.armed)
    await bench.wait(600.0)
    assert len(output.armed) == count


@scenario
async def test_the_countdown_is_cancelled_when_our_own_host_cannot_be_told() -> None:
    output = Counting()
    bench = Bench(OWN, output=output)
    bench.targets["own"].answer = unreachable
    await handed_over(bench)
    await bench.wait(600.0)
    assert bench.runner.target_states["own"] is TargetState.OVERDUE
    assert output.armed
    assert not counts(output)


@scenario
async def test_a_crash_between_refusal_and_cancel_leaves_no_countdown() -> None:
    output = Counting()
    bench = Bench(OWN, output=output)

    async def answer(host: Host) -> Reply:
        output.is_deaf = True
        return await refuse(host)

    bench.targets["own"].answer = answer
    await handed_over(bench)
    await bench.wait(3.0)
    assert counts(output)
    output.is_deaf = False
    await bench.restart(is_orderly=False)
    await bench.wait(20.0)
    assert bench.runner.target_states["own"] is TargetState.REFUSED
    assert not counts(output)


@scenario
async def test_our_own_host_is_asked_again_at_low_battery_and_the_output_armed_for_it() -> None:
    output = Counting()
    bench = Bench(OWN, output=output)
    bench.targets["own"].answer = refuse
    await handed_over(bench)
    await bench.wait(60.0)
    bench.host("own").stop_s = 1e9
    bench.targets["own"].answer = lambda _host: unheard()
    await bench.set_power(LOW, 20.0)
    assert len(bench.host("own").commands) == 2
    assert counts(output)


async def unheard() -> Reply:
    return Reply(outcome=Outcome.ACCEPTED)


# Who refused once


@pytest.mark.parametrize("answer", [refuse, unreachable], ids=["refuses", "cannot be reached"])
def test_who_never_heard_of_it_and_cannot_be_seen_is_not_cut_before_low_battery(
    answer: Answer,
) -> None:
    async def test() -> None:
        output = Counting()
        blind = replace(spec_of("node"), verify=Verify(), wake=None)
        bench = Bench(plan_of(blind, spec_of("nas", 20), output=OUTPUT), output=output)
        bench.targets["node"].answer = answer
        await bench.start()
        await bench.set_power(BATTERY, 600.0)
        assert not bench.host("nas").is_up
        assert output.armed == []
        await bench.set_power(LOW, 120.0)
        assert counts(output)

    scenario(test)()


@scenario
async def test_a_host_that_refused_is_asked_once_more_at_low_battery() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)))
    bench.targets["node"].answer = refuse
    await bench.start()
    await bench.set_power(BATTERY, 120.0)
    assert bench.runner.target_states["node"] is TargetState.REFUSED
    assert len(bench.host("node").commands) == 1
    await bench.set_power(LOW, 120.0)
    assert len(bench.host("node").commands) == 2, "once, and no more"
    assert b'"did":"renewed","target_id":"node"' in bench.disk.data


@scenario
async def test_a_storage_that_was_in_use_on_mains_is_stopped_once_power_fails() -> None:
    bench = Bench(plan_of(spec_of("node", uses=frozenset({"nas"})), spec_of("nas", 20)))
    bench.targets["node"].answer = refuse
    await bench.start()
    await bench.runner.start_shutdown(targets=["nas"])
    await bench.wait(299.0)
    assert bench.host("nas").commands == []
    await bench.set_power(BATTERY, 1.0)
    await bench.set_power(LOW, 60.0)
    assert len(bench.host("nas").commands) == 1


# Who starts again


@scenario
async def test_a_host_that_starts_again_in_the_same_outage_is_stopped_again() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)))
    await handed_over(bench)
    for count in (2, 3):
        bench.host("node").start()
        await bench.wait_for(lambda: bench.host("node").is_up)
        await bench.wait_for(lambda: not bench.host("node").is_up, 120.0)
        assert len(bench.host("node").commands) == count
        await bench.wait_for(lambda: bench.runner.target_states["node"] is TargetState.DOWN)
    assert bench.disk.data.count(b'"did":"renewed","target_id":"node"') == 2
    await bench.set_power(MAINS, 0.0)
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert bench.runner.target_states["node"] is TargetState.BACK


@scenario
async def test_a_host_that_somebody_starts_during_a_plan_on_mains_is_left_alone() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)))
    bench.host("nas").stop_s = 50.0
    await bench.start()
    await bench.runner.start_shutdown()
    await bench.wait_for(lambda: bench.runner.target_states["node"] is TargetState.DOWN)
    bench.host("node").boot_s = 1.0
    bench.host("node").start()
    await bench.wait_for(lambda: not bench.runner.is_open)
    assert len(bench.host("node").commands) == 1


@scenario
async def test_mains_that_fails_while_our_own_host_stops_does_not_end_the_plan() -> None:
    bench = Bench(replace(OWN, output=None))
    bench.host("own").stop_s = 1e9
    await bench.start()
    await bench.runner.start_shutdown()
    await bench.wait_for(lambda: bool(bench.host("own").commands))
    await bench.set_power(BATTERY, 120.0)
    assert bench.runner.target_states["own"] is TargetState.OVERDUE
    assert bench.runner.is_open


@scenario
async def test_a_restart_between_two_boots_of_a_host_asks_it_only_once_each() -> None:
    bench = Bench(plan_of(spec_of("node"), spec_of("nas", 20)))
    await handed_over(bench)
    bench.host("node").start()
    await bench.wait_for(lambda: len(bench.host("node").commands) == 2, 120.0)
    await bench.restart(is_orderly=False)
    await bench.wait_for(lambda: not bench.host("node").is_up, 120.0)
    await bench.wait(120.0)
    assert len(bench.host("node").commands) == 2


@scenario
async def test_a_host_that_starts_during_the_countdown_is_not_cut() -> None:
    output = Counting()
    plan = plan_of(spec_of("node"), spec_of("nas", 20), output=OutputOptions(delay_s=120.0))
    bench = Bench(plan, output=output)
    await handed_over(bench)
    assert counts(output)
    bench.host("node").boot_s = 5.0
    bench.host("node").start()
    await bench.wait_for(lambda: not counts(output), 40.0)
    await bench.wait_for(lambda: counts(output), 120.0)
    assert bench.runner.target_states["node"] is TargetState.DOWN
    assert len(output.armed) == 2


@scenario
async def test_it_is_cut_all_the_same_once_the_battery_is_low() -> None:
    output = Counting()
    plan = plan_of(spec_of("node"), output=OutputOptions(delay_s=120.0))
    bench = Bench(plan, output=output)
    await handed_over(bench)
    bench.targets["node"].answer = refuse
    bench.host("node").start()
    await bench.wait(60.0)
    assert not counts(output)
    await bench.set_power(LOW, 60.0)
    assert counts(output), "the battery will not last"


# Who has power elsewhere


@scenario
async def test_our_own_host_with_power_elsewhere_goes_on() -> None:
    output = Counting()
    bench = Bench(OWN_FED, output=output)
    bench.feeds.views["other"] = MAINS
    await handed_over(bench)
    await bench.wait(60.0)
    assert bench.host("own").commands == []
    assert bench.runner.target_states["own"] is TargetState.SKIPPED


@scenario
async def test_our_own_host_is_stopped_once_its_other_feed_fails() -> None:
    output = Counting()
    bench = Bench(OWN_FED, output=output)
    bench.host("own").stop_s = 1e9
    bench.feeds.views["other"] = MAINS
    await handed_over(bench)
    await bench.wait(60.0)
    count = len(output.armed)
    bench.feeds.views["other"] = BATTERY
    await bench.wait(3.0)
    assert len(bench.host("own").commands) == 1
    assert counts(output)
    assert len(output.armed) > count, "it has to last until our own host is off"


@scenario
async def test_the_countdown_waits_for_a_host_whose_other_feed_fails() -> None:
    output = Counting()
    node = spec_of("node", second_feed="other")
    plan = plan_of(node, spec_of("nas", 20), output=OutputOptions(delay_s=120.0))
    bench = Bench(plan, output=output)
    bench.host("node").stop_s = 50.0
    bench.feeds.views["other"] = MAINS
    await handed_over(bench)
    await bench.wait(5.0)
    assert bench.host("node").commands == []
    assert counts(output)
    bench.feeds.views["other"] = BATTERY
    await bench.wait(3.0)
    assert not counts(output)
    assert len(bench.host("node").commands) == 1
    await bench.wait_for(lambda: counts(output), 120.0)
    assert not bench.host("node").is_up


# Who hears nothing of the battery


@scenario
async def test_our_own_host_has_its_time_though_nobody_knows_where_low_battery_is() -> None:
    bench = Bench(replace(OWN, output=None))
    await bench.start()
    await bench.set_power(replace(BATTERY, charge_low=None, runtime_s=900.0), 120.0)
    await bench.set_power(None, 0.0)
    began = asyncio.get_running_loop().time()
    await bench.wait_for(lambda: bool(bench.host("own").commands), 1200.0)
    left_s = 900.0 - (asyncio.get_running_loop().time() - began)
    # Home Assistant's own stop, and the 60 s of its host.
    assert 270.0 <= left_s <= 300.0


# Those that are late, and those that cannot be told at all


class Ponging(Lan):
    """One host answers the ping long after its ports are closed: it writes its caches."""

    slow = ""

    @override
    async def answers_ping(self, address: str) -> bool | None:
        return address == self.slow or await super().answers_ping(address)


@scenario
async def test_a_host_that_is_still_stopping_is_not_cut_before_low_battery() -> None:
    output = Output()
    bench = Bench(plan_of(spec_of("node"), output=OUTPUT), output=output)
    lan = Ponging()
    lan.hosts, lan.slow = bench.lan.hosts, "node"
    bench.lan = lan
    bench.runner = bench.make_runner()
    await bench.start()
    await bench.set_power(BATTERY, 300.0)
    assert bench.runner.target_states["node"] is TargetState.OVERDUE
    assert output.armed == []
    lan.slow = ""
    await bench.wait(30.0)
    assert len(output.armed) == 1


@scenario
async def test_a_target_that_cannot_be_made_keeps_its_power_and_ours_until_low_battery() -> None:
    output = Output()
    broken = replace(OWN, targets=(*OWN.targets, spec_of("broken", 20)))
    bench = Bench(broken, output=output)
    del bench.targets["broken"]
    bench.runner = bench.make_runner()
    await bench.start()
    await bench.set_power(BATTERY, 300.0)
    assert bench.runner.target_states["node"] is TargetState.DOWN
    assert (output.armed, bench.host("own").commands) == ([], [])
    await bench.set_power(LOW, 5.0)
    assert output.armed, "or nothing would start our own host again"
    assert len(bench.host("own").commands) == 1
