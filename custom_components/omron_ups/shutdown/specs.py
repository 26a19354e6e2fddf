"""What the user configured: the targets, the triggers, the plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from .models import NOTHING

# A sum of Home Assistant's own stop stages, at worst: nothing shorter may cut its power.
HOME_ASSISTANT_STOP_S: Final = 210.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """How to see from outside that a host is off: two signals, or there is no evidence."""

    address: str = ""
    """IP address or name; a name is resolved at preflight, for DNS may be off by then."""
    ports: tuple[int, ...] = ()
    """TCP ports that are open while it runs."""
    ping: bool = True
    grace_s: float = 0.0
    """Seconds to wait after the last sign of life, for disks that are parked after the network."""

    @property
    def signals(self) -> int:
        """How many independent signals there are; two make evidence."""
        return (len(self.ports) + self.ping) if self.address else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeOnLan:
    """How to wake a host by a magic packet."""

    mac: str
    broadcast: str = "255.255.255.255"
    """The directed broadcast address of the host's own network is best."""
    secure_on: str = field(default="", repr=False)
    """Password of the network card, in the form of a MAC address; a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """One target: what all kinds have in common, and the options of its kind."""

    target_id: str
    """Stays the same over restarts: the subentry's id."""
    name: str
    kind: str
    stage: int
    """Lower stops first; equal stages run side by side."""
    time_limit_s: float
    """How long it may take to stop, as the user thinks, until real stops have been seen."""
    verify: Verify = field(default_factory=Verify)
    wake: WakeOnLan | None = None
    wake_limit_s: float = 600.0
    """How long it may take from waking to ready."""
    returns_by_itself: bool = True
    """Whether it starts by itself when the UPS switches its output on again."""
    uses: frozenset[str] = frozenset()
    """Ids of the targets whose storage it uses: they stop after it."""
    runs_on: frozenset[str] = frozenset()
    """Ids of the targets whose hosts it runs on (the cluster on its nodes): once all of them are
    off it holds no volume any more, whatever it says itself."""
    second_feed: str = ""
    """Id of the other UPS that feeds it too; skipped while that one is on mains and fresh."""
    is_data_source: bool = False
    """Whether the UPS is read through this target (a NAS that owns the USB cable)."""
    own_timer_s: float | None = None
    """Seconds on battery after which the host stops by its own timer; None without one."""
    options: Mapping[str, object] = field(default=NOTHING, repr=False)
    """What only its kind knows, secrets among it: never logged, never journaled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """When an armed plan begins; None switches one off. Low battery cannot be switched off."""

    time_on_battery_s: float | None = 300.0
    runtime_below_s: float | None = None
    charge_below: float | None = None
    margin_below_s: float | None = 120.0
    """Begin when time to low battery minus what the plan needs falls below this."""
    data_lost_s: float | None = 60.0
    """Begin after this long without data while on battery, unless the plan itself switched off
    the source."""
    debounce_s: float = 15.0
    """No trigger but low battery and FSD before this."""
    hold_s: float = 10.0
    """How long runtime, charge and margin must hold, in three readings at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """When what was stopped is started again."""

    is_enabled: bool = True
    mains_stable_s: float = 60.0
    min_charge: float | None = None
    """Per cent; None: the charge must last for one and a half times what the plan needs."""
    stable_without_charge_s: float = 600.0
    """Stable mains instead of a charge that is not known."""
    boot_stable_s: float = 300.0
    """Time up with a new boot id that counts as mains if neither the UPS nor an entity can tell."""


NOT_IN_PLAN: Final = "not_in_plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """The UPS output, which is switched off last. Exists only if the user confirmed it."""

    returns: bool = True
    """Whether the output comes back with the mains (`shutdown.return`, not `.stayoff`)."""
    delay_s: float = 60.0
    """Between the last host's end and the cut if Home Assistant's own host is not in the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that the user configured for one UPS."""

    targets: tuple[TargetSpec, ...] = ()
    triggers: Triggers = field(default_factory=Triggers)
    restore: Restore = field(default_factory=Restore)
    output: OutputOptions | None = None
    home_assistant_host: str | None = None
    """Id of the target that runs Home Assistant, NOT_IN_PLAN, or None: not answered, cannot arm."""
    acts_at_low_battery: bool = True
    """Whether anything attached stops by itself at low battery (NAS, upsmon): the deadline is then
    low battery, else an empty battery."""
    gateway: str = ""
    """IP address that must answer before silence of a host means anything; empty: not checked."""

    def stages(self) -> Iterator[tuple[TargetSpec, ...]]:
        """Yield the targets that stop side by side, first to stop first, without our own host."""
        staged = sorted(
            (t for t in self.targets if t.target_id != self.home_assistant_host),
            key=lambda target: target.stage,
        )
        for _, members in groupby(staged, key=lambda target: target.stage):
            yield tuple(members)

    def target(self, target_id: str) -> TargetSpec | None:
        """Return the target of this id."""
        return next((t for t in self.targets if t.target_id == target_id), None)

    @property
    def own_host(self) -> TargetSpec | None:
        """The target that runs Home Assistant, which stops last."""
        return self.target(self.home_assistant_host) if self.home_assistant_host else None

    def users_of(self, target_id: str) -> tuple[TargetSpec, ...]:
        """Return the targets that use the storage of this one."""
        return tuple(t for t in self.targets if target_id in t.uses)

    def hosts_of(self, target: TargetSpec) -> tuple[TargetSpec, ...]:
        """Return the targets that a target runs on, and what these run on in turn."""
        found: dict[str, TargetSpec] = {}
        todo = sorted(target.runs_on)
        while todo:
            host = self.target(todo.pop())
            if host is not None and host.target_id not in found:
                found[host.target_id] = host
                todo += sorted(host.runs_on)
        return tuple(found.values())
