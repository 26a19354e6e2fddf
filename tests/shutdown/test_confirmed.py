"""What a real stop has shown is remembered, for the very target that was stopped."""

from dataclasses import replace
from datetime import UTC, datetime
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.omron_ups.shutdown import confirmed
from custom_components.omron_ups.shutdown.confirmed import ConfirmedStops, identity_of
from custom_components.omron_ups.shutdown.kinds import KINDS
from custom_components.omron_ups.shutdown.specs import TargetSpec

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NODE = TargetSpec(
    target_id="t1",
    name="pve1",
    kind="proxmox",
    stage=1,
    time_limit_s=60,
    options={"host": "192.0.2.7", "node": "pve1", "token_secret": "one"},
)


def changed(**options: Any) -> TargetSpec:
    return replace(NODE, options={**NODE.options, **options})


async def test_it_is_remembered_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "confirmed"
    stops = await ConfirmedStops.load(path)
    assert stops.at(NODE) is None
    await stops.add(NODE, AT, keep=["t1"])
    assert stops.at(NODE) == AT
    assert (await ConfirmedStops.load(path)).at(NODE) == AT


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (changed(token_secret="two"), True),
        (replace(NODE, name="renamed", stage=7, time_limit_s=90), True),
        (changed(host="192.0.2.8"), False),
        (changed(node="pve2"), False),
        (changed(scope="guests"), False),
        (replace(NODE, kind="qnap"), False),
        (replace(NODE, target_id="t2"), False),
    ],
    ids=["credential", "place in the plan", "host", "node", "scope", "kind", "target"],
)
async def test_another_machine_is_not_confirmed(
    tmp_path: Path, other: TargetSpec, is_same: bool
) -> None:
    stops = await ConfirmedStops.load(tmp_path / "confirmed")
    await stops.add(NODE, AT, keep=["t1"])
    assert (stops.at(other) == AT) is is_same


async def test_a_release_that_sends_something_else_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = await ConfirmedStops.load(tmp_path / "confirmed")
    await stops.add(NODE, AT, keep=["t1"])
    kind = KINDS["proxmox"]
    monkeypatch.setattr(confirmed, "KINDS", {"proxmox": replace(kind, requests=kind.requests[:-1])})
    assert stops.at(NODE) is None
    reads = tuple(row for row in kind.requests if not row.changes)
    fewer = replace(kind, requests=tuple(row for row in kind.requests if row.changes))
    assert reads
    monkeypatch.setattr(confirmed, "KINDS", {"proxmox": fewer})
    assert stops.at(NODE) == AT, "what is only read proves nothing"


async def test_deleted_targets_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "confirmed"
    stops = await ConfirmedStops.load(path)
    await stops.add(NODE, AT, keep=["t1"])
    await stops.add(replace(NODE, target_id="t2"), AT, keep=["t2"])
    assert json.loads(path.read_text()).keys() == {"t2"}


@pytest.mark.parametrize("row", [7, {}, {"at": "soon"}, None], ids=repr)
async def test_a_row_that_makes_no_sense_confirms_nothing(tmp_path: Path, row: Any) -> None:
    path = tmp_path / "confirmed"
    known = {**row, "of": identity_of(NODE)} if isinstance(row, dict) else row
    path.write_text(json.dumps({"t1": known}))
    assert (await ConfirmedStops.load(path)).at(NODE) is None


async def test_a_full_disk_is_told_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stops = await ConfirmedStops.load(tmp_path / "confirmed")
    (tmp_path / "confirmed.new").mkdir()
    await stops.add(NODE, AT, keep=["t1"])
    assert stops.at(NODE) == AT
    assert "Cannot save that pve1 was stopped" in caplog.text


def test_a_secret_url_is_not_told() -> None:
    hook = replace(NODE, kind="webhook", options={"url": "https://192.0.2.7/5ecret"})
    assert "5ecret" not in identity_of(hook)
    assert identity_of(hook) != identity_of(replace(hook, options={"url": "https://192.0.2.7/"}))


def test_kinds_of_makers_say_what_they_send() -> None:
    assert {name for name, kind in KINDS.items() if kind.requests} == {
        "kubernetes",
        "proxmox",
        "qnap",
        "synology",
    }
    for kind in KINDS.values():
        assert all(row.source for row in kind.requests), kind.name
        assert not kind.requests or any(row.changes for row in kind.requests), kind.name
