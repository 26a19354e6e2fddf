"""Runs of the shutdown plan on the rig: an outage from its beginning to its end, with a crash."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from scripts.lib.hass_api import Json
from tests.e2e.plan_rig import Home, becomes

LONGEST_S = 32.0
"""From the start of a plan until all are back, if nothing else happens; most of it is to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashRun:
    """What became of one run in which Home Assistant was killed."""

    crashed_at: str
    """The last word in the journal before the kill."""
    report: Json
    stops: Mapping[str, int]
    """How often each host was told to stop."""

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        found = [f"{name} told {times} times" for name, times in self.stops.items() if times != 1]
        if self.report["result"] != "all_back":
            found.append(f"{self.report['result']}: {self.report['detail']}")
        return found


async def crash_run(home: Home, *, crash_after_s: float) -> CrashRun:
    """Let mains fail, stop everybody, kill Home Assistant meanwhile, let mains return.

    Args:
        home: with an armed plan.
        crash_after_s: from the start of the plan to the kill.

    """
    before = home.stops
    home.ups.cut_mains()
    await becomes("on_battery", home.plan_state)
    await home.act("start_shutdown")
    crash = asyncio.create_task(_crash(home, crash_after_s))
    try:
        await becomes("handed_over", home.plan_state)
        home.ups.restore_mains()
        await becomes(expected=True, look=lambda: is_back(home, crash))
    finally:
        crash.cancel()
        with suppress(asyncio.CancelledError):
            await crash
    return CrashRun(
        crashed_at=crash.result(),
        report=await home.last_run(),
        stops={name: times - before[name] for name, times in home.stops.items()},
    )


async def is_back(home: Home, crash: asyncio.Task[str] | None = None) -> bool:
    """Let hosts come up once the plan waits for them; return whether it is over."""
    state = await home.plan_state()
    if state == "restoring":
        await home.bring_back()
    is_over = state == "idle" and (crash is None or crash.done())
    return is_over and all(host.is_up for host in home.everybody)


async def _crash(home: Home, after_s: float) -> str:
    await asyncio.sleep(after_s)
    await home.hass.crash()
    journal = home.journal()
    await home.hass.start_again()
    return str(journal[-1]["did"])
