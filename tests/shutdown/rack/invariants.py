"""What must be true of every run, whatever happened in it."""

from collections.abc import Callable, Iterator, Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from custom_components.omron_ups.shutdown.models import PlanResult, Power
from custom_components.omron_ups.shutdown.specs import HOME_ASSISTANT_STOP_S

from .facts import Fact, What
from .fault_table import BY_KEY
from .kinds import ALL_KINDS
from .machine import Machine, MachineSpec, MachineState, Wake
from .run import Ending
from .scenario import ELSEWHERE, ON_UPS, FaultAt

_SLOW: Final = frozenset({"api_slow", "api_hangs", "slow_reply"})

type Check = Callable[[Ending], Iterator[str]]

# From a reading to the last request that was on its way then.
REACTION_S: Final = 5.0
# From low battery to the last "stop" of the short plan: gates of 20 s, and replies that never come.
SHORT_PLAN_S: Final = 60.0
# How long a request may be on its way.
IN_FLIGHT_S: Final = 16.0
FIRST_READING_S: Final = 30.0
# Requests, looks and proofs around each stop.
OVERHEAD_S: Final = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """One sentence of issue 5, and how to see that it was broken."""

    key: str
    sentence: str
    check: Check


def excused(ending: Ending) -> AbstractSet[str]:
    """Return the hosts that may come to harm because of what the scenario does to them."""
    faults = ending.scenario.faults
    # Without a journal a crash leaves nothing of what was begun.
    is_forgetful = "disk_full" in ending.scenario.fault_keys and ending.crashes
    if is_forgetful or _has_lost_lines(ending) or any(BY_KEY[at.key].excuses_all for at in faults):
        return frozenset(ending.rack.machines)
    kinds = {k for at in faults if BY_KEY[at.key].excuses_kinds for k in BY_KEY[at.key].kinds}
    shared = {m.machine_id for m in ending.rack.machines.values() if m.spec.kind in kinds}
    harmed = shared | {at.target_id for at in faults if BY_KEY[at.key].excuses_host}
    return harmed | _woken_by(ending, harmed)


def _woken_by(ending: Ending, harmed: AbstractSet[str]) -> AbstractSet[str]:
    """Return the nodes that only another node can wake, if one of these is not to be relied on."""
    nodes = {m.machine_id: m.spec for m in ending.rack.estate.nodes()}
    if harmed.isdisjoint(nodes):
        return frozenset()
    return {name for name, spec in nodes.items() if spec.wake is Wake.OWN}


def _actions(ending: Ending) -> frozenset[str]:
    return frozenset(fact.detail for fact in ending.facts.of(What.ACTION))


def _was_asked(ending: Ending, until: float) -> bool:
    """Return whether a person, or FSD from upstream, wanted a shutdown before a moment."""
    asked = any(
        f.detail.startswith("request") for f in ending.facts.of(What.ACTION) if f.at < until
    )
    return asked or any(at.key == "forced" and at.at < until for at in ending.scenario.faults)


def _told(ending: Ending, machine_id: str, until: float) -> list[Fact]:
    """Return the final requests that were carried out at a host, up to a moment."""
    rows = ending.facts.of(What.CARRIED_OUT, who=machine_id)
    return [f for f in rows if f.is_irreversible and f.at <= until]


def _targets(ending: Ending) -> Iterator[Machine]:
    """Yield the hosts that are targets and have a power supply."""
    return (m for m in ending.rack.hosts() if m.spec.kind)


def _patience_s(machine: MachineSpec) -> float:
    return 2.0 * machine.time_limit_s + machine.grace_s + 10.0


def is_blind(ending: Ending) -> bool:
    """Return whether nobody can know that mains is back.

    The UPS is read through a NAS that is off, no plug tells of the mains, and the machine that
    Home Assistant runs on did not lose its power.
    """
    sources = [m for m in ending.rack.hosts() if m.spec.is_data_source]
    handed = [f.at for f in ending.facts.of(What.EVENT) if "handed_over" in f.detail]
    is_new_boot = bool(handed) and ending.home.booted_at > handed[-1]
    if not sources or ending.scenario.has_mains_entity or is_new_boot:
        return False
    return all(source.state is MachineState.OFF for source in sources)


