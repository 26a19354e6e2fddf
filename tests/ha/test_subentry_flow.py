"""The flow of NUT accounts."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.const import CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.omron_ups.const import (
    CONF_ADD_ALIAS,
    CONF_ALIASES,
    CONF_MAY_SWITCH_OUTPUT,
    CONF_NETWORKS,
    CONF_NUT_SERVER,
    CONF_PASSWORD_HASH,
    CONF_ROLE,
    SUBENTRY_NUT_ACCOUNT,
)
from tests.ha.common import LOOPBACK, MockConfigEntry, NutConnection, set_up, simulated_entry

ACCOUNT = {CONF_USERNAME: "upsmon", CONF_PASSWORD: "geheim", CONF_ROLE: "monitor"}
NAS = {CONF_NETWORKS: ["192.0.2.30"]}


async def start(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Start to add an account, and return the id of the flow."""
    result = await choose(hass, entry, "account")
    assert result["type"] is FlowResultType.FORM
    return result["flow_id"]


async def choose(hass: HomeAssistant, entry: MockConfigEntry, kind: str) -> SubentryFlowResult:
    """Start to add an account of a kind."""
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_NUT_ACCOUNT), context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["account", "synology", "qnap"]
    return await submit(hass, result["flow_id"], {"next_step_id": kind})


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
        ({CONF_NETWORKS: ["192.0.2.0/24", "home"]}, {CONF_NETWORKS: "invalid_network"}),
        ({CONF_PASSWORD: "secret"}, {CONF_NETWORKS: "published_password_networks"}),
        (
            {CONF_PASSWORD: "123456", CONF_NETWORKS: ["0.0.0.0/0"]},
            {CONF_NETWORKS: "network_too_wide"},
        ),
        (
            {CONF_PASSWORD: "secret", CONF_ROLE: "primary", **NAS},
            {CONF_ROLE: "published_password_role"},
        ),
    ],
)
async def test_mistake_then_recover(
    hass: HomeAssistant, loaded: MockConfigEntry, mistake: dict[str, Any], errors: dict[str, str]
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


async def reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]
) -> SubentryFlowResult:
    """Change the one account."""
    (subentry,) = entry.subentries.values()
    form = await entry.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    assert form["step_id"] == "reconfigure"
    return await submit(hass, form["flow_id"], data)


