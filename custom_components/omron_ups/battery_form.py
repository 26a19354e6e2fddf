"""The step `battery` of the options: what depends on the unit, and how often it is told again."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
import probatio

from .const import (
    CONF_BATTERY,
    CONF_BATTERY_PACKS,
    CONF_CONNECTION,
    CONF_OFFERS_UNPROVEN,
    SECTION_REMINDERS,
    ConnectionKind,
)
from .driver import UpsState
from .reminders import reminders_schema

# A 288 V battery, the highest that the vendor driver knows, in blocks of 12 V.
_MOST_PACKS: Final = 24
_UNOPENED: Final = {CONF_OFFERS_UNPROVEN: False, CONF_BATTERY_PACKS: 1}
_PACKS: Final = NumberSelector(
    NumberSelectorConfig(min=1, max=_MOST_PACKS, step=1, mode=NumberSelectorMode.BOX)
)


def battery_options(entry: ConfigEntry) -> Mapping[str, Any]:
    """Return what is stored of the step, empty where it was never opened."""
    options: Mapping[str, Any] = entry.options.get(CONF_BATTERY, {})
    return options


def battery_schema(entry: ConfigEntry) -> probatio.Schema:
    """Return the form; it asks only what means something for the UPS."""
    stored = battery_options(entry)
    fields: dict[probatio.Marker, object] = {}
    # The test of a UPS behind another NUT server is up to that server.
    if entry.data[CONF_CONNECTION] != ConnectionKind.NUT:
        unproven = stored.get(CONF_OFFERS_UNPROVEN, _UNOPENED[CONF_OFFERS_UNPROVEN])
        fields[probatio.Required(CONF_OFFERS_UNPROVEN, default=unproven)] = BooleanSelector()
    state = _state_of(entry)
    if CONF_BATTERY_PACKS in stored or (state is not None and state.battery_voltage is not None):
        packs = stored.get(CONF_BATTERY_PACKS, _UNOPENED[CONF_BATTERY_PACKS])
        fields[probatio.Required(CONF_BATTERY_PACKS, default=packs)] = probatio.All(
            _PACKS, probatio.Coerce(int)
        )
    fields[probatio.Required(SECTION_REMINDERS)] = section(
        reminders_schema(stored), {"collapsed": True}
    )
    return probatio.Schema(fields)


def connection_options(entry: ConfigEntry) -> dict[str, Any]:
    """Return what of the step changes how the UPS is read, the same opened or not."""
    stored = battery_options(entry)
    return {name: stored.get(name, default) for name, default in _UNOPENED.items()}


def battery_placeholders(entry: ConfigEntry) -> dict[str, str]:
    """Return what the texts of the form name."""
    state = _state_of(entry) or UpsState()
    return {"suggested": str(state.battery_packs_suggested or state.battery_packs)}


def _state_of(entry: ConfigEntry) -> UpsState | None:
    if entry.state is not ConfigEntryState.LOADED:
        return None
    state: UpsState = entry.runtime_data.ups.state
    return state
