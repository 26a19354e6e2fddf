"""One echo request and its reply, without root where the system allows it."""

import asyncio
import os
import socket
import struct
from typing import Final

TOKEN_BYTES: Final = 16
_ECHO: Final = struct.Struct("!BBHHH")
_HEADER_WORDS: Final = 0x0F
_IPV4: Final = 4
_RESEND_S: Final = 0.9
# Protocol, type of the request, type of the reply.
_V4: Final = (socket.IPPROTO_ICMP, 8, 0)
_V6: Final = (socket.IPPROTO_ICMPV6, 128, 129)


async def ping(address: str) -> None:
    """Return once an echo reply came; asks again every 0.9 s, for as long as it is not cancelled.

    Args:
        address: an IP address.

    Raises:
        PermissionError: this process may not send echo requests.
        OSError: the network of this machine, or a router, says that there is no way.

    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol, request, reply = _V6 if family == socket.AF_INET6 else _V4
    with _open_socket(family, protocol) as sock:
        token = os.urandom(TOKEN_BYTES)
        packet = echo_request(request, token)
        loop = asyncio.get_running_loop()
        # Connected, so that what routers answer comes back as an error at once.
        sock.connect((address, 0))
        while True:
            await loop.sock_sendall(sock, packet)
            try:
                async with asyncio.timeout(_RESEND_S):
                    while not is_reply(await loop.sock_recv(sock, 2048), reply, token):
                        pass
            except TimeoutError:
                continue
            return


def _open_socket(family: socket.AddressFamily, protocol: int) -> socket.socket:
    """Return a datagram socket (`net.ipv4.ping_group_range`), else a raw one (CAP_NET_RAW)."""
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    sock.settimeout(0.0)
    return sock


def echo_request(kind: int, token: bytes) -> bytes:
    """Return the packet; `token` begins with the identifier, which datagram sockets replace."""
    (identifier,) = struct.unpack("!H", token[:2])
    unsummed = _ECHO.pack(kind, 0, 0, identifier, 1) + token
    return _ECHO.pack(kind, 0, _checksum(unsummed), identifier, 1) + token


def is_reply(packet: bytes, kind: int, token: bytes) -> bool:
    """Tell whether this is the reply to our request: raw sockets hear everybody's, and our own."""
    # Raw IPv4 sockets deliver the IP header too; no ICMP type in use looks like one.
    if packet and packet[0] >> 4 == _IPV4:
        packet = packet[(packet[0] & _HEADER_WORDS) * 4 :]
    return packet[:1] == bytes([kind]) and packet[_ECHO.size :] == token


def _checksum(packet: bytes) -> int:
    """Return the Internet checksum (RFC 1071) over an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
