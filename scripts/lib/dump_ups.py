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
    UsbTransport,
    UsbUnit,
    UsbUnits,
    list_usb_units,
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
    place.add_argument(
        "--usb",
        nargs="?",
        const="",
        metavar="UNIT",
        help=(
            "a unit on the USB bus; where there are several, its port such as 1-2.3 or its serial"
            " number. Devices of OMRON that are not known to be a UPS are used only when named"
        ),
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


def choose_unit(units: UsbUnits, name: str) -> UsbUnit:
    """Return the attached unit that is meant.

    Args:
        units: what is attached.
        name: its port or its serial number; empty for the only UPS.

    Raises:
        LookupError: there is none, or more than one; the text names what is attached.
    """
    attached = (*units.known, *units.unknown)
    if name:
        matches = [unit for unit in attached if name in {unit.identity.port, unit.identity.serial}]
    else:
        matches = list(units.known)
    if len(matches) == 1:
        return matches[0]
    if not attached:
        raise LookupError("no device of OMRON is attached")
    problem = "more than one UPS" if matches else "no such UPS" if name else "no UPS"
    choice = "".join(f"\n  {_describe(unit)}" for unit in attached)
    raise LookupError(f"{problem} is attached; name one of these:{choice}")


def _describe(unit: UsbUnit) -> str:
    identity = unit.identity
    serial = identity.serial and f"serial number {identity.serial}"
    doubt = None if unit.is_known else "not known to be a UPS"
    name = f"{unit.model or 'OMRON'} ({identity.product_id:04x})"
    return ", ".join(filter(None, (f"--usb {identity.port}: {name}", serial, doubt)))


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


async def dump(options: argparse.Namespace) -> str:
    """Return the dump of the unit that the command line means.

    Raises:
        LookupError: there is no such unit on the USB bus.
        UpsError: as `read_dump`.
    """
    if options.simulated:
        transport: Transport = SimulatedTransport(SimulatedUps(PROFILES[options.simulated]))
    elif options.serial:
        transport = SerialTransport(options.serial)
    else:
        transport = UsbTransport(choose_unit(await list_usb_units(), options.usb).identity)
    return await read_dump(transport, options.dialect)


def main(
    arguments: Sequence[str] | None = None,
    say: Callable[[str], None] = _SAY,
) -> int:
    """Run the command line; return the exit status."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        text = asyncio.run(dump(options))
        if options.output is None:
            say(text.rstrip())
        else:
            options.output.write_text(text, encoding="utf-8")
            say(f"written: {options.output}")
    except (LookupError, OSError, UpsError) as err:
        say(f"dump-ups: {err}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
