"""The switch of the simulated UPS: its plug."""

from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import OmronConfigEntry
from .driver import SimulatedUps
from .entity import OmronStandingEntity

PARALLEL_UPDATES = 1

SIM_MAINS: Final = SwitchEntityDescription(
    key="sim_mains", translation_key="sim_mains", entity_category=EntityCategory.CONFIG
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the plug of a simulated UPS."""
    if (simulated := entry.runtime_data.simulated) is not None:
        async_add_entities([OmronSimulatedMains(entry=entry, simulated=simulated)])


class OmronSimulatedMains(OmronStandingEntity, SwitchEntity):
    """Whether the simulated UPS is plugged in."""

    def __init__(self, *, entry: OmronConfigEntry, simulated: SimulatedUps) -> None:
        """Control `simulated`."""
        super().__init__(entry=entry, description=SIM_MAINS)
        self._simulated = simulated

    @property
    @override
    def is_on(self) -> bool:
        return self._simulated.mains

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self._simulated.restore_mains()
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self._simulated.cut_mains()
        self.async_write_ha_state()
