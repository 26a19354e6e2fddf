"""Who may import whom, and that nobody imports what is banned."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from .source import INTEGRATION, modules, relative, tree

PACKAGE = "custom_components.omron_ups"
INNER = ("driver", "nut", "shutdown")
# The only way from one inner package to another: nut/ reads the driver's data types.
ALLOWED = {("nut", f"{PACKAGE}.driver.models")}
BANNED = {"async_timeout", "requests", "serial", "serial_asyncio", "voluptuous"}


def imported(path: Path) -> Iterator[str]:
    """Yield the absolute name of everything that the file imports."""
    package = [PACKAGE, *path.relative_to(INTEGRATION).parts[:-1]]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            if node.module:
                yield ".".join([*base, node.module])
            else:
                yield from (".".join([*base, alias.name]) for alias in node.names)


def inner_files() -> list[tuple[str, Path]]:
    return [(name, path) for name in INNER for path in sorted((INTEGRATION / name).rglob("*.py"))]


@pytest.mark.parametrize(
    ("package", "path"), inner_files(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_inner_packages_import_neither_home_assistant_nor_neighbours(
    package: str, path: Path
) -> None:
    own = f"{PACKAGE}.{package}"
    for name in imported(path):
        assert not name.startswith("homeassistant"), relative(path)
        if name.startswith("custom_components") and (package, name) not in ALLOWED:
            assert name == own or name.startswith(f"{own}."), f"{relative(path)}: {name}"


def test_inner_packages_are_there() -> None:
    assert {package for package, _ in inner_files()} == set(INNER)


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_no_banned_import(path: Path) -> None:
    names = list(imported(path))
    assert {name.partition(".")[0] for name in names} & BANNED == set()
    assert "__future__" not in names, "annotations are lazy in Python 3.14"


def test_only_the_serial_transport_knows_serialx() -> None:
    users = {relative(path) for path in modules() if "serialx" in set(imported(path))}
    assert users == {"custom_components/omron_ups/driver/transport_serial.py"}
