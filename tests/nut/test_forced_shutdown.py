"""FSD from inside, per name, and the wait for those who obey it."""

import asyncio

import pytest

from custom_components.omron_ups.nut import ForcedShutdown, InvalidNameError

from .shared import Served, connected, exchange, until

GET_STATUS = "GET VAR {} ups.status\n"


async def status(served: Served, name: str) -> str:
    reply = await exchange(served.port, GET_STATUS.format(name))
    return reply.decode().split('"')[1]


async def test_fsd_is_set_and_cleared_per_name(served: Served) -> None:
    served.ups.set_names("ups", ["QnapUps"])
    served.ups.set_forced_shutdown("qnapups")
    assert served.ups.forced_shutdowns == ("QnapUps",)
    assert await status(served, "QNAPUPS") == "FSD OL"
    assert await status(served, "ups") == "OL"
    assert b'"FSD OL"' in await exchange(served.port, "LIST VAR qnapups\n")
    assert b"FSD" not in await exchange(served.port, "LIST VAR ups\nLIST UPS\n")
    served.ups.clear_forced_shutdown("QNAPUPS")
    assert await status(served, "qnapups") == "OL"
    assert b"FSD" not in await exchange(served.port, "LIST VAR qnapups\n")
    assert not served.ups.is_forced_shutdown("qnapups")


async def test_fsd_of_a_name_that_goes_does_not_come_back_with_it(served: Served) -> None:
    served.ups.set_names("ups", ["nas"])
    served.ups.set_forced_shutdown("nas")
    served.ups.set_names("ups")
    served.ups.set_names("ups", ["nas"])
    assert await status(served, "nas") == "OL"


async def test_fsd_stays_without_data(served: Served) -> None:
    served.ups.set_forced_shutdown("ups")
    served.ups.disconnect()
    served.ups.publish({"ups.status": "OB LB"}, read_at=served.clock.now)
    assert await status(served, "ups") == "FSD OB LB"


async def test_unknown_name_is_no_name_to_shut_down(served: Served) -> None:
    with pytest.raises(InvalidNameError, match="nope"):
        served.ups.set_forced_shutdown("nope")
    with pytest.raises(InvalidNameError, match="nope"):
        await served.ups.host_sync("nope", timeout_s=0)
    served.ups.clear_forced_shutdown("nope")


async def test_listener_hears_each_fsd_of_a_client_and_none_of_ours(served: Served) -> None:
    heard: list[ForcedShutdown] = []
    undo = served.ups.subscribe_forced_shutdown(heard.append)
    served.ups.set_forced_shutdown("ups")
    async with connected(served.port) as client:
        await client.log_in("mon")
        for _ in range(2):
            assert await client.ask("FSD UPS") == b"OK FSD-SET\n"
        undo()
        assert await client.ask("FSD ups") == b"OK FSD-SET\n"
    assert [(request.name, request.username) for request in heard] == [("ups", "mon")] * 2
    assert str(heard[0].address) == "127.0.0.1"


async def test_host_sync_ends_when_the_last_of_the_name_has_gone(served: Served) -> None:
    served.ups.set_names("ups", ["nas"])
    async with (
        connected(served.port) as first,
        connected(served.port) as second,
        connected(served.port) as other,
    ):
        await first.log_in(name="NAS")
        await second.log_in(name="nas")
        await other.log_in(name="ups")
        sync = asyncio.create_task(served.ups.host_sync("nas", timeout_s=3600))
        first.writer.write_eof()
        await until(served.ups, lambda: served.ups.logins == 2)
        assert not sync.done()
        second.writer.write_eof()
        async with asyncio.timeout(5):
            assert await sync == ()
        assert [client.name for client in served.ups.clients] == ["ups"]


async def test_host_sync_tells_who_is_left_when_time_is_up(served: Served) -> None:
    async with connected(served.port) as client:
        await client.log_in()
        (left,) = await served.ups.host_sync("UPS", timeout_s=0.01)
        assert (str(left.address), left.username) == ("127.0.0.1", "sec")
    await until(served.ups, lambda: not served.ups.clients)
    assert await served.ups.host_sync("ups", timeout_s=0) == ()
    assert served.ups._logins._subscribers == []
