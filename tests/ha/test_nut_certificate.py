"""The certificate of the server: in use, renewed, broken, expired."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
import ssl
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.omron_ups.const import DOMAIN, Issue
from custom_components.omron_ups.nut import TlsFiles
from custom_components.omron_ups.nut_certificate import CERTIFICATE_INTERVAL, find_certificate_fault
from tests.ha.common import (
    LOOPBACK,
    MockConfigEntry,
    NutConnection,
    add_account,
    async_fire_time_changed,
    change_nut_server,
    eventually,
    set_up,
    simulated_entry,
    state_of,
)


def write_certificate(folder: Path, *, days: int = 1, passphrase: bytes = b"") -> dict[str, str]:
    """Write a certificate that is valid for so many days, and its key; returns the options."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return {"certificate": f"{folder}/cert.pem", "private_key": f"{folder}/key.pem"}


def break_certificate(folder: Path, how: str) -> None:
    """Spoil what write_certificate() wrote."""
    other = folder / "other"
    other.mkdir()
    write_certificate(other)
    match how:
        case "certificate_unreadable":
            (folder / "cert.pem").write_text("no certificate")
        case "private_key_unreadable":
            (folder / "key.pem").unlink()
        case "private_key_encrypted":
            write_certificate(folder, passphrase=b"locked")
        case "private_key_mismatch":
            (other / "key.pem").replace(folder / "key.pem")
        case "certificate_expired":
            write_certificate(folder, days=-1)


FAULTS = (
    "certificate_unreadable",
    "private_key_unreadable",
    "private_key_encrypted",
    "private_key_mismatch",
    "certificate_expired",
)


async def shown_certificate(port: int) -> bytes | None:
    """Return the certificate that a client gets to see, None if there is no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(b"STARTTLS\n")
    reply = await reader.readline()
    if not reply.startswith(b"OK"):
        writer.close()
        return None
    await writer.start_tls(context)
    writer.write(b"VER\n")
    assert b"upsd" in await reader.readline()
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


async def pass_an_hour(hass: HomeAssistant) -> None:
    """Let it be time to look at the files."""
    async_fire_time_changed(hass, dt_util.utcnow() + CERTIFICATE_INTERVAL)
    await hass.async_block_till_done()


@pytest.mark.parametrize("fault", FAULTS)
async def test_faults(hass: HomeAssistant, tmp_path: Path, fault: str) -> None:
    options = write_certificate(tmp_path)
    files = TlsFiles(
        certificate=Path(options["certificate"]), private_key=Path(options["private_key"])
    )
    assert await find_certificate_fault(hass, files) is None
    break_certificate(tmp_path, fault)
    assert await find_certificate_fault(hass, files) == fault


async def test_a_file_that_only_openssl_can_read(hass: HomeAssistant, tmp_path: Path) -> None:
    """Or that has been written to in between."""
    files = TlsFiles(certificate=tmp_path / "cert.pem", private_key=tmp_path / "key.pem")
    files.certificate.write_text("odd")
    with patch("custom_components.omron_ups.nut_certificate.load_certificate"):
        assert await find_certificate_fault(hass, files) == "certificate_unreadable"


async def test_tls_comes_and_goes_without_dropping_anybody(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int, tmp_path: Path
) -> None:
    await add_account(hass, loaded, "joe")
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == "OK"
        assert await shown_certificate(free_port) is None
        await change_nut_server(hass, loaded, **write_certificate(tmp_path))
        server = loaded.runtime_data.nut.server
        await eventually(lambda: server.has_tls)
        assert await shown_certificate(free_port) is not None
        await change_nut_server(hass, loaded, certificate="", private_key="")
        await eventually(lambda: not server.has_tls)
        assert await shown_certificate(free_port) is None
        assert await client.ask("GET NUMLOGINS ups") == "NUMLOGINS ups 1"


async def test_both_in_one_file_below_the_configuration(
    hass: HomeAssistant, free_port: int, tmp_path: Path
) -> None:
    write_certificate(tmp_path)
    both = (tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text()
    (tmp_path / "both.pem").write_text(both)
    hass.config.config_dir = str(tmp_path)
    entry = simulated_entry(free_port, certificate="both.pem")
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    assert await shown_certificate(free_port) is not None
    await hass.config_entries.async_unload(entry.entry_id)


async def test_required_tls_is_required_outside_this_machine_only(
    hass: HomeAssistant, loaded: MockConfigEntry, free_port: int, tmp_path: Path
) -> None:
    await add_account(hass, loaded, "joe")
    await change_nut_server(hass, loaded, require_tls=True, **write_certificate(tmp_path))
    assert loaded.runtime_data.nut.server.settings.require_tls is True
    async with NutConnection(free_port) as client:
        assert await client.log_in("joe") == "OK"


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_an_issue_until_it_is_mended(
    hass: HomeAssistant,
    free_port: int,
    tmp_path: Path,
    issue_registry: ir.IssueRegistry,
    fault: str,
) -> None:
    options = write_certificate(tmp_path)
    break_certificate(tmp_path, fault)
    entry = simulated_entry(free_port, **options)
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    issue_id = f"nut_{fault}_{entry.entry_id}"
    assert {issue for _, issue in issue_registry.issues} == {issue_id}
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders == {"ups": "BW55T", **options}
    # The rest works.
    assert state_of(hass, "sensor.bw55t_status") == "on_mains"
    async with NutConnection(free_port) as client:
        assert await client.ask("GET VAR ups ups.status") == 'VAR ups ups.status "OL"'

    write_certificate(tmp_path)
    await pass_an_hour(hass)
    await eventually(lambda: not issue_registry.issues)
    assert await shown_certificate(free_port) is not None
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_renewed_certificate_is_shown(
    hass: HomeAssistant, free_port: int, tmp_path: Path
) -> None:
    entry = simulated_entry(free_port, **write_certificate(tmp_path))
    entry.add_to_hass(hass)
    await set_up(hass, entry)
    old = await shown_certificate(free_port)
    write_certificate(tmp_path, days=90)
    await pass_an_hour(hass)
    async with asyncio.timeout(30):
        while (new := await shown_certificate(free_port)) == old:
            pass
    assert new is not None
    await hass.config_entries.async_unload(entry.entry_id)


async def test_the_issue_names_the_ups_that_decides(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    free_port: int,
    tmp_path: Path,
    issue_registry: ir.IssueRegistry,
) -> None:
    other = simulated_entry(free_port, ups_name="ups2", **write_certificate(tmp_path))
    other.add_to_hass(hass)
    hass.config_entries.async_update_entry(other, title="Other")
    await set_up(hass, other)
    # Who joins a server has no certificate of its own there.
    await pass_an_hour(hass)
    assert await shown_certificate(free_port) is None
    await change_nut_server(hass, loaded, certificate=f"{tmp_path}/none.pem")
    await eventually(lambda: bool(issue_registry.issues))
    (issue,) = issue_registry.issues.values()
    assert issue.translation_key == Issue.NUT_CERTIFICATE_UNREADABLE
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["ups"] == "BW55T"
    # The first one gone for good, the other goes on with what it decided.
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert other.options["nut_server"]["certificate"] == f"{tmp_path}/none.pem"
    await eventually(lambda: bool(issue_registry.issues))
    await hass.config_entries.async_unload(other.entry_id)
