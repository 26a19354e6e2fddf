"""Sensors of the shutdown plan."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfTime

from .plan_entity import PlanEntity
from .plan_service import PlanService
from .shutdown.models import PlanState


@dataclass(frozen=True, kw_only=True)
class PlanSensorDescription(SensorEntityDescription):
    """A sensor whose value the plan knows."""

    value_fn: Callable[[PlanService], str | float | None]
    attributes_fn: Callable[[PlanService], dict[str, Any]] | None = None


def _target_states(plan: PlanService) -> dict[str, Any]:
    names = {spec.target_id: spec.name for spec in plan.specs}
    states = plan.runner.target_states
    return {
        "armed": plan.runner.is_armed,
        "targets": {names[key]: state.value for key, state in states.items() if key in names},
    }


def _duration(
    key: str, value_fn: Callable[[PlanService], float | None], *, enabled: bool = True
) -> PlanSensorDescription:
    return PlanSensorDescription(
        key=key,
        translation_key=key,
        device_class=SensorDeviceClass.DURATION,
        entity_registry_enabled_default=enabled,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        suggested_unit_of_measurement=UnitOfTime.MINUTES,
        value_fn=value_fn,
    )


def _rounded(seconds: float | None) -> float | None:
    """Return whole tens: a figure that changes every second would fill the recorder."""
    return None if seconds is None else round(seconds, -1)


PLAN_SENSORS: Final[tuple[PlanSensorDescription, ...]] = (
    PlanSensorDescription(
        key="plan_state",
        translation_key="plan_state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in PlanState],
        value_fn=lambda plan: plan.runner.state.value,
        attributes_fn=_target_states,
    ),
    _duration(
        "plan_needs",
        lambda plan: _rounded(plan.runner.needs_s) if plan.specs else None,
        enabled=False,
    ),
    _duration("plan_margin", lambda plan: _rounded(plan.runner.margin_s) if plan.specs else None),
)


class PlanSensor(PlanEntity, SensorEntity):
    """What the plan is at, and whether it fits the battery."""

    entity_description: PlanSensorDescription

    @property
    @override
    def native_value(self) -> str | float | None:
        return self.entity_description.value_fn(self.plan)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None else attributes_fn(self.plan)
