"""What tells UPSes apart."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.omron_ups.driver import UpsState
from custom_components.omron_ups.identity import async_device_of, place_of, unique_id_of

SIMULATED = {"connection": "simulated", "model": "bw55t"}
SERIAL = {"connection": "serial", "device": "socket://me:secret@192.0.2.1:4001?key=secret"}
USB = {"connection": "usb_device", "product_id": 0xD0, "serial": None, "port": "1-2"}
NUT = {"connection": "nut", "host": "NAS", "port": 3493, "ups": "qnapups", "password": "secret"}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (SIMULATED, None),
        (SERIAL, "socket://192.0.2.1:4001"),
        (USB, "1-2"),
        (NUT, "nas:3493/qnapups"),
    ],
)
def test_place(data: dict[str, Any], place: str | None) -> None:
    assert place_of(data) == place
    assert unique_id_of(data, UpsState()) == place


@pytest.mark.parametrize("data", [SERIAL, USB, NUT])
def test_a_serial_number_is_better(data: dict[str, Any]) -> None:
    assert unique_id_of(data, UpsState(serial="A1")) == "A1"


def test_simulated_ones_all_have_the_same_serial_number() -> None:
    assert unique_id_of(SIMULATED, UpsState(serial="A1")) is None


async def test_what_only_one_program_can_open(hass: HomeAssistant) -> None:
    assert await async_device_of(hass, SERIAL) == SERIAL["device"]
    assert await async_device_of(hass, USB) == {"product_id": 0xD0, "port": "1-2"}
    assert await async_device_of(hass, NUT) is None
    assert await async_device_of(hass, SIMULATED) is None
