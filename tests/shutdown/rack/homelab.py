"""The reference installation (shutdown-targets.md 6.1) with fake hosts, as timelines.

A BW55T of 340 W that lasts about 65 minutes at 12 % load, low battery at 30 %.
"""

from dataclasses import replace
from functools import cache
from typing import Final

from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import OutputOptions, Restore, Triggers

from .battery import UpsSpec
from .facts import What
from .machine import MachineSpec, Wake
from .rules import violations
from .run import Ending, simulate, timeline
from .scenario import Outage, Scenario

RATED_W: Final = 340.0
# 65 minutes at 12 % load, by a battery whose time is inverse to its load.
FULL_LOAD_S: Final = 65.0 * 60.0 * 0.12
OUTAGE_AT: Final = 60.0
HIDDEN: Final = frozenset({What.CARRIED_OUT, What.HA_UP})


def _machines(*, load: float, is_source: bool) -> tuple[MachineSpec, ...]:
    """Return the hosts, which draw `load` per cent of the rated power together."""
    watts = RATED_W * load / 100.0
    storage = ("qnap",)
    return (
        MachineSpec(
            machine_id="kubernetes",
            kind="cluster",
            stage=10,
            stop_s=120.0,
            time_limit_s=180.0,
            uses=storage,
            runs_on=("pve2", "pve1"),
            wake=Wake.NONE,
        ),
        MachineSpec(
            machine_id="pve2",
            kind="hypervisor",
            stage=30,
            stop_s=100.0,
            boot_s=120.0,
            time_limit_s=240.0,
            watts=0.4 * watts,
            uses=storage,
        ),
        MachineSpec(
            machine_id="qnap",
            kind="nas",
            stage=40,
            stop_s=110.0,
            boot_s=200.0,
            time_limit_s=180.0,
            watts=0.3 * watts,
            is_data_source=is_source,
            at_low_s=30.0,
        ),
        MachineSpec(
            machine_id="pve1",
            kind="hypervisor",
            stage=50,
            stop_s=60.0,
            boot_s=120.0,
            time_limit_s=60.0,
            watts=0.3 * watts,
        ),
    )


def _homelab(*, load: float, on_qnap: bool, outage_s: float) -> Scenario:
    return Scenario(
        machines=_machines(load=load, is_source=on_qnap),
        ups=UpsSpec(
            rated_w=RATED_W,
            full_load_s=FULL_LOAD_S,
            charge_low=30.0,
            recharge_s=4.0 * 3600.0,
            idle_w=0.0,
        ),
        triggers=Triggers(),
        restore=Restore(),
        output=None if on_qnap else OutputOptions(),
        home_assistant="pve1",
        start_s=60.0,
        outages=(Outage(at=OUTAGE_AT, duration_s=outage_s),),
        limit_s=20_000.0,
    )


HOMELABS: Final = {
    "UPS on Home Assistant, 12 % load": _homelab(load=12.0, on_qnap=False, outage_s=7200.0),
    "UPS on Home Assistant, 65 % load": _homelab(load=65.0, on_qnap=False, outage_s=3600.0),
    "UPS on the QNAP, 12 % load": _homelab(load=12.0, on_qnap=True, outage_s=7200.0),
    "UPS on the QNAP, 65 % load": _homelab(load=65.0, on_qnap=True, outage_s=3600.0),
}
LOW_AT_ONCE: Final = "UPS on Home Assistant, 65 % load, low battery in the middle of the plan"
HOMELABS[LOW_AT_ONCE] = replace(
    HOMELABS["UPS on Home Assistant, 65 % load"],
    ups=replace(HOMELABS["UPS on Home Assistant, 65 % load"].ups, charge=42.0),
)


@cache
def run_homelab(title: str) -> Ending:
    """Run one of them, once."""
    return simulate(HOMELABS[title], Runner)


def describe(title: str) -> tuple[list[str], list[str]]:
    """Return a timeline as lines, and what was broken."""
    ending = run_homelab(title)
    broken = violations(ending)
    lines = [title, "=" * len(title), *timeline(ending.facts, without=HIDDEN)]
    lines += broken or [f"ends with {', '.join(ending.home.ends) or 'no plan'}; no rule broken"]
    return lines, broken
