"""Which words of another server are believed, and when."""

import pytest

from custom_components.omron_ups.driver import NoDataError, SelfTestResult
from custom_components.omron_ups.driver.remote_status import RemoteStatus, RemoteStatusTracker


class Polls:
    """Feeds one poll after the other."""

    def __init__(self, *words: str) -> None:
        """Begin with these."""
        self.tracker = RemoteStatusTracker()
        self.now = 0.0
        self.last = RemoteStatus()
        self.feed(*words)

    def feed(self, *words: str, **more: str) -> RemoteStatus:
        """Feed polls a second apart and return what is believed after the last."""
        for text in words:
            self.now += 1
            found = {"ups.status": text, "input.voltage": "100.0", **more}
            self.last = self.tracker.feed(found, self.now)
        return self.last

    def wants_confirmation(self) -> bool:
        """Return what the tracker wants; a call, because it changes."""
        return self.tracker.wants_confirmation


@pytest.mark.parametrize("text", ["", "WAIT", "NOCOMM", " "])
def test_without_a_status_there_is_no_data(text: str) -> None:
    with pytest.raises(NoDataError):
        Polls(text)


def test_a_server_without_the_variable_has_no_data() -> None:
    with pytest.raises(NoDataError):
        RemoteStatusTracker().feed({}, 0.0)


def test_power_lost_needs_one_confirmation() -> None:
    polls = Polls("OL", "OL")
    assert polls.feed("OB DISCHRG").status.on_battery is False
    assert polls.wants_confirmation()
    assert polls.feed("OB DISCHRG").status.on_battery is True
    assert not polls.wants_confirmation()
    assert polls.feed("OL", "OL").status.on_battery is False


def test_a_single_glitch_changes_nothing() -> None:
    polls = Polls("OL", "OL")
    assert polls.feed("OB LB", "OL").status.on_battery is False
    assert polls.last.status.battery_low is False


def test_low_battery_needs_three_in_a_row_on_battery() -> None:
    polls = Polls("OL", "OL", "OL")
    assert polls.feed("OB LB", "LB OB").status.battery_low is False
    assert polls.feed("OB LB").status.battery_low is True
    assert polls.feed("OB", "OB", "OB").status.battery_low is False
    assert polls.feed("OL LB", "OL LB", "OL LB").status.battery_low is False


def test_a_low_battery_outlasts_the_connection() -> None:
    polls = Polls("OL", "OL", "OB LB", "OB LB", "OB LB")
    assert polls.last.status.battery_low is True
    polls.tracker = polls.tracker.successor()
    assert polls.feed("OB LB", "OB LB").status.battery_low is True


def test_a_self_test_that_goes_on_over_a_lost_connection_is_not_a_power_cut() -> None:
    polls = Polls("OL", "OL", "OB CAL", "OB CAL")
    polls.tracker = polls.tracker.successor()
    assert polls.feed("OB CAL", "OB CAL").status.on_battery is False


def test_of_ol_and_ob_the_later_counts() -> None:
    assert Polls("OL OB", "OL OB").last.status.on_battery is True
    assert Polls("OB OL", "OB OL").last.status.on_battery is False


def test_words_without_either_leave_the_power_unknown() -> None:
    polls = Polls("OL", "OL")
    status = polls.feed("BYPASS").status
    assert (status.on_battery, status.battery_low) == (None, None)
    assert polls.last.alarms == ("On bypass",)


def test_unknown_words_are_tolerated() -> None:
    status = Polls("OL ECO HE VENDOR-SPECIFIC", "OL ECO").last.status
    assert (status.on_battery, status.fault, status.overload) == (False, False, False)


def test_flags_are_the_words() -> None:
    text = "ALARM OL RB OVER CHRG"
    polls = Polls(text)
    found = polls.feed(text, **{"ups.alarm": "Fan failure!"})
    assert found.status.replace_battery is True
    assert found.status.overload is True
    assert found.status.fault is True
    assert found.charging is True
    assert found.words == text
    assert found.alarms == ("Fan failure!", "Replace battery", "Overload")


def test_more_than_all_the_load_is_an_overload_in_any_words() -> None:
    polls = Polls()
    assert polls.feed("OL", "OL", **{"ups.load": "104"}).status.overload is True


def test_charging_is_unknown_where_mains_has_no_word_for_it() -> None:
    assert Polls("OL").last.charging is None
    assert Polls("OL DISCHRG").last.charging is False
    assert Polls("OB").last.charging is False


def test_a_self_test_is_not_a_power_cut() -> None:
    polls = Polls("OL", "OL")
    status = polls.feed("OB CAL", "OB CAL").status
    assert (status.on_battery, status.testing) == (False, True)
    assert status.test_result is SelfTestResult.IN_PROGRESS
    assert polls.feed("OL", "OL").status.test_result is SelfTestResult.PASSED


def test_a_power_cut_in_a_self_test_is_one() -> None:
    polls = Polls("OL", "OL")
    status = polls.feed("OB CAL", "OB CAL", **{"input.voltage": "0.0"}).status
    assert status.on_battery is True


def test_upsds_own_fsd_stands_in_front_and_is_confirmed() -> None:
    polls = Polls("OL", "OL")
    assert not polls.feed("FSD OL").forced_shutdown
    assert polls.wants_confirmation()
    assert polls.feed("FSD OL").forced_shutdown
    assert not polls.wants_confirmation()
    assert polls.last.alarms == ("Forced shutdown",)
    assert polls.feed("OL").forced_shutdown is False


def test_the_drivers_fsd_counts_only_where_we_saw_it_begin_on_battery() -> None:
    # OMRON's and Megatec's drivers say FSD for a status character that some units hold for ever.
    assert not Polls("OL FSD", "OL FSD", "OB FSD", "OB FSD").last.forced_shutdown
    polls = Polls("OB", "OB")
    assert not polls.feed("OB FSD").forced_shutdown
    assert polls.feed("OB FSD").forced_shutdown
    assert polls.last.status.shutdown_pending is True
