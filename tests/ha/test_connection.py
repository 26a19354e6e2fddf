"""From the data of an entry to a UPS."""

from unittest.mock import patch

import pytest

from custom_components.omron_ups.connection import make_connection, read_once
from custom_components.omron_ups.driver import (
    CredentialsRefusedError,
    DeviceNotFoundError,
    RemoteUps,
    Ups,
)
from tests.driver.remote_rig import ADMIN, Rig

SIMULATED = {"connection": "simulated", "model": "bn150t"}


async def test_reading_once_leaves_nothing_running() -> None:
    with patch.object(Ups, "stop", autospec=True, side_effect=Ups.stop) as stop:
        state = await read_once(SIMULATED, version="1.2.3")
    assert state.model == "BN150T"
    assert state.variables["driver.version"] == "1.2.3"
    assert [ups.is_running for (ups,), _ in stop.await_args_list] == [False]


async def test_failing_to_read_leaves_nothing_running() -> None:
    serial = {"connection": "serial", "device": "/dev/ttyNONE", "dialect": "omron"}
    with (
        patch.object(Ups, "stop", autospec=True, side_effect=Ups.stop) as stop,
        pytest.raises(DeviceNotFoundError),
    ):
        await read_once(serial, version="1")
    assert {ups.is_running for (ups,), _ in stop.await_args_list} == {False}


def test_a_simulated_ups_can_be_played_with() -> None:
    connection = make_connection(SIMULATED, version="1")
    assert connection.simulated is not None
    assert connection.simulated.profile.model == "BN150T"


def test_a_serial_ups_can_not() -> None:
    serial = {"connection": "serial", "device": "/dev/ttyNONE", "dialect": "megatec"}
    assert make_connection(serial, version="1").simulated is None


async def test_a_refused_account_is_no_proof(rig: Rig) -> None:
    server = {"connection": "nut", "host": "127.0.0.1", "port": rig.port, "ups": "ups"}
    with patch.object(RemoteUps, "stop", autospec=True, side_effect=RemoteUps.stop) as stop:
        assert (await read_once({**server, **ADMIN}, version="1")).model == "BW55T"
        with pytest.raises(CredentialsRefusedError):
            await read_once({**server, **ADMIN, "password": "wrong"}, version="1")
    assert {ups.is_running for (ups,), _ in stop.await_args_list} == {False}


def test_only_the_delays_of_our_own_driver_are_ours() -> None:
    server = {"connection": "nut", "host": "nas", "port": 3493, "ups": "ups"}
    connection = make_connection(server, version="1", battery={"battery_packs": 2})
    assert connection.remote is connection.ups
    assert make_connection(SIMULATED, version="1").remote is None
