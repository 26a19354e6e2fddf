"""Puts a UpsState together from what was read, when, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from .capabilities import Dialect
from .delays import Delays
from .models import LinkInfo, Outlet, UpsState
from .profiles import OMRON_VENDOR_ID, ModelProfile, find_profile
from .queries import Q1Bit, Q1Reply
from .status import Status
from .variables import nut_variables

MANUFACTURER = "OMRON"
FULL_CHARGE = 100
# Nominal over measured battery voltage where the unit seems to report one of two blocks.
LOOKS_HALVED = (1.6, 2.3)
_Q1_FIELDS = (
    "input_voltage",
    "input_voltage_fault",
    "output_voltage",
    "load",
    "input_frequency",
    "battery_voltage",
    "temperature",
)
_STATUS_FIELDS = tuple(entry.name for entry in fields(Status))
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
    delays: Delays = field(default_factory=Delays)
    battery_packs: int = 1
    estimates_runtime: bool = False
    """Whether the unit has no query for the runtime, so that the formula may stand in."""


def assemble(seen: Observation) -> UpsState:
    """Return the state that `seen` amounts to."""
    known = {
        name: reading.value
        for name, reading in seen.readings.items()
        if reading.is_known(seen.read_at)
    }
    if seen.dialect is Dialect.MEGATEC:
        known["beeper_enabled"] = seen.reply.bit(Q1Bit.BEEPER)
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
        shutdown_delay=seen.delays.shutdown_s,
        start_delay=seen.delays.start_s,
        **{name: getattr(seen.reply, name) for name in _Q1_FIELDS},
        **{name: getattr(seen.status, name) for name in _STATUS_FIELDS},
        **known,
    )
    profile = _profile(state, seen)
    state = _with_identity(state, seen, profile)
    state = _with_load(state, *measured)
    state = _with_battery_voltage(state, seen.battery_packs, profile)
    if seen.estimates_runtime:
        state = _with_runtime(state, profile)
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


def _profile(state: UpsState, seen: Observation) -> ModelProfile | None:
    if not seen.is_omron:
        return None
    return find_profile(model=seen.link.model or state.model, product_id=seen.link.product_id)


def _with_identity(state: UpsState, seen: Observation, profile: ModelProfile | None) -> UpsState:
    link = seen.link
    state = replace(
        state,
        manufacturer=link.manufacturer or (MANUFACTURER if seen.is_omron else None),
        model=link.model or state.model,
        serial=state.serial or link.serial,
        vendor_id=link.vendor_id,
        product_id=link.product_id,
    )
    if profile is None:
        return state
    return replace(
        state,
        model=state.model or profile.model,
        vendor_id=link.vendor_id or OMRON_VENDOR_ID,
        product_id=link.product_id or profile.product_id,
        realpower_nominal=state.realpower_nominal or profile.realpower_nominal,
        power_nominal=state.power_nominal or profile.power_nominal,
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


def _with_battery_voltage(state: UpsState, packs: int, profile: ModelProfile | None) -> UpsState:
    """Multiply as the user said, and otherwise only say what looks wrong."""
    voltage = state.battery_voltage
    if packs > 1:
        return replace(
            state,
            battery_packs=packs,
            battery_voltage=None if voltage is None else voltage * packs,
        )
    suggested = None if profile is None else profile.battery_packs
    nominal = state.battery_voltage_nominal
    if suggested is None and voltage and nominal is not None:
        low, high = LOOKS_HALVED
        suggested = 2 if low <= nominal / voltage <= high else None
    return replace(state, battery_packs_suggested=suggested)


def _with_runtime(state: UpsState, profile: ModelProfile | None) -> UpsState:
    constants = None if profile is None else profile.runtime
    if constants is None or state.battery_charge is None or state.load is None:
        return state
    seconds = constants.runtime_s(charge=state.battery_charge, load=state.load)
    return replace(state, battery_runtime=seconds, runtime_estimated=True)


def _charging(state: UpsState) -> bool | None:
    if state.on_battery is None:
        return None
    if state.on_battery:
        return False
    return None if state.battery_charge is None else state.battery_charge < FULL_CHARGE


def _alarms(state: UpsState) -> tuple[str, ...]:
    return tuple(text for name, text in _ALARMS if getattr(state, name))
