"""When a plan begins by itself."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.models import Power, PowerView, Reason
from custom_components.omron_ups.shutdown.power import PowerNow, PowerTracker
from custom_components.omron_ups.shutdown.specs import Triggers
from custom_components.omron_ups.shutdown.triggers import READINGS, TriggerWatch

from .by_hand import HandClock

ALL = Triggers(
    time_on_battery_s=300.0, runtime_below_s=600.0, charge_below=50.0, margin_below_s=120.0
)
NONE = Triggers(
    time_on_battery_s=None,
    runtime_below_s=None,
    charge_below=None,
    margin_below_s=None,
    data_lost_s=None,
)
GOOD = PowerNow(
    power=Power.BATTERY,
    charge=90.0,
    charge_low=30.0,
    runtime_s=3000.0,
    low=False,
    on_battery_s=100.0,
    readings=100,
)
HELD = {
    Reason.RUNTIME: (replace(GOOD, runtime_s=599.0), 1000.0),
    Reason.CHARGE: (replace(GOOD, charge=49.0), 1000.0),
    Reason.MARGIN: (GOOD, 119.0),
}


def evaluate(
    watch: TriggerWatch, now: PowerNow, at: float = 0.0, margin_s: float | None = 1000.0
) -> Reason | None:
    return watch.evaluate(now, margin_s=margin_s, monotonic=at)


def run(
    watch: TriggerWatch, now: PowerNow, margin_s: float | None, seconds: int, *, every: int = 1
) -> list[Reason | None]:
    """Return what is said in each second, with a reading every so many of them."""
    return [
        evaluate(
            watch,
            replace(
                now,
                on_battery_s=now.on_battery_s + second,
                readings=now.readings + second // every,
            ),
            float(second),
            margin_s,
        )
        for second in range(seconds)
    ]


def test_nothing_to_do_while_all_is_well() -> None:
    assert run(TriggerWatch(ALL), GOOD, 1000.0, 100) == [None] * 100


def test_low_battery_and_fsd_act_at_once_and_cannot_be_switched_off() -> None:
    first = PowerNow(power=Power.BATTERY, low=True, readings=1)
    assert evaluate(TriggerWatch(NONE), first) is Reason.LOW_BATTERY
    assert evaluate(TriggerWatch(NONE), replace(first, low=None, forced=True)) is Reason.FORCED


def test_an_upstream_fsd_counts_on_mains_too() -> None:
    assert evaluate(TriggerWatch(NONE), PowerNow(power=Power.MAINS, forced=True)) is Reason.FORCED


def test_low_battery_on_mains_is_a_battery_that_charges() -> None:
    assert evaluate(TriggerWatch(ALL), PowerNow(power=Power.MAINS, low=True)) is None


@pytest.mark.parametrize(("seconds", "reason"), [(299.0, None), (300.0, Reason.TIME_ON_BATTERY)])
def test_time_on_battery(seconds: float, reason: Reason | None) -> None:
    assert evaluate(TriggerWatch(ALL), replace(GOOD, on_battery_s=seconds)) is reason
    assert evaluate(TriggerWatch(NONE), replace(GOOD, on_battery_s=seconds)) is None


@pytest.mark.parametrize(("seconds", "reason"), [(59.0, None), (60.0, Reason.DATA_LOST)])
def test_data_lost_on_battery(seconds: float, reason: Reason | None) -> None:
    assert evaluate(TriggerWatch(ALL), replace(GOOD, silent_s=seconds)) is reason
    assert evaluate(TriggerWatch(NONE), replace(GOOD, silent_s=seconds)) is None


def test_a_silence_from_before_the_outage_does_not_shorten_it() -> None:
    now = replace(GOOD, silent_s=7200.0, on_battery_s=20.0, readings=0)
    assert evaluate(TriggerWatch(ALL), now) is None
    assert evaluate(TriggerWatch(ALL), replace(now, on_battery_s=60.0)) is Reason.DATA_LOST


@pytest.mark.parametrize("reason", HELD)
def test_estimates_must_hold(reason: Reason) -> None:
    now, margin_s = HELD[reason]
    said = run(TriggerWatch(ALL), now, margin_s, 12)
    assert said == [None] * 10 + [reason] * 2


@pytest.mark.parametrize("reason", HELD)
def test_estimates_must_be_read_three_times(reason: Reason) -> None:
    now, margin_s = HELD[reason]
    said = run(TriggerWatch(replace(ALL, time_on_battery_s=None)), now, margin_s, 41, every=20)
    assert said == [None] * 40 + [reason]


@pytest.mark.parametrize("reason", HELD)
def test_one_good_reading_begins_the_hold_anew(reason: Reason) -> None:
    now, margin_s = HELD[reason]
    watch = TriggerWatch(ALL)
    run(watch, now, margin_s, 10)
    assert evaluate(watch, GOOD, 10.0) is None
    assert run(watch, now, margin_s, 10) == [None] * 10


@pytest.mark.parametrize("reason", HELD)
def test_mains_begins_the_hold_anew(reason: Reason) -> None:
    now, margin_s = HELD[reason]
    watch = TriggerWatch(ALL)
    run(watch, now, margin_s, 10)
    assert evaluate(watch, replace(GOOD, power=Power.MAINS), 10.0) is None
    assert evaluate(watch, now, 11.0, margin_s) is None


def test_an_outage_in_between_that_nobody_looked_at_begins_the_hold_anew() -> None:
    watch = TriggerWatch(ALL)
    assert evaluate(watch, replace(GOOD, charge=1.0), 0.0) is None
    assert evaluate(watch, replace(GOOD, charge=1.0, readings=4), 60.0) is None


@pytest.mark.parametrize("reason", HELD)
def test_in_a_silence_the_clock_confirms_what_was_read_last(reason: Reason) -> None:
    now, margin_s = HELD[reason]
    watch = TriggerWatch(replace(ALL, data_lost_s=None))
    silent = replace(now, silent_s=5.0)
    assert evaluate(watch, silent, 0.0, margin_s) is None
    assert evaluate(watch, silent, 10.0, margin_s) is None, "no silence yet, only a gap"
    assert evaluate(watch, replace(now, silent_s=16.0), 11.0, margin_s) is reason


def test_a_reset_forgets_what_has_held() -> None:
    watch = TriggerWatch(ALL)
    run(watch, GOOD, 0.0, 10)
    watch.reset()
    assert evaluate(watch, replace(GOOD, readings=200), 20.0, 0.0) is None


nows = st.builds(
    PowerNow,
    power=st.sampled_from(Power),
    silent_s=st.floats(0.0, 500.0),
    low=st.none() | st.booleans(),
    forced=st.booleans(),
    charge=st.none() | st.floats(0.0, 100.0),
    charge_low=st.none() | st.floats(0.0, 100.0),
    runtime_s=st.none() | st.floats(0.0, 5000.0),
    on_battery_s=st.floats(0.0, 1000.0),
    readings=st.integers(0, 1000),
)
limits = st.none() | st.floats(0.0, 1000.0)
triggers = st.builds(
    Triggers,
    time_on_battery_s=limits,
    runtime_below_s=limits,
    charge_below=st.none() | st.floats(0.0, 100.0),
    margin_below_s=limits,
    data_lost_s=limits,
)
margins = st.none() | st.floats(-1000.0, 5000.0)
moments = st.lists(st.tuples(st.floats(0.0, 30.0), nows, margins), max_size=30)
SWITCHED_OFF = {
    Reason.TIME_ON_BATTERY: "time_on_battery_s",
    Reason.RUNTIME: "runtime_below_s",
    Reason.CHARGE: "charge_below",
    Reason.MARGIN: "margin_below_s",
    Reason.DATA_LOST: "data_lost_s",
}


@given(triggers, moments)
def test_no_reason_without_its_cause(
    which: Triggers, history: list[tuple[float, PowerNow, float | None]]
) -> None:
    watch, at = TriggerWatch(which), 0.0
    for seconds, now, margin_s in history:
        at += seconds
        reason = evaluate(watch, now, at, margin_s)
        if reason is None:
            continue
        assert now.forced or now.power is Power.BATTERY, "unknown and mains are no outage"
        assert now.low or now.forced or now.on_battery_s >= which.debounce_s
        known = {Reason.RUNTIME: now.runtime_s, Reason.CHARGE: now.charge, Reason.MARGIN: margin_s}
        assert known.get(reason, 0.0) is not None, "an unknown value fulfils nothing"
        switch = SWITCHED_OFF.get(reason)
        assert switch is None or getattr(which, switch) is not None


@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=40))
def test_nothing_held_less_than_ten_seconds_and_three_readings(
    history: list[tuple[int, bool]],
) -> None:
    watch, at, readings = TriggerWatch(ALL), 0.0, 0
    since: tuple[float, int] | None = None
    for seconds, is_short in history:
        at, readings = at + seconds, readings + 1
        if not is_short:
            since = None
        elif since is None:
            since = (at, readings)
        reason = evaluate(watch, replace(GOOD, readings=readings), at, 0.0 if is_short else 500.0)
        has_held = since and at - since[0] >= ALL.hold_s and readings - since[1] + 1 >= READINGS
        assert reason is (Reason.MARGIN if has_held else None)


@given(
    st.lists(
        st.tuples(
            st.floats(0.2, 20.0), st.sampled_from([Power.MAINS, Power.UNKNOWN]), st.booleans()
        ),
        max_size=40,
    )
)
def test_a_source_that_never_says_battery_never_stops_anything(
    history: list[tuple[float, Power, bool]],
) -> None:
    clock = HandClock()
    tracker, watch = PowerTracker(clock, ALL), TriggerWatch(ALL)
    for seconds, power, low in history:
        clock.move(seconds)
        tracker.update(PowerView(power=power, low=low, charge=1.0, runtime_s=1.0))
        now = tracker.now()
        assert watch.evaluate(now, margin_s=-1.0, monotonic=clock.monotonic()) is None
