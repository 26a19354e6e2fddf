"""The plan in force is on disk for as long as it is open, and for our eyes only."""

from dataclasses import fields, replace
from datetime import UTC, datetime
import json
from pathlib import Path
from types import MappingProxyType

import pytest

from custom_components.omron_ups.shutdown.models import Power, Reason
from custom_components.omron_ups.shutdown.open_plan import (
    OpenPlanFile,
    plan_as_json,
    plan_from_json,
)
from custom_components.omron_ups.shutdown.records import Began, Change, Ended, Entry, Stamp, encode
from custom_components.omron_ups.shutdown.specs import (
    OutputOptions,
    Plan,
    Restore,
    TargetSpec,
    Triggers,
    Verify,
    WakeOnLan,
)
from custom_components.omron_ups.shutdown.stores import FileJournal

NAS = TargetSpec(
    target_id="nas",
    name="NAS",
    kind="qnap",
    stage=7,
    time_limit_s=90.0,
    verify=Verify(address="192.0.2.7", ports=(22, 443), ping=False, grace_s=5.0),
    wake=WakeOnLan(mac="02:00:00:00:00:01", broadcast="192.0.2.255", secure_on="00:01:02:03:04:05"),
    wake_limit_s=120.0,
    returns_by_itself=False,
    uses=frozenset({"b", "a"}),
    runs_on=frozenset({"c"}),
    second_feed="other",
    is_data_source=True,
    own_timer_s=300.0,
    options=MappingProxyType({"host": "192.0.2.7", "password": "hunter2", "peers": ["x", "y"]}),
)
PLAN = Plan(
    targets=(NAS, TargetSpec(target_id="b", name="B", kind="ssh", stage=1, time_limit_s=60.0)),
    triggers=Triggers(
        time_on_battery_s=None,
        runtime_below_s=1.0,
        charge_below=2.0,
        margin_below_s=None,
        data_lost_s=3.0,
        debounce_s=4.0,
        hold_s=5.0,
    ),
    restore=Restore(
        is_enabled=False,
        mains_stable_s=1.0,
        min_charge=20.0,
        stable_without_charge_s=2.0,
        boot_stable_s=3.0,
    ),
    output=OutputOptions(returns=False, delay_s=30.0),
    home_assistant_host="b",
    acts_at_low_battery=False,
    gateway="192.0.2.1",
)
BEGAN = Began(reason=Reason.REQUEST, targets=("nas", "b"), power=Power.BATTERY, is_short=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "open"


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "journal")


async def write(journal: FileJournal, *changes: Change) -> None:
    """Let these things have happened."""
    stamp = Stamp(at=datetime(2026, 11, 22, tzinfo=UTC), boot_id="one", monotonic=1.0)
    await journal.replace(
        b"".join(
            encode(Entry(number=number, plan_id="p", stamp=stamp, change=change))
            for number, change in enumerate(changes, start=1)
        )
    )


def mode_of(path: Path) -> int | None:
    """Return who may read a file; None if there is none."""
    return path.stat().st_mode & 0o777 if path.is_file() else None


def put(path: Path, data: bytes) -> None:
    """Let a file hold this."""
    path.write_bytes(data)


def fail(*_args: object) -> None:
    """Be a disk that is full."""
    raise OSError(28, "no space left on device")


async def follow(path: Path, *plans: Plan | None) -> OpenPlanFile:
    """Keep the last of these, and return once that is done."""
    file = OpenPlanFile(path)
    for plan in plans:
        file.follow(plan)
    await file.flushed(30)
    return file


def test_all_of_a_plan_can_be_read_again() -> None:
    for part in (NAS, NAS.verify, NAS.wake, PLAN, PLAN.triggers, PLAN.restore, PLAN.output):
        for field in fields(part):  # type: ignore[arg-type]
            assert getattr(part, field.name) != field.default, f"{field.name} proves nothing"
    assert plan_from_json(json.loads(json.dumps(plan_as_json(PLAN)))) == PLAN
    assert plan_from_json(json.loads(json.dumps(plan_as_json(Plan())))) == Plan()


