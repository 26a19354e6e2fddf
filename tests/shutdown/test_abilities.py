"""What a kind of target can do by itself."""

from collections.abc import Sequence
from typing import Any, override

import pytest

from custom_components.omron_ups.shutdown.abilities import NO_ABILITIES, Abilities
from custom_components.omron_ups.shutdown.models import Finding, Outcome, Reply
from custom_components.omron_ups.shutdown.specs import Plan, TargetSpec, Verify, WakeOnLan
from custom_components.omron_ups.shutdown.target import StopContext, StopStep, Target

from .by_hand import spec

WAKE = WakeOnLan(mac="02:00:5e:00:53:01")


class Plain(Target):
    """Can do what every kind can."""

    @override
    async def preflight(self) -> Sequence[Finding]:
        return ()

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        return Reply(outcome=Outcome.ACCEPTED)


class Able(Plain):
    """Proves that it is down, and starts by its own means."""

    @property
    @override
    def has_own_evidence(self) -> bool:
        return True

    @property
    @override
    def can_wake(self) -> bool:
        return True


def test_a_target_is_asked() -> None:
    target = spec("a", 1, 10.0)
    assert Abilities.of(Plain(target)) == NO_ABILITIES
    assert Abilities.of(Able(target)) == Abilities(has_own_evidence=True, can_wake=True)


@pytest.mark.parametrize(
    ("verify", "is_proof"),
    [
        (Verify(), False),
        (Verify(ports=(22, 443)), False),
        (Verify(address="192.0.2.1"), False),
        (Verify(address="192.0.2.1", ports=(22,), ping=False), False),
        (Verify(address="192.0.2.1", ports=(22,)), True),
        (Verify(address="192.0.2.1", ports=(22, 443), ping=False), True),
    ],
)
def test_two_signals_or_the_kind_itself_make_evidence(verify: Verify, *, is_proof: bool) -> None:
    target = spec("a", 1, 10.0, verify=verify)
    assert NO_ABILITIES.can_prove(target) is is_proof
    assert Abilities(has_own_evidence=True).can_prove(target)


ALONE = Plan()


def test_a_magic_packet_or_the_kind_itself_starts_it() -> None:
    assert not NO_ABILITIES.can_start(spec("a", 1, 10.0), ALONE)
    assert NO_ABILITIES.can_start(spec("a", 1, 10.0, wake=WAKE), ALONE)
    assert Abilities(can_wake=True).can_start(spec("a", 1, 10.0), ALONE)


def node(name: str, **more: Any) -> TargetSpec:
    return spec(name, 1, 10.0, options={"host": f"192.0.2.{name}"}, **more)


@pytest.mark.parametrize(
    ("targets", "own", "can_start"),
    [
        ((), None, True),
        ((node("2"),), None, False),
        ((node("2"), node("3")), None, False),
        ((node("2"), node("3", wake=WAKE)), None, True),
        ((node("2"), node("3")), "3", True),
        ((node("2"),), "1", False),
        ((spec("x", 1, 10.0, verify=Verify(address="192.0.2.2")), node("3")), None, False),
    ],
    ids=[
        "stays up",
        "off too",
        "all off",
        "woken by us",
        "runs us",
        "the other runs us not",
        "by verify",
    ],
)
def test_who_is_needed_to_wake_it_must_not_be_off_himself(
    targets: tuple[TargetSpec, ...], own: str | None, *, can_start: bool
) -> None:
    peers = frozenset({"192.0.2.2", "192.0.2.3"} if len(targets) > 1 else {"192.0.2.2"})
    abilities = Abilities(can_wake=True, wakers=peers)
    mine = node("1")
    plan = Plan(targets=(mine, *targets), home_assistant_host=own)
    assert abilities.can_start(mine, plan) is can_start
