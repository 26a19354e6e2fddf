"""What people published of real units, against what we make of the simulated ones."""

from pathlib import Path

import pytest

from custom_components.omron_ups.driver.simulator.profiles import PROFILES
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps

from .bench import Bench
from .simulated import Clock
from .virtual_time import run

# What `upsc` showed of a BW55T behind a QNAP NAS, whose driver is the vendor's 1.02.
DUMP = Path(__file__).parents[1] / "fixtures" / "bw55t-qnap.upsc"

# Variables of the dump that we spell or name otherwise, and why.
DIFFERENCES: dict[str, str] = {
    "battery.charge": "whole percent is what the unit says",
    "battery.temperature": "NUT's numbers carry no plus sign",
    "battery.voltage.nominal": "no leading zero",
    "device.serial": "masked in the dump, and the padding is not part of it",
    "driver.name": "another driver",
    "driver.parameter.pollinterval": "another driver",
    "driver.parameter.port": "the NAS named a port that does not exist",
    "driver.version": "another driver",
    "driver.version.internal": "another driver",
    "input.frequency": "one decimal is what the unit says",
    "input.sensitivity": "NUT's word for N",
    "ups.beeper.status": "NUT's word for enable",
    "ups.load": "whole percent is what the unit says",
    "ups.power": "the rating of the dump is ups.power.nominal; this is the load in VA",
    "ups.realpower": "the rating of the dump is ups.realpower.nominal; this is the load in W",
    "ups.serial": "as device.serial",
}
ABSENT: dict[str, str] = {
    "driver.parameter.synchronous": "a setting of upsd's drivers, which we have none of",
    "output.voltage.nominal": "a dash in the dump: no query reads it",
}
# The same under the name that NUT has for a rating.
MOVED = {"ups.power": "ups.power.nominal", "ups.realpower": "ups.realpower.nominal"}

BN150T = {
    "Q1": "(102.5 000.0 102.4 000 49.9 54.5 22.7 00101000",
    "Bl ?": "100",
    "RTS": "0699",
    "TPb": "+22.5",
    "Lf ?": "49.9",
    "PSNR": "A0Z25110005109G ",
    "FWV": "M:0.17(S:2.00)",
    "BRR": "20260730",
    "UN": "1125W/1125VA/048V/160W/020W",
}
BN150T_VARIABLES = {
    "input.voltage": "102.5",
    "input.voltage.fault": "0.0",
    "output.voltage": "102.4",
    "ups.load": "0",
    "input.frequency": "49.9",
    "battery.voltage": "54.50",
    "ups.temperature": "22.7",
    "ups.status": "OL",
    "ups.type": "offline / line interactive",
    "battery.charge": "100",
    "battery.runtime": "41940",
    "battery.temperature": "22.5",
    "output.frequency": "49.9",
    "ups.serial": "A0Z25110005109G",
    "ups.firmware": "0.17",
    "ups.firmware.aux": "2.00",
    "battery.date": "2026-07-30",
    "ups.realpower.nominal": "1125",
    "ups.power.nominal": "1125",
    "battery.voltage.nominal": "48",
}


def read_dump() -> dict[str, str]:
    """Return the variables of the dump."""
    lines = DUMP.read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_every_variable_of_the_published_bw55t_is_there_or_accounted_for() -> None:
    dump = read_dump()
    assert len(dump) == 43

    async def scenario() -> dict[str, str]:
        async with Bench("bw55t") as bench:
            return bench.variables

    ours = run(scenario())
    assert set(dump) - set(ours) == set(ABSENT)
    different = {name for name in dump if name in ours and ours[name] != dump[name]}
    assert different == set(DIFFERENCES)
    assert {old: ours[new] for old, new in MOVED.items()} == {old: dump[old] for old in MOVED}


@pytest.mark.parametrize(
    "name", ["battery.charge", "battery.temperature", "battery.voltage.nominal", "ups.load"]
)
def test_a_number_that_is_spelt_otherwise_is_the_same_number(name: str) -> None:
    async def scenario() -> dict[str, str]:
        async with Bench("bw55t") as bench:
            return bench.variables

    assert float(run(scenario())[name]) == float(read_dump()[name])


@pytest.mark.parametrize(("request_", "reply"), BN150T.items())
def test_the_simulated_bn150t_says_what_the_real_one_said(request_: str, reply: str) -> None:
    unit = SimulatedUps(PROFILES["bn150t"], clock=Clock())
    assert unit.handle(request_.encode() + b"\r") == reply.encode() + b"\r"


def test_the_replies_of_the_published_bn150t_are_understood() -> None:
    async def scenario() -> None:
        async with Bench("bn150t") as bench:
            assert BN150T_VARIABLES.items() <= bench.variables.items()
            assert bench.ups.state.battery_packs_suggested is None

    run(scenario())


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("shutdown.return", "12", ["An", "S.2"]),
        ("shutdown.return", "120", ["An", "S02"]),
        ("shutdown.stayoff", "12", ["Af", "Sf.2"]),
        ("shutdown.stayoff", "120", ["Af", "Sf02"]),
    ],
)
def test_the_shutdowns_that_a_bn150t_acknowledged(name: str, value: str, sent: list[str]) -> None:
    async def scenario() -> None:
        async with Bench("bn150t") as bench:
            await bench.ups.command(name, value)
            await bench.ups.command("shutdown.stop")
            assert bench.writes[:3] == [*sent, "C"]

    run(scenario())
