"""The flow of NUT accounts."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.omron_ups.const import CONF_PASSWORD_HASH, CONF_ROLE, SUBENTRY_NUT_ACCOUNT
from tests.ha.common import MockConfigEntry

ACCOUNT = {CONF_USERNAME: "upsmon", CONF_PASSWORD: "geheim", CONF_ROLE: "monitor"}


async def start(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Start to add an account, and return the id of the flow."""
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_NUT_ACCOUNT), context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.FORM
    return result["flow_id"]


async def submit(hass: HomeAssistant, flow_id: str, data: dict[str, Any]) -> SubentryFlowResult:
    """Submit the form."""
    result = await hass.config_entries.subentries.async_configure(flow_id, data)
    await hass.async_block_till_done()
    return result


async def test_add(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    result = await submit(hass, await start(hass, loaded), ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = loaded.subentries.values()
    assert subentry.title == subentry.unique_id == "upsmon"
    assert subentry.data[CONF_USERNAME] == "upsmon"
    assert subentry.data[CONF_PASSWORD_HASH].startswith("scrypt$")
    assert "geheim" not in str(subentry.data)


@pytest.mark.parametrize(
    ("mistake", "errors"),
    [
        ({CONF_USERNAME: "two words"}, {CONF_USERNAME: "not_one_word"}),
        ({CONF_USERNAME: ""}, {CONF_USERNAME: "not_one_word"}),
        ({CONF_PASSWORD: "geheim#1"}, {CONF_PASSWORD: "not_one_word"}),
        ({CONF_PASSWORD: "パスワード"}, {CONF_PASSWORD: "not_one_word"}),
    ],
)
async def test_mistake_then_recover(
    hass: HomeAssistant, loaded: MockConfigEntry, mistake: dict[str, str], errors: dict[str, str]
) -> None:
    flow_id = await start(hass, loaded)
    result = await submit(hass, flow_id, {**ACCOUNT, **mistake})
    assert result["errors"] == errors
    result = await submit(hass, flow_id, ACCOUNT)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_name_that_is_taken(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await submit(hass, await start(hass, loaded), ACCOUNT)
    flow_id = await start(hass, loaded)
    result = await submit(hass, flow_id, ACCOUNT)
    assert result["errors"] == {CONF_USERNAME: "username_taken"}
    result = await submit(hass, flow_id, {**ACCOUNT, CONF_USERNAME: "nas"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert len(loaded.subentries) == 2


async def test_change(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await submit(hass, await start(hass, loaded), ACCOUNT)
    (subentry,) = loaded.subentries.values()
    old_hash = subentry.data[CONF_PASSWORD_HASH]
    result = await loaded.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    assert result["step_id"] == "reconfigure"
    result = await submit(hass, result["flow_id"], {**ACCOUNT, CONF_PASSWORD: "anders"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    (subentry,) = loaded.subentries.values()
    assert subentry.data[CONF_PASSWORD_HASH] != old_hash
