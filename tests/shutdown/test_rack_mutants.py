"""The rack catches runners that are wrong: one for each invariant, or it proves nothing."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from custom_components.omron_ups.shutdown.ports import Ports
from custom_components.omron_ups.shutdown.specs import OutputOptions, Plan, Restore, Triggers
from custom_components.omron_ups.shutdown.target import Target

from .rack.battery import UpsSpec
from .rack.home import RunnerFactory
from .rack.invariants import INVARIANTS
from .rack.machine import MachineSpec, Wake
from .rack.naive import Mutation, NaiveRunner
from .rack.rules import violations
from .rack.run import simulate
from .rack.scenario import ELSEWHERE, FaultAt, Outage, Scenario

CLUSTER = MachineSpec(
    machine_id="cluster",
    kind="cluster",
    stage=10,
    uses=("nas",),
    runs_on=("node",),
    wake=Wake.NONE,
)
NODE = MachineSpec(machine_id="node", kind="hypervisor", stage=30, uses=("nas",))
NAS = MachineSpec(machine_id="nas", kind="nas", stage=40)
OWN = MachineSpec(machine_id="own", kind="plain", stage=50)
CLIENTS = MachineSpec(machine_id="clients", kind="clients", stage=5, wake=Wake.NONE)
CLIENT = MachineSpec(machine_id="client", kind="", follows="clients")
PLAIN = Scenario(
    machines=(CLIENTS, CLIENT, CLUSTER, NODE, NAS),
    home_assistant=ELSEWHERE,
    triggers=Triggers(time_on_battery_s=30.0),
    restore=Restore(mains_stable_s=20.0),
    outages=(Outage(at=10.0, duration_s=200.0),),
    limit_s=1500.0,
)
WITH_OUTPUT = replace(
    PLAIN,
    machines=(NAS, replace(OWN, stop_s=30.0, time_limit_s=40.0)),
    home_assistant="own",
    output=OutputOptions(),
)
SMALL_UPS = UpsSpec(rated_w=200.0, full_load_s=600.0)
FOR_EVER = replace(PLAIN, outages=(Outage(at=10.0),), ups=SMALL_UPS)


def naive(mutation: Mutation) -> RunnerFactory:
    def factory(plan: Plan, targets: Mapping[str, Target], ports: Ports) -> NaiveRunner:
        return NaiveRunner(plan, targets, ports, mutation)

    return factory


def broken(scenario: Scenario, mutation: Mutation) -> set[str]:
    """Return the keys of the invariants that a runner breaks."""
    ending = simulate(scenario, naive(mutation))
    return {text.partition(":")[0] for text in violations(ending)}


@pytest.mark.parametrize("scenario", [PLAIN, FOR_EVER], ids=["mains back", "for ever"])
def test_a_harmless_run_breaks_nothing(scenario: Scenario) -> None:
    assert broken(scenario, Mutation()) == set()


MUTANTS: Mapping[str, tuple[Scenario, Mutation]] = {
    "storage_last": (PLAIN, Mutation(storage_first=True)),
    "once": (PLAIN, Mutation(sends_twice=True)),
    "output": (WITH_OUTPUT, Mutation(short_output=True)),
    "cause": (
        replace(PLAIN, outages=(), faults=(FaultAt(key="unknown_status", at=5.0),)),
        Mutation(stops_on_unknown=True),
    ),
    "left_off": (PLAIN, Mutation(wakes_nobody=True)),
    "restored": (PLAIN, Mutation(restores_nothing=True)),
    "fsd": (
        replace(
            PLAIN,
            machines=(CLIENTS, replace(CLIENT, boot_s=60.0), NODE),
            output=OutputOptions(),
            outages=(Outage(at=10.0, duration_s=400.0),),
        ),
        Mutation(keeps_fsd=True, restores_nothing=True),
    ),
    "ends": (PLAIN, Mutation(never_ends=True)),
    "result": (PLAIN, Mutation(hides_incomplete=False)),
    "wake": (
        replace(PLAIN, machines=(replace(NODE, starts_off=True), NAS)),
        Mutation(wakes_all=True),
    ),
    "disarmed": (replace(PLAIN, is_armed=False), Mutation(acts_disarmed=True)),
    "told": (FOR_EVER, Mutation(sleeps=True)),
    "order": (replace(PLAIN, machines=(NODE, NAS, OWN)), Mutation(storage_first=True)),
    "second_feed": (
        replace(PLAIN, machines=(replace(OWN, second_feed="second"), NAS)),
        Mutation(ignores_feeds=True),
    ),
    "errors": (PLAIN, Mutation(raises=True)),
}


@pytest.mark.parametrize("key", MUTANTS)
def test_a_wrong_runner_is_caught(key: str) -> None:
    scenario, mutation = MUTANTS[key]
    assert key in broken(scenario, mutation)
    assert key not in broken(scenario, Mutation()), "it is the mutation that is caught"


def test_each_invariant_has_a_wrong_runner() -> None:
    assert set(MUTANTS) == {row.key for row in INVARIANTS}
