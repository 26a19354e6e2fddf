"""How often events are told again."""

from datetime import timedelta

import probatio
import pytest

from custom_components.omron_ups.const import (
    CONF_COMMUNICATION_LOST_EVERY,
    CONF_REPLACE_BATTERY_EVERY,
    SECTION_REMINDERS,
)
from custom_components.omron_ups.driver import PowerEvent
from custom_components.omron_ups.reminders import reminder_intervals, reminders_schema


def test_as_upsmon_does_until_the_user_says_otherwise() -> None:
    assert reminder_intervals({}) == {
        PowerEvent.COMMUNICATION_LOST: timedelta(minutes=5),
        PowerEvent.REPLACE_BATTERY: timedelta(hours=12),
    }


def test_an_emptied_field_ends_the_repetition() -> None:
    stored = {SECTION_REMINDERS: {CONF_REPLACE_BATTERY_EVERY: 24}}
    assert reminder_intervals(stored) == {PowerEvent.REPLACE_BATTERY: timedelta(days=1)}
    assert reminder_intervals({SECTION_REMINDERS: {}}) == {}


def test_the_form_begins_with_what_holds() -> None:
    def suggested(stored: dict[str, dict[str, int]]) -> dict[str, dict[str, int] | None]:
        return {str(marker): marker.description for marker in reminders_schema(stored).schema}

    assert suggested({}) == {
        CONF_COMMUNICATION_LOST_EVERY: {"suggested_value": 5},
        CONF_REPLACE_BATTERY_EVERY: {"suggested_value": 12},
    }
    assert suggested({SECTION_REMINDERS: {CONF_REPLACE_BATTERY_EVERY: 24}}) == {
        CONF_COMMUNICATION_LOST_EVERY: None,
        CONF_REPLACE_BATTERY_EVERY: {"suggested_value": 24},
    }


@pytest.mark.parametrize(
    ("option", "value", "is_possible"),
    [
        (CONF_COMMUNICATION_LOST_EVERY, 0, False),
        (CONF_COMMUNICATION_LOST_EVERY, 1.0, True),
        (CONF_COMMUNICATION_LOST_EVERY, 1440, True),
        (CONF_COMMUNICATION_LOST_EVERY, 1441, False),
        (CONF_REPLACE_BATTERY_EVERY, 0, False),
        (CONF_REPLACE_BATTERY_EVERY, 672, True),
        (CONF_REPLACE_BATTERY_EVERY, 673, False),
    ],
)
def test_range(option: str, value: float, is_possible: bool) -> None:
    schema = reminders_schema({})
    if is_possible:
        assert isinstance(schema({option: value})[option], int)
        return
    with pytest.raises(probatio.Invalid):
        schema({option: value})
