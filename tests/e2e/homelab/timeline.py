"""The outage as a timeline from two sides: what the hosts saw, and what the plan says of it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from scripts.lib.hass_api import Json

from .facts import Fact, Facts

_SHOWN: Final = frozenset(
    {
        "asked",
        "began",
        "cancelled",
        "gate",
        "handed_over",
        "output_answered",
        "power_back",
        "restoring",
        "resumed",
        "settled",
        "waking",
    }
)
"""What of the report is shown; the answers are what the hosts saw anyway."""


def timeline(facts: Facts, report: Json) -> Iterator[str]:
    """Yield the lines, beginning with the disarmed run; seconds count from the plug's pull."""
    began = next(fact.at for fact in facts.rows if fact.what == "mains off")
    names = {row["target_id"]: str(row["name"]) for row in report["targets"]}
    first = next(place for place, fact in enumerate(facts.rows) if fact.who == "somebody")
    rows = [(fact.at, _seen(fact)) for fact in facts.rows[first:]]
    rows += [
        (datetime.fromisoformat(line["at"]).timestamp(), _said(line, names))
        for line in report["lines"]
        if line["did"] in _SHOWN
    ]
    yield "seconds  what the fake hosts saw (> asked of them), and [what the plan reports]"
    for at, words in sorted(rows, key=lambda row: row[0]):
        yield f"{at - began:7.1f}  {words}"


def _seen(fact: Fact) -> str:
    return f"{'>' if fact.is_change else ' '} {fact.who}: {fact.what}"


def _said(line: Json, names: Mapping[str, str]) -> str:
    who = names.get(line["target_id"], "plan")
    return f"      [{who}: {f'{line["did"]} {line["detail"]}'.strip()}]"
