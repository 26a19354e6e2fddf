"""What is known of the models by name: data, with its source."""

from dataclasses import dataclass
from typing import Any

from .models import Topology
from .runtime import RuntimeConstants

OMRON_VENDOR_ID = 0x0590
"""USB vendor id of OMRON; sensors and blood-pressure monitors carry it too."""


_VENDOR_TABLE = "listed by vendor driver 1.02"
_COMMENTED_OUT = "listed by vendor driver 1.02, but switched off there"
_RATED_BY_MANUAL = "listed by vendor driver 1.02; rating from the manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One model of UPS; None where nobody published the fact."""

    model: str
    product_id: int
    """USB product id."""
    evidence: str
    """Who saw what of it."""
    is_seen: bool = False
    """Whether somebody published what a unit of this model answered."""
    topology: Topology | None = None
    runtime: RuntimeConstants | None = None
    """For the models that vendor driver 1.02 has constants for: they do not tell their runtime."""
    battery_packs: int | None = None
    """How many blocks the battery has of which the unit reports one (inferred from a dump)."""
    realpower_nominal: int | None = None
    """Rated W, where the unit does not tell it; manuals and published scripts."""
    power_nominal: int | None = None
    """Rated VA, likewise."""


def _runtime(load: float, idle_drain: float, minutes: float) -> RuntimeConstants:
    return RuntimeConstants(
        load_for_30_min=load, idle_drain=idle_drain, minutes_at_full_load=minutes
    )


def _row(
    product_id: int, model: str, *, evidence: str = _VENDOR_TABLE, **facts: Any
) -> ModelProfile:
    return ModelProfile(model=model, product_id=product_id, evidence=evidence, **facts)


MODELS: tuple[ModelProfile, ...] = (
    _row(0x0043, "BN240XR", evidence=_COMMENTED_OUT),
    _row(0x0044, "BN150XR", evidence=_COMMENTED_OUT),
    _row(0x0054, "BN100XR", evidence=_COMMENTED_OUT),
    _row(0x004B, "BZ50T", runtime=_runtime(21, 0.0040, 3)),
    _row(0x004F, "BZ50LT", runtime=_runtime(21, 0.0044, 3)),
    _row(0x0050, "BZ35T", runtime=_runtime(21, 0.0042, 3)),
    _row(0x0057, "BX50F", runtime=_runtime(28, 0.0142, 5)),
    _row(0x0058, "BX35F", runtime=_runtime(33, 0.0128, 3.5)),
    _row(0x0065, "BY50FW", runtime=_runtime(26, 0.0056, 3.5)),
    _row(0x0066, "BY75SW", runtime=_runtime(33, 0.0028, 5)),
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
    _row(
        0x0080,
        "BY35S",
        runtime=_runtime(29, 0.0044, 6),
        is_seen=True,
        evidence="Q1 over USB, two users",
        topology=Topology.STANDBY,
    ),
    _row(
        0x0081,
        "BY50S",
        runtime=_runtime(20, 0.0044, 3.5),
        is_seen=True,
        evidence=(
            "Q1 over USB; a community driver was presumably written on it; rating from a script"
        ),
        realpower_nominal=300,
    ),
    _row(0x0086, "BZ35LT2", runtime=_runtime(21, 0.0088, 3)),
    _row(0x0087, "BZ50LT2", runtime=_runtime(23, 0.0066, 3)),
    _row(0x00A1, "BY80S", runtime=_runtime(25, 0.0050, 4)),
    _row(0x00A3, "BY120S", runtime=_runtime(25, 0.0044, 4)),
    _row(0x00AD, "BN75R"),
    _row(0x00AE, "BN150R"),
    _row(0x00AF, "BN300R"),
    _row(0x00B4, "BN50T", evidence=_RATED_BY_MANUAL, realpower_nominal=450),
    _row(0x00B5, "BN75T", is_seen=True, evidence="Q1 over RS-232"),
    _row(0x00B6, "BN100T", evidence=_RATED_BY_MANUAL, realpower_nominal=900),
    _row(
        0x00B7,
        "BN150T",
        is_seen=True,
        evidence="nine queries, An, Af, S, Sf and C over USB",
        topology=Topology.STANDBY,
    ),
    _row(0x00B8, "BN220T", evidence=_RATED_BY_MANUAL, realpower_nominal=1980),
    _row(0x00B9, "BN300T"),
    _row(
        0x00D0,
        "BW55T",
        is_seen=True,
        evidence="a dump of 43 variables, a community driver; not in the vendor table",
        topology=Topology.STANDBY,
        battery_packs=2,
        realpower_nominal=340,
        power_nominal=550,
    ),
)

_BY_MODEL = {profile.model: profile for profile in MODELS}
_BY_PRODUCT_ID = {profile.product_id: profile for profile in MODELS}


def find_profile(*, model: str | None, product_id: int | None) -> ModelProfile | None:
    """Find the profile of a unit by what it says of itself, its product id first."""
    if product_id is not None and (profile := _BY_PRODUCT_ID.get(product_id)):
        return profile
    return _BY_MODEL.get(model) if model else None
