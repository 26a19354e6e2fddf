"""Kubernetes' API as far as a power failure needs it.

Contract: the published OpenAPI description (`api/openapi-spec`), and for what it does not say the
API server's own source code. Not confirmed on hardware.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from ..errors import (
    BadAnswerError,
    CredentialsRefusedError,
    NoAnswerError,
    RefusedError,
    RequestError,
)
from ..http import Http, HttpReply
from ..models import NOTHING
from ..tls import Tls
from .kubernetes_rows import (
    ANNOTATION,
    Attachment,
    Budget,
    Node,
    Pod,
    Volume,
    attachment_of,
    budget_of,
    items,
    node_of,
    pod_of,
    volume_of,
)
from .provenance import KnownRequest, Provenance

MERGE_PATCH: Final = "application/merge-patch+json"
_SCHEMA: Final = "OpenAPI"
# Finished pods hold no volume, and there may be thousands of them.
_UNFINISHED: Final = "status.phase!=Succeeded,status.phase!=Failed"
_BUDGET: Final = "DisruptionBudget"
_NAMESPACE_TERMINATING: Final = "NamespaceTerminating"
_SERVER_ERRORS: Final = 500


def _known(method: str, path: str, source: str = _SCHEMA, *, changes: bool) -> KnownRequest:
    return KnownRequest(
        method=method,
        path=path,
        provenance=Provenance.DOCUMENTED,
        source=source,
        changes=changes,
    )


_READYZ: Final = "/readyz"
_NODES: Final = "/api/v1/nodes"
_PODS: Final = "/api/v1/pods"
_VOLUMES: Final = "/api/v1/persistentvolumes"
_ATTACHMENTS: Final = "/apis/storage.k8s.io/v1/volumeattachments"
_BUDGETS: Final = "/apis/policy/v1/poddisruptionbudgets"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_NODE: Final = "/api/v1/nodes/{name}"
_POD: Final = "/api/v1/namespaces/{namespace}/pods/{name}"
_EVICTION: Final = f"{_POD}/eviction"

REQUESTS: Final[tuple[KnownRequest, ...]] = (
    _known("GET", _READYZ, "documentation of the API server's health endpoints", changes=False),
    _known("GET", _NODES, changes=False),
    _known("GET", _PODS, changes=False),
    _known("GET", _VOLUMES, changes=False),
    _known("GET", _ATTACHMENTS, changes=False),
    _known("GET", _BUDGETS, changes=False),
    _known("POST", _REVIEWS, "OpenAPI; nothing is stored", changes=False),
    _known("PATCH", _NODE, "OpenAPI; dryRun=All in a rehearsal", changes=True),
    _known("POST", _EVICTION, "OpenAPI; API server 1.34 for 429, 403 and 500", changes=True),
    _known("DELETE", _POD, "OpenAPI; API server 1.34 for grace periods", changes=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One thing that the service account must be allowed."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""

    @property
    def label(self) -> str:
        """As `kubectl auth can-i` takes it."""
        name = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {name}{f'/{self.subresource}' if self.subresource else ''}"


class ForbiddenError(CredentialsRefusedError):
    """The service account is good, but may not do this; the text names the right."""


class NamespaceEndsError(RefusedError):
    """The pod's namespace is being deleted, and the pod with it."""


class NotThereError(RefusedError):
    """There is no such object, or another one of that name."""


class NotNowError(RefusedError):
    """A disruption budget, or too much work, is in the way at this moment."""


class HeldByBudgetError(NotNowError):
    """A disruption budget wants the pod to stay until another one is healthy."""


