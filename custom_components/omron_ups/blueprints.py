"""Installs the blueprints that come with the integration, and never touches the user's own work."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.automation.const import DOMAIN as AUTOMATION
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.const import SERVICE_RELOAD
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.helpers.storage import Store
from homeassistant.util.json import JsonValueType
from homeassistant.util.yaml import load_yaml_dict
import probatio

from .const import CONF_INSTALL_BLUEPRINTS, DOMAIN, LOGGER, Issue

FOLDER: Final = Path(__file__).parent / "blueprints" / AUTOMATION
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What an installation did, by file name."""

    installed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Edited by the user, or not installed by us: never overwritten."""
    unchanged: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, JsonValueType]:
        """Return it as the response of an action."""
        return {
            "installed": list(self.installed),
            "updated": list(self.updated),
            "kept": list(self.kept),
            "unchanged": list(self.unchanged),
        }


@dataclass(frozen=True, slots=True)
class _File:
    """One blueprint: what we ship, and what is in the user's folder."""

    name: str
    shipped: str
    """Hash of the file that we ship."""
    present: str | None
    """Hash of the file in the user's folder, None if there is none."""

    def state(self, known: Mapping[str, str] | None) -> str:
        """Return which field of `Installed` the file belongs to.

        Args:
            known: The hashes when we wrote the file last; None if we never did.

        """
        if self.present is None:
            return "installed"
        if known is None or known["written"] != self.present:
            return "kept"
        return "unchanged" if known["shipped"] == self.shipped else "updated"


async def async_install_blueprints(hass: HomeAssistant, *, only_newer: bool = False) -> Installed:
    """Write every blueprint that is missing, or that is ours and has a newer version.

    Args:
        hass: Home Assistant.
        only_newer: What is missing stays so: the user may have deleted it.

    Raises:
        OSError: the folder cannot be written.

    """
    store = _store(hass)
    known: dict[str, Any] = await store.async_load() or {}
    done: dict[str, list[str]] = {}
    for file in await hass.async_add_executor_job(_look, hass):
        state = file.state(known.get(file.name))
        if only_newer and file.present is None:
            continue
        done.setdefault(state, []).append(file.name)
        if state in {"installed", "updated"}:
            written = await _async_write(hass, file.name, replaces=state == "updated")
            known[file.name] = {"shipped": file.shipped, "written": written}
            await store.async_save(known)
    async_settle(hass)
    return Installed(**{state: tuple(names) for state, names in done.items()})


def with_offer(schema: probatio.Schema) -> probatio.Schema:
    """Return the last form of the set-up with the offer to install the blueprints."""
    offer = probatio.Required(CONF_INSTALL_BLUEPRINTS, default=False)
    return schema.extend({offer: BooleanSelector()})


def without_offer(user_input: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return what else was entered, and whether the blueprints are wanted."""
    rest = dict(user_input)
    return rest, bool(rest.pop(CONF_INSTALL_BLUEPRINTS, False))


async def async_accept_offer(hass: HomeAssistant) -> None:
    """Install the blueprints; that it fails must not spoil the set-up."""
    try:
        await async_install_blueprints(hass)
    except OSError, HomeAssistantError:
        LOGGER.exception("The blueprints could not be installed")


async def async_check_blueprints(hass: HomeAssistant) -> None:
    """Offer newer versions of what we installed; what the user deleted or edited stays so."""
    known = await _store(hass).async_load()
    if not known:
        return
    files = await hass.async_add_executor_job(_look, hass)
    outdated = [file.name for file in files if file.state(known.get(file.name)) == "updated"]
    if not outdated:
        async_settle(hass)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        Issue.BLUEPRINTS_OUTDATED,
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=Issue.BLUEPRINTS_OUTDATED,
        translation_placeholders={"blueprints": ", ".join(outdated)},
    )


@callback
def async_settle(hass: HomeAssistant) -> None:
    """Offer nothing any more."""
    ir.async_delete_issue(hass, DOMAIN, Issue.BLUEPRINTS_OUTDATED)


def _store(hass: HomeAssistant) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.blueprints", atomic_writes=True)


def _look(hass: HomeAssistant) -> list[_File]:
    return [
        _File(path.name, _hash(path) or "", _hash(_place(hass, path.name)))
        for path in sorted(FOLDER.glob("*.yaml"))
    ]


async def _async_write(hass: HomeAssistant, name: str, *, replaces: bool) -> str:
    """Write one blueprint through Home Assistant itself; return the hash of what it wrote."""
    data = await hass.async_add_executor_job(load_yaml_dict, str(FOLDER / name))
    blueprint = Blueprint(data, expected_domain=AUTOMATION, schema=AUTOMATION_BLUEPRINT_SCHEMA)
    # Where there are no automations yet, there is nothing to be reloaded either.
    may_reload = hass.services.has_service(AUTOMATION, SERVICE_RELOAD)
    place = _place(hass, name)
    if replaces and not may_reload:
        await hass.async_add_executor_job(place.unlink)
    await async_get_blueprints(hass).async_add_blueprint(
        blueprint, f"{DOMAIN}/{name}", allow_override=replaces and may_reload
    )
    return await hass.async_add_executor_job(_hash, place) or ""


def _place(hass: HomeAssistant, name: str) -> Path:
    return Path(hass.config.path("blueprints", AUTOMATION, DOMAIN, name))


def _hash(path: Path) -> str | None:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
