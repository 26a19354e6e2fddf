"""Looks at real sockets of this machine."""

import errno
import socket

import pytest

from custom_components.omron_ups.shutdown import network as module
from custom_components.omron_ups.shutdown.network import SystemNetwork

NAME_WITHOUT_ADDRESS = "nobody.invalid"


async def test_a_port_that_somebody_listens_at_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert await SystemNetwork().is_open("127.0.0.1", port)
    assert not await SystemNetwork().is_open("127.0.0.1", port)


async def test_a_host_that_says_nothing_is_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_LIMIT_S", 0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.settimeout(0)
            client.connect_ex(full.getsockname())
        # The backlog is full: the kernel answers no further SYN, as a host does that is off.
        assert not await SystemNetwork().is_open("127.0.0.1", full.getsockname()[1])
        for client in waiting:
            client.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_this_machine_answers_its_own_ping(address: str) -> None:
    if await SystemNetwork().answers_ping(address) is None:
        pytest.skip("this process may not ping")
    assert await SystemNetwork().answers_ping(address) is True


async def raise_os_error(number: int) -> None:
    raise OSError(number, "made up")


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.ETIMEDOUT])
async def test_what_a_host_that_is_off_causes_is_silence(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ping", lambda _: raise_os_error(number))
    monkeypatch.setattr("asyncio.open_connection", lambda *_: raise_os_error(number))
    assert await SystemNetwork().answers_ping("192.0.2.1") is False
    assert await SystemNetwork().is_open("192.0.2.1", 22) is False


@pytest.mark.parametrize(
    "number", [errno.ENETUNREACH, errno.EMFILE, errno.ENOBUFS, errno.EPERM, errno.EACCES]
)
async def test_our_own_trouble_is_no_evidence_of_anything(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ping", lambda _: raise_os_error(number))
    monkeypatch.setattr("asyncio.open_connection", lambda *_: raise_os_error(number))
    assert await SystemNetwork().answers_ping("192.0.2.1") is None
    with pytest.raises(OSError, match="made up"):
        await SystemNetwork().is_open("192.0.2.1", 22)


async def test_a_name_that_does_not_resolve_is_no_evidence_of_anything() -> None:
    network = SystemNetwork()
    assert await network.answers_ping(NAME_WITHOUT_ADDRESS) is None
    with pytest.raises(OSError, match=NAME_WITHOUT_ADDRESS):
        await network.is_open(NAME_WITHOUT_ADDRESS, 22)
