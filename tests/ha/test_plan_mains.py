"""The entity that says whether there is mains: the one that is configured, and no other."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.const import CONF_MAINS_ENTITY, CONF_SHUTDOWN_PLAN
from custom_components.omron_ups.plan_mains import MainsEntity
from tests.ha.common import MockConfigEntry


def name(hass: HomeAssistant, entry: MockConfigEntry, entity_id: str | None) -> None:
    """Let the options name this entity."""
    plan = {} if entity_id is None else {CONF_MAINS_ENTITY: entity_id}
    hass.config_entries.async_update_entry(entry, options={CONF_SHUTDOWN_PLAN: plan})


@pytest.mark.parametrize(
    ("state", "has_mains"),
    [("on", True), ("off", False), ("unavailable", None), (None, None)],
    ids=["on", "off", "unavailable", "gone"],
)
async def test_what_it_says(
    hass: HomeAssistant, entry: MockConfigEntry, state: str | None, has_mains: bool | None
) -> None:
    if state is not None:
        hass.states.async_set("switch.plug", state)
    name(hass, entry, "switch.plug")
    assert MainsEntity(hass, entry, lambda: None).has_mains is has_mains


async def test_without_one_nothing_is_said(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    mains = MainsEntity(hass, entry, lambda: None)
    mains.async_track()
    assert mains.has_mains is None


async def test_only_the_one_that_is_configured_is_heard(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    heard: list[str] = []
    mains = MainsEntity(hass, entry, lambda: heard.append("changed"))

    async def both_change(state: str) -> int:
        heard.clear()
        for entity_id in ("switch.old", "switch.new"):
            hass.states.async_set(entity_id, state)
        await hass.async_block_till_done()
        return len(heard)

    counts = []
    for number, entity_id in enumerate(("switch.old", "switch.old", "switch.new", None)):
        name(hass, entry, entity_id)
        mains.async_track()
        counts.append(await both_change(str(number)))
    assert counts == [1, 1, 1, 0]
    name(hass, entry, "switch.new")
    mains.async_track()
    mains.async_stop()
    assert await both_change("last") == 0
