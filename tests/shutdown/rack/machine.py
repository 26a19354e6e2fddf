"""A host of the rack: it boots, it stops, it loses its power."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .facts import Facts, What
from .inside import Inside


class MachineState(StrEnum):
    """What a host is doing."""

    OFF = "off"
    BOOTING = "booting"
    UP = "up"
    STOPPING = "stopping"


class Wake(StrEnum):
    """How a host can be started from outside."""

    NONE = "none"
    MAGIC_PACKET = "magic packet"
    OWN = "own"
    """The kind has a way of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpec:
    """What one host is like, and how the plan describes it."""

    machine_id: str
    kind: str
    """Key of `kinds.KINDS`; empty for a host that is no target."""
    stage: int = 0
    stop_s: float = 10.0
    boot_s: float = 20.0
    time_limit_s: float = 20.0
    watts: float = 30.0
    uses: tuple[str, ...] = ()
    follows: str = ""
    """The `clients` target whose FSD stops it."""
    runs_on: tuple[str, ...] = ()
    """The hosts of a cluster, which has no power supply of its own."""
    wake: Wake = Wake.MAGIC_PACKET
    returns_by_itself: bool = True
    starts_off: bool = False
    second_feed: str = ""
    is_data_source: bool = False
    own_timer_s: float | None = None
    at_low_s: float | None = None
    """Seconds after low battery at which it stops by itself (a NAS, upsmon); None: never."""
    inside: Inside = field(default_factory=Inside)

    @property
    def grace_s(self) -> float:
        """How long it may still run after the last sign of life, rounded up."""
        return round(0.25 * self.stop_s + 0.5, 1)


@dataclass(slots=True)
class Quirks:
    """What is wrong with a host in this run."""

    replies: list[str] = field(default_factory=list)
    """Faults of the next requests, one each; `always:` stands for all that follow."""
    hangs: bool = False
    """Begins to stop and never gets there."""
    stop_factor: float = 1.0
    boots: bool = True
    boot_factor: float = 1.0
    ignores_steps: bool = False
    """Reversible steps never come to their end by themselves: guests without ACPI, stuck pods."""
    raises: tuple[str, ...] = ()
    """Methods of its target that raise what nobody expects."""
    observe: str = ""
    """`unknown`: the API tells nothing."""
    users: str = ""
    """`unknown`: cannot tell; `stuck`: tells of one session that is long gone."""
    isolated: bool = False
    """Its network port is dead, the host itself is not."""
    delay_s: float = 0.0
    """How long each answer of its API takes."""
    is_mute: bool = False
    """Its API is gone, the host itself is not."""


class Machine:
    """Follows the truth of one host. Clusters are hosts without a power supply."""

    def __init__(self, spec: MachineSpec, facts: Facts) -> None:
        """Begin as the installation stands before anything happens."""
        self.spec = spec
        self.quirks = Quirks()
        self.state = MachineState.OFF if spec.starts_off else MachineState.UP
        self.has_power = True
        self.is_undone = True
        """Whether none of the reversible steps was done: guests run, nothing is cordoned."""
        self.is_released = False
        """Whether its sessions at the storage were closed by a reversible step."""
        self.since = 0.0
        self.was_stopped_by_plan = False
        self.on_change: Callable[[Machine], None] = lambda _machine: None
        self._facts = facts
        self._timer: asyncio.TimerHandle | None = None

    @property
    def machine_id(self) -> str:
        """Its id, which is the target's too."""
        return self.spec.machine_id

    @property
    def is_running(self) -> bool:
        """Whether a power cut now would hurt it."""
        return self.state in {MachineState.UP, MachineState.STOPPING}

    @property
    def is_logged_in(self) -> bool:
        """Whether it has sessions at the storage that it uses."""
        return self.is_running and not self.is_released and not self.quirks.isolated

    @property
    def is_restored(self) -> bool:
        """Whether nothing of what was done to it is left."""
        return self.is_undone

    @property
    def is_changing(self) -> bool:
        """Whether it is on its way to another state, and will get there."""
        return self._timer is not None

    @property
    def watts(self) -> float:
        """What it draws."""
        return self.spec.watts if self.state is not MachineState.OFF else 0.0

    @property
    def stop_s(self) -> float:
        """How long it takes to stop in this run."""
        return self.spec.stop_s * self.quirks.stop_factor

    def has_ports(self) -> bool:
        """Return whether its ports are open: they close when it is half down."""
        return self.state is MachineState.UP or (
            self.state is MachineState.STOPPING and self._gone_s < 0.5 * self.stop_s
        )

    def has_network(self) -> bool:
        """Return whether it answers ping, up to the time when it parks its disks."""
        if self.state is MachineState.STOPPING:
            return self.quirks.hangs or self._gone_s < 0.8 * self.stop_s
        if self.state is MachineState.BOOTING:
            return self._gone_s > 0.6 * self.spec.boot_s
        return self.state is MachineState.UP

    def begin_stop(self, cause: str) -> None:
        """Begin to stop, unless it does already."""
        if self.state is not MachineState.UP:
            return
        self._enter(MachineState.STOPPING, What.STOPPING, cause)
        if not self.quirks.hangs:
            self._later(self.stop_s, self._reach_off)

    def release_after(self, seconds: float) -> None:
        """Close its sessions at the storage in some time: guests stop, pods leave."""
        asyncio.get_running_loop().call_later(seconds, self._release)

    def follow(self, nodes: Sequence[Machine]) -> None:
        """Run as long as one of the hosts does that this cluster runs on."""
        is_up = any(node.state is MachineState.UP for node in nodes)
        is_left = any(node.is_running for node in nodes)
        before = self.state
        if is_up:
            self.state = MachineState.UP
        else:
            self.state = MachineState.STOPPING if is_left else MachineState.OFF
        if self.state is not before:
            self.since = self._facts.now()

    def start(self, cause: str) -> None:
        """Begin to boot, if it is off and has power."""
        if self.state is not MachineState.OFF or not self.has_power:
            return
        self._enter(MachineState.BOOTING, What.BOOTING, cause)
        if self.quirks.boots:
            self._later(self.spec.boot_s * self.quirks.boot_factor, self._reach_up)
        else:
            self._facts.hit("never_comes_back")

    def set_power(self, *, on: bool) -> None:
        """Switch its power; some hosts start when it comes back."""
        if on is self.has_power:
            return
        self.has_power = on
        if on:
            if self.spec.returns_by_itself and not self.spec.starts_off:
                self.start("AC edge")
            return
        what = What.CUT if self.is_running else What.OFF
        if self.state is not MachineState.OFF:
            self._enter(MachineState.OFF, what, "lost its power")

    @property
    def _gone_s(self) -> float:
        return self._facts.now() - self.since

    def _release(self) -> None:
        """Close the sessions, unless everything was taken back meanwhile."""
        if not self.is_undone:
            self.is_released = True

    def _reach_off(self) -> None:
        self._enter(MachineState.OFF, What.OFF, "")

    def _reach_up(self) -> None:
        self._enter(MachineState.UP, What.UP, "")

    def _enter(self, state: MachineState, what: What, detail: str) -> None:
        """Change what it is doing."""
        if self._timer:
            self._timer.cancel()
        self._timer = None
        self.state = state
        self.since = self._facts.now()
        if state is MachineState.UP:
            # Guests start with their node; a cordon would stay, but clusters never boot here.
            self.is_released, self.is_undone = False, True
        self._facts.add(what, self.machine_id, detail=detail)
        self.on_change(self)

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, callback)
