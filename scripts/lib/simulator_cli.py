"""The command line of the simulated UPS: ``scripts/simulate``."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
import os
from pathlib import Path
import signal
import stat
import sys

from custom_components.omron_ups.driver.simulator.profiles import DEFAULT_PROFILE, PROFILES
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from scripts.lib.simulator_control import run_command
from scripts.lib.simulator_server import (
    NO_PACING,
    SERIAL_PACING,
    ControlServer,
    PtyServer,
    SimulatorServer,
    TcpServer,
)

HIGHEST_PORT = 65535
_READ_BYTES = 4096
_SAY = partial(print, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CliOptions:
    """What the command line asks for."""

    model: str = DEFAULT_PROFILE
    pty: Path | None = None
    """Where to link the terminal; with neither this nor `tcp`, a terminal without a link."""
    tcp: int | None = None
    control: int | None = None
    time_scale: float = 1.0
    fast: bool = False


def parse_arguments(arguments: Sequence[str]) -> CliOptions:
    """Read the command line; SystemExit with a message where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description="Play an OMRON UPS on a terminal or a TCP port of this machine.",
        epilog="Type help while it runs for what can happen to the unit.",
    )
    parser.add_argument(
        "--model", choices=tuple(PROFILES), default=DEFAULT_PROFILE, help="the unit to play"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--pty", type=Path, metavar="PATH", help="link the terminal to PATH")
    place.add_argument("--tcp", type=_port, metavar="PORT", help="serve TCP instead of a terminal")
    parser.add_argument("--control", type=_port, metavar="PORT", help="take commands on this port")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, metavar="N", help="simulated seconds per second"
    )
    parser.add_argument(
        "--fast", action="store_true", help="answer at once instead of at 2400 baud"
    )
    return CliOptions(**vars(parser.parse_args(arguments)))


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{port} is not between 0 and {HIGHEST_PORT}")
    return port


async def serve(
    options: CliOptions,
    *,
    commands: int | None,
    stop: asyncio.Event,
    say: Callable[[str], None],
) -> None:
    """Serve a simulated UPS until `stop` is set.

    Args:
        options: what to serve, and where.
        commands: a file descriptor to read control commands from.
        stop: ends it.
        say: takes lines for the person in front of it.

    Raises:
        OSError: the place is taken.
        ValueError: the time scale makes no sense.
    """
    ups = SimulatedUps(PROFILES[options.model])
    ups.time_scale = options.time_scale
    async with AsyncExitStack() as stack:
        device = await stack.enter_async_context(_device(ups, options))
        say(f"model: {ups.profile.title}")
        if options.control is not None:
            control = await stack.enter_async_context(ControlServer(ups, port=options.control))
            say(f"control: {control.place}")
        if commands is not None:
            stack.enter_context(CommandReader(ups, commands, say=say))
        say(f"device: {device.place}")
        await stop.wait()


def _device(ups: SimulatedUps, options: CliOptions) -> SimulatorServer:
    pacing = NO_PACING if options.fast else SERIAL_PACING
    if options.tcp is not None:
        return TcpServer(ups, port=options.tcp, pacing=pacing)
    return PtyServer(ups, link=options.pty, pacing=pacing)


class CommandReader:
    """Carries out the control commands that arrive on a file descriptor."""

    def __init__(self, ups: SimulatedUps, source: int, *, say: Callable[[str], None]) -> None:
        """Read lines for `ups` from `source`, while entered; `say` takes the answers."""
        self._ups = ups
        self._source = source
        self._say = say
        self._waiting = b""

    def __enter__(self) -> None:
        """Begin to read."""
        asyncio.get_running_loop().add_reader(self._source, self._read)

    def __exit__(self, *_exc: object) -> None:
        """Stop reading."""
        asyncio.get_running_loop().remove_reader(self._source)

    def _read(self) -> None:
        data = os.read(self._source, _READ_BYTES)
        if not data:
            # The other end is done talking; the unit goes on.
            asyncio.get_running_loop().remove_reader(self._source)
            return
        *lines, self._waiting = (self._waiting + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._say(run_command(self._ups, line.decode(errors="replace")))


def can_be_watched(source: int) -> bool:
    """Return whether commands can be awaited on `source`: a terminal, a pipe or a socket."""
    mode = os.fstat(source).st_mode
    return os.isatty(source) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def _serve_until_signalled(options: CliOptions, say: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    commands = sys.stdin.fileno() if can_be_watched(sys.stdin.fileno()) else None
    await serve(options, commands=commands, stop=stop, say=say)


def main(
    arguments: Sequence[str] | None = None,
    say: Callable[[str], None] = _SAY,
) -> int:
    """Run the command line until Ctrl-C or SIGTERM; return the exit status."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        asyncio.run(_serve_until_signalled(options, say))
    except (OSError, ValueError) as err:
        say(f"simulate: {err}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
