"""What is wrong with the shutdown plan, as repair issues that name the cure."""

from collections.abc import Iterable, Mapping
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .shutdown.models import Finding, Severity
from .shutdown.target_checks import Result

_SEVERITIES: Final[Mapping[Severity, ir.IssueSeverity]] = {
    Severity.WARNING: ir.IssueSeverity.WARNING,
    Severity.ERROR: ir.IssueSeverity.ERROR,
}


class PlanIssues:
    """The findings of one plan that are shown."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin without any."""
        self._hass = hass
        self._entry = entry
        self._shown: set[str] = set()

    @callback
    def async_show(self, findings: Iterable[Finding], names: Mapping[str, str]) -> None:
        """Show exactly these findings.

        Args:
            findings: What is wrong now.
            names: Of the targets, by id.

        """
        wanted = {self._id_of(item): item for item in findings if item.severity in _SEVERITIES}
        for issue_id in self._shown - wanted.keys():
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
        for issue_id, finding in wanted.items():
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                issue_id,
                is_fixable=False,
                severity=_SEVERITIES[finding.severity],
                translation_key=finding.key,
                translation_placeholders={
                    "ups": self._entry.title,
                    "target": names.get(finding.target_id, ""),
                    **finding.placeholders,
                },
            )
        self._shown = set(wanted)

    @callback
    def async_settle_all(self) -> None:
        """Take all issues back."""
        self.async_show((), {})

    def is_ready(self, target_id: str, results: Mapping[str, Result]) -> bool | None:
        """Return whether the last check of a target found no error; None before the first."""
        if (result := results.get(target_id)) is None:
            return None
        return all(item.severity is not Severity.ERROR for item in result.findings)

    def _id_of(self, finding: Finding) -> str:
        parts = (finding.key, self._entry.entry_id, finding.target_id)
        return "_".join(part for part in parts if part)