async def test_change_all_but_the_password(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await submit(hass, await start(hass, loaded), ACCOUNT)
    (before,) = loaded.subentries.values()
    result = await reconfigure(
        hass,
        loaded,
        {
            CONF_USERNAME: "nas",
            CONF_ROLE: "admin",
            CONF_MAY_SWITCH_OUTPUT: True,
            CONF_NETWORKS: [" 192.0.2.7/24", "192.0.2.0/24", ""],
        },
    )
    assert result["reason"] == "reconfigure_successful"
    (after,) = loaded.subentries.values()
    assert after.title == after.unique_id == "nas"
    assert after.data == {
        **before.data,
        CONF_USERNAME: "nas",
        CONF_ROLE: "admin",
        CONF_MAY_SWITCH_OUTPUT: True,
        CONF_NETWORKS: ["192.0.2.0/24"],
    }


async def test_change_suggests_what_is_set(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await submit(hass, await start(hass, loaded), {**ACCOUNT, **NAS})
    (subentry,) = loaded.subentries.values()
    form = await loaded.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    suggested = {
        str(marker): (marker.description or {}).get("suggested_value")
        for marker in form["data_schema"].schema
    }
    assert suggested == {
        CONF_USERNAME: "upsmon",
        CONF_PASSWORD: None,
        CONF_ROLE: "monitor",
        CONF_MAY_SWITCH_OUTPUT: False,
        CONF_NETWORKS: ["192.0.2.30/32"],
    }


@pytest.mark.parametrize(
    ("kind", "asked_for"),
    [("synology", ("monuser", "secret", "ups")), ("qnap", ("admin", "123456", "qnapups"))],
)
async def test_preset(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    free_port: int,
    kind: str,
    asked_for: tuple[str, str, str],
) -> None:
    username, password, ups_name = asked_for
    form = await choose(hass, loaded, kind)
    assert form["step_id"] == kind
    assert form["description_placeholders"] == {
        "username": username,
        "password": password,
        "ups_name": ups_name,
    }
    # No default of the networks could be right.
    with pytest.raises(InvalidData):
        await submit(hass, form["flow_id"], {})
    for networks, error in (
        ([], "published_password_networks"),
        (["everywhere"], "invalid_network"),
        (["0.0.0.0/0"], "network_too_wide"),
    ):
        result = await submit(hass, form["flow_id"], {CONF_NETWORKS: networks})
        assert result["errors"] == {CONF_NETWORKS: error}
    result = await submit(hass, form["flow_id"], {CONF_NETWORKS: [LOOPBACK]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = loaded.subentries.values()
    assert subentry.title == username
    assert subentry.data[CONF_ROLE] == "monitor"
    assert subentry.data[CONF_MAY_SWITCH_OUTPUT] is False
    assert subentry.data[CONF_NETWORKS] == ["127.0.0.1/32"]
    async with NutConnection(free_port) as client:
        assert await client.log_in(username, password, ups=ups_name) == "OK"
    async with NutConnection(free_port, source="127.0.0.2") as client:
        assert await client.log_in(username, password, ups=ups_name) == "ERR ACCESS-DENIED"


async def test_preset_offers_the_name_that_is_missing(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = await choose(hass, loaded, "qnap")
    assert form["data_schema"] is not None
    assert CONF_ADD_ALIAS in form["data_schema"].schema
    await submit(hass, form["flow_id"], {**NAS, CONF_ADD_ALIAS: False})
    assert loaded.options[CONF_NUT_SERVER][CONF_ALIASES] == []
    (subentry_id,) = loaded.subentries
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    form = await choose(hass, loaded, "qnap")
    await submit(hass, form["flow_id"], NAS)
    assert loaded.options[CONF_NUT_SERVER][CONF_ALIASES] == ["qnapups"]
    form = await choose(hass, loaded, "synology")
    assert form["data_schema"] is not None
    assert CONF_ADD_ALIAS not in form["data_schema"].schema


async def test_preset_whose_name_another_ups_has(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    other = simulated_entry(free_port, ups_name="ups2", aliases=["QNAPUPS"])
    other.add_to_hass(hass)
    form = await choose(hass, loaded, "qnap")
    result = await submit(hass, form["flow_id"], NAS)
    assert result["errors"] == {CONF_ADD_ALIAS: "alias_taken"}
    result = await submit(hass, form["flow_id"], {**NAS, CONF_ADD_ALIAS: False})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_preset_of_a_ups_that_is_not_served(hass: HomeAssistant, free_port: int) -> None:
    entry = simulated_entry(free_port, enabled=False)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    form = await choose(hass, entry, "qnap")
    result = await submit(hass, form["flow_id"], NAS)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options[CONF_NUT_SERVER][CONF_ALIASES] == ["qnapups"]
    await hass.config_entries.async_unload(entry.entry_id)


async def test_preset_that_is_there_already(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await submit(hass, (await choose(hass, loaded, "synology"))["flow_id"], NAS)
    result = await choose(hass, loaded, "synology")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "account_exists"
    assert result["description_placeholders"] == {"username": "monuser"}


async def test_a_known_password_is_never_trusted(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await submit(hass, (await choose(hass, loaded, "synology"))["flow_id"], NAS)
    change = {CONF_USERNAME: "joe", CONF_ROLE: "monitor"}
    result = await reconfigure(hass, loaded, change)
    assert result["errors"] == {CONF_NETWORKS: "published_password_networks"}
    result = await submit(hass, result["flow_id"], {**change, **NAS, CONF_ROLE: "admin"})
    assert result["errors"] == {CONF_ROLE: "published_password_role"}
    # With a password of its own it is an account like others.
    result = await submit(
        hass, result["flow_id"], {**change, CONF_ROLE: "admin", CONF_PASSWORD: "geheim"}
    )
    assert result["reason"] == "reconfigure_successful"
    result = await reconfigure(hass, loaded, {**change, CONF_ROLE: "primary"})
    assert result["reason"] == "reconfigure_successful"


async def test_changes_drop_nobody(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    await submit(hass, await start(hass, loaded), ACCOUNT)
    async with NutConnection(free_port) as client:
        assert await client.log_in("upsmon", "geheim") == "OK"
        form = await choose(hass, loaded, "qnap")
        await submit(hass, form["flow_id"], NAS)
        assert await client.ask("FSD ups") == "ERR ACCESS-DENIED"
        upsmon = next(iter(loaded.subentries))
        form = await loaded.start_subentry_reconfigure_flow(hass, upsmon)
        await submit(hass, form["flow_id"], {CONF_USERNAME: "upsmon", CONF_ROLE: "primary"})
        assert await client.ask("PRIMARY ups") == "OK PRIMARY-GRANTED"
        assert await client.ask("GET NUMLOGINS qnapups") == "NUMLOGINS qnapups 1"
