"""What goes on inside a host of a real kind, as an installation describes it."""

from dataclasses import dataclass

OWN_VMID = 900
"""The guest that runs Home Assistant, if one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSpec:
    """A guest of a Proxmox VE node."""

    vmid: int
    kind: str = "qemu"
    is_running: bool = True
    obeys: bool = True
    stop_s: float = 5.0
    order: int | None = None
    onboot: bool = True
    ha_state: str = ""
    runs: str = ""
    """Name of the Kubernetes node that it is; empty: none."""

    @property
    def startup(self) -> str:
        """Its startup option."""
        return "" if self.order is None else f"order={self.order}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """A pod of a Kubernetes cluster; with a volume it holds a session at the NAS."""

    name: str
    node: str
    has_volume: bool = True
    owner: str = "StatefulSet"
    grace_s: int = 10
    stop_s: float = 2.0
    has_budget: bool = False
    """Whether a budget wants it to run, always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """All of it; empty for a host of a generic kind."""

    guests: tuple[GuestSpec, ...] = ()
    disarms_ha: bool = False
    has_peers: bool = False
    guest_limit_s: int = 20
    nodes: tuple[str, ...] = ()
    """Of a Kubernetes cluster; the first has the control plane."""
    cordoned: tuple[str, ...] = ()
    """Nodes that a person had cordoned before anything happened."""
    pods: tuple[PodSpec, ...] = ()
    storage: str = "csi"
    """How its volumes are reached: `csi` or `iscsi`."""
    detach_s: float = 1.0
