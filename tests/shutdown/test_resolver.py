"""Names that were resolved once stay known."""

import asyncio
from collections.abc import Callable
import socket

import pytest

from custom_components.omron_ups.shutdown import resolver as module
from custom_components.omron_ups.shutdown.resolver import Resolver, is_ip_address


class NameServer:
    """What the machine's resolver answers; None hangs."""

    def __init__(self) -> None:
        """Know one host."""
        self.answer: Callable[[], str] | None = lambda: "192.0.2.7"
        self.asked: list[str] = []

    async def ask(self, host: str) -> str:
        """Answer, or hang."""
        self.asked.append(host)
        if self.answer is None:
            await asyncio.Event().wait()
            raise AssertionError
        return self.answer()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    names = NameServer()
    monkeypatch.setattr(module, "_ask", names.ask)
    return names


def fail() -> str:
    raise socket.gaierror(-3, "no name server")


async def test_addresses_are_not_asked_for(names: NameServer) -> None:
    resolver = Resolver()
    for address in ("192.0.2.1", "2001:db8::1", "fe80::1%eth0"):
        assert await resolver.resolve(address) == address
    assert names.asked == []


async def test_a_name_is_asked_for_once_in_a_while(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver()
    assert [await resolver.resolve("nas") for _ in range(3)] == ["192.0.2.7"] * 3
    assert names.asked == ["nas"]
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    names.answer = lambda: "192.0.2.8"
    assert await resolver.resolve("nas") == "192.0.2.8"


@pytest.mark.parametrize("answer", [fail, None], ids=["fails", "hangs"])
async def test_the_last_answer_outlives_the_name_server(
    names: NameServer, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], str] | None
) -> None:
    resolver = Resolver()
    await resolver.resolve("nas")
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    monkeypatch.setattr(module, "ANSWER_LIMIT_S", 0.05)
    names.answer = answer
    assert await resolver.resolve("nas") == "192.0.2.7"


async def test_a_name_that_never_resolved_is_an_os_error(names: NameServer) -> None:
    names.answer = fail
    with pytest.raises(OSError, match="nas"):
        await Resolver().resolve("nas")


async def test_a_name_server_that_hangs_is_asked_by_one_at_a_time(
    names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_LIMIT_S", 0.05)
    names.answer = None
    resolver = Resolver()
    results = await asyncio.gather(
        *(resolver.resolve("nas") for _ in range(20)), return_exceptions=True
    )
    assert all(isinstance(result, OSError) for result in results)
    with pytest.raises(OSError, match="nas"):
        await resolver.resolve("nas")
    assert names.asked == ["nas"]


async def test_one_that_failed_is_not_asked_for_again_at_once(names: NameServer) -> None:
    names.answer = fail
    resolver = Resolver()
    for _ in range(3):
        with pytest.raises(OSError, match="nas"):
            await resolver.resolve("nas")
    assert names.asked == ["nas"]


async def test_the_machines_own_resolver_knows_localhost() -> None:
    assert await Resolver().resolve("localhost") in {"127.0.0.1", "::1"}


def test_what_an_address_is() -> None:
    assert is_ip_address("192.0.2.1")
    assert is_ip_address("2001:db8::1")
    assert not is_ip_address("nas")
    assert not is_ip_address("[2001:db8::1]")
    assert not is_ip_address("")
