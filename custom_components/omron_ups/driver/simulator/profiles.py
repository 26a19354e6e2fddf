"""The models that the simulated UPS can play, as a table of facts with their evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ..models import LinkInfo

OMRON = 0x0590
DEFAULT_PROFILE = "bw55t"

# 2400 baud, 8 data bits, no parity, 1 stop bit; turn-around computed from a BN75T log.
SERIAL_BAUD = 2400
SERIAL_TURNAROUND_S = 0.035
BITS_PER_BYTE = 10


class UnknownReply(StrEnum):
    """How a unit answers a request that it does not know."""

    NAK = "nak"
    """OMRON, reported for the BW55T."""
    ECHO = "echo"
    """Megatec protocol V2.7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryRow:
    """Figures of a battery; all but the float voltage are synthetic unless noted."""

    nominal_voltage: int = 24
    float_voltage: float = 13.7
    """V as Q1 reports it on mains; a BW55T reports one 12 V block (seen)."""
    blocks: int = 1
    """How many 12 V blocks the reported voltage counts."""
    load: float = 12.0
    runtime_s: float = 3930.0
    """Runtime of the full battery at `load` percent; the BW55T counts 65 minutes at 12 % (seen)."""
    idle_drain: float = 0.0044
    """Percent per second at no load (vendor driver 1.02's default constant)."""
    recharge_s: float = 8 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRow:
    """What the unit has stored when it leaves the simulated box; the BW55T's values (seen)."""

    auto_restart: bool = True
    cold_start: bool = False
    beeper: bool = True
    sensitivity: int = 1
    charge_low: int = 30
    charge_restart: int = 0
    reboot_delay: int = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorProfile:
    """One model: who it says it is, what it answers, how it behaves."""

    name: str
    title: str
    evidence: str
    """What is known of the real unit, and from where."""
    manufacturer: str | None = None
    model: str | None = None
    vendor_id: int | None = None
    product_id: int | None = None
    serial: str = "SIMULATED00001"
    firmware: str = "0.32"
    firmware_aux: str = "1.04"
    rated_w: int = 340
    rated_va: int = 550
    own_consumption_w: tuple[int, int] = (40, 5)
    """Greatest and least consumption of the unit itself, as ``UN`` tells it (synthetic)."""
    battery_date: str = "20260401"
    battery: BatteryRow = BatteryRow()
    settings: SettingsRow = SettingsRow()

    queries: frozenset[str] = field(repr=False)
    """The requests that are answered with data."""
    writes: frozenset[str] = field(default=frozenset(), repr=False)
    """The command families that are accepted (``S``, ``SR``, ``Sf``, ``C``, ``BLD``, ...)."""
    unknown: UnknownReply = UnknownReply.NAK
    acknowledges: bool = True
    """Whether an accepted command is answered ``OK``; Megatec units stay silent."""

    voltage: float = 103.7
    output_offset: float = 0.1
    """Output minus input voltage on mains, V."""
    frequency: float = 50.1
    output_frequency_offset: float = -0.1
    nominal_voltage: float = 100.0
    nominal_frequency: float = 50.0
    load: float = 12.0
    temperature: float = 25.9
    battery_temperature: float = 19.8
    power_factor: float = 0.893
    """Of the attached load; 166 W / 186 VA was reported by a BW55T."""

    standby: bool = True
    """Status index 4: line-interactive, as on BN150T, BW55T and BY35S (seen)."""
    sets_status_2: bool = True
    """Status index 2 is set in normal operation on mains: BN150T, BW55T, BY35S (seen)."""
    fault_voltage_mirrors_input: bool = False
    """The BY35S repeats the input voltage in Q1 field 2 (seen)."""
    dashed_fields: frozenset[int] = frozenset()
    """Numbers (from 0) of the Q1 fields that read ``---.-``."""
    test_shows_on_battery: bool = False
    """Status index 0 is set during a self-test (reported for some models)."""
    beeper_in_status: bool = False
    """Status index 7 tells the beeper (Megatec) instead of a bad battery."""
    baud: int | None = None
    """Line speed; ``None`` for a USB unit."""
    packet_size: int = 64
    """Size of a USB input packet in bytes; the BY35S has 8 (seen)."""
    exchange_s: float = 0.05
    """Duration of one exchange over USB."""

    @property
    def info(self) -> LinkInfo:
        """What the link of this unit tells by itself: USB descriptors, or nothing."""
        if self.baud is not None:
            return LinkInfo()
        return LinkInfo(
            manufacturer=self.manufacturer,
            model=self.model,
            vendor_id=self.vendor_id,
            product_id=self.product_id,
        )

    def exchange_time_s(self, sent: int, received: int) -> float:
        """Return how long an exchange of so many bytes takes on this unit's own link."""
        if self.baud is None:
            return self.exchange_s
        return (sent + received) * BITS_PER_BYTE / self.baud + SERIAL_TURNAROUND_S


