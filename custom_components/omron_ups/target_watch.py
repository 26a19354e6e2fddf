"""Looks now and then whether the targets can be reached, without logging in anywhere."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .const import LOGGER
from .shutdown.ports import Network
from .shutdown.specs import TargetSpec

LOOK_EVERY: Final = timedelta(seconds=60)


class TargetWatch:
    """What the network shows of each target."""

    def __init__(self, hass: HomeAssistant, network: Network) -> None:
        """Look at nobody yet."""
        self._hass = hass
        self._network = network
        self._specs: tuple[TargetSpec, ...] = ()
        self._reachable: dict[str, bool | None] = {}
        self._listeners: list[CALLBACK_TYPE] = []
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def set_targets(self, specs: Iterable[TargetSpec]) -> None:
        """Look at these targets from now on."""
        self._specs = tuple(specs)
        known = {spec.target_id for spec in self._specs}
        self._reachable = {key: value for key, value in self._reachable.items() if key in known}
        if self._cancel is None and self._specs:
            self._cancel = async_track_time_interval(self._hass, self._async_look, LOOK_EVERY)
        if self._specs:
            self._hass.async_create_background_task(self._async_look(None), "look at targets")

    @callback
    def stop(self) -> None:
        """Look no more."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def is_reachable(self, target_id: str) -> bool | None:
        """Return what the last look showed; None before the first, or without an address."""
        return self._reachable.get(target_id)

    def subscribe(self, on_change: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call back after each look; returns the undo."""
        self._listeners.append(on_change)
        return lambda: self._listeners.remove(on_change)

    async def _async_look(self, _now: datetime | None) -> None:
        specs = self._specs
        seen = await asyncio.gather(*(self._look(spec) for spec in specs))
        self._reachable = {
            spec.target_id: is_reachable for spec, is_reachable in zip(specs, seen, strict=True)
        }
        for on_change in tuple(self._listeners):
            on_change()

    async def _look(self, spec: TargetSpec) -> bool | None:
        verify = spec.verify
        if not verify.signals:
            return None
        looks = [self._is_open(verify.address, port) for port in verify.ports]
        pings = [self._network.answers_ping(verify.address)] if verify.ping else []
        seen = await asyncio.gather(*looks, *pings)
        return None if set(seen) == {None} else any(seen)

    async def _is_open(self, address: str, port: int) -> bool | None:
        """Return whether a port is open; None if this machine cannot look."""
        try:
            return await self._network.is_open(address, port)
        except OSError as err:
            LOGGER.debug("Cannot look at %s: %s", address, err)
            return None
