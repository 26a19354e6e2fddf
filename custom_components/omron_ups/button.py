"""Buttons: the instant commands that a person wants at hand."""

from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .controls import async_send_command
from .coordinator import OmronConfigEntry
from .entity import OmronEntity, async_add_when_known
from .plan_controls import PLAN_BUTTONS, TARGET_BUTTONS, PlanButton, TargetButton
from .plan_entity import async_add_for_targets

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class OmronButtonDescription(ButtonEntityDescription):
    """A button that lets the UPS carry out an instant command."""

    command: str
    """Its NUT name."""


BUTTONS: Final[tuple[OmronButtonDescription, ...]] = (
    OmronButtonDescription(
        key="battery_test",
        translation_key="battery_test",
        entity_category=EntityCategory.CONFIG,
        command="test.battery.start.quick",
    ),
    OmronButtonDescription(
        key="beeper_off",
        translation_key="beeper_off",
        entity_category=EntityCategory.CONFIG,
        command="beeper.disable",
    ),
    OmronButtonDescription(
        key="shutdown_return",
        translation_key="shutdown_return",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        command="shutdown.return",
    ),
    OmronButtonDescription(
        key="shutdown_stayoff",
        translation_key="shutdown_stayoff",
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
        command="shutdown.stayoff",
    ),
    # Not dangerous: whoever started the countdown, this is the way to end it.
    OmronButtonDescription(
        key="shutdown_stop",
        translation_key="shutdown_stop",
        entity_category=EntityCategory.CONFIG,
        command="shutdown.stop",
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up a button for each command that the unit offers."""
    ups = entry.runtime_data.ups
    async_add_when_known(
        entry,
        async_add_entities,
        BUTTONS,
        has_fn=lambda description, _: description.command in ups.commands,
        make_fn=lambda description: OmronButton(entry=entry, description=description),
    )
    async_add_entities(
        PlanButton(entry=entry, description=description) for description in PLAN_BUTTONS
    )
    async_add_for_targets(
        entry,
        async_add_entities,
        lambda spec: (
            TargetButton(entry=entry, description=description, spec=spec)
            for description in TARGET_BUTTONS
        ),
    )


class OmronButton(OmronEntity, ButtonEntity):
    """An instant command of the UPS."""

    entity_description: OmronButtonDescription

    @override
    async def async_press(self) -> None:
        await async_send_command(self.coordinator.ups, self.entity_description.command)
