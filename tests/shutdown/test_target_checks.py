"""The targets' preflights, and how rarely they log in."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
import json
from random import Random
from typing import Any, override

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.findings import FindingKey
from custom_components.omron_ups.shutdown.models import Finding, Outcome, Reply, Severity
from custom_components.omron_ups.shutdown.specs import TargetSpec, Verify
from custom_components.omron_ups.shutdown.target import StopContext, StopStep, Target
from custom_components.omron_ups.shutdown.target_checks import (
    EVERY,
    FIRST_WITHIN,
    JITTER,
    LOGIN_EVERY,
    TargetChecks,
    device,
)

from .by_hand import HandClock, spec

HOUR = 3600.0
WRONG = Finding(severity=Severity.ERROR, key="wrong", placeholders={"target": "a"}, target_id="a")


class Checked(Target):
    """Counts its logins."""

    def __init__(self, of: TargetSpec) -> None:
        """Find nothing until told to."""
        super().__init__(of)
        self.logins: list[float] = []
        self.finds: Sequence[Finding] | Exception = ()
        self.clock: HandClock | None = None

    @override
    async def preflight(self) -> Sequence[Finding]:
        self.logins.append(self.clock.seconds if self.clock else 0.0)
        await asyncio.sleep(0)
        if isinstance(self.finds, Exception):
            raise self.finds
        return self.finds

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        return Reply(outcome=Outcome.REFUSED)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def checks(clock: HandClock) -> TargetChecks:
    return TargetChecks(clock, Random(5))  # noqa: S311


def targets(*names: str, host: str = "") -> dict[str, Checked]:
    options = {"host": host} if host else {}
    return {name: Checked(spec(name, 1, 10.0, options=options)) for name in names}


async def pass_time(
    clock: HandClock, checks: TargetChecks, of: Mapping[str, Checked], hours: float
) -> None:
    """Look every five minutes whose turn it is."""
    for _ in range(int(hours * 12)):
        clock.move(300.0)
        await checks.run_due(of)


async def test_after_a_start_everybody_has_a_turn_within_minutes(
    clock: HandClock, checks: TargetChecks
) -> None:
    of = targets("a", "b", "c")
    assert checks.due(target.spec for target in of.values()) == ()
    clock.move(FIRST_WITHIN.total_seconds())
    await checks.run_due(of)
    assert [len(target.logins) for target in of.values()] == [1, 1, 1]


async def test_then_once_a_day_at_times_that_differ(clock: HandClock, checks: TargetChecks) -> None:
    of = targets("a", "b")
    for target in of.values():
        target.clock = clock
    await pass_time(clock, checks, of, 24 * 8)
    for target in of.values():
        assert len(target.logins) in {7, 8}
        pauses = {later - earlier for earlier, later in pairwise(target.logins)}
        assert min(pauses) >= EVERY.total_seconds()
        assert max(pauses) <= (EVERY + JITTER).total_seconds() + 300.0
        assert len(pauses) > 1


async def test_whoever_asks_again_gets_the_last_result(
    clock: HandClock, checks: TargetChecks
) -> None:
    of = targets("a")
    of["a"].finds = [WRONG]
    assert await checks.run(of) == [WRONG]
    clock.move(LOGIN_EVERY.total_seconds() - 1.0)
    of["a"].finds = []
    assert await checks.run(of) == [WRONG]
    clock.move(1.0)
    assert await checks.run(of) == []
    assert len(of["a"].logins) == 2


async def test_a_change_is_checked_at_once_and_only_once(
    clock: HandClock, checks: TargetChecks
) -> None:
    of = targets("a", "b")
    await checks.run(of)
    checks.changed("a")
    assert checks.due(target.spec for target in of.values()) == ("a",)
    await checks.run(of)
    await checks.run(of)
    assert (len(of["a"].logins), len(of["b"].logins)) == (2, 1)


async def test_targets_of_one_device_share_its_logins(
    clock: HandClock, checks: TargetChecks
) -> None:
    of = targets("a", "b", host="192.0.2.5")
    await checks.run(of)
    assert [len(target.logins) for target in of.values()] == [1, 0]
    await pass_time(clock, checks, of, 7)
    assert [len(target.logins) for target in of.values()] == [1, 1]


async def test_who_waited_longest_comes_first(clock: HandClock, checks: TargetChecks) -> None:
    of = targets("a", "b")
    await checks.run({"b": of["b"]})
    clock.move(HOUR)
    await checks.run({"a": of["a"]})
    clock.move((EVERY + JITTER).total_seconds())
    assert checks.due(target.spec for target in of.values()) == ("b", "a")


async def test_a_check_that_fails_is_a_finding_and_stops_no_other(
    checks: TargetChecks, caplog: pytest.LogCaptureFixture
) -> None:
    of = targets("a", "b")
    of["a"].finds = RuntimeError("this text is not for the user")
    (found,) = await checks.run(of)
    assert (found.key, found.severity, found.target_id) == (
        FindingKey.CHECK_FAILED,
        Severity.ERROR,
        "a",
    )
    assert found.placeholders == {"target": "a", "detail": "RuntimeError"}
    assert len(of["b"].logins) == 1
    assert "a: the check failed" in caplog.text


async def test_two_who_ask_at_once_log_in_once(checks: TargetChecks) -> None:
    of = targets("a")
    await asyncio.gather(checks.run(of), checks.run(of), checks.run(of))
    assert len(of["a"].logins) == 1


async def test_a_restart_gives_nobody_a_new_login(clock: HandClock, checks: TargetChecks) -> None:
    of = targets("a")
    of["a"].finds = [WRONG]
    await checks.run(of)
    saved = json.loads(json.dumps(checks.as_json()))
    clock.move(HOUR)
    again = TargetChecks.from_json(clock, Random(6), saved)  # noqa: S311
    assert again.results == checks.results
    assert await again.run(of) == [WRONG]
    assert len(of["a"].logins) == 1


async def test_a_clock_that_was_set_back_locks_nobody_out(
    clock: HandClock, checks: TargetChecks
) -> None:
    of = targets("a")
    await checks.run(of)
    clock.move(-100 * HOUR)
    assert checks.may_check(of["a"].spec)
    clock.move(200 * HOUR)
    await checks.run_due(of)
    assert len(of["a"].logins) == 2


@pytest.mark.parametrize(
    "saved",
    [
        None,
        {},
        {"at": "yesterday", "device": "a", "findings": []},
        {"at": "2026-11-22T12:00:00", "device": "a", "findings": []},
        {"at": "2026-11-22T12:00:00+00:00", "device": "a", "findings": [{"key": "x"}]},
    ],
)
def test_what_cannot_be_read_is_left_out(clock: HandClock, saved: Any) -> None:
    assert TargetChecks.from_json(clock, Random(5), {"a": saved}).results == {}  # noqa: S311


async def test_deleted_targets_are_forgotten(checks: TargetChecks) -> None:
    await checks.run(targets("a", "b"))
    checks.changed("a")
    checks.keep({"b"})
    assert checks.results.keys() == {"b"}
    assert checks.due([]) == ()


def test_a_device_is_an_address_or_else_the_target_itself() -> None:
    assert device(spec("a", 1, 1.0, options={"host": "192.0.2.5"})) == "192.0.2.5"
    assert device(spec("a", 1, 1.0, verify=Verify(address="192.0.2.6"))) == "192.0.2.6"
    assert device(spec("a", 1, 1.0)) == "a"


@given(st.lists(st.tuples(st.floats(0.0, 20 * HOUR), st.booleans()), max_size=40), st.integers())
def test_a_device_sees_one_login_in_six_hours_whatever_is_asked(
    asked: list[tuple[float, bool]], seed: int
) -> None:
    clock = HandClock()
    checks = TargetChecks(clock, Random(seed))  # noqa: S311
    of = targets("a", "b", host="192.0.2.5")
    for target in of.values():
        target.clock = clock

    async def ask() -> None:
        for seconds, is_due in asked:
            clock.move(seconds)
            await (checks.run_due(of) if is_due else checks.run(of))

    asyncio.run(ask())
    logins = sorted(at for target in of.values() for at in target.logins)
    for earlier, later in pairwise(logins):
        assert timedelta(seconds=later - earlier) >= LOGIN_EVERY