def check_storage_last(ending: Ending) -> Iterator[str]:
    """No NAS is stopped while an initiator is logged in, unless the last moment has come."""
    for fact in ending.facts.of(What.CARRIED_OUT):
        machine = ending.rack.machines[fact.who].spec
        if not fact.users or not ALL_KINDS[machine.kind].is_storage or fact.was_low:
            continue
        if _was_asked(ending, fact.at) or _are_out_of_time(ending, fact):
            continue
        rest_s = _rest_s(ending, machine)
        if fact.left_s is None or fact.left_s > rest_s:
            left = "unknown" if fact.left_s is None else f"{fact.left_s:.0f} s"
            yield (
                f"{fact.who} at {fact.at:.1f} while {fact.users} logged in, time left {left}, "
                f"needed at most {rest_s:.0f} s"
            )


def _are_out_of_time(ending: Ending, fact: Fact) -> bool:
    """Return whether all users had their chance: were asked, and more than their time is over."""
    return all(_is_out_of_time(ending, user, fact.at) for user in fact.users)


def _is_out_of_time(ending: Ending, machine_id: str, moment: float) -> bool:
    machine = ending.rack.machines[machine_id]
    asked = [f for f in ending.facts.of(What.REQUEST, who=machine_id) if f.at <= moment]
    return bool(asked) and moment - asked[0].at >= machine.spec.time_limit_s


def _rest_s(ending: Ending, machine: MachineSpec) -> float:
    """Return what this host and all that follow need at most."""
    stages: dict[int, float] = {}
    for other in ending.scenario.machines:
        if other.kind and other.stage >= machine.stage:
            stages[other.stage] = stages.get(other.stage, 0.0) + _patience_s(other)
    own_s = 0.0
    if ending.scenario.home_assistant not in {ELSEWHERE, ON_UPS}:
        own_s = HOME_ASSISTANT_STOP_S + OVERHEAD_S
    return sum(stages.values()) + own_s + OVERHEAD_S


def check_once(ending: Ending) -> Iterator[str]:
    """No irreversible command is carried out twice in one plan."""
    if _has_lost_lines(ending):
        return
    for machine in ending.rack.machines.values():
        rows = list(ending.facts.of(What.REQUEST, What.CARRIED_OUT, who=machine.machine_id))
        done: dict[tuple[str, str], Fact] = {}
        for fact in rows:
            key = (fact.plan_id, fact.step)
            if not fact.is_irreversible or fact.detail or fact.what is not What.CARRIED_OUT:
                continue
            before = done.get(key)
            if before and not _may_ask_again(ending, fact, before):
                yield f"{fact.who} {fact.step} at {before.at:.1f} and again at {fact.at:.1f}"
            done[key] = fact
        # Who said no may be asked again at any time: it did nothing.
        if not any(at.key == "refused" for at in _faults_of(ending, machine)):
            yield from _blind_resends(ending, machine, rows)


def _has_lost_lines(ending: Ending) -> bool:
    """Return whether a crash came while a disk held back what the journal says."""
    is_slow = any("journal_error" in fact.detail for fact in ending.facts.of(What.EVENT))
    return is_slow and bool(ending.crashes)


def _faults_of(ending: Ending, machine: Machine) -> Iterator[FaultAt]:
    return (at for at in ending.scenario.faults if at.target_id == machine.machine_id)


def _may_ask_again(ending: Ending, fact: Fact, before: Fact) -> bool:
    """Return whether a host came up again, or showed no sign of having heard the first request.

    One that takes many times as long as it should, and whose API says nothing, has its ports open.
    """
    if _came_up(ending, fact, before):
        return True
    machine = ending.rack.machines[fact.who]
    faults = {at.key for at in ending.scenario.faults if at.target_id == fact.who}
    is_seen = ALL_KINDS[machine.spec.kind].shows_state
    is_mute = not is_seen or not faults.isdisjoint({"observe_unknown", "observe_raises"})
    looks_up_s = 0.5 * 4.0 * machine.spec.stop_s
    return is_mute and "stops_slowly" in faults and fact.at - before.at < looks_up_s


