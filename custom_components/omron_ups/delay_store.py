"""Remembers the delays of shutdown commands, which are settings of the driver, not of the unit."""

from dataclasses import asdict
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .driver import SHUTDOWN_DELAYS_S, Delays, UpsState

_VERSION: Final = 1


class DelayStore:
    """The delays of one config entry, whoever set them: a person, an action, a NUT client."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Remember nothing yet; `async_load` does."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.{entry_id}.delays", atomic_writes=True
        )
        self.delays = Delays()

    async def async_load(self) -> Delays:
        """Return the delays as they were set last."""
        if (stored := await self._store.async_load()) is not None:
            self.delays = _from_json(stored)
        return self.delays

    def note(self, state: UpsState) -> None:
        """Note what holds now; a change is written at once."""
        delays = Delays(shutdown_s=state.shutdown_delay, start_s=state.start_delay)
        if delays != self.delays:
            self.delays = delays
            self._hass.async_create_task(self._store.async_save(asdict(delays)))

    async def async_remove(self) -> None:
        """Forget everything, on disk too."""
        await self._store.async_remove()


def _from_json(data: dict[str, Any]) -> Delays:
    """Return what was stored; a delay that no unit takes any more is the usual one again."""
    delays = Delays(shutdown_s=data["shutdown_s"], start_s=data["start_s"])
    return delays if delays.shutdown_s in SHUTDOWN_DELAYS_S else Delays()
