"""Glitches, self-tests and low battery: what the status characters are believed to mean."""

from dataclasses import dataclass, field

import pytest

from custom_components.omron_ups.driver.models import SelfTestResult
from custom_components.omron_ups.driver.queries import Q1Reply
from custom_components.omron_ups.driver.status import Status, StatusTracker

MAINS = "00101000"
BATTERY = "10001000"
LOW = "11001000"
TEST = "00101100"
TEST_ON_BATTERY = "10001100"
TEST_LOW = "11001100"


@dataclass
class Feeder:
    """Feeds replies one second apart."""

    tracker: StatusTracker = field(default_factory=StatusTracker)
    now: float = 0.0

    def feed(
        self,
        *statuses: str,
        voltage: float | None = 101.0,
        load: int | None = 20,
        is_omron: bool = True,
    ) -> Status:
        """Feed the replies and return what is believed after the last."""
        for status in statuses:
            self.now += 1.0
            believed = self.tracker.feed(
                Q1Reply(
                    input_voltage=voltage,
                    input_voltage_fault=0.0,
                    output_voltage=100.0,
                    load=load,
                    input_frequency=50.0,
                    battery_voltage=13.7,
                    temperature=25.0,
                    status=status,
                ),
                self.now,
                is_omron=is_omron,
            )
        return believed


@pytest.fixture
def feeder() -> Feeder:
    return Feeder()


def test_nothing_is_believed_after_one_reply(feeder: Feeder) -> None:
    believed = feeder.feed(MAINS)
    assert believed.on_battery is None
    assert believed.battery_low is None
    assert feeder.tracker.wants_confirmation
    assert feeder.feed(MAINS).on_battery is False
    assert not feeder.tracker.wants_confirmation


def test_power_loss_needs_a_confirmation_and_asks_for_it(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS)
    assert feeder.feed(BATTERY, voltage=0.0).on_battery is False
    assert feeder.tracker.wants_confirmation
    assert feeder.feed(BATTERY, voltage=0.0).on_battery is True
    assert not feeder.tracker.wants_confirmation


def test_a_single_flicker_is_no_power_loss(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS)
    assert feeder.feed(BATTERY, MAINS).on_battery is False
    assert not feeder.tracker.wants_confirmation
    assert feeder.feed(BATTERY, MAINS, BATTERY, MAINS).on_battery is False


def test_low_battery_needs_three_replies_in_a_row_on_battery(feeder: Feeder) -> None:
    feeder.feed(BATTERY, BATTERY, BATTERY)
    assert feeder.feed(LOW, LOW).battery_low is False
    assert feeder.feed(BATTERY, LOW, LOW).battery_low is False
    assert feeder.feed(LOW).battery_low is True


@pytest.mark.parametrize("glitch", [BATTERY, "01101000", MAINS])
def test_a_glitch_does_not_end_low_battery(feeder: Feeder, glitch: str) -> None:
    feeder.feed(LOW, LOW, LOW)
    for status in (glitch, LOW, glitch, LOW, LOW):
        assert feeder.feed(status).battery_low is True


def test_three_other_replies_end_low_battery(feeder: Feeder) -> None:
    feeder.feed(LOW, LOW, LOW)
    assert feeder.feed(BATTERY, BATTERY).battery_low is True
    assert feeder.feed(BATTERY).battery_low is False


def test_a_battery_that_is_low_from_the_beginning_is_never_called_good(feeder: Feeder) -> None:
    assert [feeder.feed(LOW).battery_low for _ in range(3)] == [None, None, True]


def test_low_battery_and_a_test_result_outlast_the_link() -> None:
    feeder = Feeder()
    feeder.feed(MAINS, MAINS, TEST, TEST, MAINS, MAINS, LOW, LOW, LOW)
    feeder.tracker = feeder.tracker.successor()
    believed = feeder.feed(LOW, LOW)
    assert (believed.on_battery, believed.battery_low) == (True, True)
    assert believed.test_result is SelfTestResult.PASSED
    assert feeder.feed(MAINS, MAINS).battery_low is False


def test_a_low_battery_outlasts_a_link_that_returned_for_one_reply() -> None:
    feeder = Feeder()
    feeder.feed(LOW, LOW, LOW)
    for _ in range(2):
        feeder.tracker = feeder.tracker.successor()
        feeder.feed(LOW)
    assert feeder.feed(LOW).battery_low is True


def test_a_self_test_that_goes_on_over_a_lost_link_is_no_power_loss() -> None:
    feeder = Feeder()
    feeder.feed(MAINS, MAINS, TEST_ON_BATTERY, TEST_ON_BATTERY)
    feeder.tracker = feeder.tracker.successor()
    assert feeder.feed(TEST_ON_BATTERY).on_battery is None
    assert feeder.feed(TEST_ON_BATTERY).on_battery is False
    assert feeder.feed(*[TEST_ON_BATTERY] * 2, voltage=0.0).on_battery is True


def test_a_lost_link_gives_a_self_test_no_more_time() -> None:
    feeder = Feeder()
    feeder.feed(MAINS, MAINS, *[TEST_ON_BATTERY] * 40)
    feeder.tracker = feeder.tracker.successor()
    assert feeder.feed(*[TEST_ON_BATTERY] * 21).on_battery is False
    assert feeder.feed(*[TEST_ON_BATTERY] * 2).on_battery is True


def test_the_low_bit_on_mains_is_not_low_battery(feeder: Feeder) -> None:
    assert feeder.feed(*["01101000"] * 5).battery_low is False


