"""Settings and commands of NUT clients, through Debian's own programs."""

import asyncio
import os
import shutil
from unittest.mock import AsyncMock

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import (
    CommandRejectedError,
    NotSupportedError,
    OutOfRangeError,
    SettingMemoryError,
    SimulatedUps,
    TransportError,
    UnconfirmedError,
    UpsError,
    Writable,
)
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.nut import ControlArgumentError, ControlError, ControlUnknownError
from custom_components.omron_ups.nut_controls import UpsControls, writable_by_clients
from tests.ha.common import (
    MockConfigEntry,
    NutConnection,
    add_account,
    eventually,
    set_up,
    simulated_entry,
)


@pytest.fixture(autouse=True)
async def account(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """Add an account that may do everything, to a UPS that has told everything."""
    await add_account(hass, loaded, "joe", role="admin", may_switch_output=True)
    ups = loaded.runtime_data.ups
    await eventually(lambda: "beeper.disable" in ups.commands and "ups.start.auto" in ups.writable)


async def run(program: str, *arguments: str) -> str:
    """Return what a program of Debian's nut-client says."""
    if shutil.which(program) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is missing: install nut-client")
        pytest.skip(f"{program} is missing")
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    return output.decode()


async def test_upscmd(loaded: MockConfigEntry, simulated: SimulatedUps, free_port: int) -> None:
    ups = f"ups@127.0.0.1:{free_port}"
    assert "beeper.disable" in await run("upscmd", "-l", ups)
    login = ("-u", "joe", "-p", "secret", "-w", ups)
    assert "SUCCESS" in await run("upscmd", *login, "beeper.disable")
    assert simulated.settings.beeper is False
    assert loaded.runtime_data.ups.state.variables["ups.beeper.status"] == "disabled"


async def test_upsrw(loaded: MockConfigEntry, simulated: SimulatedUps, free_port: int) -> None:
    ups = f"ups@127.0.0.1:{free_port}"
    listed = await run("upsrw", "-l", ups)
    assert "[ups.start.auto]" in listed
    login = ("-u", "joe", "-p", "secret", "-w")
    assert "SUCCESS" in await run("upsrw", "-s", "battery.charge.low=30", *login, ups)
    assert (await run("upsc", ups, "battery.charge.low")).splitlines()[-1] == "30"
    refused = await run("upsrw", "-s", "battery.charge.low=101", *login, ups)
    assert "INVALID-VALUE" in refused or "Invalid" in refused or "invalid" in refused


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [(FaultKind.NAK, "ERR FAILED"), (FaultKind.LOST_REQUEST, "ERR UNKNOWN")],
)
async def test_a_ups_that_does_not_obey(
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    free_port: int,
    fault: FaultKind,
    outcome: str,
) -> None:
    loaded.runtime_data.ups._transport.reply_limit_s = 0.05
    simulated.inject(Fault(kind=fault, request="Bf"))
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("SET TRACKING ON") == "OK"
        reply = await client.ask("INSTCMD ups beeper.disable")
        tracking_id = reply.removeprefix("OK TRACKING ")
        nut = loaded.runtime_data.nut
        await eventually(lambda: nut.audit[-1].outcome == outcome)
        assert await client.ask(f"GET TRACKING {tracking_id}") == outcome


async def test_a_value_between_the_steps(loaded: MockConfigEntry, free_port: int) -> None:
    """The declaration of a range cannot say that only whole minutes are possible."""
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("SET VAR ups ups.delay.start 61") == "ERR SET-FAILED"
        assert await client.ask("SET VAR ups ups.delay.start 120") == "OK"
        assert await client.ask("GET VAR ups ups.delay.start") == 'VAR ups ups.delay.start "120"'


@pytest.mark.parametrize(
    ("err", "kind"),
    [
        (OutOfRangeError("no"), ControlArgumentError),
        (UnconfirmedError("no"), ControlUnknownError),
        (NotSupportedError("no"), ControlError),
        (CommandRejectedError("no"), ControlError),
        (SettingMemoryError("no"), ControlError),
        (TransportError("no"), ControlError),
        (UpsError("no"), ControlError),
    ],
)
async def test_refusals_of_the_driver(err: UpsError, kind: type[ControlError]) -> None:
    ups = AsyncMock()
    ups.command.side_effect = ups.set_variable.side_effect = err
    controls = UpsControls(ups)
    with pytest.raises(ControlError) as first:
        await controls.run_command("load.off", None)
    with pytest.raises(ControlError) as second:
        await controls.set_variable("ups.start.auto", "yes")
    assert type(first.value) is type(second.value) is kind


def test_dangerous_variables_are_not_offered() -> None:
    ups = AsyncMock()
    ups.writable = {
        "output.voltage.nominal": Writable(ranges=((100, 240),), is_dangerous=True),
        "ups.start.auto": Writable(enum=("yes", "no")),
    }
    assert writable_by_clients(ups).keys() == {"ups.start.auto"}


async def test_what_there_is_depends_on_the_unit(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    plain = simulated_entry(free_port, model="generic-megatec", ups_name="plain")
    plain.add_to_hass(hass)
    await set_up(hass, plain)
    async with NutConnection(free_port) as client:
        assert (
            await client.ask("GET TYPE ups ups.start.auto")
            == "TYPE ups ups.start.auto RW ENUM NUMBER"
        )
        assert await client.ask("LIST RW plain") == "BEGIN LIST RW plain"
        assert await client.ask("") == "END LIST RW plain"
    await hass.config_entries.async_unload(plain.entry_id)
