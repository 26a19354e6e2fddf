"""What the runner tells whoever listens; never waits for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .models import NOTHING


class PlanEventType(StrEnum):
    """Types of events; the `plan_` ones are those of the event entity (design.md section 6)."""

    STATE = "state"
    """The runner's state, a figure or a target's state changed."""
    STARTED = "plan_started"
    STEP = "plan_step"
    """Something that a person would want to see in a log of the run."""
    CANCELLED = "plan_cancelled"
    FINISHED = "plan_finished"
    FAILED = "plan_failed"
    """It ended, and the report names somebody who did not stop or did not come back."""
    DATA_LOST = "data_lost"
    """No data for 10 s while on battery: a critical message."""
    WOULD_START = "would_start"
    """A trigger holds, but the plan is not armed, or in maintenance. Once per outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEvent:
    """One thing that happened."""

    type: PlanEventType
    at: datetime
    plan_id: str = ""
    target_id: str = ""
    key: str = ""
    """What happened, as a word of `TargetState`, `Reason`, `PlanResult` or of the journal."""
    detail: str = ""
    """In English, no secret."""
    data: Mapping[str, str] = field(default=NOTHING)
    """`seconds`: what a stop took that we asked for, and saw from its beginning to its end."""
