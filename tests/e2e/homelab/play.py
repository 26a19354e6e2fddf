"""Plays an outage in the homelab from the first form to the last secret, and judges it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Final

from .expectations import (
    ORDER,
    ORDER_AT_LOW_BATTERY,
    wrong_counts,
    wrong_end,
    wrong_order,
    wrong_report,
    wrong_requests,
)
from .lab import homelab
from .planted import Search
from .run import CONTROL, run_outage
from .setup import set_up
from .timeline import timeline

_COMPLAINT: Final = re.compile(r" (ERROR|CRITICAL) |Detected that custom integration|^Traceback")
REHEARSED: Final = (
    "would cordon cp1",
    "would evict default/postgres-0 from worker1, but its budget has no room",
    "would power off pve2",
    "would leave to the end of the node: VM 100 (haos)",
    "would shut down the NAS at",
    "run `sudo -n systemctl poweroff` on",
    "POST to",
    "call input_boolean.turn_off on input_boolean.amplifier",
    "set FSD on ups",
)
"""What a dry run says that it would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of it."""

    timeline: tuple[str, ...]
    figures: tuple[str, ...]
    broken: tuple[str, ...]
    """What was not as it must be."""


async def play(folder: Path, *, low_battery: bool = False) -> Played:
    """Set everything up in a new folder, let mains fail and return, and look at all of it.

    Args:
        folder: is made, and holds everything.
        low_battery: whether the battery is low while the first hosts are stopping.

    """
    async with homelab(folder) as lab:
        await set_up(lab)
        before = lab.look()
        outcome = await run_outage(lab, low_battery=low_battery)
        search = await Search.through(lab)
        facts = lab.facts
        broken = (
            *outcome.wrong,
            *_wrong_rehearsal("\n".join(outcome.rehearsal)),
            *facts.broken,
            *wrong_order(facts, ORDER_AT_LOW_BATTERY if low_battery else ORDER),
            *wrong_counts(facts),
            *wrong_report(outcome.report, is_short=low_battery),
            *wrong_end(before, lab.look()),
            *wrong_requests(lab),
            *search.found,
            *search.missed(CONTROL),
            *_complaints(lab.log),
        )
        quiet, leaks = len(outcome.changed_while_disarmed), len(search.found)
        figures = (
            f"not armed: {outcome.asked_while_disarmed} requests, {quiet} to change something",
            f"armed: {len(facts.changes)} requests to change something",
            f"{search.secrets} secrets looked for in {search.places} places, {leaks} found",
        )
        return Played(
            timeline=tuple(timeline(facts, outcome.report)), figures=figures, broken=broken
        )


def _wrong_rehearsal(said: str) -> Iterator[str]:
    yield from (f"the dry run does not say: {words}" for words in REHEARSED if words not in said)


def _complaints(log: Path) -> Iterator[str]:
    for line in log.read_text().splitlines():
        if _COMPLAINT.search(line):
            yield f"log: {line}"
