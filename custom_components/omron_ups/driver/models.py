"""The data types that leave the driver: one immutable picture of the UPS at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

EMPTY: Mapping[str, float] = MappingProxyType({})
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class Sensitivity(StrEnum):
    """How readily the UPS takes odd mains for a failure (``Ss ?``, vendor driver 1.02)."""

    NORMAL = "normal"
    LOW = "low"
    HIGH = "high"


class Topology(StrEnum):
    """How the UPS is built, from Q1 status index 4; the values are NUT's."""

    STANDBY = "offline / line interactive"
    ONLINE = "online"


class SelfTestResult(StrEnum):
    """What NUT's ``ups.test.result`` says of the last self-test that we saw."""

    IN_PROGRESS = "In progress"
    PASSED = "Done and passed"
    FAILED = "Done and error"
    ABORTED = "Aborted"
    """Mains failed before the test was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkInfo:
    """What the link itself tells of the unit, before any command (USB descriptors)."""

    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    vendor_id: int | None = None
    product_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writable:
    """What a variable may be set to: text of so many characters, a word, or a number in a range."""

    max_length: int | None = None
    enum: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    """First and last, both allowed."""
    is_dangerous: bool = False
    """Whether a wrong value can harm what is attached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """One outlet group, as ``OS ?`` (vendor driver 1.02) and ``LC`` (seen on BW55T) report it."""

    switchable: bool | None = None
    on: bool | None = None
    realpower: int | None = None
    """Measured load in W."""
    power: int | None = None
    """Measured load in VA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsState:
    """What is known of the UPS at one moment.

    ``None`` always means "not known": the unit cannot tell, has not been asked yet, or its last
    answer is too old. A number is never made up.
    """

    # The link
    stale: bool = True
    """No good Q1 reply for 4 s, or none yet: the readings are history."""
    read_at: float | None = None
    """When the last good Q1 reply came, on the driver's monotonic clock."""
    read_times: Mapping[str, float] = field(default=EMPTY, repr=False)
    """When each field was last read, on the same clock."""

    # Status, after the rules for glitches and self-tests
    on_battery: bool | None = None
    battery_low: bool | None = None
    replace_battery: bool | None = None
    fault: bool | None = None
    overload: bool | None = None
    testing: bool | None = None
    charging: bool | None = None
    shutdown_pending: bool | None = None
    forced_shutdown: bool = False
    """Whether another NUT server, whose UPS this is, says FSD."""
    test_result: SelfTestResult | None = None
    alarms: tuple[str, ...] = ()
    raw_status: str | None = None
    """The eight status characters of the last Q1 reply, untouched."""

    # Readings
    input_voltage: float | None = None
    input_voltage_fault: float | None = None
    """Input voltage at the last failure, V; 0 where the unit recorded none."""
    input_frequency: float | None = None
    output_voltage: float | None = None
    output_frequency: float | None = None
    load: int | None = None
    """Percent of the rated W, truncated by the unit (inferred from a BW55T sample)."""
    battery_voltage: float | None = None
    """V as the unit reports it, times ``battery_packs``."""
    battery_packs: int = 1
    """What the user said the reported voltage has to be multiplied by."""
    battery_packs_suggested: int | None = None
    """What it looks as if it had to be multiplied by; None where it seems right as it is.

    The BW55T seems to report one 12 V block of its 24 V battery.
    """
    battery_charge: int | None = None
    battery_runtime: int | None = None
    """Seconds; the unit counts in whole minutes."""
    runtime_estimated: bool = False
    """Whether ``battery_runtime`` is the vendor driver's formula instead of the unit's word."""
    battery_temperature: float | None = None
    temperature: float | None = None
    realpower: int | None = None
    """Load in W: measured (``LC``), else load percent x rating."""
    power: int | None = None
    """Load in VA: measured (``LC``), else load percent x rating."""
    power_measured: bool = False
    """Whether ``realpower`` and ``power`` are measurements rather than derived."""
    outlets: tuple[Outlet, ...] = ()
    backup_events: int | None = None
    """How often the unit ran on battery (``TBN ?``, one community driver, unverified)."""
    clock: datetime | None = None
    """The unit's own clock, without a time zone."""

    # Identity and ratings
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    firmware_aux: str | None = None
    vendor_id: int | None = None
    product_id: int | None = None
    topology: Topology | None = None
    realpower_nominal: int | None = None
    power_nominal: int | None = None
    battery_voltage_nominal: float | None = None
    battery_date: date | None = None
    """Battery replaced, or first use (``BRR``; which of the two is not known)."""

    # Settings of the unit
    beeper_enabled: bool | None = None
    auto_restart: bool | None = None
    cold_start: bool | None = None
    input_sensitivity: Sensitivity | None = None
    battery_charge_low: int | None = None
    battery_charge_restart: int | None = None
    reboot_delay: int | None = None
    """``Rbd ?`` as the unit says it; its unit is not known."""

    # Settings of the driver
    shutdown_delay: int = 30
    """Seconds between a shutdown command and the output going off."""
    start_delay: int = 180
    """Seconds before the output returns after a timed restart."""

    variables: Mapping[str, str] = field(default=NO_VARIABLES, repr=False)
    """The same facts under NUT's names, in NUT's spelling."""

    @property
    def title(self) -> str | None:
        """What a person may call the UPS: its model, else its maker and size, else None.

        A unit on a serial line may have no query that tells its model (BN150T: none was seen).
        """
        if self.model is not None:
            return self.model
        ratings = ((self.power_nominal, "VA"), (self.realpower_nominal, "W"))
        size = next((f"{value} {unit}" for value, unit in ratings if value), None)
        return " ".join(filter(None, (self.manufacturer, size))) or None
