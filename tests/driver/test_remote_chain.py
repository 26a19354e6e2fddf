"""The remote UPS on our own NUT server: one Home Assistant behind another."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from custom_components.omron_ups.driver import CommandRejectedError, UpsState
from custom_components.omron_ups.nut import ControlError
from tests.nut.shared import Served, serving

from .bench import Bench
from .remote_rig import Watched, until, watching
from .virtual_time import run

# What a second server cannot tell of the first one's UPS.
NOT_CARRIED = {
    "battery_packs_suggested",
    "outlets",
    "power_measured",
    "raw_status",
    "read_at",
    "read_times",
    "variables",
}


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let the tests talk to themselves, also where Home Assistant's plugin forbids it."""


@pytest.fixture(scope="module")
def first() -> UpsState:
    """Return what the driver says of a simulated BW55T."""

    async def main() -> UpsState:
        async with Bench() as bench:
            await asyncio.sleep(60)
            return bench.ups.state

    return run(main())


def publish(served: Served, state: UpsState, **more: str) -> None:
    """Serve the state as the first Home Assistant does."""
    served.ups.publish({**state.variables, **more}, read_at=served.clock.now)


async def test_the_second_sees_what_the_first_knows(first: UpsState) -> None:
    async with serving() as served:
        publish(served, first)
        async with watching(served.port) as watched:
            second = watched.state
    for name in UpsState.__slots__:
        if name not in NOT_CARRIED:
            assert getattr(second, name) == getattr(first, name), name
    assert {
        name: value for name, value in second.variables.items() if not name.startswith("driver.")
    } == {name: value for name, value in first.variables.items() if not name.startswith("driver.")}


async def test_power_and_fsd_pass_through_the_chain(first: UpsState) -> None:
    async with serving() as served:
        publish(served, first)
        async with watching(served.port) as watched:
            publish(served, first, **{"ups.status": "OB LB DISCHRG"})
            await watched.until(lambda state: state.on_battery and state.battery_low)
            served.ups.set_forced_shutdown("ups")
            await watched.until(lambda state: state.forced_shutdown)
            assert watched.state.variables["ups.status"] == "OB LB DISCHRG"
            served.clock.now += 16
            await watched.until(lambda state: state.stale)


async def test_orders_pass_through_the_chain(first: UpsState) -> None:
    admin: dict[str, Any] = {"username": "admin", "password": "adminpw"}
    async with serving() as served, watching(served.port, **admin) as watched:
        assert set(watched.ups.commands) == {"load.off", "Beeper.toggle", "beeper.mute"}
        assert watched.ups.writable["input.sensitivity"].enum == ("normal", "low", 'very "H"')
        await watched.ups.command("load.off", "20")
        await watched.ups.set_variable("input.sensitivity", 'very "H"')
        await watched.ups.set_variable("input.sensitivity", "low")
        assert served.driver.calls == [
            ("load.off", "20"),
            ("input.sensitivity", 'very "H"'),
            ("input.sensitivity", "L"),
        ]
        served.driver.fault = ControlError("no")
        with pytest.raises(CommandRejectedError):
            await watched.ups.command("load.off")


async def test_accounts_of_the_first(first: UpsState) -> None:
    async with serving() as served:
        for user in ("mon", "sec"):
            async with watching(served.port, username=user, password=f"{user}pw") as watched:
                assert watched.ups.account_error is None
                assert dict(watched.ups.writable) == {}
        async with watching(served.port, username="sec", password="wrong") as watched:
            assert watched.ups.account_error is not None
        await until(lambda: served.ups.logins == 0)


async def test_the_unique_id_is_the_serial_number_along_the_chain(first: UpsState) -> None:
    async with serving() as served:
        publish(served, replace(first, serial="A1"))
        watched = Watched(served.port)
        assert watched.ups.unique_id == f"127.0.0.1:{served.port}/ups"
        async with watching(served.port) as watched:
            assert watched.ups.unique_id == first.serial
