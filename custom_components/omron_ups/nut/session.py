"""One client's conversation: its words in, the bytes to answer out, no socket in sight."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
import ssl
from typing import Any, Final

from . import queries, replies
from .accounts import Account, Address, Credentials, Right
from .audit import AuditKind
from .controls import Action, Outcome, refusal_of_value
from .grammar import Words
from .logins import LoggedIn
from .privileged import Common, Request, perform
from .tracking import Tracked
from .ups import ForcedShutdown, NutUps

type Reply = bytes | Coroutine[Any, Any, bytes]

_HELP: Final = (
    b"Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n"
)
# 1.4 would make the clients of NUT's next release hang up.
_PROTOCOL_VERSION: Final = b"1.3\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the protocol.

    `gated` ones want USERNAME and PASSWORD before all else; `private` ones are refused in clear
    text where the user requires TLS.
    """

    handler: Callable[[Session, Words], Reply]
    gated: bool = False
    private: bool = False


class Session:
    """What the server knows of one connection; requests are handled strictly in turn."""

    __slots__ = (
        "_address",
        "_common",
        "_connection",
        "_context",
        "_directory",
        "_drop",
        "_log_out",
        "_password",
        "_secure",
        "_tracks",
        "_username",
        "finished",
        "upgrade",
    )

    def __init__(
        self,
        *,
        common: Common,
        address: Address,
        drop: Callable[[], None],
        context: Callable[[], ssl.SSLContext | None],
        secure: bool = False,
    ) -> None:
        """Begin a conversation.

        Args:
            common: What it shares with all others.
            address: Where the client is.
            drop: Closes the connection, once the UPS that the client is logged in to goes.
            context: Returns what STARTTLS needs, None while it is refused.
            secure: The conversation is in TLS already.

        """
        self.finished = False
        self.upgrade: ssl.SSLContext | None = None
        self._common = common
        self._directory = common.directory
        self._address = address
        self._drop = drop
        self._context = context
        # Outlives the conversation together with what is tracked, which the session shall not.
        self._connection = object()
        self._secure = secure
        self._username: str | None = None
        self._password: str | None = None
        self._tracks = False
        self._log_out: Callable[[], None] | None = None

    def handle(self, words: Words) -> Reply:
        """Return the reply, or what to await for it: a password check takes its time.

        Afterwards `finished` tells to hang up, and `upgrade` with what to begin TLS.
        """
        command = COMMANDS.get(words[0].upper()) if words else None
        if command is None:
            return replies.UNKNOWN_COMMAND
        if command.private and (refusal := self._refusal(command)):
            return refusal
        return command.handler(self, words)

    def end(self) -> None:
        """Count the client as logged out, however its connection ended."""
        self.finished = True
        if self._log_out is not None:
            self._log_out()
            self._log_out = None

    def get(self, words: Words) -> bytes:
        """Answer GET."""
        return queries.get(self._directory, words) or self._get_tracking(words)

    def list_(self, words: Words) -> bytes:
        """Answer LIST."""
        return queries.list_(self._directory, words)

    def start_tls(self, _words: Words) -> bytes:
        """Answer STARTTLS; what the client said before is forgotten, for anybody may have."""
        if self._secure:
            return replies.ALREADY_SSL_MODE
        self.upgrade = self._context()
        if self.upgrade is None:
            return replies.FEATURE_NOT_CONFIGURED
        self.end()
        return replies.OK_STARTTLS

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
        return self._of_name(words[1], AuditKind.LOGIN, Right.LOGIN, self._log_in)

    def log_out(self, words: Words) -> bytes:
        """End the conversation; nothing behind this request is answered."""
        if len(words) != 1:
            return replies.INVALID_ARGUMENT
        self.end()
        return replies.OK_GOODBYE

    def claim_primary(self, words: Words) -> Reply:
        """Answer PRIMARY and MASTER, which change nothing."""
        if len(words) != 2:  # noqa: PLR2004 - PRIMARY <ups>
            return replies.INVALID_ARGUMENT
        granted = f"OK {words[0].upper()}-GRANTED\n".encode()
        return self._of_name(
            words[1], AuditKind.PRIMARY, Right.PRIMARY, lambda _ups, _name, _account: granted
        )

    def force_shutdown(self, words: Words) -> Reply:
        """Answer FSD; works without data too."""
        if len(words) != 2:  # noqa: PLR2004 - FSD <ups>
            return replies.INVALID_ARGUMENT
        return self._of_name(words[1], AuditKind.FSD, Right.FSD, self._force_shutdown)

    def set_(self, words: Words) -> Reply:
        """Answer SET VAR and SET TRACKING."""
        kind = words[1].upper() if len(words) > 1 else ""
        if kind == "TRACKING":
            return self._set_tracking(words)
        if kind != "VAR" or len(words) < 5:  # noqa: PLR2004 - SET VAR <ups> <variable> <value>
            return replies.INVALID_ARGUMENT
        ups = self._directory.find(words[2])
        if ups is None:
            return replies.UNKNOWN_UPS
        name, value = words[3:5]
        return ups.refusal() or perform(
            Request(
                kind=AuditKind.SET,
                credentials=self._credentials,
                ups=ups,
                spelling=words[2],
                allows=lambda account: account.may_set(name),
                act=lambda request, account: self._set_variable(request, account, name, value),
                detail=f"{name} {value}",
            ),
            self._common,
        )

    def run_command(self, words: Words) -> Reply:
        """Answer INSTCMD."""
        if len(words) not in (3, 4):
            return replies.INVALID_ARGUMENT
        ups = self._directory.find(words[1])
        if ups is None:
            return replies.UNKNOWN_UPS
        name = ups.command(words[2])
        if (refusal := ups.refusal()) or name is None:
            return refusal or replies.CMD_NOT_SUPPORTED
        parameter = words[3] if len(words) > 3 else None  # noqa: PLR2004 - INSTCMD <ups> <command>
        return perform(
            Request(
                kind=AuditKind.INSTCMD,
                credentials=self._credentials,
                ups=ups,
                spelling=words[1],
                allows=lambda account: account.may_run(name),
                act=lambda request, account: self._run_command(request, account, name, parameter),
                detail=name if parameter is None else f"{name} {parameter}",
            ),
            self._common,
        )

    def _refusal(self, command: Command) -> bytes | None:
        if self._is_exposed:
            return replies.ACCESS_DENIED
        if command.gated and self._username is None:
            return replies.USERNAME_REQUIRED
        return replies.PASSWORD_REQUIRED if command.gated and self._password is None else None

    @property
    def _is_exposed(self) -> bool:
        """Tell whether others may listen although the user requires that they cannot."""
        return self._common.require_tls and not (self._secure or self._address.is_loopback)

    @property
    def _credentials(self) -> Credentials:
        return Credentials(
            username=self._username or "", password=self._password or "", address=self._address
        )

    def _of_name(
        self,
        spelling: str,
        kind: AuditKind,
        right: Right,
        act: Callable[[NutUps, str, Account], bytes],
    ) -> Reply:
        """Return the reply to a command that is about a name of a UPS and needs a right."""
        ups = self._directory.find(spelling)
        if ups is None:
            return replies.UNKNOWN_UPS
        return perform(
            Request(
                kind=kind,
                credentials=self._credentials,
                ups=ups,
                spelling=spelling,
                allows=lambda account: account.has(right),
                act=lambda _request, account: act(ups, ups.spelling(spelling), account),
            ),
            self._common,
        )

    def _log_in(self, ups: NutUps, name: str, account: Account) -> bytes:
        client = LoggedIn(
            address=self._address, name=name, username=account.username, since=datetime.now(UTC)
        )
        self._log_out = ups.log_in(client, scope=self._directory, drop=self._drop)
        self._common.on_login(self._address)
        return replies.OK

    def _force_shutdown(self, ups: NutUps, name: str, account: Account) -> bytes:
        ups.force_shutdown(
            ForcedShutdown(name=name, address=self._address, username=account.username)
        )
        return replies.OK_FSD_SET

    def _set_variable(self, request: Request, account: Account, name: str, value: str) -> bytes:
        variable = request.ups.variable(name)
        if variable is None:
            return replies.VAR_NOT_SUPPORTED
        return refusal_of_value(variable.writable, value) or self._hand_over(
            request,
            account,
            lambda controls: controls.set_variable(variable.name, value),
            refused=replies.SET_FAILED,
        )

    def _run_command(
        self, request: Request, account: Account, name: str, parameter: str | None
    ) -> bytes:
        return self._hand_over(
            request,
            account,
            lambda controls: controls.run_command(name, parameter),
            refused=replies.INSTCMD_FAILED,
        )

    def _hand_over(
        self, request: Request, account: Account, action: Action, *, refused: bytes
    ) -> bytes:
        """Give the UPS something to do; OK does not mean that it is done."""
        tracked = Tracked(ups=request.ups, account=account, connection=self._connection)

        def finish(outcome: Outcome) -> None:
            tracked.outcome = outcome
            if outcome is not Outcome.SUCCESS:
                request.note(outcome)

        if not request.ups.hand_over(action, finish):
            return refused
        if not self._tracks:
            return replies.OK
        return f"OK TRACKING {self._common.tracking.add(tracked)}\n".encode()

    def _set_tracking(self, words: Words) -> bytes:
        setting = words[2].upper() if len(words) > 2 else ""  # noqa: PLR2004 - SET TRACKING ON
        if setting not in ("ON", "OFF"):
            return replies.INVALID_ARGUMENT
        self._tracks = setting == "ON"
        return replies.OK

    def _get_tracking(self, words: Words) -> bytes:
        if len(words) < 3:  # noqa: PLR2004 - GET TRACKING <id>
            return b"ON\n" if self._tracks else b"OFF\n"
        if not self._tracks:
            return replies.FEATURE_NOT_CONFIGURED
        tracked = self._common.tracking.find(words[2])
        if tracked is None or not self._owns(tracked):
            return replies.UNKNOWN
        return f"{tracked.outcome}\n".encode()

    def _owns(self, tracked: Tracked) -> bool:
        """Tell whether the request came from this connection, or from the same account."""
        return (
            tracked.connection is self._connection
            or tracked.ups.accounts.remembered(self._credentials) == tracked.account
        )


