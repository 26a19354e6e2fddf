"""Every key that the code names has a text, and every text is named by the code."""

import ast
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import import_module
import inspect
from types import ModuleType
from typing import Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigFlow, ConfigSubentryFlow, OptionsFlow
from homeassistant.helpers.selector import SelectSelector
import probatio
import pytest

from custom_components.omron_ups.shutdown.fields import FieldType
from custom_components.omron_ups.shutdown.kinds import KINDS, Kind
from custom_components.omron_ups.shutdown.specs import NOT_IN_PLAN
from custom_components.omron_ups.target_form import BY_DIALOGUE

from .source import INTEGRATION, PLATFORMS, calls, constants, glue, relative, section, translation

PACKAGE = "custom_components.omron_ups"
EN = translation("en")

FLOWS: Mapping[type, tuple[str, ...]] = {ConfigFlow: ("config",), OptionsFlow: ("options",)}
# The types of subentries that a flow makes; the flow of targets makes one of each kind.
SUBENTRIES: Mapping[str, tuple[str, ...]] = {
    "DiscordFlow": ("discord",),
    "NutAccountFlow": ("nut_account",),
    "UpsOutputFlow": ("ups_output",),
    "TargetFlow": tuple(KINDS),
}


def confirms_identity(kind: Kind) -> bool:
    """Tell whether the user confirms a certificate or a host's key."""
    by_dialogue = {FieldType.HOST_KEY, FieldType.FINGERPRINT}
    return any(field.type in by_dialogue for field in kind.fields)


def takes_code(kind: Kind) -> bool:
    """Tell whether the user may be asked for a code of the second factor."""
    return any(field.type is FieldType.DEVICE_TOKEN for field in kind.fields)


# Each repair has its texts under its own issue.
REPAIRS: Mapping[str, str] = {
    "AllowAddressFlow": "nut_address_refused",
    "InstallBlueprintsFlow": "blueprints_outdated",
    "ClearForcedShutdownFlow": "nut_forced_shutdown",
}
# Steps without a form of their own: they go on to another one.
PASSED_THROUGH = {
    ("config", "integration_discovery"),
    ("config", "reauth"),
    ("config", "reconfigure"),
    ("ups_output", "reconfigure"),
    *((kind, "reconfigure") for kind in KINDS),
    # Nothing to confirm: these kinds have no server of their own.
    *((kind.name, "identity") for kind in KINDS.values() if not confirms_identity(kind)),
    # Nobody asks for a code.
    *((kind.name, "one_time_code") for kind in KINDS.values() if not takes_code(kind)),
    ("issues", "init"),
}
# Home Assistant has the texts of these aborts.
HOME_ASSISTANTS_ABORTS = {"reconfigure_successful", "already_in_progress"}
HA_ERRORS = {
    "ConfigEntryAuthFailed",
    "ConfigEntryError",
    "ConfigEntryNotReady",
    "HomeAssistantError",
    "ServiceValidationError",
    "UpdateFailed",
}


def glue_modules() -> dict[str, ModuleType]:
    names = (path.stem for path in glue())
    return {
        name: import_module(PACKAGE if name == "__init__" else f"{PACKAGE}.{name}")
        for name in names
    }


MODULES = glue_modules()
CONSTANTS = frozenset[str]().union(*map(constants, INTEGRATION.rglob("*.py")))


def descriptions(platform: str) -> Iterator[Any]:
    """Yield the entity descriptions that a platform declares at its top.

    Home Assistant's own description classes make instances that are none of EntityDescription.
    """
    for value in vars(MODULES[platform]).values():
        candidates = value if isinstance(value, tuple) else (value,)
        yield from (item for item in candidates if type(item).__name__.endswith("Description"))


