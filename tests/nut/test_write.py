"""SET and INSTCMD: what reaches the driver, who may, and who hears what came of it."""

import asyncio

import pytest

from custom_components.omron_ups.nut import (
    Account,
    AuditKind,
    AuditRecord,
    ControlArgumentError,
    ControlError,
    ControlUnknownError,
    Role,
    controls,
)
from custom_components.omron_ups.nut.tracking import Tracked, Tracking

from .shared import Client, Clock, Served, connected, credentials, exchange, password_hash

MAX_RUNNING = 16


async def identify(client: Client, user: str) -> None:
    for request in (f"USERNAME {user}", f"PASSWORD {user}pw"):
        assert await client.ask(request) == b"OK\n"


async def tracked(client: Client, request: str) -> str:
    """Send a request with tracking on; returns its id."""
    assert await client.ask("SET TRACKING ON") == b"OK\n"
    reply = (await client.ask(request)).decode()
    assert reply.startswith("OK TRACKING ")
    return reply.split()[2]


async def final_outcome(client: Client, number: str) -> str:
    """Ask until the outcome is known."""
    while (reply := await client.ask(f"GET TRACKING {number}")) == b"PENDING\n":
        pass
    return reply.decode().strip()


async def test_driver_gets_its_own_spelling_and_the_bare_value(served: Served) -> None:
    requests = 'SET VAR ups UPS.Id "a b"\nINSTCMD UPS BEEPER.toggle\nINSTCMD ups load.off ""\n'
    assert await exchange(served.port, credentials("admin") + requests) == b"OK\n" * 5
    assert served.driver.calls == [("ups.id", "a b"), ("Beeper.toggle", None), ("load.off", "")]


