"""Which questions about the battery mean something."""

from typing import Any

from homeassistant.core import HomeAssistant
import probatio
import pytest

from custom_components.omron_ups.battery_form import (
    battery_options,
    battery_placeholders,
    battery_schema,
    connection_options,
)
from custom_components.omron_ups.const import (
    CONF_BATTERY,
    CONF_BATTERY_PACKS,
    CONF_OFFERS_UNPROVEN,
    SECTION_REMINDERS,
)
from tests.ha.common import remote_entry, serial_entry

ONCE: dict[str, Any] = {SECTION_REMINDERS: {}}


async def test_of_a_ups_that_is_not_there_only_what_is_set(hass: HomeAssistant) -> None:
    entry = serial_entry("/dev/ttyGONE", "1")
    entry.add_to_hass(hass)
    assert battery_options(entry) == {}
    assert battery_schema(entry)(ONCE) == {CONF_OFFERS_UNPROVEN: False, **ONCE}
    options = {CONF_BATTERY: {CONF_BATTERY_PACKS: 2}}
    hass.config_entries.async_update_entry(entry, options=options)
    assert battery_schema(entry)(ONCE) == {
        CONF_OFFERS_UNPROVEN: False,
        CONF_BATTERY_PACKS: 2,
        **ONCE,
    }
    assert battery_placeholders(entry) == {"suggested": "1"}


async def test_another_server_decides_about_its_commands(hass: HomeAssistant) -> None:
    entry = remote_entry(1)
    entry.add_to_hass(hass)
    assert battery_schema(entry)(ONCE) == ONCE


async def test_how_often_is_told_is_no_matter_of_the_connection(hass: HomeAssistant) -> None:
    entry = serial_entry("/dev/ttyGONE", "1")
    entry.add_to_hass(hass)
    unopened = connection_options(entry)
    submitted = {CONF_OFFERS_UNPROVEN: False, CONF_BATTERY_PACKS: 1, **ONCE}
    hass.config_entries.async_update_entry(entry, options={CONF_BATTERY: submitted})
    assert connection_options(entry) == unopened
    options = {CONF_BATTERY: {CONF_BATTERY_PACKS: 2}}
    hass.config_entries.async_update_entry(entry, options=options)
    assert connection_options(entry) == {**unopened, CONF_BATTERY_PACKS: 2}


@pytest.mark.parametrize(
    ("packs", "is_possible"), [(0, False), (1.0, True), (24, True), (25, False)]
)
async def test_packs(hass: HomeAssistant, packs: float, is_possible: bool) -> None:
    entry = serial_entry("/dev/ttyGONE", "1")
    entry.add_to_hass(hass)
    options = {CONF_BATTERY: {CONF_BATTERY_PACKS: 1}}
    hass.config_entries.async_update_entry(entry, options=options)
    schema = battery_schema(entry)
    if is_possible:
        assert isinstance(schema({CONF_BATTERY_PACKS: packs, **ONCE})[CONF_BATTERY_PACKS], int)
        return
    with pytest.raises(probatio.Invalid):
        schema({CONF_BATTERY_PACKS: packs, **ONCE})