def table_keys() -> dict[type, set[str]]:
    """Return the last column of every table whose first column is an exception: its keys."""
    found: dict[type, set[str]] = {str: set(), StrEnum: set()}
    for module in MODULES.values():
        for value in vars(module).values():
            for row in value if isinstance(value, tuple) else ():
                if isinstance(row, tuple) and row and _is_exception(row[0]):
                    kind = StrEnum if isinstance(row[-1], StrEnum) else str
                    found[kind].add(str(row[-1]))
    return found


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def evaluate(node: ast.expr, module: ModuleType) -> object:
    """Return what a name or an attribute at the top of a module stands for; None for locals."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return vars(module).get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(evaluate(node.value, module), node.attr, None)
    return None


def steps_of(flow: type) -> set[str]:
    return {
        name.removeprefix("async_step_") for name in vars(flow) if name.startswith("async_step_")
    }


def subentry_errors() -> set[str]:
    """Return the keys of the errors that every kind of subentry has texts for."""
    return {
        key
        for kinds in SUBENTRIES.values()
        for key in set[str].intersection(
            *(set(section(EN, "config_subentries", kind, "error")) for kind in kinds)
        )
    }


def our_flows() -> Iterator[tuple[type, tuple[str, ...]]]:
    for module in MODULES.values():
        for value in vars(module).values():
            if inspect.isclass(value) and value.__module__ == module.__name__:
                if issubclass(value, RepairsFlow):
                    yield value, ("issues", REPAIRS[value.__name__], "fix_flow")
                if issubclass(value, ConfigSubentryFlow):
                    for kind in SUBENTRIES[value.__name__]:
                        yield value, ("config_subentries", kind)
                yield from (
                    (value, path) for base, path in FLOWS.items() if issubclass(value, base)
                )


@pytest.mark.parametrize(
    ("flow", "path"), our_flows(), ids=lambda value: getattr(value, "__name__", "")
)
def test_each_step_has_its_texts(flow: type, path: tuple[str, ...]) -> None:
    place = path[1] if path[0] == "config_subentries" else path[0]
    steps = {step for step in steps_of(flow) if (place, step) not in PASSED_THROUGH}
    assert section(EN, *path, "step").keys() ^ steps == set()


def test_each_menu_option_is_a_step() -> None:
    for path in (("config",), ("options",), ("config_subentries", "nut_account")):
        for name, step in section(EN, *path, "step").items():
            options = step.get("menu_options", {})
            assert options.keys() <= section(EN, *path, "step").keys(), name
            assert options.keys() == step.get("menu_option_descriptions", options).keys(), name
    kinds = {str(kind) for kind in MODULES["const"].ConnectionKind}
    assert section(EN, "config", "step", "user", "menu_options").keys() == kinds


def test_each_error_has_its_text_in_each_flow() -> None:
    everywhere = {
        *section(EN, "config", "error"),
        *section(EN, "options", "error"),
        *subentry_errors(),
        *section(EN, "issues", "nut_address_refused", "fix_flow", "error"),
    }
    plan = {key for _, key in MODULES["plan_actions"]._KEYS}
    assert (table_keys()[str] - plan | set(_error_constants())) - everywhere == set()
    # The options share the step of the config flow, so what it reports must read the same.
    for key, text in section(EN, "options", "error").items():
        assert section(EN, "config", "error").get(key) == text


def _error_constants() -> Iterator[str]:
    """Yield the keys that are given to ``errors[...]`` and to ``blame(...)`` as they are."""
    for path in glue():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                target = node.targets[0].value
                named = getattr(target, "id", getattr(target, "attr", ""))
                if named == "errors" and isinstance(node.value, ast.Constant):
                    yield str(node.value.value)
        for name, call in calls(path):
            if name == "blame" and isinstance(call.args[1], ast.Constant):
                yield str(call.args[1].value)


def test_each_exception_has_its_text() -> None:
    errors = MODULES["errors"]
    causes = [None, *(kind.__new__(kind) for kind, _ in errors._KEYS)]
    drivers = set(map(errors.error_key, causes))
    assert len(drivers) > len(errors._KEYS), "each kind of error has its own key"
    requests = set(errors.REQUEST_KEYS.values())
    plan = {MODULES["plan_actions"].OTHER_KEY, *(key for _, key in MODULES["plan_actions"]._KEYS)}
    named = drivers | requests | plan | set(_exception_keys())
    assert named ^ EN["exceptions"].keys() == set()
    assert drivers - section(EN, "config", "error").keys() == set()


def _exception_keys() -> Iterator[str]:
    """Yield the keys of the exceptions that are raised with a key that does not vary."""
    for path in glue():
        for name, call in calls(path):
            for keyword in call.keywords if name in HA_ERRORS else ():
                value = evaluate(keyword.value, MODULES[path.stem])
                if keyword.arg == "translation_key" and isinstance(value, str):
                    yield value


@pytest.mark.parametrize("path", glue(), ids=relative)
def test_each_home_assistant_error_is_translated(path: Any) -> None:
    for name, call in calls(path):
        if name in HA_ERRORS:
            given = {keyword.arg for keyword in call.keywords}
            assert {"translation_domain", "translation_key"} <= given, ast.unparse(call)
    bare = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise) and getattr(node.exc, "id", "") in HA_ERRORS
    ]
    assert bare == []


def test_each_issue_has_its_texts() -> None:
    named = {str(issue) for issue in MODULES["const"].Issue} | set(finding_keys())
    assert EN["issues"].keys() ^ named == set()


def finding_keys() -> Iterator[str]:
    """Yield the keys of what the plan and its targets find wrong."""
    for path in sorted((INTEGRATION / "shutdown").rglob("*.py")):
        parts = path.relative_to(INTEGRATION).with_suffix("").parts
        for name, value in vars(import_module(".".join((PACKAGE, *parts)))).items():
            is_findings = name.endswith(("Finding", "FindingKey")) or name == "PlanKey"
            if is_findings and inspect.isclass(value) and issubclass(value, StrEnum):
                yield from (str(key) for key in value)


def test_each_abort_has_its_text() -> None:
    reasons = {
        str(keyword.value.value)
        for path in glue()
        for name, call in calls(path)
        if name in {"async_abort", "AbortFlow"}
        for keyword in call.keywords
        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)
    }
    names = {name for path in glue() for name, _ in calls(path)}
    if names & {"_abort_if_unique_id_configured", "_async_abort_entries_match"}:
        reasons.add("already_configured")
    if "_abort_if_unique_id_mismatch" in names:
        reasons.add("unique_id_mismatch")
    aborts = set(section(EN, "config", "abort"))
    for kind in EN["config_subentries"]:
        aborts |= set(section(EN, "config_subentries", kind, "abort"))
    assert reasons - HOME_ASSISTANTS_ABORTS == aborts - HOME_ASSISTANTS_ABORTS


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_entity_has_its_name_and_each_name_an_entity(platform: str) -> None:
    keys = {item.translation_key for item in descriptions(platform)}
    assert keys
    assert None not in keys
    assert EN["entity"][platform].keys() ^ keys == set()


def test_platforms_are_complete() -> None:
    assert {str(platform) for platform in MODULES["__init__"].PLATFORMS} == set(PLATFORMS)
    assert EN["entity"].keys() == set(PLATFORMS)


def test_each_state_has_its_text() -> None:
    for platform in ("select", "sensor"):
        for item in descriptions(platform):
            states = section(EN, "entity", platform, str(item.translation_key), "state")
            assert set(item.options or ()) == set(states), item.key
    for item in descriptions("event"):
        texts = section(EN, "entity", "event", str(item.translation_key))
        states = texts["state_attributes"]["event_type"]["state"]
        assert set(item.event_types or ()) == set(states), item.key


def test_each_option_of_a_selector_has_its_text() -> None:
    wanted: dict[str, set[str]] = {}
    for module in MODULES.values():
        for value in vars(module).values():
            if isinstance(value, probatio.Schema) and isinstance(value.schema, Mapping):
                for selector in value.schema.values():
                    if isinstance(selector, SelectSelector):
                        key = selector.config.get("translation_key")
                        if key is not None:
                            wanted[key] = {str(option) for option in selector.config["options"]}
    assert wanted
    wanted["home_assistant_host"] = {NOT_IN_PLAN}
    for kind in KINDS.values():
        wanted |= {row.name: set(row.choices) for row in kind.fields if row.has_choice_texts}
        optional = (f for f in kind.fields if f.is_secret and not f.is_required)
        by_hand = {field.name for field in optional if field.type not in BY_DIALOGUE}
        wanted["remove"] = wanted.get("remove", set()) | by_hand
    assert {key: set(texts["options"]) for key, texts in EN["selector"].items()} == wanted


def test_nothing_is_translated_that_the_code_does_not_name() -> None:
    """Errors, exceptions, attributes and system health are named by string constants."""
    named = [
        *section(EN, "config", "error"),
        *section(EN, "options", "error"),
        *subentry_errors(),
        *EN["exceptions"],
        *section(EN, "system_health", "info"),
        *EN["config_subentries"],
        *(
            attribute
            for entities in EN["entity"].values()
            for texts in entities.values()
            for attribute in texts.get("state_attributes", {})
            if attribute != "event_type"
        ),
    ]
    assert set(named) - CONSTANTS == set()


def test_system_health_is_translated() -> None:
    (returned,) = (
        node.value
        for node in ast.walk(ast.parse((INTEGRATION / "system_health.py").read_text()))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict)
    )
    keys = {key.value for key in returned.keys if isinstance(key, ast.Constant)}
    assert section(EN, "system_health", "info").keys() ^ keys == set()
