"""The ways to change something that are not open to the actions of a device page."""

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.omron_ups.controls import async_send_command, async_set_variable
from custom_components.omron_ups.driver import SimulatedUps
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
