"""Looks at hosts from outside, and wakes them."""

import asyncio
import errno
import logging
import socket
from typing import Final

from .icmp import ping
from .resolver import Resolver
from .specs import WakeOnLan
from .wake_on_lan import WAKE_PORTS, magic_packet

LOOK_LIMIT_S: Final = 2.0
_WAKE_ROUNDS: Final = 3
_WAKE_PAUSE_S: Final = 0.05
# What a host that is off, or a router before it, answers. Anything else is this machine's own
# trouble (no network, no free socket), which says nothing of the host.
_ABSENT: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ETIMEDOUT,
    }
)

_LOGGER: Final = logging.getLogger(__name__)


class SystemNetwork:
    """The network as this machine sees it; implements `ports.Network`."""

    def __init__(self, resolver: Resolver | None = None) -> None:
        """Take the memory of addresses, or begin an empty one."""
        self._resolver = resolver or Resolver()

    async def is_open(self, address: str, port: int) -> bool:
        """Return whether a TCP connection is accepted within 2 s.

        Raises:
            OSError: this machine cannot look (no network, no free socket, a name that does not
                resolve).

        """
        try:
            async with asyncio.timeout(LOOK_LIMIT_S):
                _, writer = await asyncio.open_connection(
                    await self._resolver.resolve(address), port
                )
        except TimeoutError:
            return False
        except OSError as err:
            if err.errno not in _ABSENT:
                raise
            return False
        writer.close()
        return True

    async def answers_ping(self, address: str) -> bool | None:
        """Return whether it answers within 2 s; None if this machine may not ping, or cannot."""
        try:
            async with asyncio.timeout(LOOK_LIMIT_S):
                await ping(await self._resolver.resolve(address))
        except TimeoutError:
            return False
        except OSError as err:
            if err.errno not in _ABSENT:
                _LOGGER.debug("cannot ping %s: %s", address, err)
                return None
            return False
        return True

    async def send_wake(self, wake: WakeOnLan) -> None:
        """Send the magic packet to the UDP ports 9 and 7, three times in a tenth of a second.

        Raises:
            OptionError: the MAC address cannot be read.
            OSError: this machine cannot send there.

        """
        packet = magic_packet(wake)
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            for sent in range(_WAKE_ROUNDS):
                if sent:
                    await asyncio.sleep(_WAKE_PAUSE_S)
                for port in WAKE_PORTS:
                    await loop.sock_sendto(sock, packet, (wake.broadcast, port))
