"""The plan in force, on disk for as long as it is open: a restart must not change it half-way."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
import logging
from pathlib import Path
from typing import Any, Final

from .ledger import is_open_in
from .ports import JournalFile
from .records import Json
from .specs import OutputOptions, Plan, Restore, TargetSpec, Triggers, Verify, WakeOnLan
from .stores import JsonFile

_LOGGER = logging.getLogger(__name__)

_SETS: Final = ("uses", "runs_on")


class OpenPlanFile:
    """Keeps what the user had configured when the open plan began, secrets among it.

    A target that is changed or deleted meanwhile must still be stopped, released and woken as
    what it was. Nobody waits for the disk, and a disk that fails costs the plan nothing.
    """

    def __init__(self, path: Path) -> None:
        """Touch nothing yet."""
        self._file = JsonFile(path)
        self._plan: Plan | None = None
        self._saved: Plan | None = None
        """The one that the file holds, at least as it was before something was learned."""
        self._learned: dict[str, Mapping[str, object]] = {}
        self._is_due = False
        self._has_failed = False
        self._writer: asyncio.Task[None] | None = None

    async def load(self, journal: JournalFile) -> Plan | None:
        """Return the plan that is in force; None if what is configured now counts.

        A file that the end of its plan has left behind is removed.

        Args:
            journal: tells whether a plan is open.

        """
        try:
            if not (data := await self._file.load()):
                return None
            if await is_open_in(journal):
                self._plan = self._saved = plan_from_json(data)
                return self._plan
            await self._file.remove()
        except (OSError, ValueError) as err:
            _LOGGER.warning(
                "The configuration of the open plan cannot be read, what is set now counts: %s", err
            )
        return None

    def follow(self, plan: Plan | None) -> None:
        """Begin to keep the plan that is open as it is in force; None: none is open.

        The end of a plan may be on disk later than the removal of its file: then nobody is owed
        anything any more.
        """
        if plan is not self._plan or self._has_failed:
            self._plan = plan
            self._begin()

    def learn(self, target_id: str, options: Mapping[str, object]) -> None:
        """Keep what a target of the open plan found out by itself, too."""
        if self._plan is not None and self._learned.get(target_id) != options:
            self._learned[target_id] = options
            self._begin()

    async def flushed(self, limit_s: float) -> None:
        """Return once the disk is done, within a limit."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=limit_s)

    def _begin(self) -> None:
        self._is_due = True
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="keep the open plan")

    async def _write(self) -> None:
        """Write until the file is as it should be, or the disk has failed."""
        while self._is_due:
            self._is_due = False
            try:
                await self._put()
            except OSError as err:
                await self._fail(err)
            else:
                self._has_failed = False

    async def _put(self) -> None:
        if self._plan is None:
            self._learned.clear()
            await self._file.remove()
            self._saved = None
            return
        plan = self._plan
        targets = tuple(
            replace(spec, options={**spec.options, **self._learned.get(spec.target_id, {})})
            for spec in plan.targets
        )
        await self._file.save(plan_as_json(replace(plan, targets=targets)))
        self._saved = plan

    async def _fail(self, err: OSError) -> None:
        """Tell of it once; the next event of the plan tries again."""
        if not self._has_failed:
            _LOGGER.error(
                "The configuration of the open plan cannot be kept; after a restart before its end"
                " what is set then counts: %s",
                err,
            )
        self._has_failed = True
        if self._saved is self._plan:
            return
        try:
            # One of another plan is worse than none.
            await self._file.remove()
        except OSError as again:
            _LOGGER.debug("It cannot be removed either: %s", again)


def plan_as_json(plan: Plan) -> Json:
    """Return all of a plan, secrets among it."""
    targets = [_spec_as_json(spec) for spec in plan.targets]
    return {**asdict(replace(plan, targets=())), "targets": targets}


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Return the plan of `plan_as_json`.

    Raises:
        ValueError: it is none, or one of another release.

    """
    try:
        return _plan_from_json(data)
    except (AttributeError, KeyError, TypeError) as err:
        # Its text may show what the file holds.
        raise ValueError(type(err).__name__) from err


def _plan_from_json(data: Mapping[str, Any]) -> Plan:
    output = data["output"]
    parts = {
        "targets": tuple(_spec_from_json(row) for row in data["targets"]),
        "triggers": Triggers(**data["triggers"]),
        "restore": Restore(**data["restore"]),
        "output": None if output is None else OutputOptions(**output),
    }
    return Plan(**{**data, **parts})


def _spec_as_json(spec: TargetSpec) -> Json:
    sets = {name: sorted(getattr(spec, name)) for name in _SETS}
    # A read-only view cannot be copied.
    return {**asdict(replace(spec, options={})), **sets, "options": dict(spec.options)}


def _spec_from_json(row: Mapping[str, Any]) -> TargetSpec:
    verify, wake = row["verify"], row["wake"]
    parts = {
        "verify": Verify(**{**verify, "ports": tuple(verify["ports"])}),
        "wake": None if wake is None else WakeOnLan(**wake),
        **{name: frozenset(row[name]) for name in _SETS},
    }
    return TargetSpec(**{**row, **parts})
