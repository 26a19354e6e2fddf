"""The shape of reply lines."""

import re

from hypothesis import example, given, strategies as st
import pytest

from custom_components.omron_ups.nut import NutUps
from custom_components.omron_ups.nut.replies import (
    INVALID_ARGUMENT,
    MAX_LINE,
    MAX_VALUE,
    escape,
    line,
    printable,
    valued,
)

from .shared import Clock, Served, exchange


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("OL", "OL"),
        ('a"b\\c#d', 'a\\"b\\\\c\\#d'),
        ("25 °C\n\x00\x7f", "25 ?C???"),
        ("オムロン", "????"),
        ("x" * 300, "x" * 255),
    ],
)
def test_values_are_ascii_and_escaped(value: str, escaped: str) -> None:
    assert escape(value) == escaped


@given(st.text(max_size=300), st.integers(0, MAX_LINE))
@example("x" * 256, MAX_LINE)
@example("OL", 1)
def test_escaped_value_is_the_beginning_of_the_printable_one(value: str, room: int) -> None:
    escaped = escape(value, room)
    assert len(escaped) <= room
    assert re.fullmatch(r'(?:[^"\\#]|\\["\\#])*', escaped)
    read = re.sub(r"\\(.)", r"\1", escaped)
    whole = printable(value)[:MAX_VALUE]
    assert whole.startswith(read)
    # Nothing is cut that had room.
    assert read == whole or len(escaped) + len(escape(whole[len(read)])) > room


def test_every_character_is_sent_as_it_is_escaped_or_replaced() -> None:
    for char in map(chr, range(0x110)):
        expected = char if " " <= char <= "~" else "?"
        assert escape(char) == (f"\\{char}" if char in '"\\#' else expected), repr(char)


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_escapes_are_not_cut_in_two(room: int) -> None:
    assert escape('""', room) == '\\"' * (room // 2)


def test_77_longest_value_fits_into_a_line() -> None:
    text = valued("VAR ups ups.id", '"' * 255)
    assert len(text) + 1 in (MAX_LINE - 1, MAX_LINE)
    assert text.endswith('\\""')
    assert line(text) == f"{text}\n".encode()


def test_line_that_no_client_could_read_is_refused() -> None:
    assert line("x" * (MAX_LINE - 1)) == b"x" * (MAX_LINE - 1) + b"\n"
    assert line("x" * MAX_LINE) == INVALID_ARGUMENT


async def test_echo_of_an_endless_name_is_refused(served: Served) -> None:
    requests = "".join(
        f"{request}\n"
        for request in (
            f"GET DESC ups {'x' * 500}",
            f"GET CMDDESC ups {'x' * 500}",
            f"GET VAR {'x' * 500} server.version",
        )
    )
    assert await exchange(served.port, requests) == INVALID_ARGUMENT * 3


async def test_no_line_is_too_long_or_not_ascii(served: Served) -> None:
    ups = NutUps(name="u" * 64, description='é"' * 300, clock=Clock())
    ups.publish({"v" * 128: "\\" * 300, "ups.mfr": "オムロン"}, read_at=1000.0)
    served.server.add_ups(ups)
    requests = f"LIST UPS\nLIST VAR {ups.name}\nGET VAR {ups.name} {'v' * 128}\n"
    replies = await exchange(served.port, requests)
    assert replies.count(b"END LIST") == 2
    assert max(len(reply) for reply in replies.splitlines(keepends=True)) in (510, 511)
    assert replies.isascii()
