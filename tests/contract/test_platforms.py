"""The rules for entity platforms, icons, actions and the quality scale."""

import ast
from importlib.resources import files
from itertools import pairwise
import json
from typing import Any

from homeassistant.helpers.selector import validate_selector
import pytest
import yaml

from .source import (
    INTEGRATION,
    PLATFORMS,
    leaves,
    modules,
    read_json,
    relative,
    section,
    translation,
    tree,
)
from .test_keys import MODULES, descriptions

EN = translation("en")
ICONS = read_json(INTEGRATION / "icons.json")
ICON_LIST = files("hass_frontend") / "static" / "mdi" / "iconList.json"

# The rules of the quality scale as of August 2026.
RULES = set(
    """
    action-setup appropriate-polling brands common-modules config-flow config-flow-test-coverage
    dependency-transparency docs-actions docs-triggers docs-conditions docs-high-level-description
    docs-installation-instructions docs-removal-instructions entity-event-setup entity-unique-id
    has-entity-name runtime-data test-before-configure test-before-setup unique-config-entry

    action-exceptions config-entry-unloading docs-configuration-parameters
    docs-installation-parameters entity-unavailable integration-owner log-when-unavailable
    parallel-updates reauthentication-flow test-coverage

    devices diagnostics discovery discovery-update-info docs-data-update docs-examples
    docs-known-limitations docs-supported-devices docs-supported-functions docs-troubleshooting
    docs-use-cases dynamic-devices entity-category entity-device-class entity-disabled-by-default
    entity-translations exception-translations icon-translations reconfiguration-flow repair-issues
    stale-devices

    async-dependency inject-websession strict-typing
    """.split()  # noqa: SIM905 - one name per item would be a page
)

# Measurements for which Home Assistant has no device class.
WITHOUT_DEVICE_CLASS = {"load", "nut_clients", "outages"}


def assigned(path: Any) -> dict[str, ast.expr]:
    """Return what is assigned to each name at the top of a file and in its classes."""
    return {
        target.id: node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@pytest.mark.parametrize("platform", PLATFORMS)
def test_platform_says_how_many_updates_run_side_by_side(platform: str) -> None:
    value = assigned(INTEGRATION / f"{platform}.py").get("PARALLEL_UPDATES")
    expected = 0 if platform in {"binary_sensor", "event", "sensor"} else 1
    assert isinstance(value, ast.Constant)
    assert value.value == expected


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_names_and_icons_come_from_translations(path: Any) -> None:
    forbidden = {"_attr_icon", "_attr_name", "entity_id", "_attr_entity_picture"}
    assert set(assigned(path)) & forbidden == set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            assert node.attr not in forbidden, ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Description"):
            given = {keyword.arg for keyword in node.keywords}
            assert given & {"name", "icon"} == set(), ast.unparse(node)


def test_sensors_have_a_device_class() -> None:
    without = {item.key for item in descriptions("sensor") if item.device_class is None}
    assert without == WITHOUT_DEVICE_CLASS


def test_keys_are_translation_keys() -> None:
    for platform in PLATFORMS:
        for item in descriptions(platform):
            assert item.key == item.translation_key


def test_icons_belong_to_something() -> None:
    assert ICONS.keys() <= {"entity", "services"}
    for platform, icons in ICONS["entity"].items():
        assert icons.keys() <= EN["entity"][platform].keys()
        for key, icon in icons.items():
            states = section(EN, "entity", platform, key, "state").keys() | {"on", "off"}
            assert icon.get("state", {}).keys() <= states, key
            ranges = [float(limit) for limit in icon.get("range", {})]
            assert all(low < high for low, high in pairwise(ranges)), key
            assert icon.keys() <= {"default", "state", "range"}, key
    assert ICONS["services"].keys() == EN["services"].keys()


def test_icons_are_those_of_the_frontend() -> None:
    known = {f"mdi:{icon['name']}" for icon in json.loads(ICON_LIST.read_text(encoding="utf-8"))}
    assert {name for _, name in leaves(ICONS)} - known == set()


def test_icons_of_states_differ_from_the_default() -> None:
    for icons in ICONS["entity"].values():
        for key, icon in icons.items():
            assert icon.get("default") not in icon.get("state", {}).values(), key


def test_entities_without_an_icon_of_their_class_have_one() -> None:
    """Home Assistant knows an icon for a device class; without one it shows an eye."""
    for platform in PLATFORMS:
        for item in descriptions(platform):
            if item.device_class is None:
                assert item.translation_key in ICONS["entity"].get(platform, {}), item.key


def test_each_action_is_declared_described_and_registered() -> None:
    declared = yaml.safe_load((INTEGRATION / "services.yaml").read_text())
    registered = {
        value for name, value in vars(MODULES["services"]).items() if name.startswith("SERVICE_")
    }
    assert declared.keys() ^ registered == set()
    assert declared.keys() ^ EN["services"].keys() == set()
    for name, action in declared.items():
        assert action.keys() <= {"fields", "target"}, "texts belong into the translations"
        fields = action.get("fields", {})
        assert fields.keys() ^ EN["services"][name].get("fields", {}).keys() == set(), name
        for field in fields.values():
            validate_selector(field["selector"])


def test_quality_scale_knows_every_rule() -> None:
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    assert len(RULES) == 54
    assert rules.keys() ^ RULES == set()
    for rule, value in rules.items():
        status = value["status"] if isinstance(value, dict) else value
        assert status in {"done", "todo", "exempt"}, rule
        if status == "exempt":
            assert len(value["comment"]) > 20, rule