_CAPABILITIES = frozenset({"CF", "CF2", "CF3", "CF4", "CF5"})
_BN150T_QUERIES = frozenset({"Q1", "Bl ?", "RTS", "TPb", "Lf ?", "PSNR", "FWV", "UN"})
_SETTING_QUERIES = frozenset({"Bv", "V", "V2", "V3", "Ss ?", "Bld ?", "Rbv ?", "Rbd ?"})
_BW55T_QUERIES = _CAPABILITIES | _BN150T_QUERIES | _SETTING_QUERIES | {"LC", "Si ?"}
_SHUTDOWNS = frozenset({"S", "SR", "Sf", "C", "An", "Af"})
_BW55T_WRITES = _SHUTDOWNS | {"Bn", "Bf", "CSn", "CSf", "SS", "RBV", "BLD", "OUT"}
_LEGACY_QUERIES = _CAPABILITIES | {"Q1", "Bl ?", "Lf ?", "Bv", "V", "V2"}
_LEGACY_WRITES = _SHUTDOWNS | {"Bn", "Bf", "VA", "VB"}

_BW55T = SimulatorProfile(
    name="bw55t",
    title="OMRON BW55T",
    evidence=(
        "Identity, readings and settings: a published dump of a BW55T. LC, Si ? and NAK for "
        "unknown requests: a community driver tested on a BW55T. CF pages: synthetic, consistent "
        "with the dump."
    ),
    manufacturer="OMRON",
    model="BW55T",
    vendor_id=OMRON,
    product_id=0x00D0,
    queries=_BW55T_QUERIES,
    writes=_BW55T_WRITES,
)

_BN150T = SimulatorProfile(
    name="bn150t",
    title="OMRON BN150T",
    evidence=(
        "Replies to Q1, Bl ?, RTS, TPb, Lf ?, PSNR, FWV, BRR and UN, and the shutdown commands: "
        "published from an unloaded BN150T. Settings and CF pages: synthetic."
    ),
    manufacturer="OMRON",
    model="BN150T",
    vendor_id=OMRON,
    product_id=0x00B7,
    serial="A0Z25110005109G",
    firmware="0.17",
    firmware_aux="2.00",
    rated_w=1125,
    rated_va=1125,
    own_consumption_w=(160, 20),
    battery_date="20260730",
    battery=BatteryRow(
        nominal_voltage=48,
        float_voltage=54.5,
        blocks=4,
        load=100.0,
        runtime_s=300.0,
        # 0699 minutes without a load (seen).
        idle_drain=100.0 / (699.5 * 60),
    ),
    queries=_CAPABILITIES | _BN150T_QUERIES | _SETTING_QUERIES | {"BRR"},
    writes=_BW55T_WRITES | {"BRW"},
    voltage=102.5,
    output_offset=-0.1,
    frequency=49.9,
    output_frequency_offset=0.0,
    load=0.0,
    temperature=22.7,
    battery_temperature=22.5,
)

_BY35S = SimulatorProfile(
    name="by35s",
    title="OMRON BY35S",
    evidence=(
        "Identity, 8-byte packets and Q1: published from a BY35S. No RTS, TPb or UN: inferred "
        "from the runtime constants that vendor driver 1.02 keeps for it. The rest is synthetic."
    ),
    manufacturer="OMRON",
    model="BY35S",
    vendor_id=OMRON,
    product_id=0x0080,
    rated_w=210,
    rated_va=350,
    battery=BatteryRow(nominal_voltage=12, float_voltage=13.5, load=29.0, runtime_s=1800.0),
    queries=_LEGACY_QUERIES,
    writes=_LEGACY_WRITES,
    voltage=99.2,
    output_offset=-0.3,
    frequency=49.9,
    output_frequency_offset=0.0,
    load=29.0,
    temperature=37.5,
    fault_voltage_mirrors_input=True,
    test_shows_on_battery=True,
    packet_size=8,
    exchange_s=0.1,
)

