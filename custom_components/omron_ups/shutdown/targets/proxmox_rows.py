"""What Proxmox VE tells of guests, nodes and tasks, read from its rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import re
from typing import Any, Final

from ..errors import BadAnswerError

_DOWN_OPTION: Final = re.compile(r"\bdown=(\d+)")
_ORDER_OPTION: Final = re.compile(r"\border=(\d+)")
_DISK_KEY: Final = re.compile(r"(scsi|virtio|sata|ide|efidisk|tpmstate|mp)\d+|rootfs")
_ADDRESS: Final = re.compile(r"\[([^\]]+)\](?::\d+)?|([^:]+):\d+")
# What a guest without an order counts as: it is among the first to be stopped.
_NO_ORDER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A virtual machine or a container."""

    vmid: int
    kind: str
    """`qemu` or `lxc`."""
    node: str
    name: str = ""
    is_running: bool = False
    is_template: bool = False
    lock: str = ""
    """What keeps it from being stopped: `backup`, `migrate`, ..."""
    ha_state: str = ""

    @property
    def is_managed(self) -> bool:
        """Whether the HA manager looks after it, unless that is disarmed."""
        return self.ha_state not in {"", "ignored"}

    @property
    def label(self) -> str:
        """What people call it."""
        kind = "CT" if self.kind == "lxc" else "VM"
        return f"{kind} {self.vmid} ({self.name})" if self.name else f"{kind} {self.vmid}"

    @property
    def sid(self) -> str:
        """How the HA manager calls it."""
        return f"{'ct' if self.kind == 'lxc' else 'vm'}:{self.vmid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestConfig:
    """How a guest starts and stops."""

    order: int
    down_s: int | None
    """Seconds that it may take to shut down, if it says so itself."""
    starts_on_boot: bool
    storages: frozenset[str] = frozenset()
    """Names of the storages that its disks lie on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A node as another one, or itself, sees it."""

    name: str
    is_online: bool
    fingerprint: str = ""
    address: str = ""
    is_local: bool = False
    """Whether it is the one that answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """The members of the cluster; a node on its own is one."""

    nodes: tuple[NodeStatus, ...]
    is_quorate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Work that goes on, or went on, in the background of a node."""

    upid: str
    type: str
    about: str
    """VMID, or empty."""
    user: str
    """With the token's name, if it was a token."""
    is_active: bool
    started: int
    """Seconds since the epoch, by the node's clock."""


def rows(data: object, needed: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a list that have what is needed to make sense of them.

    Raises:
        BadAnswerError: it is no list.

    """
    if not isinstance(data, list):
        raise BadAnswerError("Proxmox VE answers something else than a list")
    yield from (row for row in data if isinstance(row, Mapping) and row.get(needed) is not None)


def guest_of(row: Mapping[str, Any], kind: str, node: str) -> Guest:
    """Return the guest of a row that has a `vmid`."""
    return Guest(
        vmid=int(row["vmid"]),
        kind=kind,
        node=node,
        name=str(row.get("name") or ""),
        is_running=row.get("status") == "running",
        is_template=row.get("template") == 1,
        lock=str(row.get("lock") or ""),
        ha_state=str(row.get("hastate") or ""),
    )


def guest_config(config: Mapping[str, Any]) -> GuestConfig:
    """Return what matters here of a guest's configuration."""
    startup = str(config.get("startup") or "")
    order, down = _ORDER_OPTION.search(startup), _DOWN_OPTION.search(startup)
    return GuestConfig(
        order=int(order[1]) if order else _NO_ORDER,
        down_s=int(down[1]) if down else None,
        starts_on_boot=config.get("onboot") == 1,
        storages=frozenset(_storages(config)),
    )


def _storages(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the disks are; a path of the node itself names no storage."""
    for key, value in config.items():
        volume, *options = str(value).split(",")
        if _DISK_KEY.fullmatch(key) and ":" in volume and "media=cdrom" not in options:
            yield volume.partition(":")[0]


def server_of_storage(name: str, storages: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the address of the server that a storage lies on; empty if it is the node itself.

    LVM on an iSCSI portal names the storage of the portal as its base.
    """
    row = storages.get(name, {})
    base = str(row.get("base") or "").partition(":")[0]
    if base and base != name and base in storages:
        row = storages[base]
    address = str(row.get("server") or row.get("portal") or "")
    with_port = _ADDRESS.fullmatch(address)
    return (with_port[1] or with_port[2]) if with_port else address


def task_of(row: Mapping[str, Any]) -> Task:
    """Return the task of a row that has a `upid`."""
    return Task(
        upid=str(row["upid"]),
        type=str(row.get("type", "")),
        about=str(row.get("id") or ""),
        user="!".join(str(row[key]) for key in ("user", "tokenid") if row.get(key)),
        is_active=not row.get("status") or row["status"] == "RUNNING",
        started=int(row.get("starttime") or 0),
    )
