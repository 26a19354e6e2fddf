"""Which targets a real stop has shown to work; of all others nothing is confirmed on hardware."""

from collections.abc import Collection, Mapping
from datetime import datetime
import hashlib
import json
import logging
from pathlib import Path
from typing import Any, Final, Self

from .kinds import KINDS
from .specs import TargetSpec
from .stores import JsonFile

_LOGGER = logging.getLogger(__name__)

# Which machine it is, and which part of it.
_PLACE: Final = ("host", "port", "url", "node", "scope", "alias", "action")


def identity_of(spec: TargetSpec) -> str:
    """Return what a real stop proves something of; another value means that nothing is proven.

    Made of the kind, the machine, and the requests by which this release changes something there.
    It tells none of them, for a URL may be a secret.
    """
    kind = KINDS.get(spec.kind)
    requests = [(row.method, row.path) for row in kind.requests if row.changes] if kind else []
    place = [str(spec.options.get(name, "")) for name in _PLACE]
    text = json.dumps([spec.kind, place, requests])
    return hashlib.sha256(text.encode()).hexdigest()


class ConfirmedStops:
    """When each target was last stopped for real and proven down, over restarts."""

    def __init__(self, file: JsonFile, rows: Mapping[str, Any]) -> None:
        """Know these; use `load`."""
        self._file = file
        self._rows = dict(rows)

    @classmethod
    async def load(cls, path: Path) -> Self:
        """Read what was confirmed.

        Raises:
            OSError: the disk cannot be read.

        """
        file = JsonFile(path)
        return cls(file, await file.load())

    def at(self, spec: TargetSpec) -> datetime | None:
        """Return when a target was last proven to stop; None if it never was as it is now."""
        row = self._rows.get(spec.target_id)
        if not isinstance(row, Mapping) or row.get("of") != identity_of(spec):
            return None
        try:
            return datetime.fromisoformat(str(row.get("at")))
        except ValueError:
            return None

    async def add(self, spec: TargetSpec, at: datetime, *, keep: Collection[str]) -> None:
        """Note that a target was proven down; forget all but those to `keep`."""
        row = {"at": at.isoformat(), "of": identity_of(spec)}
        known = {key: value for key, value in self._rows.items() if key in keep}
        self._rows = {**known, spec.target_id: row}
        try:
            await self._file.save(self._rows)
        except OSError as err:
            _LOGGER.warning("Cannot save that %s was stopped: %s", spec.name, err)
