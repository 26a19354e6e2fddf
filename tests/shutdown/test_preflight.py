"""What is wrong with a plan as a whole."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.omron_ups.shutdown.abilities import Abilities
from custom_components.omron_ups.shutdown.actors import other_actors
from custom_components.omron_ups.shutdown.findings import own_disk_finding
from custom_components.omron_ups.shutdown.models import Finding, Power, Severity
from custom_components.omron_ups.shutdown.power import PowerNow
from custom_components.omron_ups.shutdown.preflight import (
    CHECKS,
    REFUSES_ARMING,
    PlanKey,
    PlanPreflight,
    refusals,
)
from custom_components.omron_ups.shutdown.preview import make_timeline
from custom_components.omron_ups.shutdown.specs import (
    NOT_IN_PLAN,
    OutputOptions,
    Plan,
    TargetSpec,
    Verify,
    WakeOnLan,
)

from .by_hand import SetDurations, spec

WAKE = WakeOnLan(mac="02:00:5e:00:53:01")
NOW = PowerNow(power=Power.MAINS, charge=80.0, charge_low=30.0, runtime_s=3200.0)


def host(target_id: str, stage: int, *uses: str, **more: Any) -> TargetSpec:
    verify = Verify(address=f"192.0.2.{stage}", ports=(22,))
    return spec(target_id, stage, 100.0, *uses, **{"verify": verify, "wake": WAKE, **more})


GOOD = Plan(
    targets=(host("vm", 1, "nas"), host("nas", 2), host("own", 1)),
    home_assistant_host="own",
    output=OutputOptions(),
    gateway="192.0.2.254",
)


def plan(*targets: TargetSpec, **changes: Any) -> Plan:
    """Return a good plan, changed."""
    with_targets = (
        replace(GOOD, targets=targets, home_assistant_host=NOT_IN_PLAN) if targets else GOOD
    )
    return replace(with_targets, **changes)


def findings(of: Plan, **more: Any) -> dict[str, Finding]:
    found = PlanPreflight(plan=of, **{"is_armed": True, **more}).findings()
    return {finding.key: finding for finding in found}


def test_a_good_plan_has_no_findings() -> None:
    timeline = make_timeline(GOOD, SetDurations(), NOW, states={})
    assert findings(GOOD, timeline=timeline) == {}


def test_without_targets_there_is_nothing_to_find() -> None:
    assert findings(Plan(), is_armed=False) == {}


@pytest.mark.parametrize(
    ("is_armed", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)]
)
def test_a_simulated_outage_that_would_stop_real_hosts(is_armed: bool, severity: Severity) -> None:
    found = findings(GOOD, is_simulated=True, is_armed=is_armed)[PlanKey.SIMULATED_UPS]
    assert found.severity is severity
    assert found.placeholders == {"targets": "nas, own, vm"}
    only_output = Plan(output=OutputOptions(), home_assistant_host=NOT_IN_PLAN)
    assert PlanKey.SIMULATED_UPS not in findings(only_output, is_simulated=True)


CASES: dict[str, tuple[Plan, Severity, str, dict[str, str]]] = {
    "plan_home_assistant_host_unanswered": (
        plan(home_assistant_host=None),
        Severity.ERROR,
        "",
        {},
    ),
    "plan_home_assistant_host_missing": (
        plan(home_assistant_host="deleted"),
        Severity.ERROR,
        "",
        {},
    ),
    "plan_own_disk_on_target": (
        plan(host("own", 1, "nas"), host("nas", 2), home_assistant_host="own"),
        Severity.ERROR,
        "own",
        {"target": "own", "storage": "nas"},
    ),
    "plan_storage_circle": (
        plan(host("a", 1, "b"), host("b", 1, "c"), host("c", 1, "b"), host("d", 1)),
        Severity.ERROR,
        "",
        {"targets": "b, c"},
    ),
    "plan_storage_first": (
        plan(host("vm", 2, "nas"), host("nas", 1)),
        Severity.ERROR,
        "vm",
        {"target": "vm", "storage": "nas", "stage": "1"},
    ),
    "plan_storage_missing": (
        plan(host("vm", 2, "deleted")),
        Severity.WARNING,
        "vm",
        {"target": "vm"},
    ),
    "plan_own_host_on_target": (
        plan(host("own", 1, runs_on=frozenset({"pve"})), host("pve", 2), home_assistant_host="own"),
        Severity.ERROR,
        "own",
        {"target": "own", "host": "pve"},
    ),
    "plan_host_circle": (
        plan(
            host("a", 1, runs_on=frozenset({"b"})),
            host("b", 2, runs_on=frozenset({"a"})),
            host("c", 1, runs_on=frozenset({"d"})),
            host("d", 2),
        ),
        Severity.ERROR,
        "",
        {"targets": "a, b"},
    ),
    "plan_host_first": (
        plan(host("k8s", 2, runs_on=frozenset({"pve"})), host("pve", 2)),
        Severity.ERROR,
        "k8s",
        {"target": "k8s", "host": "pve", "stage": "2"},
    ),
    "plan_runs_on_missing": (
        plan(host("k8s", 2, runs_on=frozenset({"deleted"}))),
        Severity.ERROR,
        "k8s",
        {"target": "k8s"},
    ),
    "plan_no_evidence": (
        plan(host("a", 1, verify=Verify(address="192.0.2.1"))),
        Severity.WARNING,
        "a",
        {"target": "a"},
    ),
    "plan_own_host_without_output": (
        plan(output=None),
        Severity.WARNING,
        "own",
        {"target": "own"},
    ),
    "plan_no_way_back": (
        plan(host("a", 1, wake=None, returns_by_itself=False)),
        Severity.WARNING,
        "a",
        {"target": "a"},
    ),
    "plan_back_only_by_power_cut": (
        plan(host("a", 1, wake=None), output=None),
        Severity.WARNING,
        "a",
        {"target": "a"},
    ),
    "plan_no_gateway": (plan(gateway=""), Severity.WARNING, "", {}),
    "plan_data_source_first": (
        plan(host("nas", 1, is_data_source=True), host("pve", 2), output=None),
        Severity.WARNING,
        "nas",
        {"target": "nas"},
    ),
    "plan_output_behind_data_source": (
        plan(host("nas", 1, is_data_source=True)),
        Severity.WARNING,
        "nas",
        {"target": "nas"},
    ),
}


@pytest.mark.parametrize("key", CASES)
def test_each_fault_is_found_and_nothing_else(key: str) -> None:
    of, severity, target_id, words = CASES[key]
    assert findings(of) == {
        key: Finding(severity=severity, key=key, placeholders=words, target_id=target_id)
    }


def test_each_row_of_the_table_has_a_case() -> None:
    elsewhere = {
        "plan_disarmed",
        "plan_longer_than_battery",
        "plan_other_actor_first",
        "plan_simulated_ups",
    }
    assert {check.key for check in CHECKS} == CASES.keys() | elsewhere
    assert len(CHECKS) == len(CASES) + len(elsewhere)


def test_a_disarmed_plan_is_a_finding() -> None:
    assert findings(GOOD, is_armed=False).keys() == {"plan_disarmed"}


def test_a_kind_can_make_up_for_what_is_not_configured() -> None:
    of = plan(host("a", 1, wake=None, returns_by_itself=False, verify=Verify()))
    assert findings(of).keys() == {"plan_no_evidence", "plan_no_way_back"}
    abilities = {"a": Abilities(has_own_evidence=True, can_wake=True)}
    assert findings(of, abilities=abilities) == {}


def test_the_disk_of_what_our_own_host_runs_on_is_ours_too() -> None:
    vm = host("vm", 1, runs_on=frozenset({"pve"}))
    of = plan(vm, host("pve", 2, "nas"), host("nas", 3), home_assistant_host="vm")
    found = findings(of)
    assert found["plan_own_disk_on_target"].placeholders == {"target": "vm", "storage": "nas"}
    assert {finding.key for finding in refusals(of)} == {
        PlanKey.OWN_DISK_ON_TARGET,
        PlanKey.OWN_HOST_ON_TARGET,
    }


def own_disk_on(server: str, target_id: str = "own") -> Finding:
    return own_disk_finding(host(target_id, 1), server, detail="nas")


@pytest.mark.parametrize(
    ("seen", "is_told"),
    [
        (own_disk_on("192.0.2.2"), True),
        (own_disk_on("nas.example"), True),
        (own_disk_on("192.0.2.9"), False),
        (own_disk_on("192.0.2.2", "other"), False),
        (own_disk_on("192.0.2.1"), False),
    ],
    ids=["its address", "its host", "another server", "another guest", "our own host"],
)
def test_a_disk_of_ours_that_a_check_saw_on_a_nas_of_the_plan(seen: Finding, is_told: bool) -> None:
    nas = host("nas", 2, options={"host": "nas.example"})
    of = plan(host("own", 1), nas, home_assistant_host="own")
    assert ("plan_own_disk_on_target" in findings(of, checked=(seen,))) is is_told
    assert bool(refusals(of, [seen])) is is_told


def test_a_disk_that_is_known_already_is_told_once() -> None:
    of = plan(host("own", 1, "nas"), host("nas", 2), home_assistant_host="own")
    checks = PlanPreflight(plan=of, is_armed=True, checked=(own_disk_on("192.0.2.2"),))
    assert [item.key for item in checks.findings()] == [PlanKey.OWN_DISK_ON_TARGET]


def test_what_runs_on_our_own_host_stops_before_it() -> None:
    of = plan(host("k8s", 9, runs_on=frozenset({"own"})), host("own", 1), home_assistant_host="own")
    assert findings(of) == {}


def test_our_own_host_must_return_by_itself() -> None:
    of = plan(host("own", 1, returns_by_itself=False), home_assistant_host="own")
    assert findings(of).keys() == {"plan_no_way_back"}


def test_nobody_asks_for_evidence_of_our_own_host() -> None:
    of = plan(host("own", 1, verify=Verify()), home_assistant_host="own")
    assert findings(of) == {}


def test_a_target_that_uses_itself_is_a_circle() -> None:
    assert findings(plan(host("a", 1, "a")))["plan_storage_circle"].placeholders == {"targets": "a"}


def test_the_plan_needs_more_than_the_battery_has() -> None:
    now = replace(NOW, runtime_s=640.0)
    timeline = make_timeline(GOOD, SetDurations(), now, states={})
    found = findings(GOOD, timeline=timeline)["plan_longer_than_battery"]
    assert found.placeholders == {"needs": "9", "has": "6"}
    assert found.severity is Severity.ERROR


def test_somebody_else_acts_first() -> None:
    of = plan(host("vm", 1), host("nas", 2, own_timer_s=130.0, kind="qnap"))
    timeline = make_timeline(
        of, SetDurations(), NOW, states={}, other_actors=other_actors(of, ["192.0.2.77"])
    )
    found = findings(of, timeline=timeline)
    assert found.keys() == {"plan_other_actor_first"}
    assert found["plan_other_actor_first"].target_id == "nas"
    assert found["plan_other_actor_first"].placeholders == {
        "target": "nas",
        "actor": "nas",
        "minutes": "2",
    }


@pytest.mark.parametrize("key", CASES)
def test_only_what_would_stop_home_assistant_itself_refuses_arming(key: str) -> None:
    assert [finding.key for finding in refusals(CASES[key][0])] == (
        [key] if key in REFUSES_ARMING else []
    )


def test_a_good_plan_may_be_armed() -> None:
    assert refusals(GOOD) == ()
    assert refusals(plan(host("a", 1))) == ()


def test_an_output_alone_is_a_plan_too() -> None:
    """It would cut the power of Home Assistant's own host."""
    keys = {finding.key for finding in refusals(Plan(output=OutputOptions()))}
    assert keys == {PlanKey.HOST_UNANSWERED}
    assert refusals(Plan(output=OutputOptions(), home_assistant_host=NOT_IN_PLAN)) == ()
    assert refusals(Plan()) == ()
