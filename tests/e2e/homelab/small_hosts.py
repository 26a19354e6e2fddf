"""The hosts without a vendor: one with SSH, one behind a URL, one with a NUT client; and ports."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self, override

from aiohttp import web
import asyncssh

from tests.shutdown.fakes.server import LOOPBACK, Asked, FakeServer

SSH_COMMAND = "sudo -n systemctl poweroff"
URL_TOKEN = "hook-7c1e-planted-in-the-path"
HEADER_TOKEN = "bearer-93ab-planted-in-a-header"
_LOGIN_EVERY_S = 0.5

type Note = Callable[[str], None]


class Port:
    """A TCP port that is open while its host is on, and says nothing."""

    def __init__(self) -> None:
        """Begin closed."""
        self.number = 0
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody could connect."""
        return self._server is not None

    async def open(self) -> None:
        """Accept connections, at the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(
                lambda _, writer: writer.close(), LOOPBACK, self.number
            )
            self.number = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()


class SshHost:
    """A host that is stopped by a command over SSH; whoever holds the authorized key may run it."""

    def __init__(self, note: Note, *, stop_s: float) -> None:
        """Tell `note` of each command."""
        self.port, self.second = 0, Port()
        self.is_on = False
        self.commands: list[str] = []
        self._keys = ""
        self._note = note
        self._stop_s = stop_s
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._listener: asyncssh.SSHAcceptor | None = None
        self._going: asyncio.Task[None] | None = None

    def authorize(self, public_key: str) -> None:
        """Let this key in."""
        self._keys = public_key

    async def power_on(self) -> None:
        """Boot."""
        await self.second.open()
        self._listener = await asyncssh.listen(
            LOOPBACK,
            self.port,
            server_host_keys=[self._host_key],
            server_factory=lambda: _Door(lambda: self._keys),
            process_factory=self._run,
            reuse_address=True,
        )
        self.port = self._listener.get_port()
        self.is_on = True

    async def power_off(self) -> None:
        """Be off at once."""
        listener, self._listener = self._listener, None
        self.is_on = False
        if listener is not None:
            listener.close()
            await listener.wait_closed()
        await self.second.close()

    async def _run(self, process: asyncssh.SSHServerProcess[str]) -> None:
        command = process.command or "a shell"
        self.commands.append(command)
        self._note(f"command: {command}")
        process.exit(0 if command == SSH_COMMAND else 1)
        if command == SSH_COMMAND:
            self._going = asyncio.create_task(self._stop(), name="ssh host stops")

    async def _stop(self) -> None:
        await asyncio.sleep(self._stop_s)
        await self.power_off()


class _Door(asyncssh.SSHServer):
    def __init__(self, keys: Callable[[], str]) -> None:
        self._keys = keys

    @override
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    @override
    def begin_auth(self, username: str) -> bool:
        if keys := self._keys():
            self._connection.set_authorized_keys(asyncssh.import_authorized_keys(keys))
        return True


class WebHost(FakeServer):
    """A host behind a URL, such as a smart plug; it tells whether it is on."""

    def __init__(self, *, stop_s: float) -> None:
        """Begin on."""
        super().__init__("plug")
        self.is_on = True
        self._stop_s = stop_s
        self._going: asyncio.Task[None] | None = None

    @override
    async def answer(self, asked: Asked, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {HEADER_TOKEN}":
            return web.Response(status=401)
        if asked.path == f"/{URL_TOKEN}/off" and asked.method == "POST":
            self._going = asyncio.create_task(self._switch(is_on=False), name="plug")
        if asked.path == f"/{URL_TOKEN}/on" and asked.method == "POST":
            self._going = asyncio.create_task(self._switch(is_on=True), name="plug")
        return web.json_response({"power": "on" if self.is_on else "off"})

    async def _switch(self, *, is_on: bool) -> None:
        await asyncio.sleep(self._stop_s)
        self.is_on = is_on


class NutHost:
    """A host that watches the UPS as a secondary, and stops when it is told FSD."""

    def __init__(self, port: int, login: tuple[str, str], note: Note, *, stop_s: float) -> None:
        """Watch `ups` at a port of loopback, with user name and password."""
        self.is_on = False
        self.is_logged_in = False
        self.forced = 0
        """How often it was told FSD."""
        self._port = port
        self._login = login
        self._note = note
        self._stop_s = stop_s
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Power it on."""
        await self.power_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Power it off."""
        await self.power_off()

    async def power_on(self) -> None:
        """Boot, and log in for as long as it is on."""
        if not self.is_on:
            self.is_on = True
            self._task = asyncio.create_task(self._live(), name="nut client")

    async def power_off(self) -> None:
        """Be off at once."""
        self.is_on = self.is_logged_in = False
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _live(self) -> None:
        while self.is_on:
            # Home Assistant may not be up yet, or not any more.
            with suppress(OSError, EOFError):
                await self._watch()
            self.is_logged_in = False
            await asyncio.sleep(_LOGIN_EVERY_S)

    async def _watch(self) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port)

        async def ask(request: str) -> str:
            writer.write(f"{request}\n".encode())
            if not (line := await reader.readline()):
                raise EOFError
            return line.decode()

        try:
            await ask(f"USERNAME {self._login[0]}")
            await ask(f"PASSWORD {self._login[1]}")
            self.is_logged_in = (await ask("LOGIN ups")).startswith("OK")
            while self.is_logged_in:
                if "FSD" in await ask("GET VAR ups ups.status"):
                    await ask("LOGOUT")
                    await self._stop()
                    return
                await asyncio.sleep(_LOGIN_EVERY_S)
        finally:
            writer.close()

    async def _stop(self) -> None:
        self.forced += 1
        self._note("told FSD, logs out")
        self.is_logged_in = False
        await asyncio.sleep(self._stop_s)
        self.is_on = False
