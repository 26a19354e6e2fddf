"""Some hundred runs in the virtual rack; `scripts/rack` does ten thousand."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import OutputOptions, Restore, Triggers

from .rack.batch import SWEEPS, run_seed
from .rack.battery import UpsSpec
from .rack.faults import FAULTS, Fault
from .rack.machine import MachineSpec, Wake
from .rack.rules import violations
from .rack.run import simulate, timeline
from .rack.scenario import FaultAt, Outage, Scenario

SEEDS = range(110)
# Sweeps take every so many-th point here; `scripts/rack sweep` takes all.
STRIDE = 12

MACHINES = (
    MachineSpec(machine_id="clients", kind="clients", stage=5, wake=Wake.NONE),
    MachineSpec(machine_id="client", kind="", follows="clients", boot_s=5.0),
    MachineSpec(
        machine_id="cluster",
        kind="cluster",
        stage=10,
        uses=("nas",),
        runs_on=("node",),
        wake=Wake.NONE,
    ),
    MachineSpec(machine_id="side", kind="api", stage=20, stop_s=6.0, wake=Wake.OWN),
    MachineSpec(machine_id="node", kind="hypervisor", stage=30, stop_s=8.0, uses=("nas",)),
    MachineSpec(machine_id="nas", kind="nas", stage=40),
    MachineSpec(machine_id="own", kind="plain", stage=50),
)
INSTALLATION = Scenario(
    machines=MACHINES,
    ups=UpsSpec(rated_w=600.0, full_load_s=900.0, recharge_s=600.0),
    triggers=Triggers(time_on_battery_s=20.0, data_lost_s=30.0),
    restore=Restore(mains_stable_s=10.0, stable_without_charge_s=60.0, boot_stable_s=30.0),
    home_assistant="own",
    output=OutputOptions(),
    outages=(Outage(at=10.0, duration_s=130.0),),
)
ELSEWHERE = replace(
    INSTALLATION, machines=MACHINES[:-1], home_assistant="elsewhere", output=OutputOptions()
)


# Where hosts return by an AC edge nobody is woken.
SCENARIOS = {"no_broadcast": (replace(ELSEWHERE, output=None),)}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_scenario_breaks_no_rule(seed: int) -> None:
    verdict = run_seed(seed)
    assert verdict.broken == (), f"scripts/rack replay {seed}"


def fault_at(fault: Fault) -> Iterator[FaultAt]:
    """Yield the fault at the hosts that can have it, or for a while in the middle of the plan."""
    if not fault.kinds:
        duration_s = 1e9 if fault.key in SCENARIOS else 60.0
        yield FaultAt(key=fault.key, at=25.0, duration_s=duration_s)
    able = [m.machine_id for m in MACHINES[:-1] if m.kind in fault.kinds]
    # The first and the last to stop: nobody depends on one, others wait for the other.
    for target_id in dict.fromkeys((*able[:1], *able[-1:])):
        yield FaultAt(key=fault.key, target_id=target_id, at=1.0)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.key)
def test_no_fault_breaks_a_rule(fault: Fault) -> None:
    hits = 0
    for at in fault_at(fault):
        for scenario in SCENARIOS.get(fault.key, (INSTALLATION, ELSEWHERE)):
            ending = simulate(replace(scenario, faults=(at,)), Runner)
            assert violations(ending) == [], "\n".join([repr(at), *timeline(ending.facts)])
            hits += ending.facts.hits.get(fault.hit or fault.key, 0)
    assert hits, "the fault never made a difference"


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_crash_or_mains_at_any_point_breaks_no_rule(sweep: str) -> None:
    """Home Assistant crashes, reboots or stops at any line, or mains comes back at any line."""
    scenarios = [*SWEEPS[sweep](INSTALLATION)]
    assert len(scenarios) > 50
    broken = {}
    for name, scenario in scenarios[::STRIDE]:
        if found := violations(simulate(scenario, Runner)):
            broken[name] = found
    assert broken == {}
