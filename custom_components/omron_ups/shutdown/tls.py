"""How a server proves who it is: known authorities, a pasted one, or a confirmed certificate.

There is no way not to check: administrators' passwords go over these connections.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
import re
import ssl
from typing import Final, Self

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from .errors import IdentityChangedError, IdentityError, OptionError, UnreachableError

FETCH_LIMIT_S: Final = 5.0
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_SEPARATORS: Final = re.compile(r"[:\s]")


class Trust(StrEnum):
    """What vouches for a server's certificate; the values are option values."""

    SYSTEM = "system"
    """The authorities that this machine knows (Let's Encrypt and the like)."""
    AUTHORITY = "authority"
    """A certificate of an authority that the user pasted: Proxmox VE's `pve-root-ca.pem`,
    Kubernetes' `ca.crt`. It outlives the renewals of the servers' own certificates."""
    FINGERPRINT = "fingerprint"
    """The server's own certificate, confirmed once; a renewal must be confirmed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What the user chose."""

    trust: Trust = Trust.SYSTEM
    authority: str = field(default="", repr=False)
    """PEM, one or more certificates."""
    fingerprint: str = ""
    """SHA-256 over the certificate: 64 hexadecimal digits, colons between them allowed."""
    server_name: str = ""
    """The name in the certificate, if the server is addressed by IP address, as it should be:
    the name server may be off by then."""

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> Self:
        """Read the option fields `tls_trust`, `tls_authority`, `tls_fingerprint`, `tls_name`.

        Raises:
            OptionError: one does not hold what it must.

        """
        try:
            trust = Trust(str(options.get("tls_trust") or Trust.SYSTEM))
        except ValueError:
            raise OptionError("tls_trust is none of system, authority, fingerprint") from None
        return cls(
            trust=trust,
            authority=str(options.get("tls_authority") or ""),
            fingerprint=str(options.get("tls_fingerprint") or ""),
            server_name=str(options.get("tls_name") or ""),
        )


async def load_trust(tls: Tls) -> ssl.SSLContext | aiohttp.Fingerprint:
    """Return what aiohttp takes as `ssl`; reads authorities from disk in a worker thread.

    Raises:
        OptionError: the pasted authority or the fingerprint cannot be read.

    """
    if tls.trust is Trust.FINGERPRINT:
        return aiohttp.Fingerprint(parse_fingerprint(tls.fingerprint))
    return await asyncio.to_thread(_context, tls)


def _context(tls: Tls) -> ssl.SSLContext:
    if tls.trust is Trust.SYSTEM:
        return ssl.create_default_context()
    # Without a word in it Python would take the authorities of this machine instead.
    if not tls.authority.strip():
        raise OptionError("tls_authority is empty")
    try:
        context = ssl.create_default_context(cadata=tls.authority.strip())
    except (ssl.SSLError, ValueError) as err:
        raise OptionError("tls_authority holds no certificate in PEM form") from err
    if not context.cert_store_stats()["x509"]:
        raise OptionError("tls_authority holds no certificate in PEM form")
    # Python 3.13 began to insist on the form of RFC 5280 (key identifiers, critical marks), which
    # authorities made by home servers lack. Signature, dates and name are checked all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def check_identity(host: str, port: int, tls: Tls) -> None:
    """Connect, let the server prove who it is, and hang up: no request is sent.

    Raises:
        UnreachableError: nothing answers there within 5 s, or it does not speak TLS.
        IdentityError: its certificate is not trusted.
        IdentityChangedError: it is not the confirmed one.
        OptionError: the pasted authority or the fingerprint cannot be read.

    """
    if tls.trust is Trust.FINGERPRINT:
        confirmed = format_fingerprint(parse_fingerprint(tls.fingerprint))
        shown = await fetch_certificate(host, port, server_name=tls.server_name)
        if shown.fingerprint != confirmed:
            raise IdentityChangedError(
                f"{host}:{port} shows another certificate than the confirmed one:"
                f" {shown.fingerprint}",
                fingerprint=shown.fingerprint,
            )
        return
    context = await asyncio.to_thread(_context, tls)
    writer = await _connect(host, port, context, tls.server_name)
    writer.transport.abort()


def parse_fingerprint(text: str) -> bytes:
    """Return the 32 bytes of a SHA-256 fingerprint.

    Raises:
        OptionError: it is none.

    """
    digits = _SEPARATORS.sub("", text).lower().removeprefix("sha256")
    if not _FINGERPRINT.fullmatch(digits):
        raise OptionError("tls_fingerprint is no SHA-256 fingerprint (64 hexadecimal digits)")
    return bytes.fromhex(digits)


def format_fingerprint(digest: bytes) -> str:
    """Spell a fingerprint as browsers and Proxmox VE do: `AB:CD:...`."""
    return digest.hex(":").upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """What a server shows, for the user to confirm."""

    fingerprint: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    """The names and addresses that it is for."""
    not_after: datetime
    is_self_signed: bool


async def fetch_certificate(host: str, port: int, *, server_name: str = "") -> ServerCertificate:
    """Return the certificate that a server shows; nothing else is exchanged with it.

    The only place that looks at a certificate without believing it.

    Raises:
        UnreachableError: nothing answers there within 5 s, or it does not speak TLS.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    writer = await _connect(host, port, context, server_name)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return describe_certificate(shown)


async def _connect(
    host: str, port: int, context: ssl.SSLContext, server_name: str
) -> asyncio.StreamWriter:
    try:
        async with asyncio.timeout(FETCH_LIMIT_S):
            _, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=server_name or host
            )
    except ssl.SSLCertVerificationError as err:
        raise IdentityError(
            f"{host}:{port} shows a certificate not trusted: {err.verify_message}"
        ) from err
    except OSError as err:
        raise UnreachableError(f"no TLS with {host}:{port}: {err or 'time is up'}") from err
    return writer


def describe_certificate(der: bytes) -> ServerCertificate:
    """Return what a person wants to see of a certificate."""
    certificate = x509.load_der_x509_certificate(der)
    return ServerCertificate(
        fingerprint=format_fingerprint(certificate.fingerprint(SHA256())),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        not_after=certificate.not_valid_after_utc,
        is_self_signed=certificate.subject == certificate.issuer,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    )
