"""What stops no host: real upsmon, primary and secondary, at the server of a Home Assistant."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
import os
from pathlib import Path
import time
from unittest.mock import patch

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import SimulatedUps
from custom_components.omron_ups.nut.replies import DATA_STALE
from tests.ha.common import MockConfigEntry, add_account, eventually
from tests.nut.upsmon import UPSMON, Upsmon, running_upsmon

BEYOND_THE_TEST_S = 3600.0
PATIENCE_S = 20.0
BAD_NEWS = {"LOWBATT", "FSD", "SHUTDOWN", "COMMBAD", "NOCOMM"}

pytestmark = pytest.mark.skipif(
    not Path(UPSMON).exists() and os.environ.get("CI") != "true", reason=f"{UPSMON} is missing"
)


async def polls(loaded: MockConfigEntry) -> None:
    """Wait until each upsmon has asked for the status since."""
    server = loaded.runtime_data.nut.server
    end = server.requests + 4
    async with asyncio.timeout(PATIENCE_S):
        while server.requests < end:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.02)


async def lose_data_for_10_s(loaded: MockConfigEntry, simulated: SimulatedUps) -> None:
    coordinator, served = loaded.runtime_data.coordinator, loaded.runtime_data.nut._ups
    simulated.unplug()
    await eventually(lambda: not coordinator.last_update_success)
    with patch.object(served, "_clock", lambda: time.monotonic() + 16):
        assert served.refusal() == DATA_STALE
    with patch.object(served, "_clock", lambda: time.monotonic() + 10):
        await polls(loaded)
        simulated.replug()
        await eventually(lambda: coordinator.last_update_success)


def fail(simulated: SimulatedUps, *, failing: bool) -> None:
    simulated.set_fault(failing)
    simulated.replace_battery = failing


async def both_hear(upsmons: Sequence[Upsmon], event: str) -> None:
    for upsmon in upsmons:
        assert not BAD_NEWS & set(await upsmon.until(event))


async def test_what_is_no_outage_stops_nobody(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulated: SimulatedUps,
    free_port: int,
    tmp_path: Path,
) -> None:
    """A self-test, alarms and 10 s without data, on mains and on battery."""
    # The unit reports battery power during its test.
    simulated.profile = replace(simulated.profile, test_shows_on_battery=True)
    coordinator = loaded.runtime_data.coordinator
    await add_account(hass, loaded, "first", role="primary")
    await add_account(hass, loaded, "joe")
    async with (
        running_upsmon(tmp_path / "primary", free_port, "ups first secret primary") as primary,
        running_upsmon(tmp_path / "secondary", free_port, "ups joe secret secondary") as secondary,
    ):
        upsmons = primary, secondary
        await eventually(lambda: len(loaded.runtime_data.nut.clients) == 2)
        assert simulated.start_self_test(BEYOND_THE_TEST_S)
        await eventually(lambda: bool(coordinator.data.testing))
        fail(simulated, failing=True)
        await both_hear(upsmons, "REPLBATT")
        await polls(loaded)
        simulated.stop_self_test()
        await lose_data_for_10_s(loaded, simulated)
        fail(simulated, failing=False)
        simulated.cut_mains()
        await both_hear(upsmons, "ONBATT")
        fail(simulated, failing=True)
        await eventually(lambda: bool(coordinator.data.fault))
        await lose_data_for_10_s(loaded, simulated)
        fail(simulated, failing=False)
        simulated.restore_mains()
        await both_hear(upsmons, "ONLINE")
        for upsmon in upsmons:
            assert upsmon.events == ["REPLBATT", "ONBATT", "ONLINE"]
            assert upsmon.process.returncode is None
            assert not upsmon.shutdown_file.exists()
        assert loaded.runtime_data.nut.forced_shutdowns.names == ()
