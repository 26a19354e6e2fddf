"""Sensors: what the UPS measures, and what Home Assistant makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, override

from homeassistant.components.sensor import (
    RestoreSensor,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    EntityCategory,
    UnitOfApparentPower,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfPower,
    UnitOfRatio,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_time_interval

from .const import DATA_AGE_INTERVAL
from .coordinator import OmronConfigEntry, OmronRuntimeData
from .driver import UpsState
from .energy import EnergyMeter
from .entity import OmronEntity, OmronStandingEntity, async_add_when_known
from .plan_sensor import PLAN_SENSORS, PlanSensor

PARALLEL_UPDATES = 0

# Volts and watts flicker with every reply. Written each second they would be most of what the
# recorder stores, so on quiet mains a measurement is written at most this often.
MEASUREMENT_INTERVAL_S: Final = 5.0

type Value = str | int | float | date | datetime | None


@dataclass(frozen=True, kw_only=True)
class OmronSensorDescription(SensorEntityDescription):
    """A sensor whose value stands in the state of the UPS."""

    value_fn: Callable[[UpsState], Value]


@dataclass(frozen=True, kw_only=True)
class OmronRecordDescription(SensorEntityDescription):
    """A sensor whose value Home Assistant keeps; it outlasts the connection to the UPS."""

    value_fn: Callable[[OmronRuntimeData], Value]


# The first row that fits is the status: what matters most to a person comes first.
STATUSES: Final[tuple[tuple[str, Callable[[UpsState], bool | None]], ...]] = (
    ("shutdown_pending", lambda s: s.shutdown_pending),
    ("battery_low", lambda s: s.on_battery and s.battery_low),
    ("on_battery", lambda s: s.on_battery),
    ("fault", lambda s: s.fault),
    ("overload", lambda s: s.overload),
    ("testing", lambda s: s.testing),
    ("replace_battery", lambda s: s.replace_battery),
    ("charging", lambda s: s.charging),
    ("on_mains", lambda s: s.on_battery is False),
)


def _status(state: UpsState) -> str | None:
    return next((key for key, applies in STATUSES if applies(state)), None)


def _percentage(
    key: str, value_fn: Callable[[UpsState], Value], device_class: SensorDeviceClass | None = None
) -> OmronSensorDescription:
    return OmronSensorDescription(
        key=key,
        translation_key=key,
        device_class=device_class,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=value_fn,
    )


def _measurement(
    key: str,
    value_fn: Callable[[UpsState], Value],
    *,
    device_class: SensorDeviceClass,
    unit: str,
    precision: int = 1,
    enabled: bool = True,
    category: EntityCategory | None = None,
) -> OmronSensorDescription:
    return OmronSensorDescription(
        key=key,
        translation_key=key,
        device_class=device_class,
        entity_category=category,
        entity_registry_enabled_default=enabled,
        native_unit_of_measurement=unit,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=precision,
        value_fn=value_fn,
    )


SENSORS: Final[tuple[OmronSensorDescription, ...]] = (
    OmronSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[key for key, _ in STATUSES],
        value_fn=_status,
    ),
    _percentage("battery_charge", lambda s: s.battery_charge, SensorDeviceClass.BATTERY),
    OmronSensorDescription(
        key="battery_runtime",
        translation_key="battery_runtime",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        suggested_unit_of_measurement=UnitOfTime.MINUTES,
        value_fn=lambda s: s.battery_runtime,
    ),
    _measurement(
        "battery_voltage",
        lambda s: s.battery_voltage,
        device_class=SensorDeviceClass.VOLTAGE,
        unit=UnitOfElectricPotential.VOLT,
    ),
    _measurement(
        "battery_temperature",
        lambda s: s.battery_temperature,
        device_class=SensorDeviceClass.TEMPERATURE,
        unit=UnitOfTemperature.CELSIUS,
        enabled=False,
    ),
    _percentage("load", lambda s: s.load),
    _measurement(
        "power",
        lambda s: s.realpower,
        device_class=SensorDeviceClass.POWER,
        unit=UnitOfPower.WATT,
        precision=0,
    ),
    _measurement(
        "apparent_power",
        lambda s: s.power,
        device_class=SensorDeviceClass.APPARENT_POWER,
        unit=UnitOfApparentPower.VOLT_AMPERE,
        precision=0,
        enabled=False,
    ),
    _measurement(
        "input_voltage",
        lambda s: s.input_voltage,
        device_class=SensorDeviceClass.VOLTAGE,
        unit=UnitOfElectricPotential.VOLT,
    ),
    _measurement(
        "input_frequency",
        lambda s: s.input_frequency,
        device_class=SensorDeviceClass.FREQUENCY,
        unit=UnitOfFrequency.HERTZ,
        enabled=False,
    ),
    _measurement(
        "input_voltage_fault",
        lambda s: s.input_voltage_fault,
        device_class=SensorDeviceClass.VOLTAGE,
        unit=UnitOfElectricPotential.VOLT,
        enabled=False,
        category=EntityCategory.DIAGNOSTIC,
    ),
    _measurement(
        "output_voltage",
        lambda s: s.output_voltage,
        device_class=SensorDeviceClass.VOLTAGE,
        unit=UnitOfElectricPotential.VOLT,
    ),
    _measurement(
        "output_frequency",
        lambda s: s.output_frequency,
        device_class=SensorDeviceClass.FREQUENCY,
        unit=UnitOfFrequency.HERTZ,
        enabled=False,
    ),
    _measurement(
        "temperature",
        lambda s: s.temperature,
        device_class=SensorDeviceClass.TEMPERATURE,
        unit=UnitOfTemperature.CELSIUS,
    ),
    OmronSensorDescription(
        key="battery_date",
        translation_key="battery_date",
        device_class=SensorDeviceClass.DATE,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda s: s.battery_date,
    ),
)

RECORDS: Final[tuple[OmronRecordDescription, ...]] = (
    OmronRecordDescription(
        key="last_power_failure",
        translation_key="last_power_failure",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda r: r.outage_log.outages.began_at,
    ),
    OmronRecordDescription(
        key="last_outage_duration",
        translation_key="last_outage_duration",
        device_class=SensorDeviceClass.DURATION,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_display_precision=0,
        value_fn=lambda r: (
            None if (d := r.outage_log.outages.duration) is None else round(d.total_seconds())
        ),
    ),
    OmronRecordDescription(
        key="outages",
        translation_key="outages",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda r: r.outage_log.outages.count,
    ),
)

ENERGY: Final = OmronSensorDescription(
    key="energy",
    translation_key="energy",
    device_class=SensorDeviceClass.ENERGY,
    native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
    state_class=SensorStateClass.TOTAL_INCREASING,
    suggested_display_precision=2,
    value_fn=lambda s: s.realpower,
)

DATA_AGE: Final = SensorEntityDescription(
    key="data_age",
    translation_key="data_age",
    device_class=SensorDeviceClass.DURATION,
    entity_category=EntityCategory.DIAGNOSTIC,
    native_unit_of_measurement=UnitOfTime.SECONDS,
    suggested_display_precision=0,
)

NUT_CLIENTS: Final = SensorEntityDescription(
    key="nut_clients",
    translation_key="nut_clients",
    entity_category=EntityCategory.DIAGNOSTIC,
    entity_registry_enabled_default=False,
    state_class=SensorStateClass.MEASUREMENT,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of a UPS."""

    def make(description: OmronSensorDescription) -> OmronSensor | OmronEnergySensor:
        kind = OmronEnergySensor if description is ENERGY else OmronSensor
        return kind(entry=entry, description=description)

    async_add_when_known(
        entry,
        async_add_entities,
        (*SENSORS, ENERGY),
        has_fn=lambda description, state: description.value_fn(state) is not None,
        make_fn=make,
    )
    async_add_entities(OmronRecordSensor(entry=entry, description=item) for item in RECORDS)
    async_add_entities(
        [
            OmronDataAgeSensor(entry=entry, description=DATA_AGE),
            OmronNutClientsSensor(entry=entry, description=NUT_CLIENTS),
            *(PlanSensor(entry=entry, description=item) for item in PLAN_SENSORS),
        ]
    )


