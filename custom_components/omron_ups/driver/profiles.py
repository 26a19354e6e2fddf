"""What is known of the models by name: data, with its source."""

from dataclasses import dataclass

OMRON_VENDOR_ID = 0x0590
"""USB vendor id of OMRON; sensors and blood-pressure monitors carry it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One model of UPS."""

    model: str
    product_id: int
    """USB product id."""


def _row(product_id: int, model: str) -> ModelProfile:
    return ModelProfile(model=model, product_id=product_id)


# From the device table of the vendor driver 1.02, but for 00D0 (seen on BW55T).
MODELS: tuple[ModelProfile, ...] = (
    _row(0x0043, "BN240XR"),
    _row(0x0044, "BN150XR"),
    _row(0x0054, "BN100XR"),
    _row(0x004B, "BZ50T"),
    _row(0x004F, "BZ50LT"),
    _row(0x0050, "BZ35T"),
    _row(0x0057, "BX50F"),
    _row(0x0058, "BX35F"),
    _row(0x0065, "BY50FW"),
    _row(0x0066, "BY75SW"),
    _row(0x006B, "BU1002SW"),
    _row(0x006C, "BU3002SW"),
    _row(0x006E, "BN50S"),
    _row(0x006F, "BN75S"),
    _row(0x0070, "BN100S"),
    _row(0x0071, "BN150S"),
    _row(0x0072, "BN220S"),
    _row(0x0073, "BN300S"),
    _row(0x0075, "BU100RW"),
    _row(0x0076, "BU200RW"),
    _row(0x0077, "BU300RW"),
    _row(0x0083, "BU75RW"),
    _row(0x0080, "BY35S"),
    _row(0x0081, "BY50S"),
    _row(0x0086, "BZ35LT2"),
    _row(0x0087, "BZ50LT2"),
    _row(0x00A1, "BY80S"),
    _row(0x00A3, "BY120S"),
    _row(0x00AD, "BN75R"),
    _row(0x00AE, "BN150R"),
    _row(0x00AF, "BN300R"),
    _row(0x00B4, "BN50T"),
    _row(0x00B5, "BN75T"),
    _row(0x00B6, "BN100T"),
    _row(0x00B7, "BN150T"),
    _row(0x00B8, "BN220T"),
    _row(0x00B9, "BN300T"),
    _row(0x00D0, "BW55T"),
)

_BY_MODEL = {profile.model: profile for profile in MODELS}
_BY_PRODUCT_ID = {profile.product_id: profile for profile in MODELS}


def find_profile(*, model: str | None, product_id: int | None) -> ModelProfile | None:
    """Find the profile of a unit by what it says of itself, its product id first."""
    if product_id is not None and (profile := _BY_PRODUCT_ID.get(product_id)):
        return profile
    return _BY_MODEL.get(model) if model else None
