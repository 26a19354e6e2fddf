"""When the plan would begin by itself if the outage went on as it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from .budget import Needs, margin_s, time_to_low_s
from .models import Reason
from .power import PowerNow
from .specs import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The beginning of a plan."""

    in_s: float
    """Seconds from now."""
    reason: Reason | None
    """None if nothing is known that would begin it."""


def predict(plan: Plan, now: PowerNow, needed: Needs) -> Start:
    """Return which trigger is the first to begin the plan; on mains, of an outage beginning now."""
    # Of two that come at once the trigger watch names the first.
    starts = [*_low(now), *_times(plan, now), *_estimates(plan, now, needed)]
    return min(starts, key=lambda start: start.in_s, default=Start(in_s=0.0, reason=None))


def _low(now: PowerNow) -> Iterator[Start]:
    """Yield what nothing can delay."""
    if (low_s := time_to_low_s(now)) is not None:
        yield Start(in_s=low_s, reason=Reason.LOW_BATTERY)


def _times(plan: Plan, now: PowerNow) -> Iterator[Start]:
    """Yield what only the time on battery decides."""
    limit_s = plan.triggers.time_on_battery_s
    if limit_s is not None:
        in_s = max(limit_s, plan.triggers.debounce_s) - now.on_battery_s
        yield Start(in_s=max(0.0, in_s), reason=Reason.TIME_ON_BATTERY)


def _estimates(plan: Plan, now: PowerNow, needed: Needs) -> Iterator[Start]:
    """Yield what must hold: while the clock runs, runtime and margin fall a second a second."""
    triggers = plan.triggers
    falls = (
        (Reason.RUNTIME, _above(now.runtime_s, triggers.runtime_below_s)),
        (Reason.CHARGE, _charge_above_s(now, triggers.charge_below)),
        (Reason.MARGIN, _above(margin_s(now, plan, needed), triggers.margin_below_s)),
    )
    # One that is fulfilled already has held for as long as the outage has lasted, or longer.
    earliest_s = max(triggers.debounce_s - now.on_battery_s, 0.0)
    for reason, in_s in falls:
        if in_s is None:
            continue
        held_s = triggers.hold_s if in_s > 0.0 else triggers.hold_s - now.on_battery_s
        yield Start(in_s=max(earliest_s, max(in_s, 0.0) + max(held_s, 0.0)), reason=reason)


def _above(value: float | None, limit: float | None) -> float | None:
    """Return by how much a value still exceeds its limit; None if either is unknown."""
    return None if value is None or limit is None else value - limit


def _charge_above_s(now: PowerNow, limit: float | None) -> float | None:
    """Return how long the charge takes to fall to its limit; None if unknown."""
    above = _above(now.charge, limit)
    if above is None or now.runtime_s is None or not now.charge:
        return None if above is None or above > 0.0 else 0.0
    return now.runtime_s * (above / now.charge)
