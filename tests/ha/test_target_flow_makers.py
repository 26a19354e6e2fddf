"""The forms of kinds of makers: a credential is checked before it is stored."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from tests.ha.common import LOOPBACK, MockConfigEntry
from tests.ha.plan import PART, act, begin_flow, submit, suggestions
from tests.shutdown.fakes import qnap, synology
from tests.shutdown.fakes.kubernetes import FakeKubernetes
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import Guest
from tests.shutdown.targets import kubernetes_rig, proxmox_rig

pytestmark = pytest.mark.usefixtures("socket_enabled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """One kind behind its imitation."""

    options: dict[str, Any]
    secret: str
    """The field of the credential."""
    changes: Callable[[], Sequence[object]]
    """The requests that were to change something."""
    wrong: str = "wrong-5ecret"


@asynccontextmanager
async def proxmox_maker() -> AsyncIterator[Maker]:
    async with FakeProxmox("pve1", guests=[Guest(vmid=100, node="pve1")]) as world:
        options = {**proxmox_rig.options(world), "scope": "node"}
        yield Maker(options=options, secret="token_secret", changes=lambda: world.changes)


@asynccontextmanager
async def qnap_maker() -> AsyncIterator[Maker]:
    async with qnap.FakeQnap() as nas:
        options = {
            "host": LOOPBACK,
            "port": nas.port,
            "username": qnap.USERNAME,
            "password": qnap.PASSWORD,
            "tls_trust": "fingerprint",
        }
        yield Maker(options=options, secret="password", changes=lambda: [None] * nas.shutdowns)


@asynccontextmanager
async def synology_maker() -> AsyncIterator[Maker]:
    async with synology.FakeSynology() as nas:
        options = {
            "host": LOOPBACK,
            "port": nas.port,
            "username": synology.USERNAME,
            "password": synology.PASSWORD,
            "tls_trust": "fingerprint",
        }
        yield Maker(options=options, secret="password", changes=lambda: [None] * nas.shutdowns)


@asynccontextmanager
async def kubernetes_maker() -> AsyncIterator[Maker]:
    async with FakeKubernetes("cp1", "worker1") as cluster:
        cluster.world.add_volume("data")
        cluster.world.add_pod("db-0", claims=("data",))
        options = kubernetes_rig.options(cluster)
        yield Maker(options=options, secret="token", changes=lambda: cluster.changes, wrong="a.b.c")


MAKERS: dict[str, Callable[[], AbstractAsyncContextManager[Maker]]] = {
    "proxmox": proxmox_maker,
    "qnap": qnap_maker,
    "synology": synology_maker,
    "kubernetes": kubernetes_maker,
}


async def send(
    hass: HomeAssistant, form: dict[str, Any], maker: Maker, **changes: Any
) -> dict[str, Any]:
    """Send the first form, and confirm the certificate if that is asked for."""
    entered = {**maker.options, "name": "host", "advanced": {}, **changes}
    entered.pop("tls_fingerprint", None)
    form = await submit(hass, form, entered)
    return await submit(hass, form, {}) if form["step_id"] == "identity" else form


@pytest.mark.parametrize("kind", MAKERS)
async def test_a_credential_is_checked_before_it_is_stored(
    hass: HomeAssistant, loaded: MockConfigEntry, kind: str
) -> None:
    async with MAKERS[kind]() as maker:
        form = await begin_flow(hass, loaded, kind)
        form = await send(hass, form, maker, **{maker.secret: maker.wrong})
        assert form["step_id"] == "check"
        told = form["description_placeholders"]["findings"]
        assert "refuses the credential" in told
        assert maker.wrong not in told
        form = await submit(hass, form, {"save_anyway": False})
        assert form["step_id"] == "user"
        assert maker.wrong not in str(suggestions(form))
        form = await send(hass, form, maker)
        assert form["step_id"] == "plan", "nothing is wrong any more"
        part = dict(PART)
        if kind == "kubernetes":
            del part["verify"]
        done = await submit(hass, form, {"stage": 50, "time_limit": 300, **part})
        assert done["type"] is FlowResultType.CREATE_ENTRY
        (target,) = loaded.subentries.values()
        assert target.data["options"][maker.secret] == maker.options[maker.secret]
        await hass.async_block_till_done(wait_background_tasks=True)
        preview = await act(hass, "preview_shutdown")
        (row,) = preview["timeline"]["targets"]
        assert (row["kind"], row["estimate"]) == (kind, "configured")
        assert row["takes_s"] >= 300.0
        assert maker.changes() == []


@pytest.mark.parametrize("kind", MAKERS)
async def test_the_words_of_the_check_are_those_of_the_user(
    hass: HomeAssistant, loaded: MockConfigEntry, kind: str
) -> None:
    hass.config.language = "ja"
    async with MAKERS[kind]() as maker:
        form = await begin_flow(hass, loaded, kind)
        assert "実機では未確認です" in form["description_placeholders"]["confirmation"]
        form = await send(hass, form, maker, **{maker.secret: maker.wrong})
        assert "資格情報を拒否しました" in form["description_placeholders"]["findings"]


async def test_the_check_knows_the_time_limit(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """That of the kind for a new target, else the one that is stored."""
    async with MAKERS["proxmox"]() as maker:
        form = await send(hass, await begin_flow(hass, loaded, "proxmox"), maker)
        await submit(hass, form, {"stage": 50, "time_limit": 100, **PART})
        (owner,) = loaded.subentries
        form = await begin_flow(hass, loaded, "proxmox", owner)
        form = await send(hass, form, maker)
        assert "240 s > 100 s" in form["description_placeholders"]["findings"]
