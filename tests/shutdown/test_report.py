"""The post-mortem: who was asked and down when, the battery at each step, and the result."""

from collections.abc import Sequence
from datetime import timedelta
import json

import pytest

from custom_components.omron_ups.shutdown.models import (
    Outcome,
    PlanResult,
    Power,
    Reason,
    TargetState,
)
from custom_components.omron_ups.shutdown.records import (
    Answered,
    Asked,
    Began,
    Cancelled,
    Change,
    Entry,
    OutputAction,
    OutputAsked,
    Settled,
    Stamp,
)
from custom_components.omron_ups.shutdown.report import Report, detail_of, from_json, make_report

from .bench import EPOCH, plan_of, spec_of
from .by_hand import fold_all

PLAN = plan_of(spec_of("node", 10), spec_of("nas", 20))
BEGAN = Began(reason=Reason.MARGIN, targets=("node", "nas"), power=Power.BATTERY)
STOPPED: tuple[Change, ...] = (
    Asked(target_id="node", step="off", is_irreversible=True),
    Answered(target_id="node", step="off", outcome=Outcome.ACCEPTED),
    Settled(target_id="node", state=TargetState.DOWN, evidence="silent", seconds=12.0),
)
NAS_DOWN = Settled(target_id="nas", state=TargetState.ALREADY_DOWN)


def settled(target_id: str, state: TargetState) -> Settled:
    return Settled(target_id=target_id, state=state)


def report(*changes: Change) -> Report:
    entries = [
        Entry(
            number=number,
            plan_id="p",
            stamp=Stamp(
                at=EPOCH + timedelta(seconds=number),
                boot_id="b",
                monotonic=float(number),
                charge=100.0 - number,
                runtime_s=1000.0 - number,
            ),
            change=change,
        )
        for number, change in enumerate((BEGAN, *changes))
    ]
    record = fold_all(entries)
    assert record is not None
    return make_report(PLAN, record, entries, ended=entries[-1].stamp)


def test_each_target_with_its_times_and_evidence() -> None:
    node, nas = report(*STOPPED, NAS_DOWN).targets
    assert (node.name, node.state, node.seconds) == ("NODE", TargetState.DOWN, 12.0)
    assert node.asked_at == "2026-11-22T10:00:01.000+00:00"
    assert node.down_at == "2026-11-22T10:00:03.000+00:00"
    assert node.evidence == "silent"
    assert (nas.state, nas.asked_at) == (TargetState.ALREADY_DOWN, None)


def test_each_step_with_the_battery_of_its_moment() -> None:
    line = report(*STOPPED).lines[2]
    assert (line.did, line.target_id, line.detail) == ("answered", "node", "off, accepted")
    assert (line.charge, line.runtime_s) == (98.0, 998.0)


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ((*STOPPED, NAS_DOWN), PlanResult.ALL_DOWN),
        ((*STOPPED,), PlanResult.INCOMPLETE),
        ((*STOPPED, settled("nas", TargetState.OVERDUE)), PlanResult.INCOMPLETE),
        ((*STOPPED, settled("nas", TargetState.UNCONFIRMED)), PlanResult.ALL_DOWN),
        ((Cancelled(by="user"),), PlanResult.CANCELLED),
        (
            (*STOPPED, Cancelled(by="mains"), settled("node", TargetState.BACK)),
            PlanResult.ALL_BACK,
        ),
        (
            (*STOPPED, Cancelled(by="mains"), settled("node", TargetState.NOT_BACK)),
            PlanResult.INCOMPLETE,
        ),
        (
            (settled("nas", TargetState.REFUSED), Cancelled(by="mains")),
            PlanResult.INCOMPLETE,
        ),
    ],
)
def test_the_result(changes: Sequence[Change], result: PlanResult) -> None:
    assert report(*changes).result is result


def test_who_failed_is_named() -> None:
    failed = report(
        settled("node", TargetState.OVERDUE),
        settled("nas", TargetState.REFUSED),
        Cancelled(by="mains"),
        settled("node", TargetState.NOT_BACK),
    )
    assert failed.detail == (
        "NODE did not stop in time; NODE did not come back; NAS refused to stop"
    )


def test_it_survives_json_and_a_deleted_target() -> None:
    made = report(*STOPPED, NAS_DOWN)
    assert from_json(json.loads(json.dumps(made.as_json()))) == made


@pytest.mark.parametrize("damage", [{"result": "splendid"}, {"targets": None}, {"colour": "red"}])
def test_what_is_no_report_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json({**report().as_json(), **damage})


def test_details_are_in_words() -> None:
    arm = OutputAsked(action=OutputAction.ARM, delay_s=300.0)
    assert detail_of(arm) == "arm, in 300 s"
    harder = Asked(target_id="node", step="off", is_irreversible=True, is_escalation=True)
    assert detail_of(harder) == "off, the harder way"
