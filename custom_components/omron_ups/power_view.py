"""What the shutdown plan is told of a UPS."""

from .driver import UpsState
from .shutdown.models import Power, PowerView


def power_view(
    state: UpsState,
    *,
    age_s: float | None,
    mains_entity: bool | None = None,
    is_forced: bool = False,
) -> PowerView:
    """Return what the plan needs of the driver's state.

    Only the power bit, after the driver's rules for glitches and self-tests, says where the power
    comes from: no status word, known or unknown, is ever taken for an outage.

    Args:
        state: What the driver published last.
        age_s: Seconds since the last good poll, None before the first.
        mains_entity: What a plug or meter outside the UPS says.
        is_forced: Whether an account has set FSD while on battery.

    """
    return PowerView(
        power=_power(state),
        age_s=0.0 if age_s is None else age_s,
        low=state.battery_low,
        charge=state.battery_charge,
        charge_low=state.battery_charge_low,
        runtime_s=state.battery_runtime,
        load=state.load,
        forced=state.forced_shutdown or is_forced,
        mains_entity=mains_entity,
    )


def _power(state: UpsState) -> Power:
    if state.on_battery is None:
        return Power.UNKNOWN
    return Power.BATTERY if state.on_battery else Power.MAINS
