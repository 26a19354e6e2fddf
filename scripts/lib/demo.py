"""Run a Home Assistant with a simulated BW55T and a NUT server until somebody stops it."""

import argparse
import asyncio
from asyncio import Queue
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
import os
from pathlib import Path
import signal
import socket
import stat
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from scripts.lib.config_folder import DEFAULT_PORT, Locale, locale_from, write_config_folder
from scripts.lib.dashboard import dashboard
from scripts.lib.hass_api import ApiError, HassApi, onboarded
from scripts.lib.hass_process import HassError, HassProcess
from scripts.lib.nut_client import NutError, upsc

DOMAIN = "omron_ups"
UPS = "ups"
NUT_PORT = 3493
DASHBOARD = "ups-demo"
# Good for a Home Assistant that only this machine can reach and that is gone afterwards.
USERNAME = "demo"
PASSWORD = "demo"  # noqa: S105
_PORTS_TO_TRY = 100
_FIRST_READING_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    port: int = DEFAULT_PORT
    nut_port: int = NUT_PORT
    model: str = "bw55t"
    language: str | None = None
    log: Path | None = None
    program: str = "scripts.lib.hass"
    """The module that starts Home Assistant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A running demo."""

    hass: HassProcess
    api: HassApi
    nut_port: int
    mains_switch: str

    async def set_mains(self, *, on: bool) -> None:
        """Cut or restore the mains of the simulated UPS."""
        await self.api.call(f"switch.turn_{'on' if on else 'off'}", self.mains_switch)

    async def upsc(self) -> str:
        """Return what upsc prints."""
        return await upsc(UPS, self.nut_port)


def main() -> int:
    """Run the demo and return the exit code: 0 when it was stopped, 1 when it failed."""
    options = _options()
    log_before = options.log.stat().st_size if options.log and options.log.exists() else 0
    try:
        asyncio.run(_until_stopped(options))
    except (ApiError, HassError, NutError, OSError) as err:
        print(f"demo: {err}", file=sys.stderr)
        if options.log:
            print(f"demo: see {options.log} after byte {log_before}", file=sys.stderr)
        return 1
    return 0


def free_port(first: int, *, besides: int | None = None) -> int:
    """Return the first port from ``first`` on that nobody uses on 127.0.0.1.

    Raises:
        OSError: None of the next 100 is free.
    """
    for port in range(first, min(first + _PORTS_TO_TRY, 65536)):
        if port != besides and _is_free(port):
            return port
    raise OSError(f"no free port from {first} on")


@asynccontextmanager
async def running_demo(options: Options, folder: Path) -> AsyncIterator[Demo]:
    """Start everything in an empty folder, yield it with its first reading, stop it at the end."""
    locale = _locale(options)
    port = free_port(options.port)
    nut_port = free_port(options.nut_port, besides=port)
    write_config_folder(folder, port=port, locale=locale)
    log = options.log or folder / "hass.log"
    with _tail_on_error(log if options.log is None else None):
        async with (
            HassProcess(folder=folder, port=port, log=log, program=options.program) as hass,
            onboarded(
                hass.address, username=USERNAME, password=PASSWORD, language=locale.language
            ) as api,
        ):
            mains_switch = await _furnish(api, options.model, nut_port, locale.language)
            demo = Demo(hass=hass, api=api, nut_port=nut_port, mains_switch=mains_switch)
            await _first_reading(demo)
            yield demo


async def _until_stopped(options: Options) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    work = asyncio.ensure_future(_run(options))
    waiting = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not work.done():
        print("\ndemo: stopping", flush=True)
        work.cancel()
    with suppress(asyncio.CancelledError):
        await work


async def _run(options: Options) -> None:
    started = time.monotonic()
    print("demo: starting Home Assistant, which takes about 10 s", flush=True)
    with TemporaryDirectory(prefix="omron-ups-demo-") as folder:
        async with running_demo(options, Path(folder)) as demo:
            print(await _introduction(demo, time.monotonic() - started), flush=True)
            keyboard = asyncio.create_task(_keyboard(demo))
            try:
                await demo.hass.run()
            finally:
                keyboard.cancel()
    print("demo: Home Assistant ended", flush=True)