def _came_up(ending: Ending, fact: Fact, before: Fact) -> bool:
    ups = ending.facts.of(What.UP, who=fact.who)
    return any(before.at < row.at <= fact.at for row in ups)


_ON_ITS_WAY_S: Final = 0.5
"""Between the line in the journal, from which the product counts, and the request that leaves."""


def _blind_resends(ending: Ending, machine: Machine, rows: list[Fact]) -> Iterator[str]:
    """A request that left is sent again only after it was seen that it had no effect."""
    sent: dict[tuple[str, str], Fact] = {}
    patience = {
        s.key: s.resend_after_s or 10.0 for s in ALL_KINDS[machine.spec.kind or "plain"].steps
    }
    for fact in rows:
        if fact.what is not What.REQUEST or not fact.is_irreversible or fact.detail:
            continue
        key = (fact.plan_id, fact.step)
        before, sent[key] = sent.get(key), fact
        if before and _came_up(ending, fact, before):
            continue
        if before and fact.at - before.at < patience[fact.step] - _ON_ITS_WAY_S:
            yield f"{fact.who} {fact.step} sent at {before.at:.1f} and again at {fact.at:.1f}"


def check_output(ending: Ending) -> Iterator[str]:
    """The UPS output is never off before the last host is down or out of time."""
    harmed = excused(ending) - _refusing(ending)
    for off in ending.facts.of(What.OUTPUT_OFF):
        for cut in ending.facts.of(What.CUT):
            if cut.at != off.at or cut.who in harmed:
                continue
            machine = ending.rack.machines[cut.who].spec
            if _is_lost(ending, machine) or _is_out_of_reach(ending, off):
                continue
            told = _told(ending, cut.who, cut.at)
            if machine.kind and not (told and cut.at - told[0].at >= machine.time_limit_s):
                yield f"{cut.who} was running when the output went off at {off.at:.1f}"


def _is_out_of_reach(ending: Ending, off: Fact) -> bool:
    """Return whether nobody can know that the output counts down, nor tell it not to.

    Home Assistant died before it had the answer, and the UPS is read through a host that is off.
    """
    armed = ending.facts.last(What.ARMED, until=off.at)
    deaths = ending.facts.of(What.HA_CRASH, What.HA_STOP)
    if armed is None or not any(0.0 <= death.at - armed.at < 1.0 for death in deaths):
        return False
    sources = [m for m in ending.rack.hosts() if m.spec.is_data_source]
    return any(not _is_running(ending, source, off.at - 1.0) for source in sources)


def _refusing(ending: Ending) -> frozenset[str]:
    """Return the hosts that say no and nothing else: only low battery may cut them."""
    if any(ending.facts.of(What.LOW)) or any(
        BY_KEY[at.key].excuses_all or at.key == "disk_full" for at in ending.scenario.faults
    ):
        return frozenset()
    others = {at.target_id for at in ending.scenario.faults if at.key != "refused"}
    refusing = {at.target_id for at in ending.scenario.faults if at.key == "refused"}
    return frozenset(refusing - others)


def _is_lost(ending: Ending, machine: MachineSpec) -> bool:
    """Return whether a request may have been lost in a crash, and nothing can ever show it."""
    return not ALL_KINDS[machine.kind or "plain"].ports and _is_doubtful(ending, machine.machine_id)


def check_cause(ending: Ending) -> Iterator[str]:
    """Nothing is stopped without an outage or a request."""
    lost = next(ending.facts.of(What.MAINS_LOST), None)
    for fact in ending.facts.of(What.REQUEST, What.FSD, What.ARMED):
        if _was_asked(ending, fact.at):
            continue
        label = f"{fact.what} {fact.who} {fact.step} at {fact.at:.1f}"
        if lost is None or fact.at < lost.at:
            yield f"{label} without any outage"
            continue
        power, since_s = ending.home.power_of(fact.at)
        if (
            power is Power.MAINS
            and since_s > _reaction_s(ending, fact)
            and fact.what is What.REQUEST
        ):
            yield f"{label}, {since_s:.1f} s after mains was seen"
        debounce_s = ending.scenario.triggers.debounce_s
        is_first = len([f for f in ending.facts.of(What.MAINS_LOST) if f.at < fact.at]) == 1
        was_low = any(f.at <= fact.at for f in ending.facts.of(What.LOW))
        if is_first and not was_low and fact.at - lost.at < debounce_s - 1.0:
            yield f"{label}, only {fact.at - lost.at:.1f} s on battery"


