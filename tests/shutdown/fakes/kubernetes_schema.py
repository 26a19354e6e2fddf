"""What Kubernetes' API takes: paths, query parameters, content types, the fields of bodies.

Facts from the published OpenAPI description (kubernetes/kubernetes, `api/openapi-spec/v3`: core v1,
policy v1, storage.k8s.io v1, authorization.k8s.io v1, apps v1). Fields that nobody here sends are
left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import re
from typing import Any

type Shape = str | list[Shape] | Mapping[str, Shape]
"""`string`, `integer`, `boolean`, a list of one shape, or fields; `*` stands for any key."""

STRINGS: Shape = {"*": "string"}
OBJECT_META: Shape = {
    "annotations": STRINGS,
    "creationTimestamp": "string",
    "finalizers": ["string"],
    "labels": STRINGS,
    "name": "string",
    "namespace": "string",
    "resourceVersion": "string",
    "uid": "string",
}
DELETE_OPTIONS: Shape = {
    "apiVersion": "string",
    "kind": "string",
    "dryRun": ["string"],
    "gracePeriodSeconds": "integer",
    "orphanDependents": "boolean",
    "preconditions": {"resourceVersion": "string", "uid": "string"},
    "propagationPolicy": "string",
}
EVICTION: Shape = {
    "apiVersion": "string",
    "kind": "string",
    "metadata": OBJECT_META,
    "deleteOptions": DELETE_OPTIONS,
}
NODE: Shape = {
    "apiVersion": "string",
    "kind": "string",
    "metadata": OBJECT_META,
    "spec": {"unschedulable": "boolean", "podCIDR": "string", "providerID": "string"},
}
REVIEW: Shape = {
    "apiVersion": "string",
    "kind": "string",
    "metadata": OBJECT_META,
    "spec": {
        "resourceAttributes": {
            "group": "string",
            "name": "string",
            "namespace": "string",
            "resource": "string",
            "subresource": "string",
            "verb": "string",
            "version": "string",
        },
        "nonResourceAttributes": {"path": "string", "verb": "string"},
    },
    "status": {
        "allowed": "boolean",
        "denied": "boolean",
        "evaluationError": "string",
        "reason": "string",
    },
}

_LIST = frozenset(
    [
        "allowWatchBookmarks",
        "continue",
        "fieldSelector",
        "labelSelector",
        "limit",
        "pretty",
        "resourceVersion",
        "resourceVersionMatch",
        "sendInitialEvents",
        "timeoutSeconds",
        "watch",
    ]
)
_READ = frozenset({"pretty"})
_CREATE = frozenset({"pretty", "dryRun", "fieldManager", "fieldValidation"})
_PATCH = _CREATE | {"force"}
_DELETE = frozenset(
    ["pretty", "dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"]
)
_JSON = frozenset({"application/json"})
_PATCHES = frozenset(
    {
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    right: str = ""
    """Verb and resource, as `kubectl auth can-i` takes it; empty: anybody may."""
    query: frozenset[str] = frozenset()
    content_types: frozenset[str] = frozenset()
    body: Shape = ""
    required: tuple[str, ...] = ()


def _op(method: str, path: str, right: str = "", **more: Any) -> Operation:
    return Operation(method=method, path=path, right=right, **more)


POD = "/api/v1/namespaces/{namespace}/pods/{name}"
OPERATIONS: tuple[Operation, ...] = (
    _op("GET", "/readyz", query=frozenset({"verbose", "exclude"})),
    _op("GET", "/version"),
    _op("GET", "/api", query=frozenset({"timeout"})),
    _op("GET", "/apis", query=frozenset({"timeout"})),
    _op("GET", "/api/v1", query=frozenset({"timeout"})),
    _op("GET", "/apis/{group}/{version}", query=frozenset({"timeout"})),
    _op("GET", "/api/v1/nodes", "list nodes", query=_LIST),
    _op("GET", "/api/v1/nodes/{name}", "get nodes", query=_READ),
    _op(
        "PATCH",
        "/api/v1/nodes/{name}",
        "patch nodes",
        query=_PATCH,
        content_types=_PATCHES,
        body=NODE,
    ),
    _op("GET", "/api/v1/pods", "list pods", query=_LIST),
    _op("GET", POD, "get pods", query=_READ),
    _op("DELETE", POD, "delete pods", query=_DELETE, content_types=_JSON, body=DELETE_OPTIONS),
    _op(
        "POST",
        f"{POD}/eviction",
        "create pods/eviction",
        query=_CREATE,
        content_types=_JSON,
        body=EVICTION,
        required=("metadata",),
    ),
    _op("GET", "/api/v1/persistentvolumes", "list persistentvolumes", query=_LIST),
    _op(
        "GET",
        "/apis/storage.k8s.io/v1/volumeattachments",
        "list volumeattachments.storage.k8s.io",
        query=_LIST,
    ),
    _op(
        "GET",
        "/apis/policy/v1/poddisruptionbudgets",
        "list poddisruptionbudgets.policy",
        query=_LIST,
    ),
    _op(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        query=_CREATE,
        content_types=_JSON,
        body=REVIEW,
        required=("spec",),
    ),
    _op(
        "GET",
        "/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}",
        "get daemonsets.apps",
        query=_READ,
    ),
)


def find_operation(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation of a path, and what stands in its braces."""
    for operation in OPERATIONS:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.path)
        match = re.fullmatch(pattern, path)
        if match and operation.method == method:
            return operation, match.groupdict()
    return None


def errors_of(
    operation: Operation, query: Mapping[str, str], content_type: str, body: object
) -> list[str]:
    """Return what is wrong with a request."""
    errors = [f"query parameter {name} is unknown" for name in query if name not in operation.query]
    if query.get("dryRun", "All") != "All":
        errors.append("dryRun is none of All")
    if body is None:
        return [*errors, *(f"{name} is missing" for name in operation.required)]
    if content_type not in operation.content_types:
        errors.append(f"content type {content_type} is not taken")
    if isinstance(body, dict):
        errors += [f"{name} is missing" for name in operation.required if name not in body]
    return [*errors, *_misfits(body, operation.body, "body")]


_TYPES: Mapping[str, type] = {"string": str, "integer": int, "boolean": bool}


def _misfits(value: Any, shape: Shape, where: str) -> Iterator[str]:
    if value is None:
        return  # for every field the same as leaving it out, and in a patch it takes it away
    if isinstance(shape, str):
        wanted = _TYPES.get(shape)
        if wanted is None or not isinstance(value, wanted) or (wanted is int and value is True):
            yield f"{where} is no {shape or 'field'}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for number, item in enumerate(value):
            yield from _misfits(item, shape[0], f"{where}[{number}]")
    elif not isinstance(value, dict):
        yield f"{where} is no object"
    else:
        for name, inner in value.items():
            known = shape.get(name, shape.get("*"))
            if known is None:
                yield f"{where}.{name} is unknown"
            else:
                yield from _misfits(inner, known, f"{where}.{name}")
