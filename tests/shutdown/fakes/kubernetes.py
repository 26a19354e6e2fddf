"""An API server of Kubernetes on loopback, with an authority of its own."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import json
from typing import Any, override

from aiohttp import web

from tests.shutdown.web import make_identity

from .kubernetes_schema import OPERATIONS, Operation, errors_of, find_operation
from .kubernetes_world import FakePod, World
from .server import Asked, Certificate, FakeServer

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvbXJvbi11cHMifQ.c2lnbmF0dXJl-planted"
RIGHTS = frozenset(
    {
        "list nodes",
        "patch nodes",
        "list pods",
        "delete pods",
        "create pods/eviction",
        "list persistentvolumes",
        "list volumeattachments.storage.k8s.io",
        "list poddisruptionbudgets.policy",
    }
)
"""What docs/targets-kubernetes.md grants."""
KUBECTL_RIGHTS = RIGHTS | {"get nodes", "get pods", "get daemonsets.apps"}


class ApiError(Exception):
    """An answer other than success, as a `Status`."""

    def __init__(
        self, code: int, reason: str, message: str, causes: Iterable[dict[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": {"causes": [*causes]},
            "code": code,
        }


class FakeKubernetes(FakeServer):
    """The API server of one cluster; `world` is what it tells of."""

    def __init__(self, *nodes: str, second: float = 0.01) -> None:
        super().__init__("kubernetes")
        self.authority = make_identity("cluster-ca", is_authority=True)
        identity = make_identity("kubernetes", signed_by=self.authority)
        self.certificate = Certificate(
            fingerprint=identity.fingerprint, pem=identity.pem, context=identity.context()
        )
        self.authority_pem = self.authority.pem
        self.world = World(*nodes, second=second)
        self.token = TOKEN
        self.rights: frozenset[str] = RIGHTS
        self.invalid: list[str] = []
        """Requests that the description does not allow."""
        self.errors: dict[str, ApiError] = {}
        """Answers to give instead, by method and path as the description has them."""
        self.ending_namespaces: set[str] = set()
        self.changes: list[str] = []
        """Requests that changed something, or were to: all but reads, reviews and dry runs."""
        self.bodies: list[tuple[str, Any]] = []
        self.dies_after: str = ""
        """A request, as `METHOD /path`, after which the API is gone before it has answered."""

    @override
    async def __aexit__(self, *_: object) -> None:
        await self.world.close()
        await self.stop()

    @override
    async def answer(self, asked: Asked, request: web.BaseRequest) -> web.StreamResponse:
        try:
            data = await self._data(asked, request)
        except ApiError as err:
            return web.json_response(err.status, status=err.code)
        if str(asked) == self.dies_after and request.transport is not None:
            request.transport.abort()
        return web.Response(text=data) if isinstance(data, str) else web.json_response(data)

    async def _data(self, asked: Asked, request: web.BaseRequest) -> object:
        found = find_operation(asked.method, asked.path)
        if found is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        operation, named = found
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise ApiError(401, "Unauthorized", "Unauthorized")
        text = await request.text()
        body = json.loads(text) if text else None
        self.bodies.append((str(asked), body))
        errors = errors_of(operation, asked.params, request.content_type, body)
        if errors:
            self.invalid.append(f"{asked}: {errors}")
            raise ApiError(422, "Invalid", f"{asked}: {errors}")
        self._demand(operation.right)
        call = Call(self, operation, named, asked.params, body)
        if not call.is_dry and asked.method != "GET" and "reviews" not in asked.path:
            self.changes.append(str(asked))
        if error := self.errors.get(f"{operation.method} {operation.path}"):
            raise error
        await asyncio.sleep(0)
        return HANDLERS[operation.method, operation.path](call)

    def _demand(self, right: str) -> None:
        if right and right not in self.rights:
            verb, _, resource = right.partition(" ")
            account = "system:serviceaccount:omron-ups:omron-ups"
            words = f'User "{account}" cannot {verb} resource "{resource}" at the cluster scope'
            raise ApiError(403, "Forbidden", f"{resource} is forbidden: {words}")


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets."""

    server: FakeKubernetes
    operation: Operation
    named: Mapping[str, str]
    query: Mapping[str, str]
    body: Any

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def is_dry(self) -> bool:
        options = (self.body or {}).get("deleteOptions") or self.body or {}
        return "dryRun" in self.query or bool(options.get("dryRun"))

    def pod(self) -> FakePod:
        pod = self.world.pods.get((self.named["namespace"], self.named["name"]))
        if pod is None:
            raise ApiError(404, "NotFound", f'pods "{self.named["name"]}" not found')
        return pod


def _list(kind: str, items: Iterable[object]) -> object:
    return {
        "kind": kind,
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "7"},
        "items": [*items],
    }


