"""Tries a plan without any effect: looks at each target, and lets its kind try what it can."""

import asyncio
from collections.abc import Collection, Mapping
import logging

from .evidence import Gateway, Look
from .models import PlanResult, Reason, TargetState
from .ports import Ports
from .records import Stamp
from .report import Report, ReportLine, TargetReport
from .specs import Plan, TargetSpec
from .target import Target

_LOGGER = logging.getLogger(__name__)

LIMIT_S = 60.0
"""For one target: a dry run on the server may take longer than one request."""


class Rehearsal:
    """One rehearsal. Nothing that it sends has an effect."""

    def __init__(self, plan: Plan, targets: Mapping[str, Target], ports: Ports) -> None:
        """Rehearse `plan`."""
        self._plan = plan
        self._targets = targets
        self._ports = ports
        self._gateway = Gateway(ports.network, plan.gateway)

    async def run(self, plan_id: str, chosen: Collection[str], *, began: Stamp) -> Report:
        """Try the chosen targets, in their order, and return what would have been stopped."""
        specs = [s for stage in self._plan.stages() for s in stage]
        if self._plan.own_host is not None:
            specs.append(self._plan.own_host)
        specs = [s for s in specs if s.target_id in chosen and s.target_id in self._targets]
        found = await asyncio.gather(*(self._try(spec) for spec in specs))
        return Report(
            plan_id=plan_id,
            reason=Reason.REHEARSAL,
            result=PlanResult.REHEARSED,
            began_at=began.at.isoformat(timespec="milliseconds"),
            ended_at=self._ports.clock.utc().isoformat(timespec="milliseconds"),
            is_outage=False,
            targets=tuple(report for report, _ in found),
            lines=tuple(line for _, lines in found for line in lines),
            detail="; ".join(
                f"{report.name} could not be tried" for report, lines in found if not lines
            ),
        )

    async def _try(self, spec: TargetSpec) -> tuple[TargetReport, tuple[ReportLine, ...]]:
        target = self._targets[spec.target_id]
        look = Look(target, self._ports.network, self._gateway)
        lines: tuple[ReportLine, ...] = ()
        evidence = ""
        try:
            async with asyncio.timeout(LIMIT_S):
                seen = await look.take()
                evidence = f"{seen.state}: {seen.evidence}" if seen.evidence else seen.state.value
                lines = tuple(
                    self._line(spec, text) for text in (evidence, *await target.rehearse())
                )
        except Exception as err:
            _LOGGER.exception("%s: cannot be rehearsed", spec.name)
            evidence = f"cannot be tried: {err!r}"
        finally:
            look.forget()
        report = TargetReport(
            target_id=spec.target_id, name=spec.name, state=TargetState.WAITING, evidence=evidence
        )
        return report, lines

    def _line(self, spec: TargetSpec, text: str) -> ReportLine:
        at = self._ports.clock.utc().isoformat(timespec="milliseconds")
        return ReportLine(at=at, did="rehearsed", target_id=spec.target_id, detail=text)
