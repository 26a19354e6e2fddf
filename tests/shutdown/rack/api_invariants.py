"""What must be true of hosts of real kinds, as their fakes saw it."""

from collections.abc import Iterator
from typing import Final

from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import Guest
from tests.shutdown.fakes.qnap import FAILURES_TO_BLOCK

from .api_hosts import KubernetesMachine, NasMachine, NodeMachine
from .facts import What
from .inside import GuestSpec
from .invariants import Invariant, excused, must_restore
from .machine import MachineState
from .run import Ending

# The least that the plan grants guests, from its first request to their node.
LEAST_GUEST_S: Final = 9.0


def check_shapes(ending: Ending) -> Iterator[str]:
    """No request has what the API does not take."""
    estate = ending.rack.estate
    if estate.proxmox is not None:
        yield from estate.proxmox.invalid
    for cluster in estate.clusters():
        yield from cluster.fake.invalid


def check_torn(ending: Ending) -> Iterator[str]:
    """No pod's object is taken away while its process may still write to the NAS."""
    for cluster in ending.rack.estate.clusters():
        yield from cluster.fake.world.torn


def check_hard(ending: Ending) -> Iterator[str]:
    """No guest is switched off hard that had no time to shut down."""
    for node in ending.rack.estate.nodes():
        specs = {spec.vmid: spec for spec in node.spec.inside.guests}
        for guest in node.guests:
            killed_at = node.cluster.killed.get(guest.vmid)
            if killed_at is None or not _would_obey(guest, specs[guest.vmid]):
                continue
            asked = ending.facts.of(What.REQUEST, who=node.machine_id)
            begun = [f.at for f in asked if f.at <= killed_at]
            if not begun or killed_at - begun[0] < LEAST_GUEST_S:
                yield f"{guest.words} was switched off hard at {killed_at:.1f}"


def _would_obey(guest: Guest, spec: GuestSpec) -> bool:
    return guest.obeys and spec.obeys and not guest.lock


def check_blocked(ending: Ending) -> Iterator[str]:
    """No NAS blocks our address because we tried a wrong password again and again."""
    struck = {at.target_id for at in ending.scenario.faults if at.key == "nas_blocked"}
    for machine in ending.rack.estate.machines.values():
        if isinstance(machine, NasMachine) and machine.machine_id not in struck:
            failures = machine.fake.failures
            if failures >= FAILURES_TO_BLOCK:
                yield f"{machine.machine_id} saw {failures} wrong logins"


def check_others(ending: Ending) -> Iterator[str]:
    """What was off, or cordoned by somebody else, before the plan stays so."""
    for node in ending.rack.estate.nodes():
        for spec in node.spec.inside.guests:
            guest = node.cluster.guests[spec.vmid]
            if not spec.is_running and not spec.onboot and not spec.ha_state and guest.is_running:
                yield f"{guest.words} was off, and runs"
    for cluster in ending.rack.estate.clusters():
        for name in cluster.spec.inside.cordoned:
            if not cluster.fake.world.nodes[name].is_unschedulable:
                yield f"{name} was cordoned by somebody, and is open"


def check_insides(ending: Ending) -> Iterator[str]:
    """Guests run again as they did, HA wants what it wanted, pods have nodes."""
    if not must_restore(ending) or not ending.home.is_alive_at_end:
        return
    harmed = excused(ending)
    for machine in ending.rack.estate.machines.values():
        if machine.machine_id in harmed or machine.state is not MachineState.UP:
            continue
        if isinstance(machine, NodeMachine):
            yield from _guests(machine)
        elif isinstance(machine, KubernetesMachine) and _has_open_node(machine):
            yield from (f"{pod.name} is left pending" for pod in machine.pods_left())


def _guests(node: NodeMachine) -> Iterator[str]:
    for vmid in node.left_off():
        yield f"guest {vmid} of {node.machine_id} was left off"
    if node.cluster.ha_mode:
        yield "HA was left disarmed"
    for spec in node.spec.inside.guests:
        state = node.cluster.guests[spec.vmid].ha_state
        if state != spec.ha_state:
            yield f"HA wants guest {spec.vmid} {state}, and wanted it {spec.ha_state}"


def _has_open_node(machine: KubernetesMachine) -> bool:
    return any(not node.is_unschedulable for node in machine.fake.world.nodes.values())


def check_reads(ending: Ending) -> Iterator[str]:
    """A disarmed plan sends to no fake what changes anything, whatever it is called."""
    if ending.scenario.is_armed or any(a.key == "arm" for a in ending.scenario.actions):
        return
    estate = ending.rack.estate
    if estate.proxmox is not None:
        yield from _proxmox_changes(estate.proxmox)
    for cluster in estate.clusters():
        yield from cluster.fake.changes
    for machine in estate.machines.values():
        if isinstance(machine, NasMachine) and machine.fake.shutdowns:
            yield f"{machine.machine_id} was told to shut down"


def _proxmox_changes(fake: FakeProxmox) -> Iterator[str]:
    yield from fake.changes


API_INVARIANTS: Final[tuple[Invariant, ...]] = (
    Invariant(key="shapes", sentence="requests have the published shapes", check=check_shapes),
    Invariant(key="torn", sentence="no grace 0 while a kubelet lives", check=check_torn),
    Invariant(
        key="hard",
        sentence="no guest switched off hard that had no time to shut down",
        check=check_hard,
    ),
    Invariant(
        key="blocked",
        sentence="a wrong password is never tried until the address is blocked",
        check=check_blocked,
    ),
    Invariant(
        key="others",
        sentence="what somebody else stopped or cordoned stays so",
        check=check_others,
    ),
    Invariant(
        key="insides",
        sentence="guests, HA states and pods are as they were with mains back",
        check=check_insides,
    ),
    Invariant(
        key="reads",
        sentence="disarmed, no fake gets a request that changes state",
        check=check_reads,
    ),
)
