"""Stops a host by a command over SSH."""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, override

from ..errors import (
    CredentialsRefusedError,
    IdentityChangedError,
    IdentityError,
    OptionError,
    RefusedError,
    RequestError,
    ShutdownError,
    UnreachableError,
)
from ..fields import Field, FieldType, Options, port_field
from ..findings import address_findings, finding_of
from ..models import Finding, Outcome, Reply
from ..redaction import MAX_DETAIL, Redactor
from ..specs import TargetSpec
from ..ssh_keys import HostKey, parse_host_key
from ..target import StopContext, StopStep, Target

if TYPE_CHECKING:
    import asyncssh

CONNECT_LIMIT_S: Final = 5.0
LOGIN_LIMIT_S: Final = 10.0
REQUEST_LIMIT_S: Final = 15.0

COMMAND: Final = StopStep(key="command")

FIELDS: Final = (
    Field(name="host", is_required=True),
    port_field(22),
    Field(name="username", is_required=True),
    Field(name="private_key", type=FieldType.KEY_PAIR, is_required=True, is_secret=True),
    Field(name="host_key", type=FieldType.HOST_KEY, is_required=True),
    Field(name="command", is_required=True, default="sudo -n systemctl poweroff"),
    Field(name="restore_command"),
    Field(name="check_command", is_advanced=True),
)

# In OpenSSH's own order, so that the user sees the fingerprint that `ssh` shows.
_HOST_KEY_ALGORITHMS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

# What a shell says of a command that was ended by HUP, KILL or TERM: what a host does to everybody
# while it stops.
_ENDED_BY_STOP: Final = frozenset({128 + 1, 128 + 9, 128 + 15})


