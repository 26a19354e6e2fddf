"""A simulated UPS in a Home Assistant."""

from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest.mock import patch

from aiohttp.test_utils import TestServer
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension  # type: ignore[import-untyped]
from syrupy.assertion import SnapshotAssertion

# Imported here so that the test plug-in's own `custom_components` package does not win.
import custom_components.omron_ups  # noqa: F401
from custom_components.omron_ups.driver import (
    RemoteOptions,
    SimulatedTransport,
    SimulatedUps,
    Timing,
    UpsOptions,
)
from custom_components.omron_ups.shutdown.specs import Triggers
from scripts.lib.discord_server import DiscordServer
from tests.driver.remote_data import OFFERS, UNIT
from tests.driver.remote_rig import LOSING, Rig, running_rig
from tests.ha.common import (
    ENTRY_ID,
    MockConfigEntry,
    eventually,
    is_loaded,
    set_up,
    simulated_entry,
    unused_port,
)

# A clockwork that makes the tests short; the order of things is the same.
FAST = Timing(
    poll_s=0.02,
    poll_on_battery_s=0.02,
    stale_after_s=1.0,
    reconnect_first_s=0.02,
    reconnect_longest_s=0.05,
)


@pytest.fixture(autouse=True)
def auto_enable_custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant find the integration."""


@pytest.fixture(autouse=True)
def fast_ups() -> Generator[None]:
    """Let the simulated UPS answer at once, and the driver ask it often."""
    connection = "custom_components.omron_ups.connection"
    with (
        patch(f"{connection}.SimulatedTransport", partial(SimulatedTransport, turnaround_s=0)),
        patch(f"{connection}.UpsOptions", partial(UpsOptions, timing=FAST)),
        patch(f"{connection}.RemoteOptions", partial(RemoteOptions, timing=LOSING)),
    ):
        yield


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Leave out of snapshots what differs from run to run."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def all_entities_enabled() -> Generator[None]:
    """Enable the entities that are disabled by default too."""
    with patch("homeassistant.helpers.entity.Entity.entity_registry_enabled_default", new=True):
        yield


@pytest.fixture(autouse=True)
def plan_folder(tmp_path: Path) -> Generator[Path]:
    """Keep the files of shutdown plans, which are no stores of Home Assistant, for one test."""
    with patch("custom_components.omron_ups.plan_store.STORAGE_DIR", str(tmp_path)):
        yield tmp_path


_SHUTDOWN = "custom_components.omron_ups.shutdown"
# How often the plan looks, asks and tries again.
_INTERVALS = (
    ("runner", "TICK_S"),
    ("evidence", "LOOK_EVERY_S"),
    ("evidence", "UNHURRIED_S"),
    ("stages", "RECHECK_S"),
    ("last", "RECHECK_S"),
    ("stopping", "POLL_S"),
    ("stopping", "RETRY_S"),
    ("work", "AGAIN_S"),
    ("gates", "POLL_S"),
    ("restoring", "POLL_S"),
    ("restoring", "READY_EVERY_S"),
    ("restoring", "RETRY_S"),
    ("restoring", "SURE_UP_S"),
)


@pytest.fixture
def fast_plan() -> Generator[None]:
    """Let the plan look at the world every 30 ms, and believe an outage after 0.2 s."""
    triggers = partial(Triggers, debounce_s=0.2, hold_s=0.1)
    with ExitStack() as patches:
        for module, name in _INTERVALS:
            patches.enter_context(patch(f"{_SHUTDOWN}.{module}.{name}", 0.03))
        patches.enter_context(patch(f"{_SHUTDOWN}.evidence.OBSERVE_EVERY_S", 0.0))
        patches.enter_context(patch("custom_components.omron_ups.plan_options.Triggers", triggers))
        yield


@pytest.fixture
async def rig(tmp_path: Path, socket_enabled: None) -> AsyncGenerator[Rig]:
    """Return Debian's upsd with a UPS `ups`."""
    async with running_rig(tmp_path, UNIT, OFFERS) as rig:
        yield rig


@pytest.fixture
def no_name_server(hass: HomeAssistant) -> Generator[None]:
    """Let nobody know the address of a host."""
    with patch.object(hass.loop, "getaddrinfo", side_effect=OSError("no name server")):
        yield


@pytest.fixture
def free_port(socket_enabled: None) -> int:
    """Return a port that nobody listens on."""
    return unused_port()


@pytest.fixture
def entry(hass: HomeAssistant, free_port: int) -> MockConfigEntry:
    """Return an entry that is not set up yet."""
    entry = simulated_entry(free_port, entry_id=ENTRY_ID)
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def loaded(hass: HomeAssistant, entry: MockConfigEntry) -> AsyncGenerator[MockConfigEntry]:
    """Return an entry that is set up."""
    await set_up(hass, entry)
    yield entry
    if is_loaded(entry):
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def simulated(loaded: MockConfigEntry) -> SimulatedUps:
    """Return the simulation behind the UPS that is set up."""
    ups: SimulatedUps = loaded.runtime_data.simulated
    return ups


@pytest.fixture
async def complete(hass: HomeAssistant, loaded: MockConfigEntry) -> MockConfigEntry:
    """Return an entry whose UPS has told everything."""
    ups = loaded.runtime_data.ups
    last = "input.sensitivity", "ups.start.auto", "ups.start.battery", "battery.charge.restart"
    await eventually(lambda: "beeper.disable" in ups.commands and ups.writable.keys() >= set(last))
    await eventually(lambda: ups.state.input_sensitivity is not None)
    await hass.async_block_till_done()
    return loaded


@pytest.fixture
async def discord(socket_enabled: None) -> AsyncGenerator[DiscordServer]:
    """Return a Discord of our own, which every webhook leads to."""
    discord = DiscordServer(limit=1000)
    async with TestServer(discord.app()) as server:
        with patch("custom_components.omron_ups.discord.API", str(server.make_url("/api/v10"))):
            yield discord
