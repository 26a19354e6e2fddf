"""What is wrong with the plan shows in the repairs, and goes."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.omron_ups.const import DOMAIN
from tests.ha.common import MockConfigEntry, eventually
from tests.ha.plan import add_host, add_target, answer_plan, arm, plan_of, target_id

pytestmark = pytest.mark.usefixtures("fast_plan")


def keys(registry: ir.IssueRegistry) -> set[str | None]:
    """Return the keys of the issues that show."""
    return {
        issue.translation_key
        for (domain, _), issue in registry.issues.items()
        if domain == DOMAIN and issue.active
    }


async def test_an_empty_plan_is_nobodys_problem(
    loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    assert plan_of(loaded).findings == ()
    assert keys(issue_registry) == set()


async def test_they_appear_and_go(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await add_host(hass, loaded, "nas")
    assert {"plan_disarmed", "plan_home_assistant_host_unanswered"} <= keys(issue_registry)
    await answer_plan(hass, loaded)
    assert "plan_home_assistant_host_unanswered" not in keys(issue_registry)
    assert "plan_disarmed" in keys(issue_registry)
    await arm(hass, loaded)
    assert "plan_disarmed" not in keys(issue_registry)


async def test_a_simulated_ups_says_that_its_outages_stop_real_hosts(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await add_host(hass, loaded, "nas")
    issue_id = f"plan_simulated_ups_{loaded.entry_id}"
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.WARNING
    await arm(hass, loaded)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.translation_placeholders == {"ups": "BW55T", "target": "", "targets": "nas"}


async def test_a_target_names_itself_and_takes_its_issue_along(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await add_target(hass, loaded, "ha_action", "old", {"action": "rack.gone"})
    owner = target_id(loaded, "old")
    await eventually(lambda: "action_missing" in keys(issue_registry))
    issue_id = f"action_missing_{loaded.entry_id}_{owner}"
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["target"] == "old"
    assert issue.translation_placeholders["ups"] == "BW55T"
    hass.config_entries.async_remove_subentry(loaded, owner)
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_target_that_cannot_be_made_does_not_take_the_others_with_it(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await add_target(hass, loaded, "no_such_kind", "old", {})
    await add_host(hass, loaded, "nas")
    assert "target_options_invalid" in {item.key for item in plan_of(loaded).findings}
    assert plan_of(loaded).is_ready(target_id(loaded, "old")) is None
    await eventually(lambda: plan_of(loaded).is_ready(target_id(loaded, "nas")) is True)


async def test_they_go_with_their_entry(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await add_host(hass, loaded, "nas")
    assert keys(issue_registry)
    await hass.config_entries.async_unload(loaded.entry_id)
    assert keys(issue_registry) == set()
