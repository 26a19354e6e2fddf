"""What the simulated UPS answers: its queries and commands as two tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
import re
from types import MappingProxyType

from .machine import Restart
from .power import PowerModel

SECONDS_PER_STEP = 6
LONGEST_DELAY_MIN = 30
# `.0` and `.1` are not among the vendor driver's delays.
_LEAST_STEPS = 2
_SERIAL_WIDTH = 16

# Where vendor driver 1.02 looks for each command: (page, bit), bit 31 first on the line.
CAPABILITY_BITS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "Q1": (1, 31),
        "V": (1, 30),
        "S": (1, 25),
        "SR": (1, 24),
        "C": (1, 23),
        "Bn": (1, 20),
        "Bf": (1, 19),
        "BRW": (1, 17),
        "BRR": (1, 16),
        "Bv": (1, 14),
        "Lf ?": (1, 13),
        "Bl ?": (1, 12),
        "Af": (1, 10),
        "An": (1, 9),
        "VA": (1, 6),
        "VB": (1, 5),
        "V2": (1, 2),
        "Sf": (1, 1),
        "Obf": (2, 27),
        "Obn": (2, 26),
        "Ocf": (2, 25),
        "Ocn": (2, 24),
        "RTS": (2, 22),
        "V3": (2, 18),
        "FWV": (2, 16),
        "CSf": (2, 10),
        "CSn": (2, 9),
        "OUT": (2, 6),
        "Rbd ?": (3, 28),
        "WR": (3, 10),
        "RRTC": (3, 9),
        "OS ?": (3, 1),
        "RBV": (4, 31),
        "Rbv ?": (4, 30),
        "SS": (4, 29),
        "Ss ?": (4, 28),
        "PSNR": (4, 19),
        "UN": (4, 16),
        "Oaf": (4, 15),
        "Oan": (4, 14),
        "TPb": (4, 10),
        "BLD": (5, 20),
        "Bld ?": (5, 19),
    }
)


def _capabilities(page: int) -> Callable[[PowerModel], str]:
    def reply(ups: PowerModel) -> str:
        supported = ups.profile.queries | ups.profile.writes
        places = (CAPABILITY_BITS[name] for name in supported if name in CAPABILITY_BITS)
        word = sum(1 << bit for on_page, bit in places if on_page == page)
        bits = f"{word:032b}"
        return f"{bits[:8]} {bits[8:16]} {bits[16:24]} {bits[24:]} *{page}"

    return reply


def _status(ups: PowerModel) -> str:
    row, testing = ups.profile, ups.testing
    on_battery = not ups.fed or (testing and row.test_shows_on_battery)
    settled = ups.fed and ups.output_on and not on_battery
    # Was seen to vary while a BN150T started up; how, nobody published.
    starting = ups.returning and int(ups.simulated_s) % 2 == 1
    flags = (
        on_battery,
        ups.battery_low,
        row.sets_status_2 and (settled or starting),
        ups.fault,
        row.standby,
        testing,
        ups.shutdown_pending,
        ups.settings.beeper if row.beeper_in_status else ups.replace_battery,
    )
    return "".join("1" if flag else "0" for flag in flags)


def _q1(ups: PowerModel) -> str:
    voltage = ups.measured_input_voltage
    fault = voltage if ups.profile.fault_voltage_mirrors_input else ups.fault_voltage
    fields = [
        f"{voltage:05.1f}",
        f"{fault:05.1f}",
        f"{ups.output_voltage:05.1f}",
        f"{int(ups.drawn_load):03d}",
        f"{ups.measured_frequency:04.1f}",
        f"{ups.battery_voltage:04.1f}",
        f"{ups.temperature:04.1f}",
    ]
    for place in ups.profile.dashed_fields:
        fields[place] = re.sub(r"\d", "-", fields[place])
    return f"({' '.join(fields)} {_status(ups)}"


def _ratings(ups: PowerModel) -> str:
    row = ups.profile
    most, least = row.own_consumption_w
    return (
        f"{row.rated_w:04d}W/{row.rated_va:04d}VA/{row.battery.nominal_voltage:03d}V"
        f"/{most:03d}W/{least:03d}W"
    )


def _measured_load(ups: PowerModel) -> str:
    watts = ups.drawn_load * ups.profile.rated_w / 100
    volt_amperes = watts / ups.profile.power_factor
    groups = "".join(f"{letter}:----W/----VA," for letter in "ABC")
    return f"{groups}T:{int(watts):04d}W/{round(volt_amperes):04d}VA"


def _flags(*, at: int, value: bool, width: int = 8) -> str:
    text = ["0"] * width
    text[at] = "1" if value else "0"
    return "".join(text)


def _cold_start(ups: PowerModel) -> str:
    # Two groups and a space, as far as the vendor driver's offsets tell.
    flags = _flags(at=12, value=ups.settings.cold_start, width=16)
    return f"{flags[:8]} {flags[8:]}"


def _clock(ups: PowerModel) -> str:
    now = ups.unit_clock
    return f"{now:%y}{now.isoweekday()}{now:%m%d%H%M%S}"


def _outlets(ups: PowerModel) -> str:
    return " ".join(
        f"{letter}:{'0' if letter == 'C' else '1'}{int(on and ups.output_on)}"
        for letter, on in ups.settings.outlets.items()
    )


def _megatec_rating(ups: PowerModel) -> str:
    row = ups.profile
    current = round(row.rated_va / row.nominal_voltage)
    battery = row.battery.nominal_voltage
    return (
        f"#{row.nominal_voltage:05.1f} {current:03d} {battery:05.2f} {row.nominal_frequency:04.1f}"
    )


def _megatec_identity(ups: PowerModel) -> str:
    row = ups.profile
    return f"#{row.manufacturer or '':<15} {row.model or '':<10} {row.firmware:<10}"


QUERIES: Mapping[str, Callable[[PowerModel], str]] = MappingProxyType(
    {
        "Q1": _q1,
        "CF": _capabilities(1),
        "CF2": _capabilities(2),
        "CF3": _capabilities(3),
        "CF4": _capabilities(4),
        "CF5": _capabilities(5),
        "Bl ?": lambda ups: f"{int(ups.charge):03d}",
        "RTS": lambda ups: f"{min(9999, int(ups.runtime_s / 60)):04d}",
        "TPb": lambda ups: f"{ups.battery_temperature:+05.1f}",
        "Lf ?": lambda ups: f"{ups.output_frequency:04.1f}",
        "PSNR": lambda ups: f"{ups.profile.serial:<{_SERIAL_WIDTH}}",
        "FWV": lambda ups: f"M:{ups.profile.firmware}(S:{ups.profile.firmware_aux})",
        "BRR": lambda ups: ups.settings.battery_date,
        "UN": _ratings,
        "Bv": lambda ups: f"{ups.profile.battery.nominal_voltage:03d}",
        "V": lambda ups: _flags(at=1, value=not ups.settings.beeper),
        "V2": lambda ups: _flags(at=0, value=not ups.settings.auto_restart),
        "V3": _cold_start,
        "Ss ?": lambda ups: str(ups.settings.sensitivity),
        "Bld ?": lambda ups: f"{ups.settings.charge_low:03d}",
        "Rbv ?": lambda ups: f"{ups.settings.charge_restart:03d}",
        "Rbd ?": lambda ups: f"{ups.settings.reboot_delay:03d}",
        "RRTC": _clock,
        "OS ?": _outlets,
        "LC": _measured_load,
        "Si ?": lambda ups: ups.profile.model or "",
        "TBN ?": lambda ups: str(ups.backup_events),
        "F": _megatec_rating,
        "I": _megatec_identity,
    }
)
"""Request to reply, CR left out of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRow:
    """One command that changes something."""

    family: str
    """The name under which profiles list it."""
    pattern: re.Pattern[str]
    act: Callable[[PowerModel, re.Match[str]], bool]
    """Do it; return whether the unit accepts."""


