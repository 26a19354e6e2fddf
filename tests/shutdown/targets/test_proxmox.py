"""Proxmox VE nodes and guests are stopped and started again; each trap of the API is one test."""

import asyncio
from collections.abc import AsyncIterator
import logging
from typing import Any

import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.models import HostState, Outcome
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets import proxmox, proxmox_guests
from custom_components.omron_ups.shutdown.targets.proxmox_options import Peer
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import ApiError, Guest
from tests.shutdown.fakes.proxmox_tokens import PRIVILEGES, TOKEN_SECRET, acl

from .proxmox_rig import CONTEXT, peer, step, target_of

WEB = 100
DNS = 101
OWN = 105


def guests(node: str = "pve1") -> list[Guest]:
    return [
        Guest(vmid=WEB, node=node, name="web"),
        Guest(vmid=DNS, node=node, name="dns", kind="lxc"),
        Guest(vmid=900, node=node, name="golden", is_template=True, is_running=False),
    ]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxmox_guests, "_LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(proxmox, "_MEMBER_LOOK_S", 0.001)


@pytest.fixture
async def world() -> AsyncIterator[FakeProxmox]:
    async with FakeProxmox("pve1", "pve2", guests=guests()) as cluster:
        yield cluster
        assert cluster.invalid == [], "requests that the API schema does not allow"


def is_running(world: FakeProxmox) -> dict[int, bool]:
    return {vmid: guest.is_running for vmid, guest in world.cluster.guests.items()}


