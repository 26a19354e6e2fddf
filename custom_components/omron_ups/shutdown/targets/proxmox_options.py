"""What the user configures of a Proxmox VE target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import re
from typing import Final, Self

from ..errors import OptionError
from ..fields import TLS_FIELDS, Field, FieldType, Options, port_field
from ..tls import Tls, Trust, parse_fingerprint

DEFAULT_PORT: Final = 8006
GUEST_LIMIT_S: Final = 180
"""What Proxmox VE grants a guest that has no `down=` in its startup options."""
LONGEST_GUEST_LIMIT_S: Final = 7200
_TOKEN_ID: Final = re.compile(r"[^\s:/@!]+@[A-Za-z][\w.-]+![A-Za-z][\w.-]+")
_PEER: Final = re.compile(
    r"(?P<node>[\w-]+)\s+(?P<host>\[[0-9a-fA-F:]+\]|[^\s:\[\]]+)(:(?P<port>\d{1,5}))?"
    r"(\s+(?P<fingerprint>\S+))?"
)


class Scope(StrEnum):
    """How much is stopped; the values are option values."""

    NODE = "node"
    """A node: its guests, then itself."""
    GUESTS = "guests"
    """Only the guests named; their nodes stay on."""


FIELDS: Final = (
    Field(name="host", is_required=True),
    port_field(DEFAULT_PORT),
    Field(name="node", is_required=True),
    Field(name="token_id", is_required=True),
    Field(name="token_secret", is_required=True, is_secret=True),
    Field(
        name="scope",
        type=FieldType.CHOICE,
        default=Scope.NODE.value,
        choices=tuple(scope.value for scope in Scope),
        is_required=True,
    ),
    Field(name="guests", type=FieldType.NAMES),
    Field(name="home_assistant_guest", type=FieldType.INTEGER, minimum=100),
    Field(
        name="guest_limit",
        type=FieldType.INTEGER,
        default=GUEST_LIMIT_S,
        minimum=10,
        maximum=LONGEST_GUEST_LIMIT_S,
        is_advanced=True,
    ),
    Field(name="disarm_ha", type=FieldType.FLAG, default=False, is_advanced=True),
    Field(name="peers", type=FieldType.NAMES, is_advanced=True),
    *TLS_FIELDS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another node of the cluster: it can wake the target and vouch for its new certificate."""

    node: str
    host: str
    port: int = DEFAULT_PORT
    fingerprint: str = ""
    """Of its own certificate; needed only where certificates are trusted by fingerprint."""

    @property
    def text(self) -> str:
        """What `parse` reads."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.node} {host}:{self.port} {self.fingerprint}".rstrip()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name address[:port] [fingerprint]`.

        Raises:
            OptionError: it is none.

        """
        match = _PEER.fullmatch(text.strip())
        if match is None:
            raise OptionError("peers holds something else than: name address[:port] [fingerprint]")
        if match["fingerprint"]:
            parse_fingerprint(match["fingerprint"])
        return cls(
            node=match["node"],
            host=match["host"].strip("[]"),
            port=int(match["port"] or DEFAULT_PORT),
            fingerprint=match["fingerprint"] or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxmoxOptions:
    """The options of one target."""

    host: str
    port: int
    node: str
    """Name of the node: the one at `host` that is stopped, or, for guests, the one asked."""
    token_id: str
    """`user@realm!name`."""
    token_secret: str = field(repr=False)
    tls: Tls
    scope: Scope
    guests: frozenset[int]
    """The VMIDs to stop, for `Scope.GUESTS`."""
    home_assistant_guest: int | None
    """VMID of the guest that runs us: no request stops it, only the end of its node does."""
    guest_limit_s: int
    """How long a guest may take before it is switched off hard."""
    disarms_ha: bool
    """Whether the cluster's HA manager is told to let go of its guests first."""
    peers: tuple[Peer, ...]

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """Read the fields of the form.

        Raises:
            OptionError: one is missing or does not hold what it must.

        """
        options = Options(values, FIELDS)
        token_id = options.text("token_id")
        if not _TOKEN_ID.fullmatch(token_id):
            raise OptionError("token_id does not look like user@realm!name")
        scope = Scope(options.text("scope"))
        guests = frozenset(_vmid(text) for text in options.names("guests"))
        if scope is Scope.GUESTS and not guests:
            raise OptionError("guests is missing")
        own = values.get("home_assistant_guest")
        tls = Tls.from_options(values)
        peers = tuple(Peer.parse(text) for text in options.names("peers"))
        if tls.trust is Trust.FINGERPRINT and not all(peer.fingerprint for peer in peers):
            raise OptionError("peers holds an entry without a fingerprint")
        return cls(
            host=options.text("host").strip("[]"),
            port=options.integer("port"),
            node=options.text("node"),
            token_id=token_id,
            token_secret=options.text("token_secret"),
            tls=tls,
            scope=scope,
            guests=guests,
            home_assistant_guest=options.integer("home_assistant_guest") if own else None,
            guest_limit_s=options.integer("guest_limit"),
            disarms_ha=values.get("disarm_ha") is True,
            peers=peers,
        )


def _vmid(text: str) -> int:
    if not text.strip().isdecimal():
        raise OptionError("guests holds something else than numbers of guests")
    return int(text)
