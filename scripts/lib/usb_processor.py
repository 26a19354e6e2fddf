"""Poll a simulated UPS over real libusb for a while and tell what that costs: ``soak --usb``.

The bus is umockdev's, whose library has to be preloaded into this process; its part of the work,
carrying each transfer to a process of its own, counts as ours. The simulated unit does not.
"""

import asyncio
from dataclasses import dataclass
import os
import subprocess
import sys
import time

from custom_components.omron_ups.driver import (
    PROFILES,
    SimulatedUps,
    Ups,
    UpsOptions,
    UsbTransport,
    list_usb_units,
)
from tests.driver.usb_rig.bus import CHECKOUT, PRELOAD, UmockdevBus

# Until the settings, which are read every five minutes, have been read.
SETTLE_S = 2.0
GOAL_PERCENT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What polling took."""

    polls: int
    elapsed_s: float
    processor_s: float

    @property
    def percent(self) -> float:
        """Share of one core."""
        return 100 * self.processor_s / self.elapsed_s


async def measure(bus: UmockdevBus, seconds: float) -> Cost:
    """Poll the unit that is plugged into `bus`."""
    (unit,) = (await list_usb_units()).known
    polls = 0

    def count(_: object) -> None:
        nonlocal polls
        polls += 1

    ups = Ups(UsbTransport(unit.identity), options=UpsOptions(version="soak"))
    await ups.start()
    try:
        await asyncio.sleep(SETTLE_S)
        ups.subscribe(count)
        began, ours = time.monotonic(), _processor_s(bus)
        await asyncio.sleep(seconds)
        return Cost(
            polls=polls,
            elapsed_s=time.monotonic() - began,
            processor_s=_processor_s(bus) - ours,
        )
    finally:
        await ups.stop()


def _processor_s(bus: UmockdevBus) -> float:
    return time.process_time() - bus.answering_s


def run_preloaded(seconds: float) -> int:
    """Measure in a process of its own; return its exit status."""
    command = [sys.executable, "-m", "scripts.lib.usb_processor", f"{seconds:g}"]
    environment = os.environ | {"LD_PRELOAD": PRELOAD}
    return subprocess.run(command, check=False, cwd=CHECKOUT, env=environment).returncode


def main() -> int:
    """Measure for so many seconds as the command line says; return the exit status."""
    bus = UmockdevBus()
    os.environ["UMOCKDEV_DIR"] = bus.root
    try:
        bus.plug(SimulatedUps(PROFILES["bw55t"]))
        cost = asyncio.run(measure(bus, float(sys.argv[1])))
    finally:
        bus("unplug")
        bus.close()
    print(f"polls over USB: {cost.polls} in {cost.elapsed_s:.1f} s")
    print(
        f"processor: {cost.percent:.3f} % of a core, the driver with libusb and without the unit;"
        f" goal: under {GOAL_PERCENT:g} %"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
