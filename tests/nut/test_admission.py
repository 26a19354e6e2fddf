"""Who gets a place when there are few."""

from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address

import pytest

from custom_components.omron_ups.nut import AuditKind, NutServer
from custom_components.omron_ups.nut.admission import Admission

from .shared import (
    ELSEWHERE,
    LIMITS,
    Served,
    connected,
    connected_from,
    exchange,
    serving,
    settings,
    until,
)

HERE = ip_address("127.0.0.1")


async def attacked(served: Served, stack: AsyncExitStack) -> None:
    """Take every place that a stranger gets."""
    for _ in range(20):
        client = await stack.enter_async_context(connected_from("127.0.0.2", served.port))
        try:
            if not await client.ask("NETVER"):
                return
        except ConnectionResetError:
            return
    pytest.fail("every connection was let in")


@pytest.mark.parametrize("naive", [True, False])
async def test_upsmon_finds_a_place_although_strangers_took_all_others(naive: bool) -> None:
    limits = replace(LIMITS, connections=10, reserved_connections=0 if naive else 3)
    async with serving(limits) as served, AsyncExitStack() as stack:
        async with connected(served.port) as host:
            await host.log_in()
        await until(served.ups, lambda: not served.ups.clients)
        await attacked(served, stack)
        async with connected(served.port) as host:
            # It lost its connection and comes back from the same address.
            if naive:
                assert await host.closed()
            else:
                await host.log_in()


async def test_one_address_leaves_places_to_others() -> None:
    limits = replace(LIMITS, connections=20, connections_per_address=5)
    async with serving(limits) as served, AsyncExitStack() as stack:
        await attacked(served, stack)
        assert served.server.statistics.connections == 5
        assert await exchange(served.port, "NETVER\n") == b"1.3\n"


async def test_reserve_is_at_most_half_of_all_places() -> None:
    limits = replace(LIMITS, connections=4, reserved_connections=1000)
    admission = Admission(settings(limits), None)
    assert [admission.enter(HERE) for _ in range(3)] == [True, True, False]
    admission.remember(HERE)
    assert [admission.enter(HERE) for _ in range(3)] == [True, True, False]
    admission.leave(HERE)
    assert admission.enter(HERE)


def test_known_addresses_do_not_pile_up() -> None:
    admission = Admission(settings(), None)
    for number in range(600):
        admission.remember(ip_address(number))
        admission.remember(HERE)
        assert len(admission._known) <= 256
    assert HERE in admission._known


async def test_reported_addresses_do_not_pile_up() -> None:
    admission = Admission(replace(settings(), allowed_networks=()), lambda _address: None)
    for number in range(600):
        assert not admission.enter(ip_address(number))
        assert len(admission._reported) <= 256


async def test_refused_address_is_noted_once_per_settings() -> None:
    server = NutServer(replace(settings(), allowed_networks=ELSEWHERE))
    await server.start()
    try:
        for _ in range(2):
            async with connected(server.port) as client:
                assert await client.closed()
        (record,) = server.audit.records
        assert (record.kind, record.address, record.username) == (AuditKind.ADDRESS, HERE, None)
        assert not record.granted
    finally:
        await server.close()
