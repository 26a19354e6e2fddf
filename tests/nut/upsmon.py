"""Debian's own upsmon in a private folder, which tells its events and shuts nothing down."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
import re

from .shared import PATIENCE_S

UPSMON = "/lib/nut/upsmon"
_PID_FILES = Path("/run/nut")
# One more than Linux gives out.
_NO_PROCESS = "4194304"
_TYPES = (
    *("ONLINE", "ONBATT", "LOWBATT", "FSD", "COMMOK", "COMMBAD", "SHUTDOWN", "REPLBATT", "NOCOMM"),
    "CAL",
)
_EVENT = re.compile(r"EVENT ([A-Z]+)")


@dataclass(slots=True)
class Upsmon:
    """A running upsmon and what it has said so far."""

    process: asyncio.subprocess.Process
    shutdown_file: Path
    """What SHUTDOWNCMD leaves behind."""
    events: list[str] = field(default_factory=list)
    """In the order in which upsmon met them."""

    async def until(self, event: str) -> Sequence[str]:
        """Wait for an event that has not been waited for; returns all so far."""
        assert self.process.stderr is not None
        async with asyncio.timeout(2 * PATIENCE_S):
            while True:
                line = (await self.process.stderr.readline()).decode()
                assert line, f"upsmon ended after {self.events}"
                if match := _EVENT.search(line):
                    self.events.append(match.group(1))
                    if match.group(1) == event:
                        return self.events

    async def ended(self) -> Sequence[str]:
        """Wait until upsmon has ended by itself; returns all its events."""
        async with asyncio.timeout(2 * PATIENCE_S):
            _, rest = await self.process.communicate()
        self.events += _EVENT.findall(rest.decode())
        return self.events


@asynccontextmanager
async def running_upsmon(
    folder: Path, port: int, login: str, *, extra: str = ""
) -> AsyncGenerator[Upsmon]:
    """Run upsmon in the foreground; `login` is `<ups> <user> <password> primary|secondary`."""
    program, shutdown_file = _prepare(folder, port, login, extra)
    process = await asyncio.create_subprocess_exec(
        # Only with -D does it say its events here.
        *(program, "-D", "-F", "-p", "-P", _NO_PROCESS),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"NUT_CONFPATH": str(folder)},
    )
    try:
        yield Upsmon(process, shutdown_file)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        (_PID_FILES / f"{program.name}.pid").unlink(missing_ok=True)


def _prepare(folder: Path, port: int, login: str, extra: str) -> tuple[Path, Path]:
    """Write the configuration; returns the program to run and what SHUTDOWNCMD will leave."""
    folder.mkdir()
    ups, user, password, kind = login.split()
    shutdown_file = folder / "shutdown"
    configuration = folder / "upsmon.conf"
    configuration.write_text(
        f"MONITOR {ups}@127.0.0.1:{port} 1 {user} {password} {kind}\n"
        f'SHUTDOWNCMD "touch {shutdown_file}"\n'
        + "".join(f'NOTIFYMSG {name} "EVENT {name}"\nNOTIFYFLAG {name} SYSLOG\n' for name in _TYPES)
        + "POLLFREQ 1\nPOLLFREQALERT 1\nDEADTIME 15\nFINALDELAY 0\nHOSTSYNC 10\nMINSUPPLIES 1\n"
        f"POWERDOWNFLAG {folder}/killpower\nRUN_AS_USER root\n{extra}"
    )
    configuration.chmod(0o640)
    # Its pid file has the program's name, and with another upsmon's in it would not start.
    program = folder / f"upsmon-{os.getpid()}-{folder.name}"
    program.symlink_to(UPSMON)
    return program, shutdown_file
