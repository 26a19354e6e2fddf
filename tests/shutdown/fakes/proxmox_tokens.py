"""API tokens of the fake cluster, and what they may do."""

from dataclasses import dataclass, field

TOKEN_ID = "ups@pve!shutdown"
TOKEN_SECRET = "3c1f2f8e-0000-4000-8000-5ec5ec5ec5ec"
PRIVILEGES = ("Sys.PowerMgmt", "Sys.Audit", "VM.PowerMgmt", "VM.Audit", "Datastore.Audit")
PVE_ADMIN = ("Sys.Audit", "Sys.Console", "VM.PowerMgmt", "VM.Audit", "Datastore.Audit")
"""What matters here of the built-in role PVEAdmin: no Sys.PowerMgmt."""

Acl = dict[str, dict[str, bool]]
"""ACL path -> privilege -> whether it propagates."""


def acl(*privileges: str, path: str = "/") -> Acl:
    """Return an access list with one row that propagates."""
    return {path: dict.fromkeys(privileges, True)}


@dataclass(slots=True, kw_only=True)
class Token:
    """An API token and what it may do."""

    secret: str = TOKEN_SECRET
    acl: Acl = field(default_factory=lambda: acl(*PRIVILEGES))

    def privileges(self, path: str) -> dict[str, bool]:
        """Return the privileges at a path: those of the nearest row above it."""
        if path in self.acl:
            return self.acl[path]
        while path != "/":
            path = path.rpartition("/")[0] or "/"
            if path in self.acl:
                return {name: True for name, spreads in self.acl[path].items() if spreads}
        return {}

    def has(self, path: str, privilege: str) -> bool:
        return privilege in self.privileges(path)
