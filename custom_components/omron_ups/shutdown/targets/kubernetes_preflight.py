"""What can be wrong with a Kubernetes target, found without any effect on it."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import json
from typing import Final

from ..errors import ShutdownError
from ..findings import address_findings, finding, finding_of
from ..models import Finding, Severity
from ..specs import TargetSpec
from .kubernetes_api import KubernetesApi, Right
from .kubernetes_inventory import Cluster, Inventory
from .kubernetes_options import KubernetesOptions
from .kubernetes_removal import Nodes

RIGHTS: Final = (
    Right(verb="list", resource="nodes"),
    Right(verb="patch", resource="nodes"),
    Right(verb="list", resource="pods"),
    Right(verb="delete", resource="pods"),
    Right(verb="create", resource="pods", subresource="eviction"),
    Right(verb="list", resource="persistentvolumes"),
    Right(verb="list", resource="volumeattachments", group="storage.k8s.io"),
    Right(verb="list", resource="poddisruptionbudgets", group="policy"),
)
"""All that the service account needs, and no more (docs/targets-kubernetes.md)."""

_SOON: Final = timedelta(days=30)
_POLITE_SHARE: Final = 0.75
"""Of the target's time, what the polite way has before pods are deleted."""


class KubernetesFinding(StrEnum):
    """Translation keys under `issues`; their placeholders are `target` and `detail`."""

    RIGHT_MISSING = "kubernetes_right_missing"
    """Give the service account the right that is named."""
    TOKEN_EXPIRES = "kubernetes_token_expires"  # noqa: S105 - a translation key
    """Use the token of a Secret, which does not expire."""
    NOTHING_FOUND = "kubernetes_nothing_found"
    """Correct addresses, storage classes and drivers: no volume and no pod fits."""
    PODS_STAY = "kubernetes_pods_stay"
    """Let the nodes stop before the NAS: nothing else ends these pods."""
    NO_ROOM = "kubernetes_no_room"
    """These budgets hold pods back until they are deleted at the deadline."""
    BUDGETS_OVERLAP = "kubernetes_budgets_overlap"
    """Kubernetes evicts no pod that two budgets speak for."""
    GRACE_LONG = "kubernetes_grace_long"
    """Raise the target's time limit, or these pods are cut short."""
    NODE_SILENT = "kubernetes_node_silent"
    """Nobody can end the pods of a node whose kubelet is silent."""
    LEFT_CORDONED = "kubernetes_left_cordoned"
    """Uncordon these nodes, unless a plan is under way."""


class KubernetesPreflight:
    """Looks at one target; every method only reads."""

    def __init__(
        self,
        spec: TargetSpec,
        options: KubernetesOptions,
        api: KubernetesApi,
        cluster: Cluster,
        nodes: Nodes,
    ) -> None:
        """Take what the target is made of."""
        self._spec = spec
        self._options = options
        self._api = api
        self._cluster = cluster
        self._nodes = nodes

    async def run(self) -> Sequence[Finding]:
        """Return what is wrong; the first error that leaves nothing to look at ends it."""
        found = [*address_findings(self._spec, self._options.host), *self._token_findings()]
        try:
            await self._api.is_ready()
            missing = [right.label for right in RIGHTS if not await self._api.may(right)]
            found += [self._error(KubernetesFinding.RIGHT_MISSING, label) for label in missing]
            if any(label.startswith("list ") for label in missing):
                return found
            inventory = await self._cluster.look()
            found += self._node_findings(inventory)
            found += self._pod_findings(inventory)
            found += await self._budget_findings(inventory)
        except ShutdownError as err:
            found.append(finding_of(self._spec, err))
        return found

    def _error(self, key: KubernetesFinding, detail: str) -> Finding:
        return finding(self._spec, key, detail=detail)

    def _warnings(self, key: KubernetesFinding, names: Sequence[str]) -> list[Finding]:
        if not names:
            return []
        detail = ", ".join(sorted(names))
        return [finding(self._spec, key, detail=detail, severity=Severity.WARNING)]

    def _token_findings(self) -> list[Finding]:
        ends = _expiry(self._options.token)
        if ends is None:
            return []
        is_soon = ends - datetime.now(UTC) < _SOON
        severity = Severity.ERROR if is_soon else Severity.WARNING
        words = f"{ends:%Y-%m-%d %H:%M} UTC"
        key = KubernetesFinding.TOKEN_EXPIRES
        return [finding(self._spec, key, detail=words, severity=severity)]

    def _node_findings(self, inventory: Inventory) -> list[Finding]:
        silent = [node.name for node in inventory.nodes if not node.is_ready]
        ours = [node.name for node in self._nodes.are_ours(inventory.nodes)]
        found = self._warnings(KubernetesFinding.NODE_SILENT, silent)
        return [*found, *self._warnings(KubernetesFinding.LEFT_CORDONED, ours)]

    def _pod_findings(self, inventory: Inventory) -> list[Finding]:
        if inventory.are_pods_gone and not inventory.attached:
            return [self._nothing_found()]
        polite_s = self._spec.time_limit_s * _POLITE_SHARE
        long = [f"{p.label}: {p.grace_s} s" for p in inventory.pods if p.grace_s > polite_s]
        staying = [f"{pod.label} on {pod.node}" for pod in inventory.staying]
        return [
            *self._warnings(KubernetesFinding.PODS_STAY, staying),
            *self._warnings(KubernetesFinding.GRACE_LONG, long),
        ]

    def _nothing_found(self) -> Finding:
        key = KubernetesFinding.NOTHING_FOUND
        return finding(self._spec, key, severity=Severity.WARNING)

    async def _budget_findings(self, inventory: Inventory) -> list[Finding]:
        budgets = await self._api.budgets()
        covering = [(pod, [b for b in budgets if b.covers(pod)]) for pod in inventory.pods]
        full = {b.label for _, found in covering for b in found if not b.allowed}
        doubled = [pod.label for pod, found in covering if len(found) > 1]
        return [
            *self._warnings(KubernetesFinding.NO_ROOM, sorted(full)),
            *self._warnings(KubernetesFinding.BUDGETS_OVERLAP, doubled),
        ]


def _expiry(token: str) -> datetime | None:
    """Return when a token ends by what it says itself; None if it does not say."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError:
        return None
