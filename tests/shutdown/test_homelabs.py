"""Racks whose hosts are of real kinds: the product's targets, their fakes, faults and crashes.

`scripts/rack --kinds` does as many as you like.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import pytest

from custom_components.omron_ups.shutdown import stopping
from custom_components.omron_ups.shutdown.models import Outcome, Reply
from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import Restore, Triggers
from custom_components.omron_ups.shutdown.targets import kubernetes_api, proxmox
from custom_components.omron_ups.shutdown.targets.kubernetes_removal import Nodes
from custom_components.omron_ups.shutdown.targets.login_pause import LoginPause, WrongPasswordError
from custom_components.omron_ups.shutdown.targets.proxmox_guests import ProxmoxGuests
from custom_components.omron_ups.shutdown.targets.qnap_api import QnapApi

from .fakes.qnap import FAILURES_TO_BLOCK
from .rack.api_faults import API_FAULTS
from .rack.api_invariants import API_INVARIANTS
from .rack.api_random import random_homelab
from .rack.batch import run_homelab_seed
from .rack.battery import UpsSpec
from .rack.facts import What
from .rack.faults import Fault
from .rack.inside import GuestSpec, Inside, PodSpec
from .rack.machine import MachineSpec, MachineState, Wake
from .rack.rules import violations
from .rack.run import Ending, simulate, timeline
from .rack.scenario import FaultAt, Outage, Scenario, UserAction

SEEDS: Final = range(12)

KUBERNETES = MachineSpec(
    machine_id="kubernetes",
    kind="kubernetes",
    stage=10,
    time_limit_s=60.0,
    uses=("qnap",),
    runs_on=("node0", "node1"),
    wake=Wake.NONE,
    inside=Inside(
        nodes=("control", "worker"),
        pods=(
            PodSpec(name="db", node="worker", has_budget=True),
            PodSpec(name="files", node="control", owner="ReplicaSet"),
        ),
    ),
)
NODES = (
    MachineSpec(
        machine_id="node0",
        kind="proxmox",
        stage=30,
        stop_s=8.0,
        time_limit_s=90.0,
        uses=("qnap", "synology"),
        inside=Inside(
            has_peers=True,
            disarms_ha=True,
            guests=(
                GuestSpec(vmid=100, runs="control"),
                GuestSpec(vmid=101, kind="lxc", onboot=False),
            ),
        ),
    ),
    MachineSpec(
        machine_id="node1",
        kind="proxmox",
        stage=30,
        stop_s=8.0,
        time_limit_s=90.0,
        uses=("qnap", "synology"),
        wake=Wake.OWN,
        inside=Inside(
            has_peers=True,
            disarms_ha=True,
            guests=(
                GuestSpec(vmid=200, runs="worker"),
                GuestSpec(vmid=201, onboot=False, stop_s=8.0, ha_state="started"),
                GuestSpec(vmid=202, is_running=False, onboot=False),
            ),
        ),
    ),
)
NAS = (
    MachineSpec(machine_id="qnap", kind="qnap", stage=40, time_limit_s=40.0),
    MachineSpec(machine_id="synology", kind="synology", stage=40, time_limit_s=40.0),
)
HOMELAB = Scenario(
    machines=(KUBERNETES, *NODES, *NAS),
    ups=UpsSpec(rated_w=600.0, full_load_s=1800.0, recharge_s=600.0),
    triggers=Triggers(time_on_battery_s=20.0, data_lost_s=30.0),
    restore=Restore(mains_stable_s=10.0, stable_without_charge_s=60.0),
    outages=(Outage(at=10.0, duration_s=170.0),),
)
WITHOUT_CLUSTER = replace(HOMELAB, machines=(*NODES, *NAS))


@cache
def calm(scenario: Scenario) -> Ending:
    """Return how it ends with the product as it is."""
    return simulate(scenario, Runner)


def words(ending: Ending) -> str:
    """Return all that happened."""
    return "\n".join(timeline(ending.facts))


def stopped(ending: Ending) -> list[str]:
    """Return who went off, in this order."""
    return [f.who for f in ending.facts.of(What.OFF) if f.who != "kubernetes"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_homelab_breaks_no_rule(seed: int) -> None:
    verdict = run_homelab_seed(seed)
    assert verdict.broken == (), f"scripts/rack --kinds replay {seed}"


def test_a_seed_is_always_the_same_run() -> None:
    first, second = (simulate(random_homelab(7), Runner) for _ in range(2))
    assert words(first) == words(second)
    assert first.rack.points.reached == second.rack.points.reached


def test_the_order_down_and_up() -> None:
    ending = calm(HOMELAB)
    assert violations(ending) == [], words(ending)
    assert ending.home.ends == ["all_down", "all_back"]
    assert set(stopped(ending)[:2]) == {"node0", "node1"}
    assert set(stopped(ending)[2:]) == {"qnap", "synology"}
    estate = ending.rack.estate
    runs = {guest.vmid: guest.is_running for guest in estate.cluster.guests.values()}
    assert runs == {100: True, 101: True, 200: True, 201: True, 202: False}


def test_a_certificate_that_a_peer_vouches_for_stops_nobody_else() -> None:
    """Rule and excuse aside: the node with the new certificate goes down like the others."""
    fault = FaultAt(key="certificate_renewed", target_id="node1", at=1.0)
    ending = simulate(replace(HOMELAB, faults=(fault,)), Runner)
    assert "node1" in stopped(ending)
    assert ending.rack.machines["node1"].state is MachineState.UP
    assert ending.home.ends == ["all_down", "all_back"]


def struck(fault: Fault) -> tuple[Scenario, FaultAt]:
    """Return an installation, and the fault at the last of the hosts that can have it."""
    scenario = HOMELAB if "kubernetes" in fault.kinds else WITHOUT_CLUSTER
    able = [m.machine_id for m in scenario.machines if m.kind in fault.kinds]
    return scenario, FaultAt(key=fault.key, target_id=able[-1], at=1.0)


# With these the same happens as ever; only the order within a second may differ.
TRACELESS = frozenset({"pve_disarming_for_ever", "pve_stale_resources", "qnap_malformed"})


@pytest.mark.parametrize("fault", API_FAULTS, ids=lambda fault: fault.key)
def test_no_fault_of_an_api_breaks_a_rule(fault: Fault) -> None:
    scenario, at = struck(fault)
    ending = simulate(replace(scenario, faults=(at,)), Runner)
    assert violations(ending) == [], words(ending)
    has_trace = words(ending) != words(calm(scenario))
    assert has_trace or fault.key in TRACELESS, "the fault made no difference"


# Deliberate defects of the product, each of which a rule has to see.


def _grace_zero(patch: pytest.MonkeyPatch) -> None:
    options = {"gracePeriodSeconds": 0}
    patch.setattr(kubernetes_api, "_options", lambda _pod, _grace_s: options)


def _nobody_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(proxmox, "LEAST_LIMIT_S", 0)
    patch.setattr(proxmox.ProxmoxTarget, "_guest_limit_s", lambda _self, _context: 0)


def _opens_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Nodes, "are_ours", lambda _self, nodes: tuple(nodes))


def _starts_nothing(patch: pytest.MonkeyPatch) -> None:
    async def _start(_self: ProxmoxGuests) -> Reply:
        return Reply(outcome=Outcome.NOTHING_TO_DO)

    async def _are_back(_self: ProxmoxGuests) -> bool:
        return True

    patch.setattr(ProxmoxGuests, "start", _start)
    patch.setattr(ProxmoxGuests, "are_back", _are_back)


def _real_rehearsal(patch: pytest.MonkeyPatch) -> None:
    cordon = Nodes.cordon

    async def _cordon(self: Nodes, nodes: Any, plan_id: str, *, dry_run: bool = False) -> Reply:
        return await cordon(self, nodes, plan_id)

    patch.setattr(Nodes, "cordon", _cordon)


def _tries_again(patch: pytest.MonkeyPatch) -> None:
    log_in = QnapApi.log_in

    async def _log_in(self: QnapApi) -> Any:
        for _ in range(FAILURES_TO_BLOCK):
            with suppress(WrongPasswordError):
                return await log_in(self)
            self._pause = LoginPause()
        return await log_in(self)

    patch.setattr(QnapApi, "log_in", _log_in)


def _sends_twice(patch: pytest.MonkeyPatch) -> None:
    shut_down = QnapApi.shut_down

    async def _shut_down(self: QnapApi) -> None:
        await shut_down(self)
        await shut_down(self)

    patch.setattr(QnapApi, "shut_down", _shut_down)


def _gate_is_open(patch: pytest.MonkeyPatch) -> None:
    async def _pass(_run: object, _spec: object) -> None:
        return

    patch.setattr(stopping, "pass_gate", _pass)


def _old_spelling(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("custom_components.omron_ups.shutdown.targets.proxmox_api._list", repr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A wrong product, and what shows that it is wrong."""

    defect: Callable[[pytest.MonkeyPatch], None]
    scenario: Scenario = HOMELAB


