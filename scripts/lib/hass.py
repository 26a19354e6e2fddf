"""Start Home Assistant without the built-in integrations whose packages are not installed.

Home Assistant sets up all of its entity platforms at each start and would install what they need.
Voice and camera need packages that have to be compiled, and nothing here uses them: with
``--skip-pip`` they would only fail, loudly. What a configuration asks for is not touched.
"""

from functools import cache
import json
from pathlib import Path
import sys
from typing import Any

import homeassistant
from homeassistant import bootstrap
from homeassistant.__main__ import main
from homeassistant.util.package import is_installed

_COMPONENTS = Path(homeassistant.__file__).parent / "components"


@cache
def is_ready(domain: str) -> bool:
    """Return whether the packages of a built-in integration and of its dependencies are here."""
    manifest: dict[str, Any] = json.loads((_COMPONENTS / domain / "manifest.json").read_text())
    return all(map(is_installed, manifest.get("requirements", ()))) and all(
        map(is_ready, manifest.get("dependencies", ()))
    )


if __name__ == "__main__":
    bootstrap.DEFAULT_INTEGRATIONS.intersection_update(
        [domain for domain in bootstrap.DEFAULT_INTEGRATIONS if is_ready(domain)]
    )
    sys.exit(main())
