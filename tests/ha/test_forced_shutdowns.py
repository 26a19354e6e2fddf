"""FSD: reported, kept, and cleared by the user alone."""

from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.omron_ups.const import DOMAIN, Issue
from custom_components.omron_ups.driver import SimulatedUps
from tests.ha.common import (
    ENTRY_ID,
    LOOPBACK,
    MockConfigEntry,
    NutConnection,
    add_account,
    change_nut_server,
    eventually,
)

ISSUE = f"{Issue.NUT_FORCED_SHUTDOWN}_{ENTRY_ID}_nas"
STATUS = "GET VAR {} ups.status"


@pytest.fixture(autouse=True)
async def forced(hass: HomeAssistant, loaded: MockConfigEntry, free_port: int) -> None:
    """Let a client set FSD for one of two names."""
    await add_account(hass, loaded, "joe", role="primary")
    await change_nut_server(hass, loaded, aliases=["nas"])
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("FSD NAS") == "OK FSD-SET"


async def status(port: int, name: str) -> str:
    """Return what clients of a name are told."""
    async with NutConnection(port) as client:
        reply = await client.ask(f"GET VAR {name} ups.status")
        return reply.partition('"')[2].removesuffix('"')


async def test_it_is_set_for_one_name(
    loaded: MockConfigEntry, free_port: int, issue_registry: ir.IssueRegistry
) -> None:
    assert await status(free_port, "nas") == "FSD OL"
    assert await status(free_port, "ups") == "OL"
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.is_fixable
    assert issue.translation_placeholders == {
        "ups": "BW55T",
        "ups_name": "nas",
        "username": "joe",
        "address": LOOPBACK,
    }


async def clear(hass: HomeAssistant, hass_client: Any) -> None:
    """Press what the issue offers."""
    assert await async_setup_component(hass, REPAIRS, {})
    client = await hass_client()
    response = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": ISSUE}
    )
    form = await response.json()
    assert form["step_id"] == "clear"
    assert form["description_placeholders"]["ups_name"] == "nas"
    response = await client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json={})
    assert (await response.json())["type"] == "create_entry"
    await hass.async_block_till_done()


async def test_the_user_clears_it(
    hass: HomeAssistant, hass_client: Any, free_port: int, issue_registry: ir.IssueRegistry
) -> None:
    await clear(hass, hass_client)
    assert await status(free_port, "nas") == "OL"
    assert issue_registry.issues == {}
    async with NutConnection(free_port) as client:
        await client.introduce("joe")
        assert await client.ask("FSD nas") == "OK FSD-SET"
    assert issue_registry.async_get_issue(DOMAIN, ISSUE) is not None


async def test_an_entry_that_is_gone_needs_no_clearing(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_client: Any
) -> None:
    assert await async_setup_component(hass, REPAIRS, {})
    client = await hass_client()
    response = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": ISSUE}
    )
    form = await response.json()
    await hass.config_entries.async_unload(loaded.entry_id)
    response = await client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json={})
    assert (await response.json())["type"] == "create_entry"


async def test_nothing_else_clears_it(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    free_port: int,
    issue_registry: ir.IssueRegistry,
) -> None:
    simulated.cut_mains()
    await eventually(lambda: loaded.runtime_data.coordinator.data.on_battery is True)
    simulated.restore_mains()
    await eventually(lambda: loaded.runtime_data.coordinator.data.on_battery is False)
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    assert await status(free_port, "nas") == "FSD OL"
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["username"] == "joe"


async def test_it_goes_with_its_name(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await change_nut_server(hass, loaded, aliases=[])
    assert issue_registry.issues == {}
    assert loaded.runtime_data.nut.forced_shutdowns.names == ()
