"""All rules: those of every rack, and those of hosts of real kinds."""

from .api_invariants import API_INVARIANTS
from .invariants import INVARIANTS
from .run import Ending


def violations(ending: Ending) -> list[str]:
    """Return what was broken, each with the rule's key."""
    rows = (*INVARIANTS, *API_INVARIANTS)
    return [f"{row.key}: {text}" for row in rows for text in row.check(ending)]