def _reaction_s(ending: Ending, fact: Fact) -> float:
    """Return how long a request may be on its way: it may have to log in, or to look, first."""
    slow = {at.target_id for at in ending.scenario.faults if at.key in _SLOW}
    return IN_FLIGHT_S + REACTION_S if fact.who in slow else REACTION_S


def check_left_off(ending: Ending) -> Iterator[str]:
    """Nothing is left off with mains back that can be woken or returns by an AC edge."""
    home = ending.home
    if not must_restore(ending):
        return
    harmed = excused(ending)
    for machine in _targets(ending):
        is_down = machine.state is not MachineState.UP
        if not is_down or machine.machine_id in harmed or not _is_ours(ending, machine):
            continue
        if machine.spec.starts_off:
            continue
        if machine.spec.wake is not Wake.NONE and home.is_alive_at_end:
            yield f"{machine.machine_id} is {machine.state} at the end"
        elif _waits_for_edge(ending, machine):
            yield f"{machine.machine_id} waits for an AC edge that never came"
        elif home.is_alive_at_end and not _is_told_of(ending, machine):
            yield f"{machine.machine_id} is {machine.state}, and nobody was told"


def _is_told_of(ending: Ending, machine: Machine) -> bool:
    """Return whether people know of a host that nothing but a cut of the power starts."""
    off = ending.facts.last(What.OFF, What.CUT, who=machine.machine_id)
    told = ending.facts.last(What.EVENT, who=machine.machine_id, detail="plan_step not_back")
    is_named = told is not None and (off is None or told.at >= off.at)
    return is_named and PlanResult.INCOMPLETE in ending.home.ends


def _is_ours(ending: Ending, machine: Machine) -> bool:
    """Return whether a host is off because the plan told it to be."""
    up = ending.facts.last(What.UP, who=machine.machine_id)
    told = _told(ending, machine.machine_id, ending.facts.now())
    return bool(told) and (up is None or up.at < told[-1].at)


def must_restore(ending: Ending) -> bool:
    """Return whether everybody who was stopped is to come back."""
    scenario = ending.scenario
    if not scenario.mains_returns or not scenario.restore.is_enabled or is_blind(ending):
        return False
    if ending.rack.ups.stays_off:
        return False
    # Whoever asks for a shutdown on mains wants it to last.
    return not any(
        fact.detail.startswith("request") and ending.home.power_of(fact.at)[0] is not Power.BATTERY
        for fact in ending.facts.of(What.ACTION)
    )


def _waits_for_edge(ending: Ending, machine: Machine) -> bool:
    """Return whether the output was armed to bring a host back, and did not."""
    if ending.scenario.output is None or not ending.scenario.output.returns:
        return False
    off = ending.facts.last(What.OFF, What.CUT, What.STOPPING, who=machine.machine_id)
    armed = ending.facts.last(What.ARMED)
    if off is None or armed is None or not machine.spec.returns_by_itself:
        return False
    cancelled = ending.facts.last(What.CANCELLED)
    is_cancelled = cancelled is not None and cancelled.at > armed.at
    if machine.machine_id == ending.scenario.home_assistant:
        return not is_cancelled
    if cancelled is None or not is_cancelled:
        return False
    # A cut harms whoever runs: then the countdown has to be cancelled.
    return not any(_is_running(ending, other, cancelled.at) for other in _targets(ending))


def _is_running(ending: Ending, machine: Machine, moment: float) -> bool:
    whats = (What.OFF, What.CUT, What.BOOTING, What.UP, What.STOPPING)
    last = ending.facts.last(*whats, who=machine.machine_id, until=moment)
    if last is None:
        return not machine.spec.starts_off
    return last.what not in {What.OFF, What.CUT}


def check_restored(ending: Ending) -> Iterator[str]:
    """What was done to hosts is taken back once mains is there."""
    if not must_restore(ending) or not ending.home.is_alive_at_end:
        return
    harmed = excused(ending)
    for machine in ending.rack.machines.values():
        if machine.machine_id not in harmed and not machine.is_restored and not _runs_not(machine):
            yield f"{machine.machine_id} was not restored"
    for clients_id in ending.home.fsd_at_end:
        yield f"FSD of {clients_id} is still set"