def _delay_s(text: str) -> float | None:
    """Read ``.k`` (6 s steps, 2 to 9) or ``mm`` (minutes, 1 to 30)."""
    if text.startswith("."):
        steps = int(text[1:])
        return float(steps * SECONDS_PER_STEP) if steps >= _LEAST_STEPS else None
    minutes = int(text)
    return minutes * 60.0 if 1 <= minutes <= LONGEST_DELAY_MIN else None


def _shut_down(restart: Restart) -> Callable[[PowerModel, re.Match[str]], bool]:
    def act(ups: PowerModel, match: re.Match[str]) -> bool:
        delay = _delay_s(match[1])
        if delay is None:
            return False
        ups.order_shutdown(delay, restart)
        return True

    return act


def _shut_down_timed(ups: PowerModel, match: re.Match[str]) -> bool:
    delay, minutes, digits = _delay_s(match[1]), int(match[2]), len(match[2])
    if delay is None or digits != (5 if ups.profile.acknowledges else 4):
        return False
    if minutes == 0:
        if ups.profile.acknowledges:
            return False
        # Megatec's way to stay off; vendor driver 1.02 sends 1 or more.
        ups.order_shutdown(delay, Restart.MANUAL)
        return True
    ups.order_shutdown(delay, Restart.TIMED, restart_after_s=minutes * 60.0)
    return True


