"""Reply shapes and meanings of the query table."""

from datetime import date, datetime
from typing import Any

import pytest

from custom_components.omron_ups.driver.models import Outlet, Sensitivity, Topology, UpsState
from custom_components.omron_ups.driver.queries import (
    PAGE_SHAPE,
    Q1_SHAPE,
    QUERIES,
    Q1Reply,
    Query,
    parse_page,
    parse_q1,
)

ROWS = {row.request: row for row in QUERIES}


def read(request: str, reply: str) -> dict[str, Any]:
    """Read `reply` by the row of `request`; AssertionError when the shape is wrong."""
    match = ROWS[request].shape.fullmatch(reply)
    assert match is not None
    return dict(ROWS[request].parse(match))


def q1(reply: str) -> Q1Reply:
    """Read a Q1 reply."""
    match = Q1_SHAPE.fullmatch(reply)
    assert match is not None
    return parse_q1(match)


@pytest.mark.parametrize(
    ("request_text", "reply", "values"),
    [
        ("Bl ?", "100", {"battery_charge": 100}),
        ("RTS", "0699", {"battery_runtime": 41940}),
        ("RTS", "065", {"battery_runtime": 3900}),
        ("TPb", "+22.5", {"battery_temperature": 22.5}),
        ("TPb", "-3.0", {"battery_temperature": -3.0}),
        ("Lf ?", "49.9", {"output_frequency": 49.9}),
        ("PSNR", "A0Z25110005109G ", {"serial": "A0Z25110005109G"}),
        ("PSNR", "A0Z25110005109##", {"serial": "A0Z25110005109"}),
        ("Si ?", "BW55T", {"model": "BW55T"}),
        ("FWV", "M:0.17(S:2.00)", {"firmware": "0.17", "firmware_aux": "2.00"}),
        ("BRR", "20260730", {"battery_date": date(2026, 7, 30)}),
        (
            "UN",
            "1125W/1125VA/048V/160W/020W",
            {"realpower_nominal": 1125, "power_nominal": 1125, "battery_voltage_nominal": 48.0},
        ),
        ("Bv", "024", {"battery_voltage_nominal": 24.0}),
        ("V", "00000000", {"beeper_enabled": True}),
        ("V", "01000000", {"beeper_enabled": False}),
        ("V2", "00000000", {"auto_restart": True}),
        ("V2", "10000000", {"auto_restart": False}),
        ("V3", "00000000 00000000", {"cold_start": False}),
        ("V3", "00000000 00001000", {"cold_start": True}),
        ("Ss ?", "1", {"input_sensitivity": Sensitivity.NORMAL}),
        ("Ss ?", "2", {"input_sensitivity": Sensitivity.LOW}),
        ("Ss ?", "3", {"input_sensitivity": Sensitivity.HIGH}),
        ("Bld ?", "030", {"battery_charge_low": 30}),
        ("Rbv ?", "000", {"battery_charge_restart": 0}),
        ("Rbd ?", "014", {"reboot_delay": 14}),
        ("RRTC", "2641231153000", {"clock": datetime(2026, 12, 31, 15, 30)}),  # noqa: DTZ001
        ("TBN ?", "12", {"backup_events": 12}),
        (
            "OS ?",
            "A:11 B:10 C:01",
            {
                "outlet_switches": (
                    Outlet(switchable=True, on=True),
                    Outlet(switchable=True, on=False),
                    Outlet(switchable=False, on=True),
                )
            },
        ),
        (
            "LC",
            "A:----W/----VA,B:0010W/0012VA,C:----W/----VA,T:0166W/0186VA",
            {
                "measured_realpower": 166,
                "measured_power": 186,
                "outlet_loads": (Outlet(), Outlet(realpower=10, power=12), Outlet()),
            },
        ),
    ],
)
def test_a_good_reply_gives_its_values(
    request_text: str, reply: str, values: dict[str, Any]
) -> None:
    assert read(request_text, reply) == values
    assert values.keys() == ROWS[request_text].fields


