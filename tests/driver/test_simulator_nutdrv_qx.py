"""NUT's own driver for this family of units reads the simulated UPS on a terminal."""

import asyncio
from dataclasses import dataclass
import os
from pathlib import Path
import pwd

import pytest

from custom_components.omron_ups.driver import SerialTransport, Ups, UpsOptions
from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from scripts.lib.simulator_server import PtyServer

from .simulated import make_ups

NUTDRV_QX = Path("/lib/nut/nutdrv_qx")
LIMIT_S = 60
USER = pwd.getpwuid(os.getuid()).pw_name

if not NUTDRV_QX.exists() and os.environ.get("CI") != "true":
    pytest.skip(f"{NUTDRV_QX} is missing (Debian: nut-server)", allow_module_level=True)


@dataclass(frozen=True)
class NutFolder:
    """Where one run of the driver finds its configuration and keeps its state."""

    path: Path

    def write(self, *, port: str, protocol: str) -> dict[str, str]:
        """Write ups.conf; return the environment that leads the driver here."""
        lines = ["[sim]", "driver=nutdrv_qx", f"port={port}", f"protocol={protocol}"]
        (self.path / "ups.conf").write_text("\n".join(lines))
        names = ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH")
        return os.environ | dict.fromkeys(names, str(self.path))


async def dump(ups: SimulatedUps, protocol: str, folder: Path) -> dict[str, str]:
    """Return what nutdrv_qx prints after one round of polls; empty where it gives up."""
    async with PtyServer(ups) as server:
        return await dump_port(server.place, protocol, folder)


async def dump_port(port: str, protocol: str, folder: Path) -> dict[str, str]:
    """Return what nutdrv_qx reads at `port`."""
    environment = NutFolder(folder).write(port=port, protocol=protocol)
    process = await asyncio.create_subprocess_exec(
        NUTDRV_QX,
        *("-a", "sim", "-F", "-u", USER, "-d", "1"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    pairs = (line.partition(": ") for line in output.decode().splitlines() if ": " in line)
    return {name: value for name, _, value in pairs}


NUMBERS = (
    "battery.voltage",
    "input.frequency",
    "input.voltage",
    "input.voltage.fault",
    "output.voltage",
    "ups.load",
    "ups.temperature",
)


def readings(ups: SimulatedUps) -> dict[str, float]:
    """Return what the model knows under NUT's names."""
    return {
        "battery.voltage": ups.battery_voltage,
        "input.frequency": ups.measured_frequency,
        "input.voltage": ups.measured_input_voltage,
        "input.voltage.fault": ups.fault_voltage,
        "output.voltage": ups.output_voltage,
        "ups.load": ups.drawn_load,
        "ups.temperature": ups.temperature,
    }


@pytest.mark.parametrize(
    ("model", "protocol"),
    [
        ("bw55t", "q1"),
        ("bn150t", "q1"),
        ("bn75t-serial", "q1"),
        ("generic-megatec", "q1"),
        ("generic-megatec", "megatec"),
    ],
)
async def test_nutdrv_qx_reads_what_the_model_says(
    tmp_path: Path, model: str, protocol: str
) -> None:
    ups = make_ups(model)
    variables = await dump(ups, protocol, tmp_path)
    for name, value in readings(ups).items():
        assert float(variables[name]) == pytest.approx(value, abs=0.051), name
    assert variables["ups.status"].split()[0] == "OL"
    assert variables["ups.type"] == "offline / line interactive"


@pytest.mark.parametrize("protocol", ["q1", "megatec"])
async def test_nutdrv_qx_sees_an_outage(tmp_path: Path, protocol: str) -> None:
    ups = make_ups("generic-megatec")
    ups.cut_mains()
    ups.charge = 20
    ups.load = 60
    variables = await dump(ups, protocol, tmp_path)
    assert variables["ups.status"].split() == ["OB", "LB"]
    for name, value in readings(ups).items():
        assert float(variables[name]) == pytest.approx(value, abs=0.051), name


async def test_nutdrv_qx_reads_ratings_and_identity_of_a_megatec_unit(tmp_path: Path) -> None:
    ups = make_ups("generic-megatec")
    variables = await dump(ups, "megatec", tmp_path)
    assert variables["device.mfr"] == ups.profile.manufacturer
    assert variables["device.model"] == ups.profile.model
    assert variables["ups.firmware"] == ups.profile.firmware
    assert float(variables["battery.voltage.nominal"]) == ups.profile.battery.nominal_voltage
    assert float(variables["input.voltage.nominal"]) == ups.profile.nominal_voltage
    assert float(variables["input.current.nominal"]) == 8


@pytest.mark.parametrize(
    ("model", "protocol"),
    [("bw55t", "q1"), ("generic-megatec", "q1"), ("generic-megatec", "megatec")],
)
async def test_nutdrv_qx_and_our_driver_read_the_same_values(
    tmp_path: Path, model: str, protocol: str
) -> None:
    async with PtyServer(make_ups(model)) as server:
        theirs = await dump_port(server.place, protocol, tmp_path)
        driver = Ups(SerialTransport(server.place), options=UpsOptions(version="0"))
        await driver.start()
        try:
            ours = driver.state.variables
        finally:
            await driver.stop()
    for name in NUMBERS:
        assert float(ours[name]) == float(theirs[name]), name
    # "BYPASS" is what NUT makes of status index 2, which OMRON units set on mains.
    assert ours["ups.status"].split()[0] == theirs["ups.status"].split()[0] == "OL"
    assert ours["ups.type"] == theirs["ups.type"]


async def test_nutdrv_qx_wants_ratings_that_an_omron_unit_refuses(tmp_path: Path) -> None:
    assert await dump(make_ups("bw55t"), "megatec", tmp_path) == {}
