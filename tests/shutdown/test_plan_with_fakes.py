"""The whole plan with the real kinds of targets, their fakes on loopback, hours in moments."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, override

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.models import PlanState, Power, PowerView, TargetState
from custom_components.omron_ups.shutdown.ports import Network, Ports
from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import (
    NOT_IN_PLAN,
    Plan,
    Restore,
    TargetSpec,
    Triggers,
    Verify,
    WakeOnLan,
)
from custom_components.omron_ups.shutdown.target import Target
from custom_components.omron_ups.shutdown.targets.proxmox import ProxmoxTarget
from custom_components.omron_ups.shutdown.targets.qnap import QnapTarget
from custom_components.omron_ups.shutdown.targets.synology import SynologyTarget

from .bench import Disk, Durations, LoopClock, NoFeeds
from .fakes import patient_time, qnap, synology
from .fakes.proxmox import FakeProxmox
from .fakes.proxmox_cluster import Guest
from .fakes.qnap import FakeQnap
from .fakes.server import LOOPBACK
from .fakes.synology import FakeSynology
from .targets.proxmox_rig import options as proxmox_options, peer

MAINS = PowerView(power=Power.MAINS, charge=100.0)
BATTERY = PowerView(power=Power.BATTERY, charge=95.0, charge_low=30.0, runtime_s=7200.0)
BOOT_S = 60.0


@dataclass
class Host:
    """What the network knows of a machine."""

    is_serving: Callable[[], bool]
    is_on: Callable[[], bool]
    power_on: Callable[[], Awaitable[None]]


@dataclass
class Lan(Network):
    """Looks at the fakes and wakes them; writes down who began to answer and to be silent."""

    hosts: dict[str, Host] = field(default_factory=dict)
    woken: list[str] = field(default_factory=list)
    _booting: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @override
    async def is_open(self, address: str, port: int) -> bool:
        return self.hosts[address].is_serving()

    @override
    async def answers_ping(self, address: str) -> bool | None:
        return self.hosts[address].is_on()

    @override
    async def send_wake(self, wake: WakeOnLan) -> None:
        if wake.mac in self._booting or self.hosts[wake.mac].is_on():
            return
        self.woken.append(wake.mac)
        self._booting[wake.mac] = asyncio.create_task(self._boot(wake.mac))

    async def _boot(self, name: str) -> None:
        await asyncio.sleep(BOOT_S)
        await self.hosts[name].power_on()
        del self._booting[name]


def spec(name: str, kind: str, stage: int, options: Any, uses: tuple[str, ...] = ()) -> TargetSpec:
    return TargetSpec(
        target_id=name,
        name=name,
        kind=kind,
        stage=stage,
        time_limit_s=300.0,
        verify=Verify(address=name, ports=(443,), grace_s=10.0),
        wake=WakeOnLan(mac=name),
        uses=frozenset(uses),
        options=options,
    )


@dataclass
class Homelab:
    """Two nodes with guests on two NAS boxes."""

    cluster: FakeProxmox
    qnap: FakeQnap
    synology: FakeSynology
    lan: Lan
    runner: Runner
    view: PowerView = MAINS

    async def wait(self, seconds: float) -> None:
        """Let time pass, with a reading every second."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            self.runner.handle_power(self.view)
            await asyncio.sleep(1.0)

    async def wait_for(self, condition: Callable[[], bool], limit_s: float = 3600.0) -> None:
        """Let time pass until something is so."""
        until = asyncio.get_running_loop().time() + limit_s
        while not condition():
            assert asyncio.get_running_loop().time() < until, self.runner.target_states
            await self.wait(1.0)

    def are_on(self, *names: str) -> set[bool]:
        """Return whether hosts are on."""
        return {self.lan.hosts[name].is_on() for name in names}

    def states(self) -> set[TargetState]:
        """Return the states that any target is in."""
        return set(self.runner.target_states.values())


def targets_of(lab: Any, session: aiohttp.ClientSession) -> dict[str, Target]:
    """Return the targets of a homelab."""
    cluster, nas, disk = lab
    tls = {"tls_trust": "fingerprint"}
    account = {
        "host": LOOPBACK,
        "port": nas.port,
        "username": qnap.USERNAME,
        "password": qnap.PASSWORD,
        "tls_fingerprint": nas.certificate.fingerprint,
        **tls,
    }
    other = {
        "host": LOOPBACK,
        "port": disk.port,
        "username": synology.USERNAME,
        "password": synology.PASSWORD,
        "tls_fingerprint": disk.certificate.fingerprint,
        **tls,
    }
    storage = ("nas", "diskstation")
    first = proxmox_options(cluster, "pve1", peers=[peer(cluster, "pve2")])
    second = proxmox_options(cluster, "pve2", peers=[peer(cluster, "pve1")])
    made: tuple[Target, ...] = (
        ProxmoxTarget(spec("pve1", "proxmox", 30, first, storage), session),
        ProxmoxTarget(spec("pve2", "proxmox", 30, second, storage), session),
        QnapTarget(spec("nas", "qnap", 50, account), session),
        SynologyTarget(spec("diskstation", "synology", 50, other), session),
    )
    return {target.spec.target_id: target for target in made}


def lan_of(cluster: FakeProxmox, *boxes: FakeQnap | FakeSynology) -> Lan:
    """Return the network of a homelab."""
    hosts = {
        box.name: Host(
            lambda box=box: box.is_serving,  # type: ignore[misc]
            lambda box=box: box.is_on,  # type: ignore[misc]
            box.power_on,
        )
        for box in boxes
    }
    for name, node in cluster.cluster.nodes.items():
        hosts[name] = Host(
            lambda node=node: node.server.is_serving,  # type: ignore[misc]
            lambda node=node: node.is_on,  # type: ignore[misc]
            lambda name=name: cluster.cluster.power_on(name),  # type: ignore[misc]
        )
    return Lan(hosts=hosts)


