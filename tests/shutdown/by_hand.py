"""A clock that only a test moves, and durations that it sets."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, override

from custom_components.omron_ups.shutdown.folding import PlanRecord, fold
from custom_components.omron_ups.shutdown.ports import Clock, DurationStore, Stop
from custom_components.omron_ups.shutdown.records import Entry
from custom_components.omron_ups.shutdown.specs import TargetSpec

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def spec(target_id: str, stage: int, limit: float, *uses: str, **more: Any) -> TargetSpec:
    """Return a target that is named after its id."""
    return TargetSpec(
        **{"target_id": target_id, "name": target_id, "kind": "fake", **more},
        stage=stage,
        time_limit_s=limit,
        uses=frozenset(uses),
    )


class HandClock(Clock):
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        """Begin some time after the machine's start."""
        self.seconds = 1000.0
        self.id = "boot-1"

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds

    @override
    def monotonic(self) -> float:
        return self.seconds

    @override
    def utc(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    @property
    @override
    def boot_id(self) -> str:
        return self.id

    @override
    def uptime_s(self) -> float:
        return self.seconds


class SetDurations(DurationStore):
    """Knows the stops that it was given."""

    def __init__(self, stops: Mapping[str, Sequence[float]] | None = None) -> None:
        """Know these stops, in seconds, by the target's id."""
        self.stops = {target_id: list(seconds) for target_id, seconds in (stops or {}).items()}

    @override
    def seconds(self, target_id: str) -> Sequence[float]:
        return self.stops.get(target_id, ())

    @override
    async def add(self, stop: Stop) -> None:
        self.stops.setdefault(stop.target_id, []).append(stop.seconds)

    @override
    async def keep(self, target_ids: Collection[str]) -> None:
        self.stops = {key: value for key, value in self.stops.items() if key in target_ids}


def fold_all(entries: Iterable[Entry]) -> PlanRecord | None:
    """Return the last plan of a journal, open or not; None if there never was one."""
    record: PlanRecord | None = None
    for entry in entries:
        record = fold(record, entry)
    return record
