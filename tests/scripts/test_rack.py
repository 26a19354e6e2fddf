"""scripts/rack, for a short while."""

import pytest

from scripts.lib.rack import main


def test_a_few_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenarios", "6", "--processes", "1"]) == 0
    (first, plans, faults) = capsys.readouterr().out.splitlines()
    assert first.startswith("6 scenarios, ")
    assert " 0 failed; " in first
    assert plans.startswith("plans:  ")
    assert faults.startswith("faults: ")


def test_one_scenario_as_a_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "no rule was broken"
    assert any("Home Assistant starts" in line for line in lines)


def test_the_homelab(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["homelab"]) == 0
    text = capsys.readouterr().out
    assert text.count("no rule broken") == 5
