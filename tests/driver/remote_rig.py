"""The servers that the tests of the remote UPS talk to: Debian's upsd, and some odd ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
import os
from pathlib import Path
from typing import Any

import pytest

from custom_components.omron_ups.driver import (
    RemoteOptions,
    RemoteServer,
    RemoteUps,
    Timing,
    UpsError,
    UpsState,
    remote_reader,
    remote_wire,
)
from tests.ports import unused_port

DUMP = Path(__file__).parents[1] / "fixtures" / "bw55t-qnap.upsc"
NUT_DRIVERS = Path("/lib/nut")
PATIENCE_S = 30.0
STEP_S = 0.02
SILENCE_S = 1.0
"""As long as a test waits for a server that says nothing."""
QUICK = Timing(
    poll_s=0.1,
    poll_on_battery_s=0.05,
    stale_after_s=30.0,
    reconnect_first_s=0.05,
    reconnect_longest_s=0.1,
)
"""Nothing gets lost because the machine has a lot to do."""
LOSING = replace(QUICK, stale_after_s=1.0)
"""For tests that wait for a loss."""
USERS = """
[admin]
  password = "admin \\"pw\\" \\#1"
  actions = SET
  instcmds = ALL
[mon]
  password = monpw
  upsmon primary
[sec]
  password = secpw
  upsmon secondary
[nobody]
  password = nobodypw
"""
ADMIN = {"username": "admin", "password": 'admin "pw" #1'}


def dump_variables() -> dict[str, str]:
    """Return what `upsc` showed of a BW55T behind a QNAP, with its padding."""
    lines = DUMP.read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def give_up_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait longer for a reply."""
    monkeypatch.setattr(remote_reader, "REPLY_LIMIT_S", seconds)
    monkeypatch.setattr(remote_wire, "REPLY_LIMIT_S", seconds)


async def until(holds: Callable[[], Any]) -> None:
    """Wait until `holds`."""
    for _ in range(round(PATIENCE_S / STEP_S)):
        if holds():
            return
        await asyncio.sleep(STEP_S)
    assert holds()


class Watched:
    """A remote UPS and everything that it published."""

    def __init__(self, port: int, ups: str = "ups", *, timing: Timing = QUICK, **who: Any) -> None:
        """Prepare to read `ups` at `port` of this machine."""
        server = RemoteServer(host="127.0.0.1", port=port, **who)
        options = RemoteOptions(version="0", timing=timing)
        self.ups = RemoteUps(server, ups, options=options)
        self.published: list[UpsState] = []
        self.polls = 0
        """Good polls since a test last set it to 0."""
        self.ups.subscribe(self._note)

    @property
    def state(self) -> UpsState:
        """The state now; a call, because it changes."""
        return self.ups.state

    def _note(self, state: UpsState) -> None:
        self.published.append(state)
        self.polls += not state.stale

    async def until(self, holds: Callable[[UpsState], Any]) -> None:
        """Wait until the state is so."""
        await until(lambda: holds(self.ups.state))


@asynccontextmanager
async def watching(port: int, ups: str = "ups", **options: Any) -> AsyncIterator[Watched]:
    """Run a remote UPS."""
    watched = Watched(port, ups, **options)
    try:
        await watched.ups.start()
        yield watched
    finally:
        await watched.ups.stop()


async def failure(port: int) -> UpsError:
    """Return why the UPS at the port cannot be started."""
    watched = Watched(port)
    with pytest.raises(UpsError) as caught:
        await watched.ups.start()
    assert not watched.ups.is_running
    return caught.value


# upsd, and a driver that says what the test wants


def _spelt(name: str, value: str) -> str:
    for char in '\\"#':
        value = value.replace(char, f"\\{char}")
    return f'SETINFO {name} "{value}"'


class PushedDriver:
    """The driver's side of upsd's socket: pushes every change at once, and obeys orders."""

    def __init__(self, path: Path, variables: Mapping[str, str], more: Sequence[str] = ()) -> None:
        """Listen at `path`; `more` are lines such as ``ADDCMD load.off``."""
        self.path = path
        self.variables = dict(variables)
        self.more = tuple(more)
        self.orders: list[str] = []
        self.outcome: int | None = 0
        """How an order ends, as TRACKING says it; None never."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Let upsd connect."""
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def stop(self) -> None:
        """Go away as a driver that died."""
        for writer in self._writers:
            writer.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        self.path.unlink(missing_ok=True)

    def say(self, line: str) -> None:
        """Tell upsd something."""
        for writer in self._writers:
            writer.write(f"{line}\n".encode())

    def set(self, name: str, value: str) -> None:
        """Change a variable."""
        self.variables[name] = value
        self.say(_spelt(name, value))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        while line := (await reader.readline()).decode().strip():
            self._answer(line)
        self._writers.discard(writer)
        writer.close()

    def _answer(self, line: str) -> None:
        words = line.split()
        if words[0] == "PING":
            self.say("PONG")
        elif words[0] == "DUMPALL":
            for text in (*(_spelt(*item) for item in self.variables.items()), *self.more):
                self.say(text)
            self.say("DATAOK")
            self.say("DUMPDONE")
        elif words[0] in ("SET", "INSTCMD"):
            self.orders.append(line.partition(" TRACKING ")[0])
            if "TRACKING" in words and self.outcome is not None:
                self.say(f"TRACKING {words[-1]} {self.outcome}")


