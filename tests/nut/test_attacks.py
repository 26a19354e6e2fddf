"""Attacks that hurt the real upsd, or a server without our limits, and what they do to ours.

Those on TLS and on the number of connections are with their own tests.
"""

import asyncio
from dataclasses import replace

import pytest

from .shared import LIMITS, Client, Served, connected, credentials, exchange, serving

SHORT_S = 0.05


async def read_tracking_of_another(port: int) -> bytes:
    """Ask with a wrong password for what became of an admin's command."""
    async with connected(port) as admin, connected(port) as stranger:
        for request in ("USERNAME admin", "PASSWORD adminpw", "SET TRACKING ON"):
            assert await admin.ask(request) == b"OK\n"
        number = (await admin.ask("INSTCMD ups load.off")).decode().split()[2]
        await outcome(admin, number)
        for request in ("USERNAME admin", "PASSWORD wrong", "SET TRACKING ON"):
            assert await stranger.ask(request) == b"OK\n"
        return await outcome(stranger, number)


async def outcome(client: Client, number: str) -> bytes:
    while (reply := await client.ask(f"GET TRACKING {number}")) == b"PENDING\n":
        pass
    return reply


async def test_stranger_reads_the_tracking_ids_of_upsd_but_not_ours(
    served: Served, upsd: int
) -> None:
    assert await read_tracking_of_another(upsd) == b"SUCCESS\n"
    assert await read_tracking_of_another(served.port) == b"ERR UNKNOWN\n"


async def test_long_name_makes_upsd_lose_the_end_of_a_line_but_not_us(
    served: Served, upsd: int
) -> None:
    request = f"GET DESC ups {'x' * 500}\nNETVER\n"
    assert b"\n1.3\n" not in await exchange(upsd, request)
    assert await exchange(served.port, request) == b"ERR INVALID-ARGUMENT\n1.3\n"


async def test_command_behind_logout_is_executed_by_upsd_but_not_by_us(
    served: Served, upsd: int
) -> None:
    request = f"{credentials('sec')}LOGOUT\nNETVER\n"
    assert (await exchange(upsd, request)).endswith(b"OK Goodbye\n1.3\n")
    assert (await exchange(served.port, request)).endswith(b"OK Goodbye\n")


async def guess(port: int, count: int) -> int:
    """Guess passwords on as many connections; returns how many were answered in a while."""

    async def one(number: int) -> None:
        await exchange(port, f"USERNAME mon\nPASSWORD {number}\nLOGIN ups\n")

    guesses = [asyncio.create_task(one(number)) for number in range(count)]
    done, pending = await asyncio.wait(guesses, timeout=2)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return len(done)


@pytest.mark.parametrize("naive", [True, False])
async def test_passwords_cannot_be_guessed_side_by_side(naive: bool) -> None:
    limits = replace(LIMITS, failed_credentials_delay_s=0.0 if naive else 1000.0)
    async with serving(limits) as served:
        assert await guess(served.port, 5) == (5 if naive else 0)
        assert await exchange(served.port, "NETVER\n") == b"1.3\n"
        assert not served.ups.clients


@pytest.mark.parametrize("naive", [True, False])
async def test_request_that_never_ends_does_not_keep_its_place(naive: bool) -> None:
    limits = replace(LIMITS, request_s=1000.0 if naive else SHORT_S, idle_s=1000.0)
    async with serving(limits) as served, connected(served.port) as slow:
        for _ in range(20):
            slow.writer.write(b"x")
            await asyncio.sleep(SHORT_S / 5)
        assert served.server.statistics.connections == (1 if naive else 0)


@pytest.mark.parametrize("naive", [True, False])
async def test_right_that_is_missing_costs_time_too(naive: bool) -> None:
    """A known account must not flood the log with refused commands."""
    limits = replace(LIMITS, failed_credentials_delay_s=0.0 if naive else 1000.0)
    async with serving(limits) as served:
        flood = asyncio.create_task(
            exchange(served.port, credentials("sec") + "FSD ups\n" * 50 + "LOGOUT\n")
        )
        await asyncio.wait([flood], timeout=1)
        assert len(served.ups.audit.records) == (50 if naive else 0)
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        assert served.ups.forced_shutdowns == ()
