"""The table of models."""

from custom_components.omron_ups.driver.profiles import MODELS, find_profile


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