def _runs_not(machine: Machine) -> bool:
    return machine.state is not MachineState.UP


def check_fsd(ending: Ending) -> Iterator[str]:
    """No FSD that was forgotten stops hosts that come back."""
    grace_s = ending.scenario.restore.mains_stable_s + 30.0
    for fact in ending.facts.of(What.STOPPING):
        if fact.detail != "FSD" or _was_asked(ending, fact.at):
            continue
        power, since_s = ending.home.power_of(fact.at)
        if power is Power.MAINS and since_s > grace_s:
            yield f"{fact.who} stopped by FSD at {fact.at:.1f}, {since_s:.0f} s after mains"


def check_ends(ending: Ending) -> Iterator[str]:
    """Every run ends in "all down" or "all back", with a report."""
    if not ending.is_settled:
        if not is_blind(ending):
            yield f"not at rest at {ending.facts.now():.0f}: {ending.home.state_at_end}"
        return
    if not ending.home.is_alive_at_end:
        return
    began = [f for f in ending.facts.of(What.EVENT) if f.detail.startswith("plan_started")]
    died = ending.facts.last(What.HA_CRASH, What.HA_STOP)
    if not began or (died and died.at >= began[0].at):
        return
    if _actions(ending) & {"cancel", "disarm"} and not ending.scenario.mains_returns:
        return
    is_over = bool(ending.home.ends) or not ending.scenario.mains_returns
    if not is_over or not ending.home.has_report_at_end:
        yield f"a plan began at {began[0].at:.1f} and left no report"


def check_result(ending: Ending) -> Iterator[str]:
    """Where nothing went wrong nobody is told that something did."""
    scenario = ending.scenario
    if scenario.faults or scenario.crashes or scenario.actions or scenario.second_feeds:
        return
    if any(ending.facts.of(What.CUT)) or not _has_time(ending) or len(scenario.outages) > 1:
        return
    if ending.rack.ups.stays_off or any(
        " overdue" in fact.detail for fact in ending.facts.of(What.EVENT)
    ):
        return
    if PlanResult.INCOMPLETE in ending.home.ends and not _may_stay_off(ending):
        yield f"{ending.home.ends}"


def _may_stay_off(ending: Ending) -> bool:
    return any(m.spec.wake is Wake.NONE or m.spec.own_timer_s for m in _targets(ending))


def _has_time(ending: Ending) -> bool:
    """Return whether low battery never came into it."""
    return not any(ending.facts.of(What.LOW))


def check_wake(ending: Ending) -> Iterator[str]:
    """Only what we stopped is woken, and only on mains."""
    for fact in ending.facts.of(What.WAKE):
        was_off = ending.rack.machines[fact.who].spec.starts_off
        if was_off and not _is_doubtful(ending, fact.who):
            yield f"{fact.who} was off before the plan, and was woken at {fact.at:.1f}"
        power, since_s = ending.home.power_of(fact.at)
        if power is Power.BATTERY and since_s > REACTION_S:
            yield f"{fact.who} was woken at {fact.at:.1f} while on battery"


def _is_doubtful(ending: Ending, machine_id: str) -> bool:
    """Return whether Home Assistant died while a request was on its way.

    It cannot know whether the host, which is off now, was off before.
    """
    deaths = [f.at for f in ending.facts.of(What.HA_CRASH, What.HA_STOP)]
    requests = ending.facts.of(What.REQUEST, What.EVENT, who=machine_id)
    return any(0.0 <= death - row.at < IN_FLIGHT_S for row in requests for death in deaths)


def check_disarmed(ending: Ending) -> Iterator[str]:
    """A disarmed plan and a dry run send nothing that changes anything."""
    actions = _actions(ending)
    is_dry = not ending.scenario.is_armed and "arm" not in actions
    if not is_dry:
        return
    whats = (What.REQUEST, What.WAKE, What.FSD, What.ARMED, What.CANCELLED, What.STEP)
    for fact in ending.facts.of(*whats):
        yield f"{fact.what} {fact.who} at {fact.at:.1f}"


