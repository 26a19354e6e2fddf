"""What can be wrong with a Proxmox VE target, found without any effect on it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from ..errors import RefusedError, ShutdownError
from ..findings import address_findings, finding, finding_of, own_disk_finding
from ..models import Finding, Severity
from ..specs import HOME_ASSISTANT_STOP_S, TargetSpec
from .proxmox_access import ProxmoxAccess
from .proxmox_api import LostNodeError, MissingPrivilegeError
from .proxmox_guests import Inventory, ProxmoxGuests, labels
from .proxmox_options import ProxmoxOptions, Scope
from .proxmox_rows import Guest, GuestConfig, server_of_storage

OS_STOP_S: Final = 60
"""What a node is expected to take to stop itself, without its guests."""
_CONFIGS_AT_ONCE: Final = 4
# What a guest is granted that does not say so itself; the node's own stopall does it.
_DOWN_S: Final = 180


class ProxmoxFinding(StrEnum):
    """Translation keys under `issues`; their placeholders are `target` and `detail`."""

    PRIVILEGE_MISSING = "proxmox_privilege_missing"
    """Give the token's role the privilege named, at the path named (docs/targets-proxmox.md)."""
    NODE_UNKNOWN = "proxmox_node_unknown"
    """Correct the name of the node."""
    OTHER_NODE = "proxmox_other_node"
    """Use the address of the node itself: it is lost when the other one stops."""
    GUEST_UNKNOWN = "proxmox_guest_unknown"
    """Correct the number, or give the token VM.Audit on it."""
    GUEST_LOCKED = "proxmox_guest_locked"
    """It cannot be stopped while it is locked, not even hard."""
    GUEST_MANAGED = "proxmox_guest_managed"
    """Let HA be disarmed, or take the guest out of HA."""
    HA_DISARMED = "proxmox_ha_disarmed"
    """Arm HA again."""
    NO_QUORUM = "proxmox_no_quorum"
    """Bring the other nodes back: without a quorum no guest starts."""
    NO_WAKE_MAC = "proxmox_no_wake_mac"
    """Set `wakeonlan` in the node's options."""
    TIME_LIMIT = "proxmox_time_limit"
    """Raise the target's time limit, or lower the guests' shutdown timeouts."""
    OWN_GUEST_TIME = "proxmox_own_guest_time"
    """Set the shutdown timeout of the guest that runs Home Assistant to 240 s."""
    OWN_GUEST_BOOT = "proxmox_own_guest_boot"
    """Let the guest that runs Home Assistant start at boot."""


