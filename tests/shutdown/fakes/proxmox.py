"""A Proxmox VE cluster: each node an API server of its own, on loopback."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import re
from typing import Self, override

from aiohttp import web

from .proxmox_cluster import ApiError, Cluster, Guest, Node
from .proxmox_schema import CALLS, Call, errors_of, find_call
from .proxmox_tokens import TOKEN_ID, Token
from .server import LOOPBACK, Asked, FakeServer


class ProxmoxNode(FakeServer):
    """The API of one node."""

    def __init__(self, name: str, world: FakeProxmox) -> None:
        super().__init__(name)
        self._world = world

    @override
    async def answer(self, asked: Asked, request: web.BaseRequest) -> web.StreamResponse:
        try:
            data = await self._data(asked, request.headers.get("Authorization", ""))
        except ApiError as err:
            body = {"data": None, "message": f"{err.message}\n", "errors": err.errors}
            return web.json_response(body, status=err.status, reason=err.message)
        return web.json_response({"data": data})

    async def _data(self, asked: Asked, authorization: str) -> object:
        world = self._world
        found = find_call(asked.method, asked.path.removeprefix("/api2/json"))
        if found is None or not asked.path.startswith("/api2/json/"):
            raise ApiError(501, f"Method '{asked.method} {asked.path}' not implemented")
        call, named = found
        user = "" if call.is_public else await world.authenticate(authorization)
        node = named.get("node", self.name)
        if call.is_proxied and node != self.name:
            if node not in world.cluster.nodes:
                raise ApiError(500, f"hostname lookup '{node}' failed - failed to get address info")
            if not world.cluster.nodes[node].server.is_serving:
                raise ApiError(595, "No route to host")
        params = {**asked.params, **named}
        world.check(call, params, user)
        if isinstance(error := world.errors.get(f"{call.method} {call.path}"), ApiError):
            raise error
        return HANDLERS[call.method, call.path](Request(world, self.name, user, params))


class FakeProxmox:
    """A cluster with one token. As a context manager it serves all its nodes."""

    def __init__(
        self,
        *names: str,
        guests: Iterable[Guest] = (),
        second: float = 0.001,
        cluster: Cluster | None = None,
    ) -> None:
        self.cluster = cluster or Cluster(second=second)
        self.tokens = {TOKEN_ID: Token()}
        self.auth_delay_s = 0.0
        """Proxmox VE takes about 3 s for every 401."""
        self.errors: dict[str, ApiError] = {}
        """Answers to give instead, by method and path as the schema has them."""
        self.invalid: list[str] = []
        """Requests that the schema does not allow."""
        self.has_stale_resources = False
        """Whether `/cluster/resources` still shows every guest running, as it may for 10 s."""
        self.storages: dict[str, dict[str, object]] = {"local-lvm": {"type": "lvmthin"}}
        """The configuration of storages by name."""
        self.servers: dict[str, ProxmoxNode] = {}
        for name in names or ("pve1",):
            self.servers[name] = ProxmoxNode(name, self)
            self.cluster.nodes[name] = Node(name=name, server=self.servers[name])
        self.cluster.guests = {guest.vmid: guest for guest in guests}

    async def __aenter__(self) -> Self:
        for server in self.servers.values():
            await server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cluster.close()
        for server in self.servers.values():
            await server.stop()

    @property
    def token(self) -> Token:
        return self.tokens[TOKEN_ID]

    @property
    def asked(self) -> list[Asked]:
        return [asked for server in self.servers.values() for asked in server.asked]

    @property
    def changes(self) -> list[str]:
        """All requests that were to change something, as `METHOD /path` without the prefix."""
        return [
            f"{asked.method} {asked.path.removeprefix('/api2/json')}"
            for asked in self.asked
            if asked.method != "GET"
        ]

    async def authenticate(self, authorization: str) -> str:
        match = re.fullmatch(r"PVEAPIToken=([^=]+)=(.+)", authorization)
        token = self.tokens.get(match[1]) if match else None
        if match and token and token.secret == match[2]:
            return match[1]
        await asyncio.sleep(self.auth_delay_s)
        raise ApiError(401, "authentication failure" if match else "No ticket")

    def check(self, call: Call, params: Mapping[str, str], user: str) -> None:
        if errors := errors_of(call, params):
            self.invalid.append(f"{call.method} {call.path}: {errors}")
            raise ApiError(400, "Parameter verification failed.", **errors)
        if call.privilege is not None:
            path, privilege = call.privilege
            self.demand(user, path.format(**params), privilege)

    def demand(self, user: str, path: str, privilege: str) -> None:
        if not self.tokens[user].has(path, privilege):
            raise ApiError(403, f"Permission check failed ({path}, {privilege})")


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler gets."""

    world: FakeProxmox
    local: str
    user: str
    params: Mapping[str, str]

    @property
    def cluster(self) -> Cluster:
        return self.world.cluster

    @property
    def node(self) -> str:
        return self.params["node"]

    def guest(self) -> Guest:
        return self.cluster.guest(self.params["vmid"], self.node)

    def may_see(self, guest: Guest) -> bool:
        return self.world.tokens[self.user].has(f"/vms/{guest.vmid}", "VM.Audit")

    def demand_power_over(self) -> None:
        if not self.world.tokens[self.user].has("/", "VM.PowerMgmt"):
            vmids = re.findall(r"\d+", self.params.get("vms", ""))
            if not vmids:
                raise ApiError(403, "Permission check failed (/, VM.PowerMgmt)")
            for vmid in vmids:
                self.world.demand(self.user, f"/vms/{vmid}", "VM.PowerMgmt")


