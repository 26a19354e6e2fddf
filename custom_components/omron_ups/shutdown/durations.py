"""How long a target takes to stop: what the user thinks, until real stops have shown it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .specs import TargetSpec

ENOUGH_STOPS: Final = 5
"""Real stops after which only they count."""
_CAUTION: Final = 1.5
_PERCENTILE: Final = 95


class EstimateSource(StrEnum):
    """Where an estimate comes from."""

    CONFIGURED = "configured"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long a target is expected to take."""

    seconds: float
    source: EstimateSource
    stops: int
    """Real stops that were seen."""


def estimate(spec: TargetSpec, stops: Sequence[float]) -> Estimate:
    """Return how long a target is expected to take to stop.

    Args:
        spec: the target.
        stops: seconds that real stops of the running host took; the order does not matter.

    """
    if len(stops) >= ENOUGH_STOPS:
        return Estimate(seconds=_percentile(stops), source=EstimateSource.LEARNED, stops=len(stops))
    cautious_s = _cautious_s(stops)
    is_learned = cautious_s > spec.time_limit_s
    return Estimate(
        seconds=max(spec.time_limit_s, cautious_s),
        source=EstimateSource.LEARNED if is_learned else EstimateSource.CONFIGURED,
        stops=len(stops),
    )


def expected_s(spec: TargetSpec, stops: Sequence[float]) -> float:
    """Return the seconds of the estimate."""
    return estimate(spec, stops).seconds


def patience_s(spec: TargetSpec, stops: Sequence[float]) -> float:
    """Return after how many seconds a target is overdue if there is time enough.

    Longer than what is expected: one stop in twenty takes longer than the 95th percentile, and
    nobody hurries a host to its end without need.
    """
    return max(spec.time_limit_s, _cautious_s(stops))


def _cautious_s(stops: Sequence[float]) -> float:
    """Return the longest stop and half of it; 0 without any."""
    return _CAUTION * max(stops, default=0.0)


def _percentile(stops: Sequence[float]) -> float:
    """Return the value that 95 of 100 do not exceed, by the nearest rank: never an average."""
    rank = -(-_PERCENTILE * len(stops) // 100)
    return sorted(stops)[rank - 1]
