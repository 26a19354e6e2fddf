"""Where our knowledge of a host's requests comes from."""

from dataclasses import dataclass
from enum import StrEnum


class Provenance(StrEnum):
    """How well a request is known. None is confirmed on hardware before a drill of the user's."""

    RECORDED = "recorded"
    """Somebody published what a real host answered."""
    DOCUMENTED = "documented"
    """The vendor describes it, in a manual, a schema or the source code."""
    THIRD_PARTY = "third_party"
    """Several programs by others send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRequest:
    """One request that a kind of target sends."""

    method: str
    path: str
    provenance: Provenance
    source: str
    """In English, for documentation and forms."""
    changes: bool = False
    """Whether it has an effect on the host."""
