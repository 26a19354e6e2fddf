"""Runs of the shutdown plan on the rig: an outage from its beginning to its end, with a crash."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.lib.hass_api import Json
from tests.e2e.plan_rig import Home
from tests.e2e.waiting import becomes

STOPPING_S = 17.0
"""From the start of a plan until all are down, if nothing else happens."""
RESTORING_S = 9.0
"""From the return of mains until all are back, if nothing else happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashRun:
    """What became of one run in which Home Assistant was killed."""

    crashed_at: tuple[str, ...]
    """The last word in the journal before each kill."""
    report: Json
    stops: Mapping[str, int]
    """How often each host was told to stop."""
    status: str
    """What NUT clients were told once everybody was down."""

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        found = [f"{name} told {times} times" for name, times in self.stops.items() if times != 1]
        if self.report["result"] != "all_back":
            found.append(f"{self.report['result']}: {self.report['detail']}")
        if "FSD" not in self.status.split():
            found.append(f"NUT clients were told {self.status}")
        return found


async def crash_run(
    home: Home, *, while_stopping_s: float | None = None, while_restoring_s: float | None = None
) -> CrashRun:
    """Let mains fail, stop everybody, let mains return, and kill Home Assistant meanwhile.

    Args:
        home: with an armed plan.
        while_stopping_s: from the start of the plan to a kill; None for none.
        while_restoring_s: from the return of mains to a kill; None for none.

    """
    before = home.stops
    home.ups.cut_mains()
    await becomes("on_battery", home.plan_state)
    await home.act("start_shutdown")
    async with asyncio.TaskGroup() as group:
        crashes = [group.create_task(_crash(home, while_stopping_s))]
        await becomes("handed_over", home.plan_state)
        await crashes[0]
        status = await home.served("ups.status") or "nothing"
        home.ups.restore_mains()
        crashes.append(group.create_task(_crash(home, while_restoring_s)))
        await becomes(expected=True, look=lambda: is_back(home, crashes[1]))
    return CrashRun(
        crashed_at=tuple(word for crash in crashes if (word := crash.result())),
        report=await home.last_run(),
        stops={name: times - before[name] for name, times in home.stops.items()},
        status=status,
    )


async def is_back(home: Home, crash: asyncio.Task[str] | None = None) -> bool:
    """Let hosts come up once the plan waits for them; return whether it is over."""
    state = await home.plan_state()
    if state == "restoring":
        await home.bring_back()
    is_over = state == "idle" and (crash is None or crash.done())
    return is_over and all(host.is_up for host in home.everybody)


async def _crash(home: Home, after_s: float | None) -> str:
    """Kill Home Assistant and start it again; return the journal's last word."""
    if after_s is None:
        return ""
    await asyncio.sleep(after_s)
    await home.hass.crash()
    journal = home.journal()
    await home.hass.start_again()
    return str(journal[-1]["did"])
