"""Puts a UpsState together from what was read, when, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from .capabilities import Dialect
from .models import LinkInfo, Outlet, UpsState
from .profiles import OMRON_VENDOR_ID, find_profile
from .queries import Q1Reply
from .status import Status
from .variables import nut_variables

MANUFACTURER = "OMRON"
FULL_CHARGE = 100
_Q1_FIELDS = (
    "input_voltage",
    "input_voltage_fault",
    "output_voltage",
    "load",
    "input_frequency",
    "battery_voltage",
    "temperature",
)
_STATUS_FIELDS = tuple(field.name for field in fields(Status))
_ALARMS: tuple[tuple[str, str], ...] = (
    ("fault", "UPS fault"),
    ("replace_battery", "Replace battery"),
    ("overload", "Overload"),
    ("shutdown_pending", "Shutdown pending"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value that a query gave, and how long it may be believed."""

    value: Any
    read_at: float
    lifetime_s: float

    def is_known(self, now: float) -> bool:
        """Tell whether the value is young enough to be believed."""
        return now - self.read_at <= self.lifetime_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that is at hand when a state is published."""

    reply: Q1Reply
    read_at: float
    status: Status
    readings: Mapping[str, Reading]
    link: LinkInfo
    is_omron: bool
    dialect: Dialect
    driver: Mapping[str, str]
    """The constant ``driver.*`` variables."""


def assemble(seen: Observation) -> UpsState:
    """Return the state that `seen` amounts to."""
    known = {
        name: reading.value
        for name, reading in seen.readings.items()
        if reading.is_known(seen.read_at)
    }
    if seen.dialect is Dialect.MEGATEC:
        # Index 7 is the beeper in Megatec's protocol, never in OMRON's.
        known["beeper_enabled"] = seen.reply.bit(7)
    loads = known.pop("outlet_loads", ())
    outlets = _outlets(known.pop("outlet_switches", ()), loads)
    measured = (known.pop("measured_realpower", None), known.pop("measured_power", None))
    state = UpsState(
        stale=False,
        read_at=seen.read_at,
        read_times=_read_times(seen),
        raw_status=seen.reply.status,
        topology=seen.reply.topology,
        outlets=outlets,
        **{name: getattr(seen.reply, name) for name in _Q1_FIELDS},
        **{name: getattr(seen.status, name) for name in _STATUS_FIELDS},
        **known,
    )
    state = _with_identity(state, seen)
    state = _with_load(state, *measured)
    state = replace(state, charging=_charging(state), alarms=_alarms(state))
    return replace(state, variables=nut_variables(state, seen.driver))


def _read_times(seen: Observation) -> Mapping[str, float]:
    times = dict.fromkeys(_Q1_FIELDS, seen.read_at)
    times.update((name, reading.read_at) for name, reading in seen.readings.items())
    return MappingProxyType(times)


def _outlets(switches: tuple[Outlet, ...], loads: tuple[Outlet, ...]) -> tuple[Outlet, ...]:
    outlets = tuple(
        replace(switch, realpower=load.realpower, power=load.power)
        for switch, load in zip_longest(switches, loads, fillvalue=Outlet())
    )
    # A unit without outlet groups answers LC all the same, with dashes for each of them.
    return outlets if any(outlet != Outlet() for outlet in outlets) else ()


def _with_identity(state: UpsState, seen: Observation) -> UpsState:
    link = seen.link
    model = link.model or state.model
    profile = find_profile(model=model, product_id=link.product_id)
    if profile is None or not seen.is_omron:
        return replace(
            state,
            manufacturer=link.manufacturer or (MANUFACTURER if seen.is_omron else None),
            model=model,
            serial=state.serial or link.serial,
            vendor_id=link.vendor_id,
            product_id=link.product_id,
        )
    return replace(
        state,
        manufacturer=link.manufacturer or MANUFACTURER,
        model=model or profile.model,
        serial=state.serial or link.serial,
        vendor_id=link.vendor_id or OMRON_VENDOR_ID,
        product_id=link.product_id or profile.product_id,
    )


def _with_load(state: UpsState, realpower: int | None, power: int | None) -> UpsState:
    """Prefer the measured load; else derive it from the percentage of the rating."""
    return replace(
        state,
        realpower=_share(state.load, state.realpower_nominal) if realpower is None else realpower,
        power=_share(state.load, state.power_nominal) if power is None else power,
        power_measured=realpower is not None,
    )


def _share(percent: int | None, whole: int | None) -> int | None:
    return None if percent is None or whole is None else round(percent * whole / 100)


def _charging(state: UpsState) -> bool | None:
    if state.on_battery is None:
        return None
    if state.on_battery:
        return False
    return None if state.battery_charge is None else state.battery_charge < FULL_CHARGE


def _alarms(state: UpsState) -> tuple[str, ...]:
    return tuple(text for name, text in _ALARMS if getattr(state, name))
