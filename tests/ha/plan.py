"""A shutdown plan in a Home Assistant, with hosts that are entities."""

import asyncio
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, ConfigSubentry
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er

from custom_components.omron_ups.const import CONF_SHUTDOWN_PLAN, DOMAIN
from custom_components.omron_ups.plan_service import PlanService
from custom_components.omron_ups.shutdown.models import PlanState
from custom_components.omron_ups.shutdown.specs import NOT_IN_PLAN
from tests.ha.common import MockConfigEntry, eventually

VERIFY = {"ports": [], "ping": False, "grace": 0}
PART: dict[str, dict[str, Any]] = {
    "verify": VERIFY,
    "wake": {"returns_by_itself": True, "broadcast": "255.255.255.255", "wake_limit": 600},
    "relations": {"is_data_source": False},
}
"""What the form of the plan's part sends if nothing is entered."""


@dataclass(slots=True)
class Host:
    """A host that an action stops, and whose entity says whether it runs."""

    hass: HomeAssistant
    name: str
    stops: bool = True
    """Whether it does what it is told."""
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Be up."""
        self.show("on")
        for action, state in (("stop", "off"), ("wake", "on")):
            self.hass.services.async_register(
                "rack", f"{action}_{self.name}", self._handler(action, state)
            )

    @property
    def entity_id(self) -> str:
        """The entity that shows whether it runs."""
        return f"binary_sensor.{self.name}"

    def show(self, state: str) -> None:
        """Let the entity say this."""
        self.hass.states.async_set(self.entity_id, state)

    @property
    def options(self) -> dict[str, Any]:
        """What the subentry holds of it."""
        return {
            "action": f"rack.stop_{self.name}",
            "confirm_entity": self.entity_id,
            "confirm_states": ["off"],
            "wake_action": f"rack.wake_{self.name}",
        }

    def _handler(self, action: str, state: str) -> Any:
        async def handle(_call: ServiceCall) -> None:
            self.calls.append(action)
            if self.stops:
                self.show(state)

        return handle


def subentry(kind: str, title: str, options: dict[str, Any], **data: Any) -> ConfigSubentry:
    """Return a target as its flow would store it."""
    part = {"stage": 40, "time_limit": 60, **PART, "options": options}
    return ConfigSubentry(
        subentry_type=kind, title=title, unique_id=None, data=MappingProxyType({**part, **data})
    )


async def add_target(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    kind: str,
    title: str,
    options: dict[str, Any],
    **data: Any,
) -> str:
    """Add a target and return its id."""
    target = subentry(kind, title, options, **data)
    hass.config_entries.async_add_subentry(entry, target)
    await hass.async_block_till_done()
    return str(target.subentry_id)


async def add_host(hass: HomeAssistant, entry: MockConfigEntry, name: str, **data: Any) -> Host:
    """Add a host that is an entity; its target has its name."""
    host = Host(hass, name)
    await add_target(hass, entry, "ha_action", name, host.options, **data)
    return host


def target_id(entry: MockConfigEntry, title: str) -> str:
    """Return the id of a target by its name."""
    return next(str(key) for key, item in entry.subentries.items() if item.title == title)


async def answer_plan(hass: HomeAssistant, entry: MockConfigEntry, **options: Any) -> None:
    """Set options of the step `shutdown_plan`; our own host is not in the plan."""
    plan = {
        "home_assistant_host": NOT_IN_PLAN,
        "triggers": {},
        "restore": {"restores": True, "mains_stable": 0.05},
        **options,
    }
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, CONF_SHUTDOWN_PLAN: plan}
    )
    await hass.async_block_till_done()


async def arm(hass: HomeAssistant, entry: MockConfigEntry, **options: Any) -> None:
    """Answer what must be answered, and arm."""
    await answer_plan(hass, entry, **options)
    await switch(hass, entry, "plan_armed", is_on=True)


async def switch(hass: HomeAssistant, entry: MockConfigEntry, key: str, *, is_on: bool) -> None:
    """Turn a switch of the plan."""
    await call(hass, "switch", "turn_on" if is_on else "turn_off", entity_of(hass, entry, key))


async def press(
    hass: HomeAssistant, entry: MockConfigEntry, key: str, owner: str | None = None
) -> None:
    """Press a button of the plan, or of the target whose id is given."""
    await call(hass, "button", "press", entity_of(hass, entry, key, owner))


async def call(hass: HomeAssistant, domain: str, action: str, entity_id: str) -> None:
    """Call an action of an entity and wait for its end."""
    await hass.services.async_call(domain, action, {"entity_id": entity_id}, blocking=True)


def entity_of(
    hass: HomeAssistant, entry: MockConfigEntry, key: str, owner: str | None = None
) -> str:
    """Return the entity id of a key of the UPS, or of the target whose id is given."""
    unique_id = f"{owner or entry.entry_id}_{key}"
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return next(item.entity_id for item in found if item.unique_id == unique_id)


def keys_of(hass: HomeAssistant, entry: MockConfigEntry, owner: str) -> set[str]:
    """Return the keys of the entities that a target has."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {
        item.unique_id.removeprefix(f"{owner}_")
        for item in found
        if item.unique_id.startswith(f"{owner}_")
    }


def plan_of(entry: MockConfigEntry) -> PlanService:
    """Return the plan of an entry that is set up."""
    plan: PlanService = entry.runtime_data.plan
    return plan


async def until_idle(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Wait until no plan is under way."""
    runner = plan_of(entry).runner
    await eventually(lambda: runner.state is PlanState.IDLE and not runner.is_open)
    await hass.async_block_till_done()


async def act(
    hass: HomeAssistant, action: str, *, answers: bool = True, **data: Any
) -> dict[str, Any]:
    """Call an action of the integration and return its response."""
    response = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=answers
    )
    return dict(response or {})


async def begin_flow(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str, changes: str | None = None
) -> dict[str, Any]:
    """Begin to add a target, or to change the one whose id is given."""
    context: dict[str, Any] = {"source": SOURCE_USER}
    if changes is not None:
        context = {"source": SOURCE_RECONFIGURE, "subentry_id": changes}
    manager = hass.config_entries.subentries
    return dict(await manager.async_init((entry.entry_id, kind), context=context))  # type: ignore[arg-type]


async def submit(hass: HomeAssistant, form: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Send a form of a subentry flow."""
    async with asyncio.timeout(30):
        manager = hass.config_entries.subentries
        result = await manager.async_configure(form["flow_id"], data)
    await hass.async_block_till_done()
    return dict(result)


def suggestions(form: dict[str, Any]) -> dict[str, Any]:
    """Return what a form is filled with, that of its sections among it."""
    found: dict[str, Any] = {}
    for marker, value in form["data_schema"].schema.items():
        if hasattr(value, "schema") and hasattr(value.schema, "schema"):
            found |= suggestions({"data_schema": value.schema})
        elif (marker.description or {}).get("suggested_value") is not None:
            found[str(marker)] = marker.description["suggested_value"]
    return found
