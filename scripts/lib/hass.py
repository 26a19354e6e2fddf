"""Start Home Assistant without the built-in integrations whose packages are not installed.

Home Assistant sets up all of its entity platforms at each start and would install what they need.
Voice and camera need packages that have to be compiled, and programs beside Python; nothing here
uses them. With ``--skip-pip`` they would only fail, loudly, and take the frontend with them: the
list of actions imports every entity platform. So these are left out, and stand as empty modules
where something imports them. What a configuration asks for is not touched.
"""

from functools import cache
import json
from pathlib import Path
import sys
from types import ModuleType
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


def leave_out(domain: str) -> None:
    """Keep an integration from being set up, and from being imported."""
    bootstrap.DEFAULT_INTEGRATIONS.remove(domain)
    name = f"homeassistant.components.{domain}"
    sys.modules[name] = ModuleType(name)


def run() -> int:
    """Run Home Assistant as the command line says, and return its exit code."""
    for unready in [name for name in bootstrap.DEFAULT_INTEGRATIONS if not is_ready(name)]:
        leave_out(unready)
    return main()


if __name__ == "__main__":
    sys.exit(run())
