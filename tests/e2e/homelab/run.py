"""An outage from its beginning to its end: disarmed, armed, mains back."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from scripts.lib.hass_api import ApiError, Json
from tests.e2e.waiting import becomes

from .expectations import ENOUGH_CHARGE, guard
from .lab import Lab
from .setup import NAMES

FASTER: Final = 60.0
"""How fast the clock of the UPS runs once nobody is left; its countdown lasts minutes."""
CONTROL: Final = "a-word-of-no-secret"
"""The reason of the dry run: it must be found where secrets are looked for."""
_BUTTONS: Final = ("start_plan", "cancel_plan", "rehearse_plan", "check_targets")
_LOW: Final = 29.0
_PATIENCE_S: Final = 240.0
"""For everything to stop, or to come back, on a machine that has a lot to do."""
_LISTENS_S: Final = 2.0
_NAS_BOOTS_S: Final = 8.0
"""How much longer than Home Assistant the QNAP takes to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an outage."""

    report: Json
    """The plan's own report."""
    rehearsal: Sequence[str]
    """What the dry run said that it would do."""
    asked_while_disarmed: int
    """How many requests arrived while nothing was armed."""
    changed_while_disarmed: Sequence[str]
    """Those of them that were to change something."""
    wrong: Sequence[str]
    """What was not refused, or for another reason."""


async def run_outage(lab: Lab, *, low_battery: bool = False) -> Outcome:
    """Let mains fail with the plan disarmed, arm it, let everything stop and come back.

    Args:
        lab: with everything configured.
        low_battery: whether the battery is low as soon as the first pod was told to go.

    """
    lab.facts.guards.append(guard(lab))
    asked, changed = _asked(lab), len(lab.facts.changes)
    rehearsal, wrong = await try_disarmed(lab)
    asked, changes = _asked(lab) - asked, lab.facts.changes[changed:]
    await stop_everything(lab, low_battery=low_battery)
    report = await bring_everything_back(lab)
    return Outcome(
        report=report,
        rehearsal=rehearsal,
        asked_while_disarmed=asked,
        changed_while_disarmed=[f"{fact.who}: {fact.what}" for fact in changes],
        wrong=wrong,
    )


def _asked(lab: Lab) -> int:
    return sum(len(server.asked) for server in lab.machines.servers.values())


async def try_disarmed(lab: Lab) -> tuple[list[str], list[str]]:
    """Ask for everything that a plan can do while it is not armed; leaves the UPS on battery.

    Returns:
        what the dry run said, and what was not refused.

    """
    lab.is_quiet = True
    lab.facts.note("somebody", "asks for a dry run and for a real one; nothing is armed")
    answer = await lab.act("start_shutdown", dry_run=True, reason=CONTROL)
    wrong = [words for name in (None, *NAMES) if (words := await _not_refused(lab, name))]
    for key in _BUTTONS:
        if (entity_id := lab.entities.get(f"button.{key}")) is not None:
            # Refused where it would have an effect.
            with suppress(ApiError):
                await lab.api.call("button.press", entity_id)
    lab.facts.note("somebody", "pulls the plug; nothing is armed")
    lab.machines.ups.cut_mains()
    # From then on a trigger holds, and nothing but the switch is missing.
    await becomes("waiting", lab.plan_state)
    await asyncio.sleep(_LISTENS_S)
    lab.is_quiet = False
    return [str(line["detail"]) for line in answer["report"]["lines"]], wrong


async def _not_refused(lab: Lab, name: str | None) -> str:
    """Ask for the stop of one target or of all; return what is wrong with the answer."""
    try:
        await lab.act("start_shutdown", **({} if name is None else {"targets": [name]}))
    except ApiError as err:
        return "" if "not armed" in str(err) else f"{name or 'all'}: refused with {err}"
    return f"{name or 'all'}: not refused"


async def stop_everything(lab: Lab, *, low_battery: bool) -> None:
    """Arm the plan on battery, and wait until the UPS has switched its output off."""
    lab.facts.note("somebody", "arms the plan")
    await lab.api.call("switch.turn_on", lab.entities["switch.plan_armed"])
    if low_battery:
        await becomes(expected=True, look=lambda: _is_evicting(lab))
        lab.facts.note("somebody", f"lets the battery have {_LOW:.0f} % left")
        lab.is_short = True
        lab.machines.ups.charge = _LOW

    async def has_ended() -> bool:
        return not lab.is_alive

    await becomes(expected=True, look=has_ended, patience_s=_PATIENCE_S)
    lab.machines.ups.time_scale = FASTER
    lab.facts.note("ups", f"its clock runs {FASTER:.0f} times as fast while nobody is left")
    await becomes(expected=False, look=lambda: _has_output(lab))


async def bring_everything_back(lab: Lab) -> Json:
    """Let mains return, and wait until the plan has come to its end; returns its report."""
    await asyncio.sleep(1.0)
    lab.facts.note("somebody", "puts the plug back")
    lab.machines.ups.restore_mains()

    async def answers() -> bool:
        return await lab.plan_state() not in {"", "unknown", "unavailable"}

    await becomes(expected=True, look=lambda: _has_output(lab))
    lab.machines.ups.time_scale = 1.0
    await becomes(expected=True, look=answers)
    await asyncio.sleep(_NAS_BOOTS_S)
    lab.machines.qnap_has_booted.set()
    if lab.is_short:
        await asyncio.sleep(_NAS_BOOTS_S)
        lab.facts.note("somebody", "charges the battery")
        lab.machines.ups.charge = ENOUGH_CHARGE + 5.0
    await becomes("idle", lab.plan_state, patience_s=_PATIENCE_S)
    return await lab.last_run()


async def _is_evicting(lab: Lab) -> bool:
    return any("/eviction" in fact.what for fact in lab.facts.changes)


async def _has_output(lab: Lab) -> bool:
    return lab.machines.ups.output_on
