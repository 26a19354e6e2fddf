"""What a person can press and switch of the shutdown plan and its targets."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.util import dt as dt_util

from .plan_actions import plan_errors
from .plan_entity import PlanEntity, TargetEntity
from .plan_service import PlanService


@dataclass(frozen=True, kw_only=True)
class PlanButtonDescription(ButtonEntityDescription):
    """A button that lets the plan do something."""

    press_fn: Callable[[PlanService], Coroutine[Any, Any, object]]


PLAN_BUTTONS: Final[tuple[PlanButtonDescription, ...]] = (
    PlanButtonDescription(
        key="start_plan",
        translation_key="start_plan",
        entity_registry_enabled_default=False,
        press_fn=lambda plan: plan.runner.start_shutdown(),
    ),
    PlanButtonDescription(
        key="cancel_plan",
        translation_key="cancel_plan",
        press_fn=lambda plan: plan.runner.cancel(),
    ),
    PlanButtonDescription(
        key="rehearse_plan",
        translation_key="rehearse_plan",
        entity_category=EntityCategory.DIAGNOSTIC,
        press_fn=lambda plan: plan.runner.rehearse(),
    ),
    PlanButtonDescription(
        key="check_targets",
        translation_key="check_targets",
        entity_category=EntityCategory.DIAGNOSTIC,
        press_fn=lambda plan: plan.async_check(),
    ),
)


class PlanButton(PlanEntity, ButtonEntity):
    """A button of the plan."""

    entity_description: PlanButtonDescription

    @override
    async def async_press(self) -> None:
        with plan_errors():
            await self.entity_description.press_fn(self.plan)


@dataclass(frozen=True, kw_only=True)
class TargetButtonDescription(ButtonEntityDescription):
    """A button that lets one target stop or start."""

    press_fn: Callable[[PlanService, str], Coroutine[Any, Any, object]]


TARGET_BUTTONS: Final[tuple[TargetButtonDescription, ...]] = (
    TargetButtonDescription(
        key="stop",
        translation_key="stop",
        entity_registry_enabled_default=False,
        press_fn=lambda plan, target_id: plan.runner.stop_target(target_id),
    ),
    TargetButtonDescription(
        key="wake",
        translation_key="wake",
        entity_registry_enabled_default=False,
        press_fn=lambda plan, target_id: plan.runner.wake_target(target_id),
    ),
)


class TargetButton(TargetEntity, ButtonEntity):
    """A button of one target."""

    entity_description: TargetButtonDescription

    @override
    async def async_press(self) -> None:
        with plan_errors():
            await self.entity_description.press_fn(self.plan, self.target_id)


@dataclass(frozen=True, kw_only=True)
class TargetBinarySensorDescription(BinarySensorEntityDescription):
    """What is known of one target, yes or no."""

    value_fn: Callable[[PlanService, str], bool | None]


TARGET_BINARY_SENSORS: Final[tuple[TargetBinarySensorDescription, ...]] = (
    TargetBinarySensorDescription(
        key="reachable",
        translation_key="reachable",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        value_fn=lambda plan, target_id: plan.watch.is_reachable(target_id),
    ),
    TargetBinarySensorDescription(
        key="ready",
        translation_key="ready",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda plan, target_id: plan.is_ready(target_id),
    ),
)


class TargetBinarySensor(TargetEntity, BinarySensorEntity):
    """Whether a target can be reached, and whether it could be stopped."""

    entity_description: TargetBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.plan, self.target_id)


@dataclass(frozen=True, kw_only=True)
class PlanSwitchDescription(SwitchEntityDescription):
    """A switch of the plan."""

    is_on_fn: Callable[[PlanService], bool]
    turn_fn: Callable[[PlanService, bool], Coroutine[Any, Any, None]]


def _maintain(plan: PlanService, is_on: bool) -> Coroutine[Any, Any, None]:  # noqa: FBT001
    until = dt_util.utcnow() + plan.maintenance_lasts if is_on else None
    return plan.async_set_maintenance(until)


PLAN_SWITCHES: Final[tuple[PlanSwitchDescription, ...]] = (
    PlanSwitchDescription(
        key="plan_armed",
        translation_key="plan_armed",
        is_on_fn=lambda plan: plan.runner.is_armed,
        turn_fn=lambda plan, is_on: plan.async_set_armed(armed=is_on),
    ),
    PlanSwitchDescription(
        key="maintenance",
        translation_key="maintenance",
        is_on_fn=lambda plan: plan.runner.is_in_maintenance,
        turn_fn=_maintain,
    ),
)


class PlanSwitch(PlanEntity, SwitchEntity):
    """Whether outages stop hosts."""

    entity_description: PlanSwitchDescription

    @property
    @override
    def is_on(self) -> bool:
        return self.entity_description.is_on_fn(self.plan)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        with plan_errors():
            await self.entity_description.turn_fn(self.plan, True)  # noqa: FBT003

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        with plan_errors():
            await self.entity_description.turn_fn(self.plan, False)  # noqa: FBT003
