"""The USB link over real libusb, on a bus that umockdev puts before it.

umockdev works in a process that was started with its library preloaded, so the scenarios run in a
pytest of their own, and each is reported here as a test.
"""

import ast
import os
from pathlib import Path
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from .usb_rig.bus import CHECKOUT, PRELOAD, leaves_out_umockdev

SCENARIOS = Path(__file__).parent / "usb_rig" / "umockdev_scenarios.py"
SCENARIO_LIMIT_S = 60
"""Each takes a second or two; the one that hangs ends them all, and every thread says where."""
LIMIT_S = 300
"""All of them take half a minute on a machine with nothing else to do."""

pytestmark = pytest.mark.timeout(LIMIT_S + 10)

if leaves_out_umockdev():
    pytest.skip(
        "umockdev is missing (Debian: umockdev gir1.2-umockdev-1.0 python3-gi libusb-1.0-0)",
        allow_module_level=True,
    )


def scenarios() -> list[str]:
    """Return the names of all scenarios."""
    functions = ast.walk(ast.parse(SCENARIOS.read_text(encoding="utf-8")))
    return [
        node.name
        for node in functions
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


type Outcomes = dict[str, list[str]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Run every scenario once; return what went wrong with each of its variants, "" for nothing."""
    folder = tmp_path_factory.mktemp("libusb")
    report, said = folder / "report.xml", folder / "said.txt"
    options = ["-q", "-p", "no:homeassistant", "-p", "no:cacheprovider", f"--junitxml={report}"]
    limit = [f"--timeout={SCENARIO_LIMIT_S}", "--timeout-method=thread"]
    # A file, because the end of a pipe comes only when the last child has closed it.
    with said.open("wb") as output:
        try:
            subprocess.run(
                [sys.executable, "-m", "pytest", SCENARIOS, *options, *limit],
                cwd=CHECKOUT,
                env=os.environ | {"LD_PRELOAD": PRELOAD},
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            pytest.fail(f"not at the end after {LIMIT_S} s:\n{said.read_text()}")
    assert report.exists(), said.read_text()
    outcomes: Outcomes = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  (pytest wrote it just now)
        problems = "\n".join(problem.text or problem.tag for problem in case)
        outcomes.setdefault(case.attrib["name"].partition("[")[0], []).append(problems)
    return outcomes


@pytest.mark.parametrize("name", scenarios())
def test_with_real_libusb(outcomes: Outcomes, name: str) -> None:
    problems = outcomes[name]
    assert problems
    assert len(problems) % 2 == 0, "each scenario runs with both libusbs"
    assert not any(problems), "\n".join(problems)
