"""The state machine of the simulated UPS: it advances whenever it is looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
import time

from .battery import SimulatedBattery
from .profiles import SettingsRow, SimulatorProfile

SELF_TEST_S = 10.0
OVERLOAD_LOAD = 100.0
# Mains counts as failed outside this share of the nominal voltage, by sensitivity (synthetic).
_TOLERANCE = {1: 0.15, 2: 0.20, 3: 0.10}


class SimulatorState(StrEnum):
    """What the unit is doing, the most telling first where several hold."""

    ON_LINE = "on_line"
    ON_BATTERY = "on_battery"
    LOW_BATTERY = "low_battery"
    SHUTDOWN_PENDING = "shutdown_pending"
    OFF_WILL_RETURN = "off_will_return"
    OFF_STAYS_OFF = "off_stays_off"
    RETURNING = "returning"
    SELF_TEST = "self_test"
    TEST_FAILED = "test_failed"
    OVERLOAD = "overload"


class Restart(StrEnum):
    """What brings the output back once it is off."""

    AUTO = "auto"
    """Mains, if auto restart is on when the output goes off (``S``)."""
    TIMED = "timed"
    """Mains, after a delay (``S<n>R<m>``)."""
    MANUAL = "manual"
    """Only the power button (``Sf``)."""


@dataclass(slots=True, kw_only=True)
class SimulatorSettings:
    """What the unit remembers and a command can change."""

    auto_restart: bool
    cold_start: bool
    beeper: bool
    sensitivity: int
    """1 normal, 2 low, 3 high."""
    charge_low: int
    charge_restart: int
    reboot_delay: int
    """Taken for seconds here; the real unit is not known."""
    output_voltage: float
    battery_date: str
    outlets: dict[str, bool]
    """On or off by letter; A and B can be switched, C can not (synthetic)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingShutdown:
    """A shutdown that counts down, in simulated seconds."""

    at: float
    restart: Restart
    restart_after_s: float


type _Event = tuple[float, Callable[[], None]]


def _settings(profile: SimulatorProfile) -> SimulatorSettings:
    row: SettingsRow = profile.settings
    return SimulatorSettings(
        auto_restart=row.auto_restart,
        cold_start=row.cold_start,
        beeper=row.beeper,
        sensitivity=row.sensitivity,
        charge_low=row.charge_low,
        charge_restart=row.charge_restart,
        reboot_delay=row.reboot_delay,
        output_voltage=profile.nominal_voltage,
        battery_date=profile.battery_date,
        outlets={"A": True, "B": True, "C": True},
    )