def test_mains_end_low_battery(feeder: Feeder) -> None:
    feeder.feed(LOW, LOW, LOW)
    believed = feeder.feed(MAINS, MAINS)
    assert (believed.on_battery, believed.battery_low) == (False, False)


def test_a_self_test_on_battery_with_mains_present_is_no_power_loss(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS)
    believed = feeder.feed(*[TEST_ON_BATTERY] * 10)
    assert believed.on_battery is False
    assert believed.testing is True
    assert believed.test_result is SelfTestResult.IN_PROGRESS


@pytest.mark.parametrize("voltage", [0.0, 70.0, None])
def test_a_power_cut_in_a_self_test_is_a_power_loss(feeder: Feeder, voltage: float | None) -> None:
    feeder.feed(MAINS, MAINS)
    feeder.feed(TEST_ON_BATTERY, TEST_ON_BATTERY)
    assert feeder.feed(*[TEST_ON_BATTERY] * 2, voltage=voltage).on_battery is True


def test_a_self_test_masks_for_sixty_seconds_and_no_longer(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS)
    assert feeder.feed(*[TEST_ON_BATTERY] * 61).on_battery is False
    assert feeder.feed(*[TEST_ON_BATTERY] * 2).on_battery is True


def test_low_battery_ends_the_masking(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS)
    assert feeder.feed(TEST_LOW, TEST_LOW).on_battery is False
    believed = feeder.feed(TEST_LOW, TEST_LOW)
    assert (believed.on_battery, believed.battery_low) == (True, True)


def test_without_a_mains_voltage_from_before_a_test_masks_nothing(feeder: Feeder) -> None:
    assert feeder.feed(TEST_ON_BATTERY, TEST_ON_BATTERY).on_battery is True


def test_a_new_test_is_masked_anew(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS, *[TEST_ON_BATTERY] * 60, MAINS, MAINS)
    assert feeder.feed(*[TEST_ON_BATTERY] * 60).on_battery is False


@pytest.mark.parametrize(
    ("afterwards", "result"),
    [
        (MAINS, SelfTestResult.PASSED),
        ("00111000", SelfTestResult.FAILED),
        ("00101001", SelfTestResult.FAILED),
    ],
)
def test_the_result_of_a_test_is_read_from_the_replies_after_it(
    feeder: Feeder, afterwards: str, result: SelfTestResult
) -> None:
    feeder.feed(MAINS, MAINS, TEST, TEST)
    assert feeder.feed(afterwards, afterwards).test_result is result


def test_a_test_that_mains_did_not_outlast_is_aborted(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS, TEST, TEST)
    feeder.feed(TEST_ON_BATTERY, TEST_ON_BATTERY, voltage=0.0)
    assert feeder.feed(BATTERY, BATTERY).test_result is SelfTestResult.ABORTED
    feeder.feed(MAINS, MAINS, TEST, TEST)
    assert feeder.feed(MAINS, MAINS).test_result is SelfTestResult.PASSED


def test_no_test_seen_means_no_result(feeder: Feeder) -> None:
    assert feeder.feed(MAINS, MAINS).test_result is None


@pytest.mark.parametrize(
    ("status", "name"), [("00111000", "fault"), ("00101001", "replace_battery")]
)
def test_fault_and_replace_battery_need_two_replies(feeder: Feeder, status: str, name: str) -> None:
    feeder.feed(MAINS, MAINS)
    assert getattr(feeder.feed(status, MAINS), name) is False
    assert getattr(feeder.feed(status, status), name) is True
    assert getattr(feeder.feed(MAINS, MAINS), name) is False


def test_overload_is_a_load_above_the_rating(feeder: Feeder) -> None:
    assert feeder.feed(MAINS, MAINS, load=100).overload is False
    assert feeder.feed(MAINS, load=120).overload is False
    assert feeder.feed(MAINS, load=120).overload is True
    assert feeder.feed(MAINS, MAINS, load=None).overload is True
    assert feeder.feed(MAINS, MAINS, load=50).overload is False


PENDING_ON_BATTERY = "10001010"


def test_a_shutdown_bit_that_rises_on_battery_counts(feeder: Feeder) -> None:
    feeder.feed(BATTERY, BATTERY)
    assert feeder.feed(PENDING_ON_BATTERY).shutdown_pending is False
    assert feeder.feed(PENDING_ON_BATTERY).shutdown_pending is True
    assert feeder.feed(PENDING_ON_BATTERY).shutdown_pending is True
    assert feeder.feed(BATTERY, BATTERY).shutdown_pending is False


def test_a_shutdown_bit_that_was_always_set_does_not_count(feeder: Feeder) -> None:
    assert feeder.feed(*[PENDING_ON_BATTERY] * 5).shutdown_pending is False


def test_a_shutdown_bit_that_rose_on_mains_does_not_count(feeder: Feeder) -> None:
    feeder.feed(MAINS, MAINS)
    assert feeder.feed(*["00101010"] * 3).shutdown_pending is False
    assert feeder.feed(*[PENDING_ON_BATTERY] * 3).shutdown_pending is False


def test_a_flicker_of_the_shutdown_bit_does_not_count(feeder: Feeder) -> None:
    feeder.feed(BATTERY, BATTERY)
    assert feeder.feed(PENDING_ON_BATTERY, BATTERY).shutdown_pending is False


def test_index_seven_of_a_plain_megatec_unit_says_nothing_of_the_battery(feeder: Feeder) -> None:
    believed = feeder.feed(*["00101001"] * 3, is_omron=False)
    assert believed.replace_battery is None
