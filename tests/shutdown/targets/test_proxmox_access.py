"""A node's certificate changes, and the other nodes vouch for it, or do not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from custom_components.omron_ups.shutdown.models import HostState, Outcome
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import Guest
from tests.shutdown.fakes.proxmox_tokens import acl
from tests.shutdown.fakes.server import LOOPBACK

from .proxmox_rig import CONTEXT, peer, step, target_of


@pytest.fixture
async def world() -> AsyncIterator[FakeProxmox]:
    async with FakeProxmox("pve1", "pve2", guests=[Guest(vmid=100, node="pve1")]) as cluster:
        yield cluster
        assert cluster.invalid == []


def posted(world: FakeProxmox, name: str) -> list[str]:
    return [str(asked) for asked in world.servers[name].asked if asked.method == "POST"]


async def test_a_new_certificate_that_a_peer_lists_is_adopted(world: FakeProxmox) -> None:
    world.cluster.nodes["pve1"].ignores_poweroff = True
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        renewed = await world.servers["pve1"].renew_certificate("pve1 renewed")
        reply = await target.send(step(target, "node"), CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED
        assert target.learned_options == {"tls_fingerprint": renewed.fingerprint}
        learned: dict[str, Any] = dict(target.learned_options)
    assert posted(world, "pve1") == ["POST /api2/json/nodes/pve1/status"]
    async with target_of(world, **learned) as target:
        assert (await target.observe()).state is HostState.UP, "nobody has to vouch for it again"
        assert target.learned_options == {}


async def test_without_a_peer_it_is_not(world: FakeProxmox) -> None:
    async with target_of(world) as target:
        renewed = await world.servers["pve1"].renew_certificate("pve1 renewed")
        reply = await target.send(step(target, "node"), CONTEXT)
        findings = await target.preflight()
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert posted(world, "pve1") == []
    told = next(f for f in findings if f.key == "target_identity_changed")
    assert renewed.fingerprint in told.placeholders["detail"]
    assert target.learned_options == {}


async def test_a_peer_whose_own_certificate_has_changed_vouches_for_nobody(
    world: FakeProxmox,
) -> None:
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        await world.servers["pve1"].renew_certificate("pve1 renewed")
        await world.servers["pve2"].renew_certificate("pve2 renewed")
        reply = await target.send(step(target, "node"), CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert world.asked == [], "neither was shown the token"


async def test_somebody_in_between_is_not_vouched_for(world: FakeProxmox) -> None:
    """The peer lists the node's own certificate, not the one that is shown."""
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        honest = world.servers["pve1"].certificate
        shown = await world.servers["pve1"].renew_certificate("somebody else")
        world.servers["pve1"].certificate = honest
        assert shown.fingerprint != honest.fingerprint
        reply = await target.send(step(target, "node"), CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert posted(world, "pve1") == []


async def test_the_node_vouches_for_its_peers_in_fair_weather(world: FakeProxmox) -> None:
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        await world.servers["pve2"].renew_certificate("pve2 renewed")
        assert (await target.wake()).outcome is Outcome.REFUSED
        assert target.learned_options == {}
        await target.preflight()
        assert (await target.wake()).outcome is Outcome.ACCEPTED
        assert target.learned_options == {"peers": [peer(world, "pve2")]}


async def test_the_cluster_tells_who_could_be_a_peer(world: FakeProxmox) -> None:
    """All nodes of the fake have one address; real ones have one each, and the same port."""
    server, other = world.servers["pve1"], world.servers["pve2"].certificate.fingerprint
    async with target_of(world) as target:
        assert target.suggested_options == {}
        await target.preflight()
        assert target.suggested_options == {"peers": [f"pve2 {LOOPBACK}:{server.port} {other}"]}
        assert not target.can_wake, "nobody has agreed yet"
    authority: Any = {"tls_trust": "authority", "tls_authority": server.certificate.pem}
    async with target_of(world, **authority) as target:
        await target.preflight()
        assert target.suggested_options == {"peers": [f"pve2 {LOOPBACK}:{server.port}"]}
    async with target_of(world, peers=[peer(world, "pve2")]) as target:
        await target.preflight()
        assert target.suggested_options == {}


async def test_without_the_privilege_nobody_is_suggested(world: FakeProxmox) -> None:
    world.token.acl = acl("Sys.PowerMgmt", "VM.PowerMgmt", "VM.Audit")
    async with target_of(world) as target:
        await target.preflight()
        assert target.suggested_options == {}


async def test_a_pasted_authority_survives_renewals(world: FakeProxmox) -> None:
    server = world.servers["pve1"]
    authority: Any = {"tls_trust": "authority", "tls_authority": server.certificate.pem}
    async with target_of(world, **authority) as target:
        assert (await target.observe()).state is HostState.UP
        await server.renew_certificate("signed by nobody we know")
        reply = await target.send(step(target, "node"), CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert posted(world, "pve1") == []


async def test_the_first_peer_that_answers_is_enough(world: FakeProxmox) -> None:
    nobody = f"pve3 {LOOPBACK}:1 {world.servers['pve2'].certificate.fingerprint}"
    async with target_of(world, peers=[nobody, peer(world, "pve2")]) as target:
        reply = await target.wake()
    assert reply.outcome is Outcome.ACCEPTED
    assert str(world.servers["pve2"].port) in reply.detail


async def test_a_peer_that_hangs_delays_nobody(world: FakeProxmox) -> None:
    """Most of them may be off by then, and a call has 20 s."""
    silent = await asyncio.start_server(lambda *_: None, LOOPBACK, 0)
    port = silent.sockets[0].getsockname()[1]
    fingerprint = world.servers["pve2"].certificate.fingerprint
    hanging = [f"pve{number} {LOOPBACK}:{port} {fingerprint}" for number in (3, 4, 5)]
    async with target_of(world, peers=[*hanging, peer(world, "pve2")]) as target:
        async with asyncio.timeout(4):
            assert (await target.wake()).outcome is Outcome.ACCEPTED
    silent.close()


async def test_a_peer_of_another_name_does_not_inherit_the_name_of_the_node(
    world: FakeProxmox,
) -> None:
    async with target_of(world, peers=[peer(world, "pve2")], tls_name="pve1.lan") as target:
        [other] = target._options.peers
        api = target._api._peer_api(other)
        expected = replace(target._options.tls, fingerprint=other.fingerprint, server_name="")
        assert api._http._tls == expected
