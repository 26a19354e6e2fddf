"""What hassfest, HACS and the Marketplace ask of the metadata."""

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import tomllib
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import homeassistant
from homeassistant.const import __version__ as tested_version
import pytest

from .source import CHECKOUT, INTEGRATION, glue, modules, read_json, tree

MANDATORY = {
    "codeowners",
    "config_flow",
    "documentation",
    "domain",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "name",
    "version",
}
ALLOWED = MANDATORY | {
    "after_dependencies",
    "dependencies",
    "import_executor",
    "loggers",
    "quality_scale",
    "requirements",
    "single_config_entry",
}
HACS_ALLOWED = {
    "content_in_root",
    "country",
    "filename",
    "hide_default_branch",
    "homeassistant",
    "name",
    "persistent_directory",
    "render_readme",
    "zip_release",
}
COMPONENTS = Path(homeassistant.__file__).parent / "components"

# Home Assistant pins these itself, to another version in each release: a second pin would break it.
NEVER_PINNED = {"aionut", "asyncssh", "serialx"}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return read_json(INTEGRATION / "manifest.json")


def test_manifest_has_what_it_must_and_nothing_else(manifest: dict[str, Any]) -> None:
    assert set(manifest) - ALLOWED == set()
    assert MANDATORY - set(manifest) == set()


def test_manifest_keys_are_in_order(manifest: dict[str, Any]) -> None:
    keys = list(manifest)
    assert keys == ["domain", "name", *sorted(keys[2:])]


def test_manifest_values(manifest: dict[str, Any]) -> None:
    assert manifest["domain"] == INTEGRATION.name
    assert manifest["integration_type"] == "device"
    assert manifest["iot_class"] == "local_polling"
    assert manifest["config_flow"] is True
    assert manifest["codeowners"]
    assert all(re.fullmatch(r"@[\w-]+", owner) for owner in manifest["codeowners"])
    for key in ("documentation", "issue_tracker"):
        assert manifest[key].startswith("https://")
        assert "home-assistant.io" not in manifest[key]


def test_version_is_one_and_the_same(manifest: dict[str, Any]) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert manifest["version"] == project["version"]
    AwesomeVersion(manifest["version"], ensure_strategy=AwesomeVersionStrategy.SEMVER)


def test_dependencies_are_integrations(manifest: dict[str, Any]) -> None:
    named = [*manifest.get("dependencies", ()), *manifest.get("after_dependencies", ())]
    assert [name for name in named if not (COMPONENTS / name / "manifest.json").exists()] == []


def test_imported_integrations_are_dependencies(manifest: dict[str, Any]) -> None:
    """Those of platforms and of the files that integrations ask for are there anyway."""
    named = {*manifest["dependencies"], *manifest["after_dependencies"]}
    imported = {name for path in modules() for name in imported_components(path)}
    assert imported
    assert imported - named - {path.stem for path in glue()} == set()


def imported_components(path: Path) -> Iterator[str]:
    """Yield the integrations of Home Assistant that a file imports something of."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == "homeassistant.components":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            _, found, name = node.module.partition("homeassistant.components.")
            yield from [name.partition(".")[0]] if found else []


def test_requirements_do_not_fight_with_home_assistant(manifest: dict[str, Any]) -> None:
    constraints = (Path(homeassistant.__file__).parent / "package_constraints.txt").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", constraints, re.MULTILINE))
    for requirement in manifest.get("requirements", ()):
        match = re.fullmatch(r"([\w.-]+)(==|>=)([\w.]+)", requirement)
        assert match is not None, requirement
        name, operator, version = match.groups()
        assert not (name in NEVER_PINNED and operator == "=="), requirement
        assert operator == ">=" or pinned.get(name, version) == version, requirement


def test_hacs_json() -> None:
    hacs = read_json(CHECKOUT / "hacs.json")
    assert set(hacs) - HACS_ALLOWED == set()
    assert hacs["name"]
    minimum = AwesomeVersion(hacs["homeassistant"], ensure_strategy=AwesomeVersionStrategy.CALVER)
    assert minimum <= AwesomeVersion(tested_version)
    assert not hacs.get("zip_release") or hacs["filename"].endswith(".zip")


def test_one_integration_per_repository() -> None:
    folders = [path for path in INTEGRATION.parent.iterdir() if (path / "manifest.json").exists()]
    assert folders == [INTEGRATION]
