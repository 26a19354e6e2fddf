"""The certificate that STARTTLS shows, read from files that may change."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
import ssl
from typing import Final

from .errors import CertificateError, CertificateFault

type _Stamp = tuple[tuple[int, int], ...]

_MISMATCH: Final = "KEY_VALUES_MISMATCH"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the certificate with its chain is, and its private key; both PEM, maybe one file."""

    certificate: Path
    private_key: Path


async def load_certificate(files: TlsFiles) -> ssl.SSLContext:
    """Return what TLS 1.2 and newer needs, read in a worker thread.

    Raises:
        CertificateError: The files are missing, unreadable, locked or do not belong together.

    """
    return await asyncio.to_thread(_load, files)


class Certificate:
    """The certificate in use; one that cannot be read leaves the last good one in its place."""

    def __init__(self) -> None:
        """Begin without any, so that STARTTLS is refused."""
        self.context: ssl.SSLContext | None = None
        self._read: tuple[TlsFiles, _Stamp] | None = None
        self._turn = asyncio.Lock()

    async def refresh(self, files: TlsFiles | None) -> None:
        """Read the files if they are others than before, or have changed.

        Raises:
            CertificateError: They cannot be used.

        """
        async with self._turn:
            if files is None:
                self.context = self._read = None
                return
            stamp = await asyncio.to_thread(_stamp, files)
            if self._read != (files, stamp):
                self.context = await load_certificate(files)
                self._read = files, stamp


def _stamp(files: TlsFiles) -> _Stamp:
    """Return what differs after a file was written."""
    stamp = []
    for path in (files.certificate, files.private_key):
        try:
            status = path.stat()
        except OSError:
            stamp.append((0, 0))
        else:
            stamp.append((status.st_mtime_ns, status.st_size))
    return tuple(stamp)


def _load(files: TlsFiles) -> ssl.SSLContext:
    _check_certificate(files.certificate)
    _check_readable(files.private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Clients stay connected: a ticket to come back with is of no use to them.
    context.num_tickets = 0
    _load_private_key(context, files)
    return context


def _check_certificate(path: Path) -> None:
    try:
        # A scratch context: only the presence of a certificate is of interest here.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except OSError as err:
        raise CertificateError(
            CertificateFault.CERTIFICATE_UNREADABLE, f"No certificate can be read from {path}"
        ) from err


def _check_readable(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as err:
        raise CertificateError(
            CertificateFault.PRIVATE_KEY_UNREADABLE, f"The private key {path} cannot be read"
        ) from err


def _load_private_key(context: ssl.SSLContext, files: TlsFiles) -> None:
    asked: list[bool] = []

    def passphrase() -> str:
        # Without an answer of ours OpenSSL would ask on a terminal, and wait for it.
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(files.certificate, files.private_key, passphrase)
    except ssl.SSLError as err:
        if asked:
            fault, words = CertificateFault.PRIVATE_KEY_ENCRYPTED, "is locked with a passphrase"
        elif err.reason == _MISMATCH:
            fault = CertificateFault.PRIVATE_KEY_MISMATCH
            words = f"does not belong to the certificate {files.certificate}"
        else:
            fault, words = CertificateFault.PRIVATE_KEY_UNREADABLE, "is no private key"
        raise CertificateError(fault, f"{files.private_key} {words}") from err
