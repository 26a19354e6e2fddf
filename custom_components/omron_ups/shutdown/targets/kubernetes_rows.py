"""What Kubernetes tells of nodes, pods and volumes, read from its objects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import re
from typing import Any, Final

from ..errors import BadAnswerError

ANNOTATION: Final = "omron-ups/cordoned-by"
"""On nodes that we cordoned; its value is `<target>/<plan>`."""
DEFAULT_GRACE_S: Final = 30
"""What Kubernetes grants a pod that does not say so itself."""
_MIRROR: Final = "kubernetes.io/config.mirror"
_FINISHED: Final = frozenset({"Succeeded", "Failed"})
_LOCAL: Final = frozenset({"hostPath", "local"})
_PARTS: Final = re.compile(r"[\s,;/]+")
_BRACKETED: Final = re.compile(r"\[([^\]]+)\](:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as its own status shows it."""

    name: str
    is_ready: bool
    """Whether its kubelet has reported lately; if not, nothing says that it is off."""
    is_unschedulable: bool
    cordoned_by: str = ""
    """The value of our annotation; empty: it was not us."""
    volumes: frozenset[str] = frozenset()
    """Unique names of the volumes that are attached to it or in use on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What a persistent volume, or a volume of a pod itself, says of its storage."""

    name: str = ""
    """Of the persistent volume; empty for one of a pod itself."""
    driver: str = ""
    """`iscsi`, `nfs`, the name of a CSI driver, or empty for another kind."""
    unique_name: str = ""
    """How nodes call it; empty if it is never attached."""
    addresses: frozenset[str] = frozenset()
    """All that may be an address of its server, in small letters."""
    storage_class: str = ""
    claim: tuple[str, str] | None = None
    """Namespace and name of the claim that it is bound to."""
    is_csi: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod."""

    namespace: str
    name: str
    uid: str
    node: str
    """Empty as long as it is not scheduled: it holds nothing then."""
    labels: Mapping[str, str] = field(default_factory=dict)
    grace_s: int = DEFAULT_GRACE_S
    claims: frozenset[str] = frozenset()
    """Names of the claims that it mounts, in its own namespace."""
    volumes: tuple[Volume, ...] = ()
    """Network volumes that it names itself, without a claim."""
    stays: bool = False
    """Whether no eviction gets rid of it: a DaemonSet or the kubelet itself brings it back."""
    is_terminating: bool = False
    is_finished: bool = False

    @property
    def label(self) -> str:
        """How people call it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A volume that a CSI driver holds attached to a node."""

    driver: str
    volume: str
    """Name of the persistent volume, or empty."""
    node: str
    inline: Volume | None = None
    """The volume, if it was moved from a kind built in to a CSI driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A PodDisruptionBudget."""

    namespace: str
    name: str
    selector: Mapping[str, Any] | None
    allowed: int
    """How many of its pods may be evicted now."""

    @property
    def label(self) -> str:
        """How people call it."""
        return f"{self.namespace}/{self.name}"

    def covers(self, pod: Pod) -> bool:
        """Return whether it speaks for a pod; one without a selector speaks for none."""
        if pod.namespace != self.namespace or self.selector is None:
            return False
        wanted = _mapping(self.selector.get("matchLabels"))
        if any(pod.labels.get(key) != value for key, value in wanted.items()):
            return False
        rules = self.selector.get("matchExpressions") or ()
        return all(_holds(rule, pod.labels) for rule in rules)


def items(data: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list.

    Raises:
        BadAnswerError: it is none, or not the whole of it.

    """
    if not isinstance(data, Mapping) or not isinstance(data.get("items"), list):
        raise BadAnswerError("Kubernetes answers something else than a list")
    if _mapping(data.get("metadata")).get("continue"):
        raise BadAnswerError("Kubernetes answers with a part of the list")
    yield from (item for item in data["items"] if isinstance(item, Mapping))


def node_of(item: Mapping[str, Any]) -> Node:
    """Return a node."""
    metadata, spec, status = _parts(item)
    conditions = {row.get("type"): row.get("status") for row in status.get("conditions") or ()}
    attached = (row.get("name") for row in status.get("volumesAttached") or ())
    return Node(
        name=_name(metadata),
        is_ready=conditions.get("Ready") == "True",
        is_unschedulable=spec.get("unschedulable") is True,
        cordoned_by=str(_mapping(metadata.get("annotations")).get(ANNOTATION) or ""),
        volumes=frozenset(
            str(name) for name in (*attached, *(status.get("volumesInUse") or ())) if name
        ),
    )


def volume_of(item: Mapping[str, Any]) -> Volume | None:
    """Return a persistent volume; None for one on a node's own disk."""
    metadata, spec, _ = _parts(item)
    return volume_of_spec(spec, name=_name(metadata))


def volume_of_spec(spec: Mapping[str, Any], *, name: str = "") -> Volume | None:
    """Return the volume that a specification describes; None for one on a node's own disk."""
    if _LOCAL & spec.keys():
        return None
    kind = next((kind for kind in _SOURCES if isinstance(spec.get(kind), Mapping)), "")
    source = _SOURCES[kind](spec[kind]) if kind else {}
    claim = _mapping(spec.get("claimRef"))
    return Volume(
        name=name,
        storage_class=str(spec.get("storageClassName") or ""),
        claim=(str(claim.get("namespace", "")), str(claim["name"])) if claim.get("name") else None,
        **source,
    )


