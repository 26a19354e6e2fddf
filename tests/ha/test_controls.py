"""The ways to change something that are not open to the actions of a device page."""

from typing import cast

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.omron_ups.controls import async_send_command, async_set_variable
from custom_components.omron_ups.driver import SimulatedUps, UpsSource
from custom_components.omron_ups.driver.remote_control import RemoteCommand
from tests.ha.common import MockConfigEntry


async def test_what_the_unit_no_longer_offers(
    complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    ups = complete.runtime_data.ups
    with pytest.raises(ServiceValidationError) as raised:
        await async_send_command(ups, "load.on")
    assert raised.value.translation_key == "command_not_supported"
    assert raised.value.translation_placeholders is not None
    assert "beeper.disable" in raised.value.translation_placeholders["commands"]
    with pytest.raises(ServiceValidationError) as raised:
        await async_set_variable(ups, "ups.status", "OL")
    assert raised.value.translation_key == "variable_not_writable"
    assert not simulated.shutdown_pending


async def test_the_delay_of_one_command(complete: MockConfigEntry, simulated: SimulatedUps) -> None:
    ups = complete.runtime_data.ups
    with pytest.raises(ServiceValidationError) as raised:
        await async_send_command(ups, "shutdown.stayoff", "13")
    assert raised.value.translation_key == "delay_not_possible"
    await async_send_command(ups, "shutdown.stayoff", "12")
    assert simulated.shutdown_pending
    await async_send_command(ups, "shutdown.stop", "")
    assert not simulated.shutdown_pending


async def test_a_command_of_which_nobody_knows_whether_it_takes_a_delay() -> None:
    """Another NUT server does not tell: the value is handed on, and the server decides."""
    sent: list[tuple[str, str | None]] = []

    class Remote:
        def __init__(self) -> None:
            command = RemoteCommand(name="shutdown.return", is_dangerous=True)
            self.commands = {command.name: command}

        async def command(self, name: str, value: str | None = None) -> None:
            sent.append((name, value))

    await async_send_command(cast("UpsSource", Remote()), "shutdown.return", "30")
    assert sent == [("shutdown.return", "30")]
