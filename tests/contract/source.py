"""What the contracts read: the repository's files, parsed."""

import ast
from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
INTEGRATION = CHECKOUT / "custom_components/omron_ups"
LANGUAGES = ("en", "ja")
PLATFORMS = ("binary_sensor", "button", "event", "notify", "number", "select", "sensor", "switch")


@cache
def translation(language: str) -> dict[str, Any]:
    """Return a translation file."""
    return read_json(INTEGRATION / f"translations/{language}.json")


def read_json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def leaves(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text of a translation with its path."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield from leaves(child, (*path, key))
    else:
        yield path, str(node)


def section(document: dict[str, Any], *path: str) -> dict[str, Any]:
    """Return the part of a translation at the path, empty if there is none."""
    for key in path:
        document = document.get(key, {})
    return document


def modules() -> list[Path]:
    """Return the integration's Python files."""
    return sorted(INTEGRATION.rglob("*.py"))


def glue() -> list[Path]:
    """Return the Python files that may know Home Assistant."""
    return [path for path in modules() if path.parent == INTEGRATION]


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in the file with the last part of the called name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield called_name(node), node


def called_name(call: ast.Call) -> str:
    """Return the last part of the called name: ``c`` of ``a.b.c(...)``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def constants(path: Path) -> set[str]:
    """Return the string constants of the file."""
    return {
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def relative(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))