def _node(call: Call, name: str) -> dict[str, Any]:
    node = call.world.nodes.get(name)
    if node is None:
        raise ApiError(404, "NotFound", f'nodes "{name}" not found')
    attached = sorted(node.in_use)
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name, "annotations": dict(node.annotations)},
        "spec": {"unschedulable": True} if node.is_unschedulable else {},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if node.is_ready else "Unknown"}],
            "volumesInUse": attached,
            "volumesAttached": [{"name": name, "devicePath": ""} for name in attached],
        },
    }


def _patch_node(call: Call) -> object:
    name = call.named["name"]
    shown = _node(call, name)
    if call.is_dry:
        return shown
    node = call.world.nodes[name]
    for key, value in (call.body.get("metadata", {}).get("annotations") or {}).items():
        if value is None:
            node.annotations.pop(key, None)
        else:
            node.annotations[key] = value
    if "unschedulable" in call.body.get("spec", {}):
        node.is_unschedulable = bool(call.body["spec"]["unschedulable"])
    call.world.schedule()
    return _node(call, name)


def _pod(pod: FakePod) -> dict[str, Any]:
    owners = [{"kind": pod.owner, "name": "owner", "controller": True}] if pod.owner else []
    mirror = {"kubernetes.io/config.mirror": "hash"} if pod.is_mirror else {}
    claims = [
        {"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in pod.claims
    ]
    deletion = (
        {}
        if pod.deleted_grace_s is None
        else {
            "deletionTimestamp": "2026-11-22T12:00:00Z",
            "deletionGracePeriodSeconds": pod.deleted_grace_s,
        }
    )
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": pod.uid,
            "labels": pod.labels,
            "annotations": mirror,
            "ownerReferences": owners,
            "finalizers": pod.finalizers,
            **deletion,
        },
        "spec": {
            "terminationGracePeriodSeconds": pod.grace_s,
            "volumes": [*claims, *pod.volumes],
            **({"nodeName": pod.node} if pod.node else {}),
        },
        "status": {"phase": pod.phase},
    }


def _pods(call: Call) -> object:
    pods = [_pod(pod) for pod in call.world.pods.values()]
    for term in filter(None, call.query.get("fieldSelector", "").split(",")):
        pods = [pod for pod in pods if _fits(term, _field_of(pod, term))]
    for term in filter(None, call.query.get("labelSelector", "").split(",")):
        key = term.split("=")[0].rstrip("!")
        pods = [pod for pod in pods if _fits(term, pod["metadata"]["labels"].get(key, ""))]
    return _list("PodList", pods)


def _field_of(pod: Mapping[str, Any], term: str) -> str:
    part, _, name = term.split("=", maxsplit=1)[0].rstrip("!").partition(".")
    return str(pod[part].get(name, ""))


def _fits(term: str, value: str) -> bool:
    name, _, wanted = term.partition("=")
    return (value != wanted) if name.endswith("!") else value == wanted.lstrip("=")


def _evict(call: Call) -> object:
    metadata = call.body["metadata"]
    if metadata.get("name") != call.named["name"]:
        words = "name in URL does not match name in Eviction object"
        raise ApiError(400, "BadRequest", words)
    if call.named["namespace"] in call.server.ending_namespaces:
        cause = {"reason": "NamespaceTerminating", "message": "it is being terminated"}
        raise ApiError(403, "Forbidden", "the namespace is being terminated", (cause,))
    pod = call.pod()
    budgets = [b for b in call.world.budgets if call.world.covers(b, pod)]
    is_free = pod.phase != "Running" or pod.deleted_grace_s is not None
    if len(budgets) > 1 and not is_free:
        words = "This pod has more than one PodDisruptionBudget, which the eviction subresource"
        raise ApiError(500, "", f"{words} does not support.")
    if budgets and not is_free and not call.world.allowed(budgets[0]):
        cause = {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {budgets[0].name} needs more healthy pods",
        }
        words = "Cannot evict pod as it would violate the pod's disruption budget."
        raise ApiError(429, "TooManyRequests", words, (cause,))
    _remove(call, pod, call.body.get("deleteOptions") or {})
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _delete(call: Call) -> object:
    pod = call.pod()
    shown = _pod(pod)
    _remove(call, pod, call.body or {})
    return shown


def _remove(call: Call, pod: FakePod, options: Mapping[str, Any]) -> None:
    wanted = (options.get("preconditions") or {}).get("uid")
    if wanted not in {None, pod.uid}:
        words = f"the UID in the precondition ({wanted}) does not match the UID ({pod.uid})"
        raise ApiError(409, "Conflict", words)
    if not call.is_dry:
        call.world.delete(pod, options.get("gracePeriodSeconds"))


