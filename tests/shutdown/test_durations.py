"""How long a target takes to stop."""

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.durations import (
    ENOUGH_STOPS,
    EstimateSource,
    estimate,
    expected_s,
    patience_s,
)
from custom_components.omron_ups.shutdown.specs import TargetSpec

SPEC = TargetSpec(target_id="a", name="A", kind="ssh", stage=1, time_limit_s=100.0)
stops_seen = st.lists(st.floats(0.1, 3600.0), max_size=20)


@pytest.mark.parametrize(
    ("stops", "seconds", "source"),
    [
        ([], 100.0, EstimateSource.CONFIGURED),
        ([20.0], 100.0, EstimateSource.CONFIGURED),
        ([20.0, 80.0, 30.0], 120.0, EstimateSource.LEARNED),
        ([20.0, 30.0, 40.0, 50.0], 100.0, EstimateSource.CONFIGURED),
        ([20.0, 30.0, 60.0, 50.0, 40.0], 60.0, EstimateSource.LEARNED),
        ([300.0, 30.0, 60.0, 50.0, 40.0], 300.0, EstimateSource.LEARNED),
        ([*map(float, range(1, 21))], 19.0, EstimateSource.LEARNED),
        ([*map(float, range(20, 0, -1))], 19.0, EstimateSource.LEARNED),
    ],
)
def test_estimates(stops: list[float], seconds: float, source: EstimateSource) -> None:
    found = estimate(SPEC, stops)
    assert (found.seconds, found.source, found.stops) == (seconds, source, len(stops))


def test_patience_is_never_shorter_than_the_user_said() -> None:
    assert patience_s(SPEC, [10.0] * 20) == 100.0
    assert patience_s(SPEC, [10.0] * 19 + [200.0]) == 300.0


@given(stops_seen)
def test_until_enough_stops_the_estimate_is_cautious(stops: list[float]) -> None:
    seconds = expected_s(SPEC, stops)
    if len(stops) < ENOUGH_STOPS:
        assert seconds >= SPEC.time_limit_s
        assert all(seconds > stop for stop in stops)
    else:
        assert seconds in stops
        assert sum(stop > seconds for stop in stops) <= len(stops) / 20


@given(stops_seen)
def test_patience_covers_the_estimate(stops: list[float]) -> None:
    assert patience_s(SPEC, stops) >= expected_s(SPEC, stops)
