"""Puts what NUT clients did, or tried to do, into Home Assistant's log."""

import logging
from typing import Final

from .const import LOGGER
from .nut import AuditKind, AuditRecord

# What a user who reads the log later looks for; all refusals are among it.
_ALARMING: Final = frozenset({AuditKind.FSD})


def log_audit(record: AuditRecord) -> None:
    """Log a record; what a client made up is quoted, so that it cannot pass for a line of ours."""
    alarming = record.kind in _ALARMING or not record.granted
    LOGGER.log(
        logging.WARNING if alarming else logging.INFO,
        "NUT client %s, account %r: %s",
        record.address,
        record.username or "",
        _deed(record),
    )


def _deed(record: AuditRecord) -> str:
    words = [record.kind.upper(), record.ups or ""]
    if record.detail:
        words.append(repr(record.detail))
    return f"{' '.join(filter(None, words))}: {record.outcome}"
