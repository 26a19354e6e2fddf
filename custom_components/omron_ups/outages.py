"""Remembers power failures: when the last one began, how long it took, how many there were."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """The power failures of one UPS."""

    count: int = 0
    began_at: datetime | None = None
    """When the last one began, or was first seen."""
    duration: timedelta | None = None
    """How long the last one took; None while it lasts and if nobody saw its end."""
    lasts: bool = False

    def after(self, *, on_battery: bool, now: datetime) -> Outages:
        """Return the record after the UPS said whether it is on battery."""
        if on_battery == self.lasts:
            return self
        if on_battery:
            return Outages(count=self.count + 1, began_at=now, lasts=True)
        began_at = self.began_at or now
        return replace(self, duration=now - began_at, lasts=False)


class OutageLog:
    """The record of one config entry, written at once: power may be gone in a minute."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Remember nothing yet; `async_load` does."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.{entry_id}", atomic_writes=True
        )
        self.outages = Outages()
        self.ended_unseen = False
        """Whether mains came back while nobody watched."""

    async def async_load(self, *, on_battery: bool | None) -> None:
        """Take up the record where the last run left it.

        Args:
            on_battery: What the UPS says now, None if it says nothing. Of an outage that ended
                unseen nobody knows how long it took.

        """
        if (stored := await self._store.async_load()) is not None:
            self.outages = _from_json(stored)
        if self.outages.lasts and on_battery is False:
            self.outages = replace(self.outages, lasts=False)
            self.ended_unseen = True
            self._save()

    def note(self, *, on_battery: bool) -> None:
        """Note what the UPS says now."""
        outages = self.outages.after(on_battery=on_battery, now=dt_util.utcnow())
        if outages != self.outages:
            self.outages = outages
            self._save()

    async def async_remove(self) -> None:
        """Forget everything, on disk too."""
        await self._store.async_remove()

    def _save(self) -> None:
        self._hass.async_create_task(self._store.async_save(_to_json(self.outages)))


def _to_json(outages: Outages) -> dict[str, Any]:
    began_at, duration = outages.began_at, outages.duration
    return {
        "count": outages.count,
        "began_at": None if began_at is None else began_at.isoformat(),
        "duration": None if duration is None else duration.total_seconds(),
        "lasts": outages.lasts,
    }


def _from_json(data: dict[str, Any]) -> Outages:
    began_at, duration = data["began_at"], data["duration"]
    return Outages(
        count=data["count"],
        began_at=None if began_at is None else dt_util.parse_datetime(began_at),
        duration=None if duration is None else timedelta(seconds=duration),
        lasts=data["lasts"],
    )