def _permissions(request: Request) -> object:
    path = request.params.get("path", "/")
    granted = request.world.tokens[request.user].privileges(path)
    return {path: {name: int(spreads) for name, spreads in granted.items()}} if granted else {}


def _nodes(request: Request) -> object:
    return [
        {
            "node": node.name,
            "status": "online" if node.server.is_serving else "offline",
            "ssl_fingerprint": node.server.certificate.fingerprint,
        }
        for node in request.cluster.nodes.values()
    ]


def _cluster_status(request: Request) -> object:
    nodes: list[dict[str, object]] = [
        {
            "id": f"node/{node.name}",
            "type": "node",
            "name": node.name,
            "ip": LOOPBACK,
            "local": int(node.name == request.local),
            "online": int(node.server.is_serving),
        }
        for node in request.cluster.nodes.values()
    ]
    if len(nodes) == 1:
        return nodes
    quorate = int(request.cluster.is_quorate)
    return [
        {
            "id": "cluster",
            "type": "cluster",
            "name": "lab",
            "quorate": quorate,
            "nodes": len(nodes),
        },
        *nodes,
    ]


def _resources(request: Request) -> object:
    return [
        {
            "id": f"{guest.kind}/{guest.vmid}",
            "type": guest.kind,
            "vmid": guest.vmid,
            "node": guest.node,
            "name": guest.name or f"guest{guest.vmid}",
            "template": int(guest.is_template),
            "status": "running"
            if guest.is_running or request.world.has_stale_resources
            else "stopped",
            **({"lock": guest.lock} if guest.lock else {}),
            **({"hastate": guest.ha_state} if guest.ha_state else {}),
        }
        for guest in request.cluster.guests.values()
        if request.may_see(guest)
    ]


def _live_guests(kind: str) -> Handler:
    def answer(request: Request) -> object:
        return [
            {
                "vmid": guest.vmid,
                "name": guest.name or f"guest{guest.vmid}",
                "status": "running" if guest.is_running else "stopped",
                **({"lock": guest.lock} if guest.lock else {}),
                **({"template": 1} if guest.is_template else {}),
            }
            for guest in request.cluster.guests.values()
            if guest.node == request.node and guest.kind == kind and request.may_see(guest)
        ]

    return answer


def _config(request: Request) -> object:
    guest = request.guest()
    told: dict[str, object] = {"digest": "0", "onboot": int(guest.onboot), **guest.disks}
    return told | {name: value for name in ("startup", "lock") if (value := getattr(guest, name))}


def _storages(request: Request) -> object:
    token = request.world.tokens[request.user]
    return [
        {"storage": name, **row}
        for name, row in request.world.storages.items()
        if token.has(f"/storage/{name}", "Datastore.Audit")
    ]


def _shutdown(request: Request) -> object:
    guest = request.guest()
    timeout = int(request.params.get("timeout", guest.startup_value("down", 60)))
    force = request.params.get("forceStop") == "1"
    return request.cluster.shutdown_guest(guest, request.user, timeout, force=force)


def _stop(request: Request) -> object:
    overrule = request.params.get("overrule-shutdown") == "1"
    return request.cluster.stop_guest(request.guest(), request.user, overrule=overrule)


def _start(request: Request) -> object:
    return request.cluster.start_guest(request.guest(), request.user)


def _stop_all(request: Request) -> object:
    request.demand_power_over()
    work = request.cluster.stop_all(request.node, request.user, request.params)
    return request.cluster.begin("stopall", request.node, request.user, work)


def _start_all(request: Request) -> object:
    request.demand_power_over()
    work = request.cluster.start_all(request.node, request.user, request.params)
    return request.cluster.begin("startall", request.node, request.user, work)


def _tasks(request: Request) -> object:
    source = request.params.get("source", "archive")
    wanted = request.params.get("typefilter")
    return [
        task.as_json() | ({"status": task.exitstatus} if task.exitstatus else {})
        for task in reversed(request.cluster.tasks.values())
        if task.node == request.node
        and (source == "all" or (source == "active") == (not task.exitstatus))
        and (not wanted or task.type == wanted)
        and task.starttime >= int(request.params.get("since", 0))
    ][: int(request.params.get("limit", 50))]


