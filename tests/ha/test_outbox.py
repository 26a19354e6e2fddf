"""Messages arrive, in order and with their own times, however long that takes."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
import json
from typing import Any, override

import pytest

from custom_components.omron_ups.discord import (
    BadMessageError,
    DiscordError,
    Message,
    MessageGoneError,
    RateLimitedError,
    UnreachableError,
    WebhookGoneError,
)
from custom_components.omron_ups.outbox import (
    LONGEST_PAUSE_S,
    MAX_AGE,
    MAX_LETTERS,
    Batch,
    Letter,
    Outbox,
)
from tests.driver.virtual_time import run

BEGAN = datetime(2026, 11, 22, 14, tzinfo=UTC)


class Disk:
    """A store that a crash does not touch; what is not JSON cannot be stored."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.text = ""
        self.error: OSError | None = None

    async def load(self) -> Mapping[str, Any] | None:
        """Return what a crash has left."""
        stored: Mapping[str, Any] | None = json.loads(self.text) if self.text else None
        return stored

    async def save(self, data: dict[str, Any]) -> None:
        """Keep `data`, or fail as it was told."""
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.text = json.dumps(data)

    @property
    def kinds(self) -> list[str]:
        """What is on it."""
        return [item["kind"] for item in json.loads(self.text)["letters"]]


class Line:
    """A Discord that takes messages, or fails as it is told."""

    def __init__(self, disk: Disk) -> None:
        """Work."""
        self.disk = disk
        self.faults: list[DiscordError | None] = []
        self.is_down = False
        self.posted: list[str] = []
        self.edited: list[tuple[str, str]] = []
        self.times: list[float] = []
        self.on_disk: list[list[str]] = []
        self.pause_s = 0.0

    def _attempt(self) -> None:
        self.times.append(asyncio.get_running_loop().time())
        self.on_disk.append(self.disk.kinds)
        if self.is_down:
            raise UnreachableError("no line")
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault

    async def post(self, message: Message) -> str:
        """Take a message."""
        await asyncio.sleep(0.1)
        self._attempt()
        self.posted.append(message.content)
        return f"id{len(self.posted)}"

    async def edit(self, message_id: str, message: Message) -> None:
        """Take another text."""
        await asyncio.sleep(0.1)
        self._attempt()
        self.edited.append((message_id, message.content))


def one_by_one(letters: Sequence[Letter]) -> Batch:
    first = letters[0]
    live_key = first.group if first.kind.startswith("live") else ""
    return Batch(message=Message(content=first.kind), live_key=live_key)


def letter(kind: str, group: str = "") -> Letter:
    return Letter(kind=kind, at=BEGAN, group=group)


class House:
    """An outbox with its surroundings."""

    def __init__(self) -> None:
        """Begin with an empty disk."""
        self.disk = Disk()
        self.line = Line(self.disk)
        self.gone = 0
        self.time = BEGAN
        self.outbox = self.make()

    def make(self) -> Outbox:
        """Return what a start of Home Assistant makes."""
        return Outbox(
            sender=self.line,
            store=self.disk,
            render=one_by_one,
            on_gone=self._handle_gone,
            now=lambda: self.time,
        )

    async def crash(self) -> None:
        """Lose everything that is not on disk, and make what the next start makes."""
        tasks = self.outbox._tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.outbox = self.make()

    def _handle_gone(self) -> None:
        self.gone += 1


