"""Puts a UpsState together from what another NUT server says."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from .assemble import FULL_CHARGE, LOOKS_HALVED, MANUFACTURER
from .models import UpsState
from .profiles import ModelProfile, find_profile
from .remote_status import RemoteStatus
from .remote_values import is_vendor_driver, number, passed_on, readings
from .status import Status
from .variables import nut_variables

_STATUS_FIELDS = tuple(entry.name for entry in fields(Status))
# A UpsState has defaults for these; without the server's word they would be made up.
_DELAYS = {"ups.delay.shutdown": "shutdown_delay", "ups.delay.start": "start_delay"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteObservation:
    """Everything that is at hand when a state is published."""

    found: Mapping[str, str]
    """The known variables of the last poll."""
    status: RemoteStatus
    read_at: float
    driver: Mapping[str, str]
    """The constant ``driver.*`` variables."""
    battery_packs: int = 1


def assemble_remote(seen: RemoteObservation) -> UpsState:
    """Return the state that `seen` amounts to."""
    values = readings(seen.found)
    told = seen.status.status
    status = {name: getattr(told, name) for name in _STATUS_FIELDS}
    state = UpsState(
        stale=False,
        read_at=seen.read_at,
        read_times=MappingProxyType(dict.fromkeys(values, seen.read_at)),
        raw_status=seen.status.words,
        forced_shutdown=seen.status.forced_shutdown,
        alarms=seen.status.alarms,
        charging=_charging(seen, values.get("battery_charge")),
        **(status | values),
    )
    profile = _profile(state)
    state = _with_load(_with_ratings(state, profile), number(seen.found.get("ups.load", "")))
    state = _with_battery_voltage(state, seen.battery_packs, profile)
    return replace(state, variables=_variables(state, seen, values))


def _charging(seen: RemoteObservation, charge: int | None) -> bool | None:
    """Believe the server's words; a full battery is not charging.

    Vendor driver 1.02 has no word for it, so there the rule of our own link holds.
    """
    if seen.status.charging is not None or charge is None:
        return seen.status.charging
    if charge < FULL_CHARGE:
        return True if is_vendor_driver(seen.found) else None
    return False


def _profile(state: UpsState) -> ModelProfile | None:
    if not (state.manufacturer or "").upper().startswith(MANUFACTURER):
        return None
    return find_profile(model=state.model, product_id=state.product_id)


def _with_ratings(state: UpsState, profile: ModelProfile | None) -> UpsState:
    if profile is None:
        return state
    return replace(
        state,
        realpower_nominal=state.realpower_nominal or profile.realpower_nominal,
        power_nominal=state.power_nominal or profile.power_nominal,
    )


def _with_load(state: UpsState, percent: float | None) -> UpsState:
    """Prefer the measured load; else derive it from the percentage of the rating."""
    return replace(
        state,
        realpower=_share(percent, state.realpower_nominal, state.realpower),
        power=_share(percent, state.power_nominal, state.power),
        power_measured=state.realpower is not None,
    )


def _share(percent: float | None, rating: int | None, measured: int | None) -> int | None:
    if measured is not None or percent is None or rating is None:
        return measured
    return round(percent * rating / 100)


def _with_battery_voltage(state: UpsState, packs: int, profile: ModelProfile | None) -> UpsState:
    """Multiply as the user said, and otherwise only say what looks wrong."""
    voltage, nominal = state.battery_voltage, state.battery_voltage_nominal
    if packs > 1:
        multiplied = None if voltage is None else voltage * packs
        return replace(state, battery_packs=packs, battery_voltage=multiplied)
    low, high = LOOKS_HALVED
    if not voltage or nominal is None or not low <= nominal / voltage <= high:
        return state
    suggested = None if profile is None else profile.battery_packs
    return replace(state, battery_packs_suggested=suggested or 2)


def _variables(
    state: UpsState, seen: RemoteObservation, values: Mapping[str, Any]
) -> Mapping[str, str]:
    """Return what our own clients are served: our spelling, and what we do not model beside it."""
    served = passed_on(seen.found) | dict(nut_variables(state, seen.driver))
    for name, field in _DELAYS.items():
        if field not in values:
            del served[name]
    return MappingProxyType(dict(sorted(served.items())))
