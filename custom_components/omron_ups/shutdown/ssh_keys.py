"""Keys for SSH targets: ours, made here, and the host's, confirmed once."""

import base64
from dataclasses import dataclass, field
import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from .errors import OptionError

COMMENT: Final = "omron_ups"
_KEY_PARTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """An ed25519 pair in OpenSSH's spelling."""

    private_key: str = field(repr=False)
    public_key: str
    """`ssh-ed25519 AAAA... omron_ups`: a line for `authorized_keys`."""


def generate_key_pair() -> KeyPair:
    """Return a new pair; it takes well under a millisecond."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return KeyPair(private_key=private.decode(), public_key=f"{public.decode()} {COMMENT}")


def forced_line(public_key: str, program: str) -> str:
    """Return the line for `authorized_keys` that lets this key run one program and nothing else.

    What we send reaches the program in SSH_ORIGINAL_COMMAND only (sshd(8)).

    Raises:
        OptionError: the program's path holds a character that would end the quotes.

    """
    if '"' in program or "\\" in program or "\n" in program:
        raise OptionError("the program's path holds a quotation mark or a backslash")
    return f'restrict,command="{program}" {public_key}'


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """What a host shows, for the user to confirm."""

    line: str
    """Algorithm and key as in `known_hosts`, without the host."""
    fingerprint: str
    """`SHA256:...`, as `ssh` and `ssh-keygen -l` show it."""


def parse_host_key(line: str) -> HostKey:
    """Return the key of a line with algorithm and key, perhaps a comment.

    Raises:
        OptionError: it is none.

    """
    parts = line.split()
    try:
        algorithm, encoded = parts[:_KEY_PARTS]
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise OptionError("host_key is no line with algorithm and key") from None
    # The key's own copy of its algorithm: a length of four bytes, then the name.
    if blob[4 : 4 + len(algorithm)] != algorithm.encode():
        raise OptionError("host_key is no key of the algorithm that it names")
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return HostKey(line=f"{algorithm} {encoded}", fingerprint=f"SHA256:{digest}")
