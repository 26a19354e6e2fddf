"""Findings that several kinds of targets share, each with its cure."""

from enum import StrEnum

from .errors import (
    CredentialsRefusedError,
    IdentityChangedError,
    IdentityError,
    OptionError,
    RefusedError,
    ShutdownError,
    UnreachableError,
)
from .models import Finding, Severity
from .resolver import is_ip_address
from .specs import TargetSpec


class FindingKey(StrEnum):
    """Translation keys under `issues`; their placeholders are `target` and `detail`."""

    UNREACHABLE = "target_unreachable"
    """Switch it on, or correct its address."""
    IDENTITY_CHANGED = "target_identity_changed"
    """Confirm the new certificate or host key, if you know why it changed."""
    IDENTITY_UNTRUSTED = "target_identity_untrusted"
    """Paste its authority's certificate, or confirm its own."""
    CREDENTIALS_REFUSED = "target_credentials_refused"
    """Enter a credential that is valid, or give it the right."""
    REFUSED = "target_refused"
    """Correct what the host complains of."""
    OPTIONS_INVALID = "target_options_invalid"
    """Correct the option that is named."""
    CHECK_FAILED = "target_check_failed"
    """It answered in a way that nobody expected."""
    OWN_DISK = "target_own_disk"
    """A fact, not a fault, unless the plan stops that server; it has the placeholder `server`."""
    ADDRESS_IS_NAME = "target_address_is_name"
    """Use an IP address: the name server may be off when the plan runs."""


# The first row that fits.
_KEYS: tuple[tuple[type[ShutdownError], FindingKey], ...] = (
    (IdentityChangedError, FindingKey.IDENTITY_CHANGED),
    (IdentityError, FindingKey.IDENTITY_UNTRUSTED),
    (CredentialsRefusedError, FindingKey.CREDENTIALS_REFUSED),
    (RefusedError, FindingKey.REFUSED),
    (UnreachableError, FindingKey.UNREACHABLE),
    (OptionError, FindingKey.OPTIONS_INVALID),
)


def finding(
    spec: TargetSpec, key: str, *, detail: str = "", severity: Severity = Severity.ERROR
) -> Finding:
    """Return a finding of one target; `detail` holds no secret."""
    return Finding(
        severity=severity,
        key=key,
        placeholders={"target": spec.name, "detail": detail},
        target_id=spec.target_id,
    )


def finding_of(spec: TargetSpec, error: ShutdownError) -> Finding:
    """Return what an error of a check means for the user."""
    key = next((key for kind, key in _KEYS if isinstance(error, kind)), FindingKey.CHECK_FAILED)
    return finding(spec, key, detail=str(error))


def address_findings(spec: TargetSpec, host: str) -> tuple[Finding, ...]:
    """Return a warning if a host is addressed by a name."""
    if is_ip_address(host.strip("[]")):
        return ()
    return (finding(spec, FindingKey.ADDRESS_IS_NAME, detail=host, severity=Severity.WARNING),)


def own_disk_finding(spec: TargetSpec, server: str, *, detail: str) -> Finding:
    """Return that a disk of Home Assistant's own guest lies on a server, by its address."""
    return Finding(
        severity=Severity.OK,
        key=FindingKey.OWN_DISK,
        placeholders={"target": spec.name, "server": server, "detail": detail},
        target_id=spec.target_id,
    )
