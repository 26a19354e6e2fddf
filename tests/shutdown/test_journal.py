"""The journal: one sync for many, nothing lost by a failing disk, torn lines left out."""

import asyncio
from datetime import UTC, datetime

from custom_components.omron_ups.shutdown.journal import SYNC_LIMIT_S, Journal
from custom_components.omron_ups.shutdown.records import (
    Asked,
    Entry,
    Restoring,
    Resumed,
    Stamp,
    encode,
)

from ..driver.virtual_time import run

STAMP = Stamp(at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC), boot_id="b1", monotonic=12.5)


def entry(number: int) -> Entry:
    return Entry(number=number, plan_id="p", stamp=STAMP, change=Restoring())


class Disk:
    """A file in memory, whose syncs take 20 ms."""

    def __init__(self) -> None:
        """Begin empty and sound."""
        self.data = b""
        self.writes = 0
        self.delay_s = 0.02
        self.broken: OSError | None = None
        self.torn_bytes = 0

    async def read(self) -> bytes:
        """Return everything."""
        return self.data

    async def append(self, data: bytes) -> None:
        """Add, or fail half-way."""
        await asyncio.sleep(self.delay_s)
        if self.broken:
            self.data += data[: self.torn_bytes]
            raise self.broken
        self.writes += 1
        self.data += data

    async def replace(self, data: bytes) -> None:
        """Put in place, or not."""
        await asyncio.sleep(self.delay_s)
        if self.broken:
            raise self.broken
        self.writes += 1
        self.data = data


class Bench:
    """A journal on a disk, and the errors that it reported."""

    def __init__(self) -> None:
        """Put it together."""
        self.disk = Disk()
        self.errors: list[Exception] = []
        self.journal = Journal(self.disk, self.errors.append)

    async def append(self, *entries: Entry) -> None:
        """Add entries, and wait for them."""
        self.journal.add(*entries)
        await self.journal.synced()

    async def replace(self, *entries: Entry) -> None:
        """Put entries in place of all others, and wait for it."""
        self.journal.put(entries)
        await self.journal.synced()

    async def numbers(self) -> list[int]:
        """Return what a restart would read."""
        return [e.number for e in await Journal(self.disk, self.errors.append).read()]


def test_fifty_entries_at_once_share_two_syncs() -> None:
    async def scenario() -> None:
        bench = Bench()
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(bench.append(entry(number)))
        assert bench.disk.writes <= 2
        assert loop.time() - began <= 0.05
        assert await bench.numbers() == list(range(50))

    run(scenario())


def test_append_returns_only_when_its_own_entry_is_on_disk() -> None:
    async def scenario() -> None:
        bench = Bench()
        first = asyncio.create_task(bench.append(entry(1)))
        await asyncio.sleep(0.01)
        await bench.append(entry(2))
        assert first.done()
        assert await bench.numbers() == [1, 2]

    run(scenario())


def test_a_cancelled_writer_still_gets_its_entry_written() -> None:
    async def scenario() -> None:
        bench = Bench()
        task = asyncio.create_task(bench.append(entry(1)))
        await asyncio.sleep(0.01)
        task.cancel()
        await bench.journal.synced()
        assert await bench.numbers() == [1]

    run(scenario())


def test_a_torn_or_damaged_line_is_left_out() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.disk.data = encode(entry(1)) + b'{"n":7}\n\xff\xfe\n' + encode(entry(2))[:-9]
        assert [e.number for e in await bench.journal.read()] == [1]
        await bench.append(entry(3))
        assert await bench.numbers() == [1, 3]

    run(scenario())


def test_a_full_disk_is_reported_and_nothing_is_lost_once_it_has_room() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.append(entry(1))
        bench.disk.broken, bench.disk.torn_bytes = OSError("no space left on device"), 20
        await bench.append(entry(2))
        await bench.append(entry(3))
        assert [str(error) for error in bench.errors] == ["no space left on device"] * 2
        assert await bench.numbers() == [1]
        bench.disk.broken = None
        await bench.append(entry(4))
        assert await bench.numbers() == [1, 2, 3, 4]

    run(scenario())


def test_a_line_that_was_written_twice_is_read_once() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.disk.broken, bench.disk.torn_bytes = OSError("input/output error"), 10_000
        await bench.append(entry(1))
        bench.disk.broken = None
        await bench.append(entry(2))
        assert bench.disk.data.count(encode(entry(1))) == 2
        assert await bench.numbers() == [1, 2]

    run(scenario())


def test_a_disk_that_hangs_holds_nobody_up_for_long() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.disk.delay_s = 3600.0
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(5):
            await bench.append(entry(number))
        assert loop.time() - began == SYNC_LIMIT_S
        assert [type(error) for error in bench.errors] == [TimeoutError]
        bench.disk.delay_s = 0.02
        await asyncio.sleep(3600.0)
        await bench.append(entry(9))
        assert await bench.numbers() == [0, 1, 2, 3, 4, 9]

    run(scenario())


def test_replace_drops_what_was_before_but_not_what_comes_after() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.append(entry(1), entry(2))
        replacing = asyncio.create_task(bench.replace(entry(3)))
        await asyncio.sleep(0.01)
        await bench.append(entry(4))
        await replacing
        assert await bench.numbers() == [3, 4]

    run(scenario())


def test_replace_on_a_full_disk_adds_instead_once_it_can() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.append(entry(1))
        bench.disk.broken = OSError("no space left on device")
        await bench.replace(entry(2))
        bench.disk.broken = None
        await bench.append(entry(3))
        assert await bench.numbers() == [1, 2, 3]

    run(scenario())


def test_a_write_under_way_does_not_take_later_entries_with_it() -> None:
    async def scenario() -> None:
        bench = Bench()
        writing = asyncio.create_task(bench.append(entry(1)))
        await asyncio.sleep(0.01)
        replacing = asyncio.create_task(bench.replace(entry(2)))
        appending = asyncio.create_task(
            bench.append(
                Entry(
                    number=3,
                    plan_id="p",
                    stamp=STAMP,
                    change=Asked(target_id="t", step="off", is_irreversible=True),
                )
            )
        )
        await asyncio.gather(writing, replacing, appending)
        assert await bench.numbers() == [2, 3]

    run(scenario())


def test_waiting_tries_again_what_failed() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.disk.broken = OSError("input/output error")
        await bench.append(
            Entry(number=1, plan_id="p", stamp=STAMP, change=Resumed()),
        )
        bench.disk.broken = None
        await bench.journal.synced()
        assert await bench.numbers() == [1]

    run(scenario())
