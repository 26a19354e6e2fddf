"""Selects: the settings of the UPS that are one of a few words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .controls import async_set_variable
from .coordinator import OmronConfigEntry
from .driver import Sensitivity, UpsSource, UpsState
from .entity import OmronEntity, async_add_when_known

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class OmronSelectDescription(SelectEntityDescription):
    """A setting whose value stands in the state of the UPS."""

    options: list[str]
    variable: str
    """Its NUT name."""
    value_fn: Callable[[UpsState], str | None]


SELECTS: Final[tuple[OmronSelectDescription, ...]] = (
    OmronSelectDescription(
        key="input_sensitivity",
        translation_key="input_sensitivity",
        entity_category=EntityCategory.CONFIG,
        options=list(Sensitivity),
        variable="input.sensitivity",
        value_fn=lambda s: s.input_sensitivity,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up a select for each setting that the unit offers."""
    ups = entry.runtime_data.ups
    async_add_when_known(
        entry,
        async_add_entities,
        SELECTS,
        has_fn=lambda description, _: bool(_options(ups, description)),
        make_fn=lambda description: OmronSelect(entry=entry, description=description),
    )


class OmronSelect(OmronEntity, SelectEntity):
    """A setting of the UPS; units differ in which of the words they take."""

    entity_description: OmronSelectDescription

    def __init__(self, *, entry: OmronConfigEntry, description: OmronSelectDescription) -> None:
        """Offer what the unit takes now, when it is known to offer the setting."""
        super().__init__(entry=entry, description=description)
        self._attr_options = _options(self.coordinator.ups, description)

    @property
    @override
    def current_option(self) -> str | None:
        option = self.entity_description.value_fn(self.coordinator.data)
        return option if option in self.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        await async_set_variable(self.coordinator.ups, self.entity_description.variable, option)


def _options(ups: UpsSource, description: OmronSelectDescription) -> list[str]:
    """Return the words that the unit takes, as far as we have a text for them."""
    rule = ups.writable.get(description.variable)
    return [option for option in description.options if rule and option in rule.enum]
