"""Hosts with upsmon, over logins that the tests set."""

from collections.abc import Sequence
from typing import override

import pytest

from custom_components.omron_ups.shutdown.errors import RefusedError
from custom_components.omron_ups.shutdown.findings import FindingKey
from custom_components.omron_ups.shutdown.models import HostState, Observation, Outcome, Reason
from custom_components.omron_ups.shutdown.specs import TargetSpec, Verify
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets import nut_clients
from custom_components.omron_ups.shutdown.targets.nut_clients import (
    FSD,
    NutAliases,
    NutClientsFinding,
    NutClientsTarget,
)

CONTEXT = StopContext(plan_id="p1", reason=Reason.LOW_BATTERY, time_left_s=60)
GRACE_S = 40.0


class Aliases(NutAliases):
    """A NUT server with one name, `hosts`."""

    def __init__(self, *clients: str) -> None:
        """Let these clients be logged in."""
        self.logged_in: Sequence[str] | None = clients
        self.forced: set[str] = set()

    @override
    def clients(self, alias: str) -> Sequence[str] | None:
        return self.logged_in if alias == "hosts" else None

    @override
    def is_forced(self, alias: str) -> bool:
        return alias in self.forced

    @override
    async def force(self, alias: str) -> None:
        if self.clients(alias) is None:
            raise RefusedError(f"there is no {alias}")
        self.forced.add(alias)

    @override
    async def release(self, alias: str) -> None:
        self.forced.discard(alias)


class Time:
    """What the loop's clock shows."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(nut_clients, "_now", lambda: clock.now)
    return clock


def target(aliases: Aliases, *, time_limit_s: float = 90, **options: object) -> NutClientsTarget:
    spec = TargetSpec(
        target_id="t1",
        name="clients",
        kind="nut_clients",
        stage=1,
        time_limit_s=time_limit_s,
        verify=Verify(grace_s=GRACE_S),
        options={"alias": "hosts", **options},
    )
    return NutClientsTarget(spec, aliases)


async def state(clients: NutClientsTarget) -> tuple[HostState, bool]:
    seen: Observation = await clients.observe()
    return seen.state, seen.is_conclusive


async def test_fsd_is_set_under_its_own_name_and_down_is_logged_out_and_grace(
    clock: Time,
) -> None:
    aliases = Aliases("192.0.2.5", "192.0.2.6")
    clients = target(aliases)
    assert clients.has_own_evidence
    assert await state(clients) == (HostState.UP, False)
    reply = await clients.send(FSD, CONTEXT)
    assert (reply.outcome, reply.detail) == (Outcome.ACCEPTED, "FSD set; 2 logged in")
    assert aliases.forced == {"hosts"}
    assert await state(clients) == (HostState.GOING, False)
    aliases.logged_in = ("192.0.2.6",)
    clock.now += 5
    assert await state(clients) == (HostState.GOING, False)
    aliases.logged_in = ()
    assert await state(clients) == (HostState.GOING, False)
    clock.now += GRACE_S - 0.1
    assert await state(clients) == (HostState.GOING, False)
    clock.now += 0.2
    assert await state(clients) == (HostState.DOWN, True)


async def test_a_client_that_comes_back_begins_the_grace_time_anew(clock: Time) -> None:
    aliases = Aliases("192.0.2.5")
    clients = target(aliases)
    await clients.send(FSD, CONTEXT)
    aliases.logged_in = ()
    await clients.observe()
    clock.now += GRACE_S - 1
    aliases.logged_in = ("192.0.2.5",)
    assert await state(clients) == (HostState.GOING, False)
    aliases.logged_in = ()
    assert await state(clients) == (HostState.GOING, False)
    clock.now += GRACE_S - 1
    assert await state(clients) == (HostState.GOING, False)
    clock.now += 2
    assert await state(clients) == (HostState.DOWN, True)


async def test_who_stays_after_hostsync_is_named(clock: Time) -> None:
    clients = target(Aliases("192.0.2.5"), hostsync=15)
    await clients.send(FSD, CONTEXT)
    clock.now += 14
    assert (await clients.observe()).evidence == "still logged in: 192.0.2.5"
    clock.now += 2
    seen = await clients.observe()
    assert seen.evidence == "still logged in after HOSTSYNC: 192.0.2.5"
    assert seen.state is HostState.GOING


async def test_before_fsd_an_empty_name_proves_nothing(clock: Time) -> None:
    assert await state(target(Aliases())) == (HostState.UNKNOWN, False)


async def test_if_nobody_was_told_hostsync_is_long_enough(clock: Time) -> None:
    clients = target(Aliases(), hostsync=15)
    await clients.send(FSD, CONTEXT)
    assert await state(clients) == (HostState.GOING, False)
    clock.now += 15
    assert await state(clients) == (HostState.DOWN, True)


async def test_whoever_comes_late_gets_the_grace_time(clock: Time) -> None:
    aliases = Aliases()
    clients = target(aliases, hostsync=15)
    await clients.send(FSD, CONTEXT)
    aliases.logged_in = ("192.0.2.5",)
    assert await state(clients) == (HostState.GOING, False)
    aliases.logged_in = ()
    await clients.observe()
    clock.now += 16
    assert await state(clients) == (HostState.GOING, False)


async def test_a_server_that_does_not_run_proves_nothing_and_takes_no_fsd(clock: Time) -> None:
    aliases = Aliases()
    aliases.logged_in = None
    clients = target(aliases)
    assert await state(clients) == (HostState.UNKNOWN, False)
    assert (await clients.send(FSD, CONTEXT)).outcome is Outcome.REFUSED


async def test_after_a_restart_fsd_is_set_again_and_the_grace_time_begins_anew(
    clock: Time,
) -> None:
    aliases = Aliases()
    clients = target(aliases)
    await clients.reassert(FSD)
    assert aliases.forced == {"hosts"}
    await clients.observe()
    clock.now += 20
    assert await state(clients) == (HostState.GOING, False)
    await clients.reassert(FSD)
    clock.now += GRACE_S - 20
    assert await state(clients) == (HostState.DOWN, True), "not set twice"


async def test_release_clears_it_as_often_as_it_is_asked(clock: Time) -> None:
    aliases = Aliases("192.0.2.5")
    clients = target(aliases)
    await clients.send(FSD, CONTEXT)
    await clients.release()
    assert aliases.forced == set()
    await clients.release()
    assert await state(clients) == (HostState.UP, False)
    assert await clients.is_ready() is True
    aliases.logged_in = ()
    assert await clients.is_ready() is None


async def test_preflight_and_rehearsal_set_nothing() -> None:
    aliases = Aliases("192.0.2.5")
    clients = target(aliases)
    assert await clients.preflight() == ()
    assert await clients.rehearse() == ("set FSD on hosts for 192.0.2.5",)
    assert aliases.forced == set()


@pytest.mark.parametrize(
    ("clients", "keys"),
    [
        (target(Aliases()), [NutClientsFinding.NO_CLIENTS]),
        (target(Aliases("192.0.2.5"), alias="other"), [NutClientsFinding.NO_ALIAS]),
        (target(Aliases("192.0.2.5"), time_limit_s=54), [NutClientsFinding.TIME_LIMIT_SHORT]),
        (target(Aliases("192.0.2.5"), alias=""), [FindingKey.OPTIONS_INVALID]),
        (target(Aliases("192.0.2.5"), hostsync=-1), [FindingKey.OPTIONS_INVALID]),
    ],
)
async def test_preflight_names_what_is_wrong(clients: NutClientsTarget, keys: list[str]) -> None:
    assert [found.key for found in await clients.preflight()] == keys