def check_told(ending: Ending) -> Iterator[str]:
    """Nobody loses power without having been told, if low battery left the time for it."""
    if not _watches_all_along(ending):
        return
    harmed = excused(ending)
    for cut in ending.facts.of(What.CUT):
        if _was_never_told(ending, cut.at):
            continue
        machine = ending.rack.machines[cut.who]
        if cut.who in harmed or not machine.spec.kind or _is_lost(ending, machine.spec):
            continue
        low_s = _low_for_s(ending, cut)
        if low_s > SHORT_PLAN_S and not _told(ending, cut.who, cut.at):
            yield f"{cut.who} lost its power at {cut.at:.1f}, never told, {low_s:.0f} s after low"
        elif low_s > SHORT_PLAN_S + OVERHEAD_S + 2.0 * _longest_s(ending):
            yield f"{cut.who} lost its power at {cut.at:.1f} with {low_s:.0f} s after low"


def _was_never_told(ending: Ending, moment: float) -> bool:
    """Return whether nobody has told of the power since the machine of Home Assistant started anew.

    Then it cannot tell a restart on battery from mains that is back.
    """
    boots = [at for at in ending.home.boots if at <= moment]
    if not boots or ending.scenario.has_mains_entity:
        return False
    told = (power for at, power in ending.home.readings if boots[-1] <= at <= moment)
    return all(power is Power.UNKNOWN for power in told)


def _watches_all_along(ending: Ending) -> bool:
    actions = _actions(ending) & {"disarm", "maintenance", "cancel"}
    return ending.scenario.is_armed and not actions


def _longest_s(ending: Ending) -> float:
    return max((m.stop_s for m in ending.rack.hosts()), default=0.0)


def _low_for_s(ending: Ending, cut: Fact) -> float:
    """Return how long Home Assistant has lived with a low battery before a power cut."""
    low = ending.facts.last(What.LOW, until=cut.at)
    lost = ending.facts.last(What.MAINS_LOST, until=cut.at)
    up = ending.facts.last(What.HA_UP, until=cut.at)
    died = ending.facts.last(What.HA_CRASH, What.HA_STOP, until=cut.at - 0.001)
    back = ending.facts.last(What.MAINS_BACK, until=cut.at)
    if low is None or lost is None or low.at < lost.at or up is None:
        return 0.0
    if back is not None and back.at > low.at:
        # What cuts the power with mains is no empty battery.
        return 0.0
    if died and died.at > up.at:
        return 0.0
    told = [power for at, power in ending.home.readings if at <= cut.at]
    known = [power for power in told if power is not Power.UNKNOWN]
    if not known or known[-1] is Power.MAINS:
        # It fell silent on mains, and that is no outage.
        return 0.0
    # After a restart the first reading is waited for.
    return cut.at - max(low.at, up.at + FIRST_READING_S if up.at else 0.0)


def check_order(ending: Ending) -> Iterator[str]:
    """Lower stages are told first; our own host last, with the output armed."""
    for fact in ending.facts.of(What.REQUEST):
        if not fact.is_irreversible or fact.was_low or _was_asked(ending, fact.at):
            continue
        for other in _earlier(ending, ending.rack.machines[fact.who].spec):
            asked = list(ending.facts.of(What.REQUEST, who=other.machine_id))
            if any(f.at <= fact.at for f in asked) or not _was_running(ending, other, fact.at):
                continue
            yield f"{fact.who} was told at {fact.at:.1f}, before {other.machine_id}"
    yield from _own_host(ending)


def _own_host(ending: Ending) -> Iterator[str]:
    scenario = ending.scenario
    asked = list(ending.facts.of(What.REQUEST, who=scenario.home_assistant))
    for fact in asked:
        if not fact.is_irreversible or _was_asked(ending, fact.at):
            continue
        steps = [f for f in asked if f.at <= fact.at and f.plan_id == fact.plan_id]
        if scenario.output is None and not any(_is_almost_empty(ending, f) for f in steps):
            yield f"own host told at {fact.at:.1f} before low battery, without an output"
        armed = ending.facts.last(What.ARMED, until=fact.at)
        is_odd = bool(scenario.faults) or _is_almost_empty(ending, fact)
        if scenario.output and armed is None and not is_odd:
            yield f"own host told at {fact.at:.1f}, output not armed"


