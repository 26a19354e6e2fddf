"""Guests are started again, and single ones stopped while their nodes stay on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from custom_components.omron_ups.shutdown.models import HostState, Outcome
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets import proxmox_guests
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import ApiError, Guest
from tests.shutdown.fakes.proxmox_tokens import PRIVILEGES, acl

from .proxmox_rig import CONTEXT, peer, step, target_of

WEB = 100
DNS = 101


def guests(node: str = "pve1") -> list[Guest]:
    return [
        Guest(vmid=WEB, node=node, name="web"),
        Guest(vmid=DNS, node=node, name="dns", kind="lxc"),
        Guest(vmid=900, node=node, name="golden", is_template=True, is_running=False),
    ]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxmox_guests, "_LOOK_EVERY_S", 0.001)


@pytest.fixture
async def world() -> AsyncIterator[FakeProxmox]:
    async with FakeProxmox("pve1", "pve2", guests=guests()) as cluster:
        yield cluster
        assert cluster.invalid == [], "requests that the API schema does not allow"


def is_running(world: FakeProxmox) -> dict[int, bool]:
    return {vmid: guest.is_running for vmid, guest in world.cluster.guests.items()}


async def test_restored_before_the_point_of_no_return(world: FakeProxmox) -> None:
    world.cluster.guests[102] = Guest(vmid=102, node="pve1", is_running=False)
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        reply = await target.restore((step(target, "guests"),))
        await world.cluster.settle()
        assert is_running(world) == {WEB: True, DNS: True, 900: False, 102: False}
        again = await target.restore((step(target, "guests"),))
    assert reply.outcome is Outcome.ACCEPTED
    assert again.outcome is Outcome.NOTHING_TO_DO


async def test_restored_guests_that_are_still_shutting_down(world: FakeProxmox) -> None:
    """Started too early they would go off a moment later, and stopall would go on."""
    world.cluster.guests[WEB].stop_delay_s = 50
    world.cluster.guests[102] = Guest(vmid=102, node="pve1", startup="order=1")
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await target.restore((step(target, "guests"),))
        await world.cluster.settle()
    assert is_running(world) == {WEB: True, DNS: True, 900: False, 102: True}
    stopped = [t.id for t in world.cluster.tasks.values() if t.type == "qmshutdown"]
    assert "102" not in stopped, "stopall was ended before it came to the next group"


async def test_restored_as_far_as_possible_and_called_again(
    world: FakeProxmox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is short: a guest that takes minutes to shut down is started by a later one."""
    monkeypatch.setattr(proxmox_guests, "_SHUTDOWNS_LIMIT_S", 0.05)
    world.cluster.second = 0.01
    world.cluster.guests[WEB].stop_delay_s = 170
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await asyncio.sleep(0.01)
        reply = await target.restore((step(target, "guests"),))
        assert reply.outcome is Outcome.UNKNOWN
        assert "still shuts down" in reply.detail
        await world.cluster.settle()
        assert is_running(world) == {WEB: False, DNS: True, 900: False}
        reply = await target.restore((step(target, "guests"),))
        await world.cluster.settle()
    assert reply.outcome is Outcome.ACCEPTED
    assert is_running(world) == {WEB: True, DNS: True, 900: False}


async def test_restored_after_a_restart_of_ours(world: FakeProxmox) -> None:
    """The node's list of tasks tells whom our token stopped last."""
    world.cluster.guests[102] = Guest(vmid=102, node="pve1", is_running=False)
    world.cluster.guests[103] = Guest(vmid=103, node="pve1")
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
    somebody = "root@pam"
    world.cluster.start_guest(world.cluster.guests[103], somebody)
    await world.cluster.settle()
    world.cluster.shutdown_guest(world.cluster.guests[103], somebody, 60, force=False)
    await world.cluster.settle()
    async with target_of(world) as anew:
        await anew.restore((step(anew, "guests"),))
        await world.cluster.settle()
    assert is_running(world) == {WEB: True, DNS: True, 900: False, 102: False, 103: False}


