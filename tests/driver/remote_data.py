"""What the servers of the remote UPS's tests say, and what has to come of it."""

from collections.abc import Mapping
from typing import Any

from .remote_rig import dump_variables, listing

LIST_VAR = "LIST VAR ups"
ON_MAINS = {"ups.status": "OL", "ups.load": "12"}
HEALTHY = {LIST_VAR: listing(ON_MAINS)}
# NUT 2.7 and older: no TRACKING.
OLD = {
    **HEALTHY,
    "USERNAME": b"OK\n",
    "PASSWORD": b"OK\n",
    "LOGIN": b"OK\n",
    "SET VAR": b"ERR VAR-NOT-SUPPORTED\n",
    "SET TRACKING": b"ERR INVALID-ARGUMENT\n",
    "LIST RW": b'BEGIN LIST RW ups\nRW ups ups.id "x"\nRW ups\nEND LIST RW ups\n',
    "LIST CMD": b"BEGIN LIST CMD ups\nCMD ups beeper.toggle\nCMD ups\nEND LIST CMD ups\n",
    "GET TYPE": b"TYPE ups ups.id RW STRING:8\n",
    "INSTCMD": b"OK\n",
    "SET VAR ups ups.id": b"OK\n",
}
WHO: dict[str, Any] = {"username": "u", "password": "p"}

UNIT = {
    "ups.status": "OL",
    "ups.mfr": "OMRON",
    "ups.model": "BW55T",
    "ups.serial": "A0Z25110005109G ",
    "ups.load": "12",
    "ups.id": 'my "ups" \\ #2',
    "ups.contact": '"quoted"',
    "input.sensitivity": "N",
    "input.voltage": "103.7",
    "ups.password": "hunter2",
    "battery.charge": "90",
    "battery.charge.low": "30",
    "output.voltage.nominal": "100",
}
OFFERS = (
    "SETFLAGS ups.id RW STRING",
    "SETAUX ups.id 16",
    "SETFLAGS ups.password RW STRING",
    "SETAUX ups.password 16",
    "SETFLAGS input.sensitivity RW STRING",
    "SETAUX input.sensitivity 8",
    "ADDENUM input.sensitivity N",
    "ADDENUM input.sensitivity L",
    "ADDENUM input.sensitivity auto",
    "SETFLAGS battery.charge.low RW NUMBER",
    "ADDRANGE battery.charge.low 10 40",
    "ADDRANGE battery.charge.low 60 90",
    "SETFLAGS output.voltage.nominal RW NUMBER",
    "SETFLAGS ups.status RW STRING",
    "ADDCMD beeper.toggle",
    "ADDCMD driver.killpower",
    "ADDCMD load.off",
    "ADDCMD shutdown.stop",
)

SPELT_OTHERWISE = {
    "battery.charge": "100",
    "battery.temperature": "19.8",
    "battery.voltage.nominal": "24",
    "driver.name": "omron_ups",
    "input.frequency": "50.1",
    "input.sensitivity": "normal",
    "ups.beeper.status": "enabled",
    "ups.load": "12",
    # Loads, derived from 12 % of the ratings; these stand under their own names below.
    "ups.power": "66",
    "ups.realpower": "41",
}
"""Variables of the dump that are spelt as the simulated BW55T's are, and for the same reasons."""

ADDED = {"ups.power.nominal": "550", "ups.realpower.nominal": "340"}

NOT_SERVED = {
    "device.serial",  # masked in the dump
    "driver.parameter.pollinterval",
    "driver.parameter.port",
    "driver.parameter.synchronous",
    "driver.version",
    "driver.version.internal",
    "output.voltage.nominal",  # a dash in the dump
    "ups.serial",  # masked in the dump
}


def check_dump(variables: Mapping[str, str]) -> None:
    """Compare what we serve of the dump with the dump; our own driver variables do not count."""
    expected = {**dump_variables(), **SPELT_OTHERWISE, **ADDED}
    assert {name: value for name, value in variables.items() if name not in NOT_SERVED} == {
        name: value for name, value in expected.items() if name not in NOT_SERVED
    }
