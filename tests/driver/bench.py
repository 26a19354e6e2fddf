"""A driver on a simulated UPS, both living in virtual time."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

from custom_components.omron_ups.driver import (
    PROFILES,
    SimulatedTransport,
    SimulatedUps,
    SimulatorProfile,
    Ups,
    UpsOptions,
    UpsState,
    VolatileMemory,
)
from custom_components.omron_ups.driver.queries import QUERIES

READS = {"Q1", "CF", "CF2", "CF3", "CF4", "CF5", *(row.request for row in QUERIES)}
STEP_S = 0.1


class Bench:
    """A unit, a driver on it, and what the driver published."""

    def __init__(
        self,
        profile: str | SimulatorProfile = "bw55t",
        *,
        memory: VolatileMemory | None = None,
        **options: Any,
    ) -> None:
        """Put a unit on the running loop's clock, with a driver that is not started yet."""
        row = PROFILES[profile] if isinstance(profile, str) else profile
        self.loop = asyncio.get_running_loop()
        self.unit = SimulatedUps(row, clock=self.loop.time)
        self.memory = memory or VolatileMemory()
        self.options = UpsOptions(version="0", **options)
        self.published: list[UpsState] = []
        self.ups = self.make_driver()

    def make_driver(self) -> Ups:
        """Return a driver for the unit, as a new process would."""
        transport = SimulatedTransport(self.unit, turnaround_s=0.05)
        ups = Ups(transport, options=self.options, memory=self.memory, monotonic=self.loop.time)
        ups.subscribe(self.published.append)
        return ups

    async def __aenter__(self) -> Self:
        """Start the driver."""
        await self.ups.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop the driver."""
        await self.ups.stop()

    async def restart_driver(self) -> None:
        """Replace the driver as a restart of its process does."""
        await self.ups.stop()
        self.ups = self.make_driver()
        await self.ups.start()

    def remembered(self) -> bool | None:
        """Return the auto-restart setting that is stored; a call, because it changes."""
        return self.memory.value

    @property
    def writes(self) -> list[str]:
        """Everything but queries that arrived at the unit."""
        texts = [request.decode() for request in self.unit.requests]
        assert all(text.endswith("\r") and text.count("\r") == 1 for text in texts)
        return [text[:-1] for text in texts if text[:-1] not in READS]

    @property
    def variables(self) -> dict[str, str]:
        """What is published now."""
        return dict(self.ups.state.variables)

    async def until(self, holds: Callable[[], bool], *, limit_s: float = 600.0) -> None:
        """Let time pass until `holds`."""
        for _ in range(int(limit_s / STEP_S)):
            if holds():
                return
            await asyncio.sleep(STEP_S)
        assert holds()
