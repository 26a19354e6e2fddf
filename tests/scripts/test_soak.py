"""scripts/soak, for a short while."""

import pytest

from scripts.lib.soak import main
from tests.driver.usb_rig.bus import leaves_out_umockdev


def test_a_short_soak_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--polls", "500", "--no-memory"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "recoveries lost: 0"
    assert int(lines[0].split()[1]) >= 500


@pytest.mark.skipif(leaves_out_umockdev(), reason="umockdev is missing")
def test_the_cost_of_usb_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--usb", "2.5"]) == 0
    polls, processor = capfd.readouterr().out.splitlines()
    assert int(polls.removeprefix("polls over USB: ").split()[0]) >= 1
    assert float(processor.split()[1]) > 0
