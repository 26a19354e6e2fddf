"""Proxmox VE's API as far as a power failure needs it.

Contract: the published API schema (`api-viewer/apidata.js`, April 2026), and for what it does not
say pve-manager 9.2.11, qemu-server and pve-ha-manager 5.2. Not confirmed on hardware.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from ..errors import BadAnswerError, CredentialsRefusedError, NoAnswerError, RefusedError
from ..http import Http, HttpReply
from ..tls import Tls
from .provenance import KnownRequest, Provenance
from .proxmox_rows import (
    ClusterStatus,
    Guest,
    GuestConfig,
    NodeStatus,
    Task,
    guest_config,
    guest_of,
    rows,
    task_of,
)

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
# Proxying to another node failed, says pve-http-server; 596 also stands for a broken TLS handshake.
_PROXY_ERRORS: Final = range(595, 600)
_SCHEMA: Final = "API schema"


def _known(method: str, path: str, source: str = _SCHEMA) -> KnownRequest:
    return KnownRequest(
        method=method,
        path=path,
        provenance=Provenance.DOCUMENTED,
        source=source,
        changes=method != "GET",
    )


REQUESTS: Final[tuple[KnownRequest, ...]] = (
    _known("GET", "/version"),
    _known("GET", "/access/permissions"),
    _known("GET", "/nodes"),
    _known("GET", "/cluster/status"),
    _known("GET", "/cluster/resources"),
    _known("GET", "/cluster/ha/status/current"),
    _known("POST", "/cluster/ha/status/disarm-ha", "API schema; pve-ha-manager 5.2 for its effect"),
    _known("POST", "/cluster/ha/status/arm-ha", "API schema; pve-ha-manager 5.2 for its effect"),
    _known("PUT", "/cluster/ha/resources/{sid}"),
    _known("GET", "/nodes/{node}/config"),
    _known("GET", "/nodes/{node}/qemu"),
    _known("GET", "/nodes/{node}/lxc"),
    _known("GET", "/nodes/{node}/{kind}/{vmid}/config"),
    _known("GET", "/storage"),
    _known("POST", "/nodes/{node}/{kind}/{vmid}/status/shutdown"),
    _known("POST", "/nodes/{node}/{kind}/{vmid}/status/stop"),
    _known("POST", "/nodes/{node}/stopall", "API schema; pve-manager 9.2 for order and HA"),
    _known("POST", "/nodes/{node}/startall", "API schema; pve-manager 9.2 for quorum and locks"),
    _known("POST", "/nodes/{node}/status", "API schema; pve-manager 9.2: poweroff after 2 s"),
    _known("POST", "/nodes/{node}/wakeonlan", "API schema; pve-manager 9.2: never itself"),
    _known("GET", "/nodes/{node}/tasks"),
    _known("GET", "/nodes/{node}/tasks/{upid}/status"),
    _known("DELETE", "/nodes/{node}/tasks/{upid}"),
)


class MissingPrivilegeError(CredentialsRefusedError):
    """The token is good, but lacks a privilege; the text names it."""


class LostNodeError(NoAnswerError):
    """The node that was asked could not reach the node that the request is about."""


class ParameterError(RefusedError):
    """A parameter is not what this version of Proxmox VE takes."""


class ProxmoxApi:
    """Requests to one node's address with one API token."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        host: str,
        port: int,
        token_id: str,
        token_secret: str,
        tls: Tls,
    ) -> None:
        """Take the session from outside; nothing is opened."""
        address = f"[{host}]" if ":" in host else host
        self._session = session
        self._base_url = f"https://{address}:{port}/api2/json"
        self._secret = token_secret
        self._headers = {"Authorization": f"PVEAPIToken={token_id}={token_secret}"}
        self.trust(tls)

    def trust(self, tls: Tls) -> None:
        """Believe this from now on."""
        self._http = Http(self._session, self._base_url, tls=tls, secrets=(self._secret,))

    @property
    def label(self) -> str:
        """Host and port."""
        return self._http.label

    async def open(self) -> None:
        """Load what is trusted."""
        await self._http.open()

    async def call(self, method: str, path: str, /, **params: str | int) -> Any:
        """Send one request and return its `data`.

        Raises:
            CredentialsRefusedError: the token is unknown, wrong or expired.
            MissingPrivilegeError: it may not do this.
            ParameterError: HTTP 400.
            LostNodeError: the node in the path does not answer the one that was asked.
            RefusedError: any other answer than success.
            RequestError: no answer; the subclass says how much is known.

        """
        texts = {name: str(value) for name, value in params.items()}
        where = "params" if method == "GET" else "data"
        sent: dict[str, Any] = {where: texts} if texts else {}
        reply = await self._http.request(method, path, headers=self._headers, **sent)
        if not reply.is_success:
            raise _error(reply)
        answer = reply.json()
        if not isinstance(answer, Mapping) or "data" not in answer:
            raise BadAnswerError(f"{self.label} answers what is not Proxmox VE's: {reply.detail}")
        return answer["data"]

    async def version(self) -> str:
        """Return the version; needs nothing but a good token."""
        data = await self.call("GET", "/version")
        return str(data.get("version", "")) if isinstance(data, Mapping) else ""

    async def privileges(self, path: str) -> frozenset[str]:
        """Return what the token may do at an ACL path, what it inherits included."""
        data = await self.call("GET", "/access/permissions", path=path)
        granted = data.get(path) if isinstance(data, Mapping) else None
        return frozenset(granted) if isinstance(granted, Mapping) else frozenset()

    async def nodes(self) -> tuple[NodeStatus, ...]:
        """Return all nodes with the fingerprints of their certificates."""
        return tuple(
            NodeStatus(
                name=str(row["node"]),
                is_online=row.get("status") == "online",
                fingerprint=str(row.get("ssl_fingerprint") or ""),
            )
            for row in rows(await self.call("GET", "/nodes"), "node")
        )

    async def cluster(self) -> ClusterStatus:
        """Return who is in the cluster, and whether it is quorate. Needs Sys.Audit on /."""
        members = list(rows(await self.call("GET", "/cluster/status"), "type"))
        return ClusterStatus(
            nodes=tuple(
                NodeStatus(
                    name=str(row.get("name", "")),
                    is_online=row.get("online") == 1,
                    address=str(row.get("ip") or ""),
                    is_local=row.get("local") == 1,
                )
                for row in members
                if row["type"] == "node"
            ),
            is_quorate=all(row.get("quorate") == 1 for row in members if row["type"] == "cluster"),
        )

    async def guests(self) -> tuple[Guest, ...]:
        """Return the guests of the whole cluster; whether they run may be 10 s old."""
        data = await self.call("GET", "/cluster/resources", type="vm")
        return tuple(
            guest_of(row, str(row.get("type")), str(row.get("node", "")))
            for row in rows(data, "vmid")
        )

    async def live_guests(self, node: str) -> Mapping[int, Guest]:
        """Return the guests of one node as they are at this moment, without their HA state."""
        found: dict[int, Guest] = {}
        for kind in ("qemu", "lxc"):
            data = await self.call("GET", f"/nodes/{_segment(node)}/{kind}")
            found |= {int(row["vmid"]): guest_of(row, kind, node) for row in rows(data, "vmid")}
        return found

    async def guest_config(self, guest: Guest) -> GuestConfig:
        """Return how a guest starts and stops."""
        data = await self.call("GET", f"{_guest_path(guest)}/config")
        return guest_config(data if isinstance(data, Mapping) else {})

    async def storages(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the storages by name; those for which the token has Datastore.Audit."""
        data = await self.call("GET", "/storage")
        return {str(row["storage"]): row for row in rows(data, "storage")}

    async def shut_down(self, guest: Guest, limit_s: int) -> str:
        """Ask one guest to shut down and return the task."""
        path = f"{_guest_path(guest)}/status/shutdown"
        return str(await self.call("POST", path, timeout=limit_s))

    async def switch_off(self, guest: Guest, *, overrule: bool) -> str:
        """Stop one guest hard; `overrule` ends a shutdown that still waits for it."""
        params: dict[str, str | int] = {"overrule-shutdown": 1} if overrule else {}
        return str(await self.call("POST", f"{_guest_path(guest)}/status/stop", **params))

    async def stop_all(self, node: str, vmids: Collection[int], limit_s: int) -> str:
        """Stop guests in the node's own order, hard if one exceeds the limit; return the task.

        With `vms` those that HA manages are included, without they are left out.
        """
        params: dict[str, str | int] = {"timeout": limit_s, "force-stop": 1}
        path = f"/nodes/{_segment(node)}/stopall"
        return str(await self.call("POST", path, vms=_list(vmids), **params))

    async def start_all(self, node: str, vmids: Collection[int]) -> str:
        """Start guests in the node's own order; those that run are left alone.

        The node itself waits for a quorum and takes locks of interrupted backups away.
        """
        path = f"/nodes/{_segment(node)}/startall"
        return str(await self.call("POST", path, vms=_list(vmids), force=1))

    async def power_off(self, node: str) -> None:
        """Power a node off: it answers, waits 2 s and begins; nothing tells of an error later."""
        await self.call("POST", f"/nodes/{_segment(node)}/status", command="shutdown")

    async def wake(self, node: str) -> None:
        """Let this node send the magic packet for another one."""
        await self.call("POST", f"/nodes/{_segment(node)}/wakeonlan")

    async def wake_mac(self, node: str) -> str:
        """Return the `wakeonlan` setting of a node; empty if it has none. Needs Sys.Audit on /."""
        data = await self.call("GET", f"/nodes/{_segment(node)}/config", property="wakeonlan")
        return str(data.get("wakeonlan") or "") if isinstance(data, Mapping) else ""

    async def tasks(self, node: str, source: str, limit: int = 500) -> tuple[Task, ...]:
        """Return tasks, the newest first: `active`, or `all`. Others' tasks need Sys.Audit."""
        path = f"/nodes/{_segment(node)}/tasks"
        data = await self.call("GET", path, source=source, limit=limit)
        return tuple(task_of(row) for row in rows(data, "upid"))

    async def task_result(self, node: str, upid: str) -> str | None:
        """Return how a task ended, in Proxmox VE's words (`OK`); None while it goes on."""
        data = await self.call("GET", f"/nodes/{_segment(node)}/tasks/{_segment(upid)}/status")
        if not isinstance(data, Mapping) or data.get("status") != "stopped":
            return None
        return str(data.get("exitstatus") or "unknown")

    async def abort(self, node: str, upid: str) -> None:
        """End a task of our own."""
        await self.call("DELETE", f"/nodes/{_segment(node)}/tasks/{_segment(upid)}")

    async def ha_disarmed(self) -> tuple[str, bool]:
        """Return the mode in which HA is disarmed, empty if it is armed, and whether it is done.

        Needs Sys.Audit on /. A version without disarming has no such entry: armed.
        """
        data = await self.call("GET", "/cluster/ha/status/current")
        fencing = next((row for row in rows(data, "type") if row["type"] == "fencing"), {})
        return str(fencing.get("resource_mode") or ""), fencing.get("armed-state") == "disarmed"

    async def disarm_ha(self) -> None:
        """Let the HA manager of the whole cluster lose sight of its guests, its watchdogs too.

        Not `freeze`: frozen guests stay managed, so that no request stops them, and nobody does
        when their node goes off (pve-ha-manager 5.2, `vm_is_ha_managed` and the LRM).
        """
        await self.call("POST", "/cluster/ha/status/disarm-ha", **{"resource-mode": "ignore"})

    async def arm_ha(self) -> None:
        """Take that back."""
        await self.call("POST", "/cluster/ha/status/arm-ha")

    async def start_by_ha(self, guest: Guest) -> None:
        """Let the HA manager want a guest to run again."""
        await self.call("PUT", f"/cluster/ha/resources/{_segment(guest.sid)}", state="started")


def _segment(text: str) -> str:
    return quote(text, safe="")


def _guest_path(guest: Guest) -> str:
    return f"/nodes/{_segment(guest.node)}/{guest.kind}/{guest.vmid}"


def _list(vmids: Collection[int]) -> str:
    return ",".join(str(vmid) for vmid in sorted(vmids))


def _error(reply: HttpReply) -> RefusedError | NoAnswerError:
    """Return what an answer other than success means; the reason phrase says why."""
    if reply.status == UNAUTHORIZED:
        return CredentialsRefusedError(f"the API token is not accepted: {reply.detail}")
    if reply.status == FORBIDDEN:
        return MissingPrivilegeError(reply.reason or reply.detail)
    if reply.status in _PROXY_ERRORS:
        return LostNodeError(reply.detail)
    return (ParameterError if reply.status == BAD_REQUEST else RefusedError)(reply.detail)
