"""Remembers the addresses of hosts, because the name server may be among those that are stopped."""

import asyncio
from dataclasses import dataclass
import ipaddress
import logging
import socket
from typing import Final

FRESH_S: Final = 3600.0
"""How long an answer is used without asking again."""
RETRY_S: Final = 60.0
"""How long not to ask again: each question that hangs holds a worker thread of the machine."""
ANSWER_LIMIT_S: Final = 1.5

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Name:
    address: str = ""
    resolved_at: float = -FRESH_S
    asked_at: float = -RETRY_S
    question: asyncio.Task[str] | None = None


class Resolver:
    """Resolves names, and keeps the last answer for when nobody answers any more."""

    def __init__(self) -> None:
        """Begin without any."""
        self._names: dict[str, _Name] = {}

    async def resolve(self, host: str) -> str:
        """Return an IP address for a name within 1.5 s; an IP address is returned as it is.

        Raises:
            OSError: the name never resolved, and does not now.

        """
        if is_ip_address(host):
            return host
        name = self._names.setdefault(host, _Name())
        now = asyncio.get_running_loop().time()
        if name.address and now - name.resolved_at < FRESH_S:
            return name.address
        if name.question is None and now - name.asked_at >= RETRY_S:
            name.asked_at = now
            name.question = asyncio.create_task(_ask(host), name=f"resolve {host}")
            name.question.add_done_callback(lambda task: _note(name, task))
        if name.question is not None:
            # Others wait for the same question, so whoever is cancelled must not end it.
            await asyncio.wait({name.question}, timeout=ANSWER_LIMIT_S)
        if not name.address:
            raise OSError(f"the name {host} does not resolve")
        return name.address


def is_ip_address(host: str) -> bool:
    """Tell whether this is an address already, IPv6 without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _ask(host: str) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return str(found[0][4][0])


def _note(name: _Name, task: asyncio.Task[str]) -> None:
    name.question = None
    if task.cancelled():
        return
    if (error := task.exception()) is not None:
        _LOGGER.debug("%s: %s", task.get_name(), error)
        return
    name.address = task.result()
    name.resolved_at = asyncio.get_running_loop().time()