def _is_almost_empty(ending: Ending, fact: Fact) -> bool:
    """Return whether the battery may not last longer than Home Assistant's own stop."""
    machine = ending.rack.machines[fact.who].spec
    own_s = HOME_ASSISTANT_STOP_S + _patience_s(machine) + OVERHEAD_S
    # While the UPS is silent the plan goes by its last estimate, which may be the shorter one.
    if fact.was_low or fact.was_silent or fact.runtime_s is None:
        return True
    return fact.runtime_s <= own_s


def _earlier(ending: Ending, machine: MachineSpec) -> Iterator[Machine]:
    """Yield the hosts that are to be told before a host."""
    harmed = excused(ending)
    own = ending.scenario.home_assistant
    for other in _targets(ending):
        if other.machine_id in harmed or other.spec.second_feed or other.machine_id == own:
            continue
        if other.spec.stage < machine.stage or machine.machine_id == own:
            yield other


def _was_running(ending: Ending, machine: Machine, moment: float) -> bool:
    whats = (What.OFF, What.CUT, What.BOOTING, What.UP, What.STOPPING)
    last = ending.facts.last(*whats, who=machine.machine_id, until=moment)
    return not machine.spec.starts_off if last is None else last.what is What.UP


def check_second_feed(ending: Ending) -> Iterator[str]:
    """A host with a second feed goes on while that feed is on mains."""
    if ending.scenario.second_feeds:
        return
    for machine in ending.rack.hosts():
        if not machine.spec.second_feed:
            continue
        for fact in ending.facts.of(What.REQUEST, who=machine.machine_id):
            yield f"{fact.who} was told at {fact.at:.1f}, though its second feed has mains"


def check_errors(ending: Ending) -> Iterator[str]:
    """Nothing raises what nobody expects, and nobody is kept waiting."""
    yield from ending.errors
    for trouble in ending.home.troubles:
        # A write that hangs in the disk cannot be ended by anybody.
        if "disk_slow" not in ending.scenario.fault_keys or "'shutdown journal'" not in trouble:
            yield trouble


INVARIANTS: Final[tuple[Invariant, ...]] = (
    Invariant(
        key="storage_last",
        sentence="no NAS stopped while an initiator is logged in unless the last safe moment came",
        check=check_storage_last,
    ),
    Invariant(
        key="once",
        sentence="no irreversible command twice in one plan",
        check=check_once,
    ),
    Invariant(
        key="output",
        sentence="UPS output never off before the last host is down or out of time",
        check=check_output,
    ),
    Invariant(
        key="cause",
        sentence="nothing stopped without an outage or a request",
        check=check_cause,
    ),
    Invariant(key="left_off", sentence="nothing left off with mains back", check=check_left_off),
    Invariant(
        key="restored",
        sentence="nothing left cordoned, no guest left off, no FSD left set with mains back",
        check=check_restored,
    ),
    Invariant(key="fsd", sentence="FSD cleared before anything is woken", check=check_fsd),
    Invariant(
        key="ends",
        sentence='every run ends in "all down" or "all back" with a report',
        check=check_ends,
    ),
    Invariant(
        key="result",
        sentence="a run in which nothing went wrong does not say that something did",
        check=check_result,
    ),
    Invariant(
        key="wake",
        sentence="only what we stopped is woken, and only on mains",
        check=check_wake,
    ),
    Invariant(
        key="disarmed",
        sentence="a disarmed plan and a dry run send nothing that changes state",
        check=check_disarmed,
    ),
    Invariant(
        key="told",
        sentence="nobody loses power untold if low battery left the time",
        check=check_told,
    ),
    Invariant(
        key="order",
        sentence="lower stages first, our own host last and with the output armed",
        check=check_order,
    ),
    Invariant(
        key="second_feed",
        sentence="a host with a second feed goes on while that one has mains",
        check=check_second_feed,
    ),
    Invariant(
        key="errors",
        sentence="nothing raises what nobody expects, no task outlives the runner",
        check=check_errors,
    ),
)
