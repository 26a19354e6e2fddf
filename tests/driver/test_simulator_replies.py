"""The simulated UPS answers byte for byte in the shapes that real units have."""

from datetime import datetime
import re

import pytest

from custom_components.omron_ups.driver.models import LinkInfo
from custom_components.omron_ups.driver.simulator.commands import QUERIES
from custom_components.omron_ups.driver.simulator.profiles import PROFILES, UnknownReply
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps

from .simulated import Clock, ask, make_ups, status

_NUMBER = r"(?:[0-9.]+|[-.]+)"
_PAGE = r"[01]{8} [01]{8} [01]{8} [01]{8} \*\d"
_PERCENT = r"(?:0\d\d|100)"
_WATTS = r"(?:\d{4}|-{4})W/(?:\d{4}|-{4})VA"

# Written from the published replies, not from the simulator or the driver.
SHAPES = {
    "Q1": rf"\((?:{_NUMBER} ){{3}}(?:\d{{3}}|-+) (?:{_NUMBER} ){{3}}[01]{{8}}",
    "CF": _PAGE,
    "CF2": _PAGE,
    "CF3": _PAGE,
    "CF4": _PAGE,
    "CF5": _PAGE,
    "Bl ?": _PERCENT,
    "RTS": r"\d{4}",
    "TPb": r"[+-]\d\d\.\d",
    "Lf ?": r"\d\d\.\d",
    "PSNR": r".{16}",
    "FWV": r"M:\d\.\d\d\(S:\d\.\d\d\)",
    "BRR": r"20\d{6}",
    "UN": r"\d{4}W/\d{4}VA/\d{3}V/\d{3}W/\d{3}W",
    "Bv": r"\d{3}",
    "V": r"[01]{8}",
    "V2": r"[01]{8}",
    "V3": r"[01]{8} [01]{8}",
    "Ss ?": r"[123]",
    "Bld ?": _PERCENT,
    "Rbv ?": _PERCENT,
    "Rbd ?": r"\d{3}",
    "RRTC": r"\d{2}[1-7]\d{10}",
    "OS ?": r"A:[01][01] B:[01][01] C:[01][01]",
    "LC": rf"A:{_WATTS},B:{_WATTS},C:{_WATTS},T:{_WATTS}",
    "Si ?": r"B[A-Z0-9]+",
    "TBN ?": r"\d+",
    "F": r"#\d{3}\.\d \d{3} \d{2}\.\d{2} \d{2}\.\d",
    "I": r"#.{15} .{10} .{10}",
}

OBSERVED = [
    ("bn150t", "Q1", "(102.5 000.0 102.4 000 49.9 54.5 22.7 00101000"),
    ("bn150t", "Bl ?", "100"),
    ("bn150t", "RTS", "0699"),
    ("bn150t", "TPb", "+22.5"),
    ("bn150t", "Lf ?", "49.9"),
    ("bn150t", "PSNR", "A0Z25110005109G "),
    ("bn150t", "FWV", "M:0.17(S:2.00)"),
    ("bn150t", "BRR", "20260730"),
    ("bn150t", "UN", "1125W/1125VA/048V/160W/020W"),
    ("bw55t", "FWV", "M:0.32(S:1.04)"),
    ("bw55t", "TPb", "+19.8"),
    ("bw55t", "Lf ?", "50.0"),
    ("bw55t", "Ss ?", "1"),
    ("bw55t", "Bld ?", "030"),
    ("bw55t", "Rbv ?", "000"),
    ("bw55t", "Rbd ?", "014"),
    ("bw55t", "CF", "11000011 10011000 01110110 00000110 *1"),
    ("bw55t", "CF2", "00000000 01000101 00000110 01000000 *2"),
    ("bw55t", "CF3", "00010000 00000000 00000000 00000000 *3"),
    ("bw55t", "CF4", "11110000 00001001 00000100 00000000 *4"),
    ("bw55t", "CF5", "00000000 00011000 00000000 00000000 *5"),
    ("by35s", "Q1", "(099.2 099.2 098.9 029 49.9 13.5 37.5 00101000"),
    ("dashes", "Q1", "(103.7 ---.- 103.8 --- --.- 13.7 --.- 00101000"),
    ("generic-megatec", "F", "#100.0 008 24.00 50.0"),
]


