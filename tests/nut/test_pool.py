"""One server for all UPSes of an address and port."""

import asyncio
from dataclasses import replace
from pathlib import Path
import socket

import pytest

from custom_components.omron_ups.nut import (
    CertificateError,
    NameTakenError,
    NutServers,
    NutUps,
    PortInUseError,
    ServerSettings,
    TlsFiles,
)

from .certificates import write_files
from .shared import ELSEWHERE, LOOPBACK, connected, exchange, settings


@pytest.fixture
def here() -> ServerSettings:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return replace(settings(), port=port)


async def test_two_upses_share_a_server(here: ServerSettings) -> None:
    pool = NutServers()
    first = await pool.acquire(here, NutUps(name="ups"))
    second = await pool.acquire(here, NutUps(name="ups2"))
    assert first.server is second.server
    assert (first.is_owner, second.is_owner) == (True, False)
    listing = await exchange(here.port, "LIST UPS\n")
    assert listing.index(b"UPS ups ") < listing.index(b"UPS ups2 ")
    await second.release()
    assert b"ups2" not in await exchange(here.port, "LIST UPS\n")
    await first.release()
    with pytest.raises(ConnectionRefusedError):
        await exchange(here.port, "LIST UPS\n")


async def test_ownership_goes_to_the_next_when_the_owner_leaves(here: ServerSettings) -> None:
    pool = NutServers()
    refused: list[str] = []
    first = await pool.acquire(here, NutUps(name="ups"), on_refused=lambda _: refused.append("1"))
    second = await pool.acquire(
        replace(here, allowed_networks=ELSEWHERE),
        NutUps(name="ups2"),
        on_refused=lambda _: refused.append("2"),
    )
    assert await exchange(here.port, "NETVER\n") == b"1.3\n"
    await first.release()
    await first.release()
    assert second.is_owner
    assert not first.is_owner
    async with connected(here.port) as client:
        assert await client.closed()
    assert refused == ["2"]
    await second.release()
    assert not second.is_owner


async def test_only_the_owner_changes_the_server(here: ServerSettings) -> None:
    pool = NutServers()
    first = await pool.acquire(here, NutUps(name="ups"))
    second = await pool.acquire(here, NutUps(name="ups2"))
    narrow = replace(here, allowed_networks=ELSEWHERE)
    second.update(narrow)
    assert second.settings == narrow
    assert first.server.settings == here
    wide = replace(here, allowed_networks=(*LOOPBACK, *ELSEWHERE))
    first.update(wide)
    assert first.server.settings == wide
    with pytest.raises(ValueError, match="another address"):
        first.update(replace(here, port=1))
    await first.release()
    assert second.server.settings == narrow
    await second.release()


async def test_refused_ups_leaves_the_server_as_it_was(here: ServerSettings) -> None:
    pool = NutServers()
    lease = await pool.acquire(here, NutUps(name="ups"))
    with pytest.raises(NameTakenError):
        await pool.acquire(here, NutUps(name="x", aliases=("UPS",)))
    assert lease.is_owner
    await lease.release()


async def test_failed_start_can_be_tried_again(here: ServerSettings) -> None:
    pool = NutServers()
    ups = NutUps(name="ups")
    with socket.create_server(("127.0.0.1", here.port)), pytest.raises(PortInUseError):
        await pool.acquire(here, ups)
    lease = await pool.acquire(here, ups)
    assert await exchange(here.port, "NETVER\n") == b"1.3\n"
    ups.set_names("other")
    await lease.release()


async def test_owner_hears_of_the_certificate(here: ServerSettings, tmp_path: Path) -> None:
    pool = NutServers()
    heard: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
    broken = replace(
        here, tls=TlsFiles(certificate=tmp_path / "none.pem", private_key=tmp_path / "none.key")
    )
    first = await pool.acquire(
        here, NutUps(name="ups"), on_certificate=lambda err: heard.put_nowait(("first", err))
    )
    second = await pool.acquire(
        broken, NutUps(name="ups2"), on_certificate=lambda err: heard.put_nowait(("second", err))
    )
    assert await heard.get() == ("first", None)
    await first.release()
    who, err = await heard.get()
    assert who == "second"
    assert isinstance(err, CertificateError)
    second.update(replace(broken, tls=write_files(tmp_path)))
    assert await heard.get() == ("second", None)
    assert second.server.has_tls
    await second.release()
