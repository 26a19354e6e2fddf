"""What the shutdown plan tells, as events of the event entity."""

from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, callback

from .plan_service import PlanService
from .power_reports import PowerReports
from .shutdown.events import PlanEvent, PlanEventType

PLAN_EVENTS: Final[tuple[PlanEventType, ...]] = (
    PlanEventType.STARTED,
    PlanEventType.STEP,
    PlanEventType.CANCELLED,
    PlanEventType.FINISHED,
    PlanEventType.FAILED,
)
"""The types that the event entity has for the plan."""


@callback
def async_report_plan(plan: PlanService, reports: PowerReports) -> CALLBACK_TYPE:
    """Tell what happens to the plan; returns the undo."""

    @callback
    def report(event: PlanEvent) -> None:
        if event.type in PLAN_EVENTS:
            reports.async_report(event.type, _facts(plan, event))

    return plan.subscribe_events(report)


def _facts(plan: PlanService, event: PlanEvent) -> dict[str, Any]:
    names = {spec.target_id: spec.name for spec in plan.specs}
    facts = {
        "plan_id": event.plan_id,
        "target": names.get(event.target_id, ""),
        "what": event.key,
        "detail": event.detail,
        "at": event.at.isoformat(),
    }
    return {name: value for name, value in facts.items() if value}
