"""The magic packet that switches a host on."""

import ipaddress
import re
from typing import Final

from .errors import OptionError
from .specs import WakeOnLan

WAKE_PORTS: Final = (9, 7)
"""UDP ports; network cards look at the bytes, only routers and listeners look at the port."""
_REPEATED: Final = 16
_HEX_PAIRS: Final = re.compile(r"[0-9A-Fa-f]{2}(?:([:-]?)[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2})*")
_MAC_BYTES: Final = 6
_SECURE_ON_BYTES: Final = frozenset({0, 4, 6})


def parse_mac(text: str) -> bytes:
    """Return the six bytes of a MAC address: `00:11:..`, `00-11-..` or without separators.

    Raises:
        OptionError: it is none.

    """
    mac = _hex_bytes(text)
    if mac is None or len(mac) != _MAC_BYTES:
        raise OptionError("mac is no MAC address (six pairs of hexadecimal digits)")
    return mac


def parse_secure_on(text: str) -> bytes:
    """Return the password of a network card: nothing, six bytes as a MAC, or four as `1.2.3.4`.

    Raises:
        OptionError: it is none of these; the text does not repeat it.

    """
    if not text.strip():
        return b""
    password = _hex_bytes(text)
    if password is None:
        try:
            return ipaddress.IPv4Address(text.strip()).packed
        except ValueError:
            pass
    elif len(password) in _SECURE_ON_BYTES:
        return password
    raise OptionError("secure_on is neither six pairs of hexadecimal digits nor four numbers")


def magic_packet(wake: WakeOnLan) -> bytes:
    """Return the packet: six times FF, sixteen times the MAC address, the password if any.

    Raises:
        OptionError: MAC address or password cannot be read.

    """
    return b"\xff" * 6 + parse_mac(wake.mac) * _REPEATED + parse_secure_on(wake.secure_on)


def _hex_bytes(text: str) -> bytes | None:
    text = text.strip()
    if not _HEX_PAIRS.fullmatch(text):
        return None
    return bytes.fromhex(re.sub(r"[:-]", "", text))