@dataclass(slots=True)
class Upsd:
    """Debian's upsd, which can be killed and started again."""

    folder: Path
    port: int
    names: Sequence[str]
    max_age_s: int = 15
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def write_configuration(self, sections: Mapping[str, str]) -> None:
        """Write ups.conf, upsd.conf and upsd.users."""
        files = {
            "ups.conf": "".join(f"[{name}]\n{text}\n" for name, text in sections.items()),
            "upsd.conf": f"LISTEN 127.0.0.1 {self.port}\nMAXAGE {self.max_age_s}\n",
            "upsd.users": USERS,
        }
        for name, text in files.items():
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o640)

    async def run(self, program: str, *arguments: str) -> None:
        """Start upsd or a driver in the foreground."""
        paths = ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH")
        user = ("-u", "root") if os.geteuid() == 0 else ()
        log = (self.folder / f"{program}.log").open("ab")
        with log:
            self.processes[program] = await asyncio.create_subprocess_exec(
                NUT_DRIVERS / program,
                *("-F", *arguments, *user),
                env=os.environ | dict.fromkeys(paths, str(self.folder)),
                stdout=log,
                stderr=log,
            )

    async def start(self) -> None:
        """Start upsd, and wait until it has data of every UPS."""
        await self.run("upsd")
        for name in self.names:
            # Before that it says WAIT.
            await self.until_answered(f"GET VAR {name} ups.status", f'VAR {name} ups.status "O')

    async def kill(self, program: str) -> None:
        """End upsd or a driver at once."""
        process = self.processes.pop(program)
        process.kill()
        await process.wait()

    async def close(self) -> None:
        """End everything."""
        for program in tuple(self.processes):
            await self.kill(program)

    async def until_answered(self, request: str, start: str) -> None:
        """Wait until upsd answers so."""
        answer = ""
        for _ in range(round(PATIENCE_S / STEP_S)):
            answer = await self.ask(request)
            if answer.startswith(start):
                return
            await asyncio.sleep(STEP_S)
        assert answer.startswith(start)

    async def ask(self, *requests: str) -> str:
        """Return the last line that upsd answers; nothing where it is not there."""
        answer = b""
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            for request in requests:
                writer.write(f"{request}\n".encode())
                answer = await reader.readline()
            writer.close()
        return answer.decode()


def need(program: str) -> None:
    """Skip the test where Debian's program is missing, but never in CI."""
    if (NUT_DRIVERS / program).exists():
        return
    message = f"{NUT_DRIVERS / program} is missing: install nut-server"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@dataclass(slots=True)
class Rig:
    """upsd with one pushed driver."""

    upsd: Upsd
    driver: PushedDriver

    @property
    def port(self) -> int:
        """Where upsd listens."""
        return self.upsd.port


@asynccontextmanager
async def running_rig(
    folder: Path, variables: Mapping[str, str], more: Sequence[str] = ()
) -> AsyncIterator[Rig]:
    """Run upsd for a UPS `ups`."""
    need("upsd")
    rig = Rig(
        upsd=Upsd(folder, unused_port(), ("ups",)),
        driver=PushedDriver(folder / "stub-ups", variables, more),
    )
    rig.upsd.write_configuration({"ups": 'driver = stub\nport = auto\ndesc = "Rack \\"A\\""'})
    await rig.driver.start()
    try:
        await rig.upsd.start()
        yield rig
    finally:
        await rig.upsd.close()
        await rig.driver.stop()


# Servers that upsd would be ashamed of

HEADER = b'BEGIN LIST UPS\nUPS ups "A UPS"\nEND LIST UPS\n'


def listing(variables: Mapping[str, str], ups: str = "ups") -> bytes:
    """Return the reply to LIST VAR."""
    lines = [f'VAR {ups} {name} "{value}"\n' for name, value in variables.items()]
    return f"BEGIN LIST VAR {ups}\n{''.join(lines)}END LIST VAR {ups}\n".encode()


@dataclass(slots=True)
class OddServer:
    """Answers each request line by the longest row of a table that begins it.

    A row of None hangs up, an empty one keeps silent; without a row the command is unknown.
    """

    answers: dict[str, bytes | None]
    port: int = 0
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client."""
        self.connections += 1
        self.writers.add(writer)
        with suppress(ConnectionError):
            while line := (await reader.readline()).decode().strip():
                self.requests.append(line)
                answer = self._answer(line)
                if answer is None:
                    break
                writer.write(answer)
        self.writers.discard(writer)
        writer.close()

    def _answer(self, line: str) -> bytes | None:
        rows = [row for row in self.answers if line.startswith(row)]
        return self.answers[max(rows, key=len)] if rows else b"ERR UNKNOWN-COMMAND\n"

    def hang_up(self) -> None:
        """Close every connection."""
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Listen on loopback; yields the port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        server.close_clients()
        await server.wait_closed()


@asynccontextmanager
async def odd_server(answers: Mapping[str, bytes | None]) -> AsyncIterator[OddServer]:
    """Run an odd server that knows LIST UPS and what else is given."""
    server = OddServer({"LIST UPS": HEADER, **answers})
    async with listening(server.serve) as port:
        server.port = port
        yield server
