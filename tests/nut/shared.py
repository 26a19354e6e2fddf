"""The UPSes, the users and the client that most tests of the NUT server share."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_network
import socket

from custom_components.omron_ups.nut import (
    Account,
    Limits,
    NutServer,
    NutUps,
    Role,
    ServerSettings,
    Writable,
    hash_password,
)

from .upsd import Device

LOOPBACK = (ip_network("127.0.0.0/8"),)
ELSEWHERE = (ip_network("192.0.2.0/24"),)
# No test waits for a guesser's penance; the ones about it set their own.
LIMITS = Limits(
    failed_credentials_delay_s=0.0,
    connections_per_address=2000,
    connections=2000,
    reserved_connections=0,
)
PATIENCE_S = 30.0

VARIABLES = {
    "ups.status": "OL",
    "ups.load": "12",
    "ups.mfr": "OMRON",
    "ups.id": 'my "ups" \\ #2',
    "input.sensitivity": "N",
    "battery.charge": "100.0",
    "battery.charge.low": "30",
    "Zeta.var": "1",
}
WRITABLE = {
    "ups.id": Writable(max_length=16),
    "input.sensitivity": Writable(max_length=8, enum=("N", "L", 'very "H"')),
    "battery.charge.low": Writable(ranges=((10, 40), (60, 90))),
}
COMMANDS = ("load.off", "Beeper.toggle", "beeper.mute")

USERS = {
    "admin": (
        "[admin]\n  password = adminpw\n  actions = SET\n  instcmds = ALL\n  upsmon primary\n"
    ),
    "mon": "[mon]\n  password = monpw\n  upsmon primary\n",
    "sec": "[sec]\n  password = secpw\n  upsmon secondary\n",
    "reader": "[reader]\n  password = readerpw\n",
}
UPSD_USERS = "\n".join(USERS.values())


@cache
def password_hash(password: str) -> str:
    return hash_password(password)


def accounts() -> tuple[Account, ...]:
    """Return our counterparts of USERS; a reader is somebody who has no right from here."""
    return (
        Account(
            username="admin",
            password_hash=password_hash("adminpw"),
            role=Role.ADMIN,
            may_switch_output=True,
        ),
        Account(username="mon", password_hash=password_hash("monpw"), role=Role.PRIMARY),
        Account(username="sec", password_hash=password_hash("secpw")),
        Account(username="reader", password_hash=password_hash("readerpw"), networks=ELSEWHERE),
    )


def credentials(user: str) -> str:
    return f"USERNAME {user}\nPASSWORD {user}pw\n"


def escape(value: str) -> str:
    """Return a value as it stands between quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("#", "\\#")


def driver_lines() -> Sequence[str]:
    """Return what a driver tells upsd about the same UPS."""
    lines = [f'SETINFO {name} "{escape(value)}"' for name, value in VARIABLES.items()]
    for name, rule in WRITABLE.items():
        lines.append(f"SETFLAGS {name} RW {'NUMBER' if rule.max_length is None else 'STRING'}")
        if rule.max_length is not None:
            lines.append(f"SETAUX {name} {rule.max_length}")
        lines += ['ADDENUM {} "{}"'.format(name, value.replace('"', '\\"')) for value in rule.enum]
        lines += [f"ADDRANGE {name} {low} {high}" for low, high in rule.ranges]
    lines += [f"ADDCMD {command}" for command in COMMANDS]
    return (*lines, "DATAOK", "DUMPDONE")


# `spare` is there to be shut down, so that FSD stays out of what the other tests compare.
DEVICES = (
    Device(name="ups", description="UPS of the tests", lines=driver_lines()),
    Device(name="gone"),
    Device(name="stale", lines=('SETINFO ups.status "OL"', "DUMPDONE", "DATASTALE")),
    Device(
        name="spare",
        lines=(
            *('SETINFO ups.status "OL CHRG"', "SETFLAGS ups.status RW STRING"),
            *("SETAUX ups.status 32", 'SETINFO ups.load "1"', "DATAOK", "DUMPDONE"),
        ),
    ),
)


@dataclass(slots=True)
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass(slots=True)
class Driver:
    """What NUT clients act on: notes every call, and does as the test says.

    A call that has to wait does so until `go` is set.
    """

    calls: list[tuple[str, str | None]] = field(default_factory=list)
    fault: Exception | None = None
    waits: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    on_set: Callable[[str, str], None] = lambda _name, _value: None

    async def set_variable(self, name: str, value: str) -> None:
        """Write a variable."""
        await self._act(name, value)
        self.on_set(name, value)

    async def run_command(self, name: str, parameter: str | None) -> None:
        """Run a command."""
        await self._act(name, parameter)

    async def _act(self, name: str, argument: str | None) -> None:
        self.calls.append((name, argument))
        if self.waits:
            await self.go.wait()
        if self.fault is not None:
            raise self.fault


