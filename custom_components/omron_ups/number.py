"""Numbers: the settings of the UPS that are figures, and the knobs of the simulated one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import EntityCategory, UnitOfRatio, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .controls import async_set_variable
from .coordinator import OmronConfigEntry
from .driver import SHUTDOWN_DELAYS_S, SimulatedUps, UpsState, Writable
from .driver.simulator.power import MAX_LOAD
from .entity import OmronEntity, OmronStandingEntity, async_add_when_known

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class OmronNumberDescription(NumberEntityDescription):
    """A setting whose value stands in the state of the UPS."""

    variable: str
    """Its NUT name."""
    value_fn: Callable[[UpsState], int | None]


@dataclass(frozen=True, kw_only=True)
class OmronSimulatedNumberDescription(NumberEntityDescription):
    """A property of the simulation that can be set."""

    value_fn: Callable[[SimulatedUps], float]
    set_fn: Callable[[SimulatedUps, float], None]


def _set_load(simulated: SimulatedUps, percent: float) -> None:
    simulated.load = percent


def _set_charge(simulated: SimulatedUps, percent: float) -> None:
    simulated.charge = percent


def _charge(
    key: str, variable: str, value_fn: Callable[[UpsState], int | None]
) -> OmronNumberDescription:
    return OmronNumberDescription(
        key=key,
        translation_key=key,
        entity_category=EntityCategory.CONFIG,
        mode=NumberMode.BOX,
        native_max_value=100,
        native_min_value=0,
        native_step=1,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        variable=variable,
        value_fn=value_fn,
    )


NUMBERS: Final[tuple[OmronNumberDescription, ...]] = (
    _charge("battery_charge_low", "battery.charge.low", lambda s: s.battery_charge_low),
    _charge("battery_charge_restart", "battery.charge.restart", lambda s: s.battery_charge_restart),
    OmronNumberDescription(
        key="shutdown_delay",
        translation_key="shutdown_delay",
        device_class=NumberDeviceClass.DURATION,
        entity_category=EntityCategory.CONFIG,
        mode=NumberMode.BOX,
        native_max_value=SHUTDOWN_DELAYS_S[-1],
        native_min_value=SHUTDOWN_DELAYS_S[0],
        # From a minute on the unit counts in minutes: a value between them is refused, in words.
        native_step=6,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        variable="ups.delay.shutdown",
        value_fn=lambda s: s.shutdown_delay,
    ),
)

SIMULATED_NUMBERS: Final[tuple[OmronSimulatedNumberDescription, ...]] = (
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
    """Set up a number for each setting that the unit offers, and the knobs of a simulated UPS."""
    ups = entry.runtime_data.ups
    async_add_when_known(
        entry,
        async_add_entities,
        NUMBERS,
        has_fn=lambda description, _: description.variable in ups.writable,
        make_fn=lambda description: OmronNumber(entry=entry, description=description),
    )
    if (simulated := entry.runtime_data.simulated) is not None:
        async_add_entities(
            OmronSimulatedNumber(entry=entry, description=description, simulated=simulated)
            for description in SIMULATED_NUMBERS
        )


class OmronNumber(OmronEntity, NumberEntity):
    """A setting of the UPS that is a figure."""

    entity_description: OmronNumberDescription

    def __init__(self, *, entry: OmronConfigEntry, description: OmronNumberDescription) -> None:
        """Take the limits from the unit, where they differ from the usual ones."""
        super().__init__(entry=entry, description=description)
        if limits := _limits(self.coordinator.ups.writable[description.variable]):
            self._attr_native_min_value, self._attr_native_max_value = min(limits), max(limits)

    @property
    @override
    def native_value(self) -> float | None:
        return self.entity_description.value_fn(self.coordinator.data)

    @override
    async def async_set_native_value(self, value: float) -> None:
        text = f"{value:.0f}" if value.is_integer() else str(value)
        await async_set_variable(self.coordinator.ups, self.entity_description.variable, text)


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


def _limits(rule: Writable) -> tuple[int, ...]:
    """Return the figures that a variable may be set to, or just their limits."""
    words = (int(word) for word in rule.enum if word.isdecimal())
    return (*words, *(limit for ends in rule.ranges for limit in ends))
