"""What Discord is told, in both languages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
import re
from typing import Any

import pytest

from custom_components.omron_ups.discord_messages import (
    KIND_PLAN,
    KIND_REPORT,
    KIND_TEXT,
    duration,
    language_of,
    render,
)
from custom_components.omron_ups.discord_words import (
    ENGLISH,
    EVENTS,
    JAPANESE,
    NOTES,
    REASONS,
    STEPS,
    TARGET_STATES,
    Severity,
)
from custom_components.omron_ups.outbox import Letter
from custom_components.omron_ups.shutdown.models import TargetState
from scripts.lib.discord_server import find_fault

BEGAN = datetime(2026, 11, 22, 14, 2, 10, tzinfo=UTC)
LANGUAGES = (ENGLISH, JAPANESE)


def letter(kind: str, after_s: float = 0, group: str = "outage", **data: Any) -> Letter:
    return Letter(
        kind=kind,
        at=BEGAN + timedelta(seconds=after_s),
        group=group,
        data={"ups": "BW55T", **data},
    )


def embed_of(*letters: Letter, language: str = ENGLISH, mention: str = "") -> Mapping[str, Any]:
    payload = render(letters, language=language, mention=mention).message.payload()
    assert find_fault(payload) == ""
    embed: Mapping[str, Any] = payload["embeds"][0]
    return embed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*EVENTS, *NOTES])
def test_each_event_has_its_words(kind: str, language: str) -> None:
    embed = embed_of(letter(kind), language=language)
    assert "BW55T" in embed["title"]
    assert "{" not in embed["title"]
    assert bool(re.search("[ぁ-んァ-ン一-龥]", embed["title"])) is (language == JAPANESE)
    assert embed["timestamp"] == BEGAN.isoformat()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", [*REASONS, *STEPS, *TARGET_STATES])
def test_a_step_of_a_plan_in_the_language_of_the_reader(what: str, language: str) -> None:
    embed = embed_of(letter("plan_step", what=what, target="pve_1"), language=language)
    host, told = (item["value"] for item in embed["fields"])
    assert host == "pve\\_1"
    assert "_" not in told
    assert bool(re.search("[ぁ-んァ-ン一-龥]", told)) is (language == JAPANESE)


@pytest.mark.parametrize(
    ("language", "reason"), [(ENGLISH, "time on battery"), (JAPANESE, "バッテリー運転の継続時間")]
)
def test_a_plan_that_would_start(language: str, reason: str) -> None:
    told = letter("would_start", group="", plan="disarmed", reason="time_on_battery")
    embed = embed_of(told, language=language)
    assert embed["color"] == Severity.CRITICAL
    assert "**" in embed["description"]
    assert [item["value"] for item in embed["fields"]] == [reason]


@pytest.mark.parametrize("state", TargetState)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_state_of_a_target_has_its_words(state: TargetState, language: str) -> None:
    rows = [["pve_1", state.value, 65]]
    line = embed_of(letter(KIND_PLAN, rows=rows, event="plan_started"), language=language)
    assert "pve\\_1" in line["description"]
    mark, _, words = line["description"].partition(" ")
    assert not mark.isascii()
    assert words.split("** ")[1].startswith(TARGET_STATES[state][1 if language == ENGLISH else 2])
    assert duration(65, language) in line["description"]


def test_what_a_phone_shows_of_an_outage() -> None:
    embed = embed_of(
        letter(
            "power_lost",
            status="battery",
            battery_charge=99,
            battery_runtime=3900,
            load=12,
            plan="armed",
            plan_starts_at=BEGAN.timestamp() + 300,
            plan_needs=720,
        )
    )
    assert embed["color"] == Severity.CRITICAL
    assert embed["title"] == "Power failure: BW55T is on battery"
    assert embed["description"] == (
        f"Shutdown plan: Starts <t:{int(BEGAN.timestamp()) + 300}:R> at the latest"
        " and takes 12 min."
    )
    assert [(item["name"], item["value"]) for item in embed["fields"]] == [
        ("Status", "On battery"),
        ("Charge", "99 %"),
        ("Runtime", "1 h 5 min"),
        ("Load", "12 %"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_disarmed_plan_is_said_to_be_so(language: str) -> None:
    told = embed_of(letter("power_lost", plan="disarmed"), language=language)["description"]
    assert {ENGLISH: "Disarmed", JAPANESE: "無効"}[language] in told


def test_a_plan_that_waits_for_low_battery() -> None:
    told = embed_of(letter("power_lost", plan="armed", plan_needs=60))["description"]
    assert told == "Shutdown plan: Starts at low battery at the latest and takes 1 min."


def test_nothing_starts_on_mains() -> None:
    facts: dict[str, Any] = {"plan": "armed", "plan_needs": 60, "plan_starts_at": 1.0}
    told = embed_of(letter("power_restored", status="mains", **facts))["description"]
    assert told == "Shutdown plan: Armed."


def test_what_is_not_known_is_not_told() -> None:
    assert "fields" not in embed_of(letter("power_lost", battery_charge=None, load=None))
    assert "description" not in embed_of(letter("power_lost"))


def test_nothing_is_hidden_because_it_is_zero() -> None:
    fields = embed_of(letter("power_lost", battery_charge=0, battery_runtime=0))["fields"]
    assert [item["value"] for item in fields] == ["0 %", "0 s"]


def test_an_outage_that_nobody_heard_of_is_one_message() -> None:
    letters = (
        letter("power_lost", battery_charge=100),
        letter("battery_low", 300),
        letter("power_restored", 451, battery_charge=62),
        letter("replace_battery", 500, group=""),
    )
    batch = render(letters, language=ENGLISH)
    assert batch.count == 3
    embed = embed_of(*letters)
    assert embed["title"] == "Power was out at BW55T for 7 min 31 s; nothing was shut down"
    assert [item["value"] for item in embed["fields"]] == [
        f"<t:{int(BEGAN.timestamp())}:T>",
        f"<t:{int(BEGAN.timestamp()) + 451}:T>",
        "62 %",
    ]


@pytest.mark.parametrize(
    "letters",
    [
        (letter("power_lost"),),
        (letter("power_lost"), letter("battery_low", 1)),
        (letter("power_lost"), letter(KIND_PLAN, 1, group="p", rows=[]), letter("power_restored")),
        (letter("power_lost"), letter("power_restored", 1, group="another outage")),
        (letter("power_lost", group=""), letter("power_restored", 1, group="")),
    ],
)
def test_any_other_outage_is_told_one_by_one(letters: tuple[Letter, ...]) -> None:
    batch = render(letters, language=ENGLISH)
    assert batch.count == 1
    assert batch.live_key == ""


def test_steps_of_a_plan_are_one_message_that_is_edited() -> None:
    steps = [
        letter(KIND_PLAN, n, group="plan", event="plan_started", rows=[["nas", state, None]])
        for n, state in enumerate(("waiting", "stopping", "down"))
    ]
    batch = render((*steps, letter("power_restored")), language=ENGLISH)
    assert (batch.count, batch.live_key) == (3, "plan")
    assert "is off" in embed_of(*steps)["description"]
    report = letter(KIND_REPORT, 9, group="plan", event="plan_finished", rows=[["nas", "down", 70]])
    assert embed_of(*steps, report)["title"] == "BW55T: the shutdown plan is done"


def test_text_of_the_users_own() -> None:
    assert embed_of(letter(KIND_TEXT, title="T", message="M"))["description"] == "M"
    payload = render((letter(KIND_TEXT, message="only"),), language=ENGLISH).message.payload()
    assert payload["content"] == "only"


def test_only_what_is_critical_mentions() -> None:
    lost = render((letter("power_lost"),), language=ENGLISH, mention="@here").message
    back = render((letter("power_restored"),), language=ENGLISH, mention="@here").message
    assert (lost.mention, back.mention) == ("@here", "")


@pytest.mark.parametrize(
    ("event", "mention"),
    [("plan_started", "@here"), ("plan_failed", "@here"), ("plan_finished", "")],
)
def test_a_plan_that_went_well_wakes_nobody(event: str, mention: str) -> None:
    told = letter(KIND_REPORT, event=event, rows=[])
    assert render((told,), language=ENGLISH, mention="@here").message.mention == mention


def test_an_event_of_a_later_version_is_told_too() -> None:
    assert embed_of(letter("something_new"))["title"] == "something_new"


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (0, "0 s", "0秒"),
        (59.6, "1 min", "1分"),
        (451, "7 min 31 s", "7分 31秒"),
        (3600, "1 h", "1時間"),
        (-5, "0 s", "0秒"),
    ],
)
def test_durations(seconds: float, english: str, japanese: str) -> None:
    assert duration(seconds, ENGLISH) == english
    assert duration(seconds, JAPANESE) == japanese


def test_languages() -> None:
    assert [language_of(text) for text in ("ja", "ja-JP", "en", "de")] == ["ja", "ja", "en", "en"]
