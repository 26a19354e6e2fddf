"""Everything that can go wrong in the rack, as rows: failure analysis of the reference, 6.2."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .home import HomeAssistant
from .kinds import KINDS
from .machine import Machine, MachineState
from .rack import Rack
from .scenario import FaultAt

type Apply = Callable[[Rack, HomeAssistant, Machine, FaultAt], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row."""

    key: str
    row: str
    """What the reference calls it."""
    apply: Apply
    kinds: frozenset[str] = frozenset()
    """Kinds of targets that can have it; none: it strikes the rack as a whole."""
    excuses_host: bool = False
    """Whether the host that it strikes may lose its power running, or stay off."""
    excuses_kinds: bool = False
    """Whether any host of the kinds that can have it may: they share what is broken."""
    excuses_all: bool = False
    """Whether any host may: nothing can be reached, or the UPS tells lies."""
    hit: str = ""
    """Name under which the rack counts that it made a difference; its key if empty."""


# How long somebody waits for a host to be off, to start it.
_BUTTON_S: Final = 300.0
_HOSTS: Final = frozenset({"plain", "api", "nas", "blind_nas", "hypervisor"})
_ALL: Final = frozenset(KINDS)
_STEPPED: Final = frozenset({"hypervisor", "cluster"})
_TALKERS: Final = frozenset({"api", "nas", "cluster"})


def _reply(fault: str) -> Apply:
    def apply(_rack: Rack, _home: HomeAssistant, machine: Machine, _fault: FaultAt) -> None:
        machine.quirks.replies.append(fault)

    return apply


def _quirk(name: str, value: object) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, machine: Machine, fault: FaultAt) -> None:
        before = getattr(machine.quirks, name)

        def begin() -> None:
            setattr(machine.quirks, name, value)
            rack.facts.hit(fault.key)

        rack.at(fault.at, begin)
        rack.at(fault.at + fault.duration_s, setattr, machine.quirks, name, before)

    return apply


def _readings(name: str, value: object) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
        before = getattr(rack.readings, name)

        def begin() -> None:
            setattr(rack.readings, name, value)
            rack.facts.hit(fault.key)

        rack.at(fault.at, begin)
        rack.at(fault.at + fault.duration_s, setattr, rack.readings, name, before)

    return apply


def _until(name: str) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
        def begin() -> None:
            setattr(rack.readings, name, fault.at + fault.duration_s)
            rack.facts.hit(fault.key)

        rack.at(fault.at, begin)

    return apply


def _wires(name: str) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
        rack.at(fault.at, lambda: setattr(rack.wires, name, False))
        rack.at(fault.at + fault.duration_s, lambda: setattr(rack.wires, name, True))

    return apply


def _battery(name: str, value: float) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
        setattr(rack.ups, name, value)
        rack.facts.hit(fault.key)

    return apply


def _output(fault_name: str) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, _machine: Machine, _fault: FaultAt) -> None:
        rack.output_faults.append(fault_name)

    return apply


def _cancel(fault_name: str) -> Apply:
    def apply(rack: Rack, _home: HomeAssistant, _machine: Machine, _fault: FaultAt) -> None:
        rack.cancel_faults.append(fault_name)

    return apply


