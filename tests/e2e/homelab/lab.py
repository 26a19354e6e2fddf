"""The homelab as a whole: its machines, a real Home Assistant on one of them, and its UPS."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any, override
import uuid

from aiohttp import ClientError, web

from scripts.lib.config_folder import Locale, write_config_folder
from scripts.lib.discord_server import DiscordServer
from scripts.lib.hass_api import ApiError, HassApi, Json, onboarded
from scripts.lib.hass_discord import API_VARIABLE
from scripts.lib.hass_homelab import BOOT_ID_VARIABLE
from scripts.lib.hass_process import HassProcess
from scripts.lib.simulator_server import PtyServer
from tests.ports import unused_port
from tests.shutdown.fakes.server import LOOPBACK

from .facts import Facts
from .machines import HOME_ASSISTANT, Machines
from .physics import Physics

DOMAIN = "omron_ups"
NUT_LOGIN = ("upsmon", "nut-4f0d-planted-password")
CONFIGURATION = """
input_boolean:
  amplifier:
    name: Amplifier
"""
AMPLIFIER = "input_boolean.amplifier"
LOGGER = """
logger:
  default: info
  logs:
    custom_components.omron_ups: debug
    aiohttp: debug
    asyncssh: debug
    homeassistant.components.http: debug
    homeassistant.config_entries: debug
"""


class NotingApi(HassApi):
    """A client that keeps all that Home Assistant has answered."""

    def __init__(self, api: HassApi, said: list[str]) -> None:
        """Speak as `api` does."""
        super().__init__(api._session)
        self._said = said

    @override
    async def get(self, path: str) -> Any:
        """Get, and keep the answer."""
        return self._keep(await super().get(path))

    @override
    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Post, and keep the answer or the refusal."""
        try:
            return self._keep(await super().post(path, body))
        except ApiError as err:
            self._said.append(str(err))
            raise

    @override
    async def command(self, kind: str, **fields: object) -> Any:
        """Send a command, and keep its result."""
        return self._keep(await super().command(kind, **fields))

    def _keep(self, answer: Any) -> Any:
        self._said.append(json.dumps(answer, ensure_ascii=False))
        return answer


