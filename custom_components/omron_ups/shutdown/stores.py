"""Files that survive a loss of power: the journal, what was learned, whether the plan is armed."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
import errno
import json
import logging
import math
import os
from pathlib import Path
import threading
from typing import Any, Final, Self, override

from .maintenance import Maintenance
from .ports import DurationStore, JournalFile, Stop

_LOGGER = logging.getLogger(__name__)

KEPT_STOPS: Final = 20
"""Real stops that are kept of each target."""
_MODE: Final = 0o600
# Some network file systems sync no directories; they say so in these ways.
_NO_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP})


class FileJournal(JournalFile):
    """The journal on disk. Blocking calls run on a thread, never in the event loop."""

    def __init__(self, path: Path) -> None:
        """Touch nothing yet; the file and its folder are made by the first write."""
        self._path = path
        # A caller that is cancelled leaves its thread running: the next one waits for it here.
        self._lock = threading.Lock()

    @override
    async def read(self) -> bytes:
        return await asyncio.to_thread(self._locked, _read, self._path)

    @override
    async def append(self, data: bytes) -> None:
        await asyncio.to_thread(self._locked, _append, self._path, data)

    @override
    async def replace(self, data: bytes) -> None:
        await asyncio.to_thread(self._locked, _replace, self._path, data)

    async def remove(self) -> None:
        """Return once nothing of it is left on disk.

        Raises:
            OSError: the disk is read-only or gone.

        """
        await asyncio.to_thread(self._locked, _remove, self._path)

    def _locked[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do one thing with the file at a time."""
        with self._lock:
            return call(*args, **kwargs)


class JsonFile:
    """A small JSON object on disk that is always written as a whole."""

    def __init__(self, path: Path) -> None:
        """Touch nothing yet."""
        self._file = FileJournal(path)
        self._path = path

    async def load(self) -> dict[str, Any]:
        """Return what was saved; empty if there is nothing, or nothing that can be read.

        Raises:
            OSError: the disk cannot be read.

        """
        data = await self._file.read()
        try:
            loaded = json.loads(data) if data else {}
        except ValueError:
            loaded = None
        if isinstance(loaded, dict):
            return loaded
        _LOGGER.error("%s is damaged and is not used", self._path.name)
        return {}

    async def save(self, data: Mapping[str, Any]) -> None:
        """Return once it is on disk.

        Raises:
            OSError: the disk is full, read-only or gone; what was saved before is still there.

        """
        await self._file.replace(json.dumps(data, indent=1).encode())

    async def remove(self) -> None:
        """Return once nothing of it is left on disk.

        Raises:
            OSError: the disk is read-only or gone.

        """
        await self._file.remove()


