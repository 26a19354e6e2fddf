"""How much time there is, and how much a plan needs."""

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.budget import (
    EVIDENCE_S,
    OUTPUT_MARGIN_S,
    SAFETY_S,
    last_safe_wait_s,
    margin_s,
    needs,
    stage_deadline_s,
    time_left_s,
)
from custom_components.omron_ups.shutdown.models import Power
from custom_components.omron_ups.shutdown.power import PowerNow
from custom_components.omron_ups.shutdown.specs import (
    HOME_ASSISTANT_STOP_S,
    NOT_IN_PLAN,
    OutputOptions,
    Plan,
    Verify,
)

from .by_hand import SetDurations, spec

EMPTY = SetDurations()


PLAN = Plan(
    targets=(
        spec("vm1", 1, 60.0, "nas"),
        spec("vm2", 1, 90.0, "nas"),
        spec("pve", 2, 120.0, "nas"),
        spec("nas", 3, 180.0),
    ),
    home_assistant_host=NOT_IN_PLAN,
)


def test_stages_add_up_and_equal_stages_run_side_by_side() -> None:
    found = needs(PLAN, EMPTY)
    assert found.stages == ((1, 90.0), (2, 120.0), (3, 180.0))
    assert (found.total_s, found.own_host_s, found.output_s) == (390.0, 0.0, 0.0)
    assert [found.after_s(stage) for stage in (0, 1, 2, 3)] == [390.0, 300.0, 180.0, 0.0]


def test_a_plan_without_targets_needs_nothing() -> None:
    assert needs(Plan(), EMPTY).total_s == 0.0


def test_who_ended_needs_no_more_time() -> None:
    assert needs(PLAN, EMPTY, ended={"vm2"}).stages[0] == (1, 60.0)
    assert needs(PLAN, EMPTY, ended={"vm1", "vm2"}).total_s == 300.0


def test_who_has_begun_needs_less() -> None:
    assert needs(PLAN, EMPTY, begun={"vm2": 50.0}).stages[0] == (1, 60.0)
    assert needs(PLAN, EMPTY, begun={"vm1": 500.0, "vm2": 500.0}).stages[0] == (1, 0.0)


def test_learned_durations_count() -> None:
    assert needs(PLAN, SetDurations({"nas": [40.0] * 5})).stages[2] == (3, 40.0)


def test_users_stop_before_what_they_use_within_a_stage() -> None:
    plan = Plan(targets=(spec("a", 1, 10.0, "b"), spec("b", 1, 20.0, "c"), spec("c", 1, 30.0)))
    assert needs(plan, EMPTY).total_s == 60.0
    assert needs(plan, EMPTY, ended={"b"}).total_s == 40.0


def test_a_circle_is_no_endless_loop() -> None:
    names = [f"t{index}" for index in range(30)]
    plan = Plan(targets=tuple(spec(name, 1, 10.0, *names) for name in names))
    assert 10.0 <= needs(plan, EMPTY).total_s <= 300.0


def test_proving_a_host_down_takes_time_too() -> None:
    verify = Verify(address="192.0.2.9", ports=(22,), grace_s=30.0)
    plan = Plan(targets=(spec("nas", 1, 100.0, verify=verify),))
    assert needs(plan, EMPTY).total_s == 100.0 + EVIDENCE_S + 30.0


OWN = Plan(
    targets=(*PLAN.targets, spec("own", 1, 60.0)),
    home_assistant_host="own",
    output=OutputOptions(delay_s=45.0),
)


def test_our_own_host_is_last_whatever_its_stage() -> None:
    found = needs(OWN, EMPTY)
    assert found.stages == needs(PLAN, EMPTY).stages
    assert found.own_host_s == HOME_ASSISTANT_STOP_S + 60.0
    assert found.total_s == 390.0 + found.own_host_s
    assert found.output_s == found.own_host_s + OUTPUT_MARGIN_S
    assert found.after_s(3) == found.own_host_s


