"""The rack as a whole: it lets time pass, feeds the hosts, and knows the whole truth."""

import asyncio
from collections.abc import Iterable
import random
from typing import override

from custom_components.omron_ups.shutdown.models import Power, PowerView
from custom_components.omron_ups.shutdown.target import StopContext, StopStep

from .battery import RackUps, UpsSpec
from .disk import Disk
from .estate import Estate
from .facts import Facts, What
from .kinds import RackView
from .life import Points
from .machine import Machine, MachineState
from .network import Wires
from .scenario import ON_UPS, Outage, Scenario

TICK_S = 1.0
# upsmon's DEADTIME: without data while on battery it takes the battery for low.
DEADTIME_S = 15.0
VIRTUAL = frozenset({"cluster", "clients", "kubernetes"})
"""Kinds that have no power supply of their own."""


class Readings:
    """What is told of the UPS, which need not be the truth."""

    def __init__(self) -> None:
        """Begin with a source that tells the truth."""
        self.silent_until = 0.0
        self.runtime_factor: float | None = 1.0
        self.has_charge = True
        self.has_threshold = True
        self.unknown_until = 0.0
        self.forced_until = 0.0
        self.entity_is_silent = False


class Rack(RackView):
    """Hosts, UPS, network, disk: all that goes on while Home Assistant does not."""

    def __init__(self, scenario: Scenario) -> None:
        """Begin on mains, everything up but what starts off."""
        self.scenario = scenario
        self.rng = random.Random(scenario.seed)  # noqa: S311 - repeatable on purpose
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.facts = Facts(self.now)
        self.estate = Estate(scenario.machines, self.facts, self.note)
        """The hosts of real kinds, behind the fakes of their APIs."""
        self.machines: dict[str, Machine] = {
            m.machine_id: self.estate.machines.get(m.machine_id) or Machine(m, self.facts)
            for m in scenario.machines
        }
        self.ups = RackUps(scenario.ups, self.facts, self._watts)
        self.facts.charge = lambda: self.ups.charge
        self.second_ups = RackUps(UpsSpec(full_load_s=1e6), Facts(self.now), lambda: 0.0)
        self.wires = Wires()
        self.readings = Readings()
        self.disk = Disk(rng=random.Random(scenario.seed + 1))  # noqa: S311 - as above
        self.points = Points(self.now)
        self.output_faults: list[str] = []
        self.cancel_faults: list[str] = []
        self.fsd: dict[str, None] | None = {}
        """FSD of the NUT server in Home Assistant; None while there is no server."""
        self._server_lost_at = 0.0
        self._estimate: tuple[float | None, float | None, float] = (None, None, 0.0)
        for machine in self.machines.values():
            machine.on_change = self._follow
        self._schedule(self.ups, scenario.outages)
        self._schedule(self.second_ups, scenario.second_feeds)

    def now(self) -> float:
        """Return the seconds since the rack was switched on."""
        return self._loop.time() - self._began

    def at(self, moment: float, callback: object, *arguments: object) -> None:
        """Let something happen."""
        self._loop.call_at(self._began + moment, callback, *arguments)  # type: ignore[arg-type]

    def step(self) -> None:
        """Let one tick pass."""
        self.ups.step(TICK_S)
        self.second_ups.step(TICK_S)
        for machine in self.hosts():
            feeds = [self.ups.output]
            if machine.spec.second_feed:
                feeds.append(self.second_ups.output)
            machine.set_power(on=any(feeds))
            self._act_by_itself(machine)
        self.estate.step()

    def hosts(self) -> Iterable[Machine]:
        """Yield the machines that have a power supply."""
        return (m for m in self.machines.values() if m.spec.kind not in VIRTUAL)

    def has_source(self) -> bool:
        """Return whether the UPS can be read at this moment."""
        if self.now() < self.readings.silent_until or not (self.ups.mains or self.ups.output):
            return False
        sources = [m for m in self.hosts() if m.spec.is_data_source]
        return all(m.has_ports() and self.wires.switch_is_up for m in sources)

    def view(self) -> PowerView:
        """Return a reading of this moment."""
        told, ups = self.readings, self.ups
        if self.now() < told.unknown_until:
            self.facts.hit("unknown_status")
            return PowerView(power=Power.UNKNOWN, mains_entity=self.mains_entity())
        factor = told.runtime_factor
        return PowerView(
            power=Power.BATTERY if ups.on_battery else Power.MAINS,
            low=ups.is_low if ups.on_battery else False,
            charge=float(round(ups.charge)) if told.has_charge else None,
            charge_low=ups.spec.charge_low if told.has_threshold else None,
            runtime_s=None if factor is None else float(round(ups.runtime_s * factor)),
            load=float(round(ups.load)),
            forced=self.now() < told.forced_until,
            mains_entity=self.mains_entity(),
        )

    def second_view(self) -> PowerView:
        """Return a reading of the other UPS."""
        power = Power.MAINS if self.second_ups.mains else Power.BATTERY
        return PowerView(power=power, low=False, charge=100.0, charge_low=30.0, runtime_s=3600.0)

    def mains_entity(self) -> bool | None:
        """Return what the plug outside the UPS says."""
        if not self.scenario.has_mains_entity or self.readings.entity_is_silent:
            return None
        return self.ups.mains

    def lose_server(self) -> None:
        """Let the NUT server in Home Assistant vanish."""
        self.fsd, self._server_lost_at = None, self.now()

    def note(self, what: What, machine: Machine, step: StopStep, plan_id: str, word: str) -> None:
        """Write down what a request is about to do, and what it meets."""
        self.facts.add(
            what,
            machine.machine_id,
            detail=word,
            step=step.key,
            plan_id=plan_id,
            is_irreversible=step.irreversible,
            users=self.logged_in(machine.machine_id),
            left_s=self.left_s(),
            runtime_s=self.runtime_s(),
            was_low=self.ups.is_low,
            was_silent=not self.has_source() or self.now() < self.readings.unknown_until,
        )

    @override
    def note_request(
        self, machine: Machine, step: StopStep, context: StopContext, word: str = ""
    ) -> None:
        self.note(What.REQUEST, machine, step, context.plan_id, word)

    @override
    def note_effect(self, machine: Machine, step: StopStep, context: StopContext | None) -> None:
        self.note(What.CARRIED_OUT, machine, step, context.plan_id if context else "", "")

    @override
    def logged_in(self, storage_id: str) -> tuple[str, ...]:
        users = (m for m in self.machines.values() if storage_id in m.spec.uses)
        return tuple(m.machine_id for m in users if self._uses_storage(m))

    @override
    def attached(self, clients_id: str) -> tuple[str, ...]:
        clients = (m for m in self.machines.values() if m.spec.follows == clients_id)
        return tuple(m.machine_id for m in clients if m.is_running)

    def note_estimate(self) -> None:
        """Remember what a reading of this moment tells of the time that is left."""
        if not self.has_source() or self.now() < self.readings.unknown_until:
            return
        told, ups = self.readings, self.ups
        factor = told.runtime_factor
        share = None
        if told.has_charge and told.has_threshold:
            share = max(0.0, ups.charge - ups.spec.charge_low) / max(ups.charge, 1.0)
        self._estimate = (None if factor is None else ups.runtime_s * factor, share, self.now())

    def runtime_s(self) -> float | None:
        """Return the seconds to empty, as the last reading told and the clock ran since."""
        runtime_s, _, at = self._estimate
        return None if runtime_s is None else runtime_s - (self.now() - at)

    def left_s(self) -> float | None:
        """Return the seconds to low battery, in the same way."""
        runtime_s, share, at = self._estimate
        if runtime_s is None or share is None:
            return None
        return runtime_s * share - (self.now() - at)

    def _uses_storage(self, machine: Machine) -> bool:
        if machine.spec.kind == "clients":
            return bool(self.attached(machine.machine_id))
        return machine.is_logged_in

    def _watts(self) -> float:
        hosts = [m for m in self.hosts() if not m.spec.second_feed]
        own = 20.0 if self.scenario.home_assistant == ON_UPS else 0.0
        return own + sum(machine.watts for machine in hosts)

    def _follow(self, machine: Machine) -> None:
        """Let clusters live and die with their hosts."""
        for cluster in self.machines.values():
            if machine.machine_id in cluster.spec.runs_on:
                cluster.follow([self.machines[node] for node in cluster.spec.runs_on])

    def _act_by_itself(self, machine: Machine) -> None:
        """Let a host do what its own UPS settings, or its upsmon, say."""
        if machine.state is not MachineState.UP:
            return
        spec, ups = machine.spec, self.ups
        if spec.follows and self.fsd is not None and spec.follows in self.fsd:
            machine.begin_stop("FSD")
        elif spec.follows and self._has_lost_server():
            machine.begin_stop("no NUT server")
        if not ups.on_battery or ups.on_battery_since is None or spec.second_feed:
            return
        if spec.own_timer_s is not None and self.now() - ups.on_battery_since > spec.own_timer_s:
            self.facts.hit("own_timer")
            machine.begin_stop("its own timer")
        low_s = None if ups.low_at is None else self.now() - ups.low_at
        if spec.at_low_s is not None and low_s is not None and low_s > spec.at_low_s:
            self.facts.hit("acts_at_low")
            machine.begin_stop("low battery")

    def _has_lost_server(self) -> bool:
        """Return whether upsmon of a client takes the battery for low: it hears nothing."""
        if self.fsd is not None or not self.ups.on_battery:
            return False
        return self.now() - self._server_lost_at > DEADTIME_S

    def _schedule(self, ups: RackUps, outages: Iterable[Outage]) -> None:
        for outage in outages:
            self.at(outage.at, lambda: ups.set_mains(on=False))
            if outage.duration_s is not None:
                self.at(outage.at + outage.duration_s, lambda: ups.set_mains(on=True))
