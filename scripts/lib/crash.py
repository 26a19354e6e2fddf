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
from tests.e2e.plan_runs import RESTORING_S, STOPPING_S, crash_run

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
    print("run  killed after                       the journal's last word   took  result")
    async with home(folder / "home", triggers={}) as rig:
        await rig.arm()
        for number in range(1, runs + 1):
            after_s, began = random.uniform(0.0, STOPPING_S + RESTORING_S), time.monotonic()
            is_late = after_s > STOPPING_S
            run = await crash_run(
                rig,
                while_stopping_s=None if is_late else after_s,
                while_restoring_s=after_s - STOPPING_S if is_late else None,
            )
            failed += bool(run.faults)
            moment = (
                f"{after_s - STOPPING_S:5.2f} s with mains back"
                if is_late
                else f"{after_s:5.2f} s of stopping hosts"
            )
            result = "; ".join(run.faults) or run.report["result"]
            took_s = time.monotonic() - began
            print(
                f"{number:3}  {moment:34}  {run.crashed_at[0]:22} {took_s:4.0f} s  {result}",
                flush=True,
            )
    return failed


if __name__ == "__main__":
    sys.exit(main())
