"""Runs the targets' preflights rarely enough that no host takes them for an attack."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
from random import Random
from typing import Any, Final, Self

from .findings import FindingKey, finding
from .models import Finding, Severity
from .ports import Clock
from .specs import TargetSpec
from .target import Target

_LOGGER = logging.getLogger(__name__)

EVERY: Final = timedelta(days=1)
"""Between two checks that nobody asked for."""
JITTER: Final = timedelta(hours=1)
"""What is added at random, so that many targets, and many homes, do not knock at once."""
FIRST_WITHIN: Final = timedelta(minutes=10)
"""When a target that was never checked has its turn, after a start."""
LOGIN_EVERY: Final = timedelta(hours=6)
"""Between two logins to one device: NAS boxes block an address after few failed ones."""
CHECK_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the last check of one target found."""

    at: datetime
    device: str
    findings: tuple[Finding, ...] = ()
    """What is wrong; empty if all is well."""


class TargetChecks:
    """The results, and whose turn it is. Whoever owns it calls `run_due` now and then."""

    def __init__(
        self, clock: Clock, random: Random, results: Mapping[str, Result] | None = None
    ) -> None:
        """Begin with the results of earlier runs: a restart gives nobody a new login."""
        self._clock = clock
        self._random = random
        self._began_at = clock.utc()
        self._results = dict(results or {})
        self._changed: set[str] = set()
        self._offsets: dict[str, float] = {}
        self._lock = asyncio.Lock()

    @classmethod
    def from_json(cls, clock: Clock, random: Random, data: Mapping[str, Any]) -> Self:
        """Begin with what `as_json` returned; what cannot be read is left out."""
        found = {target_id: _result_from(saved) for target_id, saved in data.items()}
        return cls(clock, random, {key: value for key, value in found.items() if value})

    def as_json(self) -> dict[str, Any]:
        """Return the results to be kept over a restart."""
        return {target_id: _result_json(result) for target_id, result in self._results.items()}

    @property
    def results(self) -> Mapping[str, Result]:
        """The last result of each target that was ever checked."""
        return dict(self._results)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the last results of all targets found."""
        return tuple(item for result in self._results.values() for item in result.findings)

    def changed(self, target_id: str) -> None:
        """Note that a target was added or its configuration changed: it is due, login or not."""
        self._changed.add(target_id)

    def keep(self, target_ids: Collection[str]) -> None:
        """Forget all others: their targets were deleted."""
        self._results = {k: v for k, v in self._results.items() if k in target_ids}
        self._changed &= set(target_ids)

    def due(self, specs: Iterable[TargetSpec]) -> tuple[str, ...]:
        """Return whose check is due and allowed now, who waited longest first."""
        now = self._clock.utc()
        waiting = [s for s in specs if self._due_at(s) <= now and self.may_check(s)]
        return tuple(spec.target_id for spec in sorted(waiting, key=self._due_at))

    def may_check(self, spec: TargetSpec) -> bool:
        """Return whether a login to the target's device is allowed now."""
        if spec.target_id in self._changed:
            return True
        # A clock that was set back must not lock anybody out: those ages are negative.
        ages = (
            self._clock.utc() - result.at
            for result in self._results.values()
            if result.device == device(spec)
        )
        return not any(timedelta(0) <= age < LOGIN_EVERY for age in ages)

    async def run_due(self, targets: Mapping[str, Target]) -> Sequence[Finding]:
        """Check those whose turn it is; return what they found."""
        ids = self.due(target.spec for target in targets.values())
        return await self.run({target_id: targets[target_id] for target_id in ids})

    async def run(self, targets: Mapping[str, Target]) -> Sequence[Finding]:
        """Check these targets, where a login is allowed; else the last result stands in.

        Returns:
            What is wrong with them; nothing for one whose first check must wait for its device.

        """
        async with self._lock:
            allowed: dict[str, list[Target]] = {}
            for target in targets.values():
                if self.may_check(target.spec):
                    allowed.setdefault(device(target.spec), []).append(target)
            await asyncio.gather(*(self._run_device(group) for group in allowed.values()))
        results = (self._results.get(target_id) for target_id in targets)
        return [found for result in results if result for found in result.findings]

    async def _run_device(self, targets: Sequence[Target]) -> None:
        """Check the targets of one device, one after the other, as far as its logins go."""
        for target in targets:
            if self.may_check(target.spec):
                await self._check(target)

    async def _check(self, target: Target) -> None:
        """Check one target and keep what it finds."""
        spec = target.spec
        # A change that comes while this runs is for the next one to see.
        self._changed.discard(spec.target_id)
        at = self._clock.utc()
        findings = await _findings(target)
        self._results[spec.target_id] = Result(at=at, device=device(spec), findings=findings)
        self._offsets.pop(spec.target_id, None)

    def _due_at(self, spec: TargetSpec) -> datetime:
        """Return when a target's next check is due."""
        if spec.target_id in self._changed:
            return self._began_at
        offset = self._offsets.setdefault(spec.target_id, self._random.random())
        if (result := self._results.get(spec.target_id)) is None:
            return self._began_at + offset * FIRST_WITHIN
        if result.at > self._clock.utc():
            return self._began_at  # the clock was set back: nobody knows how old the result is
        return result.at + EVERY + offset * JITTER


def device(spec: TargetSpec) -> str:
    """Return what stands for the device that a target logs in to."""
    return str(spec.options.get("host") or spec.verify.address or spec.target_id)


async def _findings(target: Target) -> tuple[Finding, ...]:
    """Return what a target's own check finds; one that fails is a finding too."""
    spec = target.spec
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            return tuple(await target.preflight())
    except Exception as err:
        _LOGGER.exception("%s: the check failed", spec.name)
        return (finding(spec, FindingKey.CHECK_FAILED, detail=type(err).__name__),)


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "at": result.at.isoformat(),
        "device": result.device,
        "findings": [
            {
                "severity": int(found.severity),
                "key": str(found.key),
                "placeholders": dict(found.placeholders),
                "target_id": found.target_id,
            }
            for found in result.findings
        ],
    }


def _result_from(data: Any) -> Result | None:
    """Return a saved result; None if it cannot be read."""
    try:
        at = datetime.fromisoformat(data["at"])
        findings = tuple(
            Finding(
                severity=Severity(saved["severity"]),
                key=saved["key"],
                placeholders=saved["placeholders"],
                target_id=saved["target_id"],
            )
            for saved in data["findings"]
        )
        result = Result(at=at, device=data["device"], findings=findings)
    except KeyError, TypeError, ValueError:
        return None
    return result if at.tzinfo is not None else None
