"""Requests that take an account: judged, carried out and noted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from . import replies
from .accounts import Account, Address, Credentials, Throttle
from .audit import AuditKind, AuditRecord
from .directory import Directory
from .tracking import Tracking
from .ups import NutUps

# A record is there to be read by people.
_MAX_NOTED: Final = 64
_NOTED_WHEN_REFUSED: Final = frozenset({AuditKind.LOGIN, AuditKind.PRIMARY})


@dataclass(slots=True, kw_only=True)
class Common:
    """What all conversations of a server have in common."""

    directory: Directory
    throttle: Throttle
    on_login: Callable[[Address], None]
    tracking: Tracking = field(default_factory=Tracking)
    require_tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client wants, who says so, the right it takes, and what it does."""

    kind: AuditKind
    credentials: Credentials
    ups: NutUps
    spelling: str
    allows: Callable[[Account], bool]
    act: Callable[[Request, Account], bytes]
    detail: str = ""

    def note(self, outcome: str) -> None:
        """Leave a trace of what came of it."""
        record = AuditRecord(
            kind=self.kind,
            address=self.credentials.address,
            outcome=outcome,
            username=self.credentials.username[:_MAX_NOTED],
            ups=self.spelling,
            detail=self.detail[:_MAX_NOTED],
        )
        if not (record.granted and record.kind in _NOTED_WHEN_REFUSED):
            self.ups.audit.add(record)


async def perform(request: Request, common: Common) -> bytes:
    """Return the reply; a refusal comes late, so that trying is dear."""
    account = await common.throttle.authenticate(request.ups.accounts, request.credentials)
    if account is not None and not request.allows(account):
        await common.throttle.wait()
        account = None
    if account is None:
        reply = replies.ACCESS_DENIED
    elif common.directory.find(request.spelling) is not request.ups:
        # The user took the UPS or its name away meanwhile.
        reply = replies.UNKNOWN_UPS
    else:
        reply = request.act(request, account)
    request.note(reply.decode("ascii").rstrip("\n"))
    return reply
