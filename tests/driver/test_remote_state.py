"""What a UPS of another server is shown and served as."""

from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.omron_ups.driver import Sensitivity, Topology
from custom_components.omron_ups.driver.remote_state import RemoteObservation, assemble_remote
from custom_components.omron_ups.driver.remote_status import RemoteStatus
from custom_components.omron_ups.driver.remote_values import known_variables
from custom_components.omron_ups.driver.status import Status
from custom_components.omron_ups.driver.variables import VARIABLES

from .remote_data import check_dump
from .remote_rig import dump_variables


def observed(
    raw: dict[str, str], *, charging: bool | None = None, packs: int = 1
) -> RemoteObservation:
    return RemoteObservation(
        found=known_variables(raw),
        status=RemoteStatus(status=Status(on_battery=False), charging=charging, words="OL"),
        read_at=1.0,
        driver={"driver.name": "omron_ups"},
        battery_packs=packs,
    )


def test_delays_that_the_server_does_not_tell_are_not_served() -> None:
    without = assemble_remote(observed({"ups.load": "1"})).variables
    assert "ups.delay.shutdown" not in without
    assert "ups.delay.start" not in without
    told = assemble_remote(observed({"ups.delay.shutdown": "20"}))
    assert told.variables["ups.delay.shutdown"] == "20"
    assert told.shutdown_delay == 20


@pytest.mark.parametrize(
    ("charge", "words", "expected"),
    [("100", None, False), ("90", None, None), ("90", True, True), ("90", False, False)],
)
def test_charging_is_the_servers_word(
    charge: str, words: bool | None, expected: bool | None
) -> None:
    state = assemble_remote(observed({"battery.charge": charge}, charging=words))
    assert state.charging is expected


def test_the_vendor_driver_has_no_word_for_charging() -> None:
    raw = {"battery.charge": "90.0", "driver.name": "omron_usb"}
    assert assemble_remote(observed(raw)).charging is True


def test_a_measured_load_is_preferred() -> None:
    raw = {"ups.load": "50", "ups.realpower": "77", "ups.realpower.nominal": "200"}
    state = assemble_remote(observed({**raw, "ups.power.nominal": "300"}))
    assert (state.realpower, state.power, state.power_measured) == (77, 150, True)


def test_ratings_come_from_the_model_where_the_server_tells_none() -> None:
    state = assemble_remote(observed({"ups.mfr": "Omron Corp.", "ups.model": "BN50T"}))
    assert state.realpower_nominal == 450
    assert assemble_remote(observed({"ups.mfr": "APC", "ups.model": "BN50T"})).model == "BN50T"
    assert assemble_remote(observed({"ups.model": "BN50T"})).realpower_nominal is None


def test_the_user_may_say_how_many_packs_the_battery_has() -> None:
    raw = {"battery.voltage": "13.7", "battery.voltage.nominal": "24"}
    state = assemble_remote(observed(raw))
    assert (state.battery_voltage, state.battery_packs_suggested) == (13.7, 2)
    state = assemble_remote(observed(raw, packs=2))
    assert (state.battery_voltage, state.battery_packs_suggested) == (27.4, None)
    assert assemble_remote(observed({}, packs=2)).battery_voltage is None


def test_the_published_dump_of_a_bw55t_comes_out_right() -> None:
    raw = dump_variables()
    assert len(raw) == 43
    state = assemble_remote(observed(raw))
    check_dump(dict(state.variables))
    assert state.serial is None
    assert state.beeper_enabled is True
    assert state.input_sensitivity is Sensitivity.NORMAL
    assert (state.realpower_nominal, state.power_nominal) == (340, 550)
    assert (state.battery_charge, state.battery_runtime) == (100, 3900)
    assert (state.vendor_id, state.product_id) == (0x0590, 0x00D0)
    assert state.topology is Topology.STANDBY
    assert state.battery_packs_suggested == 2
    assert state.read_times["battery_charge"] == 1.0


VALUES: st.SearchStrategy[Any] = st.text() | st.integers().map(str) | st.floats().map(str)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([row.name for row in VARIABLES]), VALUES))
def test_no_value_of_a_server_can_do_harm(raw: dict[str, str]) -> None:
    state = assemble_remote(observed(raw))
    assert state.battery_charge is None or 0 <= state.battery_charge <= 100
    assert state.battery_runtime is None or state.battery_runtime >= 0
    assert state.variables["ups.status"] == "OL"
    assert all(value.isascii() and value.isprintable() for value in state.variables.values())