async def test_guests_stop_first_then_the_node(world: FakeProxmox) -> None:
    async with target_of(world) as target:
        assert [s.key for s in target.steps] == ["guests", "node"]
        assert [s.irreversible for s in target.steps] == [False, True]
        assert [s.is_awaited for s in target.steps] == [True, False]
        reply = await target.send(step(target, "guests"), CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED
        await world.cluster.settle()
        assert await target.is_step_done(step(target, "guests"))
        assert not any(is_running(world).values())
        assert world.cluster.nodes["pve1"].poweroffs == 0
        reply = await target.send(step(target, "node"), CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    assert world.cluster.nodes["pve1"].poweroffs == 1
    assert world.changes == ["POST /nodes/pve1/stopall", "POST /nodes/pve1/status"]
    assert not world.servers["pve2"].asked, "each node is told itself"


async def test_a_node_without_running_guests_has_nothing_to_stop(world: FakeProxmox) -> None:
    for guest in world.cluster.guests.values():
        guest.is_running = False
    async with target_of(world) as target:
        reply = await target.send(step(target, "guests"), CONTEXT)
    assert reply.outcome is Outcome.NOTHING_TO_DO
    assert world.changes == []


async def test_guests_are_awaited_by_the_id_of_the_task(world: FakeProxmox) -> None:
    world.cluster.guests[WEB].stop_delay_s = 50
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        assert not await target.is_step_done(step(target, "guests"))
        seen = await target.observe()
        assert seen.state is HostState.GOING
        assert "stopall" in seen.evidence
        await world.cluster.settle()
        assert await target.is_step_done(step(target, "guests"))
    polled = [str(asked) for asked in world.asked if asked.path.endswith("/status")]
    assert any("UPID:pve1:" in path and ":stopall:" in path for path in polled)


async def test_all_off_but_stopall_still_at_work_is_not_done(world: FakeProxmox) -> None:
    """It deactivates their disks after the last one is off."""
    async with target_of(world) as target:
        world.cluster.guests[WEB].stop_delay_s = 50
        await target.send(step(target, "guests"), CONTEXT)
        for guest in world.cluster.guests.values():
            guest.is_running = False
        assert not await target.is_step_done(step(target, "guests"))


async def test_old_figures_of_the_cluster_are_not_believed(world: FakeProxmox) -> None:
    world.has_stale_resources = True
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        assert await target.is_step_done(step(target, "guests"))


async def test_the_guest_that_runs_us_is_left_out_of_stopall(world: FakeProxmox) -> None:
    world.cluster.guests[OWN] = Guest(vmid=OWN, node="pve1", name="haos", onboot=True)
    async with target_of(world, home_assistant_guest=OWN) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        assert is_running(world)[OWN]
        assert await target.is_step_done(step(target, "guests"))
        await target.escalate(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        assert is_running(world)[OWN]
    asked = next(asked for asked in world.asked if asked.path.endswith("/stopall"))
    assert asked.params["vms"] == f"{WEB},{DNS}"


async def test_guests_of_ha_are_left_to_their_node(world: FakeProxmox) -> None:
    """An explicit list would include them, and HA would want them stopped for good."""
    world.cluster.guests[WEB].ha_state = "started"
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        assert await target.is_step_done(step(target, "guests"))
        await target.escalate(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
    guest = world.cluster.guests[WEB]
    assert (guest.is_running, guest.ha_state) == (True, "started")


async def test_disarmed_ha_lets_its_guests_be_stopped(world: FakeProxmox) -> None:
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    world.cluster.guests[WEB].ha_state = "started"
    world.cluster.disarm_looks = 2
    async with target_of(world, disarm_ha=True) as target:
        disarm = step(target, "disarm_ha")
        assert target.steps[0] is disarm
        assert not disarm.irreversible
        assert (await target.send(disarm, CONTEXT)).outcome is Outcome.ACCEPTED
        looks = [await target.is_step_done(disarm) for _ in range(3)]
        assert looks == [False, False, True]
        assert (await target.send(disarm, CONTEXT)).outcome is Outcome.NOTHING_TO_DO
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        guest = world.cluster.guests[WEB]
        assert (guest.is_running, guest.ha_state, guest.was_killed) == (False, "started", False)
        reply = await target.restore(target.steps[:2])
        await world.cluster.settle()
    assert reply.outcome is Outcome.ACCEPTED
    assert guest.is_running
    assert world.cluster.ha_mode == ""


async def test_frozen_ha_would_end_its_guests_without_a_shutdown(world: FakeProxmox) -> None:
    """Why HA is disarmed in mode `ignore`: this is what the other mode does."""
    guest = world.cluster.guests[WEB]
    guest.ha_state = "started"
    world.cluster.ha_mode = "freeze"
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await target.send(step(target, "node"), CONTEXT)
        await world.cluster.settle()
    assert guest.was_killed


async def test_ha_stays_disarmed_until_the_last_node_is_back(world: FakeProxmox) -> None:
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    world.cluster.ha_mode = "ignore"
    await world.servers["pve2"].stop()
    async with target_of(world, disarm_ha=True) as target:
        reply = await target.restore((step(target, "disarm_ha"),))
        assert "pve2" in reply.detail
        assert world.cluster.ha_mode == "ignore"
        await world.servers["pve2"].start()
        reply = await target.restore((step(target, "disarm_ha"),))
    assert reply.outcome is Outcome.ACCEPTED
    assert world.cluster.ha_mode == ""


async def test_a_node_that_was_off_before_holds_nothing_up(world: FakeProxmox) -> None:
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    await world.servers["pve2"].stop()
    async with target_of(world, disarm_ha=True) as target:
        disarm = step(target, "disarm_ha")
        assert (await target.send(disarm, CONTEXT)).outcome is Outcome.ACCEPTED
        assert (await target.restore((disarm,))).outcome is Outcome.ACCEPTED
    assert world.cluster.ha_mode == ""


async def test_ha_that_does_not_let_go_is_not_waited_for_any_longer(
    world: FakeProxmox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    world.cluster.guests[WEB].ha_state = "started"
    world.cluster.disarm_looks = 1000
    async with target_of(world, disarm_ha=True) as target:
        disarm = step(target, "disarm_ha")
        await target.send(disarm, CONTEXT)
        assert not await target.is_step_done(disarm)
        monkeypatch.setattr(proxmox, "DISARM_LIMIT_S", 0)
        assert await target.is_step_done(disarm)
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
    assert is_running(world) == {WEB: True, DNS: False, 900: False}


async def test_without_the_right_ha_stays_armed(world: FakeProxmox) -> None:
    async with target_of(world, disarm_ha=True) as target:
        reply = await target.send(step(target, "disarm_ha"), CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert "Sys.Console" in reply.detail


async def test_ha_that_somebody_froze_is_not_armed(world: FakeProxmox) -> None:
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    world.cluster.ha_mode = "freeze"
    async with target_of(world, disarm_ha=True) as target:
        await target.restore((step(target, "disarm_ha"),))
    assert world.changes == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(403, Outcome.ACCEPTED), (500, Outcome.ACCEPTED), (401, Outcome.REFUSED)],
)
async def test_a_refused_stopall_is_no_reason_to_switch_guests_off(
    world: FakeProxmox, status: int, outcome: Outcome
) -> None:
    """Each is told by itself, unless it is the token that is not accepted."""
    world.errors["POST /nodes/{node}/stopall"] = ApiError(status, "no")
    async with target_of(world) as target:
        reply = await target.send(step(target, "guests"), CONTEXT)
        assert reply.outcome is outcome
        await world.cluster.settle()
        assert await target.is_step_done(step(target, "guests")) is (outcome is Outcome.ACCEPTED)
    assert not any(guest.was_killed for guest in world.cluster.guests.values())


@pytest.mark.parametrize("trouble", ["deaf", "paused"])
async def test_stopall_switches_off_by_itself_what_does_not_obey(
    world: FakeProxmox, trouble: str
) -> None:
    """Even if we die meanwhile."""
    guest = world.cluster.guests[WEB]
    guest.obeys, guest.is_paused = trouble != "deaf", trouble == "paused"
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        assert await target.is_step_done(step(target, "guests"))
    assert guest.was_killed


@pytest.mark.parametrize("ended", ["WARNINGS: 2", "job errors"])
async def test_a_task_that_did_not_end_with_ok_has_ended_all_the_same(
    world: FakeProxmox, ended: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The guests tell what it achieved; waiting for another word would hold the node up."""
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        for task in world.cluster.tasks.values():
            task.exitstatus = ended
        assert await target.is_step_done(step(target, "guests"))
        assert f"stopall ended with: {ended}" in caplog.text
        world.cluster.guests[WEB].is_running = True
        assert not await target.is_step_done(step(target, "guests"))


@pytest.mark.parametrize(
    ("left_s", "is_short", "expected"),
    [(1000, False, 180), (100, False, 90), (100, True, 30), (5, False, 10), (-3, False, 10)],
)
async def test_guests_get_the_time_that_the_step_has(
    world: FakeProxmox, left_s: float, is_short: bool, expected: int
) -> None:
    context = StopContext(plan_id="p", reason=CONTEXT.reason, time_left_s=left_s, is_short=is_short)
    async with target_of(world) as target:
        await target.send(step(target, "guests"), context)
    asked = next(asked for asked in world.asked if asked.path.endswith("/stopall"))
    assert asked.params["timeout"] == str(expected)


async def test_at_the_deadline_a_waiting_shutdown_is_overruled(world: FakeProxmox) -> None:
    world.cluster.second = 1.0
    world.cluster.guests[WEB].obeys = False
    world.cluster.guests[WEB].startup = "order=1,down=600"
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await asyncio.sleep(0.01)
        reply = await target.escalate(step(target, "guests"), CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED
        assert "VM 100 (web)" in reply.detail
        await world.cluster.settle()
        assert await target.is_step_done(step(target, "guests"))
    asked = next(a for a in world.asked if a.path.endswith(f"/{WEB}/status/stop"))
    assert asked.params == {"overrule-shutdown": "1"}


async def test_a_node_that_does_not_know_how_to_overrule_is_asked_without(
    world: FakeProxmox,
) -> None:
    path = "POST /nodes/{node}/qemu/{vmid}/status/stop"
    world.errors[path] = ApiError(400, "Parameter verification failed.", overrule="unknown")
    async with target_of(world) as target:
        reply = await target.escalate(step(target, "guests"), CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED, "the container was switched off"
    asked = [dict(a.params) for a in world.asked if a.path.endswith(f"/{WEB}/status/stop")]
    assert asked == [{"overrule-shutdown": "1"}, {}]


async def test_a_locked_guest_is_told_apart_and_the_plan_goes_on(world: FakeProxmox) -> None:
    world.cluster.guests[WEB].lock = "backup"
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        assert not await target.is_step_done(step(target, "guests"))
        assert "VM 100 (web)" in (await target.observe()).evidence
        await target.escalate(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        assert is_running(world) == {WEB: True, DNS: False, 900: False}
        assert (await target.send(step(target, "node"), CONTEXT)).outcome is Outcome.ACCEPTED


async def test_the_node_itself_has_no_harder_way(world: FakeProxmox) -> None:
    async with target_of(world) as target:
        reply = await target.escalate(step(target, "node"), CONTEXT)
    assert reply.outcome is Outcome.NOTHING_TO_DO
    assert world.changes == []


async def test_a_node_that_lost_the_request_still_looks_up(world: FakeProxmox) -> None:
    """Fire and forget: only looking at the host tells, and the runner sends once more."""
    world.cluster.nodes["pve1"].ignores_poweroff = True
    async with target_of(world) as target:
        reply = await target.send(step(target, "node"), CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED
        assert (await target.observe()).state is HostState.UP
        assert step(target, "node").resend_after_s is not None


async def test_a_node_that_stops_its_guests_shows_it(world: FakeProxmox) -> None:
    world.cluster.guests[WEB].stop_delay_s = 100
    async with target_of(world) as target:
        await target.send(step(target, "node"), CONTEXT)
        await asyncio.sleep(0.02)
        seen = await target.observe()
    assert seen.state is HostState.GOING
    assert "stopall" in seen.evidence


async def test_a_silent_api_is_not_a_host_that_is_off(world: FakeProxmox) -> None:
    node = world.cluster.nodes["pve1"]
    node.os_stop_s = 10_000
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        await target.send(step(target, "node"), CONTEXT)
        await world.servers["pve1"].stopped.wait()
        assert node.is_on, "the disks are not at rest yet"
        seen = await target.observe()
    assert seen.state is HostState.UNKNOWN
    assert "another node calls pve1 offline" in seen.evidence


async def test_an_api_that_refuses_us_belongs_to_a_host_that_is_up(world: FakeProxmox) -> None:
    world.token.secret = "another"
    async with target_of(world) as target:
        assert (await target.observe()).state is HostState.UP


async def test_a_host_that_is_off_was_sent_nothing(world: FakeProxmox) -> None:
    async with target_of(world) as target:
        await world.servers["pve1"].stop()
        reply = await target.send(step(target, "node"), CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)


@pytest.mark.parametrize("key", ["disarm_ha", "guests", "node"])
async def test_nothing_was_sent_if_the_host_could_not_be_asked(
    world: FakeProxmox, key: str
) -> None:
    world.errors["GET /cluster/resources"] = ApiError(599, "lost")
    world.errors["GET /cluster/ha/status/current"] = ApiError(599, "lost")
    async with target_of(world, disarm_ha=True) as target:
        reply = await target.send(step(target, key), CONTEXT)
    is_node = key == "node"
    expected = (Outcome.ACCEPTED, True) if is_node else (Outcome.UNKNOWN, False)
    assert (reply.outcome, reply.was_sent) == expected


async def test_a_guest_that_somebody_shuts_down_does_not_stop_its_node(world: FakeProxmox) -> None:
    guest = world.cluster.guests[WEB]
    guest.stop_delay_s = 100
    world.cluster.shutdown_guest(guest, "root@pam", 180, force=False)
    async with target_of(world) as target:
        assert (await target.observe()).state is HostState.UP
        assert not target.has_own_evidence


async def test_a_token_without_the_right_is_refused_in_words(world: FakeProxmox) -> None:
    world.token.acl = acl("Sys.Audit", "VM.PowerMgmt", "VM.Audit")
    async with target_of(world) as target:
        reply = await target.send(step(target, "node"), CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert "Sys.PowerMgmt" in reply.detail


async def test_rehearsal_lists_what_would_be_stopped(world: FakeProxmox) -> None:
    world.cluster.guests[OWN] = Guest(vmid=OWN, node="pve1", name="haos")
    async with target_of(world, home_assistant_guest=OWN, disarm_ha=True) as target:
        lines = await target.rehearse()
    assert lines == [
        "would disarm the cluster's HA manager",
        "would stop VM 100 (web) on pve1",
        "would stop CT 101 (dns) on pve1",
        "would leave to the end of the node: VM 105 (haos)",
        "would power off pve1",
    ]
    assert world.changes == []


async def test_looking_changes_nothing(world: FakeProxmox) -> None:
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        await target.preflight()
        await target.rehearse()
        await target.observe()
        await target.is_ready()
        await target.uses_left()
        await target.is_step_done(step(target, "guests"))
        await target.release()
        await target.reassert(step(target, "guests"))
    assert world.asked
    assert world.changes == []


async def test_the_secret_appears_nowhere(
    world: FakeProxmox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.errors["POST /nodes/{node}/status"] = ApiError(500, f"so you are {TOKEN_SECRET}")
    shown = []
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        shown += [repr(target.__dict__), repr(target.spec), repr(target._options)]
        shown.append(repr(await target.send(step(target, "node"), CONTEXT)))
        world.token.secret = "another"
        shown.append(repr(await target.preflight()))
        await world.servers["pve1"].stop()
        shown.append(repr(await target.send(step(target, "node"), CONTEXT)))
        shown.append(repr(await target.observe()))
    shown += [record.getMessage() for record in caplog.records]
    shown += [asked.query + asked.path for asked in world.asked]
    assert [text for text in shown if TOKEN_SECRET in text] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_secret": ""},
        {"token_id": "root@pam"},
        {"scope": "everything"},
        {"scope": "guests"},
        {"scope": "guests", "guests": ["web"]},
        {"guest_limit": 1},
        {"guest_limit": 9999},
        {"peers": ["pve2"]},
        {"peers": ["pve2 192.0.2.2"]},
        {"peers": ["pve2 192.0.2.2 AB:CD"]},
        {"home_assistant_guest": 7},
        {"host": ""},
    ],
)
async def test_options_that_cannot_be_used(world: FakeProxmox, wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        async with target_of(world, **wrong):
            pass
    assert TOKEN_SECRET not in str(caught.value)


def test_peers_are_read() -> None:
    texts = ("pve2 [2001:db8::2]:8007 ", "pve-3 192.0.2.3")
    peers = [(peer.node, peer.host, peer.port) for peer in map(Peer.parse, texts)]
    assert peers == [("pve2", "2001:db8::2", 8007), ("pve-3", "192.0.2.3", 8006)]