def test_without_the_output_our_own_host_stops_at_low_battery() -> None:
    plan = Plan(targets=OWN.targets, home_assistant_host="own")
    found = needs(plan, EMPTY)
    assert (found.total_s, found.output_s) == (390.0, 0.0)
    assert found.own_host_s == HOME_ASSISTANT_STOP_S + 60.0


def test_the_output_without_our_own_host_waits_as_configured() -> None:
    plan = Plan(
        targets=PLAN.targets, home_assistant_host=NOT_IN_PLAN, output=OutputOptions(delay_s=45.0)
    )
    assert needs(plan, EMPTY).output_s == 45.0
    assert needs(OWN, EMPTY, ended={"own"}).output_s == 45.0


NOW = PowerNow(power=Power.BATTERY, charge=80.0, charge_low=30.0, runtime_s=1600.0)


def now(**changes: object) -> PowerNow:
    return PowerNow(**{"power": Power.BATTERY, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("power", "seconds"),
    [
        (NOW, 1000.0),
        (now(charge=30.0, charge_low=30.0, runtime_s=600.0), 0.0),
        (now(charge=0.0, charge_low=0.0, runtime_s=0.0), 0.0),
        (now(charge=80.0, charge_low=30.0, runtime_s=1600.0, low=True), 0.0),
        (now(charge_low=30.0, runtime_s=1600.0), 1600.0),
        (now(charge=80.0, runtime_s=1600.0), 1600.0),
        (now(charge=80.0, charge_low=30.0), None),
    ],
)
def test_the_deadline_is_low_battery(power: PowerNow, seconds: float | None) -> None:
    assert time_left_s(power, PLAN) == seconds


def test_the_deadline_is_an_empty_battery_if_nobody_acts_before() -> None:
    plan = Plan(acts_at_low_battery=False)
    assert time_left_s(NOW, plan) == 1600.0
    assert time_left_s(now(runtime_s=900.0), plan) == 900.0
    assert time_left_s(now(charge=80.0), plan) is None


def test_the_margin_is_what_is_left_over() -> None:
    assert margin_s(NOW, PLAN, needs(PLAN, EMPTY)) == 610.0
    assert margin_s(now(), PLAN, needs(PLAN, EMPTY)) is None


@pytest.mark.parametrize(
    ("stage", "left", "deadline"),
    [
        (1, None, 90.0),
        (1, 1000.0, 90.0),
        (1, 390.0, 90.0),
        (1, 260.0, 60.0),
        (1, 0.0, 0.0),
        (2, 350.0, 120.0),
        (2, 250.0, 100.0),
        (3, 250.0, 180.0),
        (3, 100.0, 100.0),
    ],
)
def test_with_too_little_time_each_stage_has_its_share(
    stage: int, left: float | None, deadline: float
) -> None:
    ended = {1: (), 2: ("vm1", "vm2"), 3: ("vm1", "vm2", "pve")}[stage]
    found = stage_deadline_s(PLAN, EMPTY, stage=stage, time_left_s=left, ended=ended)
    assert found == pytest.approx(deadline)


def test_a_share_is_used_up_by_the_clock() -> None:
    for elapsed_s, deadline in ((0.0, 60.0), (20.0, 40.0), (60.0, 0.0), (80.0, 0.0)):
        left_s = 260.0 - elapsed_s
        found = stage_deadline_s(PLAN, EMPTY, stage=1, time_left_s=left_s, elapsed_s=elapsed_s)
        assert found == pytest.approx(deadline)


def test_a_late_stage_with_a_long_limit_does_not_leave_the_first_one_nothing() -> None:
    plan = Plan(targets=(spec("vm", 1, 60.0), spec("nas", 2, 600.0)))
    assert stage_deadline_s(plan, EMPTY, stage=1, time_left_s=330.0) == pytest.approx(30.0)


def test_with_time_enough_a_quick_target_is_waited_for_as_long_as_the_user_said() -> None:
    store = SetDurations({"vm1": [10.0] * 5, "vm2": [10.0] * 5})
    assert needs(PLAN, store).stages[0] == (1, 10.0)
    assert stage_deadline_s(PLAN, store, stage=1, time_left_s=1000.0) == 90.0


def test_our_own_host_does_not_lengthen_the_stage_that_it_names() -> None:
    plan = Plan(
        targets=(spec("vm", 1, 60.0), spec("own", 1, 600.0)),
        home_assistant_host="own",
        output=OutputOptions(),
    )
    assert stage_deadline_s(plan, EMPTY, stage=1, time_left_s=None) == 60.0


def test_the_last_safe_moment_leaves_time_for_the_storage_and_all_that_follows() -> None:
    plan = Plan(targets=(spec("vm", 1, 60.0, "nas"), spec("nas", 2, 180.0), spec("ups2", 3, 40.0)))
    assert last_safe_wait_s(plan, EMPTY, target_id="nas", time_left_s=500.0, ended={"vm"}) == (
        500.0 - 180.0 - 40.0 - SAFETY_S
    )
    assert last_safe_wait_s(plan, EMPTY, target_id="nas", time_left_s=None) is None
    late = last_safe_wait_s(plan, EMPTY, target_id="nas", time_left_s=100.0)
    assert late is not None
    assert late < 0.0


def test_the_last_safe_moment_within_a_stage_counts_what_it_uses() -> None:
    plan = Plan(targets=(spec("a", 1, 10.0, "b"), spec("b", 1, 20.0, "c"), spec("c", 1, 30.0)))
    found = last_safe_wait_s(plan, EMPTY, target_id="b", time_left_s=100.0)
    assert found == 100.0 - 50.0 - SAFETY_S


NAMES = [f"t{index}" for index in range(8)]
specs = st.lists(
    st.builds(
        spec,
        st.sampled_from(NAMES),
        st.integers(1, 4),
        st.floats(1.0, 600.0),
        *(st.sampled_from(NAMES),) * 2,
    ),
    max_size=8,
    unique_by=lambda target: target.target_id,
)
plans = st.builds(
    Plan,
    targets=specs.map(tuple),
    home_assistant_host=st.none() | st.sampled_from([NOT_IN_PLAN, *NAMES]),
    output=st.none() | st.just(OutputOptions()),
)


@given(plans)
def test_a_plan_needs_at_least_its_longest_and_at_most_all_in_a_row(plan: Plan) -> None:
    found = needs(plan, EMPTY)
    limits = [target.time_limit_s for members in plan.stages() for target in members]
    own_s = found.own_host_s if plan.output else 0.0
    assert found.total_s >= max(limits, default=0.0) + own_s
    assert found.total_s <= sum(limits) + own_s + 0.001


@given(plans, st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_the_more_have_ended_the_less_is_needed(
    plan: Plan, ended: set[str], more: set[str]
) -> None:
    before, after = needs(plan, EMPTY, ended=ended), needs(plan, EMPTY, ended=ended | more)
    assert after.total_s <= before.total_s
    assert needs(plan, EMPTY, ended=NAMES).total_s == 0.0


@given(plans, st.floats(0.0, 5000.0))
def test_what_comes_later_keeps_its_estimate_or_its_share(plan: Plan, left: float) -> None:
    found = needs(plan, EMPTY)
    for stage, own_s in found.stages:
        deadline = stage_deadline_s(plan, EMPTY, stage=stage, time_left_s=left)
        assert 0.0 <= deadline <= left
        later_s = found.after_s(stage)
        kept_s = min(later_s, left * later_s / (own_s + later_s))
        assert left - deadline >= kept_s - 0.001
        assert deadline >= min(own_s, left - kept_s) - 0.001
        unhurried = stage_deadline_s(plan, EMPTY, stage=stage, time_left_s=None)
        assert deadline <= unhurried


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.floats(0.0, 5000.0))
def test_low_battery_comes_before_an_empty_one(charge: float, low: float, runtime: float) -> None:
    left = time_left_s(now(charge=charge, charge_low=low, runtime_s=runtime), PLAN)
    assert left is not None
    assert 0.0 <= left <= runtime
