"""What must be so: at the moment of each request, in which order, and at the end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from scripts.lib.hass_api import Json

from .facts import Fact, Facts
from .lab import Lab
from .machines import HOME_ASSISTANT, Machines

_NAS: Final = ("qnap", "synology")
_OTHER_NODES: Final = ("pve2", "pve3")
_SHUTDOWN: Final = "command=shutdown"

type _Steps = Sequence[tuple[str, str]]

_POLITE: Final[_Steps] = (
    ("ups", "mains off"),
    ("kubernetes", "node cp1 cordoned"),
    ("kubernetes", "POST /api/v1/namespaces/default/pods/postgres-0/eviction"),
    ("kubernetes", "DELETE /api/v1/namespaces/default/pods/postgres-0"),
    ("kubernetes", "pod postgres-0 waits for a node"),
    ("kubernetes", "volume postgres detached"),
    ("pve2", "POST /nodes/pve2/stopall"),
    ("pve2", "VM 101 k8s-cp1 off"),
    ("pve2", "POST /nodes/pve2/status"),
    ("pve2", "off"),
)
_SHORT: Final[_Steps] = (
    ("ups", "mains off"),
    ("kubernetes", "node cp1 cordoned"),
    ("kubernetes", "POST /api/v1/namespaces/default/pods/postgres-0/eviction"),
    ("ups", "battery low"),
    ("kubernetes", "DELETE /api/v1/namespaces/default/pods/postgres-0"),
    ("kubernetes", "pod postgres-0 waits for a node"),
    ("pve2", "VM 102 k8s-worker1 off"),
    ("pve2", "POST /nodes/pve2/status"),
    ("pve2", "off"),
)
_DOWN_AND_UP: Final[_Steps] = (
    ("qnap", "POST /cgi-bin/sys/sysRequest.cgi"),
    ("qnap", "off"),
    ("ups", "told S"),
    ("pve1", "POST /nodes/pve1/stopall"),
    ("pve1", "POST /nodes/pve1/status"),
    ("home assistant", "gets SIGTERM"),
    ("home assistant", "process has ended"),
    ("pve1", "off"),
    ("ups", "output off"),
    ("ups", "mains on"),
    ("ups", "output on"),
    ("pve1", "on"),
    ("home assistant", "process runs"),
    ("home assistant", "answers"),
    ("qnap", "volumes there"),
)
_CHARGED: Final[_Steps] = (("somebody", "charges the battery"),)
_BACK: Final[_Steps] = (
    ("pve3", "POST /nodes/pve3/startall"),
    ("kubernetes", "PATCH /api/v1/nodes/cp1"),
    ("kubernetes", "node cp1 takes pods"),
    ("kubernetes", "pod postgres-0 runs on"),
)
ORDER: Final[_Steps] = (*_POLITE, *_DOWN_AND_UP, *_BACK)
"""Each is looked for after the one before."""
ORDER_AT_LOW_BATTERY: Final[_Steps] = (*_SHORT, *_DOWN_AND_UP, *_CHARGED, *_BACK)
"""The same if low battery comes while the first stage is under way."""
ENOUGH_CHARGE: Final = 90.0
"""Per cent; with less nobody may be started after low battery."""
ONCE: Final[_Steps] = (
    ("desktop", "command: "),
    ("plug", "POST .../off"),
    ("amplifier", "turn_off"),
    ("workstation", "told FSD"),
    ("pve1", "POST /nodes/pve1/stopall"),
    ("pve1", "POST /nodes/pve1/status"),
    ("pve2", "POST /nodes/pve2/stopall"),
    ("pve2", "POST /nodes/pve2/status"),
    ("pve3", "POST /nodes/pve3/stopall"),
    ("pve3", "POST /nodes/pve3/status"),
    ("qnap", "POST /cgi-bin/sys/sysRequest.cgi"),
    ("synology", "SYNO.Core.System shutdown"),
    ("pve1", "POST /nodes/pve3/wakeonlan"),
    ("pve2", "POST /nodes/pve2/startall"),
    ("pve3", "POST /nodes/pve3/startall"),
)
"""What must be asked exactly once."""


# At the moment of each fact


def guard(lab: Lab) -> Callable[[Fact], str]:
    """Return what looks at the homelab at the moment of each fact, and says what is wrong."""

    def look(fact: Fact) -> str:
        wrong = [words for words in _wrong_at(lab, fact) if words]
        return f"{fact.who}: {fact.what}: {', '.join(wrong)}" if wrong else ""

    return look


def _wrong_at(lab: Lab, fact: Fact) -> Iterator[str]:
    machines = lab.machines
    if lab.is_quiet and fact.is_change:
        yield "nothing is armed"
    if fact.who == "kubernetes" and ("/eviction" in fact.what or fact.what.startswith("DELETE")):
        yield from _named("takes pods", _open_nodes(machines))
    if fact.who in _OTHER_NODES and "stopall" in fact.what and not lab.is_short:
        yield from _named("in use", machines.users_of_nas())
    if _SHUTDOWN in fact.what:
        yield from _named("runs", _guests_of(machines, fact.who))
    if fact.who in _NAS and fact.is_change:
        yield from _named("session", machines.sessions())
        yield from _named("is on", _on(machines, _OTHER_NODES))
    if fact.who == "pve1" and _SHUTDOWN in fact.what:
        yield from _named("is on", _on(machines, (*_OTHER_NODES, *_NAS)))
        yield "" if machines.ups.shutdown_pending else "the UPS does not count down"
    if (fact.who, fact.what) == ("ups", "output off"):
        yield from _named("loses power", _on(machines, [m.name for m in machines.on_ups]))
        yield "Home Assistant loses power" if lab.is_alive else ""
    if "startall" in fact.what or "wakeonlan" in fact.what:
        is_charged = not lab.is_short or machines.ups.charge >= ENOUGH_CHARGE
        yield "" if is_charged else "the battery could not survive another cut"
    if "startall" in fact.what:
        is_there = machines.qnap.is_serving and not machines.qnap.is_booting
        yield "" if is_there else "its storage is not there"


def _named(words: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"{name} {words}" for name in names)


def _open_nodes(machines: Machines) -> list[str]:
    nodes = machines.kubernetes.world.nodes.values()
    return [node.name for node in nodes if not node.is_unschedulable]


def _guests_of(machines: Machines, node: str) -> list[str]:
    guests = machines.proxmox.cluster.guests.values()
    return [
        guest.name
        for guest in guests
        if guest.node == node and guest.is_running and guest.vmid != HOME_ASSISTANT
    ]


def _on(machines: Machines, names: Sequence[str]) -> list[str]:
    return [
        machine.name for machine in machines.on_ups if machine.name in names and machine.is_on()
    ]


# The order, and the end


def wrong_order(facts: Facts, order: _Steps = ORDER) -> Iterator[str]:
    """Yield what did not happen, or not after what must come before it."""
    place, before = -1, "the beginning"
    for who, what in order:
        found = facts.index(who, what, after=place)
        if found < 0:
            yield f"{who}: {what}: not seen after {before}"
            continue
        place, before = found, f"{who}: {what}"


def wrong_counts(facts: Facts) -> Iterator[str]:
    """Yield what was not asked exactly once, and what must never be asked."""
    for who, what in ONCE:
        times = len([*facts.places(who, what)])
        if times != 1:
            yield f"{who}: {what}: {times} times"
    for words in ("/pods/web", "/pods/log-agent", "nodes/worker2"):
        if any(words in fact.what for fact in facts.changes):
            yield f"kubernetes: {words} was touched"


def wrong_report(report: Json, *, is_short: bool = False) -> Iterator[str]:
    """Yield what the plan's report says that it should not.

    At low battery the cluster's API ends with its machines, perhaps before it shows the last
    volume detached: that it was not seen is no fault then.
    """
    unseen = {"kubernetes"} if is_short else set()
    late = [row["name"] for row in report["targets"] if row["stopped"] == "overdue"]
    if report["result"] != "all_back" and not unseen & set(late):
        yield f"report: {report['result']} {report['detail']}"
    for row in report["targets"]:
        if row["state"] == "back" and row["name"] in unseen:
            continue
        stopped = row["stopped"] if row["name"] != "pve1" else "down"
        if (row["state"], stopped) != ("back", "down"):
            yield f"report: {row['name']} is {row['state']} and was {row['stopped']}"


type Snapshot = Mapping[tuple[str, str], str]


def wrong_end(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield what is not as it was before the outage; pods may be on other nodes."""
    for key, state in before.items():
        who, thing = key
        if thing.startswith(("pod ", "volume ")):
            continue
        if after.get(key) != state:
            yield f"{who}: {thing} {after.get(key, 'gone')} instead of {state}"
    running = sorted(
        thing.partition("-")[0]
        for (_, thing), state in after.items()
        if thing.startswith("pod ") and state.startswith("runs on")
    )
    if running != ["pod backup", "pod media", "pod photos", "pod postgres"]:
        yield f"kubernetes: {', '.join(running)} run"


def wrong_requests(lab: Lab) -> Iterator[str]:
    """Yield requests that the descriptions of the APIs do not allow, and what they broke."""
    yield from lab.machines.kubernetes.invalid
    yield from lab.machines.proxmox.invalid
    for guest in lab.machines.proxmox.cluster.guests.values():
        if guest.was_killed:
            yield f"{guest.node}: {guest.name} was switched off hard"
    if lab.machines.kubernetes.world.torn:
        yield f"kubernetes: torn from their volumes: {lab.machines.kubernetes.world.torn}"
