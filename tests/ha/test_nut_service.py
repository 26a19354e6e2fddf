"""The UPS on the network, seen by real clients in the same Home Assistant."""

from collections.abc import AsyncGenerator
from dataclasses import replace
import socket
from typing import Any
from unittest.mock import patch

from aionut import AIONUTClient
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups.const import CONF_NUT_SERVER, DOMAIN, Issue
from custom_components.omron_ups.driver import SimulatedTransport, SimulatedUps, Ups, UpsOptions
from custom_components.omron_ups.nut import Lease, NutServers
from custom_components.omron_ups.nut_served import DATA_NUT_SERVERS, DATA_RELOADING
from custom_components.omron_ups.nut_service import MAX_REFUSED_ISSUES, RETRY_INTERVAL, NutService
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    NutConnection,
    accepts,
    add_account,
    async_fire_time_changed,
    change_nut_server,
    eventually,
    set_up,
    simulated_entry,
    state_of,
)

# Both show these; the figure is how many of their units are one of ours.
SHOWN_BY_BOTH = {
    "battery_charge": 1,
    "battery_runtime": 60,
    "battery_temperature": 1,
    "battery_voltage": 1,
    "input_frequency": 1,
    "input_voltage": 1,
    "load": 1,
    "output_frequency": 1,
    "output_voltage": 1,
}


async def pass_retry_interval(hass: HomeAssistant) -> None:
    """Let it be time to try to listen again."""
    async_fire_time_changed(hass, dt_util.utcnow() + RETRY_INTERVAL)
    await hass.async_block_till_done()


@pytest.fixture
async def client(free_port: int, loaded: MockConfigEntry) -> AsyncGenerator[NutConnection]:
    """Return a client of the server."""
    async with NutConnection(free_port) as connection:
        yield connection


async def test_aionut_reads_the_ups(loaded: MockConfigEntry, free_port: int) -> None:
    client = AIONUTClient(LOOPBACK, free_port)
    assert await client.list_ups() == {"ups": "BW55T"}
    variables = await client.list_vars("ups")
    client.shutdown()
    assert variables == dict(loaded.runtime_data.ups.state.variables)
    assert variables["ups.status"] == "OL"
    assert variables["device.model"] == "BW55T"


async def test_the_power_cut_is_told(
    simulated: SimulatedUps, loaded: MockConfigEntry, client: NutConnection
) -> None:
    simulated.cut_mains()
    await eventually(lambda: bool(loaded.runtime_data.ups.state.on_battery))
    assert await client.ask("GET VAR ups ups.status") == 'VAR ups ups.status "OB DISCHRG"'


