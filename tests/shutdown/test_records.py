"""A record is the same after it was written and read; what is no record is refused."""

from dataclasses import fields
from datetime import UTC, datetime
import json
from typing import Any, get_args

import pytest

from custom_components.omron_ups.shutdown.models import (
    HostState,
    Outcome,
    Power,
    Reason,
    TargetState,
)
from custom_components.omron_ups.shutdown.records import (
    WORDS,
    Asked,
    Began,
    Change,
    Entry,
    OutputAction,
    Restoring,
    Settled,
    Stamp,
    decode,
    encode,
    word_of,
)

STAMP = Stamp(
    at=datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC),
    boot_id="boot-1",
    monotonic=1234.5,
    charge=87.0,
    charge_low=30.0,
    runtime_s=None,
)
EXAMPLES: dict[Any, Any] = {
    str: 'off "now", \u505c\u6b62',
    bool: True,
    float: 12.5,
    float | None: None,
    tuple[str, ...]: ("a", "b"),
    HostState: HostState.UP,
    Outcome: Outcome.UNKNOWN,
    OutputAction: OutputAction.CANCEL,
    Power: Power.BATTERY,
    Reason: Reason.MARGIN,
    TargetState: TargetState.OVERDUE,
}


def example(kind: type[Change]) -> Change:
    values = {item.name: EXAMPLES.get(item.type, {"result": "all_down"}) for item in fields(kind)}
    return kind(**values)


def entry(change: Change) -> Entry:
    return Entry(number=7, plan_id="p1", stamp=STAMP, change=change)


@pytest.mark.parametrize("word", WORDS)
def test_each_record_survives_the_disk(word: str) -> None:
    written = entry(example(WORDS[word]))
    line = encode(written)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == written
    assert word_of(written.change) == word


def test_each_change_has_a_word() -> None:
    assert set(get_args(Change.__value__)) == set(WORDS.values())


def test_what_a_later_version_added_is_left_out_and_what_it_dropped_has_a_default() -> None:
    row = json.loads(encode(entry(Settled(target_id="a", state=TargetState.DOWN))))
    row["colour"] = "red"
    del row["evidence"]
    del row["low_at"]
    read = decode(json.dumps(row).encode())
    assert read.change == Settled(target_id="a", state=TargetState.DOWN)
    assert read.stamp.charge_low is None


@pytest.mark.parametrize(
    "damage",
    [
        {"did": "danced"},
        {"n": None},
        {"at": "yesterday"},
        {"boot": None, "up": "soon"},
        {"is_irreversible": "yes"},
        {"target_id": 5},
    ],
)
def test_a_line_that_is_no_record_is_refused(damage: dict[str, object]) -> None:
    row = json.loads(encode(entry(Asked(target_id="a", step="off", is_irreversible=True))))
    with pytest.raises(ValueError, match=r"."):
        decode(json.dumps(row | damage).encode())


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b"7", b"\xff\xfe"])
def test_garbage_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(line)


def test_an_unknown_word_of_an_enumeration_is_refused() -> None:
    began = Began(reason=Reason.MARGIN, targets=("a",), power=Power.BATTERY)
    with pytest.raises(ValueError, match="hunger"):
        decode(encode(entry(began)).replace(b'"margin"', b'"hunger"'))


def test_times_of_two_boots_are_not_compared() -> None:
    later = Stamp(at=STAMP.at, boot_id="boot-1", monotonic=1300.0)
    assert later.since(STAMP) == 65.5
    assert Stamp(at=STAMP.at, boot_id="boot-2", monotonic=9.0).since(STAMP) is None


def test_a_record_without_fields_is_one_line() -> None:
    assert json.loads(encode(entry(Restoring())))["did"] == "restoring"
