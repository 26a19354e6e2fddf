"""Events that are told again while their cause lasts, and the options for how often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import NumberSelector, NumberSelectorConfig, NumberSelectorMode
import probatio

from .const import CONF_COMMUNICATION_LOST_EVERY, CONF_REPLACE_BATTERY_EVERY, SECTION_REMINDERS
from .driver import PowerEvent, UpsState


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """An event that is repeated as long as its cause lasts, and how often the user wants it."""

    event: PowerEvent
    lasts: Callable[[UpsState], bool | None]
    option: str
    default: int
    """In units of the form, as the option."""
    most: int
    unit: timedelta
    unit_name: UnitOfTime


# The defaults are those of upsmon: NOCOMMWARNTIME and RBWARNTIME.
REMINDERS: Final[tuple[Reminder, ...]] = (
    Reminder(
        event=PowerEvent.COMMUNICATION_LOST,
        lasts=lambda s: s.stale,
        option=CONF_COMMUNICATION_LOST_EVERY,
        default=5,
        most=24 * 60,
        unit=timedelta(minutes=1),
        unit_name=UnitOfTime.MINUTES,
    ),
    Reminder(
        event=PowerEvent.REPLACE_BATTERY,
        lasts=lambda s: s.replace_battery,
        option=CONF_REPLACE_BATTERY_EVERY,
        default=12,
        most=28 * 24,
        unit=timedelta(hours=1),
        unit_name=UnitOfTime.HOURS,
    ),
)


def reminder_intervals(battery: Mapping[str, Any]) -> dict[PowerEvent, timedelta]:
    """Return how often each event is repeated, without those that the user wants only once.

    Args:
        battery: What is stored of the options step `battery`.

    """
    chosen = _chosen(battery)
    return {
        reminder.event: chosen[reminder.option] * reminder.unit
        for reminder in REMINDERS
        if reminder.option in chosen
    }


def reminders_schema(battery: Mapping[str, Any]) -> probatio.Schema:
    """Return the form, begun with what is stored; an emptied field ends the repetition."""
    chosen = _chosen(battery)
    return probatio.Schema(
        {
            probatio.Optional(
                reminder.option, description=_suggestion(chosen.get(reminder.option))
            ): probatio.All(_selector(reminder), probatio.Coerce(int))
            for reminder in REMINDERS
        }
    )


def _chosen(battery: Mapping[str, Any]) -> Mapping[str, int]:
    defaults = {reminder.option: reminder.default for reminder in REMINDERS}
    chosen: Mapping[str, int] = battery.get(SECTION_REMINDERS, defaults)
    return chosen


def _suggestion(value: int | None) -> dict[str, int] | None:
    return None if value is None else {"suggested_value": value}


def _selector(reminder: Reminder) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=1,
            max=reminder.most,
            step=1,
            mode=NumberSelectorMode.BOX,
            unit_of_measurement=reminder.unit_name,
        )
    )
