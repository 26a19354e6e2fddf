"""Hosts that should be logged in."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups.const import DOMAIN, Issue
from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.expected_clients import GRACE
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    NutConnection,
    add_account,
    async_fire_time_changed,
    change_nut_server,
    eventually,
    set_up,
)

NAS = "192.0.2.30"


async def pass_grace(hass: HomeAssistant, *, but: timedelta = timedelta()) -> None:
    """Let the grace run down, all but a bit."""
    async_fire_time_changed(hass, dt_util.utcnow() + GRACE - but + timedelta(seconds=0.5))
    await hass.async_block_till_done()


type Missing = Callable[[], set[str]]


@pytest.fixture
def missing(loaded: MockConfigEntry, issue_registry: ir.IssueRegistry) -> Missing:
    """Return what tells the hosts that are reported as missing now."""
    prefix = f"{Issue.NUT_CLIENT_MISSING}_{loaded.entry_id}_"

    def hosts() -> set[str]:
        found = {issue for domain, issue in issue_registry.issues if domain == DOMAIN}
        assert all(issue.startswith(prefix) for issue in found)
        return {issue.removeprefix(prefix) for issue in found}

    return hosts


async def test_a_host_that_stays_away_is_named(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    missing: Missing,
    issue_registry: ir.IssueRegistry,
) -> None:
    await change_nut_server(hass, loaded, expected_clients=[NAS])
    await pass_grace(hass, but=timedelta(seconds=10))
    assert missing() == set()
    await pass_grace(hass)
    assert missing() == {NAS}
    (issue,) = issue_registry.issues.values()
    assert issue.translation_placeholders == {"ups": "BW55T", "host": NAS}
    await change_nut_server(hass, loaded, expected_clients=[])
    assert missing() == set()


@pytest.mark.parametrize("host", [LOOPBACK, "localhost"])
async def test_who_comes_back_is_missed_no_more(
    hass: HomeAssistant, loaded: MockConfigEntry, missing: Missing, free_port: int, host: str
) -> None:
    await add_account(hass, loaded, "joe")
    await change_nut_server(hass, loaded, expected_clients=[host])
    await pass_grace(hass)
    assert missing() == {host}
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == "OK"
        await eventually(lambda: missing() == set())
        await pass_grace(hass)
        assert missing() == set()
    await eventually(lambda: not loaded.runtime_data.nut.clients)
    await hass.async_block_till_done()
    assert missing() == set()
    await pass_grace(hass)
    assert missing() == {host}


async def test_a_host_without_an_address_is_missing_too(
    hass: HomeAssistant, loaded: MockConfigEntry, missing: Missing, no_name_server: None
) -> None:
    await change_nut_server(hass, loaded, expected_clients=["nas.invalid"])
    await pass_grace(hass)
    assert missing() == {"nas.invalid"}


async def test_a_name_that_cannot_be_resolved_any_more_keeps_its_address(
    hass: HomeAssistant, loaded: MockConfigEntry, missing: Missing, free_port: int
) -> None:
    await add_account(hass, loaded, "joe")
    await change_nut_server(hass, loaded, expected_clients=["localhost"])
    with patch.object(hass.loop, "getaddrinfo", side_effect=OSError("no name server")):
        async with NutConnection(free_port) as client:
            assert await client.log_in("joe") == "OK"
            await hass.async_block_till_done()
            await pass_grace(hass)
            assert missing() == set()


async def test_on_battery_hosts_leave_because_they_should(
    hass: HomeAssistant, loaded: MockConfigEntry, simulated: SimulatedUps, missing: Missing
) -> None:
    await change_nut_server(hass, loaded, expected_clients=[NAS])
    simulated.cut_mains()
    await eventually(lambda: loaded.runtime_data.coordinator.data.on_battery is True)
    await pass_grace(hass)
    assert missing() == set()
    simulated.restore_mains()
    await eventually(lambda: loaded.runtime_data.coordinator.data.on_battery is False)
    await pass_grace(hass, but=timedelta(seconds=10))
    assert missing() == set()
    await pass_grace(hass)
    assert missing() == {NAS}


async def test_in_a_forced_shutdown_hosts_leave_because_they_should(
    hass: HomeAssistant, loaded: MockConfigEntry, missing: Missing, free_port: int
) -> None:
    await add_account(hass, loaded, "joe", role="primary")
    await change_nut_server(hass, loaded, expected_clients=[LOOPBACK])
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == "OK"
        assert await client.ask("FSD ups") == "OK FSD-SET"
    await eventually(lambda: not loaded.runtime_data.nut.clients)
    loaded.runtime_data.nut._issues.async_settle(Issue.NUT_FORCED_SHUTDOWN, "ups")
    await pass_grace(hass)
    assert missing() == set()


async def test_nobody_is_missed_while_home_assistant_starts(
    hass: HomeAssistant, entry: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    hass.set_state(CoreState.starting)
    hass.config_entries.async_update_entry(
        entry,
        options={"nut_server": {**entry.options["nut_server"], "expected_clients": [NAS]}},
    )
    await set_up(hass, entry)
    await pass_grace(hass)
    assert issue_registry.issues == {}
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    await pass_grace(hass)
    assert len(issue_registry.issues) == 1
    await hass.config_entries.async_unload(entry.entry_id)
    assert issue_registry.issues == {}


async def test_unloading_while_a_name_is_looked_up(
    hass: HomeAssistant, loaded: MockConfigEntry, missing: Missing
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    nut = loaded.runtime_data.nut

    async def slow_getaddrinfo(*_args: Any, **_options: Any) -> list[Any]:
        asked.set()
        await answer.wait()
        return []

    with patch.object(hass.loop, "getaddrinfo", slow_getaddrinfo):
        options = {**loaded.options["nut_server"], "expected_clients": ["nas"]}
        hass.config_entries.async_update_entry(loaded, options={"nut_server": options})
        await asked.wait()
        unload = hass.async_create_task(hass.config_entries.async_unload(loaded.entry_id))
        await eventually(lambda: not nut.is_serving)
        answer.set()
        assert await unload
    await pass_grace(hass)
    assert missing() == set()
