"""Poll a simulated UPS a million times with faults: ``scripts/soak``.

Time is virtual, so that weeks of polling take minutes; memory and processor time are real. What the
waiting between polls and the threads of USB cost shows in real time only: ``--usb``.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
import gc
from itertools import cycle
import resource
import sys
import time
import tracemalloc
from typing import override

from custom_components.omron_ups.driver import (
    PROFILES,
    SimulatedTransport,
    SimulatedUps,
    Ups,
    UpsOptions,
)
from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from tests.driver.virtual_time import run

from .usb_processor import run_preloaded

FAULT_PROBABILITY = 0.01
BLOCK_S = 1000.0
# Longer than a replug may take to be seen and answered.
RECOVERY_S = 8.0
WARM_UP_BLOCKS = 3
POLL_REQUEST = b"Q1\r"
# What stays wrong as long as the fault lasts says nothing of recovery.
FAULTS: tuple[FaultKind, ...] = tuple(kind for kind in FaultKind if kind is not FaultKind.FROZEN)


@dataclass(slots=True)
class Tally:
    """What a run amounts to."""

    polls: int = 0
    virtual_s: float = 0.0
    processor_s: float = 0.0
    lost: int = 0
    """Blocks after which the driver had not recovered."""
    memory_before: int = 0
    memory_after: int = 0


class CountingTransport(SimulatedTransport):
    """Counts the polls."""

    polls = 0

    @override
    async def exchange(self, request: bytes) -> bytes:
        """Exchange, and count."""
        self.polls += request == POLL_REQUEST
        return await super().exchange(request)


async def soak(polls: int) -> Tally:
    """Poll so many times, one kind of fault after the other."""
    loop = asyncio.get_running_loop()
    unit = SimulatedUps(PROFILES["bw55t"], clock=loop.time)
    transport = CountingTransport(unit, turnaround_s=0.05)
    ups = Ups(transport, options=UpsOptions(version="soak"), monotonic=loop.time)
    await ups.start()
    tally = Tally()
    kinds: cycle[FaultKind] = cycle(FAULTS)
    await _blocks(ups, unit, kinds, WARM_UP_BLOCKS, tally)
    tally = Tally(memory_before=_memory())
    began, virtual_began, counted = time.process_time(), loop.time(), transport.polls
    while transport.polls - counted < polls:
        await _blocks(ups, unit, kinds, 1, tally)
    tally.processor_s = time.process_time() - began
    tally.virtual_s = loop.time() - virtual_began
    tally.polls = transport.polls - counted
    tally.memory_after = _memory()
    await ups.stop()
    return tally


async def _blocks(
    ups: Ups, unit: SimulatedUps, kinds: cycle[FaultKind], count: int, tally: Tally
) -> None:
    for _ in range(count):
        unit.inject(Fault(kind=next(kinds), probability=FAULT_PROBABILITY))
        await asyncio.sleep(BLOCK_S)
        unit.clear_faults()
        await asyncio.sleep(RECOVERY_S)
        tally.lost += ups.state.stale or ups.state.on_battery is not False
        # What the simulated unit records is not the driver's.
        unit.requests.clear()


def _memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--polls", type=int, default=1_000_000, metavar="N")
    parser.add_argument(
        "--no-memory", action="store_true", help="do not trace memory, which takes most of the time"
    )
    parser.add_argument(
        "--usb",
        type=float,
        metavar="SECONDS",
        help="instead: poll over libusb in real time, and tell what it takes of the processor",
    )
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if options.usb is not None:
        return run_preloaded(options.usb)
    if not options.no_memory:
        tracemalloc.start()
    tally = run(soak(options.polls))
    print(f"polls: {tally.polls} in {tally.virtual_s / 3600:.1f} virtual hours")
    print(f"recoveries lost: {tally.lost}")
    if not options.no_memory:
        print(f"memory of the driver: {tally.memory_before} -> {tally.memory_after} bytes")
    print(f"largest resident set: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB")
    share = 100 * tally.processor_s / tally.virtual_s
    print(f"processor: {share:.3f} % of a core, simulated unit and tracing included")
    return 1 if tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