class ProxmoxPreflight:
    """Looks at one target; every method only reads."""

    def __init__(
        self, spec: TargetSpec, api: ProxmoxAccess, guests: ProxmoxGuests, options: ProxmoxOptions
    ) -> None:
        """Take what the target is made of."""
        self._spec = spec
        self._api = api
        self._guests = guests
        self._options = options

    async def run(self) -> Sequence[Finding]:
        """Return what is wrong; the first error that leaves nothing to look at ends it."""
        found = list(address_findings(self._spec, self._options.host))
        try:
            await self._api.version()
            await self._api.learn_peers()
            found += await self._node_findings()
            inventory = await self._guests.inventory()
            found += await self._privilege_findings(inventory)
            found += self._guest_findings(inventory)
            found += await self._time_findings(inventory)
            found += await self._ha_findings()
            found += await self._wake_findings()
        except ShutdownError as err:
            found.append(finding_of(self._spec, err))
        return found

    def _error(self, key: ProxmoxFinding, detail: str) -> Finding:
        return finding(self._spec, key, detail=detail)

    def _warning(self, key: ProxmoxFinding, detail: str) -> Finding:
        return finding(self._spec, key, detail=detail, severity=Severity.WARNING)

    async def _node_findings(self) -> list[Finding]:
        wanted = self._options.node
        names = [node.name for node in await self._api.nodes()]
        if wanted not in names:
            return [self._error(ProxmoxFinding.NODE_UNKNOWN, f"{wanted}: {', '.join(names)}")]
        try:
            cluster = await self._api.cluster()
        except MissingPrivilegeError:
            return []
        found = []
        if not cluster.is_quorate:
            found.append(self._warning(ProxmoxFinding.NO_QUORUM, wanted))
        local = next((node.name for node in cluster.nodes if node.is_local), wanted)
        if local != wanted and self._options.scope is Scope.NODE:
            found.append(self._error(ProxmoxFinding.OTHER_NODE, f"{self._options.host}: {local}"))
        return found

    def _needed(self) -> Mapping[tuple[str, str], Severity]:
        """Return the privileges that are needed besides those on guests, and how much."""
        needed = {("/", "Sys.Audit"): Severity.WARNING}
        if self._options.scope is Scope.NODE:
            needed[f"/nodes/{self._options.node}", "Sys.PowerMgmt"] = Severity.ERROR
        if self._options.disarms_ha:
            needed["/", "Sys.Audit"] = Severity.ERROR
            needed["/", "Sys.Console"] = Severity.ERROR
        return needed

    async def _privilege_findings(self, inventory: Inventory) -> list[Finding]:
        needed = dict(self._needed())
        on_all = await self._api.privileges("/vms")
        if "VM.PowerMgmt" not in on_all:
            vmids = [guest.vmid for guest in inventory.chosen]
            needed |= {(f"/vms/{vmid}", "VM.PowerMgmt"): Severity.ERROR for vmid in vmids}
        if "VM.Audit" not in on_all:
            needed |= self._needed_to_see(inventory)
        granted = {path: await self._api.privileges(path) for path, _ in needed}
        return [
            finding(
                self._spec,
                ProxmoxFinding.PRIVILEGE_MISSING,
                detail=f"{privilege} on {path}",
                severity=severity,
            )
            for (path, privilege), severity in needed.items()
            if privilege not in granted[path]
        ]

    def _needed_to_see(self, inventory: Inventory) -> Mapping[tuple[str, str], Severity]:
        """Return what is needed to see the guests: single ones may be all that is wanted."""
        if self._options.scope is Scope.GUESTS:
            return {(f"/vms/{vmid}", "VM.Audit"): Severity.ERROR for vmid in inventory.missing}
        severity = Severity.WARNING if inventory.chosen else Severity.ERROR
        return {("/vms", "VM.Audit"): severity}

    def _guest_findings(self, inventory: Inventory) -> list[Finding]:
        found = [
            self._error(ProxmoxFinding.GUEST_UNKNOWN, str(vmid))
            for vmid in sorted(inventory.missing)
        ]
        own = self._options.home_assistant_guest
        if (
            self._options.scope is Scope.NODE
            and own
            and own not in {guest.vmid for guest in inventory.left}
        ):
            found.append(self._error(ProxmoxFinding.GUEST_UNKNOWN, str(own)))
        guests = (*inventory.chosen, *inventory.left)
        if locked := [f"{guest.label}: {guest.lock}" for guest in guests if guest.lock]:
            found.append(self._warning(ProxmoxFinding.GUEST_LOCKED, ", ".join(locked)))
        managed = [guest for guest in guests if guest.is_managed]
        if managed and not self._options.disarms_ha:
            found.append(self._warning(ProxmoxFinding.GUEST_MANAGED, labels(managed)))
        return found

    async def _time_findings(self, inventory: Inventory) -> list[Finding]:
        """Compare what the guests may take with the time limit; groups stop one after another."""
        own = self._options.home_assistant_guest
        guests = [*inventory.running, *(g for g in inventory.left if g.vmid == own)]
        configs = await self._configs(guests)
        found = [*self._own_guest_findings(configs), *await self._own_disk_findings(configs)]
        others = (config for guest, config in configs.items() if guest.vmid != own)
        worst = _longest(others, self._options.guest_limit_s)
        if self._options.scope is Scope.NODE:
            worst += OS_STOP_S
        if worst > self._spec.time_limit_s:
            words = f"{worst} s > {self._spec.time_limit_s:.0f} s"
            found.append(self._warning(ProxmoxFinding.TIME_LIMIT, words))
        return found

    async def _configs(self, guests: Sequence[Guest]) -> dict[Guest, GuestConfig]:
        gate = asyncio.Semaphore(_CONFIGS_AT_ONCE)

        async def _config(guest: Guest) -> GuestConfig | None:
            async with gate:
                try:
                    return await self._api.guest_config(guest)
                except RefusedError, LostNodeError:
                    # It was deleted or moved meanwhile.
                    return None

        configs = await asyncio.gather(*(_config(guest) for guest in guests))
        return {guest: config for guest, config in zip(guests, configs, strict=True) if config}

    def _own_guest_findings(self, configs: Mapping[Guest, GuestConfig]) -> list[Finding]:
        own = self._options.home_assistant_guest
        found = []
        for guest, config in configs.items():
            if guest.vmid != own:
                continue
            if (config.down_s or _DOWN_S) < HOME_ASSISTANT_STOP_S:
                found.append(self._warning(ProxmoxFinding.OWN_GUEST_TIME, guest.label))
            if not config.starts_on_boot and not guest.is_managed:
                found.append(self._warning(ProxmoxFinding.OWN_GUEST_BOOT, guest.label))
        return found

    async def _own_disk_findings(self, configs: Mapping[Guest, GuestConfig]) -> list[Finding]:
        """Tell on which servers the disks of the guest that runs Home Assistant lie."""
        own = self._options.home_assistant_guest
        used = {name for g, config in configs.items() if g.vmid == own for name in config.storages}
        if not used:
            return []
        storages = await self._api.storages()
        hidden = [
            self._warning(ProxmoxFinding.PRIVILEGE_MISSING, f"Datastore.Audit on /storage/{name}")
            for name in sorted(used - storages.keys())
        ]
        servers = {name: server_of_storage(name, storages) for name in sorted(used)}
        return hidden + [
            own_disk_finding(self._spec, server, detail=name)
            for name, server in servers.items()
            if server
        ]

    async def _ha_findings(self) -> list[Finding]:
        try:
            mode, _ = await self._api.ha_disarmed()
        except MissingPrivilegeError:
            return []
        return [self._warning(ProxmoxFinding.HA_DISARMED, mode)] if mode else []

    async def _wake_findings(self) -> list[Finding]:
        is_woken_by_peers = self._api.has_peers and self._spec.wake is None
        if not is_woken_by_peers or self._options.scope is not Scope.NODE:
            return []
        try:
            mac = await self._api.wake_mac(self._options.node)
        except MissingPrivilegeError:
            return []
        return [] if mac else [self._warning(ProxmoxFinding.NO_WAKE_MAC, self._options.node)]


def _longest(configs: Iterable[GuestConfig], default_s: int) -> int:
    """Return the seconds that the guests may take: groups one after another, each as one."""
    groups: dict[int, int] = {}
    for config in configs:
        down_s = config.down_s if config.down_s is not None else default_s
        groups[config.order] = max(groups.get(config.order, 0), down_s)
    return sum(groups.values())