_BY50S = SimulatorProfile(
    name="by50s",
    title="OMRON BY50S",
    evidence=(
        "Identity: published by two users. PSNR, Si ?, BRR, TBN ? and the test command T: a "
        "community driver, presumably written on a BY50S. The rest is synthetic, after the BY35S."
    ),
    manufacturer="OMRON",
    model="BY50S",
    vendor_id=OMRON,
    product_id=0x0081,
    rated_w=300,
    rated_va=500,
    battery=BatteryRow(nominal_voltage=12, float_voltage=13.5, load=20.0, runtime_s=1800.0),
    queries=_LEGACY_QUERIES | {"PSNR", "Si ?", "BRR", "TBN ?"},
    writes=_LEGACY_WRITES | {"T"},
    voltage=99.2,
    output_offset=-0.3,
    frequency=49.9,
    output_frequency_offset=0.0,
    load=20.0,
    temperature=35.0,
    fault_voltage_mirrors_input=True,
    packet_size=8,
    exchange_s=0.1,
)

_BN75T_SERIAL = SimulatorProfile(
    name="bn75t-serial",
    title="OMRON BN75T on RS-232",
    evidence=(
        "A BN75T answered Q1 at 2400 baud and gave a short reply to F and I (seen); that the "
        "reply is NAK, and that no OMRON query answers over RS-232, is not known. Figures: "
        "synthetic."
    ),
    manufacturer="OMRON",
    model="BN75T",
    rated_w=750,
    rated_va=750,
    battery=BatteryRow(float_voltage=27.4, blocks=2, load=100.0, runtime_s=300.0),
    queries=frozenset({"Q1"}),
    load=20.0,
    baud=SERIAL_BAUD,
)

_DASHES = SimulatorProfile(
    name="dashes",
    title="A unit that does not measure everything",
    evidence=(
        "Vendor driver 1.02 accepts fields of dashes in Q1; no such unit is published. Synthetic."
    ),
    manufacturer="OMRON",
    model="BY35S",
    vendor_id=OMRON,
    product_id=0x0080,
    queries=frozenset({"Q1", "Bl ?"}),
    dashed_fields=frozenset({1, 3, 4, 6}),
)

_GENERIC_MEGATEC = SimulatorProfile(
    name="generic-megatec",
    title="Megatec unit of another maker",
    evidence=(
        "Megatec protocol V2.7: F, I, T, CT, Q, S, C, echo of unknown requests. Figures: synthetic."
    ),
    manufacturer="MEGATEC",
    model="PT-1000",
    firmware="V1.00",
    rated_w=500,
    rated_va=800,
    battery=BatteryRow(float_voltage=27.3, blocks=2),
    queries=frozenset({"Q1", "F", "I"}),
    writes=frozenset({"S", "SR", "C", "T", "CT", "Q"}),
    unknown=UnknownReply.ECHO,
    acknowledges=False,
    sets_status_2=False,
    beeper_in_status=True,
    baud=SERIAL_BAUD,
)

_EVERYTHING = SimulatorProfile(
    name="everything",
    title="Every command of vendor driver 1.02",
    evidence=(
        "Synthetic: no published unit answers all of it. Clock and outlet groups: vendor driver "
        "1.02."
    ),
    manufacturer="OMRON",
    model="BU100RW",
    vendor_id=OMRON,
    product_id=0x0075,
    rated_w=700,
    rated_va=1000,
    queries=_BW55T_QUERIES | {"BRR", "RRTC", "OS ?", "TBN ?"},
    writes=_BW55T_WRITES
    | {"VA", "VB", "BRW", "WR", "T"}
    | {"Oan", "Oaf", "Obn", "Obf", "Ocn", "Ocf"},
    standby=False,
    test_shows_on_battery=True,
)

PROFILES: Mapping[str, SimulatorProfile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            _BW55T,
            _BN150T,
            _BY35S,
            _BY50S,
            _BN75T_SERIAL,
            _DASHES,
            _GENERIC_MEGATEC,
            _EVERYTHING,
        )
    }
)
"""Every profile by its name; the first is the default."""
