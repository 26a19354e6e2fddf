"""Which pods hold volumes of the NAS, and which of its volumes are still attached."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ..redaction import MAX_DETAIL
from .kubernetes_api import KubernetesApi
from .kubernetes_options import KubernetesOptions
from .kubernetes_rows import Attachment, Node, Pod, Volume, volume_of_unique_name

_NAMED: Final = 8
"""How many names stand in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The cluster at one moment, as far as it matters to the NAS."""

    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    """Those that an eviction gets rid of."""
    staying: tuple[Pod, ...]
    """DaemonSet and mirror pods with such a volume: they end with their node only."""
    attached: tuple[str, ...]
    """Volumes that are attached or in use, in words."""

    @property
    def open_nodes(self) -> tuple[Node, ...]:
        """Nodes to which a new pod may come at any moment."""
        return tuple(node for node in self.nodes if not node.is_unschedulable)

    @property
    def to_evict(self) -> tuple[Pod, ...]:
        """Pods that have not been told to go."""
        return tuple(pod for pod in self.pods if not pod.is_terminating)

    @property
    def is_moving(self) -> bool:
        """Whether a pod is on its way out."""
        return any(pod.is_terminating for pod in self.pods)

    @property
    def are_pods_gone(self) -> bool:
        """Whether no pod uses the NAS at this moment, those that stay included."""
        return not self.pods and not self.staying

    @property
    def is_free(self) -> bool:
        """Whether nothing in the cluster uses the NAS, and nothing can begin to."""
        return bool(self.nodes) and self.are_pods_gone and not self.attached and not self.open_nodes

    @property
    def words(self) -> str:
        """What there is, for journal and post-mortem."""
        parts = [
            _counted("pods use the NAS", [pod.label for pod in self.pods]),
            _counted("pods stay until their node is off", [pod.label for pod in self.staying]),
            _counted("volumes are attached", self.attached),
            _counted("nodes take new pods", [node.name for node in self.open_nodes]),
            _counted("nodes are silent", [n.name for n in self.nodes if not n.is_ready]),
        ]
        text = "; ".join(part for part in parts if part)
        return (text or "all nodes are cordoned, no pod is left, no volume is attached")[
            :MAX_DETAIL
        ]


class Selection:
    """Which volumes and pods the user means; without a choice all network volumes."""

    def __init__(self, options: KubernetesOptions) -> None:
        """Take what the user chose."""
        self._options = options
        self.is_everything = not (
            options.nas_addresses
            or options.storage_classes
            or options.csi_drivers
            or options.namespaces
            or options.label_selector
        )

    def has_volume(self, volume: Volume) -> bool:
        """Return whether a volume is one of the NAS."""
        options = self._options
        if self.is_everything:
            # What a CSI driver makes for a single pod is a secret or a token as a rule.
            return bool(volume.name) or not volume.is_csi
        return (
            volume.storage_class in options.storage_classes
            or volume.driver in options.csi_drivers
            or not options.nas_addresses.isdisjoint(volume.addresses)
            or (volume.claim is not None and volume.claim[0] in options.namespaces)
        )

    def has_attachment(self, attachment: Attachment) -> bool:
        """Return whether an attachment is one of the NAS, its persistent volume aside."""
        if attachment.inline is not None and self.has_volume(attachment.inline):
            return True
        return self.is_everything or attachment.driver in self._options.csi_drivers

    def has_unique_name(self, name: str) -> bool:
        """Return whether what a node calls a volume tells that it is one of the NAS."""
        return self.is_everything or self.has_volume(volume_of_unique_name(name))

    def has_namespace(self, namespace: str) -> bool:
        """Return whether all pods of a namespace are meant."""
        return namespace in self._options.namespaces


class Cluster:
    """Looks at the cluster; every method only reads."""

    def __init__(self, api: KubernetesApi, options: KubernetesOptions) -> None:
        """Take the way to the API."""
        self._api = api
        self._options = options
        self._selection = Selection(options)
        self._labelled: set[tuple[str, str]] | None = None
        """Claims of the pods that the label selector ever found; None: it never found any."""

    async def look(self) -> Inventory:
        """Return what uses the NAS.

        The nodes come first and the attachments last: what was free in between was free in
        this order, too.

        Raises:
            RequestError: the cluster could not be asked for all of it.

        """
        nodes = await self._api.nodes()
        volumes = await self._api.volumes()
        pods = [pod for pod in await self._api.pods() if pod.node and not pod.is_finished]
        labelled = await self._labelled_uids()
        self._remember(pods, labelled)
        ours = [volume for volume in volumes if self._is_ours(volume)]
        claims = {volume.claim for volume in ours if volume.claim}
        users = [pod for pod in pods if self._uses(pod, claims)]
        wanted = {pod.uid for pod in users} | labelled
        wanted |= {pod.uid for pod in pods if self._selection.has_namespace(pod.namespace)}
        # Without a memory, after a restart of ours, any volume may be one of the labelled pods.
        is_forgotten = bool(self._options.label_selector) and self._labelled is None
        gated = volumes if is_forgotten else ours
        attachments = await self._api.attachments()
        return Inventory(
            nodes=nodes,
            pods=tuple(pod for pod in pods if pod.uid in wanted and not pod.stays),
            staying=tuple(pod for pod in users if pod.stays),
            attached=tuple(sorted(set(self._attached(nodes, attachments, gated)))),
        )

    async def _labelled_uids(self) -> set[str]:
        if not self._options.label_selector:
            return set()
        return {pod.uid for pod in await self._api.pods(self._options.label_selector)}

    def _remember(self, pods: Collection[Pod], labelled: Collection[str]) -> None:
        """Note whose volumes have to be detached: once the pods are gone nobody tells."""
        found = [pod for pod in pods if pod.uid in labelled]
        if found and self._labelled is None:
            self._labelled = set()
        for pod in found:
            self._labelled = (self._labelled or set()) | {(pod.namespace, c) for c in pod.claims}

    def _is_ours(self, volume: Volume) -> bool:
        return self._selection.has_volume(volume) or volume.claim in (self._labelled or ())

    def _uses(self, pod: Pod, claims: Collection[tuple[str, str]]) -> bool:
        if any((pod.namespace, claim) in claims for claim in pod.claims):
            return True
        return any(self._selection.has_volume(volume) for volume in pod.volumes)

    def _attached(
        self,
        nodes: Collection[Node],
        attachments: Collection[Attachment],
        ours: Collection[Volume],
    ) -> Iterator[str]:
        names = {volume.name for volume in ours}
        by_unique_name = {volume.unique_name: volume.name for volume in ours if volume.unique_name}
        for attachment in attachments:
            if attachment.volume in names or self._selection.has_attachment(attachment):
                yield f"{attachment.volume or attachment.driver} on {attachment.node}"
        for node in nodes:
            for name in node.volumes:
                if name in by_unique_name or self._selection.has_unique_name(name):
                    yield f"{by_unique_name.get(name) or name} on {node.name}"


def _counted(what: str, names: Collection[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{what}: {', '.join(sorted(names)[:_NAMED])}{more}"
