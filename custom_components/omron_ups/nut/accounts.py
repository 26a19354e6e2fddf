"""Who may do what: accounts of NUT clients, their passwords and the check of both."""

import asyncio
from base64 import b64decode, b64encode
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
import hashlib
import hmac
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
import secrets
from typing import Final
from weakref import WeakValueDictionary

from .errors import InvalidPasswordHashError

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

# 16 MiB and some 50 ms: dear to somebody who guesses, cheap for the one login of an upsmon.
_COST: Final = 2**14
_BLOCK_SIZE: Final = 8
_PARALLEL: Final = 1
_MAX_MEMORY: Final = 64 * 2**20
_SALT_BYTES: Final = 16
_CHECKS_AT_ONCE: Final = 2

_OUTPUT: Final = ("load.", "outlet.", "shutdown.")


class Role(StrEnum):
    """What an account is for."""

    MONITOR = "monitor"
    PRIMARY = "primary"
    ADMIN = "admin"


class Right(Enum):
    """What a command asks an account for."""

    LOGIN = auto()
    PRIMARY = auto()
    FSD = auto()
    SET = auto()
    INSTCMD = auto()


_RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.MONITOR: frozenset({Right.LOGIN}),
    Role.PRIMARY: frozenset({Right.LOGIN, Right.PRIMARY, Right.FSD}),
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user name that NUT clients may use, from anywhere unless networks are named.

    Raises:
        InvalidPasswordHashError: The hash did not come from hash_password().

    """

    username: str
    password_hash: str = field(repr=False)
    role: Role = Role.MONITOR
    networks: tuple[Network, ...] = ()
    may_switch_output: bool = False

    def __post_init__(self) -> None:
        """Refuse a hash that no password could ever match."""
        _parse_hash(self.password_hash)

    def has(self, right: Right) -> bool:
        """Tell whether the role of the account includes the right."""
        return right in _RIGHTS[self.role]

    def may_run(self, command: str) -> bool:
        """Tell whether the account may send the instant command."""
        return self.has(Right.INSTCMD) and self._may_touch(command)

    def may_set(self, variable: str) -> bool:
        """Tell whether the account may write the variable; `outlet.switch` cuts power too."""
        return self.has(Right.SET) and self._may_touch(variable)

    def _may_touch(self, name: str) -> bool:
        return self.may_switch_output or not name.lower().startswith(_OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client said about itself, and where it is."""

    username: str
    password: str = field(repr=False)
    address: Address


def hash_password(password: str) -> str:
    """Return a salted hash to store; takes long enough to belong into a worker thread."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = _scrypt(password, salt, _COST, _BLOCK_SIZE, _PARALLEL)
    encoded = (b64encode(part).decode("ascii") for part in (salt, digest))
    return "$".join(("scrypt", f"{_COST}", f"{_BLOCK_SIZE}", f"{_PARALLEL}", *encoded))


class Accounts:
    """The accounts of one UPS, with a memory of the passwords that proved right.

    The memory holds a digest under a key of this process, so that an upsmon that reconnects costs
    no second scrypt and a dump of the memory shows no password.
    """

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        """Take the accounts as they are now."""
        self._accounts = tuple(accounts)
        self._key = secrets.token_bytes(hashlib.blake2b.MAX_KEY_SIZE)
        self._proved: dict[Account, bytes] = {}

    def replace(self, accounts: Iterable[Account]) -> None:
        """Know other accounts from now on; the memory of those that stay is kept."""
        self._accounts = tuple(accounts)
        self._proved = {
            account: digest for account, digest in self._proved.items() if account in self._accounts
        }

    def remembered(self, credentials: Credentials) -> Account | None:
        """Return the account if these credentials proved right before."""
        digest = self._digest(credentials.password)
        for account in self._candidates(credentials):
            proved = self._proved.get(account)
            if proved is not None and hmac.compare_digest(proved, digest):
                return account
        return None

    async def verify(self, credentials: Credentials) -> Account | None:
        """Return the account that these credentials belong to, checked in a worker thread."""
        account = await asyncio.to_thread(self._verify, credentials)
        if account is None or account not in self._accounts:
            # The user may have taken the account away while its password was checked.
            return None
        self._proved[account] = self._digest(credentials.password)
        return account

    def _verify(self, credentials: Credentials) -> Account | None:
        candidates = self._candidates(credentials)
        if not candidates:
            # An unknown name takes as long as a wrong password, and so does not give itself away.
            _scrypt(credentials.password, bytes(_SALT_BYTES), _COST, _BLOCK_SIZE, _PARALLEL)
            return None
        for account in candidates:
            if _matches(account.password_hash, credentials.password):
                return account
        return None

    def _candidates(self, credentials: Credentials) -> tuple[Account, ...]:
        return tuple(
            account
            for account in self._accounts
            if account.username == credentials.username
            and (not account.networks or contains(account.networks, credentials.address))
        )

    def _digest(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode(), key=self._key).digest()


class Throttle:
    """Make guessing slow: one check per address at a time, and a wait after each failure."""

    def __init__(self, *, delay_s: float) -> None:
        """Wait `delay_s` after credentials that proved wrong."""
        self.delay_s = delay_s
        self._turns: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def authenticate(self, accounts: Accounts, credentials: Credentials) -> Account | None:
        """Return the account of the credentials; None, late, if there is none."""
        account = accounts.remembered(credentials)
        if account is not None:
            return account
        async with self._turns.setdefault(credentials.address, asyncio.Lock()):
            async with self._checks:
                account = await accounts.verify(credentials)
            if account is None:
                await self.wait()
        return account

    async def wait(self) -> None:
        """Let a client whose request was refused wait."""
        await asyncio.sleep(self.delay_s)


def contains(networks: Iterable[Network], address: Address) -> bool:
    """Tell whether the address is in one of the networks."""
    return any(address in network for network in networks)


def _matches(password_hash: str, password: str) -> bool:
    cost, block_size, parallel, salt, digest = _parse_hash(password_hash)
    return hmac.compare_digest(_scrypt(password, salt, cost, block_size, parallel), digest)


def _parse_hash(password_hash: str) -> tuple[int, int, int, bytes, bytes]:
    try:
        scheme, cost, block_size, parallel, salt, digest = password_hash.split("$")
        figures = int(cost), int(block_size), int(parallel)
        parts = b64decode(salt, validate=True), b64decode(digest, validate=True)
    except (ValueError, binascii.Error) as err:
        raise InvalidPasswordHashError("A stored password is not readable") from err
    if scheme != "scrypt":
        raise InvalidPasswordHashError(f"A stored password has the unknown scheme {scheme!r}")
    return *figures, *parts


def _scrypt(password: str, salt: bytes, cost: int, block_size: int, parallel: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost, r=block_size, p=parallel, maxmem=_MAX_MEMORY
    )
