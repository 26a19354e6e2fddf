"""Echo requests, as bytes; that a kernel answers them is shown in test_network.py."""

import os
import struct

import pytest

from custom_components.omron_ups.shutdown.icmp import TOKEN_BYTES, echo_request, is_reply

TOKEN = bytes(range(TOKEN_BYTES))
IPV4_HEADER = bytes([0x45, *bytes(19)])
LONG_IPV4_HEADER = bytes([0x46, *bytes(23)])


def reply(kind: int = 0, token: bytes = TOKEN) -> bytes:
    return bytes([kind, 0, 0, 0, 1, 2, 0, 1]) + token


@pytest.mark.parametrize(
    "token",
    [TOKEN, b"\xff" * TOKEN_BYTES, os.urandom(TOKEN_BYTES)],
    ids=["counting", "all ones", "random"],
)
def test_the_checksum_is_right(token: bytes) -> None:
    packet = echo_request(8, token)
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    assert total == 0xFFFF, "RFC 1071: the sum over a packet with its checksum is all ones"
    assert packet[:2] == b"\x08\x00"
    assert packet.endswith(token)


@pytest.mark.parametrize("header", [b"", IPV4_HEADER, LONG_IPV4_HEADER])
def test_a_reply_with_our_token_is_ours(header: bytes) -> None:
    assert is_reply(header + reply(), 0, TOKEN)


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(reply(kind=8), id="our own request, as raw sockets on loopback hear it"),
        pytest.param(reply(kind=3), id="another message"),
        pytest.param(reply(token=bytes(TOKEN_BYTES)), id="somebody else's"),
        pytest.param(reply()[:-1], id="cut"),
        pytest.param(IPV4_HEADER + reply(kind=8), id="our own request with its header"),
    ],
)
def test_anything_else_is_not(packet: bytes) -> None:
    assert not is_reply(packet, 0, TOKEN)
