"""Keeps the UPS's auto-restart setting while a shutdown command has changed it."""

from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import save_json
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.json import load_json_object

from .const import DOMAIN

_AUTO_RESTART: Final = "auto_restart"


class FileSettingMemory:
    """The driver's SettingMemory, on the disk beside Home Assistant's own stores.

    It is no Store, because that keeps a failed write to itself and waits with writing while Home
    Assistant stops. The driver must know that the value is safe before it sends a shutdown.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use one file per config entry."""
        self._hass = hass
        self._path = Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.{_AUTO_RESTART}"))

    async def load(self) -> bool | None:
        """Return what was saved last, None if nothing was.

        Raises:
            OSError: The file cannot be read.

        """
        return await self._hass.async_add_executor_job(self._load)

    async def save(self, auto_restart: bool | None) -> None:  # noqa: FBT001 - what it keeps
        """Return once `auto_restart` is on the disk; None forgets.

        Raises:
            OSError: The file cannot be written.

        """
        await self._hass.async_add_executor_job(self._save, auto_restart)

    async def async_remove(self) -> None:
        """Forget everything, on disk too."""
        await self._hass.async_add_executor_job(lambda: self._path.unlink(missing_ok=True))

    def _load(self) -> bool | None:
        try:
            stored = load_json_object(self._path).get(_AUTO_RESTART)
        except HomeAssistantError as err:
            raise OSError(f"{self._path.name} cannot be read") from err
        return stored if isinstance(stored, bool) else None

    def _save(self, auto_restart: bool | None) -> None:  # noqa: FBT001
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_json(str(self._path), {_AUTO_RESTART: auto_restart}, atomic_writes=True)
        except HomeAssistantError as err:
            raise OSError(f"{self._path.name} cannot be written") from err
