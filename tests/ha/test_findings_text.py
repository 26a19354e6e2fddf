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
    lines = (await async_describe(hass, [NAMED, SILENT], ups="BW55T")).splitlines()
    assert lines[0].startswith("- ❌ **NAS cannot be reached** Switch it on")
    assert lines[0].endswith("refused {port}")
    assert lines[1].startswith("- ⚠️ **NAS is addressed by a name** Use its IP address")


async def test_in_japanese(hass: HomeAssistant) -> None:
    hass.config.language = "ja"
    assert "NAS に到達できません" in await async_describe(hass, [SILENT], ups="BW55T")


async def test_the_plan_as_a_whole_is_named_after_its_ups(hass: HomeAssistant) -> None:
    disarmed = Finding(severity=Severity.WARNING, key="plan_disarmed")
    said = await async_describe(hass, [disarmed], ups="BW55T")
    assert said.startswith("- ⚠️ **The shutdown plan of BW55T is not armed**")


async def test_words_that_a_kind_forgot(hass: HomeAssistant) -> None:
    forgotten = Finding(severity=Severity.ERROR, key="no_such_key", placeholders={"detail": "seen"})
    assert await async_describe(hass, [forgotten], ups="BW55T") == "- ❌ no_such_key seen"


async def test_nothing_is_nothing(hass: HomeAssistant) -> None:
    assert await async_describe(hass, [], ups="BW55T") == ""