@pytest.mark.parametrize(
    ("request_text", "reply"),
    [
        ("Bl ?", "1000"),
        ("Bl ?", "-10"),
        ("RTS", "00123456"),
        ("TPb", "22.55"),
        ("PSNR", "A0Z\x01"),
        ("UN", "1125W-1125VA-048V-160W-020W"),
        ("FWV", "0.17"),
        ("V3", "00000000"),
        ("Ss ?", "4"),
        ("RRTC", "2691231153000"),
        ("LC", "A:----W/----VA"),
        ("OS ?", "A:1 B:1 C:1"),
    ],
)
def test_a_reply_of_the_wrong_shape_is_not_read(request_text: str, reply: str) -> None:
    assert ROWS[request_text].shape.fullmatch(reply) is None


@pytest.mark.parametrize(
    ("request_text", "reply"),
    [
        ("Bl ?", "101"),
        ("BRR", "20260230"),
        ("RRTC", "2641331153000"),
        ("Bld ?", "101"),
        ("PSNR", "                "),
    ],
)
def test_a_reply_of_the_right_shape_that_says_nonsense_is_refused(
    request_text: str, reply: str
) -> None:
    with pytest.raises(ValueError, match=r"is above|must be in|day|no serial"):
        read(request_text, reply)


def test_q1_as_seen_on_a_bn150t() -> None:
    reply = q1("(102.5 000.0 102.4 000 49.9 54.5 22.7 00101000")
    assert reply == Q1Reply(
        input_voltage=102.5,
        input_voltage_fault=0.0,
        output_voltage=102.4,
        load=0,
        input_frequency=49.9,
        battery_voltage=54.5,
        temperature=22.7,
        status="00101000",
    )
    assert reply.topology is Topology.STANDBY
    assert q1("(102.5 000.0 102.4 000 49.9 54.5 22.7 00100000").topology is Topology.ONLINE


def test_q1_fields_of_dashes_are_unknown() -> None:
    reply = q1("(---.- ---.- ---.- --- --.- --.- --.- 00101000")
    assert reply.input_voltage is None
    assert reply.load is None
    assert reply.temperature is None
    assert reply.status == "00101000"


@pytest.mark.parametrize(
    "reply",
    [
        "(102.5 000.0 102.4 000 49.9 54.5 22.7 0010100",
        "(102.5 000.0 102.4 000 49.9 54.5 22.7 00101002",
        "(102.5 000.0 102.4 000 49.9 54.5 00101000",
        "102.5 000.0 102.4 000 49.9 54.5 22.7 00101000",
        "(1.2.3 000.0 102.4 000 49.9 54.5 22.7 00101000",
        "(102.5 000.0 102.4 000 49.9 54.5 22.7 00101000x",
        "",
        "\x00",
    ],
)
def test_a_garbled_q1_reply_is_not_read(reply: str) -> None:
    assert Q1_SHAPE.fullmatch(reply) is None


@pytest.mark.parametrize("rest", ["", " *1", " *A"])
def test_a_capability_page_is_read_whatever_follows_it(rest: str) -> None:
    match = PAGE_SHAPE.fullmatch("11000011 10011000 01110110 00000110" + rest)
    assert match is not None
    assert parse_page(match) == 0b11000011_10011000_01110110_00000110


@pytest.mark.parametrize(
    "page", ["11000011 10011000 01110110", "11000011 10011000 01110110 000001100"]
)
def test_a_page_of_another_length_is_not_read(page: str) -> None:
    assert PAGE_SHAPE.fullmatch(page) is None


@pytest.mark.parametrize("row", QUERIES, ids=lambda row: row.request)
def test_every_row_feeds_something_that_a_state_can_hold(row: Query) -> None:
    merged = {"measured_realpower", "measured_power", "outlet_loads", "outlet_switches"}
    assert row.fields
    assert row.fields <= merged | UpsState.__dataclass_fields__.keys()


def test_no_row_could_be_taken_for_an_action_by_a_plain_megatec_unit_unnoticed() -> None:
    assert {row.request for row in QUERIES if row.is_risky} == {"Si ?", "Ss ?", "TPb", "TBN ?"}


def test_every_request_fits_one_report_of_sixteen_bytes() -> None:
    assert all(len(row.request) < 16 for row in QUERIES)
