"""The repair of a refused address, through Home Assistant's own repairs."""

from http import HTTPStatus
from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.omron_ups.const import CONF_ALLOWED_NETWORKS, CONF_NUT_SERVER, DOMAIN, Issue
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    NutConnection,
    eventually,
    set_up,
    simulated_entry,
)


@pytest.fixture
async def refused(
    hass: HomeAssistant, free_port: int, issue_registry: ir.IssueRegistry
) -> MockConfigEntry:
    """Return an entry whose server has just refused us."""
    assert await async_setup_component(hass, REPAIRS, {})
    entry = simulated_entry(free_port, allowed_networks=["192.0.2.0/24"])
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    async with NutConnection(free_port) as client:
        assert await client.ask("VER") == ""
    await eventually(lambda: len(issue_registry.issues) == 1)
    return entry


async def submit(client: Any, path: str, data: dict[str, Any]) -> dict[str, Any]:
    """Send a step of a fix flow as the frontend does."""
    response = await client.post(f"/api/repairs/issues/fix{path}", json=data)
    assert response.status == HTTPStatus.OK
    result: dict[str, Any] = await response.json()
    return result


def issue_of(entry: MockConfigEntry) -> str:
    """Return the id of the issue."""
    return f"{Issue.NUT_ADDRESS_REFUSED}_{entry.entry_id}_{LOOPBACK}"


async def test_allowing_the_machine(
    hass: HomeAssistant,
    refused: MockConfigEntry,
    hass_client: Any,
    free_port: int,
    issue_registry: ir.IssueRegistry,
) -> None:
    client = await hass_client()
    form = await submit(client, "", {"handler": DOMAIN, "issue_id": issue_of(refused)})
    assert form["step_id"] == "allow"
    assert form["description_placeholders"] == {"ups": "BW55T", "address": LOOPBACK}
    (field,) = form["data_schema"]
    assert field["default"] == "127.0.0.1/32"

    flow = f"/{form['flow_id']}"
    result = await submit(client, flow, {"network": "everybody"})
    assert result["errors"] == {"network": "invalid_network"}
    assert result["data_schema"][0]["default"] == "everybody"

    result = await submit(client, flow, {"network": "127.0.0.1/32"})
    assert result["type"] == "create_entry"
    await hass.async_block_till_done()
    networks = refused.options[CONF_NUT_SERVER][CONF_ALLOWED_NETWORKS]
    assert networks == ["192.0.2.0/24", "127.0.0.1/32"]
    assert issue_registry.issues == {}
    async with NutConnection(free_port) as nut:
        assert (await nut.ask("NETVER")) == "1.3"
    await hass.config_entries.async_unload(refused.entry_id)


async def test_the_entry_that_came_first_is_told(
    hass: HomeAssistant,
    refused: MockConfigEntry,
    hass_client: Any,
    free_port: int,
) -> None:
    other = simulated_entry(free_port, ups_name="ups2")
    other.add_to_hass(hass)
    await set_up(hass, other)
    client = await hass_client()
    form = await submit(client, "", {"handler": DOMAIN, "issue_id": issue_of(refused)})
    await submit(client, f"/{form['flow_id']}", {"network": "127.0.0.0/8"})
    await hass.async_block_till_done()
    assert "127.0.0.0/8" in refused.options[CONF_NUT_SERVER][CONF_ALLOWED_NETWORKS]
    async with NutConnection(free_port) as nut:
        assert (await nut.ask("NETVER")) == "1.3"
    for entry in (other, refused):
        await hass.config_entries.async_unload(entry.entry_id)
