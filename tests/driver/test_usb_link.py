"""What a report and a reply are made of; the open unit itself: test_transport_usb.py."""

import pytest

from custom_components.omron_ups.driver.errors import InvalidReplyError
from custom_components.omron_ups.driver.usb_link import ReplyBuffer, as_report


def test_a_report_is_filled_with_zeros() -> None:
    assert as_report(b"Q1\r") == b"Q1\r" + bytes(13)
    assert as_report(b"WR2026112214590\r") == b"WR2026112214590\r"
    with pytest.raises(ValueError, match="16 bytes"):
        as_report(bytes(17))


@pytest.mark.parametrize(
    ("packets", "reply"),
    [
        ([b"100\r"], b"100"),
        ([b"1", b"00", b"\r"], b"100"),
        ([b"100\r\0\0\0\0"], b"100"),
        ([b"100\r(junk"], b"100"),
        ([b"OK\rNAK\r"], b"OK"),
        ([b"\0\0\0\0", b"100\r\0\0\0"], b"100"),
        ([b"10\0\0", b"0\r"], b"100"),
        ([b"\0\r"], b""),
        ([b"", b"100\r"], b"100"),
        ([b"x" * 64] * 3 + [b"y" * 63 + b"\r"], b"x" * 192 + b"y" * 63),
    ],
)
def test_a_reply_ends_at_its_cr(packets: list[bytes], reply: bytes) -> None:
    buffer = ReplyBuffer()
    *before, last = packets
    assert [buffer.feed(packet) for packet in before] == [None] * len(before)
    assert buffer.feed(last) == reply


def test_a_reply_without_a_cr_ends_somewhere() -> None:
    buffer = ReplyBuffer()
    for _ in range(3):
        assert buffer.feed(bytes(64)) is None
    with pytest.raises(InvalidReplyError, match="256 bytes without a CR"):
        buffer.feed(b"x" * 64)
