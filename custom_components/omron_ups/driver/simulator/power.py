"""The simulated UPS without its wire: knobs to turn and readings to take."""

from collections.abc import Callable
from datetime import datetime, timedelta
import time

from .machine import SELF_TEST_S, PendingShutdown, Restart, StateMachine
from .profiles import SimulatorProfile

MAX_LOAD = 150.0
MAX_INPUT_VOLTAGE = 300.0
MAX_FREQUENCY = 99.9
MAX_CHARGE = 100.0
MAX_TEMPERATURE = 99.9
MAX_TIME_SCALE = 100_000
# The output comes up over the last seconds of a restart (synthetic).
_RAMP_S = 3.0
_CLOCK_AT_START = datetime(2026, 1, 1)  # noqa: DTZ001  (the unit knows no time zone)


class PowerModel(StateMachine):
    """Mains, battery, output and load of one UPS, to be set and to be measured."""

    def __init__(
        self,
        profile: SimulatorProfile,
        *,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start on mains with a full battery; see `StateMachine`."""
        _require_time_scale(time_scale)
        super().__init__(profile, time_scale=time_scale, clock=clock)
        self._temperature = profile.temperature
        self._battery_temperature = profile.battery_temperature
        self._clock_offset = timedelta()

    @property
    def time_scale(self) -> float:
        """Simulated seconds per second."""
        return self._time_scale

    @time_scale.setter
    def time_scale(self, scale: float) -> None:
        _require_time_scale(scale)
        self.advance()
        self._time_scale = scale

    @property
    def mains(self) -> bool:
        """Whether there is mains at the input."""
        return self._mains

    def cut_mains(self) -> None:
        """Pull the plug."""
        self._set_input(mains=False)

    def restore_mains(self) -> None:
        """Put the plug back."""
        self._set_input(mains=True)

    @property
    def input_voltage(self) -> float:
        """Voltage of the mains while there is any, V; far from nominal is a failure."""
        return self._input_voltage

    @input_voltage.setter
    def input_voltage(self, voltage: float) -> None:
        _require(
            0 <= voltage <= MAX_INPUT_VOLTAGE,
            f"input voltage {voltage:g} V is not between 0 and {MAX_INPUT_VOLTAGE:g}",
        )
        self.advance()
        self._input_voltage = voltage
        self._notice_input()

    @property
    def input_frequency(self) -> float:
        """Frequency of the mains, Hz."""
        return self._input_frequency

    @input_frequency.setter
    def input_frequency(self, frequency: float) -> None:
        _require(
            0 <= frequency <= MAX_FREQUENCY, f"frequency {frequency:g} Hz is not between 0 and 99.9"
        )
        self._input_frequency = frequency

    @property
    def temperature(self) -> float:
        """Temperature in the unit, degrees Celsius."""
        return self._temperature

    @temperature.setter
    def temperature(self, degrees: float) -> None:
        _require(0 <= degrees <= MAX_TEMPERATURE, f"temperature {degrees:g} is not 0 to 99.9")
        self._temperature = degrees

    @property
    def battery_temperature(self) -> float:
        """Temperature of the battery, degrees Celsius."""
        return self._battery_temperature

    @battery_temperature.setter
    def battery_temperature(self, degrees: float) -> None:
        _require(
            -MAX_TEMPERATURE <= degrees <= MAX_TEMPERATURE,
            f"battery temperature {degrees:g} is not -99.9 to 99.9",
        )
        self._battery_temperature = degrees

    @property
    def load(self) -> float:
        """What is attached, in percent of the rated W; drawn only while the output is on."""
        return self._load

    @load.setter
    def load(self, percent: float) -> None:
        _require(0 <= percent <= MAX_LOAD, f"load {percent:g} % is not between 0 and 150")
        self.advance()
        self._load = percent
        self._notice_overload()

    @property
    def charge(self) -> float:
        """Battery charge in percent."""
        self.advance()
        return self._battery.charge

    @charge.setter
    def charge(self, percent: float) -> None:
        _require(0 <= percent <= MAX_CHARGE, f"charge {percent:g} % is not between 0 and 100")
        self.advance()
        self._battery.charge = percent

    def start_self_test(self, duration_s: float = SELF_TEST_S) -> bool:
        """Begin a self-test; return whether the unit could (on mains, output on, no test yet)."""
        self.advance()
        if not (self._was_fed and self._output_on and self._test_ends_at is None):
            return False
        self._test_ends_at = self._now + duration_s
        return True

    def stop_self_test(self) -> None:
        """End a self-test without a result."""
        self.advance()
        self._test_ends_at = None

    def fail_battery(self) -> None:
        """Wear the battery out: little runtime, and the next self-test asks for a new one."""
        self.advance()
        self._battery.worn = True

    def renew_battery(self) -> None:
        """Put a new, full battery in."""
        self.advance()
        self._battery.worn = False
        self._battery.charge = 100.0
        self._replace_battery = False

    @property
    def replace_battery(self) -> bool:
        """Whether the unit asks for a new battery."""
        self.advance()
        return self._replace_battery

    @replace_battery.setter
    def replace_battery(self, wanted: bool) -> None:
        self.advance()
        self._replace_battery = wanted

    @property
    def fault(self) -> bool:
        """Whether the unit reports itself as failed (status index 3)."""
        return self._fault

    def set_fault(self, present: bool) -> None:  # noqa: FBT001  (the one thing it sets)
        """Break or mend the unit's electronics as far as its status shows."""
        self._fault = present

    def press_button(self) -> None:
        """Press the power switch: off if the output is on, else on if there is power for it."""
        self.advance()
        if self._output_on:
            self._cut_output(Restart.MANUAL)
        elif self._was_fed or (self.settings.cold_start and self._battery.charge > 0):
            self._switch_on()

    def order_shutdown(
        self, delay_s: float, restart: Restart, *, restart_after_s: float = 0.0
    ) -> None:
        """Cut the output after `delay_s` simulated seconds."""
        self.advance()
        if self._shutdown is not None and not self.repeat_restarts_countdown:
            return
        self._shutdown = PendingShutdown(
            at=self._now + delay_s, restart=restart, restart_after_s=restart_after_s
        )

    def cancel_shutdown(self) -> None:
        """Forget a shutdown that has not happened yet."""
        self.advance()
        self._shutdown = None

    def set_clock(self, moment: datetime) -> None:
        """Set the unit's own clock."""
        self._clock_offset += moment - self.unit_clock

    @property
    def unit_clock(self) -> datetime:
        """The unit's own clock; it starts at 2026-01-01 and runs with simulated time."""
        self.advance()
        return _CLOCK_AT_START + self._clock_offset + timedelta(seconds=self._now)

    @property
    def drawn_load(self) -> float:
        """Load in percent as the unit measures it; 0 while the output is off."""
        self.advance()
        return self._load if self._output_on else 0.0

    @property
    def runtime_s(self) -> float:
        """How long the battery would carry the load that is drawn now, in simulated seconds."""
        return self._battery.runtime_s(self.drawn_load)

    @property
    def battery_voltage(self) -> float:
        """Battery voltage as the unit reports it."""
        self.advance()
        if self._was_fed and self._test_ends_at is None:
            return self._battery.charging_voltage
        return self._battery.discharging_voltage(self.drawn_load)

    @property
    def measured_input_voltage(self) -> float:
        """Voltage at the input, 0 without mains."""
        return self._input_voltage if self._mains else 0.0

    @property
    def measured_frequency(self) -> float:
        """Frequency of the input, or of the output on battery as a BW55T sample suggests."""
        return self._input_frequency if self._mains else self.profile.nominal_frequency

    @property
    def output_voltage(self) -> float:
        """Voltage at the output; rises during the last seconds of a restart."""
        self.advance()
        if self._output_on:
            return self._on_voltage
        if self._returning_since is None:
            return 0.0
        left = max(0.0, self._return_at(self._returning_since) - self._now)
        return self._on_voltage * max(0.0, 1.0 - left / _RAMP_S)

    @property
    def output_frequency(self) -> float:
        """Frequency at the output, 0 while it is off."""
        self.advance()
        if not self._output_on:
            return 0.0
        if not self._was_fed:
            return self.profile.nominal_frequency
        return max(0.0, self._input_frequency + self.profile.output_frequency_offset)

    @property
    def simulated_s(self) -> float:
        """Simulated seconds since the start."""
        self.advance()
        return self._now

    @property
    def _on_voltage(self) -> float:
        if self._was_fed:
            return self._input_voltage + self.profile.output_offset
        return self.settings.output_voltage

    def _set_input(self, *, mains: bool) -> None:
        self.advance()
        self._mains = mains
        self._notice_input()


def _require(holds: bool, message: str) -> None:  # noqa: FBT001  (a condition is all it takes)
    if not holds:
        raise ValueError(message)


def _require_time_scale(scale: float) -> None:
    _require(
        0 < scale <= MAX_TIME_SCALE,
        f"time scale {scale:g} is not above 0 and at most {MAX_TIME_SCALE}",
    )
