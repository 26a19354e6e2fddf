"""What survives a crash: the synced bytes of the journal, and the learned durations."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
import errno
import random
from typing import override

from custom_components.omron_ups.shutdown.ports import DurationStore, JournalFile, Stop

from .life import Life


@dataclass(slots=True)
class Disk:
    """The disk of the machine that runs Home Assistant."""

    rng: random.Random
    sync_s: float = 0.01
    is_full: bool = False
    tears: bool = True
    """Whether a crash in the middle of an append may leave the first half of a line."""
    journal: bytes = b""
    stops: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0
    """How many writes the full disk has refused."""

    def part(self, data: bytes) -> bytes:
        """Return what a crash leaves of an append that was not synced yet."""
        return data[: self.rng.randrange(len(data) + 1)] if self.tears else b""

    def check_space(self) -> None:
        """Raise OSError if the disk is full."""
        if self.is_full:
            self.refused += 1
            raise OSError(errno.ENOSPC, "No space left on device")


class RackJournal(JournalFile):
    """The journal as one process sees it."""

    def __init__(self, life: Life, disk: Disk) -> None:
        """Belong to a process."""
        self._life = life
        self._disk = disk
        self._lock = asyncio.Lock()

    @override
    async def read(self) -> bytes:
        self._life.check()
        await asyncio.sleep(0.001)
        self._life.check()
        return self._disk.journal

    @override
    async def append(self, data: bytes) -> None:
        async with self._lock:
            self._life.point("append")
            try:
                await asyncio.sleep(self._disk.sync_s)
                self._disk.check_space()
                self._life.point("append is being synced")
            except asyncio.CancelledError:
                # A thread that writes is not stopped by whoever no longer waits for it.
                self._disk.journal += self._disk.part(data) if self._life.is_dead else data
                raise
            self._disk.journal += data
            self._life.point("append is on disk")

    @override
    async def replace(self, data: bytes) -> None:
        async with self._lock:
            self._life.point("replace")
            try:
                await asyncio.sleep(self._disk.sync_s)
            except asyncio.CancelledError:
                if not self._life.is_dead:
                    self._disk.journal = data
                raise
            self._disk.check_space()
            self._disk.journal = data
            self._life.point("replace is on disk")


class RackDurations(DurationStore):
    """The learned durations as one process sees them."""

    def __init__(self, life: Life, disk: Disk) -> None:
        """Belong to a process."""
        self._life = life
        self._disk = disk

    @override
    def seconds(self, target_id: str) -> Sequence[float]:
        return tuple(self._disk.stops.get(target_id, ()))

    @override
    async def add(self, stop: Stop) -> None:
        self._life.point("duration")
        self._disk.check_space()
        await asyncio.sleep(self._disk.sync_s)
        self._life.check()
        self._disk.stops.setdefault(stop.target_id, []).append(stop.seconds)

    @override
    async def keep(self, target_ids: Collection[str]) -> None:
        self._life.check()
        self._disk.stops = {k: v for k, v in self._disk.stops.items() if k in target_ids}
