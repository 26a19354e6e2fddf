"""What can go wrong with hosts of real kinds: section 1's traps and the rows of 6.2 that fit."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from tests.shutdown.fakes import kubernetes, proxmox_cluster, proxmox_tokens
from tests.shutdown.fakes.kubernetes_world import FakeBudget
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.qnap import FAILURES_TO_BLOCK
from tests.shutdown.fakes.server import certificate

from .api_hosts import ApiMachine, KubernetesMachine, NasMachine, NodeMachine
from .estate import Estate
from .faults import BY_KEY, FAULTS, Apply, Fault
from .home import HomeAssistant
from .inside import OWN_VMID
from .machine import Machine
from .rack import Rack
from .scenario import FaultAt

type Strike = Callable[[Estate, ApiMachine], Callable[[], None]]
"""Does it, and returns what undoes it."""

_PVE: Final = frozenset({"proxmox"})
_QNAP: Final = frozenset({"qnap"})
_SYNOLOGY: Final = frozenset({"synology"})
_NAS: Final = _QNAP | _SYNOLOGY
_HOSTS: Final = _PVE | _NAS
_CLUSTER: Final = frozenset({"kubernetes"})
_ALL: Final = _HOSTS | _CLUSTER
FOREVER: Final = 10**6


def _strikes(strike: Strike) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, machine: Machine, fault: FaultAt) -> None:
        def begin() -> None:
            assert isinstance(machine, ApiMachine)
            undo = strike(rack.estate, machine)
            rack.facts.hit(fault.key)
            rack.at(max(rack.now(), fault.at + fault.duration_s), undo)

        rack.at(fault.at, begin)

    return apply


def _set(name: str, value: object) -> Strike:
    """Set an attribute of the machine's fake, and set it back."""

    def strike(estate: Estate, machine: ApiMachine) -> Callable[[], None]:
        return _change(estate.servers[machine.machine_id], name, value)

    return strike


