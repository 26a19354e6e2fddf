"""Fuzz the NUT server with the properties of its tests, millions of times."""

import argparse
import asyncio
import random
import sys
import time

from hypothesis import HealthCheck, given, seed as with_seed, settings

from tests.nut.fuzzing import Conversation, Target, check, conversations

CASES = 1_000_000
# After each batch the figures so far are printed and the next seed is taken.
BATCH = 10_000


def main() -> int:
    """Fuzz until the number is reached; a failure ends it with its own report."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz nut", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=random.getrandbits(32), help="default: random")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with asyncio.Runner() as runner:
        target = Target()
        runner.run(target.start())
        try:
            _fuzz(runner, target, arguments.cases, arguments.seed)
        finally:
            runner.run(target.close())
    return 0


def _fuzz(runner: asyncio.Runner, target: Target, cases: int, seed: int) -> None:
    began = time.monotonic()
    for done in range(0, cases, BATCH):
        count = min(BATCH, cases - done)
        _batch(runner, target, count, seed + done)
        per_second = (done + count) / (time.monotonic() - began)
        requests = target.server.requests
        print(f"{done + count} conversations, {requests} requests, {per_second:.0f}/s", flush=True)


def _batch(runner: asyncio.Runner, target: Target, count: int, seed: int) -> None:
    @with_seed(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(conversation=conversations())
    def hold(conversation: Conversation) -> None:
        runner.run(check(target, conversation))

    hold()


if __name__ == "__main__":
    sys.exit(main())
