"""Requests are those of the published schema, errors are told apart, and a real client agrees."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from proxmoxer import ProxmoxAPI  # type: ignore[import-untyped]
from proxmoxer.core import ResourceException  # type: ignore[import-untyped]
import pytest

from custom_components.omron_ups.shutdown.errors import (
    BadAnswerError,
    CredentialsRefusedError,
    RefusedError,
    RequestError,
    UnreachableError,
)
from custom_components.omron_ups.shutdown.targets.provenance import Provenance
from custom_components.omron_ups.shutdown.targets.proxmox_api import (
    REQUESTS,
    LostNodeError,
    MissingPrivilegeError,
    ParameterError,
    ProxmoxApi,
)
from custom_components.omron_ups.shutdown.targets.proxmox_rows import (
    Guest as SeenGuest,
    GuestConfig,
    guest_config,
)
from custom_components.omron_ups.shutdown.tls import Tls, Trust
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import ApiError, Guest
from tests.shutdown.fakes.proxmox_schema import CALLS, errors_of, find_call
from tests.shutdown.fakes.proxmox_tokens import PRIVILEGES, TOKEN_ID, TOKEN_SECRET, acl
from tests.shutdown.fakes.server import LOOPBACK

WEB = SeenGuest(vmid=100, kind="qemu", node="pve1", name="web", is_running=True)


@pytest.fixture
async def world() -> AsyncIterator[FakeProxmox]:
    guests = [Guest(vmid=100, node="pve1", name="web"), Guest(vmid=200, node="pve2", kind="lxc")]
    async with FakeProxmox("pve1", "pve2", guests=guests) as cluster:
        cluster.token.acl = acl(*PRIVILEGES, "Sys.Console")
        yield cluster


@pytest.fixture
async def api(world: FakeProxmox) -> AsyncIterator[ProxmoxApi]:
    server = world.servers["pve1"]
    async with aiohttp.ClientSession() as session:
        yield ProxmoxApi(
            session,
            host=LOOPBACK,
            port=server.port,
            token_id=TOKEN_ID,
            token_secret=TOKEN_SECRET,
            tls=Tls(trust=Trust.FINGERPRINT, fingerprint=server.certificate.fingerprint),
        )


async def test_every_request_is_one_of_the_schema_and_of_our_table(
    world: FakeProxmox, api: ProxmoxApi
) -> None:
    world.cluster.guests[100].ha_state = "started"
    await api.version()
    await api.privileges("/nodes/pve1")
    await api.nodes()
    await api.cluster()
    await api.guests()
    await api.live_guests("pve2")
    await api.guest_config(WEB)
    await api.storages()
    await api.disarm_ha()
    await api.ha_disarmed()
    await api.arm_ha()
    await api.start_by_ha(WEB)
    await api.shut_down(WEB, 60)
    world.cluster.guests[100].ha_state = ""
    await api.switch_off(WEB, overrule=True)
    upid = await api.stop_all("pve1", [100], 7200)
    await world.cluster.settle()
    await api.task_result("pve1", upid)
    await api.abort("pve1", await api.start_all("pve1", [100]))
    await api.tasks("pve1", "all")
    await api.wake_mac("pve1")
    await api.wake("pve2")
    await api.power_off("pve1")
    assert world.invalid == []
    sent = {
        (call.method, call.path.replace("/qemu/{vmid}", "/{kind}/{vmid}"))
        for asked in world.asked
        if (found := find_call(asked.method, asked.path.removeprefix("/api2/json")))
        for call, _ in [found]
    }
    assert sent == {(known.method, known.path) for known in REQUESTS}


def test_every_request_has_a_provenance() -> None:
    assert all(known.source for known in REQUESTS)
    assert {known.provenance for known in REQUESTS} == {Provenance.DOCUMENTED}
    assert all(known.changes == (known.method != "GET") for known in REQUESTS)


@pytest.mark.parametrize(
    ("method", "path", "params", "wrong"),
    [
        ("POST", "/nodes/pve1/stopall", {"timeout": "7201"}, {"timeout"}),
        ("POST", "/nodes/pve1/stopall", {"force_stop": "1"}, {"force_stop"}),
        ("POST", "/nodes/pve1/stopall", {"vms": "100,101", "force-stop": "1"}, set()),
        ("POST", "/nodes/pve1/stopall", {"vms": ""}, {"vms"}),
        ("POST", "/nodes/pve1/status", {"command": "poweroff"}, {"command"}),
        ("POST", "/nodes/pve1/status", {}, {"command"}),
        ("POST", "/nodes/pve1/lxc/100/status/shutdown", {"timeout": "-1"}, {"timeout"}),
        ("POST", "/nodes/pve1/qemu/99/status/stop", {}, {"vmid"}),
        ("POST", "/cluster/ha/status/disarm-ha", {"resource-mode": "off"}, {"resource-mode"}),
        ("POST", "/nodes/pve1/startall", {"force": "true"}, {"force"}),
    ],
)
def test_the_schema_refuses(
    method: str, path: str, params: dict[str, str], wrong: set[str]
) -> None:
    found = find_call(method, path)
    assert found is not None
    call, named = found
    assert errors_of(call, {**params, **named}).keys() == wrong


def test_the_schema_names_each_call_once() -> None:
    assert len({(call.method, call.path) for call in CALLS}) == len(CALLS)


@pytest.mark.parametrize(
    ("status", "expected", "outcome"),
    [
        (400, ParameterError, "refused"),
        (403, MissingPrivilegeError, "refused"),
        (500, RefusedError, "refused"),
        (501, RefusedError, "refused"),
        (595, LostNodeError, "unknown"),
        (596, LostNodeError, "unknown"),
        (599, LostNodeError, "unknown"),
    ],
)
async def test_errors_are_told_apart(
    world: FakeProxmox, api: ProxmoxApi, status: int, expected: type[RequestError], outcome: str
) -> None:
    world.errors["POST /nodes/{node}/status"] = ApiError(status, "because of this")
    with pytest.raises(expected) as caught:
        await api.power_off("pve1")
    assert type(caught.value) is expected
    assert "because of this" in str(caught.value)
    assert caught.value.reply.outcome == outcome


async def test_a_delayed_refusal_is_waited_for(world: FakeProxmox, api: ProxmoxApi) -> None:
    world.token.secret = "another"
    world.auth_delay_s = 0.2
    with pytest.raises(CredentialsRefusedError, match="401"):
        await api.version()


async def test_a_missing_privilege_is_quoted(world: FakeProxmox, api: ProxmoxApi) -> None:
    world.token.acl = acl("Sys.Audit")
    with pytest.raises(MissingPrivilegeError) as caught:
        await api.power_off("pve1")
    assert str(caught.value) == "Permission check failed (/nodes/pve1, Sys.PowerMgmt)"


async def test_a_node_behind_the_one_that_was_asked(world: FakeProxmox, api: ProxmoxApi) -> None:
    await world.servers["pve2"].stop()
    with pytest.raises(LostNodeError, match="595 No route to host"):
        await api.live_guests("pve2")


async def test_a_node_cannot_wake_itself(api: ProxmoxApi) -> None:
    with pytest.raises(RefusedError, match="cannot wake my self"):
        await api.wake("pve1")


async def test_a_host_that_is_off(world: FakeProxmox, api: ProxmoxApi) -> None:
    await world.servers["pve1"].stop()
    with pytest.raises(UnreachableError):
        await api.version()


async def test_an_answer_that_is_not_proxmox(
    world: FakeProxmox, api: ProxmoxApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(*_: object) -> aiohttp.web.Response:
        return aiohttp.web.json_response(["hello"])

    monkeypatch.setattr(world.servers["pve1"], "answer", answer)
    with pytest.raises(BadAnswerError):
        await api.version()


async def test_guests_are_read(world: FakeProxmox, api: ProxmoxApi) -> None:
    world.cluster.guests[100].lock = "migrate"
    world.cluster.guests[100].ha_state = "started"
    web, other = await api.guests()
    assert (web.label, web.sid, web.lock) == ("VM 100 (web)", "vm:100", "migrate")
    assert (other.label, other.sid, other.node) == ("CT 200 (guest200)", "ct:200", "pve2")
    assert (web.is_managed, other.is_managed) == (True, False)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, GuestConfig(order=2**63 - 1, down_s=None, starts_on_boot=False)),
        (
            {"startup": "order=3,up=30,down=240", "onboot": 1},
            GuestConfig(order=3, down_s=240, starts_on_boot=True),
        ),
        ({"startup": "down=0"}, GuestConfig(order=2**63 - 1, down_s=0, starts_on_boot=False)),
    ],
)
def test_startup_options_are_read(config: dict[str, object], expected: GuestConfig) -> None:
    assert guest_config(config) == expected


@pytest.fixture
def client(world: FakeProxmox) -> ProxmoxAPI:
    """Return what Home Assistant's own integration uses."""
    user, _, name = TOKEN_ID.partition("!")
    return ProxmoxAPI(
        LOOPBACK,
        port=world.servers["pve1"].port,
        user=user,
        token_name=name,
        token_value=TOKEN_SECRET,
        verify_ssl=False,
    )


