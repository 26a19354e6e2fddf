"""Certificates for the tests, made on the spot."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from custom_components.omron_ups.nut import TlsFiles


@cache
def pem_pair(name: str) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """Return a self-signed certificate in PEM, and its key; the same for the same name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key


def write_files(folder: Path, name: str = "localhost", *, passphrase: bytes = b"") -> TlsFiles:
    """Write the certificate of that name and its key into a folder."""
    certificate, key = pem_pair(name)
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    files = TlsFiles(certificate=folder / "fullchain.pem", private_key=folder / "privkey.pem")
    files.certificate.write_bytes(certificate)
    files.private_key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return files


def client_context(name: str = "localhost") -> ssl.SSLContext:
    """Return what a client needs that trusts the certificate of that name and no other."""
    context = ssl.create_default_context(cadata=pem_pair(name)[0].decode("ascii"))
    context.check_hostname = False
    return context