class OmronSensor(OmronEntity, SensorEntity):
    """A reading of the UPS."""

    entity_description: OmronSensorDescription

    _written_at = float("-inf")
    _written_state: UpsState | None = None

    @property
    @override
    def native_value(self) -> Value:
        return self.entity_description.value_fn(self.coordinator.data)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self._is_due():
            super()._handle_coordinator_update()

    def _is_due(self) -> bool:
        """Tell whether the new state is worth a write."""
        old, new = self._written_state, self.coordinator.data
        read_at = new.read_at or self._written_at
        quiet = (
            self.state_class is not None
            and old is not None
            and not new.on_battery
            and old.on_battery == new.on_battery
            and old.stale == new.stale
            and read_at - self._written_at < MEASUREMENT_INTERVAL_S
        )
        if not quiet:
            self._written_state, self._written_at = new, read_at
        return not quiet


class OmronRecordSensor(OmronStandingEntity, SensorEntity):
    """What Home Assistant remembers of the UPS."""

    entity_description: OmronRecordDescription

    @property
    @override
    def native_value(self) -> Value:
        return self.entity_description.value_fn(self.coordinator.config_entry.runtime_data)


class OmronEnergySensor(OmronEntity, RestoreSensor):
    """The energy that the attached machines have used, integrated from the power."""

    entity_description: OmronSensorDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Go on from what the last run had counted."""
        await super().async_added_to_hass()
        last = await self.async_get_last_sensor_data()
        counted = None if last is None else last.native_value
        self._meter = EnergyMeter(kwh=float(counted) if isinstance(counted, int | float) else 0.0)
        self._meter.add(self.coordinator.data)
        self._attr_native_value = self._meter.rounded_kwh

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._meter.add(self.coordinator.data)
        self._attr_native_value = self._meter.rounded_kwh
        super()._handle_coordinator_update()


class OmronDataAgeSensor(OmronStandingEntity, SensorEntity):
    """How old the readings are: 0 while they are fresh, in steps while they are not."""

    @override
    async def async_added_to_hass(self) -> None:
        """Grow also while nothing is heard of the UPS."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_track_time_interval(self.hass, self._async_grow, DATA_AGE_INTERVAL)
        )

    @callback
    def _async_grow(self, _now: datetime) -> None:
        self.async_write_ha_state()

    @property
    @override
    def native_value(self) -> int | None:
        if not self.coordinator.data.stale:
            return 0
        age = self.coordinator.ups.age
        return None if age is None else _coarse(age)


class OmronNutClientsSensor(OmronStandingEntity, SensorEntity):
    """How many NUT clients are logged in."""

    _unrecorded_attributes = frozenset({"clients"})

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the log-ins, not the readings."""
        await super().async_added_to_hass()
        nut = self.coordinator.config_entry.runtime_data.nut
        self.async_on_remove(nut.subscribe(self.async_write_ha_state))

    @property
    @override
    def native_value(self) -> int:
        return len(self.coordinator.config_entry.runtime_data.nut.clients)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        clients = self.coordinator.config_entry.runtime_data.nut.clients
        return {
            "clients": [
                {
                    "address": str(client.address),
                    "ups_name": client.name,
                    "username": client.username,
                    "since": client.since.isoformat(),
                }
                for client in clients
            ]
        }


def _coarse(age_s: float) -> int:
    """Return the age in steps that grow with it, so that a long silence fills no database."""
    step = next((step for limit, step in _AGE_STEPS if age_s < limit), _LONGEST_STEP_S)
    return int(age_s // step * step)


_AGE_STEPS: Final = ((10, 1), (60, 10), (600, 60))
_LONGEST_STEP_S: Final = 600
