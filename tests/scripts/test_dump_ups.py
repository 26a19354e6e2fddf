"""scripts/dump-ups from the command line on."""

import json
from pathlib import Path

import pytest

from scripts.lib.dump_ups import main


def test_a_simulated_unit_is_written_to_a_file(tmp_path: Path) -> None:
    lines: list[str] = []
    output = tmp_path / "dump.json"
    assert main(["--simulated", "bw55t", "--output", str(output)], lines.append) == 0
    assert lines == [f"written: {output}"]
    dump = json.loads(output.read_text())
    assert dump["replies"]["UN"] == "0340W/0550VA/024V/040W/005W"
    assert "driver.parameter.port" not in dump["variables"]


def test_without_a_file_the_dump_is_printed() -> None:
    lines: list[str] = []
    assert main(["--simulated", "bw55t", "--dialect", "megatec"], lines.append) == 0
    assert set(json.loads(lines[0])["replies"]) == {"Q1"}


def test_a_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    assert main(["--serial", str(tmp_path / "ttyNone")], lines.append) == 1
    assert lines[0].startswith("dump-ups: ")


def test_a_unit_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "--serial" in capsys.readouterr().err