class FileDurations(DurationStore):
    """The last real stops of each target."""

    def __init__(self, file: JsonFile, stops: Mapping[str, Sequence[float]]) -> None:
        """Know these stops; use `load`."""
        self._file = file
        self._stops = {target_id: list(seconds) for target_id, seconds in stops.items()}

    @classmethod
    async def load(cls, path: Path) -> Self:
        """Read what was learned; what makes no sense is left out.

        Raises:
            OSError: the disk cannot be read.

        """
        file = JsonFile(path)
        stops = (await file.load()).get("stops")
        return cls(file, _sane(stops) if isinstance(stops, dict) else {})

    @override
    def seconds(self, target_id: str) -> Sequence[float]:
        return tuple(self._stops.get(target_id, ()))

    @override
    async def add(self, stop: Stop) -> None:
        """Remember one more, in memory even if the disk fails: that is logged, and no more.

        A stop that took no time, or took forever, was none and is left out.
        """
        if not _is_duration(stop.seconds):
            return
        known = self._stops.setdefault(stop.target_id, [])
        known.append(stop.seconds)
        del known[:-KEPT_STOPS]
        await self._save()

    @override
    async def keep(self, target_ids: Collection[str]) -> None:
        gone = self._stops.keys() - set(target_ids)
        if not gone:
            return
        for target_id in gone:
            del self._stops[target_id]
        await self._save()

    async def _save(self) -> None:
        """Write everything; what was learned is of no use to a plan that stops for it."""
        try:
            await self._file.save({"stops": self._stops})
        except OSError as err:
            _LOGGER.warning("Cannot save how long hosts took to stop: %s", err)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What a person has switched, which no restart may forget."""

    is_armed: bool = False
    maintenance: Maintenance | None = None
    """For so long no plan begins by itself; None without maintenance."""


class SwitchStore:
    """The switches of one plan."""

    def __init__(self, file: JsonFile, switches: Switches) -> None:
        """Know these switches; use `load`."""
        self._file = file
        self.switches = switches

    @classmethod
    async def load(cls, path: Path) -> Self:
        """Read the switches; without any the plan is not armed.

        Raises:
            OSError: the disk cannot be read.

        """
        file = JsonFile(path)
        return cls(file, _switches(await file.load()))

    async def save(self, switches: Switches) -> None:
        """Return once they are on disk; only then do they count.

        Raises:
            OSError: the disk is full, read-only or gone; the switches are as they were.

        """
        data = {"armed": switches.is_armed, "maintenance": _saved(switches.maintenance)}
        await self._file.save(data)
        self.switches = switches


def _switches(data: Mapping[str, Any]) -> Switches:
    """Return the switches as saved; maintenance that cannot be read is none."""
    maintenance: Maintenance | None = None
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        maintenance = _maintenance(data["maintenance"])
    return Switches(is_armed=data.get("armed") is True, maintenance=maintenance)


def _maintenance(data: Mapping[str, Any]) -> Maintenance | None:
    until = datetime.fromisoformat(data["until"])
    ends, lasts_s = float(data["ends"]), float(data["lasts_s"])
    if until.tzinfo is None or not (math.isfinite(ends) and math.isfinite(lasts_s)):
        return None
    return Maintenance(until=until, boot_id=str(data["boot"]), ends=ends, lasts_s=lasts_s)


def _saved(maintenance: Maintenance | None) -> dict[str, Any] | None:
    if maintenance is None:
        return None
    return {
        "until": maintenance.until.isoformat(),
        "boot": maintenance.boot_id,
        "ends": maintenance.ends,
        "lasts_s": maintenance.lasts_s,
    }


def _sane(stops: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the durations that can be true."""
    return {
        target_id: [float(s) for s in seconds if _is_duration(s)][-KEPT_STOPS:]
        for target_id, seconds in stops.items()
        if isinstance(seconds, list)
    }


def _is_duration(value: object) -> bool:
    """Return whether a value can be a duration in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value > 0.0


def _read(path: Path) -> bytes:
    """Return what the file holds; nothing if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _append(path: Path, data: bytes) -> None:
    """Add to the end of the file and wait for the disk."""
    is_new = not path.exists()
    if is_new:
        _make_folder(path.parent)
    _write(path, data, os.O_APPEND)
    if is_new:
        _sync_folder(path.parent)


def _replace(path: Path, data: bytes) -> None:
    """Put a new file in the place of the old one, once all of it is on disk."""
    _make_folder(path.parent)
    fresh = _fresh(path)
    try:
        _write(fresh, data, os.O_TRUNC)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _remove(path: Path) -> None:
    """Remove the file, and one that a crash has left half written."""
    for name in (path, _fresh(path)):
        name.unlink(missing_ok=True)


def _fresh(path: Path) -> Path:
    """Return where a file is written before it takes its place."""
    return path.with_name(f"{path.name}.new")


def _write(path: Path, data: bytes, flag: int) -> None:
    """Write all of the data, for our eyes only, and wait for the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, _MODE)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """Make the folder, and the folders above it, to last."""
    if folder.exists():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as err:
        if err.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)
