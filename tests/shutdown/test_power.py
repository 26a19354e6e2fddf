"""What is known of the power now."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.omron_ups.shutdown.models import Power, PowerView
from custom_components.omron_ups.shutdown.power import SILENT_AFTER_S, PowerTracker
from custom_components.omron_ups.shutdown.specs import Triggers

from .by_hand import HandClock

MAINS = PowerView(power=Power.MAINS, charge=100.0, charge_low=30.0, runtime_s=1000.0)
BATTERY = PowerView(power=Power.BATTERY, charge=80.0, charge_low=30.0, runtime_s=800.0, low=False)
UNKNOWN = PowerView(power=Power.UNKNOWN)
ENTITY_OFF = PowerView(power=Power.MAINS, mains_entity=False)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def tracker(clock: HandClock) -> PowerTracker:
    return PowerTracker(clock, Triggers())


def read(clock: HandClock, tracker: PowerTracker, view: PowerView, seconds: int) -> None:
    """Read the same once a second."""
    for _ in range(seconds):
        clock.move(1.0)
        tracker.update(view)


def aged(view: PowerView, age_s: float, *, mains_entity: bool | None = None) -> PowerView:
    return PowerView(
        power=view.power,
        age_s=age_s,
        low=view.low,
        charge=view.charge,
        charge_low=view.charge_low,
        runtime_s=view.runtime_s,
        mains_entity=mains_entity,
    )


def test_before_the_first_reading_nothing_is_known(clock: HandClock, tracker: PowerTracker) -> None:
    clock.move(5.0)
    now = tracker.now()
    assert now.power is Power.UNKNOWN
    assert now.silent_s == 5.0
    assert (now.low, now.charge, now.runtime_s, now.load) == (None, None, None, None)


def test_times_and_readings_are_counted(clock: HandClock, tracker: PowerTracker) -> None:
    read(clock, tracker, MAINS, 11)
    assert tracker.now().mains_s == 10.0
    read(clock, tracker, BATTERY, 6)
    now = tracker.now()
    assert (now.power, now.on_battery_s, now.readings, now.mains_s) == (Power.BATTERY, 5.0, 6, 0.0)
    read(clock, tracker, MAINS, 3)
    now = tracker.now()
    assert (now.power, now.on_battery_s, now.readings, now.mains_s) == (Power.MAINS, 0.0, 0, 2.0)


def test_the_second_outage_begins_anew(clock: HandClock, tracker: PowerTracker) -> None:
    read(clock, tracker, BATTERY, 200)
    read(clock, tracker, MAINS, 1)
    read(clock, tracker, BATTERY, 3)
    assert (tracker.now().on_battery_s, tracker.now().readings) == (2.0, 3)


def test_the_same_reading_counts_once(clock: HandClock, tracker: PowerTracker) -> None:
    read(clock, tracker, BATTERY, 1)
    for age in range(1, 9):
        clock.move(1.0)
        tracker.update(aged(BATTERY, float(age)))
    assert (tracker.now().readings, tracker.now().silent_s) == (1, 8.0)


def test_a_change_at_the_same_moment_counts(tracker: PowerTracker) -> None:
    tracker.update(MAINS)
    tracker.update(BATTERY)
    assert (tracker.now().power, tracker.now().readings) == (Power.BATTERY, 1)
    tracker.update(MAINS)
    assert (tracker.now().power, tracker.now().readings) == (Power.MAINS, 0)


def test_an_older_view_is_ignored(clock: HandClock, tracker: PowerTracker) -> None:
    read(clock, tracker, BATTERY, 5)
    tracker.update(aged(MAINS, 3.0))
    assert tracker.now().power is Power.BATTERY


@pytest.mark.parametrize("view", [MAINS, BATTERY], ids=["mains", "battery"])
def test_an_unknown_status_is_silence(
    clock: HandClock, tracker: PowerTracker, view: PowerView
) -> None:
    read(clock, tracker, view, 5)
    read(clock, tracker, UNKNOWN, 100)
    assert (tracker.now().power, tracker.now().silent_s) == (view.power, 100.0)


def test_losing_the_data_on_mains_never_becomes_battery(
    clock: HandClock, tracker: PowerTracker
) -> None:
    read(clock, tracker, MAINS, 20)
    clock.move(86_400.0)
    now = tracker.now()
    assert (now.power, now.on_battery_s, now.charge, now.runtime_s) == (
        Power.MAINS,
        0.0,
        100.0,
        1000.0,
    )
    assert now.mains_s == 0.0, "nobody proves mains any more"


def test_after_a_silence_mains_must_prove_itself_anew(
    clock: HandClock, tracker: PowerTracker
) -> None:
    read(clock, tracker, MAINS, 20)
    clock.move(SILENT_AFTER_S + 1.0)
    read(clock, tracker, MAINS, 4)
    assert tracker.now().mains_s == 3.0


def test_on_battery_the_clock_runs_the_estimates_down(
    clock: HandClock, tracker: PowerTracker
) -> None:
    tracker.update(BATTERY)
    clock.move(200.0)
    now = tracker.now()
    assert (now.power, now.on_battery_s, now.runtime_s, now.charge) == (
        Power.BATTERY,
        200.0,
        600.0,
        60.0,
    )
    clock.move(5000.0)
    assert (tracker.now().runtime_s, tracker.now().charge) == (0.0, 0.0)


def test_an_unknown_runtime_stays_unknown(clock: HandClock, tracker: PowerTracker) -> None:
    tracker.update(BATTERY)
    clock.move(1.0)
    tracker.update(PowerView(power=Power.BATTERY, charge=70.0))
    clock.move(100.0)
    assert (tracker.now().runtime_s, tracker.now().charge) == (None, 70.0)


def test_the_real_discharge_corrects_an_estimate_that_is_too_long(
    clock: HandClock, tracker: PowerTracker
) -> None:
    for second in range(400):
        clock.move(1.0)
        charge = float(int(100 - second / 6))
        tracker.update(PowerView(power=Power.BATTERY, charge=charge, runtime_s=6000.0))
    assert tracker.now().runtime_s == pytest.approx(200.0, rel=0.1)


def test_low_and_forced_are_passed_on(clock: HandClock, tracker: PowerTracker) -> None:
    tracker.update(PowerView(power=Power.BATTERY, low=True, forced=True))
    clock.move(60.0)
    assert (tracker.now().low, tracker.now().forced) == (True, True)
    tracker.update(PowerView(power=Power.BATTERY))
    assert (tracker.now().low, tracker.now().forced) == (None, False)


def test_fsd_counts_even_if_the_power_is_unknown(tracker: PowerTracker) -> None:
    tracker.update(PowerView(power=Power.UNKNOWN, forced=True))
    assert (tracker.now().forced, tracker.now().power) == (True, Power.UNKNOWN)


def entity(clock: HandClock, tracker: PowerTracker, on: Sequence[bool | None]) -> None:
    """Let the mains entity say this, a second each, while the source is silent."""
    for value in on:
        clock.move(1.0)
        tracker.update(aged(MAINS, tracker.now().silent_s, mains_entity=value))


def test_a_mains_entity_that_is_off_replaces_a_silent_source(
    clock: HandClock, tracker: PowerTracker
) -> None:
    read(clock, tracker, MAINS, 5)
    entity(clock, tracker, [True] * 60)
    assert tracker.now().power is Power.MAINS
    entity(clock, tracker, [False] * 15)
    assert tracker.now().power is Power.MAINS, "off since 14 s"
    entity(clock, tracker, [False])
    now = tracker.now()
    assert (now.power, now.on_battery_s, now.readings, now.low) == (Power.BATTERY, 15.0, 0, None)
    assert now.runtime_s == 985.0, "run down since the outage, not since the silence"


@pytest.mark.parametrize("breaks", [True, None], ids=["on", "silent"])
def test_an_entity_that_is_not_off_throughout_is_no_outage(
    clock: HandClock,
    tracker: PowerTracker,
    breaks: bool | None,
) -> None:
    read(clock, tracker, MAINS, 5)
    entity(clock, tracker, [False] * 14 + [breaks] + [False] * 14)
    assert tracker.now().power is Power.MAINS
    entity(clock, tracker, [False] * 2)
    assert tracker.now().power is Power.BATTERY


def test_the_ups_is_believed_more_than_the_entity(clock: HandClock, tracker: PowerTracker) -> None:
    for _ in range(100):
        clock.move(1.0)
        tracker.update(ENTITY_OFF)
    assert tracker.now().power is Power.MAINS


def test_an_outage_that_the_entity_saw_first_is_one_outage(
    clock: HandClock, tracker: PowerTracker
) -> None:
    read(clock, tracker, MAINS, 5)
    entity(clock, tracker, [False] * 31)
    read(clock, tracker, BATTERY, 1)
    assert tracker.now().on_battery_s == 31.0
    read(clock, tracker, MAINS, 1)
    assert tracker.now().on_battery_s == 0.0


def test_an_entity_without_any_reading_of_the_ups_is_enough(
    clock: HandClock, tracker: PowerTracker
) -> None:
    for _ in range(17):
        clock.move(1.0)
        tracker.update(PowerView(power=Power.UNKNOWN, mains_entity=False))
    assert tracker.now().power is Power.BATTERY


def test_an_entity_that_is_on_does_not_end_an_outage_but_is_told(
    clock: HandClock, tracker: PowerTracker
) -> None:
    tracker.update(BATTERY)
    for second in range(1, 62):
        clock.move(1.0)
        tracker.update(aged(BATTERY, float(second), mains_entity=True))
    now = tracker.now()
    assert (now.power, now.mains_entity_s, now.on_battery_s) == (Power.BATTERY, 60.0, 61.0)


def silent_with_entity(
    clock: HandClock, tracker: PowerTracker, view: PowerView, entity_on: Sequence[bool | None]
) -> bool:
    """Return whether FSD still counts after a silence in which the mains entity said this."""
    tracker.update(view)
    for second, is_on in enumerate(entity_on, start=1):
        clock.move(1.0)
        tracker.update(replace(view, age_s=float(second), mains_entity=is_on))
    return tracker.now().forced


@pytest.mark.parametrize(
    ("power", "entity_on", "is_forced"),
    [
        (Power.BATTERY, [False] * 100, True),
        (Power.BATTERY, [False] * 100 + [True] * 15, True),
        (Power.BATTERY, [False] * 100 + [True] * 16, False),
        (Power.MAINS, [True] * 100, True),
        (Power.MAINS, [None] * 599, True),
        (Power.MAINS, [None] * 600, False),
    ],
    ids=[
        "still out",
        "back since 14 s",
        "back since 15 s",
        "asked for on mains",
        "asked for on mains, silent for less than 10 min",
        "asked for on mains, silent for 10 min",
    ],
)
def test_the_fsd_of_a_nas_that_is_off_does_not_keep_everything_off_for_ever(
    clock: HandClock,
    tracker: PowerTracker,
    power: Power,
    entity_on: list[bool | None],
    is_forced: bool,
) -> None:
    view = PowerView(power=power, forced=True)
    assert silent_with_entity(clock, tracker, view, entity_on) is is_forced


def test_an_outage_that_was_forgotten_is_none(clock: HandClock, tracker: PowerTracker) -> None:
    last = PowerView(power=Power.BATTERY, low=True, charge=20.0)
    tracker.update(last)
    tracker.forget()
    clock.move(60.0)
    tracker.update(replace(last, age_s=60.0))
    assert tracker.now().power is Power.UNKNOWN
    assert tracker.now().on_battery_s == 0.0
    tracker.update(PowerView(power=Power.BATTERY))
    assert tracker.now().power is Power.BATTERY, "a new reading is another outage"


def test_an_fsd_that_was_forgotten_counts_again_only_if_it_is_read_anew(
    clock: HandClock, tracker: PowerTracker
) -> None:
    last = PowerView(power=Power.BATTERY, forced=True)
    tracker.update(last)
    tracker.forget()
    assert not tracker.now().forced
    clock.move(60.0)
    tracker.update(replace(last, age_s=60.0))
    assert not tracker.now().forced, "the same reading, older"
    tracker.update(last)
    assert tracker.now().forced


views = st.builds(
    PowerView,
    power=st.sampled_from(Power),
    age_s=st.sampled_from([0.0, 0.5, 30.0]),
    low=st.none() | st.booleans(),
    charge=st.none() | st.integers(0, 100).map(float),
    charge_low=st.none() | st.just(30.0),
    runtime_s=st.none() | st.integers(0, 4000).map(float),
    mains_entity=st.sampled_from([None, True]),
)
histories = st.lists(st.tuples(st.floats(0.0, 100.0), views), max_size=40)


@given(histories)
def test_without_a_reading_of_battery_nothing_is_an_outage(
    history: list[tuple[float, PowerView]],
) -> None:
    clock = HandClock()
    tracker = PowerTracker(clock, Triggers())
    has_been_on_battery = False
    for seconds, view in history:
        clock.move(seconds)
        tracker.update(view)
        has_been_on_battery |= view.power is Power.BATTERY
        if not has_been_on_battery:
            assert tracker.now().power is not Power.BATTERY
            assert tracker.now().on_battery_s == 0.0


@given(histories)
def test_figures_stay_in_their_ranges(history: list[tuple[float, PowerView]]) -> None:
    clock = HandClock()
    tracker = PowerTracker(clock, Triggers())
    for seconds, view in history:
        clock.move(seconds)
        tracker.update(view)
        clock.move(seconds)
        now = tracker.now()
        assert now.charge is None or 0.0 <= now.charge <= 100.0
        assert now.runtime_s is None or now.runtime_s >= 0.0
        assert min(now.on_battery_s, now.mains_s, now.mains_entity_s, now.silent_s) >= 0.0
        assert (now.on_battery_s > 0.0) <= (now.power is Power.BATTERY)
        assert now.readings == 0 or now.power is Power.BATTERY
