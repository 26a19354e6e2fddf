"""The plan's memory: what happens is folded at once, and on disk before it has an effect."""

from collections.abc import Callable, Sequence

from .folding import PlanRecord, fold
from .journal import Journal
from .models import Power
from .ports import Clock, JournalFile
from .power import PowerNow
from .records import Began, Change, Ended, Entry, Json, OnBattery, OutputAsked, Owed, Stamp


class Ledger:
    """Keeps the record of the plan that is open, or was the last one."""

    def __init__(
        self,
        file: JournalFile,
        clock: Clock,
        power: Callable[[], PowerNow],
        *,
        on_entry: Callable[[Entry], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Read nothing yet.

        Args:
            file: where the journal lies.
            clock: tells the time of each entry.
            power: tells the battery's state at each entry.
            on_entry: told of each new entry once it is folded; must not raise.
            on_error: told of each write that fails; must not raise.

        """
        self.record: PlanRecord | None = None
        self.entries: list[Entry] = []
        """Those of the plan in `record`, oldest first."""
        self.report: Json | None = None
        """Of the last plan that ended."""
        self.outage: Stamp | None = None
        """Of the last entry that tells of an outage in which no plan was open."""
        self._journal = Journal(file, on_error)
        self._clock = clock
        self._power = power
        self._on_entry = on_entry
        self._number = 0

    @property
    def is_open(self) -> bool:
        """Whether a plan is under way."""
        return self.record is not None and self.record.is_open

    async def read(self) -> None:
        """Take over what the journal holds.

        Raises:
            OSError: it cannot be read.

        """
        for entry in await self._journal.read():
            self._take(entry)

    def note(self, *changes: Change) -> None:
        """Let something have happened to the open plan; it is written soon."""
        if self.record is None:
            raise RuntimeError("no plan is open")
        plan_id = self.record.plan_id
        self._journal.add(*(self._happen(plan_id, change) for change in changes))

    async def write(self, *changes: Change) -> None:
        """Let something have happened; return once it is on disk, or the disk has failed."""
        self.note(*changes)
        await self._journal.synced()

    def note_outage(self) -> None:
        """Let a restart know since when there is an outage, while no plan is open."""
        self._journal.put([*self._reports(), self._happen("", OnBattery())])

    def forget_outage(self) -> None:
        """Take the outage that was noted for past, while no plan is open."""
        self.outage = None
        self._journal.put(self._reports())

    def begin(self, plan_id: str, began: Began, *more: Change) -> None:
        """Let a plan begin; no other is open."""
        changes: tuple[Change, ...] = (began, *more)
        self._journal.add(*(self._happen(plan_id, change) for change in changes))

    def end(self, report: Json) -> None:
        """Let the open plan end; of its journal only the report is kept."""
        if self.record is None:
            raise RuntimeError("no plan is open")
        self._journal.put([self._happen(self.record.plan_id, Ended(report=report))])

    def supersede(
        self, report: Json, plan_id: str, began: Began, owed: Sequence[Owed | OutputAsked]
    ) -> None:
        """Let another plan begin, which takes over what the open one still owes."""
        if self.record is None:
            raise RuntimeError("no plan is open")
        # In one piece: a crash in between must not forget who has to be woken.
        ended = self._happen(self.record.plan_id, Ended(report=report))
        changes: tuple[Change, ...] = (began, *owed)
        self._journal.put([ended, *(self._happen(plan_id, change) for change in changes)])

    def keep_report(self, plan_id: str, report: Json) -> None:
        """Keep the report of a rehearsal, which is no plan and has no journal."""
        if not self.is_open:
            self._journal.put([self._happen(plan_id, Ended(report=report))])

    async def synced(self) -> None:
        """Return once everything is on disk, or the disk has failed."""
        await self._journal.synced()

    async def flushed(self, limit_s: float) -> None:
        """Return once everything is on disk, however slow that is, within a limit."""
        await self._journal.flushed(limit_s)

    def stamp(self) -> Stamp:
        """Return the time and the battery's state."""
        now = self._power()
        return Stamp(
            at=self._clock.utc(),
            boot_id=self._clock.boot_id,
            monotonic=self._clock.monotonic(),
            charge=now.charge,
            charge_low=now.charge_low,
            runtime_s=now.runtime_s,
            on_battery_s=None if now.power is Power.UNKNOWN else now.on_battery_s,
        )

    def _reports(self) -> list[Entry]:
        """Return what is kept of the last plan."""
        return [entry for entry in self.entries if isinstance(entry.change, Ended)][-1:]

    def _happen(self, plan_id: str, change: Change) -> Entry:
        entry = Entry(number=self._number + 1, plan_id=plan_id, stamp=self.stamp(), change=change)
        self._take(entry)
        self._on_entry(entry)
        return entry

    def _take(self, entry: Entry) -> None:
        self._number = entry.number
        if isinstance(entry.change, OnBattery):
            self.outage = entry.stamp
            return
        self.record = fold(self.record, entry)
        if isinstance(entry.change, Began):
            self.entries.clear()
        self.entries.append(entry)
        if isinstance(entry.change, Ended):
            self.report = entry.change.report


async def is_open_in(file: JournalFile) -> bool:
    """Return whether a journal holds a plan that has not ended.

    Raises:
        OSError: it cannot be read.

    """
    record: PlanRecord | None = None
    for entry in await Journal(file, on_error=_ignore).read():
        if not isinstance(entry.change, OnBattery):
            record = fold(record, entry)
    return record is not None and record.is_open


def _ignore(_err: Exception) -> None:
    """Take no note of a write that fails; nothing is written."""
