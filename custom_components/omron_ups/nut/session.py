"""One client's conversation: its words in, the bytes to answer out, no socket in sight."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from . import queries, replies
from .accounts import Account, Address, Credentials, Right, Throttle
from .directory import Directory
from .grammar import Words
from .ups import LoggedIn, NutUps

type Reply = bytes | Coroutine[Any, Any, bytes]

_HELP: Final = (
    b"Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n"
)
# 1.4 would make the clients of NUT's next release hang up.
_PROTOCOL_VERSION: Final = b"1.3\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the protocol; `gated` ones want USERNAME and PASSWORD before all else."""

    handler: Callable[[Session, Words], Reply]
    gated: bool = False


class Session:
    """What the server knows of one connection; requests are handled strictly in turn."""

    __slots__ = (
        "_address",
        "_directory",
        "_drop",
        "_log_out",
        "_password",
        "_throttle",
        "_username",
        "finished",
    )

    def __init__(
        self,
        *,
        directory: Directory,
        address: Address,
        throttle: Throttle,
        drop: Callable[[], None],
    ) -> None:
        """Begin a conversation.

        Args:
            directory: The UPSes that the client may ask for.
            address: Where the client is.
            throttle: Judges credentials.
            drop: Closes the connection, once the UPS that the client is logged in to goes.

        """
        self.finished = False
        self._directory = directory
        self._address = address
        self._throttle = throttle
        self._drop = drop
        self._username: str | None = None
        self._password: str | None = None
        self._log_out: Callable[[], None] | None = None

    def handle(self, words: Words) -> Reply:
        """Return the reply, or what to await for it: a password check takes its time."""
        command = COMMANDS.get(words[0].upper()) if words else None
        if command is None:
            return replies.UNKNOWN_COMMAND
        if command.gated:
            if self._username is None:
                return replies.USERNAME_REQUIRED
            if self._password is None:
                return replies.PASSWORD_REQUIRED
        return command.handler(self, words)

    def end(self) -> None:
        """Count the client as logged out, however its connection ended."""
        self.finished = True
        if self._log_out is not None:
            self._log_out()
            self._log_out = None

    def get(self, words: Words) -> bytes:
        """Answer GET."""
        return queries.get(self._directory, words)

    def list_(self, words: Words) -> bytes:
        """Answer LIST."""
        return queries.list_(self._directory, words)

    def set_username(self, words: Words) -> bytes:
        """Keep the user name, any one, until a command needs it."""
        if len(words) != 2:  # noqa: PLR2004 - USERNAME <name>
            return replies.INVALID_ARGUMENT
        if self._username is not None:
            return replies.ALREADY_SET_USERNAME
        self._username = words[1]
        return replies.OK

    def set_password(self, words: Words) -> bytes:
        """Keep the password, any one, until a command needs it."""
        if len(words) != 2:  # noqa: PLR2004 - PASSWORD <password>
            return replies.INVALID_ARGUMENT
        if self._password is not None:
            return replies.ALREADY_SET_PASSWORD
        self._password = words[1]
        return replies.OK

    def log_in(self, words: Words) -> Reply:
        """Count the client as one that depends on the UPS; works without data too."""
        if len(words) != 2:  # noqa: PLR2004 - LOGIN <ups>
            return replies.INVALID_ARGUMENT
        if self._log_out is not None:
            return replies.ALREADY_LOGGED_IN
        ups = self._directory.find(words[1])
        if ups is None:
            return replies.UNKNOWN_UPS
        return self._log_in(ups, words[1])

    def log_out(self, words: Words) -> bytes:
        """End the conversation; nothing behind this request is answered."""
        if len(words) != 1:
            return replies.INVALID_ARGUMENT
        self.end()
        return replies.OK_GOODBYE

    def claim(self, words: Words) -> bytes:
        """Refuse PRIMARY, MASTER and FSD in upsd's order: nobody holds these rights yet."""
        if len(words) != 2:  # noqa: PLR2004 - PRIMARY <ups>
            return replies.INVALID_ARGUMENT
        if self._directory.find(words[1]) is None:
            return replies.UNKNOWN_UPS
        return replies.ACCESS_DENIED

    def set_(self, words: Words) -> Reply:
        """Answer SET VAR and SET TRACKING."""
        kind = words[1].upper() if len(words) > 1 else ""
        if kind == "TRACKING":
            return _set_tracking(words)
        if kind != "VAR" or len(words) < 5:  # noqa: PLR2004 - SET VAR <ups> <variable> <value>
            return replies.INVALID_ARGUMENT
        ups = self._directory.find(words[2])
        if ups is None:
            return replies.UNKNOWN_UPS
        return ups.refusal() or self._set_variable(ups, words[3])

    def run_command(self, words: Words) -> Reply:
        """Answer INSTCMD."""
        if len(words) not in (3, 4):
            return replies.INVALID_ARGUMENT
        ups = self._directory.find(words[1])
        if ups is None:
            return replies.UNKNOWN_UPS
        command = ups.command(words[2])
        return ups.refusal() or (
            replies.CMD_NOT_SUPPORTED if command is None else self._run_command(ups, command)
        )

    async def _log_in(self, ups: NutUps, spelling: str) -> bytes:
        account = await self._account(ups)
        if account is None or not account.has(Right.LOGIN):
            return replies.ACCESS_DENIED
        if self._directory.find(spelling) is not ups:
            return replies.UNKNOWN_UPS
        client = LoggedIn(
            address=self._address,
            name=next(name for name in ups.names if name.lower() == spelling.lower()),
            username=account.username,
            since=datetime.now(UTC),
        )
        self._log_out = ups.log_in(client, scope=self._directory, drop=self._drop)
        return replies.OK

    async def _set_variable(self, ups: NutUps, name: str) -> bytes:
        account = await self._account(ups)
        if account is None or not account.has(Right.SET):
            return replies.ACCESS_DENIED
        variable = ups.variable(name)
        if variable is None:
            return replies.VAR_NOT_SUPPORTED
        return replies.READONLY if variable.writable is None else replies.SET_FAILED

    async def _run_command(self, ups: NutUps, command: str) -> bytes:
        account = await self._account(ups)
        if account is None or not account.may_run(command):
            return replies.ACCESS_DENIED
        return replies.INSTCMD_FAILED

    async def _account(self, ups: NutUps) -> Account | None:
        assert self._username is not None  # noqa: S101 - the gate in handle() saw to it
        assert self._password is not None  # noqa: S101
        credentials = Credentials(
            username=self._username, password=self._password, address=self._address
        )
        return await self._throttle.authenticate(ups.accounts, credentials)


