"""Real upsmon 2.8.0, primary and secondary, through outages that end badly and ones that do not."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
import os
from pathlib import Path

import pytest

from custom_components.omron_ups.nut import ForcedShutdown, LoggedIn

from .certificates import write_files
from .shared import PATIENCE_S, Driver, Served, connected, serving, serving_with, settings, until
from .sides import UpsdSide, eventually
from .upsd import Upsd
from .upsmon import UPSMON, running_upsmon

PRIMARY = "ups mon monpw primary"
SECONDARY = "ups sec secpw secondary"
# Settings as the driver writes them: what is wrong shows beside the status, never in it.
TROUBLE = {
    "ups.alarm": "Replace battery! UPS overload!",
    "ups.test.result": "In progress",
    "ups.beeper.status": "enabled",
}

PRIMARY_EVENTS = ["ONBATT", "LOWBATT", "SHUTDOWN"]

pytestmark = pytest.mark.usefixtures("_upsmon")


@pytest.fixture
def _upsmon() -> None:
    if Path(UPSMON).exists():
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{UPSMON} is missing: install nut-client")
    pytest.skip(f"{UPSMON} is missing")


def show(served: Served, status: str, **variables: str) -> None:
    served.ups.publish({"ups.status": status} | variables, read_at=served.clock.now)


def is_end_of_a_secondary(events: Sequence[str]) -> bool:
    """Tell whether these are the right events; LB and FSD may be seen in one poll, FSD first."""
    first, *between, last = events
    return (first, sorted(between), last) == ("ONBATT", ["FSD", "LOWBATT"], "SHUTDOWN")


async def polls(served: Served, count: int) -> None:
    """Wait until so many requests have come."""
    end = served.server.requests + count
    async with asyncio.timeout(2 * PATIENCE_S):
        while served.server.requests < end:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.02)


async def test_78_outage_stops_the_secondary_first_and_then_the_primary(
    served: Served, tmp_path: Path
) -> None:
    forced: list[ForcedShutdown] = []
    logins: list[int] = []
    syncs: list[asyncio.Task[tuple[LoggedIn, ...]]] = []

    def on_forced(request: ForcedShutdown) -> None:
        forced.append(request)
        syncs.append(asyncio.create_task(served.ups.host_sync(request.name, timeout_s=30)))

    served.ups.subscribe_forced_shutdown(on_forced)
    served.ups.subscribe(lambda: logins.append(served.ups.logins))
    async with (
        running_upsmon(tmp_path / "primary", served.port, PRIMARY) as primary,
        running_upsmon(tmp_path / "secondary", served.port, SECONDARY) as secondary,
    ):
        await until(served.ups, lambda: served.ups.logins == 2)
        show(served, "OB DISCHRG")
        await primary.until("ONBATT")
        await secondary.until("ONBATT")
        show(served, "OB DISCHRG LB")
        assert await primary.ended() == PRIMARY_EVENTS
        assert is_end_of_a_secondary(await secondary.ended())
        assert primary.shutdown_file.exists()
        assert secondary.shutdown_file.exists()
        assert primary.shutdown_file.stat().st_mtime_ns > secondary.shutdown_file.stat().st_mtime_ns
    assert [(request.name, request.username) for request in forced] == [("ups", "mon")]
    assert logins == [1, 2, 1, 0]
    assert await syncs[0] == ()
    assert served.ups.forced_shutdowns == ("ups",)


async def test_78_upsd_leads_to_the_same_events(own_upsd: Upsd, tmp_path: Path) -> None:
    side = UpsdSide(own_upsd)
    async with (
        running_upsmon(tmp_path / "primary", side.port, PRIMARY) as primary,
        running_upsmon(tmp_path / "secondary", side.port, SECONDARY) as secondary,
    ):
        await eventually(side.port, "GET NUMLOGINS ups", b"NUMLOGINS ups 2\n")
        side.publish("ups", {"ups.status": "OB DISCHRG"})
        await primary.until("ONBATT")
        await secondary.until("ONBATT")
        side.publish("ups", {"ups.status": "OB DISCHRG LB"})
        assert await primary.ended() == PRIMARY_EVENTS
        assert is_end_of_a_secondary(await secondary.ended())
        await eventually(side.port, "GET NUMLOGINS ups", b"NUMLOGINS ups 0\n")


async def test_forced_shutdown_of_a_name_stops_only_those_who_ask_under_it(
    served: Served, tmp_path: Path
) -> None:
    served.ups.set_names("ups", ["qnapups"])
    async with (
        running_upsmon(tmp_path / "ups", served.port, SECONDARY) as stays,
        running_upsmon(tmp_path / "nas", served.port, "qnapups sec secpw secondary") as stops,
    ):
        await until(served.ups, lambda: served.ups.logins == 2)
        assert [client.name for client in await served.ups.host_sync("qnapups", timeout_s=0)] == [
            "qnapups"
        ]
        show(served, "OB DISCHRG")
        await stops.until("ONBATT")
        served.ups.set_forced_shutdown("qnapups")
        assert await served.ups.host_sync("qnapups", timeout_s=30) == ()
        assert (await stops.ended())[-2:] == ["FSD", "SHUTDOWN"]
        assert stops.shutdown_file.exists()
        served.ups.clear_forced_shutdown("qnapups")
        show(served, "OL")
        assert await stays.until("ONLINE") == ["ONBATT", "ONLINE"]
        assert [client.name for client in served.ups.clients] == ["ups"]
        assert not stays.shutdown_file.exists()


async def test_test_alarm_gap_and_reload_stop_nobody(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as both:
        for status, news in (("OL", "ONBATT"), ("OB DISCHRG", "ONLINE")):
            both.create_task(_trouble_stops_nobody(status, news, tmp_path))


async def _trouble_stops_nobody(status: str, news: str, folder: Path) -> None:
    """Go through all that is no outage while the status is this one, and then hear the news."""
    before = ["ONBATT"] if news == "ONLINE" else []
    async with (
        serving() as served,
        running_upsmon(folder / f"primary-{news}", served.port, PRIMARY) as primary,
        running_upsmon(folder / f"secondary-{news}", served.port, SECONDARY) as secondary,
    ):
        await until(served.ups, lambda: served.ups.logins == 2)
        show(served, status, **TROUBLE)
        await polls(served, 4)
        # A gap of 10 s, through which the last data is served.
        served.clock.now += 10
        await polls(served, 4)
        show(served, status)
        # The entry is reloaded: its UPS goes, and comes again with the same data.
        served.remove("ups")
        served.add("ups")
        await until(served.ups, lambda: served.ups.logins == 2)
        for upsmon in (primary, secondary):
            assert await upsmon.until("COMMOK") == [*before, "COMMBAD", "COMMOK"]
        await polls(served, 4)
        show(served, "OB DISCHRG" if news == "ONBATT" else "OL")
        for upsmon in (primary, secondary):
            assert await upsmon.until(news) == [*before, "COMMBAD", "COMMOK", news]
            assert not upsmon.shutdown_file.exists()
        assert served.ups.forced_shutdowns == ()


async def test_upsmon_that_is_killed_is_counted_out(served: Served, tmp_path: Path) -> None:
    async with running_upsmon(tmp_path / "upsmon", served.port, SECONDARY) as upsmon:
        await until(served.ups, lambda: served.ups.logins == 1)
        async with connected(served.port) as client:
            assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 1\n"
            upsmon.process.kill()
            await until(served.ups, lambda: not served.ups.clients)
            assert await client.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 0\n"


async def test_upsmon_in_tls(tmp_path: Path) -> None:
    tls = replace(settings(), tls=write_files(tmp_path))
    async with (
        serving_with(tls) as served,
        # FORCESSL makes it refuse to go on in clear text.
        running_upsmon(
            tmp_path / "upsmon", served.port, PRIMARY, extra="FORCESSL 1\nCERTVERIFY 0\n"
        ) as upsmon,
    ):
        await until(served.ups, lambda: served.ups.logins == 1)
        (connection,) = served.server._connections
        assert connection._transport.get_extra_info("ssl_object") is not None
        show(served, "OB DISCHRG LB")
        assert (await upsmon.ended())[-1] == "SHUTDOWN"
        assert upsmon.shutdown_file.exists()
    assert served.driver == Driver(go=served.driver.go)
