"""What a kind of target can do by itself, for those who only look at the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from .specs import Plan, TargetSpec
from .target import Target
from .target_checks import device

ENOUGH_SIGNALS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What does not show in the configuration of one target."""

    has_own_evidence: bool = False
    """Whether its kind can prove that it is down."""
    can_wake: bool = False
    """Whether its kind can start it."""
    wakers: frozenset[str] = frozenset()
    """Addresses of the machines that it needs for that, any of them; empty: it needs none."""

    @classmethod
    def of(cls, target: Target) -> Self:
        """Ask a target."""
        return cls(
            has_own_evidence=target.has_own_evidence,
            can_wake=target.can_wake,
            wakers=target.wakers,
        )

    def can_prove(self, spec: TargetSpec) -> bool:
        """Return whether there will ever be evidence that the target is down."""
        return self.has_own_evidence or spec.verify.signals >= ENOUGH_SIGNALS

    def can_start(self, spec: TargetSpec, plan: Plan) -> bool:
        """Return whether somebody can start the target who is not off himself by then."""
        if spec.wake is not None:
            return True
        others = [other for other in plan.targets if other.target_id != spec.target_id]
        is_anybody_up = any(_is_up_again(waker, others, plan) for waker in self.wakers)
        return self.can_wake and (is_anybody_up or not self.wakers)


def _is_up_again(address: str, others: Sequence[TargetSpec], plan: Plan) -> bool:
    """Return whether a machine stays up, is woken by us, or runs us, which proves it."""
    known = [other for other in others if address in {device(other), other.verify.address}]
    return not known or any(o.wake is not None or o is plan.own_host for o in known)


NO_ABILITIES: Final = Abilities()
NOBODY: Final[Mapping[str, Abilities]] = MappingProxyType({})
"""Nothing is known of any kind: each target for itself can do nothing."""
