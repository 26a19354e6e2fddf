"""Findings in the user's language."""

from homeassistant.core import HomeAssistant

from custom_components.omron_ups.findings_text import async_describe
from custom_components.omron_ups.shutdown.findings import FindingKey, finding
from custom_components.omron_ups.shutdown.models import Finding, Severity
from custom_components.omron_ups.shutdown.specs import TargetSpec

NAS = TargetSpec(target_id="1", name="NAS", kind="qnap", stage=1, time_limit_s=60)
SILENT = finding(NAS, FindingKey.UNREACHABLE, detail="refused {port}")
NAMED = finding(NAS, FindingKey.ADDRESS_IS_NAME, detail="nas.lan", severity=Severity.WARNING)


async def test_the_worst_comes_first_with_its_cure(hass: HomeAssistant) -> None:
    lines = (await async_describe(hass, [NAMED, SILENT])).splitlines()
    assert lines[0].startswith("- ❌ **NAS cannot be reached** Switch it on")
    assert lines[0].endswith("refused {port}")
    assert lines[1].startswith("- ⚠️ **NAS is addressed by a name** Use its IP address")


async def test_in_japanese(hass: HomeAssistant) -> None:
    hass.config.language = "ja"
    assert "NAS に到達できません" in await async_describe(hass, [SILENT])


async def test_words_that_a_kind_forgot(hass: HomeAssistant) -> None:
    forgotten = Finding(severity=Severity.ERROR, key="no_such_key", placeholders={"detail": "seen"})
    assert await async_describe(hass, [forgotten]) == "- ❌ no_such_key seen"


async def test_nothing_is_nothing(hass: HomeAssistant) -> None:
    assert await async_describe(hass, []) == ""
