"""The product's own targets, in one process, on the way to the fakes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, override

import aiohttp

from custom_components.omron_ups.shutdown.models import Reply
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext, StopStep, Target
from custom_components.omron_ups.shutdown.targets.kubernetes import KubernetesTarget
from custom_components.omron_ups.shutdown.targets.proxmox import ProxmoxTarget
from custom_components.omron_ups.shutdown.targets.qnap import QnapTarget
from custom_components.omron_ups.shutdown.targets.synology import SynologyTarget
from tests.shutdown.fakes import kubernetes, proxmox_tokens, qnap, synology
from tests.shutdown.fakes.kubernetes_world import DRIVER
from tests.shutdown.fakes.server import FakeServer

from .estate import SENDING, Estate
from .inside import OWN_VMID
from .life import Life
from .machine import MachineSpec
from .network import address_of
from .wire import PORT


class Watched(Target):
    """Says for which plan it sends; all else is the product's."""

    _life: Life

    def watch(self, life: Life) -> None:
        """Belong to a process."""
        self._life = life

    @override
    async def send(self, step: StopStep, context: StopContext) -> Reply:
        self._life.point(f"send {self.spec.target_id} {step.key}")
        SENDING.set((context.plan_id, step.key))
        reply = await super().send(step, context)  # type: ignore[safe-super]
        self._life.point(f"sent {self.spec.target_id} {step.key}")
        return reply

    @override
    async def escalate(self, step: StopStep, context: StopContext) -> Reply:
        self._life.point(f"escalate {self.spec.target_id} {step.key}")
        SENDING.set((context.plan_id, step.key))
        return await super().escalate(step, context)


class WatchedProxmox(Watched, ProxmoxTarget):
    """A Proxmox VE node."""


class WatchedQnap(Watched, QnapTarget):
    """A QNAP NAS."""


class WatchedSynology(Watched, SynologyTarget):
    """A Synology NAS."""


class WatchedKubernetes(Watched, KubernetesTarget):
    """A Kubernetes cluster."""


TARGETS: Final[Mapping[str, type[Watched]]] = {
    "proxmox": WatchedProxmox,
    "qnap": WatchedQnap,
    "synology": WatchedSynology,
    "kubernetes": WatchedKubernetes,
}


def make_api_target(
    spec: TargetSpec,
    machine: MachineSpec,
    life: Life,
    estate: Estate,
    session: aiohttp.ClientSession,
) -> Target:
    """Return the target of a real kind."""
    made = TARGETS[machine.kind]
    options = _options(machine, estate)
    target = made(replace(spec, options=options), session)  # type: ignore[call-arg]
    target.watch(life)
    return target


def _options(machine: MachineSpec, estate: Estate) -> Mapping[str, object]:
    """Return what the user typed in: the certificates were confirmed before anything happened."""
    server = estate.servers[machine.machine_id]
    common = {
        "host": address_of(machine.machine_id),
        "port": PORT,
        "tls_trust": "fingerprint",
        "tls_fingerprint": estate.fingerprints[machine.machine_id],
    }
    if machine.kind == "qnap":
        return {**common, "username": qnap.USERNAME, "password": qnap.PASSWORD}
    if machine.kind == "synology":
        return {**common, "username": synology.USERNAME, "password": synology.PASSWORD}
    if machine.kind == "kubernetes":
        return {**common, **_kubernetes(machine, server)}
    return {**common, **_proxmox(machine, estate)}


def _kubernetes(machine: MachineSpec, server: FakeServer) -> Mapping[str, object]:
    return {
        "token": kubernetes.TOKEN,
        "tls_trust": "authority",
        "tls_authority": server.authority_pem,
        "csi_drivers": [DRIVER],
        "nas_addresses": ["nas0.rack"],
    }


def _proxmox(machine: MachineSpec, estate: Estate) -> Mapping[str, object]:
    inside = machine.inside
    own = any(guest.vmid == OWN_VMID for guest in inside.guests)
    peers = [
        f"{name} {address_of(name)}:{PORT} {estate.fingerprints[name]}"
        for name in (node.machine_id for node in estate.nodes())
        if name != machine.machine_id
    ]
    return {
        "node": machine.machine_id,
        "token_id": proxmox_tokens.TOKEN_ID,
        "token_secret": proxmox_tokens.TOKEN_SECRET,
        "guest_limit": inside.guest_limit_s,
        "disarm_ha": inside.disarms_ha,
        "peers": peers if inside.has_peers else [],
        **({"home_assistant_guest": OWN_VMID} if own else {}),
    }
