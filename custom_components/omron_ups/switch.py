"""Switches: the settings of the UPS that are on or off, and the plug of the simulated one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .controls import async_send_command, async_set_variable
from .coordinator import OmronConfigEntry
from .driver import SimulatedUps, UpsSource, UpsState
from .entity import OmronEntity, OmronStandingEntity, async_add_when_known
from .plan_controls import PLAN_SWITCHES, PlanSwitch

PARALLEL_UPDATES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedByCommands:
    """Two instant commands, by their NUT names."""

    on: str
    off: str

    def is_offered_by(self, ups: UpsSource) -> bool:
        """Tell whether the unit knows both."""
        return {self.on, self.off} <= ups.commands.keys()

    async def async_turn(self, ups: UpsSource, *, on: bool) -> None:
        """Let the unit carry out one of them."""
        await async_send_command(ups, self.on if on else self.off)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedByVariable:
    """A variable that is ``yes`` or ``no``, by its NUT name."""

    name: str

    def is_offered_by(self, ups: UpsSource) -> bool:
        """Tell whether the unit lets it be written."""
        return self.name in ups.writable

    async def async_turn(self, ups: UpsSource, *, on: bool) -> None:
        """Write it."""
        await async_set_variable(ups, self.name, "yes" if on else "no")


@dataclass(frozen=True, kw_only=True)
class OmronSwitchDescription(SwitchEntityDescription):
    """A setting whose value stands in the state of the UPS."""

    value_fn: Callable[[UpsState], bool | None]
    switched_by: SwitchedByCommands | SwitchedByVariable


SWITCHES: Final[tuple[OmronSwitchDescription, ...]] = (
    OmronSwitchDescription(
        key="beeper",
        translation_key="beeper",
        entity_category=EntityCategory.CONFIG,
        value_fn=lambda s: s.beeper_enabled,
        switched_by=SwitchedByCommands(on="beeper.enable", off="beeper.disable"),
    ),
    OmronSwitchDescription(
        key="auto_restart",
        translation_key="auto_restart",
        entity_category=EntityCategory.CONFIG,
        value_fn=lambda s: s.auto_restart,
        switched_by=SwitchedByVariable(name="ups.start.auto"),
    ),
    OmronSwitchDescription(
        key="cold_start",
        translation_key="cold_start",
        entity_category=EntityCategory.CONFIG,
        value_fn=lambda s: s.cold_start,
        switched_by=SwitchedByVariable(name="ups.start.battery"),
    ),
)

SIM_MAINS: Final = SwitchEntityDescription(
    key="sim_mains", translation_key="sim_mains", entity_category=EntityCategory.CONFIG
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: OmronConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up a switch for each setting that the unit offers, and the plug of a simulated UPS."""
    ups = entry.runtime_data.ups
    async_add_when_known(
        entry,
        async_add_entities,
        SWITCHES,
        has_fn=lambda description, _: description.switched_by.is_offered_by(ups),
        make_fn=lambda description: OmronSwitch(entry=entry, description=description),
    )
    async_add_entities(
        PlanSwitch(entry=entry, description=description) for description in PLAN_SWITCHES
    )
    if (simulated := entry.runtime_data.simulated) is not None:
        async_add_entities([OmronSimulatedMains(entry=entry, simulated=simulated)])


class OmronSwitch(OmronEntity, SwitchEntity):
    """A setting of the UPS that is on or off."""

    entity_description: OmronSwitchDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.coordinator.data)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.entity_description.switched_by.async_turn(self.coordinator.ups, on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.entity_description.switched_by.async_turn(self.coordinator.ups, on=False)


class OmronSimulatedMains(OmronStandingEntity, SwitchEntity):
    """Whether the simulated UPS is plugged in."""

    def __init__(self, *, entry: OmronConfigEntry, simulated: SimulatedUps) -> None:
        """Control `simulated`."""
        super().__init__(entry=entry, description=SIM_MAINS)
        self._simulated = simulated

    @property
    @override
    def is_on(self) -> bool:
        return self._simulated.mains

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self._simulated.restore_mains()
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self._simulated.cut_mains()
        self.async_write_ha_state()
