"""Makes a scenario of a seed: the same one each time."""

from collections.abc import Sequence
from dataclasses import replace
import random
from typing import Final

from custom_components.omron_ups.shutdown.specs import OutputOptions, Restore, Triggers

from .actions import ACTIONS
from .battery import UpsSpec
from .faults import FAULTS, Fault
from .kinds import KINDS
from .machine import MachineSpec, Wake
from .scenario import ELSEWHERE, ON_UPS, Crash, FaultAt, Outage, Scenario, UserAction

FIRST_S: Final = 10.0
"""When the first outage begins."""
_SIDE_KINDS: Final = ("plain", "api", "webhook")


def random_scenario(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    machines = _machines(rng)
    own = _home(rng, machines)
    # A plan that would stop what its own disk lies on cannot be armed at all.
    machines = tuple(replace(m, uses=()) if m.machine_id == own else m for m in machines)
    return assemble(rng, machines, own, FAULTS, seed=seed)


def assemble(
    rng: random.Random,
    machines: tuple[MachineSpec, ...],
    own: str,
    faults: Sequence[Fault],
    *,
    seed: int,
    pace: float = 1.0,
) -> Scenario:
    """Return what may happen to an installation.

    Args:
        rng: decides.
        machines: the installation.
        own: what runs Home Assistant.
        faults: the rows to choose from.
        seed: stands in the scenario.
        pace: how much longer everything takes than with generic hosts.

    """
    has_own = own not in {ELSEWHERE, ON_UPS}
    scenario = Scenario(
        seed=seed,
        machines=machines,
        ups=_ups(rng, machines, pace),
        triggers=_triggers(rng),
        restore=_restore(rng),
        output=_output(rng, machines),
        home_assistant=own,
        start_s=rng.uniform(5.0, 40.0),
        acts_at_low_battery=rng.random() < 0.8,
        has_gateway=rng.random() < 0.7,
        has_mains_entity=rng.random() < 0.3,
        is_armed=rng.random() < 0.93,
        reading_s=rng.choice((1.0, 1.0, 1.0, 2.0, 5.0)),
        is_silence_told=rng.random() < 0.6,
        outages=_outages(rng, pace, is_alone=has_own),
        limit_s=4000.0 * pace,
    )
    return _with_trouble(rng, scenario, faults)


def _with_trouble(rng: random.Random, scenario: Scenario, rows: Sequence[Fault]) -> Scenario:
    """Add second feeds, faults, crashes and people."""
    feeds: tuple[Outage, ...] = ()
    if any(m.second_feed for m in scenario.machines) and rng.random() < 0.5:
        feeds = (Outage(at=rng.uniform(5.0, 200.0), duration_s=rng.uniform(5.0, 400.0)),)
    return replace(
        scenario,
        second_feeds=feeds,
        faults=_faults(rng, scenario.machines, rows),
        crashes=_crashes(rng),
        actions=_actions(rng, scenario),
    )


def _machines(rng: random.Random) -> tuple[MachineSpec, ...]:
    """Return an installation: perhaps a cluster, hypervisors, hosts, a NAS or two."""
    found: list[MachineSpec] = []
    storages = [f"nas{i}" for i in range(rng.choice((0, 1, 1, 1, 2)))]
    nodes = [f"node{i}" for i in range(rng.choice((0, 1, 2)))]
    if nodes and rng.random() < 0.5:
        found.append(_machine(rng, "cluster", "cluster", 10, uses=storages, runs_on=nodes))
    for i in range(rng.randrange(3)):
        kind = rng.choice(_SIDE_KINDS)
        found.append(_machine(rng, f"side{i}", kind, rng.choice((5, 20, 30)), uses=()))
    if rng.random() < 0.25:
        found.append(_machine(rng, "clients", "clients", rng.choice((5, 20)), uses=storages))
        for i in range(rng.choice((1, 2))):
            follower = _machine(rng, f"client{i}", "", 0, uses=())
            found.append(replace(follower, follows="clients", at_low_s=1.0))
    found += [_machine(rng, node, "hypervisor", 30, uses=storages) for node in nodes]
    found += [
        _machine(rng, storage, rng.choice(("nas", "nas", "blind_nas")), 40, uses=())
        for storage in storages
    ]
    if not any(machine.kind for machine in found):
        found.append(_machine(rng, "side0", "plain", 5, uses=()))
    return tuple(_with_source(rng, found))


def _with_source(rng: random.Random, machines: list[MachineSpec]) -> list[MachineSpec]:
    """Let a NAS own the USB cable, sometimes."""
    if rng.random() > 0.25:
        return machines
    return [
        replace(m, is_data_source=True, starts_off=False) if m.machine_id == "nas0" else m
        for m in machines
    ]


def _machine(
    rng: random.Random,
    machine_id: str,
    kind: str,
    stage: int,
    *,
    uses: list[str] | tuple[str, ...],
    runs_on: list[str] | tuple[str, ...] = (),
) -> MachineSpec:
    stop_s = round(rng.uniform(2.0, 30.0), 1)
    row = KINDS.get(kind)
    is_storage = row is not None and row.is_storage
    has_network = row is None or bool(row.ports)
    wake = rng.choice((Wake.MAGIC_PACKET, Wake.MAGIC_PACKET, Wake.OWN, Wake.NONE))
    return MachineSpec(
        machine_id=machine_id,
        kind=kind,
        stage=stage,
        stop_s=stop_s,
        boot_s=round(rng.uniform(5.0, 40.0), 1),
        time_limit_s=round(stop_s * rng.uniform(1.1, 2.5) + 1.0, 1),
        watts=round(rng.uniform(5.0, 40.0), 1),
        uses=tuple(s for s in uses if rng.random() < 0.9),
        runs_on=tuple(runs_on),
        wake=wake if has_network else Wake.NONE,
        returns_by_itself=rng.random() < 0.8,
        starts_off=has_network and not runs_on and rng.random() < 0.05,
        second_feed="second" if kind in {"plain", "api"} and rng.random() < 0.1 else "",
        own_timer_s=rng.uniform(60.0, 400.0) if is_storage and rng.random() < 0.1 else None,
        at_low_s=30.0 if is_storage and rng.random() < 0.7 else None,
    )


def _home(rng: random.Random, machines: tuple[MachineSpec, ...]) -> str:
    """Return where Home Assistant runs."""
    able = [
        m.machine_id
        for m in machines
        if m.kind in {"plain", "api", "hypervisor"} and not m.starts_off and not m.second_feed
    ]
    if able and rng.random() < 0.5:
        return rng.choice(able)
    return rng.choice((ELSEWHERE, ELSEWHERE, ON_UPS))


def _ups(rng: random.Random, machines: tuple[MachineSpec, ...], pace: float) -> UpsSpec:
    """Return a UPS that may be too small for the plan."""
    rated_w = rng.uniform(1.5, 5.0) * (20.0 + sum(machine.watts for machine in machines))
    return UpsSpec(
        rated_w=rated_w,
        # So that the battery is empty some day, also when everything is off.
        idle_w=0.2 * rated_w,
        full_load_s=pace * rng.choice((150.0, 300.0, 600.0)),
        charge=rng.choice((100.0, 100.0, 100.0, rng.uniform(32.0, 100.0))),
        charge_low=rng.choice((30.0, 30.0, 20.0, 50.0)),
        recharge_s=rng.uniform(400.0, 2000.0),
        longest_delay_s=rng.choice((600.0, 600.0, 1800.0, 300.0)),
    )


def _triggers(rng: random.Random) -> Triggers:
    return Triggers(
        time_on_battery_s=rng.choice((None, 20.0, 60.0, 120.0, 300.0)),
        runtime_below_s=rng.choice((None, None, 200.0)),
        charge_below=rng.choice((None, None, 60.0)),
        margin_below_s=rng.choice((None, 30.0, 60.0, 120.0)),
        data_lost_s=rng.choice((None, 30.0, 60.0)),
        debounce_s=rng.choice((15.0, 15.0, 10.0)),
    )


def _restore(rng: random.Random) -> Restore:
    return Restore(
        is_enabled=rng.random() < 0.95,
        mains_stable_s=rng.choice((10.0, 30.0, 60.0)),
        min_charge=rng.choice((None, None, 20.0, 50.0)),
        stable_without_charge_s=rng.choice((60.0, 120.0)),
        boot_stable_s=rng.choice((30.0, 60.0, 120.0)),
    )


def _output(rng: random.Random, machines: tuple[MachineSpec, ...]) -> OutputOptions | None:
    if rng.random() < 0.4 or any(machine.second_feed for machine in machines):
        return None
    return OutputOptions(returns=rng.random() < 0.95, delay_s=rng.choice((30.0, 60.0)))


def _outages(rng: random.Random, pace: float, *, is_alone: bool) -> tuple[Outage, ...]:
    """Return one outage of any length, or several, or flapping, or none."""
    shape = rng.choice(("one", "one", "one", "one", "two", "flapping", "false", "none", "for ever"))
    if shape == "none":
        return ()
    if shape == "false":
        return (Outage(at=FIRST_S, duration_s=rng.uniform(0.5, 8.0)),)
    if shape == "for ever":
        return (Outage(at=FIRST_S),)
    if shape == "flapping":
        moment, found = FIRST_S, []
        for _ in range(rng.randrange(3, 7)):
            found.append(Outage(at=moment, duration_s=rng.uniform(1.0, 60.0)))
            moment = found[-1].at + (found[-1].duration_s or 0.0) + rng.uniform(1.0, 40.0)
        return tuple(found)
    one = Outage(at=FIRST_S, duration_s=pace * _length(rng, is_alone=is_alone))
    if shape == "one":
        return (one,)
    second_at = FIRST_S + (one.duration_s or 0.0) + rng.uniform(1.0, 400.0)
    return (one, Outage(at=second_at, duration_s=pace * _length(rng, is_alone=is_alone)))


def _length(rng: random.Random, *, is_alone: bool) -> float:
    """Return how long an outage lasts: into the middle of the plan, or beyond its end."""
    return rng.uniform(15.0, rng.choice((120.0, 300.0, 900.0 if is_alone else 500.0)))


def _faults(
    rng: random.Random, machines: tuple[MachineSpec, ...], rows: Sequence[Fault]
) -> tuple[FaultAt, ...]:
    count = rng.choice((0, 0, 0, 1, 1, 2, 3))
    chosen = rng.sample(rows, count)
    found = (random_fault(rng, fault, machines) for fault in chosen)
    return tuple(fault for fault in found if fault is not None)


def random_fault(
    rng: random.Random, fault: Fault, machines: tuple[MachineSpec, ...]
) -> FaultAt | None:
    """Return a fault at some host that can have it, None if there is none."""
    able = [m.machine_id for m in machines if m.kind in fault.kinds and not m.starts_off]
    if fault.kinds and not able:
        return None
    lasting = fault.key in {"stops_alone", "clock_jump"} or bool(fault.kinds)
    return FaultAt(
        key=fault.key,
        target_id=rng.choice(able) if able else "",
        at=rng.choice((0.0, rng.uniform(5.0, 200.0))),
        duration_s=1e9 if lasting and rng.random() < 0.7 else rng.uniform(5.0, 200.0),
    )


def _crashes(rng: random.Random) -> tuple[Crash, ...]:
    count = rng.choice((0, 0, 1, 1, 2, 3))
    return tuple(random_crash(rng) for _ in range(count))


def random_crash(rng: random.Random) -> Crash:
    """Return a crash at some point or some time."""
    by_time = rng.random() < 0.4
    return Crash(
        point=None if by_time else rng.randrange(120),
        at=rng.uniform(5.0, 400.0) if by_time else None,
        restart_s=rng.choice((3.0, 20.0, 60.0, 150.0)),
        is_reboot=rng.random() < 0.3,
        is_orderly=rng.random() < 0.3,
    )


def _actions(rng: random.Random, scenario: Scenario) -> tuple[UserAction, ...]:
    if rng.random() < 0.8:
        return ()
    targets = [machine.machine_id for machine in scenario.machines if machine.kind]
    return tuple(
        UserAction(
            at=rng.uniform(5.0, 200.0),
            key=rng.choice(sorted(ACTIONS)),
            target_id=rng.choice(targets),
        )
        for _ in range(rng.choice((1, 1, 2)))
    )
