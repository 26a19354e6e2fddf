"""The knobs of the simulated UPS: its load and its charge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.number import NumberEntity, NumberEntityDescription
from homeassistant.const import EntityCategory, UnitOfRatio
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import OmronConfigEntry
from .driver import SimulatedUps
from .driver.simulator.power import MAX_LOAD
from .entity import OmronStandingEntity

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class OmronSimulatedNumberDescription(NumberEntityDescription):
    """A property of the simulation that can be set."""

    value_fn: Callable[[SimulatedUps], float]
    set_fn: Callable[[SimulatedUps, float], None]


def _set_load(simulated: SimulatedUps, percent: float) -> None:
    simulated.load = percent


def _set_charge(simulated: SimulatedUps, percent: float) -> None:
    simulated.charge = percent


NUMBERS: Final[tuple[OmronSimulatedNumberDescription, ...]] = (
    OmronSimulatedNumberDescription(
        key="sim_load",
        translation_key="sim_load",
        entity_category=EntityCategory.CONFIG,
        native_max_value=MAX_LOAD,
        native_min_value=0,
        native_step=1,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        value_fn=lambda s: round(s.load),
        set_fn=_set_load,
    ),
    OmronSimulatedNumberDescription(
        key="sim_charge",
        translation_key="sim_charge",
        entity_category=EntityCategory.CONFIG,
        native_max_value=100,
        native_min_value=0,
        native_step=1,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        value_fn=lambda s: round(s.charge),
        set_fn=_set_charge,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the knobs of a simulated UPS."""
    if (simulated := entry.runtime_data.simulated) is not None:
        async_add_entities(
            OmronSimulatedNumber(entry=entry, description=description, simulated=simulated)
            for description in NUMBERS
        )


class OmronSimulatedNumber(OmronStandingEntity, NumberEntity):
    """A property of the simulated UPS."""

    entity_description: OmronSimulatedNumberDescription

    def __init__(
        self,
        *,
        entry: OmronConfigEntry,
        description: OmronSimulatedNumberDescription,
        simulated: SimulatedUps,
    ) -> None:
        """Control `simulated`."""
        super().__init__(entry=entry, description=description)
        self._simulated = simulated

    @property
    @override
    def native_value(self) -> float:
        return self.entity_description.value_fn(self._simulated)

    @override
    async def async_set_native_value(self, value: float) -> None:
        self.entity_description.set_fn(self._simulated, value)
        self.async_write_ha_state()
