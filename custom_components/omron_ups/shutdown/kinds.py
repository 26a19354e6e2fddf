"""The kinds of targets: what each asks the user for, and how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import aiohttp

from .errors import OptionError
from .fields import Field, Options
from .specs import TargetSpec
from .target import Target
from .targets import (
    ha_action,
    kubernetes_api,
    kubernetes_options,
    nut_clients,
    proxmox_api,
    proxmox_options,
    qnap,
    qnap_api,
    ssh,
    synology,
    synology_api,
    webhook,
)
from .targets.ha_action import HaActions, HaActionTarget
from .targets.kubernetes import KubernetesTarget
from .targets.nut_clients import NutAliases, NutClientsTarget
from .targets.provenance import KnownRequest
from .targets.proxmox import ProxmoxTarget
from .targets.qnap import QnapTarget
from .targets.ssh import SshTarget
from .targets.synology import SynologyTarget
from .targets.webhook import WebhookTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the kinds need of the world; the glue fills it."""

    session: aiohttp.ClientSession
    """Keeps no cookies; closed by its owner."""
    actions: HaActions
    aliases: NutAliases


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of target."""

    name: str
    """`TargetSpec.kind`, and the type of the subentry."""
    fields: tuple[Field, ...]
    make: Callable[[TargetSpec, Tools], Target] = field(repr=False)
    time_limit_s: float
    """What the form proposes."""
    stage: int
    """What the form proposes: who uses storage before the storage."""
    ports: tuple[int, ...] = ()
    """What the form proposes to look at, to see that the host is off."""
    grace_s: float = 0.0
    """What the form proposes: disks are parked after the network has gone."""
    requests: tuple[KnownRequest, ...] = ()
    """What is sent, for kinds that speak an interface of a maker."""
    tells_by_itself: bool = False
    """Whether the kind has evidence of its own, so that no address must be looked at."""


_ROWS: Final = (
    Kind(
        name="ha_action",
        fields=ha_action.FIELDS,
        make=lambda spec, tools: HaActionTarget(spec, tools.actions),
        time_limit_s=120.0,
        stage=40,
    ),
    Kind(
        name="kubernetes",
        fields=kubernetes_options.FIELDS,
        make=lambda spec, tools: KubernetesTarget(spec, tools.session),
        time_limit_s=300.0,
        stage=30,
        tells_by_itself=True,
        requests=kubernetes_api.REQUESTS,
    ),
    Kind(
        name="nut_clients",
        fields=nut_clients.FIELDS,
        make=lambda spec, tools: NutClientsTarget(spec, tools.aliases),
        time_limit_s=nut_clients.DEFAULT_HOSTSYNC_S + nut_clients.DEFAULT_GRACE_S + 15.0,
        stage=40,
        grace_s=nut_clients.DEFAULT_GRACE_S,
        tells_by_itself=True,
    ),
    Kind(
        name="proxmox",
        fields=proxmox_options.FIELDS,
        make=lambda spec, tools: ProxmoxTarget(spec, tools.session),
        time_limit_s=300.0,
        stage=50,
        ports=(8006, 22),
        grace_s=15.0,
        requests=proxmox_api.REQUESTS,
    ),
    Kind(
        name="qnap",
        fields=qnap.FIELDS,
        make=lambda spec, tools: QnapTarget(spec, tools.session),
        time_limit_s=300.0,
        stage=70,
        ports=(qnap.DEFAULT_PORT, 445),
        grace_s=45.0,
        requests=qnap_api.REQUESTS,
    ),
    Kind(
        name="ssh",
        fields=ssh.FIELDS,
        make=lambda spec, _: SshTarget(spec),
        time_limit_s=120.0,
        stage=40,
        ports=(22,),
        grace_s=10.0,
    ),
    Kind(
        name="synology",
        fields=synology.FIELDS,
        make=lambda spec, tools: SynologyTarget(spec, tools.session),
        time_limit_s=300.0,
        stage=70,
        ports=(synology.DEFAULT_PORT, 445),
        grace_s=45.0,
        requests=synology_api.REQUESTS,
    ),
    Kind(
        name="webhook",
        fields=webhook.FIELDS,
        make=lambda spec, tools: WebhookTarget(spec, tools.session),
        time_limit_s=120.0,
        stage=40,
    ),
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _ROWS})
"""Every kind by its name. `ups_output` is none of them: it has no stage and is always last."""


def make_target(spec: TargetSpec, tools: Tools) -> Target:
    """Return the target of a configuration; nothing is opened.

    Raises:
        OptionError: there is no such kind, or an option cannot be used.

    """
    kind = KINDS.get(spec.kind)
    if kind is None:
        raise OptionError(f"there is no kind of target named {spec.kind}")
    return kind.make(spec, tools)


def secret_names(kind: Kind) -> frozenset[str]:
    """Return the names of the options that are to be left out of logs and diagnostics."""
    return frozenset(field.name for field in kind.fields if field.is_secret)


def server_of(kind: Kind, options: Mapping[str, object]) -> tuple[str, int]:
    """Return host and port of the server whose certificate or key the user is to confirm.

    Raises:
        OptionError: the kind has no server of its own, or the option that names it is missing.

    """
    reader = Options(options, kind.fields)
    names = {field.name for field in kind.fields}
    if "url" in names:
        url = webhook.parse_url("url", reader.text("url"))
        return str(url.host), int(url.port or 0)
    if "host" in names:
        return reader.text("host").strip("[]"), reader.integer("port")
    raise OptionError(f"{kind.name} has no server of its own")