async def test_restored_what_a_person_stops_between_two_plans_stays_off(world: FakeProxmox) -> None:
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        await target.restore((step(target, "guests"),))
        await world.cluster.settle()
        world.cluster.guests[WEB].is_running = False
        second = StopContext(plan_id="plan-2", reason=CONTEXT.reason, time_left_s=100)
        await target.send(step(target, "guests"), second)
        await world.cluster.settle()
        await target.restore((step(target, "guests"),))
        await world.cluster.settle()
    assert is_running(world) == {WEB: False, DNS: True, 900: False}


async def test_restored_what_is_off_since_the_plan_before(world: FakeProxmox) -> None:
    """Another outage came before all were back, and its plan found only some of them running."""
    second = replace(CONTEXT, plan_id="plan-2")
    async with target_of(world) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        world.cluster.start_guest(world.cluster.guests[WEB], "root@pam")
        await world.cluster.settle()
        await target.send(step(target, "guests"), second)
        await world.cluster.settle()
        assert is_running(world) == {WEB: False, DNS: False, 900: False}
        await target.restore((step(target, "guests"),))
        await world.cluster.settle()
    assert is_running(world) == {WEB: True, DNS: True, 900: False}


async def test_restored_after_the_node_came_back(world: FakeProxmox) -> None:
    """Its own autostart does not retry, and knows only guests that start at boot."""
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        await target.send(step(target, "guests"), CONTEXT)
        await world.cluster.settle()
        await target.send(step(target, "node"), CONTEXT)
        await world.cluster.settle()
        assert not world.cluster.nodes["pve1"].is_on
        assert await target.is_ready() is False
        assert target.can_wake
        assert (await target.wake()).outcome is Outcome.ACCEPTED
        await world.cluster.settle()
        assert await target.is_ready() is True
        assert not any(is_running(world).values())
        await target.restore(target.steps)
        await world.cluster.settle()
    assert is_running(world) == {WEB: True, DNS: True, 900: False}
    woken = [str(a) for a in world.servers["pve2"].asked if "wakeonlan" in a.path]
    assert woken == ["POST /api2/json/nodes/pve1/wakeonlan"]


async def test_restored_nobody_can_wake_it(world: FakeProxmox) -> None:
    world.cluster.nodes["pve1"].mac = ""
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        assert (await target.wake()).outcome is Outcome.REFUSED
    async with target_of(world) as alone:
        assert not alone.can_wake


async def test_restored_without_a_step_of_ours_nothing_is_touched(world: FakeProxmox) -> None:
    async with target_of(world) as target:
        reply = await target.restore((step(target, "node"),))
    assert reply.outcome is Outcome.NOTHING_TO_DO
    assert world.changes == []


