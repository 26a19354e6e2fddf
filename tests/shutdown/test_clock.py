"""The clock of this machine."""

from datetime import UTC
from pathlib import Path

from custom_components.omron_ups.shutdown.clock import UNKNOWN_BOOT, SystemClock


def test_the_boot_id_is_the_kernels(tmp_path: Path) -> None:
    file = tmp_path / "boot_id"
    file.write_text("2f5c1c3e-0c44-4c5e-9d4b-1d6ac2a1b4d7\n")
    assert SystemClock(file).boot_id == "2f5c1c3e-0c44-4c5e-9d4b-1d6ac2a1b4d7"


def test_two_clocks_of_one_machine_agree() -> None:
    assert SystemClock().boot_id == SystemClock().boot_id != UNKNOWN_BOOT


def test_without_a_boot_id_no_start_looks_like_a_new_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert SystemClock(tmp_path / "missing").boot_id == UNKNOWN_BOOT
    assert SystemClock(empty).boot_id == UNKNOWN_BOOT


def test_time_goes_forward() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert 0.0 < clock.uptime_s() <= clock.uptime_s()
    assert clock.utc().tzinfo is UTC


def test_the_uptime_counts_sleep_too() -> None:
    clock = SystemClock()
    assert clock.uptime_s() >= clock.monotonic() - 1.0
