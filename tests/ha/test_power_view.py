"""What the shutdown plan is told of a UPS."""

from itertools import combinations

import pytest

from custom_components.omron_ups.driver import UpsState
from custom_components.omron_ups.power_view import power_view
from custom_components.omron_ups.shutdown.models import Power, PowerView

FLAGS = ("replace_battery", "fault", "overload", "testing", "charging", "shutdown_pending")
OTHER_FLAGS = [flags for count in range(len(FLAGS) + 1) for flags in combinations(FLAGS, count)]


@pytest.mark.parametrize("flags", OTHER_FLAGS, ids="+".join)
def test_nothing_but_the_power_bit_is_an_outage(flags: tuple[str, ...]) -> None:
    on_mains = UpsState(on_battery=False, stale=False, **dict.fromkeys(flags, True))  # type: ignore[arg-type]
    assert power_view(on_mains, age_s=0.5).power is Power.MAINS
    unknown = UpsState(on_battery=None, stale=False, **dict.fromkeys(flags, True))  # type: ignore[arg-type]
    assert power_view(unknown, age_s=0.5).power is Power.UNKNOWN


def test_what_is_known_is_handed_on() -> None:
    state = UpsState(
        on_battery=True,
        battery_low=False,
        battery_charge=80,
        battery_charge_low=30,
        battery_runtime=1800,
        load=12,
    )
    assert power_view(state, age_s=2.0, mains_entity=False) == PowerView(
        power=Power.BATTERY,
        age_s=2.0,
        low=False,
        charge=80,
        charge_low=30,
        runtime_s=1800,
        load=12,
        mains_entity=False,
    )


def test_what_is_not_known_stays_unknown() -> None:
    assert power_view(UpsState(), age_s=None) == PowerView(power=Power.UNKNOWN)


@pytest.mark.parametrize(("upstream", "account"), [(True, False), (False, True), (True, True)])
def test_either_forced_shutdown_counts(*, upstream: bool, account: bool) -> None:
    state = UpsState(on_battery=True, forced_shutdown=upstream)
    assert power_view(state, age_s=0.0, is_forced=account).forced


def test_none_is_none() -> None:
    assert not power_view(UpsState(on_battery=True), age_s=0.0).forced
