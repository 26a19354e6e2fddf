"""What is known of models: who they are, the runtime formula, the battery voltage, ratings."""

import pytest

from custom_components.omron_ups.driver.profiles import MODELS, find_profile
from custom_components.omron_ups.driver.runtime import RuntimeConstants
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind

from .bench import Bench
from .virtual_time import run

# The vendor's own constants for a BY50S; they reproduce its defaults.
BY50S = RuntimeConstants(load_for_30_min=20, idle_drain=0.0044, minutes_at_full_load=3.5)


@pytest.mark.parametrize(
    ("charge", "load", "seconds"),
    [
        # Computed from the vendor's default factor 98178 and exponent -1.334897356.
        (100, 12, 3553),
        (100, 20, 1797),
        (100, 100, 208),
        (50, 12, 1776),
        (0, 12, 0),
        (100, 0, 22727),
    ],
)
def test_the_formula(charge: float, load: float, seconds: int) -> None:
    assert BY50S.runtime_s(charge=charge, load=load) == seconds


def test_every_model_has_its_evidence() -> None:
    assert all(row.evidence for row in MODELS)
    assert sum(row.runtime is not None for row in MODELS) == 13


def test_a_unit_that_does_not_tell_its_runtime_gets_an_estimate() -> None:
    async def scenario() -> None:
        async with Bench("by35s") as bench:
            state = bench.ups.state
            assert state.runtime_estimated
            # The constants of the BY35S mean: 29 % for half an hour, less what the unit takes.
            assert state.battery_runtime == 1797
            bench.unit.load = 0
            await bench.until(lambda: bench.ups.state.load == 0)
            assert bench.ups.state.battery_runtime == 22727

    run(scenario())


@pytest.mark.parametrize("model", ["dashes", "bn75t-serial", "generic-megatec"])
def test_without_charge_load_or_constants_there_is_no_estimate(model: str) -> None:
    async def scenario() -> None:
        async with Bench(model) as bench:
            assert bench.ups.state.battery_runtime is None
            assert not bench.ups.state.runtime_estimated

    run(scenario())


def test_a_unit_that_tells_its_runtime_is_never_estimated() -> None:
    async def scenario() -> None:
        async with Bench("bw55t") as bench:
            assert not bench.ups.state.runtime_estimated
            bench.unit.inject(Fault(kind=FaultKind.SILENCE, request="RTS"))
            await bench.until(lambda: bench.ups.state.battery_runtime is None)
            assert not bench.ups.state.runtime_estimated

    run(scenario())


def test_the_battery_voltage_is_what_the_unit_says_until_the_user_says_otherwise() -> None:
    async def scenario() -> None:
        async with Bench("bw55t") as bench:
            assert bench.variables["battery.voltage"] == "13.70"
            assert bench.ups.state.battery_packs_suggested == 2
        async with Bench("bw55t", battery_packs=2) as bench:
            assert bench.variables["battery.voltage"] == "27.40"
            assert bench.ups.state.battery_packs == 2
            assert bench.ups.state.battery_packs_suggested is None

    run(scenario())


def test_a_voltage_of_half_the_nominal_one_is_noticed_without_a_profile() -> None:
    async def scenario() -> None:
        # Its link says BU100RW, of which nothing is known; 24 V nominal, 13.7 V measured.
        async with Bench("everything") as bench:
            assert bench.ups.state.battery_packs_suggested == 2

    run(scenario())


def test_a_rating_that_the_unit_does_not_tell_comes_from_the_profile() -> None:
    async def scenario() -> None:
        async with Bench("by50s") as bench:
            assert bench.variables["ups.realpower.nominal"] == "300"
            assert bench.variables["ups.realpower"] == "60"
            assert "ups.power.nominal" not in bench.variables

    run(scenario())


def test_what_is_not_published_is_not_made_up() -> None:
    profile = find_profile(model="BN75S", product_id=None)
    assert profile is not None
    assert (profile.realpower_nominal, profile.runtime, profile.battery_packs) == (None, None, None)


def test_models_and_product_ids_are_unique() -> None:
    assert len({row.model for row in MODELS}) == len(MODELS)
    assert len({row.product_id for row in MODELS}) == len(MODELS)


def test_the_product_id_counts_more_than_the_name() -> None:
    profile = find_profile(model="BN150T", product_id=0x00D0)
    assert profile is not None
    assert profile.model == "BW55T"


def test_an_unknown_unit_has_no_profile() -> None:
    assert find_profile(model="XYZ", product_id=0xFFFF) is None
    assert find_profile(model=None, product_id=None) is None