def _quirk(name: str, value: object) -> Strike:
    def strike(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
        return _change(machine.quirks, name, value)

    return strike


def _change(owner: object, name: str, value: object) -> Callable[[], None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    return lambda: setattr(owner, name, before)


def _certificate(estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    """Renew it; nobody takes that back."""
    server = estate.servers[machine.machine_id]
    server.certificate = certificate(f"{machine.machine_id} renewed")
    return lambda: None


def _proxmox(change: Callable[[FakeProxmox], Callable[[], None]]) -> Strike:
    def strike(estate: Estate, _machine: ApiMachine) -> Callable[[], None]:
        assert estate.proxmox is not None
        return change(estate.proxmox)

    return strike


def _revoke_token(fake: FakeProxmox) -> Callable[[], None]:
    fake.auth_delay_s = 3.0
    return _change(fake.token, "secret", "another one")


def _take_privilege(fake: FakeProxmox) -> Callable[[], None]:
    return _change(fake.token, "acl", proxmox_tokens.acl(*proxmox_tokens.PVE_ADMIN))


def _answer_instead(call: str, status: int, words: str) -> Strike:
    def change(fake: FakeProxmox) -> Callable[[], None]:
        error = proxmox_cluster.ApiError(status, words)
        return _change(fake, "errors", {**fake.errors, call: error})

    return _proxmox(change)


def _guests(name: str, value: object) -> Strike:
    def strike(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
        assert isinstance(machine, NodeMachine)
        struck = [g for g in machine.guests if g.is_running and g.vmid != OWN_VMID]
        undo = [_change(guest, name, value) for guest in struck]

        def back() -> None:
            for each in undo:
                each()

        return back

    return strike


def _ignore_power_off(estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    node = estate.cluster.nodes[machine.machine_id]
    return _change(node, "ignores_poweroff", value=True)


def _slow_disarming(fake: FakeProxmox) -> Callable[[], None]:
    return _change(fake.cluster, "disarm_looks", FOREVER)


def _block(estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    return _set("failures", FAILURES_TO_BLOCK)(estate, machine)


def _budgets(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    assert isinstance(machine, KubernetesMachine)
    world = machine.fake.world
    made = [FakeBudget(name=f"keep-{p.name}", labels=dict(p.labels)) for p in world.pods.values()]
    return _change(world, "budgets", made)


def _finalizers(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    assert isinstance(machine, KubernetesMachine)
    world = machine.fake.world
    for pod in world.pods.values():
        pod.finalizers = ["example.com/never"]
    return lambda: None


def _no_detach(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    assert isinstance(machine, KubernetesMachine)
    machine.fake.world.may_detach.clear()
    return machine.fake.world.may_detach.set


def _dead_kubelet(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    assert isinstance(machine, KubernetesMachine)
    last = [*machine.fake.world.nodes][-1]
    return _change(machine, "dead_kubelets", frozenset({last}))


def _kubernetes_error(call: str, status: int, reason: str) -> Strike:
    def strike(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
        assert isinstance(machine, KubernetesMachine)
        error = kubernetes.ApiError(status, reason, f"{reason}: not now")
        return _change(machine.fake, "errors", {**machine.fake.errors, call: error})

    return strike


def _not_ready(_estate: Estate, machine: ApiMachine) -> Callable[[], None]:
    assert isinstance(machine, NasMachine)
    return _change(machine.fake, "is_media_ready", value=False)


_EVICTION: Final = "POST /api/v1/namespaces/{namespace}/pods/{name}/eviction"
API_FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        key="api_gone",
        row="the API is gone before the host is off, or for a while",
        apply=_strikes(_quirk("is_mute", value=True)),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(
        key="api_slow",
        row="each answer takes its time",
        apply=_strikes(_quirk("delay_s", 2.5)),
        kinds=_ALL,
    ),
    Fault(
        key="api_hangs",
        row="no answer comes in time, whatever it does",
        apply=_strikes(_quirk("delay_s", 40.0)),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(
        key="certificate_renewed",
        row="certificate renewed",
        apply=_strikes(_certificate),
        kinds=_HOSTS,
        excuses_host=True,
    ),
    Fault(
        key="pve_token_revoked",
        row="token expired: each 401 takes 3 s",
        apply=_strikes(_proxmox(_revoke_token)),
        kinds=_PVE,
        excuses_kinds=True,
    ),
    Fault(
        key="pve_privilege_removed",
        row="privilege removed: PVEAdmin has no Sys.PowerMgmt",
        apply=_strikes(_proxmox(_take_privilege)),
        kinds=_PVE,
        excuses_kinds=True,
    ),
    Fault(
        key="pve_595_reads",
        row="595-599 for what is read of the node",
        apply=_strikes(_answer_instead("GET /nodes/{node}/qemu", 595, "No route to host")),
        kinds=_PVE,
    ),
    Fault(
        key="pve_596_power",
        row="595-599 for the request that counts",
        apply=_strikes(_answer_instead("POST /nodes/{node}/status", 596, "Broken pipe")),
        kinds=_PVE,
        excuses_kinds=True,
    ),
    Fault(
        key="pve_stopall_fails",
        row="stopall is refused",
        apply=_strikes(_answer_instead("POST /nodes/{node}/stopall", 500, "worker failed")),
        kinds=_PVE,
    ),
    Fault(
        key="pve_guest_locked",
        row="guest locked (backup / migration)",
        apply=_strikes(_guests("lock", "backup")),
        kinds=_PVE,
    ),
    Fault(
        key="pve_guest_deaf",
        row="ACPI ignored by the guest",
        apply=_strikes(_guests("obeys", value=False)),
        kinds=_PVE,
    ),
    Fault(
        key="pve_stale_resources",
        row="/cluster/resources is older than the guests",
        apply=_strikes(_proxmox(lambda fake: _change(fake, "has_stale_resources", value=True))),
        kinds=_PVE,
    ),
    Fault(
        key="pve_poweroff_ignored",
        row="node shutdown is fire and forget, and forgotten",
        apply=_strikes(_ignore_power_off),
        kinds=_PVE,
        excuses_host=True,
    ),
    Fault(
        key="pve_disarming_for_ever",
        row="HA never lets go of its guests",
        apply=_strikes(_proxmox(_slow_disarming)),
        kinds=_PVE,
    ),
    Fault(
        key="nas_password_changed",
        row="password changed: no login twice, or the address is blocked",
        apply=_strikes(_set("password", "another one")),
        kinds=_NAS,
        excuses_host=True,
    ),
    Fault(
        key="nas_blocked",
        row="IP auto-blocked (QNAP; Synology 407)",
        apply=_strikes(_block),
        kinds=_NAS,
        excuses_host=True,
    ),
    Fault(
        key="nas_two_step",
        row="2FA enforced",
        apply=_strikes(_set("has_two_step", value=True)),
        kinds=_NAS,
        excuses_host=True,
    ),
    Fault(
        key="nas_no_administrator",
        row="privilege removed: no administrator any more",
        apply=_strikes(_set("is_administrator", value=False)),
        kinds=_NAS,
        excuses_host=True,
    ),
    Fault(
        key="nas_dies_answering",
        row="connection dies after the request took effect",
        apply=_strikes(_set("dies_while_answering", value=True)),
        kinds=_NAS,
    ),
    Fault(
        key="qnap_session_lost",
        row="expired session, answered with 200, once",
        apply=_strikes(_set("lost_sessions", 1)),
        kinds=_QNAP,
    ),
    Fault(
        key="qnap_sessions_lost",
        row="expired session, answered with 200, always",
        apply=_strikes(_set("lost_sessions", FOREVER)),
        kinds=_QNAP,
        excuses_host=True,
    ),
    Fault(
        key="qnap_ignored",
        row="command accepted but ignored",
        apply=_strikes(_set("ignores_power", value=True)),
        kinds=_QNAP,
        excuses_host=True,
    ),
    Fault(
        key="qnap_malformed",
        row="the answer is no well-formed XML",
        apply=_strikes(_set("is_well_formed", value=False)),
        kinds=_QNAP,
    ),
    Fault(
        key="qnap_not_ready",
        row="restart: the volumes come long after the web server",
        apply=_strikes(_not_ready),
        kinds=_QNAP,
    ),
    Fault(
        key="synology_session_lost",
        row="sessions end by themselves: 106, 107, 119",
        apply=_strikes(_set("lost_sessions", [119])),
        kinds=_SYNOLOGY,
    ),
    Fault(
        key="synology_ignored",
        row="command accepted but ignored",
        apply=_strikes(_set("ignores_shutdown", value=True)),
        kinds=_SYNOLOGY,
        excuses_host=True,
    ),
    Fault(
        key="kubernetes_budgets",
        row="PDB deadlock: 429 for ever",
        apply=_strikes(_budgets),
        kinds=_CLUSTER,
    ),
    Fault(
        key="kubernetes_throttled",
        row="429 without any budget",
        apply=_strikes(_kubernetes_error(_EVICTION, 429, "TooManyRequests")),
        kinds=_CLUSTER,
    ),
    Fault(
        key="kubernetes_budgets_overlap",
        row="500: more than one budget matches",
        apply=_strikes(_kubernetes_error(_EVICTION, 500, "InternalError")),
        kinds=_CLUSTER,
    ),
    Fault(
        key="kubernetes_unwell",
        row="the API server has lost its store",
        apply=_strikes(_kubernetes_error("GET /api/v1/nodes", 503, "ServiceUnavailable")),
        kinds=_CLUSTER,
        excuses_host=True,
    ),
    Fault(
        key="kubernetes_token_revoked",
        row="token revoked",
        apply=_strikes(_set("token", "another.token.here")),
        kinds=_CLUSTER,
        excuses_host=True,
    ),
    Fault(
        key="kubernetes_forbidden",
        row="privilege removed",
        apply=_strikes(_set("rights", kubernetes.RIGHTS - {"create pods/eviction"})),
        kinds=_CLUSTER,
    ),
    Fault(
        key="kubernetes_finalizers",
        row="stuck Terminating",
        apply=_strikes(_finalizers),
        kinds=_CLUSTER,
        excuses_host=True,
    ),
    Fault(
        key="kubernetes_no_detach",
        row="volumes stay attached",
        apply=_strikes(_no_detach),
        kinds=_CLUSTER,
    ),
    Fault(
        key="kubernetes_dead_kubelet",
        row="a kubelet is dead, its pods are not",
        apply=_strikes(_dead_kubelet),
        kinds=_CLUSTER,
    ),
)
_ON_THE_WIRE: Final = ("lost_reply", "lost_request", "connection_dies", "slow_reply")
_OF_MACHINES: Final = (
    "hangs",
    "stops_slowly",
    "stops_at_once",
    "never_comes_back",
    "boots_slowly",
    "isolated",
    "stops_alone",
)
HOMELAB_FAULTS: Final[tuple[Fault, ...]] = (
    *API_FAULTS,
    *(replace(BY_KEY[key], kinds=_ALL) for key in _ON_THE_WIRE),
    *(replace(BY_KEY[key], kinds=_HOSTS) for key in _OF_MACHINES),
    *(fault for fault in FAULTS if not fault.kinds),
)
"""All that can happen in a rack of real kinds; those of a whole rack are the generic ones."""
API_BY_KEY: Final[Mapping[str, Fault]] = {fault.key: fault for fault in API_FAULTS}
