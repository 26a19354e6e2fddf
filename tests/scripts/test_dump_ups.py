"""scripts/dump-ups from the command line on; over real libusb: usb_rig/umockdev_scenarios.py."""

import json
from pathlib import Path

import pytest

from custom_components.omron_ups.driver import NoBackendError, UsbIdentity, UsbUnit, UsbUnits
from scripts.lib import dump_ups
from scripts.lib.dump_ups import choose_unit, main


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


def unit(port: str, *, serial: str | None = None, is_known: bool = True) -> UsbUnit:
    """Return a unit in a port."""
    return UsbUnit(
        identity=UsbIdentity(product_id=0x00D0, serial=serial, port=port),
        model="BW55T",
        manufacturer="OMRON",
        is_known=is_known,
        bus=1,
        address=2,
    )


FIRST, SECOND = unit("1-1"), unit("1-2.3", serial="B2")
SENSOR = unit("1-4", is_known=False)


@pytest.mark.parametrize(
    ("known", "name", "chosen"),
    [
        ((FIRST,), "", FIRST),
        ((FIRST, SECOND), "1-1", FIRST),
        ((FIRST, SECOND), "1-2.3", SECOND),
        ((FIRST, SECOND), "B2", SECOND),
        ((FIRST,), "1-4", SENSOR),
    ],
)
def test_a_unit_is_chosen_by_port_or_serial_number(
    known: tuple[UsbUnit, ...], name: str, chosen: UsbUnit
) -> None:
    assert choose_unit(UsbUnits(known=known, unknown=(SENSOR,)), name) is chosen


@pytest.mark.parametrize(
    ("known", "name", "words"),
    [
        ((), "", "no UPS is attached"),
        ((FIRST, SECOND), "", "more than one UPS"),
        ((FIRST, SECOND), "1-2", "no such UPS"),
        ((SECOND, unit("1-1", serial="B2")), "B2", "more than one UPS"),
    ],
)
def test_where_it_is_not_clear_which_the_choice_is_shown(
    known: tuple[UsbUnit, ...], name: str, words: str
) -> None:
    with pytest.raises(LookupError, match=words) as raised:
        choose_unit(UsbUnits(known=known, unknown=(SENSOR,)), name)
    shown = str(raised.value)
    assert all(f"--usb {each.identity.port}: BW55T (00d0)" in shown for each in known)
    assert "--usb 1-4: BW55T (00d0), not known to be a UPS" in shown


def test_nothing_attached_is_said_too() -> None:
    with pytest.raises(LookupError, match="no device of OMRON"):
        choose_unit(UsbUnits(known=(), unknown=()), "")


def test_a_machine_without_libusb_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def list_usb_units() -> UsbUnits:
        raise NoBackendError("libusb 1.0 cannot be loaded on this machine")

    monkeypatch.setattr(dump_ups, "list_usb_units", list_usb_units)
    lines: list[str] = []
    assert main(["--usb"], lines.append) == 1
    assert lines == ["dump-ups: libusb 1.0 cannot be loaded on this machine"]