@pytest.mark.parametrize(
    ("model", "request_"),
    [(name, query) for name, row in PROFILES.items() for query in sorted(row.queries)],
)
def test_every_reply_has_its_shape_on_mains_on_battery_and_off(model: str, request_: str) -> None:
    clock = Clock()
    ups = make_ups(model, clock=clock)
    assert re.fullmatch(SHAPES[request_], ask(ups, request_))
    ups.cut_mains()
    for load in (0, 150, 33.3):
        ups.load = load
        clock.now += 20
        assert re.fullmatch(SHAPES[request_], ask(ups, request_))
    clock.now += 1e6
    assert not ups.output_on
    assert re.fullmatch(SHAPES[request_], ask(ups, request_))


def test_every_query_is_played_by_some_profile() -> None:
    played = frozenset[str]().union(*(row.queries for row in PROFILES.values()))
    assert played == QUERIES.keys() == SHAPES.keys()


@pytest.mark.parametrize(("model", "request_", "reply"), OBSERVED)
def test_replies_are_those_that_were_published(model: str, request_: str, reply: str) -> None:
    assert ask(make_ups(model), request_) == reply


def test_q1_is_47_bytes_and_a_capability_page_39() -> None:
    ups = make_ups()
    assert len(ups.handle(b"Q1\r") or b"") == 47
    assert len(ups.handle(b"CF\r") or b"") == 39


def test_a_48_percent_load_measures_as_on_a_bw55t() -> None:
    ups = make_ups()
    ups.load = 48.9
    assert ask(ups, "Q1").split()[3] == "048"
    assert ask(ups, "LC") == "A:----W/----VA,B:----W/----VA,C:----W/----VA,T:0166W/0186VA"


@pytest.mark.parametrize("request_", ["q1", "Q1 ", " Q1", "Bl?", "bl ?", "RTSX", "", "sf.5", "Ss?"])
def test_case_and_spaces_matter(request_: str) -> None:
    assert ask(make_ups(), request_) == "NAK"


@pytest.mark.parametrize(
    "request_", ["BRR", "BRW20260101", "RRTC", "WR2641231115300", "OS ?", "F", "I", "T", "TBN ?"]
)
def test_a_bw55t_refuses_what_its_dump_lacks(request_: str) -> None:
    assert ask(make_ups(), request_) == "NAK"


@pytest.mark.parametrize("request_", ["RTS", "TPb", "UN", "LC"])
@pytest.mark.parametrize("model", ["by35s", "by50s"])
def test_legacy_units_cannot_tell_runtime(model: str, request_: str) -> None:
    assert ask(make_ups(model), request_) == "NAK"


def test_a_generic_unit_echoes_what_it_does_not_know() -> None:
    ups = make_ups("generic-megatec")
    assert PROFILES["generic-megatec"].unknown is UnknownReply.ECHO
    for request in ("CF", "Bl ?", "PSNR", "\xff"):
        assert ups.handle(request.encode("latin-1")) == request.encode("latin-1") + b"\r"


def test_what_follows_the_cr_is_ignored_and_the_cr_may_be_left_out() -> None:
    ups = make_ups()
    assert ups.handle(b"Bl ?\r\0\0\0\0\0\0\0\0\0\0\0") == b"100\r"
    assert ups.handle(b"Bl ?") == b"100\r"


# -- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [
        ("Af", "V2", "10000000"),
        ("CSn", "V3", "00000000 00001000"),
        ("Bf", "V", "01000000"),
        ("SS3", "Ss ?", "3"),
        ("VB", "Ss ?", "2"),
        ("RBV100", "Rbv ?", "100"),
        ("BLD015", "Bld ?", "015"),
        ("BRW20270228", "BRR", "20270228"),
        ("Oaf", "OS ?", "A:10 B:11 C:01"),
        ("WR2641231115300", "RRTC", "2641231115300"),
    ],
)
def test_a_setting_is_kept_and_told(command: str, query: str, reply: str) -> None:
    ups = make_ups("everything")
    before = ask(ups, query)
    assert ask(ups, command) == "OK"
    assert ask(ups, query) == reply != before