def _fixed(reply: bytes) -> Callable[[Session, Words], bytes]:
    """Return the handler of a command that takes no arguments and always answers the same."""

    def handler(_session: Session, words: Words) -> bytes:
        return reply if len(words) == 1 else replies.INVALID_ARGUMENT

    return handler


def _gated(handler: Callable[[Session, Words], Reply]) -> Command:
    return Command(handler=handler, gated=True, private=True)


COMMANDS: Final[dict[str, Command]] = {
    "GET": Command(handler=Session.get),
    "LIST": Command(handler=Session.list_),
    "VER": Command(handler=_fixed(replies.line(queries.VERSION_LINE))),
    "NETVER": Command(handler=_fixed(_PROTOCOL_VERSION)),
    "PROTVER": Command(handler=_fixed(_PROTOCOL_VERSION)),
    "HELP": Command(handler=_fixed(_HELP)),
    "STARTTLS": Command(handler=Session.start_tls),
    "USERNAME": Command(handler=Session.set_username, private=True),
    "PASSWORD": Command(handler=Session.set_password, private=True),
    "LOGIN": _gated(Session.log_in),
    "ATTACH": _gated(Session.log_in),
    "LOGOUT": Command(handler=Session.log_out),
    "DETACH": Command(handler=Session.log_out),
    "PRIMARY": _gated(Session.claim_primary),
    "MASTER": _gated(Session.claim_primary),
    "FSD": _gated(Session.force_shutdown),
    "SET": _gated(Session.set_),
    "INSTCMD": _gated(Session.run_command),
}
