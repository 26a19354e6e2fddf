"""Who is let in: allowed networks, and how many connections for all, for one, for the known."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from .accounts import Address, contains
from .audit import Audit, AuditKind, AuditRecord
from .settings import ServerSettings

# Addresses are kept to be told apart, not to be collected.
_MAX_REPORTED: Final = 256
_MAX_KNOWN: Final = 256

type RefusedCallback = Callable[[Address], None]


class Admission:
    """Counts connections, and keeps places for the machines that depend on the UPS."""

    def __init__(self, settings: ServerSettings, on_refused: RefusedCallback | None) -> None:
        """Begin without any connection."""
        self.on_refused = on_refused
        self.audit = Audit()
        self.accepted = 0
        self.refused = 0
        self._settings = settings
        self._open = 0
        self._per_address: Counter[Address] = Counter()
        self._known: dict[Address, None] = {}
        self._reported: set[Address] = set()

    def update(self, settings: ServerSettings) -> None:
        """Judge by other settings, and report refused addresses once more."""
        self._settings = settings
        self._reported.clear()

    def enter(self, address: Address) -> bool:
        """Tell whether one more connection from the address is welcome, and count it."""
        if not self._welcomes(address):
            self.refused += 1
            return False
        self.accepted += 1
        self._open += 1
        self._per_address[address] += 1
        return True

    def leave(self, address: Address) -> None:
        """Count a connection out."""
        self._open -= 1
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def remember(self, address: Address) -> None:
        """Keep in mind that somebody logged in from there: it may use the reserved places."""
        self._known.pop(address, None)
        if len(self._known) >= _MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[address] = None

    def _welcomes(self, address: Address) -> bool:
        if not contains(self._settings.allowed_networks, address):
            self._report(address)
            return False
        limits = self._settings.limits
        reserved = min(limits.reserved_connections, limits.connections // 2)
        places = limits.connections - (0 if address in self._known else reserved)
        return self._open < places and self._per_address[address] < limits.connections_per_address

    def _report(self, address: Address) -> None:
        if address in self._reported:
            return
        if len(self._reported) >= _MAX_REPORTED:
            self._reported.clear()
        self._reported.add(address)
        record = AuditRecord(kind=AuditKind.ADDRESS, address=address, outcome="closed")
        loop = asyncio.get_running_loop()
        # On their own turn of the loop: their faults are not the client's.
        loop.call_soon(self.audit.add, record)
        if self.on_refused is not None:
            loop.call_soon(self.on_refused, address)