@dataclass(slots=True, kw_only=True)
class Lab:
    """A running homelab."""

    folder: Path
    """Home Assistant's configuration."""
    log: Path
    facts: Facts
    machines: Machines
    hass: HassProcess
    api: NotingApi
    device: str
    discord: DiscordServer
    environment: dict[str, str]
    """What the process of Home Assistant finds there."""
    said: list[str]
    """All that Home Assistant answered, and every event on its bus."""
    entry_id: str = ""
    entities: Mapping[str, str] = field(default_factory=dict)
    is_alive: bool = True
    """Whether the process of Home Assistant runs."""
    is_quiet: bool = False
    """Whether nothing may be asked of anybody that changes a state."""
    is_short: bool = False
    """Whether low battery has come: nobody waits for the stage before then."""

    physics: Physics = field(init=False)

    def __post_init__(self) -> None:
        """Let the machines and the process be one world; it lives while `physics` runs."""
        self.physics = Physics(
            self.machines,
            is_alive=lambda: self.is_alive,
            start_hass=self.start_hass,
            kill_hass=self.kill_hass,
        )

    def look(self) -> Mapping[tuple[str, str], str]:
        """Return all states of the homelab, by owner and thing."""
        return self.physics.look()

    # Home Assistant as an administrator sees it

    async def state(self, key: str) -> str:
        """Return the state of an entity, by platform and key; empty while nobody answers."""
        try:
            answer = await self.api.get(f"states/{self.entities[key]}")
        except ApiError, ClientError, OSError:
            return ""
        return str(answer["state"])

    async def plan_state(self) -> str:
        """Return what the plan is at."""
        return await self.state("sensor.plan_state")

    async def act(self, action: str, **data: object) -> Any:
        """Perform an action of the integration and return its response."""
        answer = await self.api.post(f"services/{DOMAIN}/{action}?return_response", data)
        return answer["service_response"]

    async def last_run(self) -> Json:
        """Return the report of the last run."""
        run: Json = (await self.act("preview_shutdown"))["last_run"]
        return run

    # The process, whose machine it shares

    async def start_hass(self) -> None:
        """Boot the machine that runs Home Assistant."""
        self.environment[BOOT_ID_VARIABLE] = str(uuid.uuid4())
        self.is_alive = True
        await self.hass.start_again()
        self.facts.note("home assistant", "answers")

    async def stop_hass(self) -> None:
        """Shut the machine that runs Home Assistant down: SIGTERM first, SIGKILL later."""
        self.facts.note("home assistant", "gets SIGTERM")
        await self.hass.stop()
        self.is_alive = False

    async def kill_hass(self) -> None:
        """Take its power away."""
        self.facts.note("home assistant", "loses power")
        self.is_alive = False
        await self.hass.crash()

    async def listen(self) -> None:
        """Keep every event of the bus, over restarts; runs until cancelled."""
        while True:
            with suppress(ClientError, OSError, TypeError):
                await self._listen_once()
            await asyncio.sleep(0.2)

    async def _listen_once(self) -> None:
        async with self.api.socket() as socket:
            await socket.send_json({"id": 1, "type": "subscribe_events"})
            async for message in socket:
                self.said.append(str(message.data))
                self._note_event(json.loads(message.data))

    def _note_event(self, message: Json) -> None:
        event = message.get("event") or {}
        data = event.get("data") or {}
        if event.get("event_type") != "call_service" or data.get("domain") != "input_boolean":
            return
        self.facts.note("amplifier", str(data["service"]), is_change=True)


@asynccontextmanager
async def homelab(folder: Path) -> AsyncIterator[Lab]:
    """Run all of it, with nothing configured yet.

    Args:
        folder: is made, and holds everything.

    """
    config, log = folder / "config", folder / "hass.log"
    port, nut_port = unused_port(), unused_port()
    write_config_folder(config, port=port, locale=Locale())
    _configure(config)
    facts, discord = Facts(), DiscordServer(limit=10**6)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        machines = await enter(Machines(facts, nut_port, NUT_LOGIN))
        device = await enter(PtyServer(machines.ups, link=folder / "ttyUPS"))
        environment = {
            API_VARIABLE: await enter(_serving(discord)),
            BOOT_ID_VARIABLE: str(uuid.uuid4()),
        }
        hass = HassProcess(
            folder=config,
            port=port,
            log=log,
            program="scripts.lib.hass_homelab",
            environment=environment,
        )
        await enter(hass)
        said: list[str] = []
        login = onboarded(hass.address, username="home", password="home", language="en")
        lab = Lab(
            folder=config,
            log=log,
            facts=facts,
            machines=machines,
            hass=hass,
            api=NotingApi(await enter(login), said),
            device=device.place,
            discord=discord,
            environment=environment,
            said=said,
        )
        machines.proxmox.cluster.guests[HOME_ASSISTANT].end_inside = lab.stop_hass
        for work in (lab.physics.run(), lab.listen()):
            stack.push_async_callback(_end, asyncio.create_task(work))
        yield lab


async def _end(task: asyncio.Task[None]) -> None:
    """End a task; raise what it has died of."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def _serving(discord: DiscordServer) -> AsyncIterator[str]:
    """Serve a Discord on loopback, and yield the root of its API."""
    runner = web.AppRunner(discord.app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}/api/v10"
    finally:
        await runner.cleanup()


def _configure(config: Path) -> None:
    """Let Home Assistant have an entity to switch, and say all that it can about us."""
    path = config / "configuration.yaml"
    before, _, _ = path.read_text().partition("\nlogger:")
    path.write_text(before + LOGGER + CONFIGURATION)
