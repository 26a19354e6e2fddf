"""The fixed replies of the protocol and the shape of all others."""

from collections.abc import Iterable
import re
from typing import Final

# libupsclient reads a reply into 512 bytes, the last of which is its terminator.
MAX_LINE: Final = 511
# upsd stores no more of a value.
MAX_VALUE: Final = 255

OK: Final = b"OK\n"
OK_GOODBYE: Final = b"OK Goodbye\n"
OK_FSD_SET: Final = b"OK FSD-SET\n"
OK_STARTTLS: Final = b"OK STARTTLS\n"

ACCESS_DENIED: Final = b"ERR ACCESS-DENIED\n"
ALREADY_LOGGED_IN: Final = b"ERR ALREADY-LOGGED-IN\n"
ALREADY_SSL_MODE: Final = b"ERR ALREADY-SSL-MODE\n"
ALREADY_SET_PASSWORD: Final = b"ERR ALREADY-SET-PASSWORD\n"
ALREADY_SET_USERNAME: Final = b"ERR ALREADY-SET-USERNAME\n"
CMD_NOT_SUPPORTED: Final = b"ERR CMD-NOT-SUPPORTED\n"
DATA_STALE: Final = b"ERR DATA-STALE\n"
DRIVER_NOT_CONNECTED: Final = b"ERR DRIVER-NOT-CONNECTED\n"
FEATURE_NOT_CONFIGURED: Final = b"ERR FEATURE-NOT-CONFIGURED\n"
INSTCMD_FAILED: Final = b"ERR INSTCMD-FAILED\n"
INVALID_ARGUMENT: Final = b"ERR INVALID-ARGUMENT\n"
INVALID_VALUE: Final = b"ERR INVALID-VALUE\n"
PASSWORD_REQUIRED: Final = b"ERR PASSWORD-REQUIRED\n"
READONLY: Final = b"ERR READONLY\n"
SET_FAILED: Final = b"ERR SET-FAILED\n"
TOO_LONG: Final = b"ERR TOO-LONG\n"
UNKNOWN: Final = b"ERR UNKNOWN\n"
UNKNOWN_COMMAND: Final = b"ERR UNKNOWN-COMMAND\n"
UNKNOWN_UPS: Final = b"ERR UNKNOWN-UPS\n"
USERNAME_REQUIRED: Final = b"ERR USERNAME-REQUIRED\n"
VAR_NOT_SUPPORTED: Final = b"ERR VAR-NOT-SUPPORTED\n"

# Printable ASCII but for what is escaped: nearly every value, and GET VAR is asked most of all.
_AS_IT_IS: Final = re.compile(r"[ !$-\[\]-~]*")


def printable(text: str) -> str:
    """Return the text with everything that is no printable ASCII replaced by a question mark."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def escape(value: str, room: int = MAX_LINE) -> str:
    """Return a value as it stands between quotes, cut to what fits into `room` bytes."""
    if len(value) <= min(room, MAX_VALUE) and _AS_IT_IS.fullmatch(value):
        return value
    escaped: list[str] = []
    for char in printable(value)[:MAX_VALUE]:
        encoded = f"\\{char}" if char in '"\\#' else char
        room -= len(encoded)
        if room < 0:
            break
        escaped.append(encoded)
    return "".join(escaped)


def valued(prefix: str, value: str) -> str:
    """Return a reply line without its LF: the prefix, then the quoted value."""
    room = MAX_LINE - len(prefix) - len(' ""\n')
    return f'{prefix} "{escape(value, room)}"'


def line(text: str) -> bytes:
    """Return the text as a reply line, or refuse the request that asked for one too long.

    upsd 2.8.0 cuts a long line and loses its LF, after which its client waits for ever.
    """
    if len(text) >= MAX_LINE:
        return INVALID_ARGUMENT
    return f"{text}\n".encode("ascii")


def block(query: str, members: Iterable[str]) -> bytes:
    """Return the reply to `LIST <query>` with its members."""
    return "\n".join(
        (f"BEGIN LIST {query}", *members, f"END LIST {query}", ""),
    ).encode("ascii")