@pytest.mark.parametrize("has_controls", [True, False])
async def test_refusal_before_anything_has_to_wait_is_told_at_once(
    has_controls: bool, served: Served
) -> None:
    served.driver.fault = ControlError("busy")
    if not has_controls:
        served.ups.set_controls(None)
    requests = "SET TRACKING ON\nSET VAR ups ups.id x\nINSTCMD ups load.off\n"
    assert await exchange(served.port, credentials("admin") + requests) == (
        b"OK\n" * 3 + b"ERR SET-FAILED\nERR INSTCMD-FAILED\n"
    )
    assert [record.outcome for record in served.ups.audit.records] == [
        "ERR SET-FAILED",
        "ERR INSTCMD-FAILED",
    ]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (None, "SUCCESS"),
        (ControlError("no"), "ERR FAILED"),
        (ControlArgumentError("no"), "ERR INVALID-ARGUMENT"),
        (ControlUnknownError("?"), "ERR UNKNOWN"),
        (TimeoutError(), "ERR UNKNOWN"),
        (RuntimeError("planted"), "ERR UNKNOWN"),
    ],
)
async def test_outcome_is_told_to_who_tracks_and_noted(
    fault: Exception | None, outcome: str, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.driver.waits = True
    served.driver.fault = fault
    async with connected(served.port) as client:
        await identify(client, "admin")
        number = await tracked(client, "INSTCMD ups load.off")
        assert await client.ask(f"GET TRACKING {number}") == b"PENDING\n"
        served.driver.go.set()
        assert await final_outcome(client, number) == outcome
    handed_over, *later = served.ups.audit.records
    assert handed_over.outcome == f"OK TRACKING {number}"
    assert [record.outcome for record in later] == ([outcome] if fault else [])
    assert ("planted" in caplog.text) is isinstance(fault, RuntimeError)


async def test_slow_ups_ends_as_unknown(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "_LIMIT_S", 0.0)
    served.driver.waits = True
    async with connected(served.port) as client:
        await identify(client, "admin")
        number = await tracked(client, "INSTCMD ups load.off")
        assert await final_outcome(client, number) == "ERR UNKNOWN"


async def test_request_handed_over_outlives_its_client(served: Served) -> None:
    served.driver.waits = True
    done = asyncio.Event()
    served.driver.on_set = lambda _name, _value: done.set()
    async with connected(served.port) as client:
        await identify(client, "admin")
        assert await client.ask("SET VAR ups ups.id x") == b"OK\n"
    served.driver.go.set()
    await asyncio.wait_for(done.wait(), 5)


async def test_requests_do_not_pile_up_behind_a_slow_ups(served: Served) -> None:
    served.driver.waits = True
    replies = await exchange(served.port, credentials("admin") + "INSTCMD ups load.off\n" * 20)
    assert replies == b"OK\n" * (2 + MAX_RUNNING) + b"ERR INSTCMD-FAILED\n" * (20 - MAX_RUNNING)
    served.driver.go.set()
    replies = await exchange(served.port, credentials("admin") + "INSTCMD ups load.off\n")
    assert replies == b"OK\nOK\nOK\n"


@pytest.mark.parametrize("name", ["outlet.switch", "Outlet.1.switch"])
async def test_outlet_variable_needs_the_right_to_switch(name: str, served: Served) -> None:
    for may, reply in ((False, b"ERR ACCESS-DENIED\n"), (True, b"ERR VAR-NOT-SUPPORTED\n")):
        served.ups.set_accounts(
            [
                Account(
                    username="admin",
                    password_hash=password_hash("adminpw"),
                    role=Role.ADMIN,
                    may_switch_output=may,
                )
            ]
        )
        replies = await exchange(served.port, f"{credentials('admin')}SET VAR ups {name} off\n")
        assert replies == b"OK\nOK\n" + reply


async def test_tracking_id_is_of_use_to_nobody_else(served: Served) -> None:
    async with connected(served.port) as client, connected(served.port) as other:
        await identify(client, "admin")
        number = await tracked(client, "INSTCMD ups load.off")
        await identify(other, "sec")
        assert await other.ask("SET TRACKING ON") == b"OK\n"
        assert await other.ask(f"GET TRACKING {number}") == b"ERR UNKNOWN\n"
        async with connected(served.port) as liar:
            for request in ("USERNAME admin", "PASSWORD wrong", "SET TRACKING ON"):
                assert await liar.ask(request) == b"OK\n"
            assert await liar.ask(f"GET TRACKING {number}") == b"ERR UNKNOWN\n"
        async with connected(served.port) as again:
            await identify(again, "admin")
            assert await again.ask(f"GET TRACKING {number}") == b"ERR FEATURE-NOT-CONFIGURED\n"
            assert await again.ask("SET TRACKING ON") == b"OK\n"
            assert await again.ask(f"GET TRACKING {number}") == b"SUCCESS\n"
        served.ups.set_accounts(())
        assert await client.ask(f"GET TRACKING {number}") == b"SUCCESS\n"


async def test_tracking_ids_last_an_hour_and_are_bounded(served: Served) -> None:
    clock = Clock()
    tracking = Tracking(clock=clock)
    entry = Tracked(
        ups=served.ups,
        account=Account(username="u", password_hash=password_hash("p")),
        connection=object(),
    )
    first = tracking.add(entry)
    clock.now += 3600
    assert tracking.find(first) is entry
    clock.now += 0.1
    assert tracking.find(first) is None
    ids = [tracking.add(entry) for _ in range(3000)]
    assert len(set(ids)) == 3000
    assert len(tracking._kept) == 1024
    assert tracking.find(ids[0]) is None
    assert tracking.find(ids[-1]) is entry


async def test_commands_are_noted_and_who_listens_is_told(served: Served) -> None:
    heard: list[AuditRecord] = []
    undo = served.ups.audit.subscribe(heard.append)
    requests = "LOGIN ups\nPRIMARY ups\nSET VAR ups ups.id a\nINSTCMD ups load.off 5\nFSD UPS\n"
    await exchange(served.port, credentials("admin") + requests)
    undo()
    await exchange(served.port, f"{credentials('sec')}FSD ups\n")
    await exchange(served.port, "USERNAME evil\nPASSWORD x\nLOGIN ups\n")
    records = [(r.kind, r.username, r.ups, r.detail, r.outcome) for r in served.ups.audit.records]
    granted = [
        (AuditKind.SET, "admin", "ups", "ups.id a", "OK"),
        (AuditKind.INSTCMD, "admin", "ups", "load.off 5", "OK"),
        (AuditKind.FSD, "admin", "UPS", "", "OK FSD-SET"),
    ]
    assert records == [
        *granted,
        (AuditKind.FSD, "sec", "ups", "", "ERR ACCESS-DENIED"),
        (AuditKind.LOGIN, "evil", "ups", "", "ERR ACCESS-DENIED"),
    ]
    assert [(r.kind, r.username, r.ups, r.detail, r.outcome) for r in heard] == granted
    assert {str(record.address) for record in heard} == {"127.0.0.1"}


async def test_guesses_push_no_command_out_of_the_audit(served: Served) -> None:
    await exchange(served.port, f"{credentials('admin')}INSTCMD ups load.off\n")
    await exchange(served.port, f"{credentials('sec')}" + "FSD ups\n" * 300)
    records = served.ups.audit.records
    assert len(records) == 101
    assert (records[0].kind, records[0].outcome) == (AuditKind.INSTCMD, "OK")


async def test_endless_names_are_noted_in_short(served: Served) -> None:
    name = "x" * 500
    await exchange(served.port, f"USERNAME {name}\nPASSWORD y\nSET VAR ups {name} {name}\n")
    (record,) = served.ups.audit.records
    assert record.username == "x" * 64
    assert len(record.detail) == 64
