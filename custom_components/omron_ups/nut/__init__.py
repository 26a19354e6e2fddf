"""Serve UPSes to NUT clients: RFC 9271 as upsd 2.8 speaks it."""

from .accounts import Account, Address, Network, Role, hash_password
from .errors import (
    AddressNotAvailableError,
    InvalidNameError,
    InvalidPasswordHashError,
    NameTakenError,
    NutServerError,
    PortInUseError,
)
from .pool import Lease, NutServers
from .server import NutServer
from .settings import Limits, ServerSettings, Statistics
from .ups import LoggedIn, NutUps, Writable

__all__ = [
    "Account",
    "Address",
    "AddressNotAvailableError",
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
    "Writable",
    "hash_password",
]
