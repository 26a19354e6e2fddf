"""What the entities of the shutdown plan and of its targets share."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .coordinator import OmronConfigEntry
from .entity import device_info
from .plan_service import PlanService
from .shutdown.specs import TargetSpec


class PlanEntity(Entity):
    """An entity of the plan; it has something to say whatever becomes of the UPS."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, *, entry: OmronConfigEntry, description: EntityDescription) -> None:
        """Name the entity after its description and hang it under the UPS."""
        self.entity_description = description
        self._entry = entry
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = device_info(entry, entry.runtime_data.coordinator.data)

    @property
    def plan(self) -> PlanService:
        """The plan."""
        return self._entry.runtime_data.plan

    @override
    async def async_added_to_hass(self) -> None:
        """Show every change of the plan."""
        await super().async_added_to_hass()
        self.async_on_remove(self.plan.subscribe(self.async_write_ha_state))


class TargetEntity(PlanEntity):
    """An entity of one target."""

    def __init__(
        self, *, entry: OmronConfigEntry, description: EntityDescription, spec: TargetSpec
    ) -> None:
        """Hang the entity under the target's own device."""
        super().__init__(entry=entry, description=description)
        self.target_id = spec.target_id
        self._attr_unique_id = f"{spec.target_id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, spec.target_id)},
            name=spec.name,
            entry_type=DeviceEntryType.SERVICE,
        )
        ups = dr.async_get(self.plan.hass).async_get_device_by_identifier(
            (DOMAIN, entry.entry_id), entry.entry_id
        )
        if ups is not None:
            self._attr_device_info["via_device_id"] = ups.id

    @override
    async def async_added_to_hass(self) -> None:
        """Show also what the network shows of the target."""
        await super().async_added_to_hass()
        self.async_on_remove(self.plan.watch.subscribe(self.async_write_ha_state))


@callback
def async_rename_devices(hass: HomeAssistant, entry: OmronConfigEntry) -> None:
    """Give the devices of targets the names that the user gave the targets."""
    devices = dr.async_get(hass)
    for spec in entry.runtime_data.plan.specs:
        device = devices.async_get_device_by_identifier((DOMAIN, spec.target_id), entry.entry_id)
        if device is not None and device.name != spec.name:
            devices.async_update_device(device.id, name=spec.name)


@callback
def async_add_for_targets(
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[TargetSpec], Iterable[Entity]],
) -> None:
    """Add the entities of each target, also of those that the user adds later.

    Home Assistant removes those of a target that is removed.
    """
    plan = entry.runtime_data.plan
    known: set[str] = set()

    @callback
    def add() -> None:
        for spec in plan.specs:
            if spec.target_id not in known:
                known.add(spec.target_id)
                async_add_entities(make(spec), config_subentry_id=spec.target_id)

    entry.async_on_unload(plan.subscribe(add))
    add()