class SshTarget(Target):
    """A host with an SSH server; a connection for each command, the host's key pinned.

    asyncssh is heavy (about 1 s and 44 MiB to import), so it is first imported by `open`.
    """

    steps = (COMMAND,)

    def __init__(self, spec: TargetSpec) -> None:
        """Take the configuration; it is read by `open`."""
        super().__init__(spec)
        self._options = Options(spec.options, FIELDS)
        self._redact = Redactor(self._options.secrets)
        self._ssh: Any = None
        self._arguments: dict[str, Any] = {}

    @override
    async def open(self) -> None:
        """Import asyncssh and read the keys, in a worker thread.

        Raises:
            OptionError: an option cannot be used.

        """
        if not self._arguments:
            self._arguments = await asyncio.to_thread(self._prepare)

    def _prepare(self) -> dict[str, Any]:
        self._ssh = import_module("asyncssh")
        return {
            "host": self._options.text("host"),
            "port": self._options.integer("port"),
            "username": self._options.text("username"),
            "client_keys": [self._private_key()],
            "known_hosts": ([self._host_key()], [], []),
            # Neither files nor agents of the user who runs us have a say.
            "config": None,
            "agent_path": None,
            "preferred_auth": "publickey",
            "connect_timeout": CONNECT_LIMIT_S,
            "login_timeout": LOGIN_LIMIT_S,
        }

    def _private_key(self) -> Any:
        try:
            return self._ssh.import_private_key(self._options.text("private_key"))
        except self._ssh.KeyImportError:
            pass
        # Outside of the handler: what the parser complains of may quote the key.
        raise OptionError("private_key is no private key without a passphrase")

    def _host_key(self) -> Any:
        line = parse_host_key(self._options.text("host_key")).line
        try:
            return self._ssh.import_public_key(line)
        except self._ssh.KeyImportError as err:
            raise OptionError("host_key is no key that is known here") from err

    @override
    async def preflight(self) -> Sequence[Finding]:
        """Log in, and run the check command if there is one.

        Without a check command no command is run: with a forced command every one stops the host.
        """
        try:
            host = self._options.text("host")
            reply = await self._run(self._options.text("check_command"))
            if reply.outcome is not Outcome.ACCEPTED:
                raise RefusedError(f"the check command: {reply.detail}")
        except ShutdownError as err:
            return (finding_of(self.spec, err),)
        return address_findings(self.spec, host)

    @override
    async def rehearse(self) -> Sequence[str]:
        host, command = self._options.text("host"), self._options.text("command")
        return (f"run `{self._redact(command)}` on {host}",)

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        return await self._try(self._options.text("command"))

    @override
    async def restore(self, steps: Sequence[StopStep]) -> Reply:
        command = self._options.text("restore_command")
        if not command or COMMAND not in steps:
            return Reply(outcome=Outcome.NOTHING_TO_DO)
        return await self._try(command)

    async def _try(self, command: str) -> Reply:
        try:
            return await self._run(command)
        except ShutdownError as err:
            return err.reply

    async def _run(self, command: str) -> Reply:
        """Log in, run one command if there is one, and say how it ended.

        Raises:
            RequestError: nothing was sent.
            OptionError: an option cannot be used.

        """
        await self.open()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REQUEST_LIMIT_S
        connection = await self._connect()
        try:
            async with asyncio.timeout_at(deadline):
                if not command:
                    return Reply(outcome=Outcome.ACCEPTED, detail="logged in")
                return await self._execute(connection, command)
        except TimeoutError:
            # The command goes on over there, whatever we do.
            detail = "the command had not ended when time was up"
        except (self._ssh.Error, OSError) as err:
            detail = self._redact.excerpt(f"the connection died: {err}")
        finally:
            connection.abort()
        return Reply(outcome=Outcome.UNKNOWN, detail=detail)

    async def _connect(self) -> asyncssh.SSHClientConnection:
        ssh, error = self._ssh, None
        label = f"{self._arguments['host']}:{self._arguments['port']}"
        try:
            async with asyncio.timeout(LOGIN_LIMIT_S):
                connection: asyncssh.SSHClientConnection = await ssh.connect(**self._arguments)
        # The latter if the host has no key any more of the algorithm of the confirmed one.
        except ssh.HostKeyNotVerifiable, ssh.KeyExchangeFailed:
            error = await self._changed_identity(label)
        except ssh.PermissionDenied as err:
            error = CredentialsRefusedError(f"{label} refuses our key: {err.reason}")
            error.was_sent = False
        except TimeoutError:
            error = UnreachableError(f"{label} does not answer")
        except (ssh.Error, OSError) as err:
            error = UnreachableError(self._redact.excerpt(f"{label}: no SSH login: {err}"))
        else:
            return connection
        raise error

    async def _changed_identity(self, label: str) -> RequestError:
        """Return what is wrong with the host's key; the one it shows now helps the user."""
        try:
            shown = await fetch_host_key(self._arguments["host"], port=self._arguments["port"])
        except UnreachableError:
            return IdentityError(f"{label} does not show the confirmed host key")
        return IdentityChangedError(
            f"{label} shows another host key than the confirmed one: {shown.fingerprint}",
            fingerprint=shown.fingerprint,
        )

    async def _execute(self, connection: asyncssh.SSHClientConnection, command: str) -> Reply:
        process = await connection.create_process(
            command,
            stdin=self._ssh.DEVNULL,
            stdout=self._ssh.DEVNULL,
            errors="replace",
        )
        said = ""
        # Read to its end, or a command that says much would never finish; kept only in part.
        while text := await process.stderr.read(4096):
            said = (said + text)[: 2 * MAX_DETAIL]
        await process.wait_closed()
        return self._reply(process.exit_status, process.exit_signal, self._redact.excerpt(said))

    @staticmethod
    def _reply(status: int | None, signal: object, said: str) -> Reply:
        # asyncssh gives the status -1 to a command that was ended by a signal.
        if status is None or signal:
            # What a host does that powers off: the session is closed, or everybody in it killed.
            how = "was ended by a signal" if signal else "ended without a word"
            return Reply(outcome=Outcome.UNKNOWN, detail=f"the session {how}")
        if status in _ENDED_BY_STOP:
            return Reply(outcome=Outcome.UNKNOWN, detail=f"the command was ended ({status})")
        if status:
            detail = f"exit status {status}: {said}".removesuffix(": ")
            return Reply(outcome=Outcome.REFUSED, detail=detail[:MAX_DETAIL])
        return Reply(outcome=Outcome.ACCEPTED, detail="exit status 0")


async def fetch_host_key(host: str, *, port: int = 22) -> HostKey:
    """Return the key that a host shows, without logging in.

    Raises:
        UnreachableError: no SSH server answers there within 5 s.

    """
    ssh: Any = await asyncio.to_thread(import_module, "asyncssh")
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            key = await ssh.get_server_host_key(
                host, port, config=None, server_host_key_algs=_HOST_KEY_ALGORITHMS
            )
    except (ssh.Error, OSError) as err:
        raise UnreachableError(f"no host key from {host}:{port}: {err or 'time is up'}") from err
    if key is None:
        raise UnreachableError(f"{host}:{port} shows no host key")
    return parse_host_key(key.export_public_key().decode())
