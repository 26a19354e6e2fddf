"""FSD from inside, per name."""

import pytest

from custom_components.omron_ups.nut import ForcedShutdown, InvalidNameError

from .shared import Served, connected, exchange

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