async def _furnish(api: HassApi, model: str, nut_port: int, language: str) -> str:
    """Set the integration up, lay out the dashboard, return the entity that is the plug."""
    nut_server = {"enabled": True, "host": "127.0.0.1", "port": nut_port, "ups_name": UPS}
    answers: dict[str, dict[str, object]] = {
        "user": {"next_step_id": "simulated"},
        "simulated": {"model": model},
        "nut_server": nut_server,
    }
    entities = await api.entities(await api.create_entry(DOMAIN, answers))
    await _open_on_dashboard(api, dashboard(entities, language))
    # How the frontend speaks to this user, whatever the browser says.
    formats = dict.fromkeys(("number_format", "time_format", "date_format"), "language")
    value = {"language": language, **formats, "first_weekday": "language", "time_zone": "local"}
    await api.command("frontend/set_user_data", key="language", value=value)
    return entities["switch.sim_mains"]


async def _open_on_dashboard(api: HassApi, config: dict[str, Any]) -> None:
    """Add a dashboard and let the user's frontend open on it instead of on the overview."""
    row = {"title": config["title"], "icon": "mdi:power-plug-battery", "show_in_sidebar": True}
    await api.command(
        "lovelace/dashboards/create", url_path=DASHBOARD, mode="storage", require_admin=False, **row
    )
    await api.command("lovelace/config/save", url_path=DASHBOARD, config=config)
    await api.command("frontend/set_user_data", key="core", value={"default_panel": DASHBOARD})


async def _first_reading(demo: Demo) -> None:
    """Wait until the NUT server has data.

    Raises:
        NutError: It has none after 30 s.
    """
    deadline = time.monotonic() + _FIRST_READING_TIMEOUT_S
    while True:
        try:
            await demo.upsc()
        except NutError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def _introduction(demo: Demo, seconds: float) -> str:
    return f"""\
{await demo.upsc()}
The above is what a NUT client sees:  upsc {UPS}@127.0.0.1:{demo.nut_port}

Home Assistant   {demo.hass.address}
User name        {USERNAME}
Password         {PASSWORD}
Ready after      {seconds:.1f} s

To pull the plug of the simulated UPS, turn off its mains switch on the dashboard
({demo.mains_switch}), or type here:
  off + Enter    cut the mains
  on + Enter     restore it
  upsc + Enter   show what upsc shows now
Ctrl-C stops everything and removes it.
"""


async def _keyboard(demo: Demo) -> None:
    commands: dict[str, Callable[[], Awaitable[str]]] = {
        "off": lambda: _cut(demo, on=False),
        "on": lambda: _cut(demo, on=True),
        "upsc": demo.upsc,
    }
    async with _typed_lines() as lines:
        while True:
            word = (await lines.get()).strip().lower()
            if word not in commands:
                print(f"demo: type one of {', '.join(commands)}", flush=True)
                continue
            try:
                print(await commands[word](), flush=True)
            except (ApiError, NutError, OSError) as err:
                print(f"demo: {err}", flush=True)


async def _cut(demo: Demo, *, on: bool) -> str:
    await demo.set_mains(on=on)
    return f"demo: mains {'restored' if on else 'cut'}"


@asynccontextmanager
async def _typed_lines() -> AsyncIterator[Queue[str]]:
    """Yield what is typed, line by line; nothing where the input is no terminal and no pipe."""
    lines: Queue[str] = Queue()
    descriptor = sys.stdin.fileno()
    if not (os.isatty(descriptor) or stat.S_ISFIFO(os.fstat(descriptor).st_mode)):
        yield lines
        return
    loop = asyncio.get_running_loop()

    unfinished = b""

    def read() -> None:
        nonlocal unfinished
        chunk = os.read(descriptor, 4096)
        if not chunk:
            loop.remove_reader(descriptor)
        *complete, unfinished = (unfinished + chunk).split(b"\n")
        for line in complete:
            lines.put_nowait(line.decode(errors="replace"))

    loop.add_reader(descriptor, read)
    try:
        yield lines
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _tail_on_error(log: Path | None) -> Iterator[None]:
    """Print the end of a log that is about to be removed."""
    try:
        yield
    except Exception:
        if log is not None and log.exists():
            print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-30:]))
        raise


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As both servers do, so that connections which are just closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _locale(options: Options) -> Locale:
    locale = locale_from(os.environ)
    return replace(locale, language=options.language) if options.language else locale


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Start Home Assistant with a simulated UPS and a NUT server, on loopback.",
    )
    default = Options()
    parser.add_argument(
        "--port", type=int, default=default.port, help="of Home Assistant, or the next free one"
    )
    parser.add_argument(
        "--nut-port", type=int, default=default.nut_port, help="or the next free one"
    )
    parser.add_argument(
        "--model", default=default.model, help="which UPS to simulate (default: %(default)s)"
    )
    parser.add_argument("--language", choices=("en", "ja"), help="default: that of LANG")
    parser.add_argument("--log", type=Path, help="keep Home Assistant's log in this file")
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
