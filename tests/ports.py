"""Ports for programs and servers that have to be told one before they listen."""

from contextlib import suppress
import itertools
import secrets
import socket

LOOPBACK = "127.0.0.1"
# Below those that Linux gives to whoever asks for any (net.ipv4.ip_local_port_range): a client or
# a listener beside us could get one of those before the program that we name it to.
_PORTS = range(20_000, 32_000)
_offsets = itertools.count(secrets.randbelow(len(_PORTS)))


def unused_port() -> int:
    """Return a port of loopback that nobody uses; each call returns another one.

    Raises:
        OSError: hundreds in a row are in use.
    """
    for offset in itertools.islice(_offsets, 300):
        port = _PORTS[offset % len(_PORTS)]
        with suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port
    raise OSError("no port is unused")