def _volumes(call: Call) -> object:
    return _list(
        "PersistentVolumeList",
        (
            {"metadata": {"name": name}, "spec": spec, "status": {"phase": "Bound"}}
            for name, spec in call.world.volumes.items()
        ),
    )


def _attachments(call: Call) -> object:
    return _list(
        "VolumeAttachmentList",
        (
            {
                "metadata": {"name": f"csi-{attachment.volume}-{attachment.node}"},
                "spec": {
                    "attacher": attachment.driver,
                    "nodeName": attachment.node,
                    "source": {"persistentVolumeName": attachment.volume},
                },
                "status": {"attached": True},
            }
            for attachment in call.world.attachments
        ),
    )


def _budgets(call: Call) -> object:
    return _list(
        "PodDisruptionBudgetList",
        (
            {
                "metadata": {"name": budget.name, "namespace": budget.namespace},
                "spec": {
                    "minAvailable": budget.min_available,
                    "selector": {"matchLabels": budget.labels},
                },
                "status": {"disruptionsAllowed": call.world.allowed(budget)},
            }
            for budget in call.world.budgets
        ),
    )


def _review(call: Call) -> object:
    asked = call.body["spec"]["resourceAttributes"]
    group = f".{asked['group']}" if asked.get("group") else ""
    sub = f"/{asked['subresource']}" if asked.get("subresource") else ""
    right = f"{asked['verb']} {asked['resource']}{group}{sub}"
    return {**call.body, "status": {"allowed": right in call.server.rights}}


def _groups(_: Call) -> object:
    groups = [("apps", "v1"), ("policy", "v1"), ("storage.k8s.io", "v1")]
    versions = [
        (name, {"groupVersion": f"{name}/{version}", "version": version})
        for name, version in groups
    ]
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {"name": name, "versions": [version], "preferredVersion": version}
            for name, version in versions
        ],
    }


def _resource(name: str, kind: str, *, namespaced: bool, **more: str) -> dict[str, Any]:
    verbs = ["create"] if "/" in name else ["delete", "get", "list", "patch"]
    singular = "" if "/" in name else kind.lower()
    return {
        "name": name,
        "singularName": singular,
        "namespaced": namespaced,
        "kind": kind,
        "verbs": verbs,
        **more,
    }


def _resources(call: Call) -> object:
    version = "/".join(call.named.values()) or "v1"
    resources = {
        "v1": [
            _resource("nodes", "Node", namespaced=False),
            _resource("pods", "Pod", namespaced=True),
            _resource("pods/eviction", "Eviction", namespaced=True, group="policy", version="v1"),
            _resource("persistentvolumes", "PersistentVolume", namespaced=False),
        ],
        "policy/v1": [_resource("poddisruptionbudgets", "PodDisruptionBudget", namespaced=True)],
        "storage.k8s.io/v1": [_resource("volumeattachments", "VolumeAttachment", namespaced=False)],
        "apps/v1": [_resource("daemonsets", "DaemonSet", namespaced=True)],
    }.get(version, [])
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": resources,
    }


def _daemon_set(call: Call) -> object:
    metadata = {"name": call.named["name"], "namespace": call.named["namespace"]}
    return {"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": metadata}


def _api(_: Call) -> object:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


HANDLERS: Mapping[tuple[str, str], Callable[[Call], object]] = {
    ("GET", "/readyz"): lambda _: "ok",
    ("GET", "/version"): lambda _: {"major": "1", "minor": "34", "gitVersion": "v1.34.1"},
    ("GET", "/api"): _api,
    ("GET", "/apis"): _groups,
    ("GET", "/api/v1"): _resources,
    ("GET", "/apis/{group}/{version}"): _resources,
    ("GET", "/api/v1/nodes"): lambda call: _list(
        "NodeList", (_node(call, name) for name in call.world.nodes)
    ),
    ("GET", "/api/v1/nodes/{name}"): lambda call: _node(call, call.named["name"]),
    ("PATCH", "/api/v1/nodes/{name}"): _patch_node,
    ("GET", "/api/v1/pods"): _pods,
    ("GET", "/api/v1/namespaces/{namespace}/pods/{name}"): lambda call: _pod(call.pod()),
    ("DELETE", "/api/v1/namespaces/{namespace}/pods/{name}"): _delete,
    ("POST", "/api/v1/namespaces/{namespace}/pods/{name}/eviction"): _evict,
    ("GET", "/api/v1/persistentvolumes"): _volumes,
    ("GET", "/apis/storage.k8s.io/v1/volumeattachments"): _attachments,
    ("GET", "/apis/policy/v1/poddisruptionbudgets"): _budgets,
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"): _review,
    ("GET", "/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}"): _daemon_set,
}
assert {(operation.method, operation.path) for operation in OPERATIONS} == set(HANDLERS)
