"""Magic packets, byte by byte and against Debian's own sender."""

import re
import shutil
import socket
import subprocess

import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.network import SystemNetwork
from custom_components.omron_ups.shutdown.specs import WakeOnLan
from custom_components.omron_ups.shutdown.wake_on_lan import (
    magic_packet,
    parse_mac,
    parse_secure_on,
)

MAC = "00:00:5e:00:53:0a"
MAC_BYTES = bytes.fromhex("00005e00530a")
WAKEONLAN = shutil.which("wakeonlan") or ""


def test_the_packet() -> None:
    assert magic_packet(WakeOnLan(mac=MAC)) == b"\xff" * 6 + MAC_BYTES * 16
    secured = magic_packet(WakeOnLan(mac=MAC, secure_on="01:02:03:04:05:06"))
    assert secured[102:] == bytes(range(1, 7))


@pytest.mark.skipif(not WAKEONLAN, reason="Debian's wakeonlan is not here")
def test_the_packet_is_that_of_debians_wakeonlan() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        port = str(listener.getsockname()[1])
        subprocess.run([WAKEONLAN, "-i", "127.0.0.1", "-p", port, MAC], check=True)
        assert listener.recv(2048) == magic_packet(WakeOnLan(mac=MAC))


async def test_what_goes_over_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        for listener in (one, other):
            listener.bind(("127.0.0.1", 0))
            listener.settimeout(10)
        ports = tuple(listener.getsockname()[1] for listener in (one, other))
        monkeypatch.setattr("custom_components.omron_ups.shutdown.network.WAKE_PORTS", ports)
        wake = WakeOnLan(mac=MAC, broadcast="127.0.0.1")
        await SystemNetwork().send_wake(wake)
        for listener in (one, other):
            assert [listener.recv(2048) for _ in range(3)] == [magic_packet(wake)] * 3


async def test_a_place_that_cannot_be_reached_is_an_os_error() -> None:
    with pytest.raises(OSError, match=re.compile(".+")):
        await SystemNetwork().send_wake(WakeOnLan(mac=MAC, broadcast="256.0.0.1"))


@pytest.mark.parametrize(
    "text", [MAC, MAC.upper(), MAC.replace(":", "-"), "00005e00530a", f" {MAC} "]
)
def test_every_usual_spelling_of_a_mac_address(text: str) -> None:
    assert parse_mac(text) == MAC_BYTES


@pytest.mark.parametrize(
    "text",
    ["", "00:00:5e:00:53", f"{MAC}:00", "00:00:5e:00:53:zz", "00:00-5e:00:53:0a", "192.0.2.1"],
)
def test_what_is_no_mac_address(text: str) -> None:
    with pytest.raises(OptionError, match="mac"):
        parse_mac(text)


def test_the_password_of_a_network_card() -> None:
    assert parse_secure_on("") == b""
    assert parse_secure_on("01:02:03:04:05:06") == bytes(range(1, 7))
    assert parse_secure_on("1.2.3.4") == bytes([1, 2, 3, 4])
    for text in ("planted", "01:02:03", "1.2.3"):
        with pytest.raises(OptionError) as caught:
            parse_secure_on(text)
        assert text not in str(caught.value)


def test_the_password_has_no_repr() -> None:
    assert "01:02" not in repr(WakeOnLan(mac=MAC, secure_on="01:02:03:04:05:06"))
