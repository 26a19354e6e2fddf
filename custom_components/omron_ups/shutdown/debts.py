"""What a plan leaves to the next one."""

from collections.abc import Iterator

from .folding import PlanRecord, TargetRecord
from .models import TargetState
from .records import Json, OutputAction, OutputAsked, Owed

_BOOTING = frozenset({TargetState.RETURNING, TargetState.NOT_BACK})


def debts_of(record: PlanRecord) -> Iterator[Owed | OutputAsked]:
    """Yield what is still to be brought back or taken back, and a countdown that may run."""
    output = record.output
    if output is not None and output.may_run:
        yield OutputAsked(action=OutputAction.ARM, delay_s=output.delay_s, returns=output.returns)
    for target_id, target in record.targets.items():
        is_stopped = target.is_ours
        steps = () if _is_clean(target) else target.to_take_back
        if is_stopped or steps:
            yield Owed(
                target_id=target_id,
                steps=steps,
                is_stopped=is_stopped,
                is_booting=target.state in _BOOTING,
            )


def left_off(report: Json | None) -> Iterator[str]:
    """Yield the ids of the targets that were off at the end of the last plan, by its doing."""
    for row in (report or {}).get("targets", ()):
        if row.get("state") == TargetState.NOT_BACK:
            yield str(row.get("target_id"))


def _is_clean(target: TargetRecord) -> bool:
    return target.state in {TargetState.BACK, TargetState.UNDONE}