def in_virtual_time(test: Callable[[House], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test on a loop whose clock jumps."""

    async def main() -> None:
        house = House()
        await house.outbox.start()
        try:
            await test(house)
        finally:
            await house.outbox.stop()

    def wrapped() -> None:
        run(main())

    return wrapped


@in_virtual_time
async def test_letters_arrive_in_order_and_were_on_disk_before(house: House) -> None:
    for kind in "abc":
        house.outbox.put(letter(kind))
    await asyncio.sleep(1)
    assert house.line.posted == ["a", "b", "c"]
    assert house.line.on_disk == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert house.disk.kinds == []
    assert house.outbox.waiting == ()


@in_virtual_time
async def test_an_hour_without_a_line(house: House) -> None:
    house.line.is_down = True
    for kind in "abc":
        house.outbox.put(letter(kind))
    await asyncio.sleep(3600)
    assert house.line.posted == []
    gaps = [after - before for before, after in pairwise(house.line.times)]
    assert 4 <= gaps[0] <= 6.2
    assert all(gap <= LONGEST_PAUSE_S * 1.2 + 0.2 for gap in gaps)
    assert len(gaps) < 30
    house.line.is_down = False
    await asyncio.sleep(LONGEST_PAUSE_S * 1.3)
    assert house.line.posted == ["a", "b", "c"]


@in_virtual_time
async def test_a_crash_loses_and_repeats_nothing(house: House) -> None:
    house.line.faults = [None, UnreachableError("x"), UnreachableError("x")]
    for kind in "abc":
        house.outbox.put(letter(kind))
    await asyncio.sleep(1)
    assert house.line.posted == ["a"]
    await house.crash()
    house.outbox.put(letter("d"))
    await house.outbox.start()
    await asyncio.sleep(60)
    assert house.line.posted == ["a", "b", "c", "d"]


@in_virtual_time
async def test_a_crash_between_two_attempts_loses_nothing(house: House) -> None:
    house.line.is_down = True
    house.outbox.put(letter("a"))
    await asyncio.sleep(1200)
    attempts = len(house.line.times)
    house.outbox.put(letter("b"))
    await asyncio.sleep(1)
    assert len(house.line.times) == attempts
    await house.crash()
    house.line.is_down = False
    await house.outbox.start()
    await asyncio.sleep(1)
    assert house.line.posted == ["a", "b"]


@in_virtual_time
async def test_times_survive(house: House) -> None:
    house.line.is_down = True
    sent = Letter(kind="a", at=BEGAN, group="g", data={"charge": 99, "rows": [["x", 1]]})
    house.outbox.put(sent)
    await asyncio.sleep(1)
    await house.outbox.stop()
    house.outbox = house.make()
    await house.outbox.start()
    assert house.outbox.waiting == (sent,)


@in_virtual_time
async def test_a_rate_limit_is_obeyed(house: House) -> None:
    house.line.faults = [RateLimitedError(7.5)]
    house.outbox.put(letter("a"))
    await asyncio.sleep(7)
    assert house.line.posted == []
    await asyncio.sleep(1)
    assert house.line.posted == ["a"]


@in_virtual_time
async def test_a_pause_that_discord_asks_for_is_kept(house: House) -> None:
    house.line.pause_s = 3
    house.outbox.put(letter("a"))
    await asyncio.sleep(2.5)
    assert house.line.times == []
    await asyncio.sleep(1)
    assert house.line.posted == ["a"]


@in_virtual_time
async def test_a_live_message_is_edited_also_after_a_restart(house: House) -> None:
    house.outbox.put(letter("live 1", "plan"))
    house.outbox.put(letter("other"))
    house.outbox.put(letter("live 2", "plan"))
    await asyncio.sleep(1)
    assert house.line.posted == ["live 1", "other"]
    assert house.line.edited == [("id1", "live 2")]
    await house.outbox.stop()
    house.outbox = house.make()
    await house.outbox.start()
    house.outbox.put(letter("live 3", "plan"))
    await asyncio.sleep(1)
    assert house.line.edited == [("id1", "live 2"), ("id1", "live 3")]


@in_virtual_time
async def test_a_live_message_that_was_deleted_is_posted_anew(house: House) -> None:
    house.outbox.put(letter("live 1", "plan"))
    await asyncio.sleep(1)
    house.line.faults = [MessageGoneError("x")]
    house.outbox.put(letter("live 2", "plan"))
    await asyncio.sleep(1)
    house.outbox.put(letter("live 3", "plan"))
    await asyncio.sleep(1)
    assert house.line.posted == ["live 1", "live 2"]
    assert house.line.edited == [("id2", "live 3")]


@in_virtual_time
async def test_a_message_that_discord_never_takes_does_not_hold_up_the_others(
    house: House,
) -> None:
    house.line.faults = [BadMessageError("x")]
    house.outbox.put(letter("a"))
    house.outbox.put(letter("b"))
    await asyncio.sleep(1)
    assert house.line.posted == ["b"]


@in_virtual_time
async def test_a_deleted_webhook_is_told_once_and_letters_are_kept(house: House) -> None:
    house.line.faults = [WebhookGoneError("x")]
    house.outbox.put(letter("a"))
    await asyncio.sleep(10)
    house.outbox.put(letter("b"))
    await asyncio.sleep(4000)
    assert house.gone == 1
    assert len(house.line.times) == 1
    await house.outbox.stop()
    assert house.disk.kinds == ["a", "b"]


@in_virtual_time
async def test_too_old_and_too_many(house: House) -> None:
    house.line.is_down = True
    for number in range(MAX_LETTERS + 10):
        house.outbox.put(letter(str(number)))
    await asyncio.sleep(1)
    assert len(house.outbox.waiting) == MAX_LETTERS
    assert house.outbox.waiting[0].kind == "10"
    house.time += MAX_AGE + timedelta(seconds=1)
    await asyncio.sleep(10)
    assert house.outbox.waiting == ()
    assert house.line.posted == []


@in_virtual_time
async def test_a_full_disk_does_not_keep_messages_back(house: House) -> None:
    house.disk.text = json.dumps({"letters": [], "live": {}})
    house.disk.error = OSError("full")
    house.outbox.put(letter("a"))
    await asyncio.sleep(1)
    assert house.line.posted == ["a"]


@in_virtual_time
async def test_a_store_of_another_version_is_no_end(house: House) -> None:
    await house.outbox.stop()
    good = letter("good").as_dict()
    house.disk.text = json.dumps({"letters": [{"kind": "bad"}, good], "live": {}})
    house.outbox = house.make()
    await house.outbox.start()
    await asyncio.sleep(1)
    assert house.line.posted == ["good"]


class Slow(Disk):
    """A disk that takes its time."""

    @override
    async def save(self, data: dict[str, Any]) -> None:
        await asyncio.sleep(30)
        await super().save(data)


@in_virtual_time
async def test_whoever_puts_a_letter_never_waits(house: House) -> None:
    await house.outbox.stop()
    house.disk = Slow()
    house.line.disk = house.disk
    house.outbox = house.make()
    await house.outbox.start()
    before = asyncio.get_running_loop().time()
    house.outbox.put(letter("a"))
    assert asyncio.get_running_loop().time() == before
    await asyncio.sleep(100)
    assert house.line.posted == ["a"]


def test_the_house_can_fail() -> None:
    """A fault that nobody expects must not pass unnoticed."""

    @in_virtual_time
    async def broken(house: House) -> None:
        house.outbox.put(letter("a"))
        await asyncio.sleep(1)
        assert house.line.posted == []

    with pytest.raises(AssertionError):
        broken()