def pod_of(item: Mapping[str, Any]) -> Pod:
    """Return a pod."""
    metadata, spec, status = _parts(item)
    name = _name(metadata)
    owners = (owner.get("kind") for owner in metadata.get("ownerReferences") or ())
    rows = [row for row in spec.get("volumes") or () if isinstance(row, Mapping)]
    grace = spec.get("terminationGracePeriodSeconds")
    return Pod(
        namespace=str(metadata.get("namespace") or ""),
        name=name,
        uid=str(metadata.get("uid") or ""),
        node=str(spec.get("nodeName") or ""),
        labels=_mapping(metadata.get("labels")),
        grace_s=DEFAULT_GRACE_S if grace is None else int(grace),
        claims=frozenset(_claims(rows, name)),
        volumes=tuple(
            Volume(name="", **_SOURCES[kind](row[kind]))
            for row in rows
            for kind in _SOURCES
            if isinstance(row.get(kind), Mapping)
        ),
        stays="DaemonSet" in owners or _MIRROR in _mapping(metadata.get("annotations")),
        is_terminating=bool(metadata.get("deletionTimestamp")),
        is_finished=status.get("phase") in _FINISHED,
    )


def attachment_of(item: Mapping[str, Any]) -> Attachment:
    """Return a VolumeAttachment."""
    _, spec, _ = _parts(item)
    source = _mapping(spec.get("source"))
    inline = source.get("inlineVolumeSpec")
    return Attachment(
        driver=str(spec.get("attacher") or ""),
        volume=str(source.get("persistentVolumeName") or ""),
        node=str(spec.get("nodeName") or ""),
        inline=volume_of_spec(inline) if isinstance(inline, Mapping) else None,
    )


def budget_of(item: Mapping[str, Any]) -> Budget:
    """Return a PodDisruptionBudget."""
    metadata, spec, status = _parts(item)
    selector = spec.get("selector")
    return Budget(
        namespace=str(metadata.get("namespace") or ""),
        name=_name(metadata),
        selector=selector if isinstance(selector, Mapping) else None,
        allowed=int(status.get("disruptionsAllowed") or 0),
    )


def volume_of_unique_name(name: str) -> Volume:
    """Return what can be told of a volume by what a node calls it."""
    if name.startswith(_CSI_PREFIX):
        driver = name.removeprefix(_CSI_PREFIX).partition("^")[0]
        return Volume(driver=driver, unique_name=name, is_csi=True)
    if name.startswith(_ISCSI_PREFIX):
        portal = name.removeprefix(_ISCSI_PREFIX).partition(":iqn.")[0]
        return Volume(driver="iscsi", unique_name=name, addresses=hosts_in(portal))
    return Volume(unique_name=name)


def hosts_in(*texts: object) -> frozenset[str]:
    """Return all that may be the address of a host in texts such as `iscsi://nas:3260,1`."""
    return frozenset(
        host for text in texts for part in _PARTS.split(str(text).lower()) for host in _hosts(part)
    )


def _hosts(part: str) -> Iterator[str]:
    if not part:
        return
    yield part
    if match := _BRACKETED.fullmatch(part):
        yield match[1]
    elif part.count(":") == 1:
        yield part.partition(":")[0]


# `kubernetes.io/<plugin>/` and what the plugin makes of it (pkg/volume of Kubernetes 1.34).
_CSI_PREFIX: Final = "kubernetes.io/csi/"
_ISCSI_PREFIX: Final = "kubernetes.io/iscsi/"


def _iscsi(source: Mapping[str, Any]) -> dict[str, Any]:
    portal = source.get("targetPortal", "")
    iqn, lun = source.get("iqn", ""), source.get("lun", 0)
    return {
        "driver": "iscsi",
        "unique_name": f"{_ISCSI_PREFIX}{portal}:{iqn}:{lun}",
        "addresses": hosts_in(portal, *(source.get("portals") or ())),
    }


def _nfs(source: Mapping[str, Any]) -> dict[str, Any]:
    return {"driver": "nfs", "addresses": hosts_in(source.get("server", ""))}


def _csi(source: Mapping[str, Any]) -> dict[str, Any]:
    driver, handle = str(source.get("driver") or ""), source.get("volumeHandle")
    attributes = _mapping(source.get("volumeAttributes"))
    return {
        "driver": driver,
        "unique_name": f"{_CSI_PREFIX}{driver}^{handle}" if handle else "",
        # Drivers name their server as they like: `server`, `portal`, `source`, in the handle.
        "addresses": hosts_in(*attributes.values(), str(handle or "").replace("#", ",")),
        "is_csi": True,
    }


_SOURCES: Final = {"iscsi": _iscsi, "nfs": _nfs, "csi": _csi}


def _claims(rows: list[Mapping[str, Any]], pod: str) -> Iterator[str]:
    for row in rows:
        claim = row.get("persistentVolumeClaim")
        if isinstance(claim, Mapping):
            yield str(claim.get("claimName") or "")
        elif isinstance(row.get("ephemeral"), Mapping):
            yield f"{pod}-{row.get('name')}"


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = rule.get("key"), rule.get("values") or ()
    checks = {
        "In": labels.get(str(key)) in values,
        "NotIn": labels.get(str(key)) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return checks.get(str(rule.get("operator")), False)


def _parts(
    item: Mapping[str, Any],
) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    return (
        _mapping(item.get("metadata")),
        _mapping(item.get("spec")),
        _mapping(item.get("status")),
    )


def _name(metadata: Mapping[str, Any]) -> str:
    """Return the name of an object.

    Raises:
        BadAnswerError: it has none.

    """
    if not metadata.get("name"):
        raise BadAnswerError("Kubernetes answers with an object that has no name")
    return str(metadata["name"])


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
