"""What Discord is told about the shutdown plan: what it will do, how far it is, how it went."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from .discord_messages import KIND_PLAN, KIND_REPORT
from .discord_service import DiscordService
from .discord_words import NOTES
from .outbox import Letter
from .shutdown.events import PlanEvent, PlanEventType
from .shutdown.report import Report
from .shutdown.runner import Runner

_ENDS: Final = frozenset({PlanEventType.CANCELLED, PlanEventType.FINISHED, PlanEventType.FAILED})


class PlanTeller:
    """Follows a shutdown plan and writes letters about it; never delays it."""

    def __init__(
        self,
        discord: DiscordService,
        runner: Runner,
        *,
        maintenance_until: Callable[[], datetime | None],
    ) -> None:
        """Follow nobody yet."""
        self._discord = discord
        self._runner = runner
        self._maintenance_until = maintenance_until
        self._plan_id = ""
        self._told: object = None

    @callback
    def async_start(
        self, subscribe: Callable[[Callable[[PlanEvent], None]], CALLBACK_TYPE]
    ) -> CALLBACK_TYPE:
        """Tell what `subscribe` tells; returns the undo."""
        self._discord.async_set_plan_facts(self.facts)
        return subscribe(self._handle_event)

    def facts(self) -> dict[str, Any]:
        """Return what every message says about the plan; see discord_messages."""
        runner = self._runner
        if not runner.plan.targets:
            return {"plan": "none"}
        if runner.is_open:
            return {"plan": "running"}
        if (until := self._maintenance_until()) is not None:
            return {"plan": "maintenance", "maintenance_until": until.timestamp()}
        if not runner.is_armed:
            return {"plan": "disarmed"}
        timeline = runner.preview()
        known = {"plan": "armed", "plan_needs": timeline.needs_s}
        if timeline.trigger is None or timeline.is_short:
            return known
        return known | {"plan_starts_at": dt_util.utcnow().timestamp() + timeline.starts_in_s}

    def _handle_event(self, event: PlanEvent) -> None:
        self._plan_id = event.plan_id or self._plan_id
        if event.type in NOTES:
            self._tell_note(event)
        elif event.type in _ENDS:
            self._tell_end(event)
        elif self._runner.is_open and self._plan_id:
            self._tell_progress(event)

    def _tell_note(self, event: PlanEvent) -> None:
        """Tell what nobody may miss, though no host is stopped because of it."""
        data = self._discord.facts | {"reason": event.key}
        self._discord.async_put_plan(Letter(kind=event.type.value, at=event.at, data=data))

    def _tell_progress(self, event: PlanEvent) -> None:
        rows = [
            [spec.name, self._runner.target_states[spec.target_id].value, None]
            for spec in self._runner.plan.targets
        ]
        if rows == self._told:
            return
        self._told = rows
        self._put(KIND_PLAN, event.at, {"event": PlanEventType.STARTED.value, "rows": rows})

    def _tell_end(self, event: PlanEvent) -> None:
        """Tell how it went, from the journal: it knows what was before a restart too."""
        report = self._runner.last_report
        data: dict[str, Any] = {"event": event.type.value, "detail": event.detail, "rows": []}
        if report is not None and report.plan_id == event.plan_id:
            data |= {"rows": report_rows(report), "detail": report.detail}
        self._put(KIND_REPORT, event.at, data)
        self._plan_id, self._told = "", None

    def _put(self, kind: str, at: datetime, data: Mapping[str, Any]) -> None:
        group = f"plan {self._plan_id}"
        facts = self._discord.facts | dict(data)
        self._discord.async_put_plan(Letter(kind=kind, at=at, group=group, data=facts))


def report_rows(report: Report) -> list[list[Any]]:
    """Return name, state, seconds and battery charge when that was so, of each target."""
    charges = {line.target_id: line.charge for line in report.lines if line.did == "settled"}
    return [
        [
            target.name,
            target.state.value,
            None if target.seconds is None else round(target.seconds),
            charges.get(target.target_id),
        ]
        for target in report.targets
    ]