class StateMachine:
    """What goes on inside one UPS, by itself and with time.

    Nothing runs in the background: every look first lives through the time that has passed on
    `clock`, event by event, so a skipped hour ends as a watched one does.
    """

    repeat_restarts_countdown = True
    """Whether a second ``S`` while one is pending starts the delay anew (inferred)."""
    overload_limit_s: float | None = None
    """How long more than 100 % load is carried; ``None`` for ever."""
    self_test_interval_s: float | None = None
    """How often the unit tests itself unasked; the BU series does every 4 weeks."""

    def __init__(
        self,
        profile: SimulatorProfile,
        *,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start on mains with a full battery.

        Args:
            profile: the model to play.
            time_scale: simulated seconds per second of `clock`.
            clock: a monotonic clock in seconds.
        """
        self.profile = profile
        self.settings = _settings(profile)
        self.mains_changed_at = clock()
        """When the unit last went to battery or back, on `clock`."""
        self.backup_events = 0
        self.fault_voltage = 0.0
        """Input voltage at the last failure; 0 before the first."""
        self._clock = clock
        self._time_scale = time_scale
        self._seen_at = self.mains_changed_at
        self._now = 0.0
        self._battery = SimulatedBattery(profile.battery)
        self._mains = True
        self._input_voltage = profile.voltage
        self._input_frequency = profile.frequency
        self._load = profile.load
        self._was_fed = True
        self._output_on = True
        self._restart = Restart.AUTO
        self._restart_not_before = 0.0
        self._returning_since: float | None = None
        self._shutdown: PendingShutdown | None = None
        self._test_ends_at: float | None = None
        self._tested_at = 0.0
        self._overload_since: float | None = None
        self._fault = False
        self._replace_battery = False

    @property
    def fed(self) -> bool:
        """Whether the mains is good enough to run from."""
        self.advance()
        return self._was_fed

    @property
    def output_on(self) -> bool:
        """Whether the load is powered."""
        self.advance()
        return self._output_on

    @property
    def testing(self) -> bool:
        """Whether a self-test runs."""
        self.advance()
        return self._test_ends_at is not None

    @property
    def shutdown_pending(self) -> bool:
        """Whether a shutdown is counting down."""
        self.advance()
        return self._shutdown is not None

    @property
    def battery_low(self) -> bool:
        """Whether the battery carries the load below its low threshold."""
        self.advance()
        return self._discharging and self._battery.charge <= self.settings.charge_low

    @property
    def returning(self) -> bool:
        """Whether the output is off and on its way back."""
        self.advance()
        return self._returning_since is not None

    @property
    def state(self) -> SimulatorState:
        """What the unit is doing."""
        self.advance()
        if not self._output_on:
            return self._off_state()
        rules = (
            (self._shutdown is not None, SimulatorState.SHUTDOWN_PENDING),
            (self.battery_low, SimulatorState.LOW_BATTERY),
            (self._discharging, SimulatorState.ON_BATTERY),
            (self._test_ends_at is not None, SimulatorState.SELF_TEST),
            (self._fault or self._replace_battery, SimulatorState.TEST_FAILED),
            (self._load > OVERLOAD_LOAD, SimulatorState.OVERLOAD),
        )
        return next((state for holds, state in rules if holds), SimulatorState.ON_LINE)

    def advance(self) -> None:
        """Live through the time that has passed since the last look."""
        seen_at = self._clock()
        target = self._now + max(0.0, seen_at - self._seen_at) * self._time_scale
        self._seen_at = seen_at
        while True:
            at, happen = min(self._events(), key=lambda event: event[0], default=(target, None))
            if happen is None or at > target:
                break
            self._move_to(max(at, self._now))
            happen()
        self._move_to(target)

    @property
    def _discharging(self) -> bool:
        return self._output_on and not self._was_fed

    def _events(self) -> Iterator[_Event]:
        if self._shutdown is not None:
            yield self._shutdown.at, self._finish_shutdown
        if self._test_ends_at is not None:
            yield self._test_ends_at, self._finish_test
        if self._discharging:
            yield self._now + self._battery.runtime_s(self._load), self._run_empty
        if self._returning_since is not None:
            yield self._return_at(self._returning_since), self._switch_on
        if self._overload_since is not None and self.overload_limit_s is not None:
            yield self._overload_since + self.overload_limit_s, self._give_up_overload
        if self.self_test_interval_s is not None:
            yield self._tested_at + self.self_test_interval_s, self._begin_due_test

    def _move_to(self, moment: float) -> None:
        seconds = moment - self._now
        self._now = moment
        if self._discharging:
            self._battery.drain(self._load, seconds)
        elif self._was_fed:
            self._battery.recharge(seconds)

    def _return_at(self, since: float) -> float:
        missing = self.settings.charge_restart - self._battery.charge
        charged_at = self._now + max(0.0, missing) / self._battery.recharge_rate
        return max(since + self.settings.reboot_delay, self._restart_not_before, charged_at)

    def _finish_shutdown(self) -> None:
        shutdown = self._shutdown
        assert shutdown is not None  # noqa: S101  (only ever scheduled by it)
        self._cut_output(shutdown.restart, restart_after_s=shutdown.restart_after_s)

    def _finish_test(self) -> None:
        self._test_ends_at = None
        self._replace_battery = self._replace_battery or self._battery.worn

    def _begin_due_test(self) -> None:
        self._tested_at = self._now
        if self._was_fed and self._output_on:
            self._test_ends_at = self._now + SELF_TEST_S

    def _run_empty(self) -> None:
        self._battery.charge = 0.0
        self._cut_output(Restart.AUTO)

    def _give_up_overload(self) -> None:
        self._cut_output(Restart.MANUAL)

    def _cut_output(self, restart: Restart, *, restart_after_s: float = 0.0) -> None:
        self._output_on = False
        self._shutdown = None
        self._test_ends_at = None
        self._overload_since = None
        if restart is Restart.AUTO and not self.settings.auto_restart:
            restart = Restart.MANUAL
        self._restart = restart
        self._restart_not_before = self._now + restart_after_s
        self._notice_return()

    def _switch_on(self) -> None:
        self._output_on = True
        self._returning_since = None
        self._notice_overload()

    def _notice_input(self) -> None:
        low, high = (
            self.profile.nominal_voltage * (1 + sign * _TOLERANCE[self.settings.sensitivity])
            for sign in (-1, 1)
        )
        fed = self._mains and low <= self._input_voltage <= high
        if fed == self._was_fed:
            return
        self._was_fed = fed
        self.mains_changed_at = self._seen_at
        if not fed:
            self.fault_voltage = self._input_voltage if self._mains else 0.0
            self.backup_events += self._output_on
            self._test_ends_at = None
        self._notice_return()

    def _notice_return(self) -> None:
        waits = not self._output_on and self._was_fed and self._restart is not Restart.MANUAL
        self._returning_since = self._now if waits else None

    def _notice_overload(self) -> None:
        if not self._output_on or self._load <= OVERLOAD_LOAD:
            self._overload_since = None
        elif self._overload_since is None:
            self._overload_since = self._now

    def _off_state(self) -> SimulatorState:
        if self._returning_since is not None:
            return SimulatorState.RETURNING
        if self._restart is Restart.MANUAL:
            return SimulatorState.OFF_STAYS_OFF
        return SimulatorState.OFF_WILL_RETURN
