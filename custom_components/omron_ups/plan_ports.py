"""What the shutdown plan needs of the rest: the UPS output, the other UPSes, the NUT clients."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .driver import CommandRejectedError, NotSupportedError, OutOfRangeError, UpsError, UpsSource
from .nut_service import NutService
from .shutdown.errors import NoAnswerError, RefusedError, UnreachableError
from .shutdown.models import PowerView

_RETURN: Final = "shutdown.return"
_STAYOFF: Final = "shutdown.stayoff"
_STOP: Final = "shutdown.stop"
_DELAY: Final = "ups.delay.shutdown"
_REFUSALS: Final = (CommandRejectedError, NotSupportedError, OutOfRangeError)


class UpsCommands:
    """The port of the UPS output: three instant commands of the driver."""

    def __init__(self, ups: UpsSource) -> None:
        """Command this UPS."""
        self._ups = ups

    async def shutdown_return(self, delay_s: int) -> None:
        """Switch off after the delay, on again when mains is there."""
        await self._run(_RETURN, delay_s)

    async def shutdown_stayoff(self, delay_s: int) -> None:
        """Switch off after the delay, until somebody switches it on."""
        await self._run(_STAYOFF, delay_s)

    async def shutdown_stop(self) -> None:
        """End a countdown."""
        await self._run(_STOP, None)

    async def _run(self, name: str, delay_s: int | None) -> None:
        """Run a command.

        Raises:
            RefusedError: the UPS said no, or does not know the command.
            UnreachableError: it was not found yet since the start, nothing was sent.
            NoAnswerError: nobody knows whether the UPS has done it.

        """
        if self._ups.age is None:
            raise UnreachableError(f"{name}: the UPS has not answered since the start")
        if (command := self._ups.commands.get(name)) is None:
            raise RefusedError(f"the UPS does not offer {name}")
        try:
            if delay_s is None or command.takes_delay:
                await self._ups.command(name, None if delay_s is None else str(delay_s))
                return
            # A UPS behind another NUT server keeps the delay in a variable.
            if _DELAY not in self._ups.writable:
                raise RefusedError(f"{name} cannot be told a delay")
            await self._ups.set_variable(_DELAY, str(delay_s))
            await self._ups.command(name)
        except _REFUSALS as err:
            raise RefusedError(f"{name}: {err}") from err
        except UpsError as err:
            raise NoAnswerError(f"{name}: {err}") from err


class NutClients:
    """The port of the kind `nut_clients`: forced shutdown of those who watch this UPS."""

    def __init__(self, nut: NutService) -> None:
        """Act on the NUT server of this UPS."""
        self._nut = nut

    def clients(self, alias: str) -> Sequence[str] | None:
        """Return the addresses of the clients that are logged in under a name."""
        if not self._nut.has_name(alias):
            return None
        wanted = alias.lower()
        return [str(item.address) for item in self._nut.clients if item.name.lower() == wanted]

    def is_forced(self, alias: str) -> bool:
        """Return whether FSD is set under this name."""
        return self._nut.is_forced_shutdown(alias)

    async def force(self, alias: str) -> None:
        """Set FSD under this name alone; a server that is about to start begins with it.

        Raises:
            RefusedError: the UPS has no such name, or is not served.

        """
        if not self._nut.goes_by(alias):
            raise RefusedError(f"the NUT server has no UPS called {alias}, or is switched off")
        self._nut.set_forced_shutdown(alias)

    async def release(self, alias: str) -> None:
        """Clear FSD under this name; nothing to do if it is not set."""
        self._nut.clear_forced_shutdown(alias)


class OtherUpses:
    """The port of second feeds: what the other entries know of their power."""

    def __init__(self, hass: HomeAssistant, view: Callable[[Any], PowerView]) -> None:
        """Look at entries with `view`, which is given their runtime data."""
        self._hass = hass
        self._view = view

    def view(self, feed_id: str) -> PowerView | None:
        """Return what is known of another UPS; None if it is not set up."""
        entry = self._hass.config_entries.async_get_entry(feed_id)
        if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
            return None
        return self._view(entry.runtime_data)
