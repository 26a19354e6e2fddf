"""What users and automations do in the middle of it all."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from custom_components.omron_ups.shutdown.errors import ShutdownError

from .facts import What
from .home import HomeAssistant, RackClock, RunnerLike
from .scenario import UserAction

type Act = Callable[[HomeAssistant, RunnerLike, UserAction], Awaitable[None]]


async def _request(_home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    await runner.start_shutdown()


async def _request_one(_home: HomeAssistant, runner: RunnerLike, action: UserAction) -> None:
    await runner.start_shutdown(targets=[action.target_id])


async def _dry_run(_home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    await runner.start_shutdown(dry_run=True)


async def _cancel(_home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    await runner.cancel()


async def _rehearse(_home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    await runner.rehearse()


async def _check(_home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    await runner.check_targets()


async def _arm(home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    home.is_armed = True
    runner.set_armed(True)


async def _disarm(home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    home.is_armed = False
    runner.set_armed(False)


async def _maintenance(home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    home.maintenance = RackClock(home).utc() + timedelta(hours=1)
    runner.set_maintenance(home.maintenance)


async def _edit(home: HomeAssistant, runner: RunnerLike, _action: UserAction) -> None:
    runner.set_plan(home.plan, home.targets)


ACTIONS: Final[Mapping[str, Act]] = {
    "request": _request,
    "request_one": _request_one,
    "dry_run": _dry_run,
    "cancel": _cancel,
    "rehearse": _rehearse,
    "check": _check,
    "arm": _arm,
    "disarm": _disarm,
    "maintenance": _maintenance,
    "edit": _edit,
}


async def perform(home: HomeAssistant, action: UserAction) -> None:
    """Do it, if there is a Home Assistant to do it in."""
    life, runner = home.life, home.runner
    if life is None or life.is_dead or runner is None or not home.has_started:
        return
    home.rack.facts.add(What.ACTION, action.target_id, detail=action.key)
    try:
        await life.spawn(_perform(home, runner, action))
    except ShutdownError as err:
        home.rack.facts.add(What.ACTION, action.target_id, detail=f"{action.key} refused: {err}")


async def _perform(home: HomeAssistant, runner: RunnerLike, action: UserAction) -> None:
    await ACTIONS[action.key](home, runner, action)
