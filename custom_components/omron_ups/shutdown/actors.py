"""The others who stop hosts on the same UPS: NAS boxes by their own rules, upsmon clients."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .budget import time_to_low_s
from .power import PowerNow
from .specs import Plan


class ActorKind(StrEnum):
    """By which rule somebody acts."""

    OWN_TIMER = "own_timer"
    """A time on battery that was set on the NAS."""
    LOW_BATTERY = "low_battery"
    """What a NAS does when the UPS reports low battery."""
    UPSMON = "upsmon"
    """An upsmon client that is logged in: it stops at low battery, without waiting for the plan."""


LOW_BATTERY_RULES: Final[Mapping[str, float]] = {
    "qnap": 30.0,  # QNAP's manual: the countdown is forced to 30 s whatever was set
    "synology": 0.0,  # DSM's help: standby mode at low battery
}
"""Seconds from low battery to the end of the service, by kind of target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherActor:
    """One who acts without asking the plan."""

    name: str
    kind: ActorKind
    after_s: float
    """Seconds on battery for OWN_TIMER, else since low battery."""
    target_id: str = ""
    """The target that it is, if it is one of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorRow:
    """When one of the others acts."""

    name: str
    kind: ActorKind
    target_id: str
    fires_in_s: float | None
    """Seconds from now; None if unknown."""
    is_first: bool
    """Whether it acts before the plan has come to it, or to an end if it is no target."""


def other_actors(plan: Plan, logins: Collection[str]) -> tuple[OtherActor, ...]:
    """Return who else acts.

    Args:
        plan: what the user configured.
        logins: addresses of the clients that are logged in to the NUT server for this UPS.

    """
    return (*_own_timers(plan), *_low_battery_rules(plan), *_clients(plan, logins))


def actor_rows(
    actors: Sequence[OtherActor],
    now: PowerNow,
    begins: Mapping[str, tuple[float | None, bool]],
    *,
    ends_in_s: float,
) -> tuple[ActorRow, ...]:
    """Return when the others act, first to act first.

    Args:
        actors: the others.
        now: the power; on mains an outage begins now.
        begins: when the plan comes to each target, and whether that is still to come.
        ends_in_s: when the plan has come to its end.

    """
    rows = [_row(actor, now, begins, ends_in_s) for actor in actors]
    return tuple(sorted(rows, key=lambda row: (row.fires_in_s is None, row.fires_in_s or 0.0)))


def _row(
    actor: OtherActor,
    now: PowerNow,
    begins: Mapping[str, tuple[float | None, bool]],
    ends_in_s: float,
) -> ActorRow:
    fires_in_s = _fires_in_s(actor, now)
    limit_s, is_open = begins.get(actor.target_id, (ends_in_s, True))
    return ActorRow(
        name=actor.name,
        kind=actor.kind,
        target_id=actor.target_id,
        fires_in_s=fires_in_s,
        is_first=is_open and _is_before(fires_in_s, limit_s),
    )


def _fires_in_s(actor: OtherActor, now: PowerNow) -> float | None:
    """Return the seconds until somebody acts; None if unknown."""
    if actor.kind is ActorKind.OWN_TIMER:
        return max(0.0, actor.after_s - now.on_battery_s)
    low_s = time_to_low_s(now)
    return None if low_s is None else low_s + actor.after_s


def _is_before(seconds: float | None, limit_s: float | None) -> bool:
    """Return whether one moment certainly comes before another."""
    return seconds is not None and limit_s is not None and seconds < limit_s


def _own_timers(plan: Plan) -> Iterator[OtherActor]:
    for target in plan.targets:
        if target.own_timer_s is not None:
            yield OtherActor(
                name=target.name,
                kind=ActorKind.OWN_TIMER,
                after_s=target.own_timer_s,
                target_id=target.target_id,
            )


def _low_battery_rules(plan: Plan) -> Iterator[OtherActor]:
    for target in plan.targets:
        if (after_s := LOW_BATTERY_RULES.get(target.kind)) is not None:
            yield OtherActor(
                name=target.name,
                kind=ActorKind.LOW_BATTERY,
                after_s=after_s,
                target_id=target.target_id,
            )


def _clients(plan: Plan, logins: Collection[str]) -> Iterator[OtherActor]:
    """Yield the upsmon clients; a primary waits for nobody, so all of them may act at once."""
    known = {target.verify.address: target for target in plan.targets if target.verify.address}
    for address in sorted(set(logins)):
        target = known.get(address)
        yield OtherActor(
            name=target.name if target else address,
            kind=ActorKind.UPSMON,
            after_s=0.0,
            target_id=target.target_id if target else "",
        )
