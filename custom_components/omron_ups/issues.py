"""The repair issues of one config entry."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN, Issue

type IssueData = dict[str, str | int | float | None]


class EntryIssues:
    """Raises issues of an entry, and knows them all, so that none outlives it."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin without any."""
        self._hass = hass
        self._entry = entry
        self._raised: set[str] = set()

    def id_of(self, issue: Issue, detail: str = "") -> str:
        """Return the id of an issue; `detail` tells those of a kind apart."""
        return "_".join(filter(None, (issue, self._entry.entry_id, detail)))

    @callback
    def async_raise(
        self,
        issue: Issue,
        *,
        severity: ir.IssueSeverity,
        detail: str = "",
        placeholders: dict[str, str] | None = None,
        data: IssueData | None = None,
    ) -> None:
        """Tell the user.

        Args:
            issue: What about.
            severity: How bad it is.
            detail: What tells it from others of its kind.
            placeholders: What its texts name, beside the UPS.
            data: What its repair needs to know; None if there is nothing to press.

        """
        issue_id = self.id_of(issue, detail)
        self._raised.add(issue_id)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data=data,
            is_fixable=data is not None,
            severity=severity,
            translation_key=issue,
            translation_placeholders={"ups": self._entry.title, **(placeholders or {})},
        )

    @callback
    def async_settle(self, issue: Issue, detail: str = "") -> None:
        """Take an issue back, if it was raised."""
        issue_id = self.id_of(issue, detail)
        self._raised.discard(issue_id)
        ir.async_delete_issue(self._hass, DOMAIN, issue_id)

    @callback
    def async_settle_all(self) -> None:
        """Take all issues back."""
        for issue_id in self._raised:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
        self._raised.clear()
