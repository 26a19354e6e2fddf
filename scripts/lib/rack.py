"""Run the shutdown plan in a virtual rack: ``scripts/rack``.

Time is virtual: an outage of an hour takes a tenth of a second.
"""

import argparse
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
import os
import sys
import time

from tests.shutdown.rack.api_random import random_homelab
from tests.shutdown.rack.batch import (
    SWEEPS,
    Tally,
    Verdict,
    judge,
    replay,
    run_homelab_seed,
    run_seed,
)
from tests.shutdown.rack.homelab import HOMELABS, describe
from tests.shutdown.rack.randomly import random_scenario
from tests.shutdown.rack.rules import violations
from tests.shutdown.rack.run import timeline
from tests.shutdown.rack.scenario import Scenario

SCENARIOS = 10_000
CHUNK = 20
SHOWN = 20
"""How many failures are printed one by one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; returns 1 if a rule was broken."""
    options = _parser().parse_args(arguments)
    make, run = (random_homelab, run_homelab_seed) if options.kinds else (random_scenario, run_seed)
    if options.what == "replay":
        return _replay(make(options.seed))
    if options.what == "homelab":
        return _homelab()
    if options.what == "sweep":
        return _sweep(make(options.seed), options.processes)
    with ProcessPoolExecutor(options.processes) as pool:
        seeds = range(options.seed, options.seed + options.scenarios)
        return _report(pool.map(run, seeds, chunksize=CHUNK))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/rack", description=__doc__)
    parser.add_argument(
        "--processes", type=int, default=os.process_cpu_count(), help="default: %(default)s"
    )
    parser.add_argument("--scenarios", type=int, default=SCENARIOS, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the first; default: %(default)s")
    parser.add_argument(
        "--kinds", action="store_true", help="racks whose hosts are of real kinds, behind fakes"
    )
    commands = parser.add_subparsers(dest="what", metavar="replay|sweep|homelab")
    for name, text in (
        ("replay", "run one scenario, and print what happened"),
        ("sweep", "run one scenario with a crash, and with mains back, at each point"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("seed", type=int)
    commands.add_parser("homelab", help="print the timelines of the reference installation")
    return parser


def _report(verdicts: Iterable[Verdict]) -> int:
    """Print failures as they come, and what it all comes to."""
    began, tally = time.monotonic(), Tally()
    for verdict in verdicts:
        tally.add(verdict)
        if verdict.broken and len(tally.failed) <= SHOWN:
            _print_failure(verdict)
    _print_tally(tally, time.monotonic() - began)
    return 1 if tally.failed or not tally.runs else 0


def _print_failure(verdict: Verdict) -> None:
    print(f"FAILED {verdict.name}    replay: {verdict.command}", flush=True)
    for text in verdict.broken:
        print(f"    {text}")


def _print_tally(tally: Tally, seconds: float) -> None:
    hours = tally.virtual_s / 3600.0
    print(
        f"{tally.runs} scenarios, {hours:.0f} h of virtual time, {tally.crashes} ends of "
        f"Home Assistant, {len(tally.failed)} failed; {seconds:.0f} s, "
        f"{1000.0 * tally.processor_s / max(tally.runs, 1):.0f} ms of processor time each"
    )
    print("plans:  " + _counts(tally.results))
    print("faults: " + _counts(tally.hits))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _replay(scenario: Scenario) -> int:
    ending = replay(scenario)
    print(_summary(ending.scenario))
    print("\n".join(timeline(ending.facts)))
    print(ending.home.state_at_end or "Home Assistant is off")
    broken = violations(ending)
    print("\n".join(broken) if broken else "no rule was broken")
    return 1 if broken else 0


def _summary(scenario: Scenario) -> str:
    """Return what is special about a scenario."""
    rows = [f"home assistant on {scenario.home_assistant}, armed: {scenario.is_armed}"]
    rows += [repr(scenario.ups), repr(scenario.triggers), repr(scenario.restore)]
    rows.append(f"output: {scenario.output}, mains entity: {scenario.has_mains_entity}")
    for name in ("machines", "outages", "second_feeds", "faults", "crashes", "actions"):
        rows += [f"{name}: {item}" for item in getattr(scenario, name)]
    return "\n".join(rows)


def _sweep(scenario: Scenario, processes: int) -> int:
    """Run a scenario again and again, with something else at each point."""
    names: list[str] = []
    scenarios: list[Scenario] = []
    for sweep, make in SWEEPS.items():
        if sweep == "mains" and not scenario.outages:
            continue
        for name, changed in make(scenario):
            names.append(f"{sweep}: {name}")
            scenarios.append(changed)
    with ProcessPoolExecutor(processes) as pool:
        return _report(pool.map(judge, names, scenarios, chunksize=CHUNK))


def _homelab() -> int:
    status = 0
    for title in HOMELABS:
        lines, broken = describe(title)
        print("\n".join(lines))
        print()
        status |= bool(broken)
    return status


if __name__ == "__main__":
    sys.exit(main())