async def test_proxmoxer_looks_around(world: FakeProxmox, client: ProxmoxAPI) -> None:
    def look() -> tuple[object, ...]:
        return (
            client.version.get()["release"],
            [node["node"] for node in client.nodes.get()],
            [guest["vmid"] for guest in client.cluster.resources.get(type="vm")],
            client.access.permissions.get(path="/nodes/pve1")["/nodes/pve1"]["Sys.PowerMgmt"],
            client.nodes("pve1").qemu(100).status.current.get()["status"],
            [guest["vmid"] for guest in client.nodes("pve2").lxc.get()],
        )

    seen = await asyncio.to_thread(look)
    assert seen == ("9.2", ["pve1", "pve2"], [100, 200], 1, "running", [200])
    assert world.invalid == []


async def test_proxmoxer_stops_all_and_follows_the_task(
    world: FakeProxmox, client: ProxmoxAPI
) -> None:
    node = client.nodes("pve1")
    upid = await asyncio.to_thread(
        lambda: node.stopall.post(**{"vms": "100", "force-stop": 0, "timeout": 60})
    )
    await world.cluster.settle()
    status = await asyncio.to_thread(node.tasks(upid).status.get)
    assert (status["status"], status["exitstatus"]) == ("stopped", "OK")
    assert not world.cluster.guests[100].is_running
    assert await asyncio.to_thread(lambda: node.status.post(command="shutdown")) is None
    assert world.invalid == []


async def test_proxmoxer_meets_the_same_errors(world: FakeProxmox, client: ProxmoxAPI) -> None:
    await world.servers["pve2"].stop()
    with pytest.raises(ResourceException) as caught:
        await asyncio.to_thread(client.nodes("pve2").lxc.get)
    assert caught.value.status_code == 595
    with pytest.raises(ResourceException) as caught:
        await asyncio.to_thread(lambda: client.nodes("pve1").stopall.post(timeout=9999))
    assert (caught.value.status_code, list(caught.value.errors)) == (400, ["timeout"])
    world.token.secret = "another"
    with pytest.raises(ResourceException) as caught:
        await asyncio.to_thread(client.version.get)
    assert caught.value.status_code == 401
