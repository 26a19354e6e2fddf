"""Files that survive a loss of power."""

import asyncio
from datetime import UTC, datetime
import errno
import json
import os
from pathlib import Path
import threading

import pytest

from custom_components.omron_ups.shutdown.maintenance import Maintenance
from custom_components.omron_ups.shutdown.ports import Stop
from custom_components.omron_ups.shutdown.stores import (
    KEPT_STOPS,
    FileDurations,
    FileJournal,
    JsonFile,
    Switches,
    SwitchStore,
)

MAINTENANCE = Maintenance(
    until=datetime(2026, 11, 22, 18, 30, tzinfo=UTC), boot_id="boot-1", ends=900.0, lasts_s=600.0
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "omron_ups" / "journal"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note, by name and size, everything that is forced to disk."""
    names: list[str] = []
    real = os.fsync

    def spy(descriptor: int) -> None:
        file = Path(f"/proc/self/fd/{descriptor}").resolve()
        names.append(f"{file.name}/" if file.is_dir() else f"{file.name}:{file.stat().st_size}")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    return names


def content(path: Path) -> bytes:
    return path.read_bytes()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


async def test_a_missing_journal_is_empty(path: Path) -> None:
    assert await FileJournal(path).read() == b""
    assert not path.parent.exists(), "reading makes nothing"


async def test_the_journal_is_appended_to(path: Path) -> None:
    journal = FileJournal(path)
    await journal.append(b"one\n")
    await journal.append(b"two\n")
    assert await FileJournal(path).read() == b"one\ntwo\n"


async def test_a_write_returns_once_it_is_on_disk(path: Path, synced: list[str]) -> None:
    journal = FileJournal(path)
    await journal.append(b"one\n")
    assert synced == [f"{path.parent.parent.name}/", "journal:4", "omron_ups/"]
    synced.clear()
    await journal.append(b"two\n")
    assert synced == ["journal:8"]
    synced.clear()
    await journal.replace(b"three\n")
    assert synced == ["journal.new:6", "omron_ups/"], "the new file first, then its name"


async def test_nobody_else_may_read_it(path: Path) -> None:
    journal = FileJournal(path)
    await journal.append(b"one\n")
    assert mode(path) == 0o600
    await journal.replace(b"two\n")
    assert mode(path) == 0o600


async def test_a_torn_last_line_is_given_back_as_it_is(path: Path) -> None:
    put(path, b"one\ntw")
    assert await FileJournal(path).read() == b"one\ntw"


async def test_what_a_crash_left_of_a_replacement_does_not_count(path: Path) -> None:
    journal = FileJournal(path)
    await journal.append(b"one\n")
    path.with_name("journal.new").write_bytes(b"hal")
    assert await journal.read() == b"one\n"
    await journal.replace(b"two\n")
    assert await journal.read() == b"two\n"
    assert [file.name for file in path.parent.iterdir()] == ["journal"]


async def test_a_replacement_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FileJournal(path)
    await journal.append(b"one\n")

    def full(descriptor: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            await journal.replace(b"two\n")
        with pytest.raises(OSError, match="No space left"):
            await journal.append(b"two\n")
    assert await journal.read() == b"one\n"
    assert [file.name for file in path.parent.iterdir()] == ["journal"]


async def test_a_disk_that_writes_in_parts_gets_all_of_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    await FileJournal(path).append(b"one line of several parts\n")
    assert content(path) == b"one line of several parts\n"


@pytest.mark.parametrize(("number", "is_told"), [(errno.EINVAL, False), (errno.EIO, True)])
async def test_only_a_file_system_that_syncs_no_folders_is_forgiven(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    is_told: bool,
) -> None:
    path.parent.mkdir()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir():
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    if is_told:
        with pytest.raises(OSError, match=os.strerror(number)):
            await FileJournal(path).append(b"one\n")
    else:
        await FileJournal(path).append(b"one\n")
    assert content(path) == b"one\n"


async def test_a_cancelled_write_is_finished_before_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = FileJournal(path)
    began, may_end = threading.Event(), threading.Event()
    real = os.fsync

    def slow(descriptor: int) -> None:
        began.set()
        may_end.wait(5.0)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    first = asyncio.create_task(journal.append(b"one\n"))
    await asyncio.to_thread(began.wait, 5.0)
    first.cancel()
    second = asyncio.create_task(journal.append(b"two\n"))
    await asyncio.sleep(0)
    may_end.set()
    await second
    assert content(path) == b"one\ntwo\n"
    assert first.cancelled()


async def test_durations_survive_a_restart(tmp_path: Path) -> None:
    durations = await FileDurations.load(tmp_path / "durations.json")
    assert durations.seconds("nas") == ()
    await durations.add(Stop(target_id="nas", seconds=61.5))
    await durations.add(Stop(target_id="pve", seconds=30.0))
    await durations.add(Stop(target_id="nas", seconds=70.0))
    again = await FileDurations.load(tmp_path / "durations.json")
    assert again.seconds("nas") == (61.5, 70.0)
    assert again.seconds("pve") == (30.0,)


async def test_only_the_last_stops_are_kept(tmp_path: Path) -> None:
    durations = await FileDurations.load(tmp_path / "durations.json")
    for seconds in range(1, KEPT_STOPS + 4):
        await durations.add(Stop(target_id="nas", seconds=float(seconds)))
    again = await FileDurations.load(tmp_path / "durations.json")
    assert again.seconds("nas") == tuple(map(float, range(4, KEPT_STOPS + 4)))


async def test_deleted_targets_are_forgotten(tmp_path: Path) -> None:
    durations = await FileDurations.load(tmp_path / "durations.json")
    for target_id in ("nas", "pve"):
        await durations.add(Stop(target_id=target_id, seconds=1.0))
    await durations.keep({"pve", "new"})
    again = await FileDurations.load(tmp_path / "durations.json")
    assert (again.seconds("nas"), again.seconds("pve")) == ((), (1.0,))


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
async def test_what_is_no_duration_is_not_learned(tmp_path: Path, seconds: float) -> None:
    durations = await FileDurations.load(tmp_path / "durations.json")
    await durations.add(Stop(target_id="nas", seconds=seconds))
    assert durations.seconds("nas") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "\x00\x00",
        '{"stops": 1}',
        '{"stops": {"nas": "x"}}',
        '{"stops": {"nas": [true, "1", null, -1, NaN, 5]}}',
    ],
)
async def test_damaged_durations_are_no_reason_to_fail(tmp_path: Path, text: str) -> None:
    file = tmp_path / "durations.json"
    file.write_text(text)
    durations = await FileDurations.load(file)
    assert durations.seconds("nas") == ((5.0,) if "NaN" in text else ())


async def test_durations_are_known_though_the_disk_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    durations = await FileDurations.load(tmp_path / "durations.json")
    (tmp_path / "durations.json").mkdir()
    await durations.add(Stop(target_id="nas", seconds=5.0))
    assert durations.seconds("nas") == (5.0,)
    assert "Cannot save how long hosts took" in caplog.text


async def test_a_plan_is_not_armed_by_default(tmp_path: Path) -> None:
    store = await SwitchStore.load(tmp_path / "switches.json")
    assert store.switches == Switches(is_armed=False, maintenance=None)


@pytest.mark.parametrize(
    "switches", [Switches(is_armed=True), Switches(is_armed=True, maintenance=MAINTENANCE)]
)
async def test_switches_survive_a_restart(tmp_path: Path, switches: Switches) -> None:
    store = await SwitchStore.load(tmp_path / "switches.json")
    await store.save(switches)
    assert (await SwitchStore.load(tmp_path / "switches.json")).switches == switches
    await store.save(Switches())
    assert (await SwitchStore.load(tmp_path / "switches.json")).switches == Switches()


async def test_a_switch_that_cannot_be_saved_stays_as_it_was(tmp_path: Path) -> None:
    store = await SwitchStore.load(tmp_path / "switches.json")
    (tmp_path / "switches.json").mkdir()
    with pytest.raises(OSError, match=r"switches\.json"):
        await store.save(Switches(is_armed=True))
    assert not store.switches.is_armed


@pytest.mark.parametrize(
    "saved",
    [
        {"armed": 1, "maintenance": "soon"},
        {"armed": "yes", "maintenance": {"until": 5, "ends": 1.0, "lasts_s": 1.0, "boot": "b"}},
        {
            "armed": None,
            "maintenance": {
                "until": "2026-11-22T18:30:00",
                "ends": 1.0,
                "lasts_s": 1.0,
                "boot": "b",
            },
        },
    ],
)
async def test_only_what_was_certainly_saved_arms(tmp_path: Path, saved: dict[str, object]) -> None:
    (tmp_path / "switches.json").write_text(json.dumps(saved))
    assert (await SwitchStore.load(tmp_path / "switches.json")).switches == Switches()


async def test_damage_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.json").write_text("{")
    assert await JsonFile(tmp_path / "a.json").load() == {}
    assert "a.json is damaged" in caplog.text
