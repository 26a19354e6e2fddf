"""The UPS output as the last step of the plan."""

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.omron_ups.plan_options import plan_of
from custom_components.omron_ups.shutdown.specs import OutputOptions
from tests.ha.common import MockConfigEntry
from tests.ha.plan import begin_flow, submit

GIVEN = {"confirmed": True, "returns": False, "delay": 90}


async def test_it_must_be_confirmed(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    form = await begin_flow(hass, loaded, "ups_output")
    assert form["type"] is FlowResultType.FORM
    form = await submit(hass, form, {**GIVEN, "confirmed": False})
    assert form["errors"] == {"confirmed": "not_confirmed"}
    assert plan_of(loaded).output is None
    result = await submit(hass, form, GIVEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert plan_of(loaded).output == OutputOptions(returns=False, delay_s=90.0)
    assert loaded.runtime_data.plan.runner.plan.output == OutputOptions(returns=False, delay_s=90.0)


async def test_there_is_only_one(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await submit(hass, await begin_flow(hass, loaded, "ups_output"), GIVEN)
    again = await begin_flow(hass, loaded, "ups_output")
    assert (again["type"], again["reason"]) == (FlowResultType.ABORT, "output_exists")


async def test_it_can_be_changed_and_removed(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    await submit(hass, await begin_flow(hass, loaded, "ups_output"), GIVEN)
    (subentry,) = loaded.get_subentries_of_type("ups_output")
    form = await begin_flow(hass, loaded, "ups_output", subentry.subentry_id)
    result = await submit(hass, form, {**GIVEN, "returns": True})
    assert result["reason"] == "reconfigure_successful"
    assert plan_of(loaded).output == OutputOptions(returns=True, delay_s=90.0)
    hass.config_entries.async_remove_subentry(loaded, subentry.subentry_id)
    await hass.async_block_till_done()
    assert loaded.runtime_data.plan.runner.plan.output is None
