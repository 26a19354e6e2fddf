"""When the plan would begin by itself."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.budget import Needs, margin_s
from custom_components.omron_ups.shutdown.models import Power, Reason
from custom_components.omron_ups.shutdown.power import PowerNow
from custom_components.omron_ups.shutdown.prediction import Start, predict
from custom_components.omron_ups.shutdown.specs import Plan, Triggers
from custom_components.omron_ups.shutdown.triggers import TriggerWatch

# 1000 s to low battery.
NOW = PowerNow(power=Power.MAINS, charge=80.0, charge_low=30.0, runtime_s=1600.0)
NONE = Triggers(time_on_battery_s=None, margin_below_s=None)


def start(triggers: Triggers, now: PowerNow = NOW, needed_s: float = 400.0) -> Start:
    return predict(Plan(triggers=triggers), now, Needs(total_s=needed_s))


@pytest.mark.parametrize(
    ("triggers", "in_s", "reason"),
    [
        (NONE, 1000.0, Reason.LOW_BATTERY),
        (Triggers(), 300.0, Reason.TIME_ON_BATTERY),
        (replace(NONE, time_on_battery_s=5.0), 15.0, Reason.TIME_ON_BATTERY),
        (replace(NONE, margin_below_s=120.0), 490.0, Reason.MARGIN),
        (replace(NONE, runtime_below_s=900.0), 710.0, Reason.RUNTIME),
        (replace(NONE, charge_below=60.0), 410.0, Reason.CHARGE),
        (replace(NONE, charge_below=90.0), 15.0, Reason.CHARGE),
    ],
)
def test_the_first_trigger_begins_the_plan(triggers: Triggers, in_s: float, reason: Reason) -> None:
    assert start(triggers) == Start(in_s=in_s, reason=reason)


def test_an_outage_under_way_is_that_much_further() -> None:
    now = replace(NOW, power=Power.BATTERY, on_battery_s=100.0)
    assert start(Triggers(), now).in_s == 200.0
    late = replace(now, on_battery_s=500.0)
    assert start(Triggers(), late) == Start(in_s=0.0, reason=Reason.TIME_ON_BATTERY)


def test_a_plan_that_never_fitted_begins_after_the_debounce() -> None:
    assert start(Triggers(), needed_s=5000.0) == Start(in_s=15.0, reason=Reason.MARGIN)


def test_what_is_unknown_is_not_foreseen() -> None:
    now = PowerNow(power=Power.MAINS)
    assert start(Triggers(), now) == Start(in_s=300.0, reason=Reason.TIME_ON_BATTERY)
    assert start(NONE, now) == Start(in_s=0.0, reason=None)
    assert start(replace(NONE, charge_below=50.0), replace(now, charge=40.0)).in_s == 15.0
    assert start(replace(NONE, charge_below=50.0), replace(now, charge=90.0)).reason is None


limits = st.none() | st.integers(0, 600).map(float)


@given(
    st.builds(
        Triggers,
        time_on_battery_s=limits,
        runtime_below_s=limits,
        charge_below=st.none() | st.integers(31, 100).map(float),
        margin_below_s=limits,
    ),
    st.integers(31, 100).map(float),
    st.integers(60, 3000).map(float),
    st.integers(0, 600).map(float),
)
def test_the_triggers_do_what_was_foreseen(
    triggers: Triggers, charge: float, runtime_s: float, needed_s: float
) -> None:
    plan, needed = Plan(triggers=triggers), Needs(total_s=needed_s)
    first = PowerNow(power=Power.BATTERY, charge=charge, charge_low=30.0, runtime_s=runtime_s)
    foreseen = predict(plan, first, needed)
    watch = TriggerWatch(triggers)
    for second in range(4000):
        left = max(0.0, runtime_s - second) / runtime_s
        now = replace(
            first,
            charge=charge * left,
            runtime_s=runtime_s * left,
            low=charge * left <= 30.0,
            on_battery_s=float(second),
            readings=second + 1,
        )
        reason = watch.evaluate(now, margin_s=margin_s(now, plan, needed), monotonic=float(second))
        if reason is not None:
            assert abs(second - foreseen.in_s) <= 2.0
            return
    pytest.fail("nothing began the plan")