async def test_clients_are_served_with_every_entity_disabled(
    hass: HomeAssistant, entry: MockConfigEntry, free_port: int
) -> None:
    hass.config_entries.async_update_entry(entry, pref_disable_new_entities=True)
    await set_up(hass, entry)
    assert hass.states.async_all() == []
    entry.runtime_data.simulated.input_voltage = 99.0
    async with NutConnection(free_port) as client:
        await eventually(lambda: entry.runtime_data.ups.state.input_voltage == 99.0)
        reply = await client.ask("GET VAR ups input.voltage")
        assert reply == 'VAR ups input.voltage "99.0"'
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_disabled_server(hass: HomeAssistant, free_port: int) -> None:
    entry = simulated_entry(free_port, enabled=False)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert not entry.runtime_data.nut.is_serving
    assert not await accepts(free_port)
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.usefixtures("all_entities_enabled")
async def test_clients_that_are_logged_in(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    sensor = "sensor.bw55t_nut_clients"
    await add_account(hass, loaded, "upsmon")
    assert state_of(hass, sensor) == "0"
    async with NutConnection(free_port) as client:
        await client.log_in("upsmon", "secret")
        await eventually(lambda: state_of(hass, sensor) == "1")
        state = hass.states.get(sensor)
        assert state is not None
        (shown,) = state.attributes["clients"]
        assert shown["address"] == LOOPBACK
        assert shown["username"] == "upsmon"
        assert shown["ups_name"] == "ups"
        assert dt_util.parse_datetime(shown["since"]) is not None
    await eventually(lambda: state_of(hass, sensor) == "0")


async def test_names_change_at_once(
    hass: HomeAssistant, loaded: MockConfigEntry, client: NutConnection
) -> None:
    runtime_data = loaded.runtime_data
    await change_nut_server(hass, loaded, ups_name="rack", aliases=["qnapups"])
    for name in ("rack", "qnapups"):
        reply = await client.ask(f"GET VAR {name} ups.status")
        assert reply == f'VAR {name} ups.status "OL"'
    assert await client.ask("GET VAR ups ups.status") == "ERR UNKNOWN-UPS"
    assert loaded.runtime_data is runtime_data


async def test_accounts_change_at_once(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    runtime_data = loaded.runtime_data
    account = await add_account(hass, loaded, "upsmon")
    async with NutConnection(free_port) as client:
        assert await client.log_in("upsmon", "secret") == "OK"
    hass.config_entries.async_remove_subentry(loaded, account)
    await hass.async_block_till_done()
    async with NutConnection(free_port) as client:
        assert await client.log_in("upsmon", "secret") == "ERR ACCESS-DENIED"
    assert loaded.runtime_data is runtime_data


async def test_networks_change_at_once(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    runtime_data = loaded.runtime_data
    await change_nut_server(hass, loaded, allowed_networks=["192.0.2.0/24"])
    assert not await is_answered(free_port)
    await change_nut_server(hass, loaded, allowed_networks=["127.0.0.0/8"])
    assert await is_answered(free_port)
    assert loaded.runtime_data is runtime_data


async def is_answered(port: int) -> bool:
    """Tell whether the server talks to us."""
    async with NutConnection(port) as client:
        return await client.ask("VER") != ""


async def test_networks_of_the_first_entry_hold_for_all(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    other = simulated_entry(free_port, ups_name="ups2", allowed_networks=["192.0.2.0/24"])
    other.add_to_hass(hass)
    await set_up(hass, other)
    assert await is_answered(free_port)
    # The first one gone for a moment, the other keeps to its networks.
    await hass.config_entries.async_reload(loaded.entry_id)
    assert await is_answered(free_port)
    await change_nut_server(hass, loaded, allowed_networks=["192.0.2.0/24"])
    assert not await is_answered(free_port)
    await hass.config_entries.async_unload(other.entry_id)


async def test_an_entry_that_is_not_set_up_learns_what_the_first_one_decided(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    other = simulated_entry(free_port, ups_name="ups2", allowed_networks=["0.0.0.0/0"])
    other.add_to_hass(hass)
    await change_nut_server(hass, loaded, allowed_networks=["127.0.0.1/32"])
    assert other.options[CONF_NUT_SERVER]["allowed_networks"] == ["127.0.0.1/32"]


async def test_what_the_driver_says_after_the_end_is_not_served(
    hass: HomeAssistant, loaded: MockConfigEntry, client: NutConnection
) -> None:
    old = loaded.runtime_data
    await hass.config_entries.async_reload(loaded.entry_id)
    old.nut.publish(replace(old.ups.state, variables={"ups.status": "OB LB"}))
    assert await client.ask("GET VAR ups ups.status") == 'VAR ups ups.status "OL"'


async def test_a_port_in_use_is_an_issue_until_it_is_free(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    free_port: int,
    issue_registry: ir.IssueRegistry,
) -> None:
    issue_id = f"{Issue.NUT_PORT_IN_USE}_{entry.entry_id}"
    with socket.create_server((LOOPBACK, free_port)):
        await set_up(hass, entry)
        issue = issue_registry.async_get_issue(DOMAIN, issue_id)
        assert issue is not None
        assert issue.translation_placeholders == {
            "ups": "BW55T",
            "host": LOOPBACK,
            "port": str(free_port),
            "ups_name": "ups",
        }
        # The rest works.
        assert state_of(hass, "sensor.bw55t_status") == "on_mains"
        await pass_retry_interval(hass)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    await pass_retry_interval(hass)
    assert entry.runtime_data.nut.is_serving
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    await hass.config_entries.async_unload(entry.entry_id)


async def test_unloading_while_the_port_is_in_use(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    free_port: int,
    issue_registry: ir.IssueRegistry,
) -> None:
    with socket.create_server((LOOPBACK, free_port)):
        await set_up(hass, entry)
        await hass.config_entries.async_unload(entry.entry_id)
    assert issue_registry.issues == {}
    await pass_retry_interval(hass)
    assert not await accepts(free_port)


async def test_an_address_of_another_machine(
    hass: HomeAssistant, free_port: int, issue_registry: ir.IssueRegistry
) -> None:
    entry = simulated_entry(free_port, host="192.0.2.1")
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    issue_id = f"{Issue.NUT_ADDRESS_NOT_AVAILABLE}_{entry.entry_id}"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    await hass.config_entries.async_unload(entry.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_name_that_is_taken(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    free_port: int,
    issue_registry: ir.IssueRegistry,
) -> None:
    other = simulated_entry(free_port)
    other.add_to_hass(hass)
    await set_up(hass, other)
    issue_id = f"{Issue.NUT_NAME_TAKEN}_{other.entry_id}"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    await change_nut_server(hass, other, ups_name="ups2")
    await pass_retry_interval(hass)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    # The same while both are served.
    await change_nut_server(hass, other, ups_name="ups")
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    await change_nut_server(hass, other, ups_name="ups3")
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    # And when it is the other one that gives the name up.
    await change_nut_server(hass, other, ups_name="ups")
    await change_nut_server(hass, loaded, ups_name="first")
    await pass_retry_interval(hass)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    async with NutConnection(free_port) as client:
        assert (await client.ask("GET UPSDESC ups")).startswith("UPSDESC ups ")
    await change_nut_server(hass, other, ups_name="first")
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    await hass.config_entries.async_unload(other.entry_id)


async def test_stopping_while_listening_begins(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    nut = loaded.runtime_data.nut
    await nut.async_stop()
    await nut.async_start()
    assert not nut.is_serving


@pytest.mark.parametrize("final", [False, True])
async def test_stopping_while_the_port_is_being_opened(
    hass: HomeAssistant, entry: MockConfigEntry, free_port: int, final: bool
) -> None:
    acquire = NutServers.acquire

    async def stop_meanwhile(servers: NutServers, *args: Any, **kwargs: Any) -> Lease:
        lease = await acquire(servers, *args, **kwargs)
        await service.async_stop(final=final)
        return lease

    hass.data[DATA_NUT_SERVERS], hass.data[DATA_RELOADING] = NutServers(), {}
    simulated = Ups(SimulatedTransport(SimulatedUps()), options=UpsOptions(version="1"))
    service = NutService(hass, entry, simulated)
    with patch.object(NutServers, "acquire", stop_meanwhile):
        await service.async_start()
    await hass.async_block_till_done()
    assert not service.is_serving
    assert not await accepts(free_port)


async def test_a_scan_does_not_fill_the_list_of_repairs(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await change_nut_server(hass, loaded, allowed_networks=["192.0.2.0/24"])
    port = loaded.options[CONF_NUT_SERVER]["port"]
    for host in range(1, MAX_REFUSED_ISSUES + 3):
        async with NutConnection(port, source=f"127.0.0.{host}") as client:
            assert await client.ask("VER") == ""
    await hass.async_block_till_done()
    assert len(issue_registry.issues) == MAX_REFUSED_ISSUES


async def test_allowing_the_network_by_hand_settles_the_issue(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await change_nut_server(hass, loaded, allowed_networks=["192.0.2.0/24"])
    port = loaded.options[CONF_NUT_SERVER]["port"]
    assert not await is_answered(port)
    await eventually(lambda: len(issue_registry.issues) == 1)
    await change_nut_server(hass, loaded, allowed_networks=["127.0.0.0/8"])
    assert issue_registry.issues == {}
    assert await is_answered(port)


@pytest.mark.usefixtures("all_entities_enabled")
async def test_home_assistants_own_nut_integration(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int
) -> None:
    nut = MockConfigEntry(
        domain="nut",
        title="NUT",
        data={"host": LOOPBACK, "port": free_port, "alias": "ups"},
    )
    nut.add_to_hass(hass)
    await set_up(hass, nut)
    for key, factor in SHOWN_BY_BOTH.items():
        ours = float(state_of(hass, f"sensor.bw55t_{key}"))
        theirs = float(state_of(hass, f"sensor.ups_{key}"))
        assert theirs == pytest.approx(ours * factor), key
    assert state_of(hass, "sensor.ups_status_data") == "OL"
    await hass.config_entries.async_unload(nut.entry_id)
