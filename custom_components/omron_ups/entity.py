"""What all entities of a UPS share."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import OmronConfigEntry, OmronCoordinator
from .driver import UpsState


class OmronEntity(CoordinatorEntity[OmronCoordinator]):
    """An entity that shows a reading: without fresh data it is unavailable."""

    _attr_has_entity_name = True

    def __init__(self, *, entry: OmronConfigEntry, description: EntityDescription) -> None:
        """Name the entity after its description and hang it under the UPS."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = device_info(entry, self.coordinator.data)


class OmronStandingEntity(OmronEntity):
    """An entity that has something to say when the UPS has not."""

    @property
    @override
    def available(self) -> bool:
        return True


def device_info(entry: OmronConfigEntry, state: UpsState) -> DeviceInfo:
    """Return the UPS as the device registry describes it; what is not known stays as it was."""
    if state.read_at is None:
        return DeviceInfo(identifiers={(DOMAIN, entry.entry_id)}, name=entry.title)
    return DeviceInfo(
        identifiers={(DOMAIN, entry.entry_id)},
        manufacturer=state.manufacturer,
        model=state.model,
        name=entry.title,
        serial_number=state.serial,
        sw_version=state.firmware,
    )


@callback
def async_add_when_known[DescriptionT: EntityDescription](
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Iterable[DescriptionT],
    *,
    has_fn: Callable[[DescriptionT, UpsState], bool],
    make_fn: Callable[[DescriptionT], Entity],
) -> None:
    """Add an entity for each description as soon as the unit has answered for it.

    Nearly all are known at once. A unit that was too busy for one query while it was connected to
    must not lack that entity until somebody reloads.
    """
    coordinator = entry.runtime_data.coordinator
    missing = list(descriptions)

    @callback
    def add_known() -> None:
        known = [item for item in missing if has_fn(item, coordinator.data)]
        if not known:
            return
        for item in known:
            missing.remove(item)
        async_add_entities([make_fn(item) for item in known])

    add_known()
    entry.async_on_unload(coordinator.async_add_listener(add_known))
