"""The check before the day finds what would fail on it, and names the cure."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from custom_components.omron_ups.shutdown.models import Finding, Severity
from tests.shutdown.fakes.proxmox import FakeProxmox
from tests.shutdown.fakes.proxmox_cluster import Guest
from tests.shutdown.fakes.proxmox_tokens import PRIVILEGES, PVE_ADMIN, Acl, acl

from .proxmox_rig import peer, target_of

OWN = 105
ADDRESS = "target_address_is_name"


@pytest.fixture
async def world() -> AsyncIterator[FakeProxmox]:
    guests = [
        Guest(vmid=100, node="pve1", name="web"),
        Guest(vmid=101, node="pve1", name="dns", kind="lxc"),
    ]
    async with FakeProxmox("pve1", "pve2", guests=guests) as cluster:
        yield cluster
        assert cluster.invalid == []
        assert cluster.changes == []


def told(findings: list[Finding]) -> dict[tuple[str, str], Severity]:
    return {(f.key, f.placeholders["detail"]): f.severity for f in findings}


async def check(world: FakeProxmox, **options: Any) -> dict[tuple[str, str], Severity]:
    async with target_of(world, **options) as target:
        findings = list(await target.preflight())
    assert all(f.target_id == "t1" and f.placeholders["target"] == "Rack" for f in findings)
    return told(findings)


async def test_all_is_well(world: FakeProxmox) -> None:
    assert await check(world, peers=[peer(world, "pve2")]) == {}


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (acl(*PVE_ADMIN), {"Sys.PowerMgmt on /nodes/pve1": Severity.ERROR}),
        (
            acl("Sys.PowerMgmt"),
            {"VM.Audit on /vms": Severity.ERROR, "Sys.Audit on /": Severity.WARNING},
        ),
        (
            acl("Sys.PowerMgmt", "Sys.Audit", "VM.Audit"),
            {
                "VM.PowerMgmt on /vms/100": Severity.ERROR,
                "VM.PowerMgmt on /vms/101": Severity.ERROR,
            },
        ),
        (
            acl("Sys.Audit", "Sys.PowerMgmt") | acl("VM.Audit", "VM.PowerMgmt", path="/vms/100"),
            {"VM.Audit on /vms": Severity.WARNING},
        ),
        (
            {"/": dict.fromkeys(PRIVILEGES, False)},
            {
                "Sys.PowerMgmt on /nodes/pve1": Severity.ERROR,
                "VM.Audit on /vms": Severity.ERROR,
            },
        ),
    ],
    ids=["PVEAdmin lacks it", "no guests", "no power over guests", "one guest", "not propagated"],
)
async def test_the_missing_privilege_is_named(
    world: FakeProxmox, granted: Acl, missing: Mapping[str, Severity]
) -> None:
    world.token.acl = granted
    found = await check(world)
    assert found == {("proxmox_privilege_missing", words): how for words, how in missing.items()}


async def test_a_token_with_its_privileges_separated_has_none(world: FakeProxmox) -> None:
    """The default of new tokens: good, and without any right."""
    world.token.acl = {}
    assert await check(world) == {
        ("proxmox_privilege_missing", "Sys.PowerMgmt on /nodes/pve1"): Severity.ERROR,
        ("proxmox_privilege_missing", "Sys.Audit on /"): Severity.WARNING,
        ("proxmox_privilege_missing", "VM.Audit on /vms"): Severity.ERROR,
    }


async def test_disarming_needs_more(world: FakeProxmox) -> None:
    found = await check(world, disarm_ha=True)
    assert found == {("proxmox_privilege_missing", "Sys.Console on /"): Severity.ERROR}
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    assert await check(world, disarm_ha=True) == {}


async def test_a_wrong_token_is_one_finding_and_one_request(world: FakeProxmox) -> None:
    """Proxmox VE delays each refusal by 3 s; and nobody tries a wrong one again."""
    world.token.secret = "another"
    world.auth_delay_s = 0.05
    [(key, detail)] = await check(world)
    assert key == "target_credentials_refused"
    assert "401" in detail
    assert [str(asked) for asked in world.asked] == ["GET /api2/json/version"]


async def test_a_host_that_is_off(world: FakeProxmox) -> None:
    await world.servers["pve1"].stop()
    [(key, _)] = await check(world)
    assert key == "target_unreachable"


async def test_an_address_should_be_a_number(world: FakeProxmox) -> None:
    found = await check(world, host="localhost")
    assert found[ADDRESS, "localhost"] is Severity.WARNING


async def test_a_node_that_is_not_there(world: FakeProxmox) -> None:
    async with target_of(world) as target:
        world.cluster.nodes["pve9"] = world.cluster.nodes.pop("pve1")
        world.cluster.nodes["pve9"].name = "pve9"
        found = told(list(await target.preflight()))
    assert found["proxmox_node_unknown", "pve1: pve2, pve9"] is Severity.ERROR


async def test_the_address_of_another_node(world: FakeProxmox) -> None:
    """Sent through it the request is lost if that one stops first."""
    other = world.servers["pve2"]
    found = await check(world, port=other.port, tls_fingerprint=other.certificate.fingerprint)
    assert found == {("proxmox_other_node", "127.0.0.1: pve2"): Severity.ERROR}


async def test_guests_of_ha_are_shown(world: FakeProxmox) -> None:
    world.cluster.guests[100].ha_state = "started"
    world.token.acl = acl(*PRIVILEGES, "Sys.Console")
    found = await check(world)
    assert found == {("proxmox_guest_managed", "VM 100 (web)"): Severity.WARNING}
    assert await check(world, disarm_ha=True) == {}
    world.cluster.guests[100].ha_state = "ignored"
    assert await check(world) == {}


async def test_ha_that_was_left_disarmed_is_shown(world: FakeProxmox) -> None:
    world.cluster.ha_mode = "ignore"
    assert await check(world) == {("proxmox_ha_disarmed", "ignore"): Severity.WARNING}


async def test_locked_guests_are_shown(world: FakeProxmox) -> None:
    world.cluster.guests[101].lock = "backup"
    found = await check(world)
    assert found == {("proxmox_guest_locked", "CT 101 (dns): backup"): Severity.WARNING}


async def test_guests_that_nobody_knows(world: FakeProxmox) -> None:
    found = await check(world, scope="guests", guests=["100", "777"])
    assert found == {("proxmox_guest_unknown", "777"): Severity.ERROR}
    found = await check(world, home_assistant_guest=778)
    assert found == {("proxmox_guest_unknown", "778"): Severity.ERROR}


async def test_the_rights_on_single_guests(world: FakeProxmox) -> None:
    world.token.acl = acl("Sys.Audit") | acl("VM.Audit", path="/vms/100")
    found = await check(world, scope="guests", guests=["100", "101"])
    assert found == {
        ("proxmox_guest_unknown", "101"): Severity.ERROR,
        ("proxmox_privilege_missing", "VM.PowerMgmt on /vms/100"): Severity.ERROR,
        ("proxmox_privilege_missing", "VM.Audit on /vms/101"): Severity.ERROR,
    }


async def test_the_guest_that_runs_us_needs_time_and_must_come_back(world: FakeProxmox) -> None:
    """Proxmox VE grants 180 s, Home Assistant takes 210 s at worst."""
    own = world.cluster.guests[OWN] = Guest(vmid=OWN, node="pve1", name="haos")
    found = await check(world, home_assistant_guest=OWN)
    assert found == {
        ("proxmox_own_guest_time", "VM 105 (haos)"): Severity.WARNING,
        ("proxmox_own_guest_boot", "VM 105 (haos)"): Severity.WARNING,
    }
    own.startup, own.onboot = "order=1,down=240", True
    assert await check(world, home_assistant_guest=OWN) == {}


STORAGES: dict[str, dict[str, object]] = {
    "nas": {"type": "nfs", "server": "192.0.2.30", "export": "/share"},
    "portal": {"type": "iscsi", "portal": "192.0.2.31:3260", "target": "iqn.2004-04.example"},
    "six": {"type": "iscsi", "portal": "[2001:db8::7]:3260", "target": "iqn.2004-04.example"},
    "vg": {"type": "lvm", "vgname": "vg", "base": "portal:0.0.0.scsi-1"},
    "local-lvm": {"type": "lvmthin", "vgname": "pve"},
}


@pytest.mark.parametrize(
    ("disks", "servers"),
    [
        ({"scsi0": "nas:105/vm-105-disk-0.qcow2,size=32G"}, {"192.0.2.30"}),
        ({"virtio1": "portal:0.0.1.scsi-2,size=32G"}, {"192.0.2.31"}),
        ({"sata0": "six:0.0.1.scsi-2,size=32G"}, {"2001:db8::7"}),
        ({"efidisk0": "vg:vm-105-disk-0,size=4M"}, {"192.0.2.31"}),
        (
            {"rootfs": "nas:105/vm-105-disk-0.raw", "mp0": "vg:x,mp=/y"},
            {"192.0.2.30", "192.0.2.31"},
        ),
        ({"scsi0": "local-lvm:vm-105-disk-0,size=32G"}, set[str]()),
        ({"ide2": "nas:iso/haos.iso,media=cdrom", "unused0": "nas:105/old.raw"}, set[str]()),
        ({"scsi1": "/dev/disk/by-id/usb-1", "net0": "virtio=02:00:5e:00:53:01"}, set[str]()),
    ],
    ids=["nfs", "iscsi", "ipv6", "lvm on iscsi", "container", "own disk", "cd", "passed through"],
)
async def test_where_the_disks_of_home_assistant_lie(
    world: FakeProxmox, disks: dict[str, str], servers: set[str]
) -> None:
    world.storages = STORAGES
    own = Guest(vmid=OWN, node="pve1", startup="down=240", onboot=True, disks=disks)
    world.cluster.guests[OWN] = own
    async with target_of(world, home_assistant_guest=OWN) as target:
        found = await target.preflight()
    assert {(item.severity, item.key) for item in found} <= {(Severity.OK, "target_own_disk")}
    assert {item.placeholders["server"] for item in found} == servers


async def test_where_they_lie_takes_a_privilege(world: FakeProxmox) -> None:
    disks = {"scsi0": "nas:105/vm-105-disk-0.qcow2"}
    own = Guest(vmid=OWN, node="pve1", startup="down=240", onboot=True, disks=disks)
    world.cluster.guests[OWN] = own
    world.storages = STORAGES
    world.token.acl = acl("Sys.PowerMgmt", "Sys.Audit", "VM.PowerMgmt", "VM.Audit")
    assert await check(world, home_assistant_guest=OWN) == {
        ("proxmox_privilege_missing", "Datastore.Audit on /storage/nas"): Severity.WARNING
    }


async def test_the_groups_of_guests_add_up(world: FakeProxmox) -> None:
    world.cluster.guests[100].startup = "order=1,up=30,down=100"
    world.cluster.guests[101].startup = "order=1,down=200"
    world.cluster.guests[102] = Guest(vmid=102, node="pve1")
    world.cluster.guests[103] = Guest(vmid=103, node="pve1", is_running=False)
    # Group 1: 200 s, those without an order: 90 s, the node itself: 60 s.
    assert await check(world, guest_limit=90, time_limit_s=350) == {}
    found = await check(world, guest_limit=90, time_limit_s=349)
    assert found == {("proxmox_time_limit", "350 s > 349 s"): Severity.WARNING}


async def test_a_cluster_without_quorum(world: FakeProxmox) -> None:
    world.cluster.is_quorate = False
    assert await check(world) == {("proxmox_no_quorum", "pve1"): Severity.WARNING}


async def test_a_node_that_nobody_can_wake(world: FakeProxmox) -> None:
    world.cluster.nodes["pve1"].mac = ""
    found = await check(world, peers=[peer(world, "pve2")])
    assert found == {("proxmox_no_wake_mac", "pve1"): Severity.WARNING}
    assert await check(world) == {}, "without another node to ask nobody tries"


async def test_a_node_on_its_own() -> None:
    async with FakeProxmox("pve1", guests=[Guest(vmid=100, node="pve1")]) as alone:
        assert await check(alone) == {}
