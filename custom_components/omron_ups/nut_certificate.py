"""What is wrong with the certificate of the NUT server, if anything is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval

from .const import Issue
from .issues import EntryIssues
from .nut import CertificateError, CertificateFault, TlsFiles, load_certificate
from .nut_options import owner_of, server_settings
from .nut_served import Served

CERTIFICATE_EXPIRED: Final = "certificate_expired"
# A renewed certificate shall be in use soon, and one that was not renewed be noticed.
CERTIFICATE_INTERVAL: Final = timedelta(hours=1)

_ISSUES: Final = (
    Issue.NUT_CERTIFICATE_UNREADABLE,
    Issue.NUT_CERTIFICATE_EXPIRED,
    Issue.NUT_PRIVATE_KEY_UNREADABLE,
    Issue.NUT_PRIVATE_KEY_ENCRYPTED,
    Issue.NUT_PRIVATE_KEY_MISMATCH,
)


class CertificateWatch:
    """Keeps the certificate of a server current, and tells the user what is wrong with it."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, issues: EntryIssues, served: Served
    ) -> None:
        """Watch over the server that `served` is on, as long as it is the owner there."""
        self._hass = hass
        self._entry = entry
        self._issues = issues
        self._served = served

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Look at the files again and again; returns the undo."""
        return async_track_time_interval(self._hass, self._async_refresh, CERTIFICATE_INTERVAL)

    @callback
    def async_handle(self, err: CertificateError | None) -> None:
        """Take note of whether the server can use the certificate."""
        if err is not None:
            self._async_show(err.fault)
            return
        # What the server can use may have expired all the same.
        self._entry.async_create_task(self._hass, self._async_check(), "NUT certificate")

    async def _async_refresh(self, _now: datetime) -> None:
        lease = self._served.lease
        if lease is not None and lease.is_owner:
            await lease.server.refresh_certificate()

    async def _async_check(self) -> None:
        files = server_settings(self._hass, self._entry).tls
        fault = None if files is None else await find_certificate_fault(self._hass, files)
        if self._served.keeper is not None:
            self._async_show(fault)

    @callback
    def _async_show(self, fault: str | None) -> None:
        shown = None if fault is None else Issue(f"nut_{fault}")
        for issue in _ISSUES:
            if issue is not shown:
                self._issues.async_settle(issue)
        files = server_settings(self._hass, self._entry).tls
        if shown is None or files is None:
            return
        self._issues.async_raise(
            shown,
            severity=ir.IssueSeverity.ERROR,
            placeholders={
                "ups": owner_of(self._hass, self._entry).title,
                "certificate": str(files.certificate),
                "private_key": str(files.private_key),
            },
        )


async def find_certificate_fault(hass: HomeAssistant, files: TlsFiles) -> str | None:
    """Return the key of the text that says what is wrong with the files; None if nothing is."""
    try:
        await load_certificate(files)
    except CertificateError as err:
        return err.fault
    return await hass.async_add_executor_job(_find_fault_of_content, files.certificate)


def _find_fault_of_content(path: Path) -> str | None:
    try:
        # The server's own certificate comes first, its chain behind it.
        certificate, *_ = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError, ValueError:
        return CertificateFault.CERTIFICATE_UNREADABLE
    # The server would show it all the same, and its clients would turn away.
    return CERTIFICATE_EXPIRED if certificate.not_valid_after_utc < datetime.now(UTC) else None
