"""The page about the shutdown plan names all that the code does, and all that upsmon does."""

from collections.abc import Iterable
import re

import pytest

from custom_components.omron_ups.driver.events import PowerEvent
from custom_components.omron_ups.shutdown.actors import ActorKind
from custom_components.omron_ups.shutdown.durations import EstimateSource
from custom_components.omron_ups.shutdown.events import PlanEventType
from custom_components.omron_ups.shutdown.models import PlanState, Power, Reason
from custom_components.omron_ups.shutdown.power import PowerNow
from custom_components.omron_ups.shutdown.preflight import CHECKS, REFUSES_ARMING, PlanKey
from custom_components.omron_ups.shutdown.preview import Problem, make_timeline
from custom_components.omron_ups.shutdown.specs import Plan, TargetSpec, Triggers
from tests.shutdown.by_hand import SetDurations

from .source import CHECKOUT

PAGE = (CHECKOUT / "docs/shutdown-plan.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+) \|(.*)\|$", PAGE, re.MULTILINE)
FIRST_CELLS = [first for first, _ in ROWS]

# NUT 2.8.6-dev, upsmon.conf(5).
NOTIFY_TYPES = [
    "ONLINE",
    "ONBATT",
    "LOWBATT",
    "FSD",
    "COMMOK",
    "COMMBAD",
    "SHUTDOWN",
    "SHUTDOWN_HOSTSYNC",
    "REPLBATT",
    "NOCOMM",
    "NOPARENT",
    "CAL",
    "NOTCAL",
    "OFF",
    "NOTOFF",
    "BYPASS",
    "NOTBYPASS",
    "ECO",
    "NOTECO",
    "ALARM",
    "NOTALARM",
    "OVER",
    "NOTOVER",
    "TRIM",
    "NOTTRIM",
    "BOOST",
    "NOTBOOST",
    "OTHER",
    "NOTOTHER",
    "SUSPEND_STARTING",
    "SUSPEND_FINISHED",
    "SUSPEND_TIMEJUMP_UNEXPECTED",
]
DIRECTIVES = [
    "MONITOR",
    "MINSUPPLIES",
    "POLLFREQ",
    "POLLFREQALERT",
    "DEADTIME",
    "HOSTSYNC",
    "FINALDELAY",
    "RBWARNTIME",
    "NOCOMMWARNTIME",
    "OFFDURATION",
    "OBLBDURATION",
    "OVERDURATION",
    "ALARMCRITICAL",
    "POWERDOWNFLAG",
    "SHUTDOWNCMD",
    "SHUTDOWNEXIT",
    "NOTIFYCMD",
    "NOTIFYFLAG",
    "NOTIFYMSG",
    "POLLFAIL_LOG_THROTTLE_MAX",
]


@pytest.mark.parametrize("name", NOTIFY_TYPES)
def test_each_notification_has_one_row_that_says_something(name: str) -> None:
    (answer,) = [rest for first, rest in ROWS if first == name]
    assert answer.strip()


def test_all_notifications_are_counted() -> None:
    assert f"All {len(NOTIFY_TYPES)} types" in PAGE


@pytest.mark.parametrize("name", DIRECTIVES)
def test_each_directive_of_upsmon_has_a_row(name: str) -> None:
    assert any(f"`{name}`" in first for first in FIRST_CELLS)


@pytest.mark.parametrize("step", range(1, 9))
def test_each_step_of_the_critical_rule_has_a_row(step: int) -> None:
    assert FIRST_CELLS.count(str(step)) == 1


ROW_WORDS: Iterable[str] = (*PlanState, *Reason, *PlanKey, *Problem)


@pytest.mark.parametrize("word", ROW_WORDS)
def test_each_word_of_the_plan_has_a_row(word: str) -> None:
    assert f"`{word}`" in FIRST_CELLS


def test_each_event_is_named() -> None:
    plan_events = [event for event in PlanEventType if event.startswith("plan_")]
    for event in (*PowerEvent, *plan_events, *ActorKind, *EstimateSource):
        assert f"`{event}`" in PAGE, event


def test_the_fields_of_the_preview_are_those_of_the_code() -> None:
    target = TargetSpec(target_id="a", name="a", kind="ssh", stage=1, time_limit_s=1.0)
    now = PowerNow(power=Power.MAINS)
    answer = make_timeline(Plan(targets=(target,)), SetDurations(), now, states={}).as_json()
    for field in (*answer, *answer["targets"][0]):
        assert f"`{field}`" in PAGE, field


def test_the_page_says_which_findings_refuse_arming() -> None:
    refused = {first.strip("`") for first, rest in ROWS if rest.rstrip().endswith("| refused")}
    assert refused == REFUSES_ARMING
    assert {check.key for check in CHECKS} == set(PlanKey)


def test_the_page_says_the_defaults() -> None:
    defaults = {
        "time_on_battery": f"{Triggers().time_on_battery_s:.0f} s",
        "data_lost": f"{Triggers().data_lost_s:.0f} s",
        "margin": f"{Triggers().margin_below_s:.0f} s",
    }
    for reason, default in defaults.items():
        (row,) = [rest for first, rest in ROWS if first == f"`{reason}`"]
        assert f"| {default} |" in row
