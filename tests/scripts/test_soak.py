"""scripts/soak, for a short while."""

import pytest

from scripts.lib.soak import main


def test_a_short_soak_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--polls", "500", "--no-memory"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "recoveries lost: 0"
    assert int(lines[0].split()[1]) >= 500