def _task_status(request: Request) -> object:
    task = request.cluster.tasks.get(request.params["upid"])
    if task is None:
        raise ApiError(400, "unable to parse worker upid")
    if task.exitstatus:
        return task.as_json() | {"status": "stopped", "exitstatus": task.exitstatus}
    return task.as_json() | {"status": "running"}


def _abort(request: Request) -> object:
    task = request.cluster.tasks[request.params["upid"]]
    if task.user != request.user:
        request.world.demand(request.user, f"/nodes/{request.node}", "Sys.Modify")
    request.cluster.abort(task.upid)
    return None


def _node_command(request: Request) -> object:
    request.cluster.power_off(request.cluster.nodes[request.node])
    return None


def _wake(request: Request) -> object:
    node = request.cluster.nodes.get(request.node)
    if request.node == request.local:
        raise ApiError(500, f"'{request.node}' is local node, cannot wake my self!")
    if node is None or not node.mac:
        raise ApiError(500, f"No wake on LAN MAC address defined for '{request.node}'!")
    request.cluster.spawn(request.cluster.power_on(node.name))
    return node.mac


def _node_config(request: Request) -> object:
    mac = request.cluster.nodes[request.node].mac
    return {"wakeonlan": mac} if mac else {}


def _ha_resources(request: Request) -> object:
    managed = (guest for guest in request.cluster.guests.values() if guest.ha_state)
    return [{"sid": guest.sid, "state": guest.ha_state} for guest in managed]


def _ha_set(request: Request) -> object:
    guest = next(g for g in request.cluster.guests.values() if g.sid == request.params["sid"])
    guest.ha_state = request.params["state"]
    guest.is_running = guest.ha_state == "started"
    return None


def _ha_status(request: Request) -> object:
    quorum = {"id": "quorum", "type": "quorum", "quorate": int(request.cluster.is_quorate)}
    return [quorum, request.cluster.look_at_ha()]


def _disarm(request: Request) -> object:
    request.cluster.ha_mode = request.cluster.ha_mode or request.params["resource-mode"]
    return None


def _arm(request: Request) -> object:
    request.cluster.ha_mode = ""
    for guest in request.cluster.guests.values():
        if guest.ha_state == "started" and request.cluster.nodes[guest.node].is_on:
            guest.is_running = True
    return None


type Handler = Callable[[Request], object]

_PER_KIND: Mapping[tuple[str, str], Handler] = {
    ("GET", "config"): _config,
    ("GET", "status/current"): lambda r: {
        "status": "running" if r.guest().is_running else "stopped"
    },
    ("POST", "status/shutdown"): _shutdown,
    ("POST", "status/stop"): _stop,
    ("POST", "status/start"): _start,
}
HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("GET", "/version"): lambda _: {"version": "9.2.11", "release": "9.2", "repoid": "14a22df3"},
    ("GET", "/access/domains"): lambda _: [{"realm": "pam", "type": "pam"}],
    ("GET", "/access/permissions"): _permissions,
    ("GET", "/nodes"): _nodes,
    ("GET", "/storage"): _storages,
    ("GET", "/cluster/status"): _cluster_status,
    ("GET", "/cluster/resources"): _resources,
    ("GET", "/cluster/ha/resources"): _ha_resources,
    ("PUT", "/cluster/ha/resources/{sid}"): _ha_set,
    ("GET", "/cluster/ha/status/current"): _ha_status,
    ("POST", "/cluster/ha/status/disarm-ha"): _disarm,
    ("POST", "/cluster/ha/status/arm-ha"): _arm,
    ("GET", "/nodes/{node}/config"): _node_config,
    ("POST", "/nodes/{node}/status"): _node_command,
    ("POST", "/nodes/{node}/wakeonlan"): _wake,
    ("POST", "/nodes/{node}/stopall"): _stop_all,
    ("POST", "/nodes/{node}/startall"): _start_all,
    ("GET", "/nodes/{node}/tasks"): _tasks,
    ("GET", "/nodes/{node}/tasks/{upid}/status"): _task_status,
    ("DELETE", "/nodes/{node}/tasks/{upid}"): _abort,
    **{("GET", f"/nodes/{{node}}/{kind}"): _live_guests(kind) for kind in ("qemu", "lxc")},
    **{
        (method, f"/nodes/{{node}}/{kind}/{{vmid}}/{tail}"): handler
        for kind in ("qemu", "lxc")
        for (method, tail), handler in _PER_KIND.items()
    },
}
assert {(call.method, call.path) for call in CALLS} == set(HANDLERS)
