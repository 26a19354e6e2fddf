"""Who would stop when."""

from dataclasses import replace
import json

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.abilities import Abilities
from custom_components.omron_ups.shutdown.actors import other_actors
from custom_components.omron_ups.shutdown.budget import needs
from custom_components.omron_ups.shutdown.durations import EstimateSource
from custom_components.omron_ups.shutdown.models import Power, Reason, TargetState
from custom_components.omron_ups.shutdown.power import PowerNow
from custom_components.omron_ups.shutdown.preview import (
    OPEN_STATES,
    OUTPUT,
    Problem,
    Row,
    Timeline,
    make_timeline,
)
from custom_components.omron_ups.shutdown.specs import (
    HOME_ASSISTANT_STOP_S,
    NOT_IN_PLAN,
    OutputOptions,
    Plan,
    TargetSpec,
    Verify,
    WakeOnLan,
)

from .by_hand import SetDurations, spec

EMPTY = SetDurations()
# 2000 s to low battery.
NOW = PowerNow(power=Power.MAINS, charge=80.0, charge_low=30.0, runtime_s=3200.0)


def host(target_id: str, stage: int, limit: float, *uses: str, **more: object) -> TargetSpec:
    """Return a target that can be proven down."""
    verify = Verify(address=f"192.0.2.{stage}", ports=(22,))
    return spec(target_id, stage, limit, *uses, **{"verify": verify, **more})


PLAN = Plan(
    targets=(
        host("vm", 1, 96.0, "nas"),
        host("k8s", 1, 56.0, "nas"),
        host("pve", 2, 116.0, "nas"),
        host("nas", 3, 176.0, kind="qnap", own_timer_s=900.0),
        host("own", 1, 60.0),
    ),
    home_assistant_host="own",
    output=OutputOptions(),
)


def timeline(plan: Plan = PLAN, now: PowerNow = NOW, **more: object) -> Timeline:
    states = more.pop("states", {})
    return make_timeline(plan, EMPTY, now, states=states, **more)  # type: ignore[arg-type]


def row(line: Timeline, target_id: str) -> Row:
    return next(found for found in line.rows if found.target_id == target_id)


def times(line: Timeline) -> dict[str, tuple[float | None, float]]:
    return {row.target_id or row.kind: (row.starts_in_s, row.takes_s) for row in line.rows}


def test_an_outage_that_begins_now() -> None:
    line = timeline()
    assert (line.starts_in_s, line.trigger) == (300.0, Reason.TIME_ON_BATTERY)
    own_s = HOME_ASSISTANT_STOP_S + 60.0
    assert times(line) == {
        "vm": (300.0, 100.0),
        "k8s": (300.0, 60.0),
        "pve": (400.0, 120.0),
        "nas": (520.0, 180.0),
        "own": (700.0, own_s),
        OUTPUT: (700.0, own_s + 30.0),
    }
    assert line.ends_in_s == 700.0 + own_s
    assert line.needs_s == 400.0 + own_s
    assert line.time_left_s == 2000.0
    assert line.margin_s == 2000.0 - line.needs_s


def test_a_plan_that_runs_begins_now() -> None:
    now = replace(NOW, power=Power.BATTERY, on_battery_s=400.0)
    states = {"vm": TargetState.DOWN, "k8s": TargetState.STOPPING}
    line = timeline(now=now, states=states, is_running=True)
    assert (line.starts_in_s, line.trigger) == (0.0, None)
    assert times(line)["vm"] == (0.0, 0.0)
    assert times(line)["k8s"] == (0.0, 60.0)
    assert times(line)["pve"] == (60.0, 120.0)


def test_at_low_battery_all_stop_at_once() -> None:
    now = replace(NOW, power=Power.BATTERY, low=True, on_battery_s=100.0)
    line = timeline(now=now)
    assert (line.is_short, line.trigger) == (True, Reason.LOW_BATTERY)
    assert {times(line)[name][0] for name in ("vm", "k8s", "pve", "nas")} == {0.0}
    assert times(line)["own"][0] == 180.0, "last all the same"


