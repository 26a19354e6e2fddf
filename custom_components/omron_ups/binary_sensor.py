"""Binary sensors: what the UPS says of its own state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import OmronConfigEntry
from .driver import UpsState
from .entity import OmronEntity, OmronStandingEntity, async_add_when_known
from .plan_controls import TARGET_BINARY_SENSORS, TargetBinarySensor
from .plan_entity import async_add_for_targets

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class OmronBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor whose value stands in the state of the UPS."""

    value_fn: Callable[[UpsState], bool | None]


def _not(value: bool | None) -> bool | None:  # noqa: FBT001 - the operand of a negation
    return None if value is None else not value


BINARY_SENSORS: Final[tuple[OmronBinarySensorDescription, ...]] = (
    OmronBinarySensorDescription(
        key="mains",
        translation_key="mains",
        device_class=BinarySensorDeviceClass.POWER,
        value_fn=lambda s: _not(s.on_battery),
    ),
    OmronBinarySensorDescription(
        key="battery_low",
        translation_key="battery_low",
        device_class=BinarySensorDeviceClass.BATTERY,
        value_fn=lambda s: s.battery_low,
    ),
    OmronBinarySensorDescription(
        key="replace_battery",
        translation_key="replace_battery",
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=lambda s: s.replace_battery,
    ),
    OmronBinarySensorDescription(
        key="fault",
        translation_key="fault",
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=lambda s: s.fault,
    ),
    OmronBinarySensorDescription(
        key="overload",
        translation_key="overload",
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=lambda s: s.overload,
    ),
    OmronBinarySensorDescription(
        key="testing",
        translation_key="testing",
        device_class=BinarySensorDeviceClass.RUNNING,
        value_fn=lambda s: s.testing,
    ),
)

CONNECTED: Final = OmronBinarySensorDescription(
    key="connected",
    translation_key="connected",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda s: not s.stale,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of a UPS."""
    async_add_when_known(
        entry,
        async_add_entities,
        BINARY_SENSORS,
        has_fn=lambda description, state: description.value_fn(state) is not None,
        make_fn=lambda description: OmronBinarySensor(entry=entry, description=description),
    )
    async_add_entities([OmronConnectedSensor(entry=entry, description=CONNECTED)])
    async_add_for_targets(
        entry,
        async_add_entities,
        lambda spec: (
            TargetBinarySensor(entry=entry, description=description, spec=spec)
            for description in TARGET_BINARY_SENSORS
        ),
    )


class OmronBinarySensor(OmronEntity, BinarySensorEntity):
    """A state of the UPS that holds or does not."""

    entity_description: OmronBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.coordinator.data)


class OmronConnectedSensor(OmronStandingEntity, OmronBinarySensor):
    """Whether the UPS answers."""
