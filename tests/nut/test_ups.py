"""What a UPS keeps for the network, and the names it goes by."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from custom_components.omron_ups.nut import (
    InvalidNameError,
    LoggedIn,
    NameTakenError,
    NutUps,
    Writable,
)
from custom_components.omron_ups.nut.directory import Directory

from .shared import Clock, Served, connected, credentials, exchange, until


@pytest.fixture
def ups() -> NutUps:
    ups = NutUps(name="ups", aliases=("qnapups", "UPS", "qnapups"), clock=Clock())
    ups.publish({"ups.load": "1"}, read_at=1000.0)
    return ups


def test_name_and_aliases_are_kept_once(ups: NutUps) -> None:
    assert ups.name == "ups"
    assert ups.names == ("ups", "qnapups")


@pytest.mark.parametrize("name", ["", "a b", 'a"', "ü", "a\n", "-x", "x" * 65, "../x"])
def test_name_that_no_client_could_send_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        NutUps(name=name)
    with pytest.raises(InvalidNameError):
        NutUps(name="ups", aliases=(name,))


def test_variables_are_found_in_any_case(ups: NutUps) -> None:
    variable = ups.variable("UPS.Load")
    assert variable is not None
    assert (variable.name, variable.value, variable.writable) == ("ups.load", "1", None)
    assert ups.variable("ups.none") is None


def test_names_that_no_client_could_ask_for_are_left_out(ups: NutUps) -> None:
    ups.publish({"a b": "1", 'c"': "2", "": "3", "d.e": "4"}, read_at=1000.0)
    ups.declare(commands=["x y", "beeper.mute"])
    assert [variable.name for variable in ups.variables] == ["d.e"]
    assert ups.commands == ("beeper.mute",)


def test_blocks_are_made_anew_only_after_a_change(ups: NutUps) -> None:
    made = []

    def block() -> bytes:
        made.append(b"")
        return b"%d" % len(made)

    assert [ups.prepared(("k",), block) for _ in range(2)] == [b"1", b"1"]
    ups.publish({"ups.load": "1"}, read_at=1001.0)
    assert ups.prepared(("k",), block) == b"1"
    ups.publish({"ups.load": "2"}, read_at=1002.0)
    assert ups.prepared(("k",), block) == b"2"
    ups.declare(writable={"UPS.LOAD": Writable(max_length=4)})
    assert ups.prepared(("k",), block) == b"3"


def test_blocks_of_many_spellings_do_not_pile_up(ups: NutUps) -> None:
    for number in range(200):
        ups.prepared((f"{number}",), lambda: b"")
        assert len(ups._blocks) <= 64


def test_published_mapping_may_change_afterwards(ups: NutUps) -> None:
    variables = {"ups.load": "5"}
    ups.publish(variables, read_at=1000.0)
    variables["ups.load"] = "6"
    ups.publish(variables, read_at=1000.0)
    variable = ups.variable("ups.load")
    assert variable is not None
    assert variable.value == "6"


async def test_aliases_serve_the_same_ups_and_share_its_logins(served: Served) -> None:
    served.ups.set_names("ups", ["qnapups"])
    async with connected(served.port) as client, connected(served.port) as other:
        await client.log_in(name="QNAPUPS")
        await other.log_in(name="ups")
        assert await other.ask("GET NUMLOGINS ups") == b"NUMLOGINS ups 2\n"
        assert await other.ask("GET NUMLOGINS qnapups") == b"NUMLOGINS qnapups 2\n"
        assert [client.name for client in served.ups.clients] == ["qnapups", "ups"]
        assert {str(client.address) for client in served.ups.clients} == {"127.0.0.1"}
        assert {client.username for client in served.ups.clients} == {"sec"}
    listing = await exchange(served.port, "LIST UPS\n")
    assert b"UPS ups " in listing
    assert b"qnapups" not in listing


async def test_change_of_names_drops_only_logins_under_a_name_that_is_gone(
    served: Served,
) -> None:
    served.ups.set_names("ups", ["qnapups"])
    async with connected(served.port) as kept, connected(served.port) as dropped:
        await kept.log_in(name="ups")
        await dropped.log_in(name="qnapups")
        served.ups.set_names("UPS", ["ups2"])
        assert await dropped.rest() == b""
        assert await kept.ask("GET NUMLOGINS ups2") == b"NUMLOGINS ups2 1\n"
        assert await kept.ask("GET NUMLOGINS qnapups") == b"ERR UNKNOWN-UPS\n"


def test_names_are_unique_on_a_server_whatever_their_case(ups: NutUps) -> None:
    directory = Directory()
    undo = directory.add(ups)
    other = NutUps(name="other")
    with pytest.raises(NameTakenError):
        directory.add(NutUps(name="x", aliases=("QnapUps",)))
    with pytest.raises(NameTakenError):
        directory.add(ups)
    directory.add(other)
    with pytest.raises(NameTakenError):
        other.set_names("other", ["UPS"])
    assert other.names == ("other",)
    undo()
    undo()
    other.set_names("other", ["UPS"])
    assert directory.find("ups") is other
    assert directory.upses == [other]


def test_names_of_a_ups_that_left_do_not_bind_the_server(ups: NutUps) -> None:
    directory = Directory()
    undo = directory.add(ups)
    undo()
    directory.add(NutUps(name="other"))
    ups.set_names("other")
    assert ups.name == "other"


async def test_72_removed_ups_closes_its_logins_and_nobody_else(served: Served) -> None:
    undo = served.server.add_ups(served.upses.setdefault("x", NutUps(name="x")))
    served.upses["x"].set_accounts(served.ups.accounts._accounts)
    async with connected(served.port) as client, connected(served.port) as other:
        await client.log_in(name="x")
        await other.log_in(name="ups")
        undo()
        assert await client.rest() == b""
        assert await other.ask("LIST VAR x") == b"ERR UNKNOWN-UPS\n"
        assert served.upses["x"].clients == ()


async def test_subscribers_hear_of_each_login_until_they_leave(served: Served) -> None:
    heard: list[int] = []
    undo = served.ups.subscribe(lambda: heard.append(len(served.ups.clients)))
    await exchange(served.port, f"{credentials('sec')}LOGIN ups\n")
    await until(served.ups, lambda: not served.ups.clients)
    assert heard == [1, 0]
    undo()
    undo()
    await exchange(served.port, f"{credentials('sec')}LOGIN ups\n")
    await until(served.ups, lambda: not served.ups.clients)
    assert heard == [1, 0]


def test_login_is_counted_out_once(ups: NutUps) -> None:
    heard: list[int] = []
    ups.subscribe(lambda: heard.append(len(ups.clients)))
    client = LoggedIn(
        address=ip_address("192.0.2.7"), name="ups", username="u", since=datetime.now(UTC)
    )
    log_out = ups.log_in(client, scope=object(), drop=lambda: None)
    assert ups.clients == (client,)
    log_out()
    log_out()
    assert heard == [1, 0]


async def test_accounts_see_only_their_own_ups(served: Served) -> None:
    served.upses["stale"].set_accounts(())
    replies = await exchange(served.port, f"{credentials('sec')}LOGIN stale\nLOGIN ups\n")
    assert replies == b"OK\nOK\nERR ACCESS-DENIED\nOK\n"