async def test_an_open_plan_is_found_again(path: Path, journal: FileJournal) -> None:
    await write(journal, BEGAN)
    assert await OpenPlanFile(path).load(journal) is None
    await follow(path, PLAN)
    assert mode_of(path) == 0o600
    assert await OpenPlanFile(path).load(journal) == PLAN


async def test_the_file_goes_with_the_end_of_the_plan(path: Path) -> None:
    file = await follow(path, PLAN)
    file.follow(None)
    await file.flushed(30)
    assert mode_of(path) is None


async def test_a_plan_that_supersedes_another_keeps_the_file(path: Path) -> None:
    file = await follow(path, PLAN)
    file.follow(None)
    file.follow(PLAN)
    await file.flushed(30)
    assert mode_of(path) == 0o600


async def test_a_file_that_was_left_behind_is_removed(path: Path, journal: FileJournal) -> None:
    await write(journal, BEGAN, Ended(report={}))
    await follow(path, PLAN)
    torn = path.with_name("open.new")
    put(torn, b"{")
    assert await OpenPlanFile(path).load(journal) is None
    assert mode_of(path) is None
    assert mode_of(torn) is None


async def test_what_a_target_has_learned_is_kept_too(path: Path, journal: FileJournal) -> None:
    await write(journal, BEGAN)
    file = OpenPlanFile(path)
    file.learn("nas", {"host": "192.0.2.8"})
    file.follow(PLAN)
    file.learn("b", {"host_key": "new"})
    await file.flushed(30)
    found = await OpenPlanFile(path).load(journal)
    assert found is not None
    nas, other = found.targets
    assert nas == NAS, "it was learned before, so the configuration has it"
    assert other.options == {"host_key": "new"}


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (b"{", "is damaged"),
        (b'{"hunter2": 1}', "cannot be read"),
        (b'{"output": null, "targets": [{"password": "hunter2"}]}', "cannot be read"),
        (b'{"output": null, "targets": "hunter2"}', "cannot be read"),
    ],
    ids=["torn", "other", "target", "type"],
)
async def test_a_file_that_makes_no_sense_is_not_used(
    path: Path, journal: FileJournal, kept: bytes, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    await write(journal, BEGAN)
    put(path, kept)
    assert await OpenPlanFile(path).load(journal) is None
    assert told in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_field_of_another_release_makes_it_none() -> None:
    with pytest.raises(ValueError, match="TypeError"):
        plan_from_json({**plan_as_json(PLAN), "new": 1})


async def test_a_disk_that_fails_is_told_of_once_and_tried_again(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.omron_ups.shutdown.stores._write", fail)
    file = await follow(path, PLAN)
    file.follow(PLAN)
    await file.flushed(30)
    assert caplog.text.count("cannot be kept") == 1
    monkeypatch.undo()
    file.follow(PLAN)
    await file.flushed(30)
    assert mode_of(path) == 0o600


async def test_a_plan_that_was_found_is_not_written_again(
    path: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(journal, BEGAN)
    await follow(path, PLAN)
    monkeypatch.setattr("custom_components.omron_ups.shutdown.stores._write", fail)
    file = OpenPlanFile(path)
    file.follow(await file.load(journal))
    await file.flushed(30)
    assert await OpenPlanFile(path).load(journal) == PLAN
    file.follow(None)
    await file.flushed(30)
    assert mode_of(path) is None


async def test_a_full_disk_keeps_no_other_plan(
    path: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(journal, BEGAN)
    await follow(path, replace(PLAN, gateway="192.0.2.9"))

    monkeypatch.setattr("custom_components.omron_ups.shutdown.stores._write", fail)
    await follow(path, PLAN)
    assert await OpenPlanFile(path).load(journal) is None


async def test_a_full_disk_leaves_the_plan_as_it_was_before_something_was_learned(
    path: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(journal, BEGAN)
    file = await follow(path, PLAN)

    monkeypatch.setattr("custom_components.omron_ups.shutdown.stores._write", fail)
    file.learn("b", {"host_key": "new"})
    await file.flushed(30)
    assert await OpenPlanFile(path).load(journal) == PLAN
