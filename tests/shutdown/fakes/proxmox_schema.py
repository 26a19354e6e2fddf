"""What Proxmox VE takes: path, method, parameters with types and ranges, the privilege needed.

Facts from the published API schema (pve-docs `api-viewer/apidata.js`, 30 April 2026) and, where
that describes a privilege in words only, from pve-manager 9.2.11. Most of the parameters that
nobody here sends are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import re

Segments = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter."""

    type: str = "string"
    is_optional: bool = True
    minimum: int | None = None
    maximum: int | None = None
    choices: Segments = ()
    pattern: str = ""

    def error(self, value: str) -> str:
        """Return what is wrong with a value; empty if nothing is."""
        if self.type == "boolean":
            return "" if value in {"0", "1"} else "type check ('boolean') failed"
        if self.type == "integer":
            return self._range_error(value)
        if self.choices and value not in self.choices:
            return f"value '{value}' does not have a value in the enumeration"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"invalid format - value does not look like {self.pattern}"
        return ""

    def _range_error(self, value: str) -> str:
        if not re.fullmatch(r"-?\d+", value):
            return "type check ('integer') failed"
        if self.minimum is not None and int(value) < self.minimum:
            return f"value must have a minimum value of {self.minimum}"
        if self.maximum is not None and int(value) > self.maximum:
            return f"value must have a maximum value of {self.maximum}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method of one path."""

    method: str
    path: str
    params: Mapping[str, Param]
    privilege: tuple[str, str] | None = None
    """ACL path and privilege; None: anybody with a valid token, or the handler looks itself."""
    is_public: bool = False
    is_proxied: bool = True
    """Whether a node passes it on to the node in the path."""


