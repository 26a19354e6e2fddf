"""Serve UPSes to NUT clients: RFC 9271 as upsd 2.8 speaks it."""

from .accounts import Account, Address, Network, Role, hash_password
from .audit import Audit, AuditKind, AuditRecord
from .controls import Controls, Writable
from .errors import (
    AddressNotAvailableError,
    CertificateError,
    CertificateFault,
    ControlArgumentError,
    ControlError,
    ControlUnknownError,
    InvalidNameError,
    InvalidPasswordHashError,
    NameTakenError,
    NutServerError,
    PortInUseError,
)
from .logins import LoggedIn
from .pool import Lease, NutServers
from .server import NutServer
from .settings import Limits, ServerSettings, Statistics
from .tls import TlsFiles, load_certificate
from .ups import MAX_AGE_S, ForcedShutdown, NutUps

__all__ = [
    "MAX_AGE_S",
    "Account",
    "Address",
    "AddressNotAvailableError",
    "Audit",
    "AuditKind",
    "AuditRecord",
    "CertificateError",
    "CertificateFault",
    "ControlArgumentError",
    "ControlError",
    "ControlUnknownError",
    "Controls",
    "ForcedShutdown",
    "InvalidNameError",
    "InvalidPasswordHashError",
    "Lease",
    "Limits",
    "LoggedIn",
    "NameTakenError",
    "Network",
    "NutServer",
    "NutServerError",
    "NutServers",
    "NutUps",
    "PortInUseError",
    "Role",
    "ServerSettings",
    "Statistics",
    "TlsFiles",
    "Writable",
    "hash_password",
    "load_certificate",
]
