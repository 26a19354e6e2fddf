"""The issues of one entry."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.omron_ups.const import DOMAIN, Issue
from custom_components.omron_ups.issues import EntryIssues
from tests.ha.common import ENTRY_ID, TITLE, simulated_entry


def issues_of(hass: HomeAssistant) -> EntryIssues:
    """Return the issues of an entry."""
    return EntryIssues(hass, simulated_entry(1, entry_id=ENTRY_ID))


async def test_an_issue_names_the_ups(
    hass: HomeAssistant, issue_registry: ir.IssueRegistry
) -> None:
    issues_of(hass).async_raise(
        Issue.NUT_CLIENT_MISSING,
        detail="nas",
        severity=ir.IssueSeverity.WARNING,
        placeholders={"host": "nas"},
    )
    issue = issue_registry.async_get_issue(DOMAIN, f"nut_client_missing_{ENTRY_ID}_nas")
    assert issue is not None
    assert issue.translation_placeholders == {"ups": TITLE, "host": "nas"}
    assert issue.is_fixable is False
    assert issue.severity is ir.IssueSeverity.WARNING


async def test_what_a_repair_needs_makes_it_fixable(
    hass: HomeAssistant, issue_registry: ir.IssueRegistry
) -> None:
    issues_of(hass).async_raise(
        Issue.NUT_FORCED_SHUTDOWN, severity=ir.IssueSeverity.ERROR, data={"a": 1}
    )
    issue = issue_registry.async_get_issue(DOMAIN, f"nut_forced_shutdown_{ENTRY_ID}")
    assert issue is not None
    assert issue.is_fixable is True
    assert issue.data == {"a": 1}


async def test_settling(hass: HomeAssistant, issue_registry: ir.IssueRegistry) -> None:
    issues = issues_of(hass)
    for detail in ("a", "b", "c"):
        issues.async_raise(
            Issue.NUT_CLIENT_MISSING, detail=detail, severity=ir.IssueSeverity.WARNING
        )
    issues.async_settle(Issue.NUT_CLIENT_MISSING, "a")
    assert len(issue_registry.issues) == 2
    issues.async_settle_all()
    assert issue_registry.issues == {}
