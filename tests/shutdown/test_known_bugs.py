"""Bugs that other orchestrators have been seen to have, each as a run that must go right."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from custom_components.omron_ups.shutdown.models import PlanState, TargetState
from custom_components.omron_ups.shutdown.runner import Runner
from custom_components.omron_ups.shutdown.specs import OutputOptions, Restore, Triggers

from .rack.battery import UpsSpec
from .rack.facts import What
from .rack.home import HomeAssistant
from .rack.machine import MachineSpec, Wake
from .rack.rack import Rack
from .rack.rules import violations
from .rack.run import Ending, simulate, timeline
from .rack.scenario import ELSEWHERE, Crash, FaultAt, Outage, Scenario, UserAction

TRIGGERS = Triggers(time_on_battery_s=60.0, margin_below_s=None)
HOST = MachineSpec(machine_id="host", kind="plain", stage=10)
NAS = MachineSpec(machine_id="nas", kind="nas", stage=40)
NODE = MachineSpec(machine_id="node", kind="hypervisor", stage=30, uses=("nas",))
BASE = Scenario(
    machines=(HOST, NODE, NAS),
    ups=UpsSpec(rated_w=400.0, full_load_s=1200.0),
    home_assistant=ELSEWHERE,
    triggers=TRIGGERS,
    restore=Restore(mains_stable_s=20.0, min_charge=10.0),
)


def run(scenario: Scenario) -> Ending:
    """Run a scenario that breaks no rule."""
    ending = simulate(scenario, Runner)
    assert violations(ending) == [], "\n".join(timeline(ending.facts))
    return ending


def requests(ending: Ending, machine_id: str) -> list[float]:
    """Return when a host was told to stop."""
    rows = ending.facts.of(What.CARRIED_OUT, who=machine_id)
    return [fact.at for fact in rows if fact.is_irreversible]


def test_a_second_outage_is_acted_on_like_the_first() -> None:
    """A flag against re-entry stays set after the first outage: the second stops nobody."""
    outages = (Outage(at=10.0, duration_s=200.0), Outage(at=1500.0, duration_s=200.0))
    ending = run(replace(BASE, outages=outages))
    first, second = requests(ending, "nas")
    assert 10.0 + 60.0 < first < 210.0
    assert 1500.0 + 60.0 < second < 1700.0
    assert ending.home.ends == ["all_down", "all_back"] * 2


def test_an_old_timer_does_not_cut_the_next_outage_short() -> None:
    """The timer of the first outage runs on: the second is acted on at once."""
    outages = (Outage(at=10.0, duration_s=50.0), Outage(at=65.0, duration_s=200.0))
    (told, *_) = requests(run(replace(BASE, outages=outages)), "host")
    assert told >= 65.0 + 60.0, "the second outage has its own 60 s"


@pytest.mark.parametrize("breaks", [1, 5, 20])
def test_flapping_mains_never_adds_up_to_an_outage(breaks: int) -> None:
    """Seconds on battery are added up over many short outages."""
    outages = tuple(Outage(at=10.0 + 60.0 * n, duration_s=50.0) for n in range(breaks))
    ending = run(replace(BASE, outages=outages))
    assert not [*ending.facts.of(What.REQUEST)]


def test_a_restart_forgets_nothing_that_was_stopped() -> None:
    """State lives in memory: after a restart nobody knows whom to wake."""
    crash = Crash(at=120.0, restart_s=30.0, is_reboot=True)
    ending = run(replace(BASE, outages=(Outage(at=10.0, duration_s=300.0),), crashes=(crash,)))
    for machine_id in ("host", "node", "nas"):
        assert len(requests(ending, machine_id)) == 1
        assert ending.rack.machines[machine_id].state.value == "up"


@pytest.mark.parametrize("restart_s", [5.0, 150.0])
def test_a_restart_before_the_first_request_still_stops_everybody(restart_s: float) -> None:
    """State lives in memory: after a restart on battery the outage is none."""
    crash = Crash(at=50.0, restart_s=restart_s)
    ending = run(replace(BASE, outages=(Outage(at=10.0, duration_s=600.0),), crashes=(crash,)))
    for machine_id in ("host", "node", "nas"):
        assert len(requests(ending, machine_id)) == 1


def test_a_restart_on_mains_stops_nobody() -> None:
    """An old journal is taken up again although the outage is long over."""
    crash = Crash(at=800.0, restart_s=10.0)
    ending = run(replace(BASE, outages=(Outage(at=10.0, duration_s=200.0),), crashes=(crash,)))
    assert len(requests(ending, "nas")) == 1


@pytest.mark.parametrize("seconds", [30.0, 1000.0])
def test_an_unknown_status_is_no_outage(seconds: float) -> None:
    """`OL BOOST`, `OL TRIM`, `CAL` or a word that nobody knows is taken for an outage.

    The glue hands on `UNKNOWN` for what is neither OL nor OB; the plan must not act on it.
    """
    fault = FaultAt(key="unknown_status", at=20.0, duration_s=seconds)
    ending = run(replace(BASE, faults=(fault,)))
    assert not [*ending.facts.of(What.REQUEST, What.EVENT)]


def test_a_low_battery_flag_on_mains_is_no_outage() -> None:
    """`OL LB` or `OL RB` of an old battery stops everybody while mains is there."""

    def prepare(rack: Rack, _home: HomeAssistant) -> None:
        rack.ups.low_at = 0.0
        plain = rack.view

        def view() -> object:
            return replace(plain(), low=True, charge=12.0, runtime_s=20.0)

        rack.view = view  # type: ignore[assignment, method-assign]

    ending = simulate(BASE, Runner, prepare=prepare)
    assert not [*ending.facts.of(What.REQUEST)]


def test_losing_the_ups_on_mains_stops_nobody() -> None:
    """Data lost counts as an outage, whatever was known before."""
    fault = FaultAt(key="data_lost", at=20.0, duration_s=2000.0)
    ending = run(replace(BASE, faults=(fault,)))
    assert not [*ending.facts.of(What.REQUEST)]


def test_errors_of_one_outage_do_not_count_in_the_next() -> None:
    """A counter of errors is never reset: a host that failed once is given up for ever."""
    outages = (Outage(at=10.0, duration_s=300.0), Outage(at=2500.0, duration_s=300.0))
    faults = (
        FaultAt(key="lost_request", target_id="nas"),
        FaultAt(key="observe_raises", target_id="nas", at=0.0, duration_s=400.0),
    )
    ending = simulate(replace(BASE, outages=outages, faults=faults), Runner)
    second = [f for f in ending.facts.of(What.STOPPING, who="nas") if f.at > 2500.0]
    assert second, "\n".join(timeline(ending.facts))
    assert ending.rack.machines["nas"].state.value == "up"


def test_a_host_that_was_off_stays_off() -> None:
    """Everything in the list is woken, also what nobody had switched on."""
    machines = (replace(HOST, starts_off=True), NODE, NAS)
    outages = (Outage(at=10.0, duration_s=300.0),)
    ending = run(replace(BASE, machines=machines, outages=outages))
    assert not [*ending.facts.of(What.WAKE, who="host")]
    assert [f.who for f in ending.facts.of(What.UP)] == ["nas", "node"]


def test_a_forced_shutdown_does_not_greet_those_who_come_back() -> None:
    """FSD is latched: clients that boot see it and stop again, for ever."""
    clients = MachineSpec(machine_id="clients", kind="clients", stage=5, wake=Wake.NONE)
    client = MachineSpec(machine_id="client", kind="", follows="clients", boot_s=30.0)
    scenario = replace(
        BASE,
        machines=(clients, client, NAS),
        output=OutputOptions(delay_s=30.0),
        outages=(Outage(at=10.0, duration_s=400.0),),
    )
    ending = run(scenario)
    assert [f.detail for f in ending.facts.of(What.STOPPING, who="client")] == ["FSD"]
    assert ending.rack.machines["client"].state.value == "up"


def test_the_power_race_leaves_nobody_off() -> None:
    """Mains is back between the last host and the cut: nobody sees an AC edge."""
    own = MachineSpec(machine_id="own", kind="plain", stage=50, wake=Wake.NONE)
    scenario = replace(
        BASE,
        machines=(NAS, own),
        home_assistant="own",
        output=OutputOptions(),
        outages=(Outage(at=10.0, duration_s=150.0),),
    )
    ending = run(scenario)
    off = next(ending.facts.of(What.OUTPUT_OFF))
    back = next(ending.facts.of(What.MAINS_BACK))
    assert back.at < off.at
    assert {m.state.value for m in ending.rack.machines.values()} == {"up"}


def test_a_request_while_disarmed_is_refused_and_sends_nothing() -> None:
    """A button that is pressed by mistake stops the house."""
    action = UserAction(at=30.0, key="request")
    ending = run(replace(BASE, is_armed=False, actions=(action,)))
    assert [*ending.facts.of(What.ACTION)][-1].detail.startswith("request refused: ")


def test_a_rehearsal_never_keeps_a_real_outage_waiting() -> None:
    """A dry run holds the lock that the real plan needs."""
    actions = (UserAction(at=65.0, key="dry_run"), UserAction(at=66.0, key="rehearse"))
    ending = run(replace(BASE, outages=(Outage(at=10.0, duration_s=400.0),), actions=actions))
    assert requests(ending, "host")[0] < 10.0 + 60.0 + 15.0


def last_states(ending: Ending) -> Mapping[str, TargetState]:
    runner = ending.home.runner
    assert runner is not None
    return runner.target_states


def test_a_plan_that_ended_leaves_the_runner_idle() -> None:
    """The state of the last outage is still shown, and blocks the next."""
    ending = simulate(replace(BASE, outages=(Outage(at=10.0, duration_s=300.0),)), Runner)
    runner = ending.home.runner
    assert runner is not None
    assert runner.state is PlanState.IDLE
    assert not runner.is_open
