"""The shutdown plan in a real Home Assistant, which stops real hosts and is killed meanwhile."""

import asyncio
from functools import partial
from pathlib import Path
from random import Random
import re

import pytest

from scripts.lib.hass_api import ApiError
from tests.e2e.plan_rig import Home, home
from tests.e2e.plan_runs import RESTORING_S, STOPPING_S, crash_run, is_back
from tests.e2e.waiting import becomes
from tests.nut.upsmon import UPSMON
from tests.shutdown.sshd import SSHD

TIMEOUT_S = 400
COMPLAINT = re.compile(r" (ERROR|CRITICAL) |Detected that custom integration|^Traceback")

pytestmark = [
    pytest.mark.timeout(TIMEOUT_S),
    pytest.mark.skipif(not SSHD or not Path(UPSMON).exists(), reason="needs sshd and upsmon"),
]


async def test_real_hosts_stop_in_order_and_come_back_whatever_happens(tmp_path: Path) -> None:
    """Two homes side by side: most of it is waiting."""
    async with asyncio.TaskGroup() as group:
        group.create_task(an_outage_stops_all_and_mains_brings_them_back(tmp_path / "calm"))
        group.create_task(a_run_is_finished_after_crashes(tmp_path / "crashing"))
    for name in ("calm", "crashing"):
        assert_no_complaint(tmp_path / name)


async def an_outage_stops_all_and_mains_brings_them_back(folder: Path) -> None:
    async with home(folder, triggers={"time_on_battery": 15}) as rig:
        await send_nothing_disarmed(rig)
        await rig.arm()
        await becomes("handed_over", rig.plan_state)
        assert rig.stops == {host.name: 1 for host in rig.everybody}
        assert_order(rig)
        await assert_all_down(rig)
        rig.ups.restore_mains()
        await becomes(expected=True, look=partial(is_back, rig))
        await assert_all_back(rig)


async def a_run_is_finished_after_crashes(folder: Path) -> None:
    random = Random()  # noqa: S311 - moments, no secrets
    moments = (random.uniform(0.0, STOPPING_S), random.uniform(0.0, RESTORING_S))
    async with home(folder, triggers={}) as rig:
        await rig.arm()
        run = await crash_run(rig, while_stopping_s=moments[0], while_restoring_s=moments[1])
        assert not run.faults, (moments, run)
        assert_order(rig)


async def send_nothing_disarmed(rig: Home) -> None:
    """A dry run, a request and an outage: none of them has an effect on anybody."""
    answer = await rig.act("start_shutdown", dry_run=True)
    assert answer["report"]["result"] == "rehearsed"
    said = [line["detail"] for line in answer["report"]["lines"]]
    assert "set FSD on ups for 127.0.0.1" in said
    with pytest.raises(ApiError, match="not armed"):
        await rig.act("start_shutdown")
    rig.ups.cut_mains()
    # From now on the trigger holds, and nothing but the switch is missing.
    await becomes("waiting", rig.plan_state)
    assert rig.stops == {host.name: 0 for host in rig.everybody}
    assert all(host.is_up for host in rig.everybody)
    assert await rig.served("ups.status") == "OB DISCHRG"
    # Of what happened only the outage is noted; no step of a plan is.
    assert {line["did"] for line in rig.journal()} <= {"ended", "on_battery"}


def assert_order(rig: Home) -> None:
    """Each stage begins when the one before is down."""
    last = {host.name: (host.stage, host.stops[-1]) for host in rig.everybody}
    for name, (stage, at) in last.items():
        earlier = [other for number, other in last.values() if number < stage]
        assert all(other < at for other in earlier), f"{name}: {last}"


async def assert_all_down(rig: Home) -> None:
    """Everybody is off, and the post-mortem says so."""
    events = await rig.secondary.runs[-1].ended()
    assert events.count("FSD") == 1
    assert not any(host.is_up for host in rig.everybody)
    assert "FSD" in (await rig.served("ups.status") or "")
    report = await rig.last_run()
    assert report["result"] == "all_down", report["detail"]
    assert report["reason"] == "time_on_battery"
    asked = {row["name"]: row["asked_at"] for row in report["targets"]}
    assert max(asked["worker1"], asked["worker2"], asked["secondary"]) < asked["storage"]
    assert all(90 < line["charge"] <= 100 for line in report["lines"])


async def assert_all_back(rig: Home) -> None:
    """Everybody is up again, and the post-mortem says how each was stopped."""
    report = await rig.last_run()
    assert report["result"] == "all_back", report["detail"]
    assert {row["name"] for row in report["targets"]} == {host.name for host in rig.everybody}
    for row in report["targets"]:
        assert (row["state"], row["stopped"]) == ("back", "down")
        assert row["asked_at"] < row["down_at"] < row["back_at"]
        assert row["evidence"], row
    assert "FSD" not in (await rig.served("ups.status") or "FSD")

    async def kept() -> list[str]:
        return [line["did"] for line in rig.journal()]

    # Only the end, with its report, is kept; it is told before it is on disk.
    await becomes(["ended"], kept)


def assert_no_complaint(folder: Path) -> None:
    lines = (folder / "hass.log").read_text().splitlines()
    complaints = [line for line in lines if COMPLAINT.search(line)]
    assert not complaints, "\n".join(complaints)