def _disk_full(rack: Rack, _home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
    def begin() -> None:
        rack.disk.is_full = True
        rack.facts.hit(fault.key)

    def end() -> None:
        rack.disk.is_full = False

    rack.at(fault.at, begin)
    rack.at(fault.at + fault.duration_s, end)


def _disk_slow(rack: Rack, _home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
    rack.disk.sync_s = 1.5
    rack.facts.hit(fault.key)


def _garbage(rack: Rack, _home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
    rack.disk.journal = b'\x00\xff\n{"half": \n[]\nnull\n'
    rack.facts.hit(fault.key)


def _clock_jump(rack: Rack, home: HomeAssistant, _machine: Machine, fault: FaultAt) -> None:
    def begin() -> None:
        home.clock_jump_s = -86400.0 * 365 if rack.rng.random() < 0.5 else 7200.0
        rack.facts.hit(fault.key)

    rack.at(fault.at, begin)


def _stops_alone(rack: Rack, _home: HomeAssistant, machine: Machine, fault: FaultAt) -> None:
    def begin() -> None:
        machine.begin_stop("somebody else")
        rack.facts.hit(fault.key)

    rack.at(fault.at, begin)


def _starts_again(rack: Rack, _home: HomeAssistant, machine: Machine, fault: FaultAt) -> None:
    def look() -> None:
        if machine.was_stopped_by_plan and machine.state is MachineState.OFF and machine.has_power:
            rack.facts.hit(fault.key)
            machine.start("its button")
        elif rack.now() < fault.at + _BUTTON_S:
            rack.at(rack.now() + 7.0, look)

    rack.at(fault.at, look)


FAULTS: Final[tuple[Fault, ...]] = (
    Fault(key="lost_reply", row="reply lost", apply=_reply("lost_reply"), kinds=_ALL),
    Fault(
        key="lost_request",
        row="request lost after it left",
        apply=_reply("lost_request"),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(
        key="connection_dies",
        row="connection dies after sending",
        apply=_reply("connection_dies"),
        kinds=_ALL,
    ),
    Fault(
        key="ignored",
        row="command accepted but ignored (QNAP expired sid; ACPI ignored)",
        apply=_reply("ignored"),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(
        key="always_ignored",
        row="command accepted but ignored, again and again",
        apply=_reply("always:ignored"),
        kinds=_ALL,
        excuses_host=True,
        hit="ignored",
    ),
    Fault(
        key="refused",
        row="token / password expired, privilege removed",
        apply=_reply("always:refused"),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(key="slow_reply", row="host answers late", apply=_reply("slow_reply"), kinds=_ALL),
    Fault(
        key="send_raises",
        row="one target's driver raises something unexpected",
        apply=_reply("always:send_raises"),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(
        key="observe_raises",
        row="driver raises while it looks",
        apply=_quirk("raises", ("observe",)),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(
        key="is_step_done_raises",
        row="driver raises while it waits for a step",
        apply=_quirk("raises", ("is_step_done",)),
        kinds=_STEPPED,
        excuses_host=True,
    ),
    Fault(
        key="uses_left_raises",
        row="driver raises while it counts users",
        apply=_quirk("raises", ("uses_left",)),
        kinds=frozenset({"nas"}),
    ),
    Fault(
        key="open_raises",
        row="driver raises at start",
        apply=_quirk("raises", ("open",)),
        kinds=_ALL,
        excuses_host=True,
    ),
    Fault(
        key="restore_raises",
        row="driver raises while it undoes",
        apply=_quirk("raises", ("restore",)),
        kinds=_STEPPED,
        excuses_host=True,
    ),
    Fault(
        key="observe_unknown",
        row="the API tells nothing",
        apply=_quirk("observe", "unknown"),
        kinds=_TALKERS,
        excuses_host=True,
    ),
    Fault(
        key="uses_unknown",
        row="the NAS cannot tell who uses it",
        apply=_quirk("users", "unknown"),
        kinds=frozenset({"nas"}),
    ),
    Fault(
        key="uses_stuck",
        row="stuck Terminating, stale session: gate has a deadline",
        apply=_quirk("users", "stuck"),
        kinds=frozenset({"nas"}),
        excuses_host=True,
    ),
    Fault(
        key="hangs",
        row="host hangs in shutdown",
        apply=_quirk("hangs", value=True),
        kinds=_HOSTS,
        excuses_host=True,
    ),
    Fault(
        key="stops_slowly",
        row="host takes longer than the user thinks",
        apply=_quirk("stop_factor", 4.0),
        kinds=_HOSTS,
        excuses_host=True,
    ),
    Fault(
        key="stops_at_once",
        row="host is gone in a moment",
        apply=_quirk("stop_factor", 0.05),
        kinds=_HOSTS,
    ),
    Fault(
        key="never_comes_back",
        row="host never comes back",
        apply=_quirk("boots", value=False),
        kinds=_HOSTS,
        excuses_host=True,
    ),
    Fault(
        key="boots_slowly",
        row="restart: NAS slower than PVE",
        apply=_quirk("boot_factor", 3.0),
        kinds=_HOSTS,
    ),
    Fault(
        key="ignores_steps",
        row="guest locked or without ACPI, PDB deadlock: hard at deadline",
        apply=_quirk("ignores_steps", value=True),
        kinds=_STEPPED,
    ),
    Fault(
        key="isolated",
        row="network port or Wi-Fi of one host down",
        apply=_quirk("isolated", value=True),
        kinds=_HOSTS,
        excuses_host=True,
    ),
    Fault(
        key="stops_alone",
        row="two orchestrators: somebody else stops it",
        apply=_stops_alone,
        kinds=_HOSTS,
        excuses_host=True,
    ),
    Fault(
        key="starts_again",
        row="somebody presses the button of a host that the plan has stopped",
        apply=_starts_again,
        kinds=_HOSTS,
    ),
    Fault(
        key="switch_down",
        row="network switch down",
        apply=_wires("switch_is_up"),
        excuses_all=True,
    ),
    Fault(
        key="gateway_down",
        row="gateway down: silence of a host means nothing",
        apply=_wires("gateway_is_up"),
        excuses_all=True,
    ),
    Fault(key="no_ping", row="HA container without ICMP", apply=_wires("may_ping")),
    Fault(
        key="no_broadcast",
        row="HA container without broadcast",
        apply=_wires("may_broadcast"),
        excuses_all=True,
    ),
    Fault(
        key="data_lost",
        row="UPS data lost",
        apply=_until("silent_until"),
        excuses_all=True,
    ),
    Fault(
        key="unknown_status",
        row="unknown status word",
        apply=_until("unknown_until"),
        excuses_all=True,
    ),
    Fault(key="forced", row="FSD from upstream", apply=_until("forced_until")),
    Fault(
        key="entity_silent",
        row="mains entity unavailable",
        apply=_readings("entity_is_silent", value=True),
    ),
    Fault(
        key="runtime_too_long",
        row="runtime figure is wrong",
        apply=_readings("runtime_factor", 5.0),
    ),
    Fault(
        key="runtime_too_short",
        row="runtime figure is wrong, other way",
        apply=_readings("runtime_factor", 0.2),
    ),
    Fault(
        key="runtime_unknown",
        row="runtime unknown",
        apply=_readings("runtime_factor", None),
    ),
    Fault(
        key="charge_unknown",
        row="charge unknown",
        apply=_readings("has_charge", value=False),
    ),
    Fault(
        key="threshold_unknown",
        row="low battery charge unknown",
        apply=_readings("has_threshold", value=False),
    ),
    Fault(
        key="low_early",
        row="low battery early",
        apply=_battery("low_early_at", 85.0),
        excuses_all=True,
    ),
    Fault(
        key="old_battery",
        row="old battery",
        apply=_battery("true_capacity", 0.4),
        excuses_all=True,
    ),
    Fault(
        key="output_refused",
        row="UPS does not take the delay",
        apply=_output("refused"),
        excuses_all=True,
    ),
    Fault(
        key="output_lost_reply",
        row="UPS takes the delay, its acknowledgement is lost",
        apply=_output("lost_reply"),
        excuses_all=True,
    ),
    Fault(
        key="cancel_lost_reply",
        row="cancel is carried out, its acknowledgement is lost",
        apply=_cancel("lost_reply"),
        hit="output_lost_reply",
    ),
    Fault(
        key="cancel_fails",
        row="cancel is not acknowledged and has no effect",
        apply=_cancel("no_effect"),
        hit="output_no_effect",
    ),
    Fault(key="disk_full", row="journal disk full", apply=_disk_full),
    Fault(key="disk_slow", row="journal disk slow", apply=_disk_slow),
    Fault(key="garbage", row="journal unreadable", apply=_garbage),
    Fault(key="clock_jump", row="clock jump (no RTC, NTP lost)", apply=_clock_jump),
)
BY_KEY: Final[Mapping[str, Fault]] = {fault.key: fault for fault in FAULTS}