VMID = Param(type="integer", is_optional=False, minimum=100, maximum=999_999_999)
NODE = Param(is_optional=False, pattern=r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?")
VM_LIST = Param(pattern=r"\d{3,9}([ ,;]\d{3,9})*")
SECONDS = Param(type="integer", minimum=0)
FLAG = Param(type="boolean")
NODE_PROPERTIES = (
    "acme",
    *(f"acmedomain{number}" for number in range(6)),
    "ballooning-target",
    "description",
    "startall-onboot-delay",
    "wakeonlan",
)
WORKERS = Param(type="integer", minimum=1, maximum=64)


def _guest(method: str, kind: str, tail: str, privilege: str, **params: Param) -> Call:
    return Call(
        method=method,
        path=f"/nodes/{{node}}/{kind}/{{vmid}}/{tail}",
        params={"node": NODE, "vmid": VMID, **params},
        privilege=("/vms/{vmid}", privilege),
    )


def _guests(kind: str) -> tuple[Call, ...]:
    power = {"timeout": SECONDS, "forceStop": FLAG}
    skip = {"skiplock": FLAG}
    stop = {"overrule-shutdown": FLAG, **skip}
    if kind == "qemu":
        power |= {"keepActive": FLAG, **skip}
        stop |= {"timeout": SECONDS, "keepActive": FLAG}
    current = {"current": FLAG, "snapshot": Param()}
    return (
        Call(method="GET", path=f"/nodes/{{node}}/{kind}", params={"node": NODE}),
        _guest("GET", kind, "config", "VM.Audit", **current),
        _guest("GET", kind, "status/current", "VM.Audit"),
        _guest("POST", kind, "status/shutdown", "VM.PowerMgmt", **power),
        _guest("POST", kind, "status/stop", "VM.PowerMgmt", **stop),
        _guest("POST", kind, "status/start", "VM.PowerMgmt", **skip),
    )


CALLS: tuple[Call, ...] = (
    Call(method="GET", path="/version", params={}),
    Call(method="GET", path="/access/domains", params={}, is_public=True),
    Call(
        method="GET",
        path="/access/permissions",
        params={"path": Param(pattern="/.*|"), "userid": Param()},
    ),
    Call(method="GET", path="/nodes", params={}),
    Call(method="GET", path="/storage", params={"type": Param()}),
    Call(method="GET", path="/cluster/status", params={}, privilege=("/", "Sys.Audit")),
    Call(
        method="GET",
        path="/cluster/resources",
        params={"type": Param(choices=("vm", "storage", "node", "sdn"))},
    ),
    Call(
        method="GET",
        path="/cluster/ha/resources",
        params={"type": Param(choices=("ct", "vm"))},
        privilege=("/", "Sys.Audit"),
    ),
    Call(
        method="PUT",
        path="/cluster/ha/resources/{sid}",
        params={
            "sid": Param(is_optional=False, pattern=r"(vm|ct):\d{3,9}|\d{3,9}"),
            "state": Param(choices=("started", "stopped", "enabled", "disabled", "ignored")),
        },
        privilege=("/", "Sys.Console"),
    ),
    Call(method="GET", path="/cluster/ha/status/current", params={}, privilege=("/", "Sys.Audit")),
    Call(
        method="POST",
        path="/cluster/ha/status/disarm-ha",
        params={"resource-mode": Param(is_optional=False, choices=("freeze", "ignore"))},
        privilege=("/", "Sys.Console"),
    ),
    Call(
        method="POST",
        path="/cluster/ha/status/arm-ha",
        params={},
        privilege=("/", "Sys.Console"),
    ),
    Call(
        method="GET",
        path="/nodes/{node}/config",
        params={"node": NODE, "property": Param(choices=NODE_PROPERTIES)},
        privilege=("/", "Sys.Audit"),
    ),
    Call(
        method="POST",
        path="/nodes/{node}/status",
        params={"node": NODE, "command": Param(is_optional=False, choices=("reboot", "shutdown"))},
        privilege=("/nodes/{node}", "Sys.PowerMgmt"),
    ),
    Call(
        method="POST",
        path="/nodes/{node}/wakeonlan",
        params={"node": NODE},
        privilege=("/nodes/{node}", "Sys.PowerMgmt"),
        is_proxied=False,
    ),
    Call(
        method="POST",
        path="/nodes/{node}/stopall",
        params={
            "node": NODE,
            "vms": VM_LIST,
            "timeout": Param(type="integer", minimum=0, maximum=7200),
            "force-stop": FLAG,
            "max-workers": WORKERS,
        },
    ),
    Call(
        method="POST",
        path="/nodes/{node}/startall",
        params={"node": NODE, "vms": VM_LIST, "force": FLAG, "max-workers": WORKERS},
    ),
    Call(
        method="GET",
        path="/nodes/{node}/tasks",
        params={
            "node": NODE,
            "source": Param(choices=("archive", "active", "all")),
            "limit": SECONDS,
            "start": SECONDS,
            "since": Param(type="integer"),
            "typefilter": Param(),
            "userfilter": Param(),
            "vmid": Param(type="integer", minimum=100, maximum=999_999_999),
            "errors": FLAG,
        },
    ),
    Call(
        method="GET",
        path="/nodes/{node}/tasks/{upid}/status",
        params={"node": NODE, "upid": Param(is_optional=False)},
    ),
    Call(
        method="DELETE",
        path="/nodes/{node}/tasks/{upid}",
        params={"node": NODE, "upid": Param(is_optional=False)},
    ),
    *_guests("qemu"),
    *_guests("lxc"),
)


def find_call(method: str, path: str) -> tuple[Call, dict[str, str]] | None:
    """Return the call of a path, and what stands in its braces."""
    for call in CALLS:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", call.path)
        match = re.fullmatch(pattern, path)
        if match and call.method == method:
            return call, match.groupdict()
    return None


def errors_of(call: Call, params: Mapping[str, str]) -> dict[str, str]:
    """Return what Proxmox VE would find wrong with the parameters, in its words."""
    errors = {
        name: "property is not defined in schema" for name in params if name not in call.params
    }
    for name, param in call.params.items():
        if name not in params:
            if not param.is_optional:
                errors[name] = "property is missing and it is not optional"
        elif error := param.error(params[name]):
            errors[name] = error
    return errors
