"""What the status characters of Q1 mean, once glitches and self-tests are taken out.

Pure: replies and times go in, a Status comes out. One reply never changes anything by itself.
"""

from dataclasses import dataclass

from .models import SelfTestResult
from .queries import Q1Bit, Q1Reply

# Low battery stops hosts, so it must hold in this many replies in a row, on battery.
LOW_BATTERY_REPLIES = 3
# A self-test may raise the on-battery bit on some models while mains is there; it is believed
# to be the test only while the input voltage stays above this share of its last mains value,
MASK_VOLTAGE_SHARE = 0.7
# and only for this long, in seconds.
MASK_LIMIT_S = 60.0
OVERLOAD_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The believed state of the UPS; None until two replies agreed."""

    on_battery: bool | None = None
    battery_low: bool | None = None
    replace_battery: bool | None = None
    fault: bool | None = None
    overload: bool | None = None
    testing: bool | None = None
    shutdown_pending: bool | None = None
    test_result: SelfTestResult | None = None


class _Agreed:
    """A bit that is believed when two replies in a row say the same."""

    def __init__(self) -> None:
        self.value: bool | None = None
        self._candidate: bool | None = None

    def feed(self, bit: bool) -> bool | None:  # noqa: FBT001
        if bit == self._candidate:
            self.value = bit
        self._candidate = bit
        return self.value

    @property
    def is_settled(self) -> bool:
        return self._candidate == self.value


class _LowBattery:
    """The low battery bit: believed, and believed to be over, only after several replies."""

    def __init__(self) -> None:
        self.value: bool | None = None
        self._low_replies = 0
        self._other_replies = 0

    def feed(self, reply: Q1Reply, *, on_mains: bool) -> None:
        is_low = reply.bit(Q1Bit.ON_BATTERY) and reply.bit(Q1Bit.BATTERY_LOW)
        self._low_replies = self._low_replies + 1 if is_low else 0
        self._other_replies = 0 if is_low else self._other_replies + 1
        if self._low_replies >= LOW_BATTERY_REPLIES:
            self.value = True
        elif self._other_replies >= LOW_BATTERY_REPLIES or (
            on_mains and not reply.bit(Q1Bit.ON_BATTERY)
        ):
            self.value = False


class StatusTracker:
    """Turns the stream of Q1 replies of one connection into a believed Status."""

    def __init__(self) -> None:
        """Start knowing nothing of the power."""
        self._on_battery = _Agreed()
        self._replace_battery = _Agreed()
        self._fault = _Agreed()
        self._overload = _Agreed()
        self._testing = _Agreed()
        self._shutdown_bit = _Agreed()
        self._low_battery = _LowBattery()
        self._mains_voltage: float | None = None
        self._masked_since: float | None = None
        self._shutdown_bit_was_clear = False
        self._shutdown_pending = False
        self._test_result: SelfTestResult | None = None
        self._test_saw_outage = False

    def successor(self) -> StatusTracker:
        """Return what the next connection to the same unit begins with.

        It knows nothing of the power, which may have changed meanwhile. A low battery is not
        forgotten with the link, nor are the result of a self-test and what masks a self-test: a
        unit that tests itself while the link returns is not on battery for that.
        """
        following = StatusTracker()
        following._low_battery.value = self._low_battery.value
        following._test_result = self._test_result
        following._mains_voltage = self._mains_voltage
        following._masked_since = self._masked_since
        return following

    @property
    def wants_confirmation(self) -> bool:
        """Whether the last reply said something new of the power: ask again at once."""
        return not self._on_battery.is_settled

    def feed(self, reply: Q1Reply, now: float, *, is_omron: bool) -> Status:
        """Take in a reply that came at `now` (seconds, monotonic) and return what to believe.

        Index 7 says nothing of the battery until `is_omron` is proven.
        """
        self._low_battery.feed(reply, on_mains=self._on_battery.value is False)
        masked = self._is_self_test(reply, now)
        on_battery = self._on_battery.feed(reply.bit(Q1Bit.ON_BATTERY) and not masked)
        if not reply.bit(Q1Bit.ON_BATTERY) and reply.input_voltage:
            self._mains_voltage = reply.input_voltage
        fault = self._fault.feed(reply.bit(Q1Bit.FAULT))
        replace_battery = (
            self._replace_battery.feed(reply.bit(Q1Bit.REPLACE_BATTERY)) if is_omron else None
        )
        self._follow_test(reply.bit(Q1Bit.TESTING))
        self._follow_shutdown_bit(reply.bit(Q1Bit.SHUTDOWN_PENDING))
        return Status(
            on_battery=on_battery,
            battery_low=self._low_battery.value if on_battery else on_battery,
            replace_battery=replace_battery,
            fault=fault,
            overload=self._follow_load(reply.load),
            testing=self._testing.value,
            shutdown_pending=self._shutdown_pending,
            test_result=self._settled_test_result(),
        )

    def _is_self_test(self, reply: Q1Reply, now: float) -> bool:
        if not (reply.bit(Q1Bit.ON_BATTERY) and reply.bit(Q1Bit.TESTING)):
            self._masked_since = None
            return False
        if self._masked_since is None:
            self._masked_since = now
        return (
            not self._low_battery.value
            and now - self._masked_since <= MASK_LIMIT_S
            and reply.input_voltage is not None
            and self._mains_voltage is not None
            and reply.input_voltage > MASK_VOLTAGE_SHARE * self._mains_voltage
        )

    def _follow_load(self, load: int | None) -> bool | None:
        if load is None:
            return self._overload.value
        return self._overload.feed(load > OVERLOAD_PERCENT)

    def _follow_test(self, bit: bool) -> None:  # noqa: FBT001
        before = self._testing.value
        testing = self._testing.feed(bit)
        if testing:
            self._test_saw_outage = bool(
                (before and self._test_saw_outage) or self._on_battery.value
            )
            self._test_result = SelfTestResult.IN_PROGRESS
        elif before:
            self._test_result = (
                SelfTestResult.ABORTED if self._test_saw_outage else SelfTestResult.PASSED
            )

    def _settled_test_result(self) -> SelfTestResult | None:
        if self._test_result is SelfTestResult.PASSED and (
            self._fault.value or self._replace_battery.value
        ):
            self._test_result = SelfTestResult.FAILED
        return self._test_result

    def _follow_shutdown_bit(self, bit: bool) -> None:  # noqa: FBT001
        """Believe the shutdown bit only when we saw it rise, on battery.

        Its meaning is unproven, and some Megatec units hold it at 1 (NUT's ``ignoresab``).
        """
        believed = self._shutdown_bit.feed(bit)
        if not believed:
            self._shutdown_pending = False
            self._shutdown_bit_was_clear |= believed is False
        elif self._shutdown_bit_was_clear:
            self._shutdown_pending = bool(self._on_battery.value)
            self._shutdown_bit_was_clear = False
