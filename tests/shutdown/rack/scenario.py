"""What happens in one run: the installation, the outages, the faults, the crashes."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from custom_components.omron_ups.shutdown.specs import (
    NOT_IN_PLAN,
    OutputOptions,
    Plan,
    Restore,
    TargetSpec,
    Triggers,
    Verify,
    WakeOnLan,
)

from .battery import UpsSpec
from .kinds import ALL_KINDS
from .machine import MachineSpec, Wake
from .network import GATEWAY, address_of

ELSEWHERE: Final = "elsewhere"
"""Home Assistant runs on a machine that another supply feeds."""
ON_UPS: Final = "on_ups"
"""Home Assistant runs on a machine that hangs on the UPS, but is no target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One loss of mains."""

    at: float
    duration_s: float | None = None
    """None: it does not come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAt:
    """One fault, as a key of `faults.FAULTS`, at one host or at none."""

    key: str
    target_id: str = ""
    at: float = 0.0
    duration_s: float = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One death of Home Assistant."""

    point: int | None = None
    """Number of the point of `life.Points` at which it dies."""
    at: float | None = None
    restart_s: float = 20.0
    is_reboot: bool = False
    """Whether the machine starts anew: a new boot id, and a monotonic clock that begins at 0."""
    is_orderly: bool = False
    """Home Assistant is told to stop and has time for `Runner.stop`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAction:
    """Something that a user or an automation does."""

    at: float
    key: str
    """Key of `actions.ACTIONS`."""
    target_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that decides how a run goes."""

    seed: int = 0
    machines: tuple[MachineSpec, ...]
    ups: UpsSpec = field(default_factory=UpsSpec)
    triggers: Triggers = field(default_factory=Triggers)
    restore: Restore = field(default_factory=Restore)
    output: OutputOptions | None = None
    home_assistant: str = ELSEWHERE
    """Id of the machine that runs it, ELSEWHERE or ON_UPS."""
    start_s: float = 15.0
    """From the machine's boot to a Home Assistant that runs."""
    acts_at_low_battery: bool = True
    has_gateway: bool = True
    has_mains_entity: bool = False
    is_armed: bool = True
    reading_s: float = 1.0
    is_silence_told: bool = True
    """Whether a silent source makes ever older views, or none at all."""
    second_feeds: tuple[Outage, ...] = ()
    """Outages of the other UPS."""
    outages: tuple[Outage, ...] = ()
    faults: tuple[FaultAt, ...] = ()
    crashes: tuple[Crash, ...] = ()
    actions: tuple[UserAction, ...] = ()
    limit_s: float = 4000.0
    """After the last thing that is to happen, the run must have ended by then."""

    def machine(self, machine_id: str) -> MachineSpec:
        """Return a machine."""
        return next(m for m in self.machines if m.machine_id == machine_id)

    @property
    def last_s(self) -> float:
        """When the last thing happens that is to happen."""
        moments = [0.0]
        moments += [outage.at + (outage.duration_s or 0.0) for outage in self.outages]
        moments += [outage.at + (outage.duration_s or 0.0) for outage in self.second_feeds]
        moments += [fault.at + fault.duration_s for fault in self.faults if fault.duration_s < 1e8]
        moments += [crash.at + crash.restart_s for crash in self.crashes if crash.at is not None]
        moments += [action.at for action in self.actions]
        return max(moments)

    @property
    def mains_returns(self) -> bool:
        """Whether there is mains at the end."""
        return all(outage.duration_s is not None for outage in self.outages)

    @property
    def fault_keys(self) -> Collection[str]:
        """The faults that this run has."""
        return {fault.key for fault in self.faults}


def plan_of(scenario: Scenario) -> Plan:
    """Return the plan that the user configured."""
    is_target = scenario.home_assistant not in {ELSEWHERE, ON_UPS}
    return Plan(
        targets=tuple(_target(machine) for machine in scenario.machines if machine.kind),
        triggers=scenario.triggers,
        restore=scenario.restore,
        output=scenario.output,
        home_assistant_host=scenario.home_assistant if is_target else NOT_IN_PLAN,
        acts_at_low_battery=scenario.acts_at_low_battery,
        gateway=GATEWAY if scenario.has_gateway else "",
    )


def _target(machine: MachineSpec) -> TargetSpec:
    kind = ALL_KINDS[machine.kind]
    return TargetSpec(
        target_id=machine.machine_id,
        name=machine.machine_id.capitalize(),
        kind=machine.kind,
        stage=machine.stage,
        time_limit_s=machine.time_limit_s,
        verify=Verify(
            address=address_of(machine.machine_id) if kind.ports or kind.pings else "",
            ports=(22, 8006)[: kind.ports],
            ping=kind.pings,
            grace_s=machine.grace_s,
        ),
        wake=WakeOnLan(mac=machine.machine_id) if machine.wake is Wake.MAGIC_PACKET else None,
        wake_limit_s=4.0 * machine.boot_s + 30.0,
        returns_by_itself=machine.returns_by_itself,
        uses=frozenset(machine.uses),
        runs_on=frozenset(machine.runs_on),
        second_feed=machine.second_feed,
        is_data_source=machine.is_data_source,
        own_timer_s=machine.own_timer_s,
    )
