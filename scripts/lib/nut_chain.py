"""Debian's nutdrv_qx, upsd and upsmon one behind the other, with a NOTIFYCMD that posts to Discord.

It is what somebody builds without this integration: the driver reads the UPS on a serial line, upsd
serves it, upsmon watches that and runs a script.
"""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
import os
from pathlib import Path
import pwd
import shlex
import shutil
import socket
import sys
from typing import Final

from scripts.lib.nut_client import NutError, upsc

_UPS: Final = "ups"
_PROGRAMS: Final = tuple(Path("/lib/nut") / name for name in ("nutdrv_qx", "upsd", "upsmon"))
_PID_FILES: Final = Path("/run/nut")
# upsmon refuses to start beside another one, whose id it asks for; Linux gives out no such id.
_NO_PROCESS: Final = "4194304"
_START_S: Final = 30.0
_STOP_S: Final = 10.0

# The whole of what NUT's own examples do, with curl as everybody does it.
_NOTIFY: Final = """\
#!/bin/sh
exec curl --silent --max-time 10 --header 'Content-Type: application/json' \\
  --data '{{"content": "{name} '"$NOTIFYTYPE"'"}}' {url}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One way to configure it."""

    name: str
    """What its messages begin with, before a blank and upsmon's NOTIFYTYPE; a name of files too."""
    driver: str = ""
    """Lines of ups.conf."""
    monitor: str = ""
    """Lines of upsmon.conf."""


DEFAULTS: Final = Chain(name="nut-defaults")
"""The driver asks every 2 s, upsmon every 5 s."""
EVERY_SECOND: Final = Chain(
    name="nut-every-second",
    driver="pollinterval = 1\n",
    monitor="POLLFREQ 1\nPOLLFREQALERT 1\n",
)
"""As fast as NUT can be configured."""


def missing_programs() -> list[str]:
    """Return what is not installed of what a chain needs."""
    missing = [path.name for path in _PROGRAMS if not path.exists()]
    return missing if shutil.which("curl") else [*missing, "curl"]


@asynccontextmanager
async def running_chain(
    chain: Chain, folder: Path, *, terminal: str, url: str
) -> AsyncIterator[None]:
    """Run a chain until the end of the ``async with``.

    Args:
        chain: How it is configured.
        folder: Empty; gets its files.
        terminal: Where the UPS is.
        url: Takes the messages, as a Discord webhook does.

    Raises:
        TimeoutError: It did not start in 30 s.

    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    upsmon = _write(chain, folder, terminal=terminal, port=port, url=url)
    driver, upsd, _ = map(str, _PROGRAMS)
    paths = ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH")
    environment = os.environ | dict.fromkeys(paths, str(folder))
    user = ("-u", _user())
    try:
        async with (
            asyncio.timeout(_START_S) as limit,
            _process((driver, "-a", _UPS, "-F", *user), environment, folder),
            _process((upsd, "-F", *user), environment, folder),
        ):
            await _until_it_is_served(port)
            limit.reschedule(None)
            # Without -p it would leave a process of root's behind that shuts the machine down.
            command = (str(upsmon), "-F", "-p", "-P", _NO_PROCESS)
            async with _process(command, environment, folder) as monitor:
                try:
                    yield
                finally:
                    if monitor.returncode is not None:
                        print(f"{chain.name}: upsmon ended by itself", file=sys.stderr)
    except TimeoutError:
        print((folder / "log").read_text(errors="replace")[-2000:], file=sys.stderr)
        raise
    finally:
        (_PID_FILES / f"{upsmon.name}.pid").unlink(missing_ok=True)


def _write(chain: Chain, folder: Path, *, terminal: str, port: int, url: str) -> Path:
    """Write the configuration; return the upsmon to run."""
    notify = folder / "notify"
    notify.write_text(_NOTIFY.format(name=chain.name, url=shlex.quote(url)), encoding="ascii")
    notify.chmod(0o755)
    files = {
        # OMRON units refuse the ratings that the other protocols ask for. On mains they set the
        # bit of BYPASS, which the driver checks against the input voltage that it read last; with
        # the usual 30 s between two readings of that, it takes the return of mains for a lost line,
        # and upsmon, which saw OB last, shuts its host down 15 s later.
        "ups.conf": f"[{_UPS}]\ndriver = nutdrv_qx\nport = {terminal}\nprotocol = q1\n"
        "pollfreq = 0\n" + chain.driver,
        "upsd.conf": f"LISTEN 127.0.0.1 {port}\n",
        "upsd.users": "[joe]\npassword = secret\nupsmon secondary\n",
        "upsmon.conf": f"MONITOR {_UPS}@127.0.0.1:{port} 1 joe secret secondary\n"
        f"MINSUPPLIES 1\nSHUTDOWNCMD /bin/true\nRUN_AS_USER {_user()}\nNOTIFYCMD {notify}\n"
        "NOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\n" + chain.monitor,
    }
    for name, text in files.items():
        path = folder / name
        path.write_text(text, encoding="ascii")
        path.chmod(0o640)
    # Its pid file has the program's name, and must not be that of a upsmon of this machine.
    upsmon = folder / f"upsmon-{os.getpid()}-{port}"
    upsmon.symlink_to(_PROGRAMS[-1])
    return upsmon


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


async def _until_it_is_served(port: int) -> None:
    while True:
        with suppress(NutError):
            await upsc(_UPS, port)
            return
        await asyncio.sleep(0.2)


@asynccontextmanager
async def _process(
    command: tuple[str, ...], environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Process]:
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_S):
            await process.wait()
            return
    process.kill()
    await process.wait()
