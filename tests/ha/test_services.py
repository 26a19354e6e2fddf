"""The actions."""

from typing import Any
from unittest.mock import patch

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]

from custom_components.omron_ups.const import DOMAIN
from custom_components.omron_ups.driver import SettingMemoryError, SimulatedUps
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from tests.ha.common import MockConfigEntry, eventually, set_up, simulated_entry


async def get_variables(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action."""
    response = await hass.services.async_call(
        DOMAIN, "get_variables", data, blocking=True, return_response=True
    )
    assert response is not None
    return dict(response)


@pytest.mark.parametrize("names_the_entry", [True, False])
async def test_get_variables(
    hass: HomeAssistant, loaded: MockConfigEntry, names_the_entry: bool
) -> None:
    data = {"config_entry_id": loaded.entry_id} if names_the_entry else {}
    response = await get_variables(hass, **data)
    assert set(response) == {"variables", "age"}
    assert response["variables"]["ups.status"] == "OL"
    assert response["variables"]["device.model"] == "BW55T"
    assert 0 <= response["age"] < 5


async def test_old_variables_tell_their_age(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.unplug()
    await eventually(lambda: loaded.runtime_data.ups.state.stale)
    response = await get_variables(hass)
    assert response["age"] >= 0.2
    assert response["variables"]["ups.status"] == "OL"


async def test_with_two_upses_the_entry_must_be_named(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    other = simulated_entry(free_port, model="bn150t", ups_name="ups2")
    other.add_to_hass(hass)
    await set_up(hass, other)
    with pytest.raises(ServiceValidationError):
        await get_variables(hass)
    response = await get_variables(hass, config_entry_id=other.entry_id)
    assert response["variables"]["device.model"] == "BN150T"
    await hass.config_entries.async_unload(other.entry_id)


async def test_an_entry_that_is_not_loaded(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)
    with pytest.raises(ServiceValidationError):
        await get_variables(hass, config_entry_id=loaded.entry_id)
    with pytest.raises(ServiceValidationError):
        await get_variables(hass, config_entry_id="no such entry")


async def call(hass: HomeAssistant, action: str, **data: Any) -> None:
    """Call an action and wait until the UPS has confirmed."""
    await hass.services.async_call(DOMAIN, action, data, blocking=True)


async def test_send_command(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    await call(hass, "send_command", command="beeper.disable")
    assert simulated.settings.beeper is False
    assert complete.runtime_data.ups.state.variables["ups.beeper.status"] == "disabled"
    await call(hass, "send_command", command="beeper.enable", config_entry_id=complete.entry_id)
    assert simulated.settings.beeper is True


@pytest.mark.usefixtures("complete")
async def test_send_command_with_a_delay(hass: HomeAssistant, simulated: SimulatedUps) -> None:
    with patch("custom_components.omron_ups.setting_memory.FileSettingMemory.save"):
        await call(hass, "send_command", command="shutdown.stayoff", value=1800.0)
        assert simulated.shutdown_pending
        await call(hass, "send_command", command="shutdown.stop")
    assert not simulated.shutdown_pending


@pytest.mark.parametrize(
    ("variable", "value", "stored"),
    [
        ("battery.charge.low", 30, "30"),
        ("battery.charge.low", 30.0, "30"),
        ("ups.start.auto", False, "no"),
        ("ups.start.auto", True, "yes"),
        ("ups.delay.shutdown", "60", "60"),
    ],
)
async def test_set_variable(
    hass: HomeAssistant, complete: MockConfigEntry, variable: str, value: object, stored: str
) -> None:
    await call(hass, "set_variable", variable=variable, value=value)
    assert complete.runtime_data.ups.state.variables[variable] == stored


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("send_command", {"command": "load.on"}, "command_not_supported"),
        (
            "send_command",
            {"command": "beeper.enable", "value": "1"},
            "command_takes_no_value",
        ),
        (
            "send_command",
            {"command": "shutdown.return", "value": "61"},
            "delay_not_possible",
        ),
        ("set_variable", {"variable": "ups.status", "value": "OL"}, "variable_not_writable"),
        (
            "set_variable",
            {"variable": "ups.start.auto", "value": "maybe"},
            "value_not_possible",
        ),
        (
            "set_variable",
            {"variable": "battery.charge.low", "value": "101"},
            "value_not_possible",
        ),
    ],
)
async def test_mistakes(
    hass: HomeAssistant, simulated: SimulatedUps, action: str, data: dict[str, str], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await call(hass, action, **data)
    assert raised.value.translation_key == key
    assert raised.value.translation_domain == DOMAIN
    assert next(iter(data.values())) in str(raised.value)
    assert not simulated.shutdown_pending


async def test_what_is_possible_is_said(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    bn150t = simulated_entry(1, model="bn150t", enabled=False)
    bn150t.add_to_hass(hass)
    await set_up(hass, bn150t)
    ups = bn150t.runtime_data.ups
    await eventually(lambda: "battery.date" in ups.writable)
    for variable, possible in (
        ("ups.start.auto", "yes, no"),
        ("battery.charge.low", "0 - 100"),
        ("battery.date", "<= 10"),
    ):
        with pytest.raises(ServiceValidationError) as raised:
            await call(
                hass,
                "set_variable",
                config_entry_id=bn150t.entry_id,
                variable=variable,
                value="no such thing",
            )
        assert raised.value.translation_placeholders is not None
        assert raised.value.translation_placeholders["possible"] == possible
    await hass.config_entries.async_unload(bn150t.entry_id)


@pytest.mark.parametrize(
    ("fault", "key"),
    [(FaultKind.NAK, "request_refused"), (FaultKind.LOST_REQUEST, "request_unconfirmed")],
)
async def test_a_ups_that_does_not_obey(
    hass: HomeAssistant,
    complete: MockConfigEntry,
    simulated: SimulatedUps,
    fault: FaultKind,
    key: str,
) -> None:
    complete.runtime_data.ups._transport.reply_limit_s = 0.05
    simulated.inject(Fault(kind=fault, request="Bf"))
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "send_command", command="beeper.disable")
    assert raised.value.translation_key == key
    simulated.clear_faults()
    await call(hass, "send_command", command="beeper.disable")
    assert simulated.settings.beeper is False


async def test_a_ups_that_is_gone(
    hass: HomeAssistant, complete: MockConfigEntry, simulated: SimulatedUps
) -> None:
    simulated.unplug()
    await eventually(lambda: complete.runtime_data.ups.state.stale)
    for action, data in (
        ("send_command", {"command": "beeper.disable"}),
        ("set_variable", {"variable": "ups.start.auto", "value": "no"}),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await call(hass, action, **data)
        assert raised.value.translation_key == "cannot_connect"


@pytest.mark.usefixtures("complete")
async def test_a_disk_that_is_full(hass: HomeAssistant, simulated: SimulatedUps) -> None:
    with (
        patch(
            "custom_components.omron_ups.setting_memory.FileSettingMemory.save",
            side_effect=OSError("full"),
        ),
        pytest.raises(HomeAssistantError) as raised,
    ):
        await call(hass, "send_command", command="shutdown.stayoff")
    assert raised.value.translation_key == "setting_not_stored"
    assert isinstance(raised.value.__cause__, SettingMemoryError)
    assert not simulated.shutdown_pending


@pytest.mark.usefixtures("complete")
async def test_users_must_be_administrators(
    hass: HomeAssistant,
    simulated: SimulatedUps,
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
) -> None:
    data = {"command": "beeper.disable"}
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "send_command",
            data,
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "set_variable",
            {"variable": "ups.start.auto", "value": "no"},
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    assert simulated.settings.beeper is True
    await hass.services.async_call(
        DOMAIN,
        "send_command",
        data,
        blocking=True,
        context=Context(user_id=hass_admin_user.id),
    )
    assert simulated.settings.beeper is False