class KubernetesApi:
    """Requests to one API server with the token of a service account."""

    def __init__(
        self, session: aiohttp.ClientSession, *, host: str, port: int, token: str, tls: Tls
    ) -> None:
        """Take the session from outside; nothing is opened."""
        address = f"[{host}]" if ":" in host else host
        self._http = Http(session, f"https://{address}:{port}", tls=tls, secrets=(token,))
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    @property
    def label(self) -> str:
        """Host and port."""
        return self._http.label

    async def open(self) -> None:
        """Load what is trusted."""
        await self._http.open()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        params: Mapping[str, str] = NOTHING,
    ) -> Any:
        """Send one request and return the object that comes back.

        Raises:
            CredentialsRefusedError: the token is not accepted.
            ForbiddenError: it may not do this.
            NamespaceEndsError: the namespace is being deleted.
            NotThereError: 404, or 409: it is not the object that was meant.
            NotNowError: 429; a subclass if a disruption budget is the reason.
            RefusedError: any other answer below 500.
            RequestError: no answer, or one of 500 and above; the subclass says how much is known.

        """
        sent: dict[str, Any] = {"params": params} if params else {}
        headers = self._headers
        if body is not None:
            headers = {**headers, "Content-Type": content_type}
            sent["data"] = json.dumps(body)
        reply = await self._http.request(method, path, headers=headers, **sent)
        if not reply.is_success:
            raise self._error(reply)
        return reply.json()

    def _error(self, reply: HttpReply) -> RequestError:
        """Return what an answer other than success means; its `Status` says why."""
        status = _status(reply)
        words = self._http.redact.excerpt(str(status.get("message") or "")) or reply.detail
        details = status.get("details")
        causes = details.get("causes") if isinstance(details, Mapping) else ()
        reasons = [cause.get("reason") for cause in causes or () if isinstance(cause, Mapping)]
        if reply.status == 403 and _NAMESPACE_TERMINATING in reasons:  # noqa: PLR2004
            return NamespaceEndsError(words)
        if reply.status == 429 and _BUDGET in reasons:  # noqa: PLR2004
            return HeldByBudgetError(words)
        if reply.status in _ERRORS:
            return _ERRORS[reply.status](words)
        kind = NoAnswerError if reply.status >= _SERVER_ERRORS else RefusedError
        return kind(f"HTTP {reply.status}: {words}")

    async def is_ready(self) -> None:
        """Return if the API server can serve requests.

        Raises:
            RequestError: it cannot, or does not answer.

        """
        reply = await self._http.request("GET", _READYZ, headers=self._headers)
        if not reply.is_success:
            raise self._error(reply)

    async def nodes(self) -> tuple[Node, ...]:
        """Return all nodes."""
        return tuple(node_of(item) for item in items(await self.call("GET", _NODES)))

    async def pods(self, label_selector: str = "") -> tuple[Pod, ...]:
        """Return the pods of all namespaces that have not finished."""
        params = {"fieldSelector": _UNFINISHED}
        if label_selector:
            params["labelSelector"] = label_selector
        data = await self.call("GET", _PODS, params=params)
        return tuple(pod_of(item) for item in items(data))

    async def volumes(self) -> tuple[Volume, ...]:
        """Return the persistent volumes that are not on a node's own disk."""
        found = (volume_of(item) for item in items(await self.call("GET", _VOLUMES)))
        return tuple(volume for volume in found if volume is not None)

    async def attachments(self) -> tuple[Attachment, ...]:
        """Return what CSI drivers hold attached."""
        return tuple(attachment_of(item) for item in items(await self.call("GET", _ATTACHMENTS)))

    async def budgets(self) -> tuple[Budget, ...]:
        """Return the PodDisruptionBudgets of all namespaces."""
        return tuple(budget_of(item) for item in items(await self.call("GET", _BUDGETS)))

    async def may(self, right: Right) -> bool:
        """Return whether the service account may do this in all namespaces."""
        attributes = {
            "verb": right.verb,
            "group": right.group,
            "resource": right.resource,
            "subresource": right.subresource,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
        }
        data = await self.call("POST", _REVIEWS, body=review)
        status = data.get("status") if isinstance(data, Mapping) else None
        if not isinstance(status, Mapping):
            raise BadAnswerError(f"{self.label} does not say whether we may {right.label}")
        return status.get("allowed") is True

    async def cordon(self, node: str, owner: str, *, dry_run: bool = False) -> None:
        """Let no new pod come to a node, and write on it who did that."""
        await self._patch(node, {ANNOTATION: owner}, is_unschedulable=True, dry_run=dry_run)

    async def uncordon(self, node: str) -> None:
        """Take that back."""
        await self._patch(node, {ANNOTATION: None}, is_unschedulable=False, dry_run=False)

    async def _patch(
        self,
        node: str,
        annotations: Mapping[str, str | None],
        *,
        is_unschedulable: bool,
        dry_run: bool,
    ) -> None:
        body = {
            "metadata": {"annotations": annotations},
            "spec": {"unschedulable": is_unschedulable},
        }
        path = _NODE.format(name=_segment(node))
        params = _dry(dry_run=dry_run)
        await self.call("PATCH", path, body=body, content_type=MERGE_PATCH, params=params)

    async def evict(self, pod: Pod, grace_s: int, *, dry_run: bool = False) -> None:
        """Ask for a pod to go; it is gone only when its object is."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": _options(pod, grace_s),
        }
        params = _dry(dry_run=dry_run)
        await self.call("POST", f"{_pod_path(pod)}/eviction", body=body, params=params)

    async def delete(self, pod: Pod, grace_s: int) -> None:
        """Let a pod go whatever its disruption budget says; a shorter grace may follow."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **_options(pod, grace_s)}
        await self.call("DELETE", _pod_path(pod), body=body)


def _options(pod: Pod, grace_s: int) -> dict[str, Any]:
    # With another uid it is the pod's successor: a StatefulSet gives it the same name.
    # A grace of 0 would take the object away while the process still writes.
    return {"gracePeriodSeconds": max(1, grace_s), "preconditions": {"uid": pod.uid}}


def _dry(*, dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _segment(text: str) -> str:
    return quote(text, safe="")


def _pod_path(pod: Pod) -> str:
    return _POD.format(namespace=_segment(pod.namespace), name=_segment(pod.name))


def _status(reply: HttpReply) -> Mapping[str, Any]:
    try:
        status = reply.json()
    except BadAnswerError:
        return {}
    return status if isinstance(status, Mapping) else {}


_ERRORS: Final[Mapping[int, type[RequestError]]] = {
    401: CredentialsRefusedError,
    403: ForbiddenError,
    404: NotThereError,
    409: NotThereError,
    429: NotNowError,
}
