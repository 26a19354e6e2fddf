"""Where a server listens, whom it lets in, and how much it grants to each client."""

from dataclasses import dataclass, field

from .accounts import Network
from .tls import TlsFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client, and all clients together, may use up."""

    request_bytes: int = 4096
    idle_s: float = 60.0
    """Time without a complete request, upsd's own."""
    request_s: float = 10.0
    """Time from the first byte of a request to its LF."""
    connections: int = 1024
    connections_per_address: int = 64
    reserved_connections: int = 128
    """Of all connections, those that only addresses get from which a client has logged in before;
    at most half of them."""
    output_bytes: int = 256 * 1024
    """Replies a client may leave unread before its requests wait."""
    output_stall_s: float = 10.0
    """Time that they may wait before the client is dropped."""
    failed_credentials_delay_s: float = 1.0
    handshake_s: float = 10.0
    """Time for a TLS handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server: where it listens, and the networks that it answers to."""

    host: str
    port: int
    allowed_networks: tuple[Network, ...]
    limits: Limits = field(default_factory=Limits)
    tls: TlsFiles | None = None
    """What STARTTLS needs; without it the server has no TLS."""
    require_tls: bool = False
    """Take no credentials in clear text, but from this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a server has done since it was created."""

    connections: int
    """Open now."""
    accepted: int
    refused: int
    """Closed at once: the address is not allowed, or too many connections are open."""
    requests: int
