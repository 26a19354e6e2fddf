"""docs/models.md says what the driver's profiles say."""

from pathlib import Path

import pytest

from custom_components.omron_ups.driver.profiles import MODELS
from scripts.lib import model_table


def test_the_table_is_the_present_one() -> None:
    assert model_table.main(["--check"]) == 0


def test_an_old_table_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "models.md"
    monkeypatch.setattr(model_table, "TABLE", table)
    assert model_table.main(["--check"]) == 1
    assert "run scripts/model-table" in capsys.readouterr().out
    assert model_table.main([]) == 0
    assert model_table.main(["--check"]) == 0
    lines = table.read_text().splitlines()
    assert sum(line.startswith("| B") for line in lines) == len(MODELS)
    assert any(line.startswith("| BW55T | 0590:00d0 | 340 | 550 |") for line in lines)
