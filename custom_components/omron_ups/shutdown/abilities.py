"""What a kind of target can do by itself, for those who only look at the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from .specs import TargetSpec
from .target import Target

ENOUGH_SIGNALS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What does not show in the configuration of one target."""

    has_own_evidence: bool = False
    """Whether its kind can prove that it is down."""
    can_wake: bool = False
    """Whether its kind can start it."""

    @classmethod
    def of(cls, target: Target) -> Self:
        """Ask a target."""
        return cls(has_own_evidence=target.has_own_evidence, can_wake=target.can_wake)

    def can_prove(self, spec: TargetSpec) -> bool:
        """Return whether there will ever be evidence that the target is down."""
        return self.has_own_evidence or spec.verify.signals >= ENOUGH_SIGNALS

    def can_start(self, spec: TargetSpec) -> bool:
        """Return whether somebody can start the target."""
        return self.can_wake or spec.wake is not None


NO_ABILITIES: Final = Abilities()
NOBODY: Final[Mapping[str, Abilities]] = MappingProxyType({})
"""Nothing is known of any kind: each target for itself can do nothing."""
