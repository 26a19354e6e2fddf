"""Where the shutdown plan of one UPS keeps what no loss of power may take."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

from .const import DOMAIN, LOGGER
from .shutdown.confirmed import ConfirmedStops
from .shutdown.open_plan import OpenPlanFile
from .shutdown.ports import Clock
from .shutdown.stores import FileDurations, FileJournal, JsonFile, SwitchStore
from .shutdown.target_checks import TargetChecks

_PARTS: Final = ("journal", "durations", "switches", "checks", "confirmed", "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStore:
    """The files of one plan."""

    journal: FileJournal
    durations: FileDurations
    switches: SwitchStore
    checks: TargetChecks
    confirmed: ConfirmedStops
    open_plan: OpenPlanFile
    _checks_file: JsonFile

    @classmethod
    async def load(cls, hass: HomeAssistant, entry_id: str, clock: Clock) -> Self:
        """Read everything but the journal, which the runner reads, and the open plan.

        Raises:
            OSError: it cannot be read whether the plan is armed. The rest is worth less than a
                plan that runs.

        """
        paths = _paths(hass, entry_id)
        checks_file = JsonFile(paths["checks"])
        return cls(
            journal=FileJournal(paths["journal"]),
            durations=await _load_durations(paths["durations"]),
            switches=await SwitchStore.load(paths["switches"]),
            checks=TargetChecks.from_json(
                clock,
                Random(),  # noqa: S311 - spreads load
                await _load_checks(checks_file),
            ),
            confirmed=await _load_confirmed(paths["confirmed"]),
            open_plan=OpenPlanFile(paths["open"]),
            _checks_file=checks_file,
        )

    async def save_checks(self) -> None:
        """Keep the results of checks; without them a restart costs one login more."""
        try:
            await self._checks_file.save(self.checks.as_json())
        except OSError as err:
            LOGGER.warning("The results of checks cannot be saved: %s", err)


async def async_remove_plan(hass: HomeAssistant, entry_id: str) -> None:
    """Forget everything, on disk too."""

    def remove() -> None:
        for path in _paths(hass, entry_id).values():
            path.unlink(missing_ok=True)

    await hass.async_add_executor_job(remove)


async def _load_durations(path: Path) -> FileDurations:
    try:
        return await FileDurations.load(path)
    except OSError as err:
        LOGGER.error("What was learned of stops cannot be read, time limits count: %s", err)
        return FileDurations(JsonFile(path), {})


async def _load_confirmed(path: Path) -> ConfirmedStops:
    try:
        return await ConfirmedStops.load(path)
    except OSError as err:
        LOGGER.error("Which targets were stopped before cannot be read: %s", err)
        return ConfirmedStops(JsonFile(path), {})


async def _load_checks(file: JsonFile) -> dict[str, Any]:
    try:
        return await file.load()
    except OSError as err:
        LOGGER.error("The results of checks cannot be read: %s", err)
        return {}


def _paths(hass: HomeAssistant, entry_id: str) -> dict[str, Path]:
    return {
        part: Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.plan_{part}"))
        for part in _PARTS
    }
