"""Many runs: by seed, with a crash at each point, with mains back at each point."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
import time
import traceback

from custom_components.omron_ups.shutdown.runner import Runner

from .api_random import random_homelab
from .home import RunnerFactory
from .randomly import random_scenario
from .rules import violations
from .run import Ending, simulate
from .scenario import Crash, Outage, Scenario

# Just before what happens at a point, and just after it.
_MOMENTS = (-0.002, 0.002)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one run."""

    name: str
    seed: int
    broken: tuple[str, ...]
    command: str = ""
    """What runs it again."""
    hits: tuple[tuple[str, int], ...] = ()
    results: tuple[str, ...] = ()
    """How each plan ended."""
    virtual_s: float = 0.0
    processor_s: float = 0.0
    crashes: int = 0


@dataclass(slots=True)
class Tally:
    """What many runs come to."""

    runs: int = 0
    crashes: int = 0
    virtual_s: float = 0.0
    processor_s: float = 0.0
    results: dict[str, int] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    """In how many runs each fault made a difference."""
    failed: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count one run."""
        self.runs += 1
        self.crashes += verdict.crashes
        self.virtual_s += verdict.virtual_s
        self.processor_s += verdict.processor_s
        for result in verdict.results or ("no plan",):
            self.results[result] = self.results.get(result, 0) + 1
        for fault, _ in verdict.hits:
            self.hits[fault] = self.hits.get(fault, 0) + 1
        if verdict.broken:
            self.failed.append(verdict)


def run_seed(seed: int) -> Verdict:
    """Run the scenario of a seed."""
    verdict = judge(f"seed {seed}", random_scenario(seed))
    return replace(verdict, command=f"scripts/rack replay {seed}")


def run_homelab_seed(seed: int) -> Verdict:
    """Run the scenario of a seed with hosts of real kinds."""
    verdict = judge(f"seed {seed}", random_homelab(seed))
    return replace(verdict, command=f"scripts/rack --kinds replay {seed}")


def judge(name: str, scenario: Scenario, factory: RunnerFactory = Runner) -> Verdict:
    """Run a scenario, and say what was broken; never raises."""
    began = time.process_time()
    try:
        ending = simulate(scenario, factory)
        broken = violations(ending)
    except Exception:  # noqa: BLE001 - one run that raises must not end the batch
        lines = tuple(traceback.format_exc().splitlines()[-6:])
        return Verdict(name=name, seed=scenario.seed, broken=("the rack raised", *lines))
    return Verdict(
        name=name,
        seed=scenario.seed,
        broken=tuple(broken),
        hits=tuple(ending.facts.hits.items()),
        results=tuple(ending.home.ends),
        virtual_s=ending.rack.now(),
        processor_s=time.process_time() - began,
        crashes=ending.crashes,
    )


def crash_points(
    scenario: Scenario, factory: RunnerFactory = Runner, **crash: object
) -> Iterator[tuple[str, Scenario]]:
    """Yield the scenario with a crash at each point that a run without one passes."""
    calm = replace(scenario, crashes=())
    reached = simulate(calm, factory).rack.points.reached
    for number, (at, label) in enumerate(reached):
        died = Crash(point=number, **crash)  # type: ignore[arg-type]
        name = f"crash at point {number}, {label!r}, {at:.1f} s"
        yield name, replace(calm, crashes=(died,))


def mains_points(
    scenario: Scenario, factory: RunnerFactory = Runner
) -> Iterator[tuple[str, Scenario]]:
    """Yield the scenario with mains back just before and after each point of its run."""
    outage = scenario.outages[0]
    reached = simulate(scenario, factory).rack.points.reached
    for at, label in reached:
        for moment in _MOMENTS:
            if (duration_s := at + moment - outage.at) > 0.0:
                back = replace(scenario, outages=(Outage(at=outage.at, duration_s=duration_s),))
                yield f"mains back at {label!r}, {at + moment:.3f} s", back


type Sweep = Callable[[Scenario], Iterator[tuple[str, Scenario]]]

SWEEPS: dict[str, Sweep] = {
    "crashes": crash_points,
    "reboots": lambda scenario: crash_points(scenario, is_reboot=True, restart_s=60.0),
    "stops": lambda scenario: crash_points(scenario, is_orderly=True),
    "mains": mains_points,
}


def replay(scenario: Scenario) -> Ending:
    """Run a scenario, and return all that is known of it."""
    return simulate(scenario, Runner)