def _set_tracking(words: Words) -> bytes:
    """Answer SET TRACKING, which is always off."""
    setting = words[2].upper() if len(words) > 2 else ""  # noqa: PLR2004 - SET TRACKING <setting>
    if setting == "OFF":
        return replies.OK
    return replies.FEATURE_NOT_CONFIGURED if setting == "ON" else replies.INVALID_ARGUMENT


def _fixed(reply: bytes) -> Callable[[Session, Words], bytes]:
    """Return the handler of a command that takes no arguments and always answers the same."""

    def handler(_session: Session, words: Words) -> bytes:
        return reply if len(words) == 1 else replies.INVALID_ARGUMENT

    return handler


def _start_tls(_session: Session, _words: Words) -> bytes:
    return replies.FEATURE_NOT_CONFIGURED


COMMANDS: Final[dict[str, Command]] = {
    "GET": Command(handler=Session.get),
    "LIST": Command(handler=Session.list_),
    "VER": Command(handler=_fixed(replies.line(queries.VERSION_LINE))),
    "NETVER": Command(handler=_fixed(_PROTOCOL_VERSION)),
    "PROTVER": Command(handler=_fixed(_PROTOCOL_VERSION)),
    "HELP": Command(handler=_fixed(_HELP)),
    "STARTTLS": Command(handler=_start_tls),
    "USERNAME": Command(handler=Session.set_username),
    "PASSWORD": Command(handler=Session.set_password),
    "LOGIN": Command(handler=Session.log_in, gated=True),
    "ATTACH": Command(handler=Session.log_in, gated=True),
    "LOGOUT": Command(handler=Session.log_out),
    "DETACH": Command(handler=Session.log_out),
    "PRIMARY": Command(handler=Session.claim, gated=True),
    "MASTER": Command(handler=Session.claim, gated=True),
    "FSD": Command(handler=Session.claim, gated=True),
    "SET": Command(handler=Session.set_, gated=True),
    "INSTCMD": Command(handler=Session.run_command, gated=True),
}