async def test_single_machines_and_containers_are_asked_gently(world: FakeProxmox) -> None:
    world.cluster.guests[102] = Guest(vmid=102, node="pve1")
    async with target_of(world, scope="guests", guests=["100", "101"]) as target:
        assert [s.key for s in target.steps] == ["guests"]
        reply = await target.send(target.steps[0], CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED
        await world.cluster.settle()
        seen = await target.observe()
        assert target.has_own_evidence
    assert (seen.state, seen.is_conclusive) == (HostState.DOWN, True)
    assert is_running(world) == {WEB: False, DNS: False, 900: False, 102: True}
    assert sorted(world.changes) == [
        "POST /nodes/pve1/lxc/101/status/shutdown",
        "POST /nodes/pve1/qemu/100/status/shutdown",
    ]


async def test_single_a_container_that_is_off_already(world: FakeProxmox) -> None:
    path = "POST /nodes/{node}/lxc/{vmid}/status/shutdown"
    world.errors[path] = ApiError(500, "CT 101 not running")
    async with target_of(world, scope="guests", guests=["101"]) as target:
        reply = await target.send(target.steps[0], CONTEXT)
    assert reply.outcome is Outcome.NOTHING_TO_DO


async def test_single_what_does_not_obey_is_up_until_it_is_switched_off(world: FakeProxmox) -> None:
    world.cluster.guests[WEB].obeys = False
    async with target_of(world, scope="guests", guests=["100"]) as target:
        await target.send(target.steps[0], CONTEXT)
        assert (await target.observe()).state is HostState.GOING
        await world.cluster.settle()
        assert (await target.observe()).state is HostState.UP
        await target.escalate(target.steps[0], CONTEXT)
        await world.cluster.settle()
        assert (await target.observe()).state is HostState.DOWN


async def test_single_a_paused_machine_refuses(world: FakeProxmox) -> None:
    world.cluster.guests[WEB].is_paused = True
    async with target_of(world, scope="guests", guests=["100"]) as target:
        reply = await target.send(target.steps[0], CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert "VM 100 (web)" in reply.detail
    assert "paused" in reply.detail


async def test_single_a_guest_that_nobody_knows_is_never_off(world: FakeProxmox) -> None:
    world.cluster.guests[DNS].is_running = False
    async with target_of(world, scope="guests", guests=["101", "777"]) as target:
        assert (await target.observe()).state is HostState.UP


async def test_single_on_a_node_that_does_not_answer(world: FakeProxmox) -> None:
    """HTTP 595: the node that was asked lost the other one."""
    world.cluster.guests[200] = Guest(vmid=200, node="pve2")
    async with target_of(world, scope="guests", guests=["200"]) as target:
        await world.servers["pve2"].stop()
        seen = await target.observe()
        reply = await target.send(target.steps[0], CONTEXT)
    assert seen.state is HostState.UNKNOWN
    assert "595" in seen.evidence
    assert reply.outcome is Outcome.UNKNOWN


async def test_single_what_ha_wants_stopped_is_wanted_again(world: FakeProxmox) -> None:
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    guest = world.cluster.guests[WEB]
    guest.ha_state = "started"
    async with target_of(world, scope="guests", guests=["100"]) as target:
        await target.send(target.steps[0], CONTEXT)
        await world.cluster.settle()
        assert (guest.is_running, guest.ha_state) == (False, "stopped")
        reply = await target.wake()
    assert reply.outcome is Outcome.ACCEPTED
    assert (guest.is_running, guest.ha_state) == (True, "started")


async def test_single_without_the_right_it_says_what_a_person_must_do(world: FakeProxmox) -> None:
    guest = world.cluster.guests[WEB]
    guest.ha_state = "started"
    async with target_of(world, scope="guests", guests=["100"]) as target:
        await target.send(target.steps[0], CONTEXT)
        await world.cluster.settle()
        reply = await target.wake()
    assert reply.outcome is Outcome.REFUSED
    assert "Sys.Console" in reply.detail
    assert "VM 100 (web)" in reply.detail


async def test_single_a_guest_of_ha_is_switched_off_without_overruling(world: FakeProxmox) -> None:
    """HA does not take the parameter."""
    guest = world.cluster.guests[WEB]
    guest.ha_state = "started"
    guest.obeys = False
    async with target_of(world, scope="guests", guests=["100"]) as target:
        reply = await target.escalate(target.steps[0], CONTEXT)
        await world.cluster.settle()
    assert reply.outcome is Outcome.ACCEPTED
    assert not guest.is_running
    stops = [dict(asked.params) for asked in world.asked if asked.path.endswith("/status/stop")]
    assert stops == [{}]


async def test_single_they_are_back_when_they_run(world: FakeProxmox) -> None:
    async with target_of(world, scope="guests", guests=["100", "101"]) as target:
        await target.send(target.steps[0], CONTEXT)
        await world.cluster.settle()
        assert await target.is_ready() is False
        assert target.can_wake
        await target.wake()
        await world.cluster.settle()
        assert await target.is_ready() is True