def test_within_a_stage_users_come_first() -> None:
    plan = Plan(targets=(host("a", 1, 6.0, "b"), host("b", 1, 16.0, "c"), host("c", 1, 26.0)))
    assert times(timeline(plan, is_running=True)) == {
        "a": (0.0, 10.0),
        "b": (10.0, 20.0),
        "c": (30.0, 30.0),
    }


def test_an_estimate_says_where_it_comes_from() -> None:
    store = SetDurations({"vm": [20.0] * 7, "pve": [10.0]})
    line = make_timeline(PLAN, store, NOW, states={})
    assert (row(line, "vm").source, row(line, "vm").stops) == (EstimateSource.LEARNED, 7)
    assert (row(line, "pve").source, row(line, "pve").stops) == (EstimateSource.CONFIGURED, 1)


def test_without_the_output_our_own_host_goes_at_low_battery() -> None:
    line = timeline(replace(PLAN, output=None))
    assert times(line)["own"][0] == 2000.0
    assert OUTPUT not in times(line)
    assert row(line, "own").problems == (Problem.AT_LOW_BATTERY_ONLY,)
    unknown = timeline(replace(PLAN, output=None), PowerNow(power=Power.MAINS))
    assert row(unknown, "own").starts_in_s is None
    assert row(unknown, "own").ends_in_s is None


def test_who_cannot_be_in_the_plan_is_in_no_row() -> None:
    line = timeline(replace(PLAN, targets=PLAN.targets[:4], home_assistant_host=NOT_IN_PLAN))
    assert [found.target_id for found in line.rows] == ["vm", "k8s", "pve", "nas", ""]
    assert timeline(Plan()).rows == ()


@pytest.mark.parametrize(
    ("target", "problems"),
    [
        (host("a", 1, 10.0), ()),
        (spec("a", 1, 10.0), (Problem.NO_EVIDENCE,)),
        (host("a", 1, 10.0, returns_by_itself=False), (Problem.NO_WAY_BACK,)),
        (
            host("a", 1, 10.0, returns_by_itself=False, wake=WakeOnLan(mac="02:00:5e:00:53:01")),
            (),
        ),
        (host("a", 1, 1982.0), (Problem.AFTER_DEADLINE,)),
        (host("a", 1, 1981.0), ()),
    ],
)
def test_what_can_go_wrong(target: TargetSpec, problems: tuple[Problem, ...]) -> None:
    assert row(timeline(Plan(targets=(target,))), "a").problems == problems


def test_a_kind_can_make_up_for_what_is_not_configured() -> None:
    plan = Plan(targets=(spec("a", 1, 10.0, returns_by_itself=False),))
    assert row(timeline(plan), "a").problems == (Problem.NO_EVIDENCE, Problem.NO_WAY_BACK)
    abilities = {"a": Abilities(has_own_evidence=True, can_wake=True)}
    assert row(timeline(plan, abilities=abilities), "a").problems == ()


def test_nothing_starts_our_own_host_once_it_is_off() -> None:
    own = host("own", 1, 60.0, returns_by_itself=False, wake=WakeOnLan(mac="02:00:5e:00:53:01"))
    plan = Plan(targets=(own,), home_assistant_host="own", output=OutputOptions())
    assert row(timeline(plan), "own").problems == (Problem.NO_WAY_BACK,)


def test_storage_that_stops_before_its_user() -> None:
    plan = Plan(targets=(host("vm", 2, 10.0, "nas"), host("nas", 1, 10.0)))
    assert row(timeline(plan), "vm").problems == (Problem.STORAGE_FIRST,)
    own = Plan(
        targets=(host("own", 1, 10.0, "nas"), host("nas", 9, 10.0)),
        home_assistant_host="own",
        output=OutputOptions(),
    )
    assert row(timeline(own), "own").problems == (Problem.STORAGE_FIRST,)


