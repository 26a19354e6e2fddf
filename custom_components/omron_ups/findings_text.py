"""Findings of the shutdown plan in the user's language, for forms and logs."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .shutdown.models import Finding, Severity

_MARKS: Mapping[Severity, str] = {
    Severity.OK: "✅",
    Severity.WARNING: "⚠️",
    Severity.ERROR: "❌",
}


async def async_describe(hass: HomeAssistant, findings: Iterable[Finding], *, ups: str) -> str:
    """Return the findings on the plan of a UPS as a list in Markdown, worst first."""
    texts = await async_get_translations(hass, hass.config.language, "issues", [DOMAIN])
    worst_first = sorted(findings, key=lambda item: item.severity, reverse=True)
    return "\n".join(f"- {_MARKS[item.severity]} {_text(texts, item, ups)}" for item in worst_first)


async def async_confirmation(hass: HomeAssistant, at: datetime | None) -> str:
    """Return whether a target was ever stopped for real, and when, as a sentence."""
    texts = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
    base = f"component.{DOMAIN}.common"
    if at is None:
        return texts[f"{base}.unconfirmed"]
    return texts[f"{base}.confirmed"].format(date=f"{dt_util.as_local(at):%Y-%m-%d}")


def _text(texts: Mapping[str, str], finding: Finding, ups: str) -> str:
    """Return title and cure of a finding; the bare key if a kind forgot its words."""
    base = f"component.{DOMAIN}.issues.{finding.key}"
    title, cure = texts.get(f"{base}.title"), texts.get(f"{base}.description")
    if title is None or cure is None:
        return " ".join((finding.key, *finding.placeholders.values()))
    words = {"ups": ups, **finding.placeholders}
    return f"**{title.format_map(words)}** {cure.format_map(words)}"
