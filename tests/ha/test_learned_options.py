"""What a target finds out by itself is stored, and what it suggests is filled in."""

from collections.abc import AsyncIterator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.shutdown.models import HostState
from tests.ha.common import MockConfigEntry, eventually
from tests.ha.plan import PART, add_target, begin_flow, plan_of, submit, suggestions
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import Guest
from tests.shutdown.targets.proxmox_rig import options, peer


@pytest.fixture
async def world(socket_enabled: None) -> AsyncIterator[FakeProxmox]:
    """Return a cluster of two nodes."""
    async with FakeProxmox("pve1", "pve2", guests=[Guest(vmid=100, node="pve1")]) as cluster:
        yield cluster


async def test_a_renewed_certificate_that_a_peer_vouches_for_survives_a_restart(
    hass: HomeAssistant, loaded: MockConfigEntry, world: FakeProxmox
) -> None:
    known = options(world, peers=[peer(world, "pve2")])
    renewed = await world.servers["pve1"].renew_certificate("pve1 renewed")
    owner = await add_target(hass, loaded, "proxmox", "pve1", known)
    await eventually(
        lambda: (
            loaded.subentries[owner].data["options"]
            == {**known, "tls_fingerprint": renewed.fingerprint}
        )
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    await world.servers["pve2"].stop()
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    (target,) = plan_of(loaded).runner._run.targets.values()
    await target.open()
    assert (await target.observe()).state is HostState.UP, "nobody is left to vouch for it"
    assert target.learned_options == {}


async def test_what_the_user_changes_meanwhile_counts(
    hass: HomeAssistant, loaded: MockConfigEntry, world: FakeProxmox
) -> None:
    known = options(world, peers=[peer(world, "pve2")])
    owner = await add_target(hass, loaded, "proxmox", "pve1", known)
    await hass.async_block_till_done(wait_background_tasks=True)
    service = plan_of(loaded)
    target = service._targets[owner]
    await world.servers["pve1"].renew_certificate("pve1 renewed")
    await target.observe()
    assert target.learned_options
    changed = {**known, "guest_limit": 60}
    subentry = loaded.subentries[owner]
    # The listener of the entry runs later: the target is still the old one.
    hass.config_entries.async_update_subentry(
        loaded, subentry, data={**subentry.data, "options": changed}
    )
    service._keep_learned()
    assert loaded.subentries[owner].data["options"] == changed
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_the_form_fills_in_the_other_nodes(
    hass: HomeAssistant, loaded: MockConfigEntry, world: FakeProxmox
) -> None:
    entered = options(world)
    del entered["tls_fingerprint"]
    form = await begin_flow(hass, loaded, "proxmox")
    form = await submit(hass, form, {"name": "pve1", **entered, "scope": "node", "advanced": {}})
    form = await submit(hass, form, {})
    if form["step_id"] == "check":
        form = await submit(hass, form, {"save_anyway": True})
    await submit(hass, form, {"stage": 50, "time_limit": 300, **PART})
    (owner,) = loaded.subentries
    stored = loaded.subentries[owner].data["options"]
    assert [text.split()[0] for text in stored["peers"]] == ["pve2"]
    form = await begin_flow(hass, loaded, "proxmox", owner)
    assert suggestions(form)["peers"] == stored["peers"]
