"""Kill Home Assistant in the middle of shutdown plans: ``scripts/crash``.

The hosts are real: three that are stopped over SSH, and one that upsmon stops.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
import shutil
import sys
from tempfile import mkdtemp
import time

from tests.e2e.plan_rig import home
from tests.e2e.plan_runs import LONGEST_S, crash_run

RUNS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; returns 1 if a run did not end as it should."""
    parser = argparse.ArgumentParser(
        prog="scripts/crash",
        description="Kill Home Assistant at random moments of runs of the shutdown plan.",
    )
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="how many runs")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the moments")
    options = parser.parse_args(arguments)
    folder = Path(mkdtemp(prefix="omron-ups-crash-"))
    failed = asyncio.run(_run_all(folder, runs=options.runs, seed=options.seed))
    if failed:
        print(f"{failed} of {options.runs} runs failed; logs and journal are in {folder}")
        return 1
    shutil.rmtree(folder)
    print(f"{options.runs} runs, all hosts stopped once and came back in each")
    return 0


async def _run_all(folder: Path, *, runs: int, seed: int) -> int:
    random = Random(seed)  # noqa: S311 - moments, no secrets
    failed = 0
    print(f"{'run':>3}  {'killed after':>12}  {'the journal ended with':24}  {'took':>6}  result")
    async with home(folder, triggers={}) as rig:
        await rig.arm()
        for number in range(1, runs + 1):
            after_s, began = random.uniform(0.0, LONGEST_S), time.monotonic()
            run = await crash_run(rig, crash_after_s=after_s)
            failed += bool(run.faults)
            result = "; ".join(run.faults) or run.report["result"]
            took = f"{time.monotonic() - began:.0f} s"
            print(
                f"{number:3}  {after_s:10.2f} s  {run.crashed_at:24}  {took:>6}  {result}",
                flush=True,
            )
    return failed


if __name__ == "__main__":
    sys.exit(main())