@dataclass(slots=True)
class Served:
    """A server with the four UPSes of the acceptance table."""

    server: NutServer
    driver: Driver = field(default_factory=Driver)
    clock: Clock = field(default_factory=Clock)
    upses: dict[str, NutUps] = field(default_factory=dict)
    _undo: dict[str, Callable[[], None]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Return the port that the server listens on."""
        return self.server.port

    @property
    def ups(self) -> NutUps:
        """Return the healthy UPS."""
        return self.upses["ups"]

    def add(self, name: str) -> None:
        """Serve a UPS."""
        self._undo[name] = self.server.add_ups(self.upses[name])

    def remove(self, name: str) -> None:
        """Serve a UPS no more."""
        self._undo.pop(name)()


def make_ups(name: str, clock: Clock, *, description: str = "") -> NutUps:
    ups = NutUps(name=name, description=description, clock=clock)
    ups.set_accounts(accounts())
    return ups


def settings(limits: Limits = LIMITS) -> ServerSettings:
    return ServerSettings(host="127.0.0.1", port=0, allowed_networks=LOOPBACK, limits=limits)


@asynccontextmanager
async def serving(limits: Limits = LIMITS) -> AsyncGenerator[Served]:
    """Serve `ups` (healthy), `gone` (never published), `stale` (too old) and `spare`."""
    async with serving_with(settings(limits)) as served:
        yield served


@asynccontextmanager
async def serving_with(settings: ServerSettings) -> AsyncGenerator[Served]:
    """Serve the same UPSes with other settings than usual."""
    served = Served(server=NutServer(settings))
    for device in DEVICES:
        ups = make_ups(device.name, served.clock, description=device.description)
        served.upses[device.name] = ups
        served.add(device.name)
    served.ups.publish(VARIABLES, read_at=served.clock.now)
    served.ups.declare(writable=WRITABLE, commands=COMMANDS)
    served.ups.set_controls(served.driver)
    spare = served.upses["spare"]
    spare.publish({"ups.status": "OL CHRG", "ups.load": "1"}, read_at=served.clock.now)
    spare.declare(writable={"ups.status": Writable(max_length=32)})
    served.upses["stale"].publish({"ups.status": "OL"}, read_at=served.clock.now - 16)
    await served.server.start()
    try:
        yield served
    finally:
        await served.server.close()


async def exchange(port: int, request: str | bytes) -> bytes:
    """Send everything at once, and return all that comes back until the server hangs up."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode("latin-1") if isinstance(request, str) else request)
        writer.write_eof()
        replies = await reader.read()
        writer.close()
        await writer.wait_closed()
        return replies


@dataclass(slots=True)
class Client:
    """A client that stays, and takes one reply line at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: str) -> bytes:
        """Send a request and return the first line of its reply."""
        self.writer.write(f"{request}\n".encode())
        return await self.line()

    async def line(self) -> bytes:
        """Return the next line."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readline()

    async def rest(self) -> bytes:
        """Return all that comes until the server hangs up."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()

    async def closed(self) -> bool:
        """Wait for the server to hang up, and tell whether it did so without a word."""
        try:
            return await self.rest() == b""
        except ConnectionResetError:
            return True

    async def log_in(self, user: str = "sec", name: str = "ups") -> None:
        """Log in as one of USERS."""
        for request in (f"USERNAME {user}", f"PASSWORD {user}pw", f"LOGIN {name}"):
            assert await self.ask(request) == b"OK\n"


@asynccontextmanager
async def connected(port: int) -> AsyncGenerator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def connected_from(address: str, port: int) -> AsyncGenerator[Client]:
    """Connect from another address of this machine."""
    raw = socket.socket()
    raw.bind((address, 0))
    raw.connect(("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=raw)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def until(ups: NutUps, condition: Callable[[], bool]) -> None:
    """Wait until the clients logged in to a UPS fulfil a condition, told by its subscription."""
    changed = asyncio.Event()
    with _subscribed(ups, changed.set):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                changed.clear()
                await changed.wait()


@contextmanager
def _subscribed(ups: NutUps, callback: Callable[[], None]) -> Iterator[None]:
    undo = ups.subscribe(callback)
    try:
        yield
    finally:
        undo()
