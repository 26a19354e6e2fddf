"""All faults, of generic and of real kinds."""

from collections.abc import Mapping
from typing import Final

from .api_faults import API_BY_KEY
from .faults import BY_KEY as GENERIC_BY_KEY, Fault
from .home import HomeAssistant
from .rack import Rack

BY_KEY: Final[Mapping[str, Fault]] = {**GENERIC_BY_KEY, **API_BY_KEY}


def apply_faults(rack: Rack, home: HomeAssistant) -> None:
    """Prepare the faults of the scenario."""
    anybody = next(iter(rack.machines.values()))
    for at in rack.scenario.faults:
        BY_KEY[at.key].apply(rack, home, rack.machines.get(at.target_id, anybody), at)
