"""Writes the journal, one sync for all that is waiting, and reads what a crash left of it."""

import asyncio
from collections.abc import Callable, Iterable
import logging
from typing import Final

from .ports import JournalFile
from .records import Entry, decode, encode

_LOGGER = logging.getLogger(__name__)

SYNC_LIMIT_S: Final = 2.0
"""How long a request waits for its intent to be on disk; after that the disk counts as failed."""


class Journal:
    """The journal of one UPS's plan.

    Entries that are added while the disk is busy share one write and one sync. A disk that fails
    never holds up the plan: what could not be written is kept, and written with the next entry.
    """

    def __init__(self, file: JournalFile, on_error: Callable[[Exception], None]) -> None:
        """Write to `file`; `on_error` is told of each write that fails, and must not raise."""
        self._file = file
        self._on_error = on_error
        self._waiting: list[bytes] = []
        self._replacement: bytes | None = None
        self._batch: asyncio.Future[None] | None = None
        """Done once what is waiting has been written."""
        self._writing: asyncio.Future[None] | None = None
        """Done once what is being written has been written."""
        self._writer: asyncio.Task[None] | None = None
        self._is_torn = False
        self._is_stuck = False

    async def read(self) -> list[Entry]:
        """Return the entries, oldest first; a line that is torn or damaged is left out.

        Raises:
            OSError: the disk cannot be read.

        """
        entries: dict[int, Entry] = {}
        data = await self._file.read()
        # Whatever came after an unfinished line would be taken for a part of it.
        self._is_torn = bool(data) and not data.endswith(b"\n")
        for line in filter(bytes.strip, data.split(b"\n")):
            try:
                entry = decode(line)
            except ValueError as err:
                _LOGGER.warning("A line of the shutdown journal is left out: %s", err)
                continue
            entries[entry.number] = entry
        return [entries[number] for number in sorted(entries)]

    def add(self, *entries: Entry) -> None:
        """Add entries and begin to write them; they are written even if nobody waits."""
        self._waiting.extend(encode(entry) for entry in entries)
        self._begin()

    def put(self, entries: Iterable[Entry]) -> None:
        """Begin to put entries in place of everything, at once or not at all; else add them."""
        self._replacement = b"".join(encode(entry) for entry in entries)
        self._waiting.clear()
        self._begin()

    async def synced(self) -> None:
        """Return once everything that was added is on disk, or the disk has failed."""
        if self._batch is None and not (self._waiting or self._replacement is not None):
            batch = self._writing
        else:
            self._begin()
            batch = self._batch
        if batch is None or batch.done() or self._is_stuck:
            return
        try:
            async with asyncio.timeout(SYNC_LIMIT_S):
                await asyncio.shield(batch)
        except TimeoutError as err:
            if not self._is_stuck:
                self._is_stuck = True
                self._on_error(err)

    async def flushed(self, limit_s: float) -> None:
        """Return once everything is on disk, however slow that is, within a limit."""
        if self._waiting or self._replacement is not None:
            self._begin()
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=limit_s)

    def _begin(self) -> None:
        """Let the next write take all that is waiting."""
        if self._batch is None:
            self._batch = asyncio.get_running_loop().create_future()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="shutdown journal")

    async def _write(self) -> None:
        """Write until nothing is waiting."""
        while (batch := self._batch) is not None:
            self._writing, self._batch = batch, None
            try:
                await self._put()
            except Exception as err:  # noqa: BLE001 - whatever it is, the plan goes on without it
                self._on_error(err)
            self._is_stuck = False
            batch.set_result(None)

    async def _put(self) -> None:
        replacement, self._replacement = self._replacement, None
        if replacement is not None:
            try:
                await self._file.replace(replacement)
            except OSError:
                self._waiting.insert(0, replacement)
            else:
                self._is_torn = False
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        # Until it has succeeded nobody knows how much of it has arrived.
        torn, self._is_torn = self._is_torn, True
        try:
            await self._file.append(b"\n" * torn + b"".join(lines))
        except BaseException:
            self._waiting[:0] = lines
            raise
        self._is_torn = False