CORDONED = replace(
    HOMELAB,
    machines=(
        replace(KUBERNETES, inside=replace(KUBERNETES.inside, cordoned=("worker",))),
        *HOMELAB.machines[1:],
    ),
)
REHEARSED = replace(
    HOMELAB,
    is_armed=False,
    outages=(),
    actions=(UserAction(at=5.0, key="rehearse", target_id="qnap"),),
)
LOCKED_OUT = replace(
    HOMELAB, faults=(FaultAt(key="nas_password_changed", target_id="qnap", at=1.0),)
)
# The NAS is in the stage of the nodes, so that only the gate holds it back.
SIDE_BY_SIDE = replace(
    HOMELAB, machines=(KUBERNETES, *NODES, *(replace(nas, stage=30) for nas in NAS))
)
MUTANTS: Mapping[str, Mutant] = {
    "shapes": Mutant(defect=_old_spelling),
    "torn": Mutant(defect=_grace_zero),
    "hard": Mutant(defect=_nobody_waits),
    "blocked": Mutant(defect=_tries_again, scenario=LOCKED_OUT),
    "others": Mutant(defect=_opens_all, scenario=CORDONED),
    "insides": Mutant(defect=_starts_nothing),
    "reads": Mutant(defect=_real_rehearsal, scenario=REHEARSED),
    "once": Mutant(defect=_sends_twice),
    "storage_last": Mutant(defect=_gate_is_open, scenario=SIDE_BY_SIDE),
}


@pytest.mark.parametrize("key", MUTANTS)
def test_a_wrong_product_is_caught(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS[key]
    assert violations(calm(mutant.scenario)) == []
    mutant.defect(monkeypatch)
    found = {text.partition(":")[0] for text in violations(simulate(mutant.scenario, Runner))}
    assert key in found


def test_each_rule_for_real_kinds_has_a_wrong_product() -> None:
    assert {row.key for row in API_INVARIANTS} <= set(MUTANTS)
