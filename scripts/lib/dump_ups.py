"""Read everything that a UPS tells and write it as JSON: ``scripts/dump-ups``."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from functools import partial
import json
from pathlib import Path
import sys

from custom_components.omron_ups.driver import (
    PROFILES,
    Dialect,
    SerialTransport,
    SimulatedTransport,
    SimulatedUps,
    Transport,
    Ups,
    UpsError,
    UpsOptions,
    make_dump,
)

_SAY = partial(print, flush=True)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; SystemExit with a message where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="scripts/dump-ups",
        description=(
            "Read everything that a UPS tells, without changing anything, and write it as JSON."
            " Serial numbers are masked."
        ),
    )
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--serial", metavar="DEVICE", help="a serial port, or a URL such as socket://host:port"
    )
    place.add_argument("--simulated", choices=tuple(PROFILES), help="a simulated unit")
    parser.add_argument(
        "--dialect",
        type=Dialect,
        choices=tuple(Dialect),
        default=Dialect.OMRON,
        help="megatec asks nothing but Q1",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write; without it, the terminal"
    )
    return parser.parse_args(arguments)


async def read_dump(transport: Transport, dialect: Dialect) -> str:
    """Return the dump of the unit behind `transport` as JSON text.

    Raises:
        UpsError: there is no UPS, or it cannot be reached.
    """
    ups = Ups(transport, options=UpsOptions(version="dump", dialect=dialect))
    try:
        await ups.start()
        return json.dumps(make_dump(ups), indent=2, ensure_ascii=True) + "\n"
    finally:
        await ups.stop()


def _transport(options: argparse.Namespace) -> Transport:
    if options.simulated:
        return SimulatedTransport(SimulatedUps(PROFILES[options.simulated]))
    return SerialTransport(options.serial)


def main(
    arguments: Sequence[str] | None = None,
    say: Callable[[str], None] = _SAY,
) -> int:
    """Run the command line; return the exit status."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        text = asyncio.run(read_dump(_transport(options), options.dialect))
        if options.output is None:
            say(text.rstrip())
        else:
            options.output.write_text(text, encoding="utf-8")
            say(f"written: {options.output}")
    except (OSError, UpsError) as err:
        say(f"dump-ups: {err}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
