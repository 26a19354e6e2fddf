"""Two real Home Assistants: the second reads the UPS from the NUT server of the first."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import re

import pytest

from scripts.lib.config_folder import Locale, write_config_folder
from scripts.lib.hass_api import HassApi, Json, form_defaults, onboarded
from scripts.lib.hass_process import HassProcess
from scripts.lib.nut_client import NutError, upsc
from tests.e2e.waiting import PATIENCE_S, becomes
from tests.ports import unused_port

DOMAIN = "omron_ups"
START_AND_STOP_S = 300
ACCOUNT = {"username": "second", "password": "chain"}
COMPLAINT = re.compile(r" (ERROR|CRITICAL) |Detected that custom integration|^Traceback")
# That the first is gone at the end is said once, and is no fault.
END = "Error requesting BW55T data: The NUT server cannot be reached"
# What a person looks at; the second must say of it what the first says.
SHOWN = (
    "sensor.status",
    "sensor.battery_charge",
    "sensor.battery_voltage",
    "sensor.input_voltage",
    "sensor.output_voltage",
    "sensor.temperature",
    "binary_sensor.mains",
    "binary_sensor.battery_low",
    "binary_sensor.connected",
    "switch.beeper",
    "select.input_sensitivity",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One Home Assistant with the integration."""

    hass: HassProcess
    api: HassApi
    nut_port: int
    entities: Mapping[str, str]
    entry_id: str

    async def state(self, key: str) -> str:
        """Return the state of an entity, by platform and key."""
        state: str = (await self.api.get(f"states/{self.entities[key]}"))["state"]
        return state

    async def last_event(self) -> str | None:
        """Return what the event entity reported last."""
        state = await self.api.get(f"states/{self.entities['event.power']}")
        event: str | None = state["attributes"]["event_type"]
        return event

    async def served(self, name: str) -> str | None:
        """Return a variable that NUT clients are served; None where they get none."""
        try:
            lines = (await upsc("ups", self.nut_port)).splitlines()
        except NutError:
            return None
        return dict(line.split(": ", 1) for line in lines).get(name)


@pytest.mark.timeout(START_AND_STOP_S + 2 * PATIENCE_S)
async def test_the_second_lives_on_the_server_of_the_first(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        folders = [tmp_path / name for name in ("first", "second")]
        (hass1, api1), (hass2, api2) = await asyncio.gather(
            *(stack.enter_async_context(home_assistant(folder)) for folder in folders)
        )
        first = await with_ups(
            hass1, api1, {"user": {"next_step_id": "simulated"}, "simulated": {"model": "bw55t"}}
        )
        await add_account(first)
        server = {"host": "127.0.0.1", "port": first.nut_port, **ACCOUNT}
        second = await with_ups(hass2, api2, {"user": {"next_step_id": "nut"}, "nut": server})
        await look_alike(first, second)
        await cut_and_restore(first, second)
        await command_through(first, second)
        await hass1.stop()
        await becomes("off", lambda: second.state("binary_sensor.connected"))
        await becomes("unavailable", lambda: second.state("sensor.battery_charge"))
    for folder in folders:
        lines = (folder / "hass.log").read_text().splitlines()
        complaints = [line for line in lines if COMPLAINT.search(line) and END not in line]
        assert not complaints, "\n".join(complaints)


async def look_alike(first: Home, second: Home) -> None:
    """Both show the same, and serve the same."""
    assert set(SHOWN) <= first.entities.keys() & second.entities.keys()
    for key in SHOWN:
        await becomes(await first.state(key), partial(second.state, key))
    await becomes("OL", lambda: second.served("ups.status"))
    for name in ("device.model", "ups.serial", "battery.charge.low"):
        assert await second.served(name) == await first.served(name)


async def cut_and_restore(first: Home, second: Home) -> None:
    """A power cut of the first is one of the second and of its NUT clients."""
    mains = first.entities["switch.sim_mains"]
    await first.api.call("switch.turn_off", mains)
    await becomes("off", lambda: second.state("binary_sensor.mains"))
    await becomes("power_lost", second.last_event)
    await becomes("OB DISCHRG", lambda: second.served("ups.status"))
    await first.api.call("switch.turn_on", mains)
    await becomes("on", lambda: second.state("binary_sensor.mains"))
    await becomes("power_restored", second.last_event)


async def command_through(first: Home, second: Home) -> None:
    """What is pressed at the second is done by the unit of the first."""
    assert await first.state("switch.beeper") == "on"
    await second.api.call("button.press", second.entities["button.beeper_off"])
    await becomes("off", lambda: first.state("switch.beeper"))
    await becomes("off", lambda: second.state("switch.beeper"))


@asynccontextmanager
async def home_assistant(folder: Path) -> AsyncIterator[tuple[HassProcess, HassApi]]:
    """Run a new Home Assistant and yield a client of it."""
    port = unused_port()
    write_config_folder(folder, port=port, locale=Locale())
    async with (
        HassProcess(folder=folder, port=port, log=folder / "hass.log") as hass,
        onboarded(hass.address, username="chain", password="chain", language="en") as api,
    ):
        yield hass, api


async def with_ups(
    hass: HassProcess, api: HassApi, answers: Mapping[str, Mapping[str, object]]
) -> Home:
    """Add a UPS through the config flow, serve it, and wait for its entities."""
    nut_port = unused_port()
    nut_server = {"enabled": True, "host": "127.0.0.1", "port": nut_port, "ups_name": "ups"}
    entry_id = await api.create_entry(DOMAIN, {**answers, "nut_server": nut_server})

    async def has_all() -> bool:
        return {*SHOWN, "button.beeper_off"} <= (await api.entities(entry_id)).keys()

    await becomes(expected=True, look=has_all)
    return Home(
        hass=hass,
        api=api,
        nut_port=nut_port,
        entities=await api.entities(entry_id),
        entry_id=entry_id,
    )


async def add_account(home: Home) -> None:
    """Add the NUT account of the second through the subentry flow."""
    path = "config/config_entries/subentries/flow"
    answers: Mapping[str, Json] = {
        "user": {"next_step_id": "account"},
        "account": {**ACCOUNT, "role": "admin"},
    }
    step = await home.api.post(path, {"handler": [home.entry_id, "nut_account"]})
    while step["type"] in {"menu", "form"}:
        assert not step.get("errors"), step
        body = {**form_defaults(step.get("data_schema") or ()), **answers[step["step_id"]]}
        step = await home.api.post(f"{path}/{step['flow_id']}", body)
    assert step["type"] == "create_entry", step
