"""The knobs of the simulated UPS as lines of text: one command in, one line back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import math
from types import MappingProxyType

from custom_components.omron_ups.driver.simulator.faults import Fault, FaultKind
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps

_SWITCH = MappingProxyType({"on": True, "off": False})


class ControlError(ValueError):
    """The line is no command, or asks for what cannot be; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCommand:
    """One word that the control understands."""

    usage: str
    run: Callable[[SimulatedUps, str], str]
    """Do it with the rest of the line; return what to answer. ValueError where it cannot be."""


def run_command(ups: SimulatedUps, line: str) -> str:
    """Carry out one line and return one line: ``ok: ...`` or ``error: ...``."""
    word, _, rest = line.strip().partition(" ")
    try:
        if (command := COMMANDS.get(word)) is None:
            raise ControlError(f"unknown command {word!r}; try help")
        return f"ok: {command.run(ups, rest.strip())}"
    except ValueError as err:
        return f"error: {err}"


def describe(ups: SimulatedUps) -> str:
    """Return the state of the unit on one line."""
    faults = ", ".join(fault.kind for fault in ups.faults) or "none"
    return (
        f"{ups.profile.name} {ups.state}, mains {_on_off(ups.mains)}, "
        f"output {_on_off(ups.output_on)}, load {ups.load:g} %, charge {ups.charge:.1f} %, "
        f"runtime {ups.runtime_s:.0f} s, cable {'in' if ups.plugged_in else 'out'}, "
        f"faults: {faults}"
    )


def _on_off(value: object) -> str:
    return "on" if value else "off"


def _switch(word: str) -> bool:
    if word not in _SWITCH:
        raise ControlError(f"say on or off, not {word!r}")
    return _SWITCH[word]


def _number(word: str) -> float:
    try:
        number = float(word.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ControlError(f"{word!r} is not a number")
    return number


def _set(name: str) -> Callable[[SimulatedUps, str], str]:
    def run(ups: SimulatedUps, rest: str) -> str:
        value = _number(rest)
        setattr(ups, name, value)
        return f"{name.replace('_', ' ')} {value:g}"

    return run


def _do(act: Callable[[SimulatedUps], object]) -> Callable[[SimulatedUps, str], str]:
    def run(ups: SimulatedUps, rest: str) -> str:
        if rest:
            raise ControlError(f"nothing may follow here, not {rest!r}")
        act(ups)
        return describe(ups)

    return run


def _mains(ups: SimulatedUps, rest: str) -> str:
    if _switch(rest):
        ups.restore_mains()
    else:
        ups.cut_mains()
    return f"mains {rest}"


def _battery(ups: SimulatedUps, rest: str) -> str:
    acts = {"fail": ups.fail_battery, "renew": ups.renew_battery}
    if rest not in acts:
        raise ControlError(f"say fail or renew, not {rest!r}")
    acts[rest]()
    return f"battery {rest}ed"


def _failure(ups: SimulatedUps, rest: str) -> str:
    ups.set_fault(_switch(rest))
    return f"failure {rest}"


def _replace(ups: SimulatedUps, rest: str) -> str:
    ups.replace_battery = _switch(rest)
    return f"replace {rest}"


def _test(ups: SimulatedUps) -> None:
    if not ups.start_self_test():
        raise ControlError(f"no self-test while {ups.state}")


def _fault(ups: SimulatedUps, rest: str) -> str:
    fault = parse_fault(rest)
    ups.inject(fault)
    times = "until cleared" if fault.count is None else f"{fault.count} times"
    return f"{fault.kind} on {fault.request or 'any request'}, {times}"


def parse_fault(text: str) -> Fault:
    """Read ``KIND [REQUEST] [COUNT | PERCENT%]``; the request may hold a space, as ``Bl ?`` does.

    Raises:
        ControlError: there is no such kind, or the numbers make no sense.
    """
    word, *words = text.split() or [""]
    try:
        kind = FaultKind(word)
    except ValueError:
        raise ControlError(f"unknown fault {word!r}; one of {', '.join(FaultKind)}") from None
    count, probability = None, 1.0
    if words and words[-1].isdecimal():
        count = int(words.pop())
    elif words and words[-1].endswith("%"):
        probability = _number(words.pop()) / 100
    request = " ".join(words) or None
    return Fault(kind=kind, request=request, count=count, probability=probability)


def _help(_ups: SimulatedUps, _rest: str) -> str:
    return "; ".join(command.usage for command in COMMANDS.values())


COMMANDS: Mapping[str, ControlCommand] = MappingProxyType(
    {
        "mains": ControlCommand(usage="mains on|off", run=_mains),
        "load": ControlCommand(usage="load PERCENT", run=_set("load")),
        "charge": ControlCommand(usage="charge PERCENT", run=_set("charge")),
        "voltage": ControlCommand(usage="voltage VOLTS", run=_set("input_voltage")),
        "frequency": ControlCommand(usage="frequency HERTZ", run=_set("input_frequency")),
        "temperature": ControlCommand(usage="temperature DEGREES", run=_set("temperature")),
        "test": ControlCommand(usage="test", run=_do(_test)),
        "battery": ControlCommand(usage="battery fail|renew", run=_battery),
        "replace": ControlCommand(usage="replace on|off", run=_replace),
        "failure": ControlCommand(usage="failure on|off", run=_failure),
        "button": ControlCommand(usage="button", run=_do(SimulatedUps.press_button)),
        "unplug": ControlCommand(usage="unplug", run=_do(SimulatedUps.unplug)),
        "replug": ControlCommand(usage="replug", run=_do(SimulatedUps.replug)),
        "fault": ControlCommand(usage="fault KIND [REQUEST] [COUNT|PERCENT%]", run=_fault),
        "clear": ControlCommand(usage="clear", run=_do(SimulatedUps.clear_faults)),
        "speed": ControlCommand(usage="speed FACTOR", run=_set("time_scale")),
        "status": ControlCommand(usage="status", run=_do(describe)),
        "help": ControlCommand(usage="help", run=_help),
    }
)
"""The words of the control, in the order in which help shows them."""
