"""What all entities share: which there are, and when they have nothing to say."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date
from unittest.mock import patch

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.omron_ups.const import DOMAIN
from tests.ha.common import MockConfigEntry, eventually, set_up, simulated_entry, snapshot_platform


@pytest.mark.parametrize(
    "platform",
    [
        Platform.BINARY_SENSOR,
        Platform.BUTTON,
        Platform.EVENT,
        Platform.NUMBER,
        Platform.SELECT,
        Platform.SENSOR,
        Platform.SWITCH,
    ],
)
@pytest.mark.usefixtures("all_entities_enabled")
async def test_platform(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    platform: Platform,
) -> None:
    with patch("custom_components.omron_ups.PLATFORMS", [platform]):
        await set_up(hass, entry)
        await eventually(lambda: entry.runtime_data.ups.state.replace_battery is not None)
        await hass.async_block_till_done()
        await snapshot_platform(hass, entity_registry, snapshot, entry.entry_id)
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def plain_q1(hass: HomeAssistant, free_port: int) -> AsyncGenerator[MockConfigEntry]:
    """Return the entry of a unit that understands nothing but Q1."""
    entry = simulated_entry(free_port, model="bn75t-serial")
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_unit_has_only_the_entities_that_it_can_answer_for(
    plain_q1: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    entities = er.async_entries_for_config_entry(entity_registry, plain_q1.entry_id)
    keys = {item.unique_id.removeprefix(f"{plain_q1.entry_id}_") for item in entities}
    assert {"status", "load", "input_voltage", "mains", "connected", "power"} <= keys
    assert not {"battery_temperature", "battery_date", "apparent_power", "energy"} & keys


async def test_an_answer_that_comes_late_brings_its_entity(
    loaded: MockConfigEntry, entity_registry: er.EntityRegistry, hass: HomeAssistant
) -> None:
    unique_id = f"{loaded.entry_id}_battery_date"
    assert entity_registry.async_get_entity_id("sensor", DOMAIN, unique_id) is None
    coordinator = loaded.runtime_data.coordinator
    coordinator.async_handle_state(replace(coordinator.data, battery_date=date(2026, 4, 1)))
    await hass.async_block_till_done()
    assert entity_registry.async_get_entity_id("sensor", DOMAIN, unique_id) is not None
