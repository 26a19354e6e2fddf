"""The parts of the homelab that can be looked at without a Home Assistant."""

import json

import pytest

from custom_components.omron_ups.driver.simulator.unit import CR
from scripts.lib.hass_api import Json
from tests.e2e.homelab.expectations import (
    ONCE,
    ORDER,
    wrong_counts,
    wrong_end,
    wrong_order,
    wrong_report,
)
from tests.e2e.homelab.facts import Differences, Fact, Facts
from tests.e2e.homelab.machines import Machines
from tests.e2e.homelab.planted import occurrences, spellings
from tests.e2e.homelab.timeline import timeline

PASSWORD = 'päss&wörd+/ "5ec"'


def facts_of(*pairs: tuple[str, str]) -> Facts:
    facts = Facts()
    for who, what in pairs:
        facts.note(who, what, is_change=True)
    return facts


def test_what_happens_in_the_expected_order_is_right() -> None:
    assert not [*wrong_order(facts_of(*ORDER))]


@pytest.mark.parametrize("place", range(len(ORDER)), ids=[f"{w}: {t}" for w, t in ORDER])
def test_what_is_missing_in_the_order_is_told(place: int) -> None:
    (words,) = wrong_order(facts_of(*ORDER[:place], *ORDER[place + 1 :]))
    assert words.startswith(": ".join(ORDER[place]))


def test_what_comes_too_early_is_told() -> None:
    qnap, off = ("qnap", "POST /cgi-bin/sys/sysRequest.cgi"), ("pve2", "off")
    swapped = {qnap: off, off: qnap}
    assert [*wrong_order(facts_of(*(swapped.get(pair, pair) for pair in ORDER)))]


def test_what_is_asked_twice_never_or_of_others_is_told() -> None:
    assert not [*wrong_counts(facts_of(*ONCE))]
    assert [*wrong_counts(facts_of(*ONCE, ONCE[0]))] == ["desktop: command: : 2 times"]
    assert [*wrong_counts(facts_of(*ONCE[1:]))] == ["desktop: command: : 0 times"]
    touched = ("kubernetes", "POST /api/v1/namespaces/default/pods/web/eviction")
    assert [*wrong_counts(facts_of(*ONCE, touched))] == ["kubernetes: /pods/web was touched"]


def report(**changes: str) -> Json:
    row = {"name": "qnap", "state": "back", "stopped": "down", **changes}
    return {"result": "all_back", "detail": "", "targets": [row], "lines": []}


def test_a_report_of_trouble_is_told() -> None:
    assert not [*wrong_report(report())]
    assert [*wrong_report(report(stopped="overdue"))]
    assert [*wrong_report(report(state="not_back"))]
    assert [*wrong_report({**report(), "result": "incomplete"})]


def test_what_is_not_as_before_is_told() -> None:
    pods = {("kubernetes", f"pod {name}-1"): "runs on cp1" for name in ("backup", "media")}
    pods |= {("kubernetes", f"pod {name}"): "runs on cp1" for name in ("photos", "postgres")}
    before = {**pods, ("qnap", ""): "on"}
    assert not [*wrong_end(before, {**before, ("kubernetes", "pod media-1"): "runs on worker1"})]
    assert [*wrong_end(before, {**before, ("qnap", ""): "off"})] == ["qnap:  off instead of on"]
    waits = {**before, ("kubernetes", "pod media-1"): "waits for a node"}
    assert [*wrong_end(before, waits)] == ["kubernetes: pod backup, pod photos, pod postgres run"]


def test_a_guard_speaks_at_the_moment_of_a_fact() -> None:
    facts = Facts()
    facts.guards.append(lambda fact: f"{fact.who} must not" if fact.is_change else "")
    facts.note("qnap", "on")
    facts.note("qnap", "shutdown", is_change=True)
    assert facts.broken == ["qnap must not"]


def test_states_that_change_are_facts() -> None:
    facts, states = Facts(), {("qnap", ""): "on", ("qnap", "disk"): "there"}
    differences = Differences(facts, lambda: states)
    differences.take()
    assert not facts.rows
    states["qnap", ""] = "off"
    del states["qnap", "disk"]
    differences.take()
    assert [fact.what for fact in facts.rows] == ["off", "disk gone"]


@pytest.mark.parametrize(
    "text",
    [
        f"password: {PASSWORD}",
        json.dumps({"password": PASSWORD}),
        "https://nas/?pwd=p%C3%A4ss%26w%C3%B6rd%2B%2F%20%225ec%22",
        "pwd=p%C3%A4ss%26w%C3%B6rd%2B%2F+%225ec%22",
        "pwd=cMOkc3Mmd8O2cmQrLyAiNWVjIg==",
    ],
    ids=["plain", "json", "url", "form", "base64"],
)
def test_a_secret_is_found_however_it_is_written(text: str) -> None:
    (found,) = occurrences({"password": PASSWORD}, {"log": text, "journal": "nothing"})
    assert found.startswith("password in log: ")


def test_a_secret_of_plain_letters_has_one_spelling_beside_base64() -> None:
    assert len(spellings("planted")) == 2


async def test_the_hosts_are_on_and_the_nas_is_in_use() -> None:
    facts = Facts()
    async with Machines(facts, 0, ("nobody", "")) as machines:
        off = [machine.name for machine in machines.on_ups if not machine.is_on()]
        assert off == ["workstation"], "it needs a server to log in to"
        assert "disk of k8s-worker1" in machines.sessions()
        assert {"postgres-0", "media", "backup", "photos"} <= {*machines.users_of_nas()}
        machines.proxmox.cluster.guests[102].is_running = False
        assert not [session for session in machines.sessions() if "worker1" in session]
        assert not facts.rows


async def test_what_sets_something_at_the_ups_is_a_fact() -> None:
    facts = Facts()
    ups = Machines(facts, 0, ("nobody", "")).ups
    for request in ("Q1", "An", "S05", "Bl ?", "C"):
        ups.deliver(request.encode() + CR)
    assert [fact.what for fact in facts.changes] == ["told An", "told S05", "told C"]


def test_the_timeline_has_two_sides() -> None:
    facts = Facts()
    facts.rows = [
        Fact(at=0.0, who="somebody", what="pulls the plug"),
        Fact(at=1.0, who="ups", what="mains off"),
        Fact(at=3.0, who="qnap", what="shutdown", is_change=True),
    ]
    lines = [
        {"did": "asked", "target_id": "1", "detail": "shutdown", "at": "1970-01-01T00:00:02+00:00"},
        {"did": "seen", "target_id": "1", "detail": "up", "at": "1970-01-01T00:00:02+00:00"},
    ]
    told = {"targets": [{"target_id": "1", "name": "qnap"}], "lines": lines}
    _, *rows = timeline(facts, told)
    assert [" ".join(row.split()) for row in rows] == [
        "-1.0 somebody: pulls the plug",
        "0.0 ups: mains off",
        "1.0 [qnap: asked shutdown]",
        "2.0 > qnap: shutdown",
    ]
