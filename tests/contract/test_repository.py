"""What must be in the repository, and what must not."""

import ast
from pathlib import Path
import re
import struct
import subprocess

import pytest

from .source import CHECKOUT, INTEGRATION, glue, modules, relative, tree

MAX_LINES = 450
MAX_FUNCTION_LINES = 45
LOCK_FILE = re.compile(
    r"(^|/)(uv|poetry|pdm|Pipfile|yarn|package-lock|pnpm-lock|Cargo)\.(lock|json|yaml)$"
)
# The machine that served a package is nobody else's business, and a lock file names it.
REGISTRY = re.compile(r"https?://[\w.-]*(pypi|pythonhosted|npmjs|yarnpkg)[\w.-]*")

# Where a module's tests stand when not in a file of its own name.
TESTED_BY = {
    "const.py": "ha/test_init.py",
    "driver/__init__.py": "driver/test_ups.py",
    "driver/control.py": "driver/test_commands.py",
    "driver/delays.py": "driver/test_commands.py",
    "driver/errors.py": "driver/test_transport.py",
    "driver/models.py": "driver/test_assemble.py",
    "driver/options.py": "driver/test_ups.py",
    "driver/reader.py": "driver/test_ups.py",
    "driver/runtime.py": "driver/test_assemble.py",
    "driver/serial_bridge.py": "driver/test_transport_serial_bridge.py",
    "driver/settings.py": "driver/test_commands.py",
    "driver/simulator/__init__.py": "driver/test_simulator.py",
    "driver/polled.py": "driver/test_ups.py",
    "driver/simulator/battery.py": "driver/test_simulator.py",
    "driver/simulator/commands.py": "driver/test_simulator_replies.py",
    "driver/simulator/faults.py": "driver/test_simulator_faults.py",
    "driver/simulator/machine.py": "driver/test_simulator.py",
    "driver/simulator/power.py": "driver/test_simulator.py",
    "driver/simulator/profiles.py": "driver/test_simulator_replies.py",
    "driver/simulator/unit.py": "driver/test_simulator.py",
    "driver/variables.py": "driver/test_assemble.py",
    "driver/writer.py": "driver/test_acknowledgement.py",
    "nut/__init__.py": "nut/test_server.py",
    "nut/audit.py": "nut/test_write.py",
    "nut/connection.py": "nut/test_server.py",
    "nut/controls.py": "nut/test_write.py",
    "nut/descriptions.py": "nut/test_acceptance.py",
    "nut/directory.py": "nut/test_pool.py",
    "nut/errors.py": "nut/test_pool.py",
    "nut/logins.py": "nut/test_ups.py",
    "nut/privileged.py": "nut/test_write.py",
    "nut/queries.py": "nut/test_acceptance.py",
    "nut/session.py": "nut/test_acceptance.py",
    "nut/settings.py": "nut/test_pool.py",
    "nut/tracking.py": "nut/test_write.py",
    "nut/undo.py": "nut/test_ups.py",
    "shutdown/__init__.py": "shutdown/test_runner.py",
    "shutdown/debts.py": "shutdown/test_folding.py",
    "shutdown/events.py": "shutdown/test_runner.py",
    "shutdown/ledger.py": "shutdown/test_runner.py",
    "shutdown/models.py": "shutdown/test_runner.py",
    "shutdown/ports.py": "shutdown/test_rack.py",
    "shutdown/rehearsal.py": "shutdown/test_runner.py",
    "shutdown/run.py": "shutdown/test_runner.py",
    "shutdown/sending.py": "shutdown/test_stopping.py",
    "shutdown/specs.py": "shutdown/test_budget.py",
    "shutdown/stages.py": "shutdown/test_runner.py",
    "shutdown/steering.py": "shutdown/test_runner.py",
    "shutdown/target.py": "shutdown/test_stopping.py",
    "shutdown/telling.py": "shutdown/test_runner.py",
    "shutdown/errors.py": "shutdown/test_http.py",
    "shutdown/findings.py": "shutdown/targets/test_ssh.py",
    "target_form.py": "ha/test_target_flow.py",
    "shutdown/opening.py": "shutdown/test_runner.py",
    "shutdown/targets/__init__.py": "shutdown/test_kinds.py",
    "discord_channel.py": "ha/test_discord_service.py",
    "power_reports.py": "ha/test_event.py",
    "shutdown/targets/login_pause.py": "shutdown/targets/test_qnap.py",
    "shutdown/targets/provenance.py": "shutdown/targets/test_proxmox_api.py",
    "shutdown/targets/proxmox_options.py": "shutdown/targets/test_proxmox.py",
    "shutdown/targets/proxmox_rows.py": "shutdown/targets/test_proxmox_api.py",
}
BRAND_SIZES = {"icon.png": (256, 256), "icon@2x.png": (512, 512)}
LOGO_SHORTEST_SIDE = {"logo.png": (128, 256), "logo@2x.png": (256, 512)}


def tracked() -> list[Path]:
    """Return the files that git knows; whose checkout it is does not matter for reading."""
    command = ("git", "-c", "safe.directory=*", "ls-files", "-z")
    listing = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    paths = [CHECKOUT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_lock_file_and_no_registry_address() -> None:
    files = tracked()
    assert files
    assert [relative(path) for path in files if LOCK_FILE.search(relative(path))] == []
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in files}
    assert [relative(path) for path, text in texts.items() if REGISTRY.search(text)] == []


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_each_module_is_tested(path: Path) -> None:
    module = path.relative_to(INTEGRATION)
    folder = CHECKOUT / "tests" / (module.parent if module.parent.parts else "ha")
    own = folder / f"test_{module.stem.strip('_')}.py"
    other = TESTED_BY.get(module.as_posix())
    if other is None:
        assert own.exists(), f"no {relative(own)}, and no row in TESTED_BY"
    else:
        assert (CHECKOUT / "tests" / other).exists(), other
        assert not own.exists(), "the row in TESTED_BY is superfluous"


def test_no_row_outlives_its_module() -> None:
    assert [name for name in TESTED_BY if not (INTEGRATION / name).exists()] == []


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_functions_are_short(path: Path) -> None:
    long = {
        node.name: lines
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_shared_bases_have_their_own_modules() -> None:
    """Quality scale, common-modules."""
    assert {"coordinator.py", "entity.py"} <= {path.name for path in glue()}


@pytest.mark.parametrize("prefix", ["", "dark_"])
def test_brand_images_have_the_sizes_that_home_assistant_wants(prefix: str) -> None:
    folder = INTEGRATION / "brand"
    for name, size in BRAND_SIZES.items():
        if (folder / f"{prefix}{name}").exists() or not prefix:
            assert png_size(folder / f"{prefix}{name}") == size
    for name, (smallest, largest) in LOGO_SHORTEST_SIDE.items():
        if (folder / f"{prefix}{name}").exists() or not prefix:
            assert smallest <= min(png_size(folder / f"{prefix}{name}")) <= largest


def test_brand_images_are_transparent() -> None:
    for path in sorted((INTEGRATION / "brand").glob("*.png")):
        colour_type = path.read_bytes()[25]
        assert colour_type in {4, 6} or b"tRNS" in path.read_bytes(), path.name


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n"), path.name
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_scripts_can_be_run() -> None:
    scripts = [path for path in tracked() if path.parent.name == "scripts" and not path.suffix]
    assert scripts
    for path in (*scripts, CHECKOUT / ".ci/run"):
        assert path.stat().st_mode & 0o111, relative(path)
        assert path.read_text().startswith("#!"), relative(path)
