"""An account that a NUT server refuses while Home Assistant runs."""

from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from tests.driver.remote_rig import ADMIN, Rig
from tests.ha.common import MockConfigEntry, eventually, is_loaded, remote_entry, set_up, state_of

pytestmark = pytest.mark.usefixtures("socket_enabled")

WRONG = {**ADMIN, CONF_PASSWORD: "wrong"}


@pytest.fixture
async def refused(hass: HomeAssistant, rig: Rig) -> MockConfigEntry:
    """Return an entry whose account is refused; it is set up all the same."""
    entry = remote_entry(rig.port, **WRONG)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert is_loaded(entry)
    return entry


def requests(hass: HomeAssistant) -> list[Any]:
    """Return the open requests for another account."""
    flows = hass.config_entries.flow.async_progress()
    return [flow for flow in flows if flow["context"]["source"] == SOURCE_REAUTH]


async def test_the_account_is_asked_for_while_the_readings_go_on(
    hass: HomeAssistant, rig: Rig, refused: MockConfigEntry
) -> None:
    assert state_of(hass, "sensor.bw55t_battery_charge") == "90"
    (flow,) = requests(hass)
    assert flow["step_id"] == "reauth_confirm"
    configure = hass.config_entries.flow.async_configure
    form = await configure(flow["flow_id"])
    assert form["description_placeholders"] == {
        "name": "BW55T",
        "own_address": "",
        "server": f"127.0.0.1:{rig.port}",
        "ups": "BW55T",
    }
    result = await configure(flow["flow_id"], WRONG)
    assert result["errors"] == {"base": "credentials_refused"}
    result = await configure(flow["flow_id"], ADMIN)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert is_loaded(refused)
    assert refused.data[CONF_PASSWORD] == ADMIN[CONF_PASSWORD]
    assert "load.off" in refused.runtime_data.ups.commands
    assert requests(hass) == []
    await hass.config_entries.async_unload(refused.entry_id)


async def test_without_an_account_the_ups_is_only_read(
    hass: HomeAssistant, refused: MockConfigEntry
) -> None:
    (flow,) = requests(hass)
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {})
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert is_loaded(refused)
    assert refused.data.keys() & ADMIN.keys() == set()
    assert requests(hass) == []
    await hass.config_entries.async_unload(refused.entry_id)


async def test_who_dismisses_the_request_is_left_alone(
    hass: HomeAssistant, refused: MockConfigEntry
) -> None:
    (flow,) = requests(hass)
    hass.config_entries.flow.async_abort(flow["flow_id"])
    read_at = refused.runtime_data.ups.state.read_at
    await eventually(lambda: refused.runtime_data.ups.state.read_at > read_at)
    await hass.async_block_till_done()
    assert requests(hass) == []
    await hass.config_entries.async_unload(refused.entry_id)


async def test_an_account_that_is_refused_from_now_on(hass: HomeAssistant, rig: Rig) -> None:
    entry = remote_entry(rig.port, **ADMIN)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert requests(hass) == []
    users = rig.upsd.folder / "upsd.users"
    users.write_text(users.read_text().replace(f"[{ADMIN[CONF_USERNAME]}]", "[other]"))
    await rig.upsd.kill("upsd")
    await eventually(lambda: entry.runtime_data.ups.state.stale)
    await rig.upsd.start()
    await eventually(lambda: len(requests(hass)) == 1)
    await hass.config_entries.async_unload(entry.entry_id)
