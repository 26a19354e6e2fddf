"""The options step `shutdown_plan`: when the plan begins, when it ends, which host is our own."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import UnitOfTime
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from .const import (
    CONF_ACTS_AT_LOW_BATTERY,
    CONF_CHARGE_BELOW,
    CONF_DATA_LOST,
    CONF_GATEWAY,
    CONF_HOME_ASSISTANT_HOST,
    CONF_MAINS_ENTITY,
    CONF_MAINS_STABLE,
    CONF_MAINTENANCE_HOURS,
    CONF_MARGIN_BELOW,
    CONF_MIN_CHARGE,
    CONF_RESTORES,
    CONF_RUNTIME_BELOW,
    CONF_TIME_ON_BATTERY,
    DEFAULT_MAINTENANCE,
    SECTION_RESTORE,
    SECTION_TRIGGERS,
)
from .plan_options import target_subentries
from .shutdown.specs import NOT_IN_PLAN, Restore, Triggers

_TRIGGERS: Final = Triggers()
_RESTORE: Final = Restore()
_DAY_S: Final = 86_400

_MAINS_DOMAINS: Final = ["binary_sensor", "switch", "input_boolean"]


def plan_schema(entry: ConfigEntry) -> probatio.Schema:
    """Return the form; it is filled by `add_suggested_values_to_schema`."""
    return probatio.Schema(
        {
            probatio.Optional(CONF_HOME_ASSISTANT_HOST): _own_host(entry),
            probatio.Required(SECTION_TRIGGERS): section(_triggers(), {"collapsed": False}),
            probatio.Required(SECTION_RESTORE): section(_restore(), {"collapsed": True}),
            probatio.Required(CONF_ACTS_AT_LOW_BATTERY, default=True): BooleanSelector(),
            probatio.Required(CONF_MAINTENANCE_HOURS, default=DEFAULT_MAINTENANCE): NumberSelector(
                NumberSelectorConfig(
                    min=1,
                    max=24,
                    mode=NumberSelectorMode.BOX,
                    unit_of_measurement=UnitOfTime.HOURS,
                )
            ),
            probatio.Optional(CONF_GATEWAY): TextSelector(),
            probatio.Optional(CONF_MAINS_ENTITY): EntitySelector(
                EntitySelectorConfig(domain=_MAINS_DOMAINS)
            ),
        }
    )


def suggested_plan(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form begins with: what is stored, else what most people want.

    The triggers are suggestions, not defaults, because an emptied field switches one off.
    """
    if SECTION_TRIGGERS in stored:
        return dict(stored)
    triggers = {
        CONF_TIME_ON_BATTERY: _TRIGGERS.time_on_battery_s,
        CONF_MARGIN_BELOW: _TRIGGERS.margin_below_s,
        CONF_DATA_LOST: _TRIGGERS.data_lost_s,
    }
    return {**stored, SECTION_TRIGGERS: triggers}


def _own_host(entry: ConfigEntry) -> SelectSelector:
    targets = [
        SelectOptionDict(value=item.subentry_id, label=item.title)
        for item in target_subentries(entry)
    ]
    return SelectSelector(
        SelectSelectorConfig(
            options=[*targets, SelectOptionDict(value=NOT_IN_PLAN, label=NOT_IN_PLAN)],
            translation_key=CONF_HOME_ASSISTANT_HOST,
            mode=SelectSelectorMode.LIST,
        )
    )


def _triggers() -> probatio.Schema:
    return probatio.Schema(
        {
            probatio.Optional(CONF_TIME_ON_BATTERY): _seconds(1),
            probatio.Optional(CONF_RUNTIME_BELOW): _seconds(1),
            probatio.Optional(CONF_CHARGE_BELOW): _per_cent(),
            probatio.Optional(CONF_MARGIN_BELOW): _seconds(0),
            probatio.Optional(CONF_DATA_LOST): _seconds(15),
        }
    )


def _restore() -> probatio.Schema:
    return probatio.Schema(
        {
            probatio.Required(CONF_RESTORES, default=_RESTORE.is_enabled): BooleanSelector(),
            probatio.Required(CONF_MAINS_STABLE, default=_RESTORE.mains_stable_s): _seconds(5),
            probatio.Optional(CONF_MIN_CHARGE): _per_cent(),
        }
    )


def _seconds(minimum: float) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=minimum,
            max=_DAY_S,
            mode=NumberSelectorMode.BOX,
            unit_of_measurement=UnitOfTime.SECONDS,
        )
    )


def _per_cent() -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(min=1, max=100, mode=NumberSelectorMode.BOX, unit_of_measurement="%")
    )