@pytest.mark.parametrize(
    ("off", "on", "query"),
    [
        ("Af", "An", "V2"),
        ("CSn", "CSf", "V3"),
        ("Bf", "Bn", "V"),
        ("VB", "VA", "Ss ?"),
        ("Obf", "Obn", "OS ?"),
    ],
)
def test_a_setting_can_be_taken_back(off: str, on: str, query: str) -> None:
    ups = make_ups("everything")
    before = ask(ups, query)
    ask(ups, off)
    assert ask(ups, query) != before
    ask(ups, on)
    assert ask(ups, query) == before


@pytest.mark.parametrize(
    "command",
    [
        "SS0",
        "SS4",
        "RBV101",
        "BLD1",
        "BLD1000",
        "OUT099",
        "OUT241",
        "BRW20260230",
        "WR2651231115300",
        "WR2641331115300",
        "WR2641231115301",
        "Ocf",
        "S.1",
        "S.0",
        "S00",
        "S31",
        "S1",
        "Sf31",
        "S.2R0003",
        "S.2R00000",
        "S99R00003",
        "CT",
        "Q",
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(command: str) -> None:
    ups = make_ups("everything")
    queries = ("Q1", "V", "V2", "V3", "Ss ?", "Bld ?", "Rbv ?", "BRR", "RRTC", "OS ?")
    before = [ask(ups, query) for query in queries]
    assert ask(ups, command) == "NAK"
    assert [ask(ups, query) for query in queries] == before


def test_the_output_voltage_setting_holds_on_battery() -> None:
    ups = make_ups()
    assert ask(ups, "OUT110") == "OK"
    ups.cut_mains()
    assert ask(ups, "Q1").split()[2] == "110.0"


def test_the_unit_clock_runs_with_simulated_time() -> None:
    clock = Clock()
    ups = make_ups("everything", clock=clock, time_scale=60)
    ups.set_clock(datetime(2026, 12, 31, 23, 59))  # noqa: DTZ001  (the unit knows no time zone)
    clock.now += 1.5
    assert ask(ups, "RRTC") == "2750101000030"


def test_backup_events_are_counted() -> None:
    ups = make_ups("by50s")
    for _ in range(3):
        ups.cut_mains()
        ups.restore_mains()
    assert ask(ups, "TBN ?") == "3"


def test_a_by50s_starts_its_test_on_command() -> None:
    ups = make_ups("by50s")
    assert ask(ups, "T") == "OK"
    assert ask(ups, "T") == "NAK"
    assert status(ups) == "00101100"


def test_a_megatec_unit_accepts_in_silence() -> None:
    clock = Clock()
    ups = make_ups("generic-megatec", clock=clock)
    assert status(ups) == "00001001"
    assert ups.handle(b"Q\r") is None
    assert status(ups) == "00001000"
    assert ups.handle(b"T\r") is None
    assert status(ups) == "00001100"
    assert ups.handle(b"CT\r") is None
    assert status(ups) == "00001000"
    assert ask(ups, "S.5R00003") == "S.5R00003"
    assert ups.handle(b"S.5R0000\r") is None
    clock.now += 3600
    assert status(ups) == "00001000"
    assert not ups.output_on


# -- profiles -------------------------------------------------------------------------------------


def test_usb_units_tell_who_they_are_and_serial_ones_do_not() -> None:
    assert PROFILES["bw55t"].info == LinkInfo(
        manufacturer="OMRON", model="BW55T", vendor_id=0x0590, product_id=0x00D0
    )
    assert PROFILES["bn75t-serial"].info == LinkInfo()


def test_a_q1_at_2400_baud_takes_as_long_as_in_the_bn75t_log() -> None:
    assert PROFILES["bn75t-serial"].exchange_time_s(3, 47) == pytest.approx(0.243, abs=0.001)
    assert PROFILES["bw55t"].exchange_time_s(3, 47) == PROFILES["bw55t"].exchange_s


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_says_what_is_known(name: str) -> None:
    row = PROFILES[name]
    assert row.name == name
    assert row.evidence.endswith(".")
    assert row.title


def test_bw55t_is_the_default() -> None:
    assert SimulatedUps().profile is PROFILES["bw55t"] is next(iter(PROFILES.values()))