def _setting(name: str, value: object) -> Callable[[PowerModel, re.Match[str]], bool]:
    def act(ups: PowerModel, _match: re.Match[str]) -> bool:
        setattr(ups.settings, name, value)
        return True

    return act


def _number(name: str, low: int, high: int) -> Callable[[PowerModel, re.Match[str]], bool]:
    def act(ups: PowerModel, match: re.Match[str]) -> bool:
        value = int(match[1])
        if not low <= value <= high:
            return False
        setattr(ups.settings, name, value)
        return True

    return act


def _date(ups: PowerModel, match: re.Match[str]) -> bool:
    try:
        datetime.strptime(match[1], "%Y%m%d")  # noqa: DTZ007  (a calendar day)
    except ValueError:
        return False
    ups.settings.battery_date = match[1]
    return True


def _set_clock(ups: PowerModel, match: re.Match[str]) -> bool:
    try:
        moment = datetime.strptime(match[1] + match[3], "%y%m%d%H%M")  # noqa: DTZ007  (no zone)
    except ValueError:
        return False
    if moment.isoweekday() != int(match[2]):
        return False
    ups.set_clock(moment)
    return True


def _outlet(ups: PowerModel, match: re.Match[str]) -> bool:
    letter = match[1].upper()
    if letter == "C":
        return False
    ups.settings.outlets[letter] = match[2] == "n"
    return True


def _cancel(ups: PowerModel, _match: re.Match[str]) -> bool:
    ups.cancel_shutdown()
    return True


def _stop_test(ups: PowerModel, _match: re.Match[str]) -> bool:
    ups.stop_self_test()
    return True


def _toggle_beeper(ups: PowerModel, _match: re.Match[str]) -> bool:
    ups.settings.beeper = not ups.settings.beeper
    return True


def _row(family: str, pattern: str, act: Callable[[PowerModel, re.Match[str]], bool]) -> WriteRow:
    return WriteRow(family=family, pattern=re.compile(pattern), act=act)


WRITES: tuple[WriteRow, ...] = (
    _row("An", "An", _setting("auto_restart", value=True)),
    _row("Af", "Af", _setting("auto_restart", value=False)),
    _row("CSn", "CSn", _setting("cold_start", value=True)),
    _row("CSf", "CSf", _setting("cold_start", value=False)),
    _row("Bn", "Bn", _setting("beeper", value=True)),
    _row("Bf", "Bf", _setting("beeper", value=False)),
    _row("SS", r"SS(\d)", _number("sensitivity", 1, 3)),
    _row("VA", "VA", _setting("sensitivity", value=1)),
    _row("VB", "VB", _setting("sensitivity", value=2)),
    _row("OUT", r"OUT(\d{3})", _number("output_voltage", 100, 240)),
    _row("RBV", r"RBV(\d{3})", _number("charge_restart", 0, 100)),
    _row("BLD", r"BLD(\d{3})", _number("charge_low", 0, 100)),
    _row("BRW", r"BRW(\d{8})", _date),
    _row("WR", r"WR(\d\d)([1-7])(\d{8})00", _set_clock),
    *(_row(f"O{letter}{way}", f"O({letter})({way})", _outlet) for letter in "abc" for way in "nf"),
    _row("S", r"S(\.\d|\d\d)", _shut_down(Restart.AUTO)),
    _row("Sf", r"Sf(\.\d|\d\d)", _shut_down(Restart.MANUAL)),
    _row("SR", r"S(\.\d|\d\d)R(\d{4,5})", _shut_down_timed),
    _row("C", "C", _cancel),
    _row("T", "T", lambda ups, _match: ups.start_self_test()),
    _row("CT", "CT", _stop_test),
    _row("Q", "Q", _toggle_beeper),
)
