"""Makes a rack of real kinds of a seed: the same one each time."""

from dataclasses import replace
import random
from typing import Final

from .api_faults import HOMELAB_FAULTS
from .inside import OWN_VMID, GuestSpec, Inside, PodSpec
from .machine import MachineSpec, Wake
from .randomly import assemble
from .scenario import ELSEWHERE, ON_UPS, Scenario

_OWN_STOP_S: Final = 25.0
"""Home Assistant's own stop, as its guest takes it."""
_PACE: Final = 2.0
"""Guests and pods take their time before their hosts do."""


def random_homelab(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    nas = [f"nas{i}" for i in range(rng.choice((1, 1, 2)))]
    nodes = [f"node{i}" for i in range(rng.choice((1, 2, 2, 3)))]
    own = rng.choice((*nodes, ELSEWHERE, ELSEWHERE, ON_UPS))
    kubernetes = [f"k8s{i}" for i in range(rng.choice((0, 2, 2, 3)))]
    machines = [
        *_kubernetes(rng, kubernetes, nodes, nas),
        *_side(rng),
        *_proxmox(rng, nodes, kubernetes, nas, own),
        *(_nas(rng, name) for name in nas),
    ]
    if rng.random() < 0.2:
        machines[-len(nas)] = replace(machines[-len(nas)], is_data_source=True)
    made = assemble(rng, tuple(machines), own, HOMELAB_FAULTS, seed=seed, pace=_PACE)
    # What generic hosts show of triggers need not be shown again: plans are to begin here.
    begins_s = rng.choice((None, 20.0, 20.0, 60.0))
    return replace(made, triggers=replace(made.triggers, time_on_battery_s=begins_s))


def _kubernetes(
    rng: random.Random, names: list[str], nodes: list[str], nas: list[str]
) -> list[MachineSpec]:
    """Return a cluster whose nodes are guests."""
    if not names:
        return []
    pods = tuple(_pod(rng, f"pod{i}", rng.choice(names)) for i in range(rng.randrange(1, 5)))
    inside = Inside(
        nodes=tuple(names),
        cordoned=tuple(names[1:2]) if rng.random() < 0.1 else (),
        pods=pods,
        storage=rng.choice(("csi", "csi", "iscsi")),
        detach_s=rng.uniform(0.5, 8.0),
    )
    longest_s = max(min(pod.grace_s, pod.stop_s) for pod in pods) + inside.detach_s
    return [
        MachineSpec(
            machine_id="kubernetes",
            kind="kubernetes",
            stage=10,
            stop_s=longest_s,
            time_limit_s=round(longest_s * rng.uniform(1.2, 3.0) + 20.0, 1),
            watts=0.0,
            uses=(nas[0],),
            runs_on=tuple(nodes),
            wake=Wake.NONE,
            inside=inside,
        )
    ]


def _pod(rng: random.Random, name: str, node: str) -> PodSpec:
    return PodSpec(
        name=name,
        node=node,
        has_volume=rng.random() < 0.7,
        owner=rng.choice(("StatefulSet", "ReplicaSet", "ReplicaSet")),
        grace_s=rng.choice((1, 10, 30)),
        stop_s=rng.uniform(0.5, 25.0),
        has_budget=rng.random() < 0.3,
    )


def _side(rng: random.Random) -> list[MachineSpec]:
    """Return hosts of generic kinds beside: those that are reached by SSH or a webhook."""
    kinds = [kind for kind in ("plain", "webhook") if rng.random() < 0.3]
    return [
        MachineSpec(
            machine_id=kind,
            kind=kind,
            stage=rng.choice((5, 20, 30)),
            stop_s=(stop_s := round(rng.uniform(2.0, 20.0), 1)),
            boot_s=round(rng.uniform(5.0, 30.0), 1),
            time_limit_s=round(1.5 * stop_s + 1.0, 1),
            wake=Wake.MAGIC_PACKET if kind == "plain" else Wake.NONE,
        )
        for kind in kinds
    ]


def _proxmox(
    rng: random.Random, nodes: list[str], kubernetes: list[str], nas: list[str], own: str
) -> list[MachineSpec]:
    """Return the nodes of one cluster; HA of it is disarmed by all or by none."""
    runs_ha, disarms_ha = rng.random() < 0.3, rng.random() < 0.5
    homes = {name: rng.choice(nodes) for name in kubernetes}
    has_peers = len(nodes) > 1 and rng.random() < 0.6
    found = []
    for number, name in enumerate(nodes):
        vms = [vm for vm, node in homes.items() if node == name]
        guests = _guests(rng, 100 * (number + 1), vms, runs_ha=runs_ha)
        if name == own:
            guests = (*guests, GuestSpec(vmid=OWN_VMID, stop_s=_OWN_STOP_S, order=1))
        inside = Inside(
            guests=guests,
            disarms_ha=runs_ha and disarms_ha,
            has_peers=has_peers,
            guest_limit_s=rng.choice((15, 30, 60)),
        )
        found.append(_node(rng, name, inside, nas, is_own=name == own))
    return found


def _guests(
    rng: random.Random, first: int, vms: list[str], *, runs_ha: bool
) -> tuple[GuestSpec, ...]:
    count = len(vms) + rng.randrange(3)
    return tuple(
        GuestSpec(
            vmid=first + number,
            kind="qemu" if number < len(vms) else rng.choice(("qemu", "lxc")),
            is_running=number < len(vms) or rng.random() < 0.85,
            obeys=rng.random() < 0.9,
            stop_s=rng.uniform(1.0, 20.0),
            order=rng.choice((None, None, 1, 2)),
            onboot=number < len(vms) or rng.random() < 0.6,
            ha_state="started" if runs_ha and number >= len(vms) and rng.random() < 0.6 else "",
            runs=vms[number] if number < len(vms) else "",
        )
        for number in range(count)
    )


def _node(
    rng: random.Random, name: str, inside: Inside, nas: list[str], *, is_own: bool
) -> MachineSpec:
    groups: dict[int | None, float] = {}
    for guest in inside.guests:
        if guest.is_running:
            stop_s = guest.stop_s if guest.obeys else inside.guest_limit_s
            groups[guest.order] = max(groups.get(guest.order, 0.0), stop_s)
    os_s = round(rng.uniform(3.0, 20.0), 1)
    whole_s = os_s + 10.0 + sum(groups.values()) + (60.0 if inside.disarms_ha else 0.0)
    return MachineSpec(
        machine_id=name,
        kind="proxmox",
        stage=50 if is_own else 30,
        stop_s=os_s,
        boot_s=round(rng.uniform(10.0, 40.0), 1),
        time_limit_s=round(whole_s * rng.uniform(1.1, 2.0), 1),
        watts=round(rng.uniform(10.0, 40.0), 1),
        # A plan that would stop what its own disk lies on cannot be armed at all.
        uses=() if is_own else tuple(n for n in nas if rng.random() < 0.9),
        # Somebody has to be there who can wake the others.
        wake=rng.choice((Wake.MAGIC_PACKET, Wake.OWN))
        if inside.has_peers and name != "node0"
        else Wake.MAGIC_PACKET,
        returns_by_itself=rng.random() < 0.8,
        inside=inside,
    )


def _nas(rng: random.Random, name: str) -> MachineSpec:
    stop_s = round(rng.uniform(5.0, 30.0), 1)
    return MachineSpec(
        machine_id=name,
        kind=rng.choice(("qnap", "qnap", "synology")),
        stage=40,
        stop_s=stop_s,
        boot_s=round(rng.uniform(10.0, 40.0), 1),
        time_limit_s=round(stop_s * rng.uniform(1.1, 2.0) + 1.0, 1),
        watts=round(rng.uniform(10.0, 40.0), 1),
        returns_by_itself=rng.random() < 0.8,
        own_timer_s=rng.uniform(100.0, 400.0) if rng.random() < 0.05 else None,
        at_low_s=30.0 if rng.random() < 0.7 else None,
    )
