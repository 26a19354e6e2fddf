"""How long maintenance still lasts: by a clock that nobody can set, and never longer than asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from .ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """For so long no plan begins, whatever the wall clock does meanwhile."""

    until: datetime
    """The end by the wall clock when it began, UTC; for people, and for another boot."""
    boot_id: str = ""
    ends: float = 0.0
    """The end in monotonic seconds of that boot."""
    lasts_s: float = 0.0
    """How long it was to last in all."""

    @classmethod
    def of(cls, until: datetime, clock: Clock) -> Self:
        """Return maintenance that begins now and ends at `until`."""
        lasts_s = max(0.0, (until - clock.utc()).total_seconds())
        ends = clock.monotonic() + lasts_s
        return cls(until=until, boot_id=clock.boot_id, ends=ends, lasts_s=lasts_s)

    def left_s(self, clock: Clock) -> float:
        """Return the seconds that are left; 0 if it is over.

        After another boot the wall clock decides, which may be years behind until it is set: then
        it is as long as it was asked for, and no longer.
        """
        if self.boot_id == clock.boot_id:
            return min(self.lasts_s, max(0.0, self.ends - clock.monotonic()))
        left_s = (self.until - clock.utc()).total_seconds()
        return min(self.lasts_s, max(0.0, left_s))