@asynccontextmanager
async def homelab() -> AsyncIterator[Homelab]:
    guests = [
        Guest(vmid=100, node="pve1", name="web", stop_delay_s=20),
        Guest(vmid=101, node="pve1", name="dns", kind="lxc", stop_delay_s=3, onboot=True),
        Guest(vmid=102, node="pve1", name="off", is_running=False),
        Guest(vmid=200, node="pve2", name="deaf", obeys=False),
    ]
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            FakeProxmox("pve1", "pve2", guests=guests, second=1.0)
        )
        for node in cluster.cluster.nodes.values():
            node.os_stop_s = 15.0
        nas = await stack.enter_async_context(FakeQnap("nas", second=1.0))
        disk = await stack.enter_async_context(FakeSynology("diskstation", second=1.0))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        )
        targets = targets_of((cluster, nas, disk), session)
        lan = lan_of(cluster, nas, disk)
        plan = Plan(
            targets=tuple(target.spec for target in targets.values()),
            triggers=Triggers(time_on_battery_s=60.0, margin_below_s=None),
            restore=Restore(mains_stable_s=30.0),
            home_assistant_host=NOT_IN_PLAN,
        )
        ports = Ports(
            clock=LoopClock(),
            network=lan,
            journal=Disk(),
            durations=Durations(),
            feeds=NoFeeds(),
            output=None,
        )
        runner = Runner(plan, targets, ports)
        await runner.start()
        yield Homelab(cluster, nas, disk, lan, runner)
        await runner.stop()
        assert cluster.invalid == []


def on_patient_time(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Let a coroutine be a test."""

    def run() -> None:
        async def main() -> None:
            await test()

        patient_time.run(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@pytest.mark.timeout(120)
@on_patient_time
async def test_disarmed_nothing_is_changed_anywhere() -> None:
    """Neither by an outage to its end, nor by checks, rehearsals or a dry run."""
    async with homelab() as lab:
        assert await lab.runner.check_targets() == []
        report = await lab.runner.rehearse()
        assert report is not None
        await lab.runner.start_shutdown(dry_run=True)
        await lab.wait(60)
        lab.view = BATTERY
        await lab.wait(400)
        lab.view = PowerView(power=Power.BATTERY, charge=10.0, charge_low=30.0, low=True)
        await lab.wait(100)
        assert lab.runner.state is PlanState.WAITING
        lab.view = MAINS
        await lab.wait(200)
        assert lab.cluster.changes == []
        assert {asked.path for asked in lab.qnap.asked} == {qnap.LOGIN}
        asked = {asked.params["method"] for asked in lab.synology.asked}
        assert asked <= {"query", "login", "info", "logout"}
        assert lab.lan.woken == []


@pytest.mark.timeout(120)
@on_patient_time
async def test_an_outage_and_the_way_back() -> None:
    async with homelab() as lab:
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = BATTERY
        nodes = lab.cluster.cluster.nodes
        await lab.wait_for(lambda: lab.are_on("pve1", "pve2") == {False})
        assert lab.are_on("nas", "diskstation") == {True}, "the storage waits for its users"
        await lab.wait_for(lambda: lab.states() == {TargetState.DOWN})
        assert lab.are_on("nas", "diskstation") == {False}
        counts = (lab.qnap.shutdowns, lab.synology.shutdowns)
        assert (*counts, *(node.poweroffs for node in nodes.values())) == (1, 1, 1, 1)
        stopped = {g.vmid: g.was_killed for g in lab.cluster.cluster.guests.values()}
        assert stopped == {100: False, 101: False, 102: False, 200: True}

        lab.view = MAINS
        await lab.wait_for(lambda: lab.are_on("nas", "diskstation") == {True})
        assert lab.are_on("pve1", "pve2") == {False}, "the storage comes first"
        await lab.wait(120)
        assert lab.are_on("pve1", "pve2") == {False}, "the NAS is still booting"
        lab.qnap.is_booting = False
        await lab.wait_for(lambda: lab.states() == {TargetState.BACK})
        await lab.wait(30)
        assert sorted(lab.lan.woken[:2]) == ["diskstation", "nas"]
        assert sorted(lab.lan.woken[2:]) == ["pve1", "pve2"]
        runs = {g.vmid: g.is_running for g in lab.cluster.cluster.guests.values()}
        assert runs == {100: True, 101: True, 102: False, 200: True}
        assert lab.runner.state is PlanState.IDLE


@pytest.mark.timeout(120)
@on_patient_time
async def test_power_that_returns_while_guests_are_stopping() -> None:
    """Before the point of no return: nothing is switched off, and all run again."""
    async with homelab() as lab:
        lab.cluster.cluster.guests[100].stop_delay_s = 100
        lab.runner.set_armed(True)
        await lab.wait(20)
        lab.view = BATTERY
        guests = lab.cluster.cluster.guests
        await lab.wait_for(lambda: not guests[101].is_running)
        lab.view = MAINS
        await lab.wait_for(lambda: lab.runner.state is PlanState.IDLE)
        await lab.wait(300)
        assert {g.vmid: g.is_running for g in guests.values()} == {
            100: True,
            101: True,
            102: False,
            200: True,
        }
        assert [node.poweroffs for node in lab.cluster.cluster.nodes.values()] == [0, 0]
        assert (lab.qnap.shutdowns, lab.synology.shutdowns) == (0, 0)
