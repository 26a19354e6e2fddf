"""The options step of the plan."""

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.omron_ups.const import CONF_SHUTDOWN_PLAN
from custom_components.omron_ups.shutdown.specs import NOT_IN_PLAN, Triggers
from tests.ha.common import MockConfigEntry, open_options
from tests.ha.plan import add_host, plan_of, suggestions, target_id

EVERYTHING_OFF = {
    "triggers": {},
    "restore": {"restores": True, "mains_stable": 60},
    "acts_at_low_battery": True,
    "maintenance_hours": 2,
}


async def test_what_most_people_want_is_proposed(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = dict(await open_options(hass, loaded, CONF_SHUTDOWN_PLAN))
    usual = Triggers()
    assert suggestions(form) == {
        "time_on_battery": usual.time_on_battery_s,
        "margin_below": usual.margin_below_s,
        "data_lost": usual.data_lost_s,
    }


async def test_an_answer_counts_at_once_and_an_emptied_trigger_is_off(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    runtime_data = loaded.runtime_data
    await add_host(hass, loaded, "nas")
    owner = target_id(loaded, "nas")
    form = await open_options(hass, loaded, CONF_SHUTDOWN_PLAN)
    answer = {**EVERYTHING_OFF, "home_assistant_host": owner}
    done = await hass.config_entries.options.async_configure(form["flow_id"], answer)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    plan = plan_of(loaded).runner.plan
    assert plan.home_assistant_host == owner
    assert (plan.triggers.time_on_battery_s, plan.triggers.margin_below_s) == (None, None)
    assert loaded.runtime_data is runtime_data
    form = await open_options(hass, loaded, CONF_SHUTDOWN_PLAN)
    shown = suggestions(dict(form))
    assert shown["home_assistant_host"] == owner
    assert "time_on_battery" not in shown
    answer = {**EVERYTHING_OFF, "home_assistant_host": NOT_IN_PLAN}
    await hass.config_entries.options.async_configure(form["flow_id"], answer)
    await hass.async_block_till_done()
    assert plan_of(loaded).runner.plan.home_assistant_host == NOT_IN_PLAN
