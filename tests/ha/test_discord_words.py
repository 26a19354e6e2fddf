"""The words for Discord are complete."""

from custom_components.omron_ups.discord_words import EVENTS, NOTES, REASONS, STEPS, TARGET_STATES
from custom_components.omron_ups.driver import PowerEvent
from custom_components.omron_ups.shutdown.events import PlanEventType
from custom_components.omron_ups.shutdown.models import PlanResult, Reason, TargetState
from custom_components.omron_ups.shutdown.records import WORDS


def test_no_event_is_forgotten() -> None:
    plan = {item.value for item in PlanEventType if item.value.startswith("plan_")}
    assert set(EVENTS) == {item.value for item in PowerEvent} | plan
    others = {item.value for item in PlanEventType} - plan
    assert set(NOTES) == others - {PlanEventType.STATE.value}


# Of these a plan tells nothing, or something else: the reason, the state, the result.
UNTOLD = {"began", "owed", "seen", "step_ended", "settled", "checkpoint", "ended", "on_battery"}


def test_no_word_of_a_plan_is_forgotten() -> None:
    results = {item.value for item in PlanResult}
    assert set(STEPS) == (set(WORDS) - UNTOLD) | results | {"journal_error"}
    assert set(REASONS) == {item.value for item in Reason}
    assert set(TARGET_STATES) == {item.value for item in TargetState}