@pytest.mark.parametrize("stage", [1, 2])
def test_what_stops_no_later_than_what_runs_on_it(stage: int) -> None:
    plan = Plan(
        targets=(
            host("k8s", 2, 10.0, runs_on=frozenset({"vm"})),
            host("vm", 3, 10.0, runs_on=frozenset({"pve"})),
            host("pve", stage, 10.0),
        )
    )
    assert row(timeline(plan), "k8s").problems == (Problem.HOST_FIRST,)
    last = replace(plan, home_assistant_host="pve", output=OutputOptions())
    assert row(timeline(last), "k8s").problems == ()


def test_a_nas_whose_own_timer_is_shorter_than_the_plan() -> None:
    plan = replace(
        PLAN, targets=tuple(replace(t, own_timer_s=t.own_timer_s and 500.0) for t in PLAN.targets)
    )
    line = timeline(plan, other_actors=other_actors(plan, ()))
    assert [(actor.name, actor.fires_in_s, actor.is_first) for actor in line.actors] == [
        ("nas", 500.0, True),
        ("nas", 2030.0, False),
    ]
    assert [actor.name for actor in line.conflicts] == ["nas"]
    assert row(line, "nas").problems == (Problem.OTHER_ACTOR_FIRST,)


def test_a_client_that_stops_at_low_battery_before_the_plan_has_ended() -> None:
    now = replace(NOW, runtime_s=960.0)
    line = timeline(now=now, other_actors=other_actors(PLAN, ["192.0.2.77"]))
    assert line.time_left_s == 600.0
    assert line.ends_in_s > 600.0
    assert [actor.name for actor in line.conflicts] == ["192.0.2.77"]


def test_it_can_be_the_response_of_an_action() -> None:
    line = timeline(other_actors=other_actors(PLAN, ["192.0.2.77"]))
    data = json.loads(json.dumps(line.as_json()))
    assert data["trigger"] == "time_on_battery"
    assert data["targets"][0] == {
        "id": "vm",
        "name": "vm",
        "kind": "fake",
        "stage": 1,
        "state": "waiting",
        "starts_in_s": 300.0,
        "takes_s": 100.0,
        "ends_in_s": 400.0,
        "estimate": "configured",
        "stops": 0,
        "problems": [],
    }
    assert data["other_actors"][-1] == {
        "name": "nas",
        "kind": "low_battery",
        "target": "nas",
        "fires_in_s": 2030.0,
        "is_first": False,
    }
    assert set(data) == {
        "starts_in_s",
        "trigger",
        "is_short",
        "needs_s",
        "time_left_s",
        "margin_s",
        "ends_in_s",
        "targets",
        "other_actors",
    }


NAMES = [f"t{index}" for index in range(6)]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan in which everybody uses only those who come later in the alphabet."""
    targets = [
        spec(
            name,
            draw(st.integers(1, 3)),
            draw(st.floats(1.0, 300.0)),
            *draw(st.sets(st.sampled_from(NAMES[index + 1 :]))) if NAMES[index + 1 :] else (),
        )
        for index, name in enumerate(NAMES)
    ]
    return Plan(
        targets=tuple(targets),
        home_assistant_host=draw(st.sampled_from([NOT_IN_PLAN, *NAMES])),
        output=OutputOptions(),
    )


@given(plans(), st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TargetState)))
def test_the_rows_take_as_long_as_the_plan_needs(
    plan: Plan, states: dict[str, TargetState]
) -> None:
    line = timeline(plan, states=states, is_running=True)
    ended = {name for name, state in states.items() if state not in OPEN_STATES}
    assert line.needs_s == needs(plan, EMPTY, ended=ended).total_s
    assert line.ends_in_s == pytest.approx(line.needs_s)
    assert len(line.rows) == len(plan.targets) + 1


@given(plans())
def test_nobody_stops_before_those_who_use_it_in_its_stage(plan: Plan) -> None:
    line = timeline(plan, is_running=True)
    for target in plan.targets:
        for used_id in target.uses:
            user, used = row(line, target.target_id), row(line, used_id)
            if user.stage is not None and user.stage == used.stage:
                assert user.ends_in_s is not None
                assert used.starts_in_s is not None
                assert user.ends_in_s <= used.starts_in_s + 0.001
