"""Which questions about the battery mean something."""

from homeassistant.core import HomeAssistant
import probatio
import pytest

from custom_components.omron_ups.battery_form import (
    battery_options,
    battery_placeholders,
    battery_schema,
)
from custom_components.omron_ups.const import CONF_BATTERY, CONF_BATTERY_PACKS, CONF_OFFERS_UNPROVEN
from tests.ha.common import remote_entry, serial_entry


async def test_of_a_ups_that_is_not_there_only_what_is_set(hass: HomeAssistant) -> None:
    entry = serial_entry("/dev/ttyGONE", "1")
    entry.add_to_hass(hass)
    assert battery_options(entry) == {}
    assert battery_schema(entry)({}) == {CONF_OFFERS_UNPROVEN: False}
    options = {CONF_BATTERY: {CONF_BATTERY_PACKS: 2}}
    hass.config_entries.async_update_entry(entry, options=options)
    assert battery_schema(entry)({}) == {CONF_OFFERS_UNPROVEN: False, CONF_BATTERY_PACKS: 2}
    assert battery_placeholders(entry) == {"suggested": "1"}


async def test_another_server_decides_about_its_commands(hass: HomeAssistant) -> None:
    entry = remote_entry(1)
    entry.add_to_hass(hass)
    assert battery_schema(entry).schema == {}


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
        assert isinstance(schema({CONF_BATTERY_PACKS: packs})[CONF_BATTERY_PACKS], int)
        return
    with pytest.raises(probatio.Invalid):
        schema({CONF_BATTERY_PACKS: packs})
