"""A real Home Assistant with real hosts to stop: Debian's sshd and upsmon, and a simulated UPS.

The UPS is simulated outside of Home Assistant, behind a serial port on TCP, so that an outage goes
on while Home Assistant is killed and started again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
import socket
from typing import Any

from custom_components.omron_ups.driver.simulator.unit import SimulatedUps
from scripts.lib.config_folder import Locale, write_config_folder
from scripts.lib.hass_api import ApiError, HassApi, Json, form_defaults, onboarded
from scripts.lib.hass_process import HassProcess
from scripts.lib.nut_client import NutError, upsc
from scripts.lib.simulator_server import TcpServer
from tests.e2e.waiting import becomes
from tests.nut.upsmon import Upsmon, running_upsmon
from tests.ports import unused_port
from tests.shutdown.sshd import Sshd, running_sshd

DOMAIN = "omron_ups"
ACCOUNT = {"username": "upsmon", "password": "secondary"}
SUBENTRY_FLOW = "config/config_entries/subentries/flow"
OPTIONS_FLOW = "config/config_entries/options/flow"


@dataclass(slots=True, kw_only=True)
class Host:
    """A host that is reached by SSH, and stops by a forced command: its sshd dies."""

    name: str
    stage: int
    sshd: Sshd
    target_id: str = ""

    @property
    def _stopped(self) -> Path:
        return self.sshd.folder / "stopped"

    @property
    def stops(self) -> list[float]:
        """When it was told to stop, each time, by the wall clock."""
        return [float(line) for line in self._stopped.read_text().split()]

    @property
    def logins(self) -> int:
        """How often somebody has logged in."""
        return self.sshd.log.count("Accepted publickey")

    @property
    def is_up(self) -> bool:
        """Whether somebody could log in."""
        return all(_is_open(port) for port in (self.sshd.port, self.sshd.second_port))

    def prepare(self) -> None:
        """Be up, and ready to be told to stop."""
        self._stopped.touch()
        self.note_process()
        self.sshd.program(
            "ups-shutdown",
            f"date +%s.%N >>{self._stopped}\n"
            f"(sleep 0.3; kill -9 $(cat {self.sshd.folder}/pid)) >/dev/null 2>&1 </dev/null &",
        )

    def note_process(self) -> None:
        """Let the forced command know whom to kill."""
        assert self.sshd.process is not None
        (self.sshd.folder / "pid").write_text(str(self.sshd.process.pid))

    def authorize(self, public_key: str) -> None:
        """Let this key do nothing but stop the host."""
        self.sshd.authorize(f'restrict,command="{self.sshd.folder}/ups-shutdown" {public_key}')

    def start(self) -> None:
        """Come back, as a host does when it gets power."""
        self.sshd.stop()
        self.sshd.start()
        self.note_process()


@dataclass(slots=True, kw_only=True)
class Secondary:
    """A host that upsmon stops, as a secondary of our NUT server."""

    name: str
    stage: int
    folder: Path
    port: int
    stack: AsyncExitStack
    target_id: str = ""
    runs: list[Upsmon] = field(default_factory=list)

    @property
    def is_up(self) -> bool:
        """Whether its last upsmon has not stopped it."""
        return bool(self.runs) and self.runs[-1].process.returncode is None

    @property
    def stops(self) -> list[float]:
        """When upsmon shut it down, each time, by the wall clock."""
        files = [run.shutdown_file for run in self.runs]
        return [file.stat().st_mtime for file in files if file.exists()]

    async def start(self) -> None:
        """Come up, and watch the UPS."""
        login = f"ups {ACCOUNT['username']} {ACCOUNT['password']} secondary"
        # The folder's name tells one upsmon of this machine from another.
        folder = self.folder / f"{self.port}-{len(self.runs)}"
        upsmon = await self.stack.enter_async_context(running_upsmon(folder, self.port, login))
        self.runs.append(upsmon)


@dataclass(slots=True, kw_only=True)
class Home:
    """Home Assistant, its UPS, and what hangs on it."""

    folder: Path
    ups: SimulatedUps
    hass: HassProcess
    api: HassApi
    nut_port: int
    hosts: tuple[Host, ...]
    secondary: Secondary
    entry_id: str = ""
    entities: Mapping[str, str] = field(default_factory=dict)

    @property
    def everybody(self) -> tuple[Host | Secondary, ...]:
        """All that the plan stops, first to stop first."""
        return tuple(sorted((*self.hosts, self.secondary), key=lambda host: host.stage))

    @property
    def stops(self) -> dict[str, int]:
        """How often each was told to stop."""
        return {host.name: len(host.stops) for host in self.everybody}

    async def state(self, key: str) -> str:
        """Return the state of an entity, by platform and key."""
        state: str = (await self.api.get(f"states/{self.entities[key]}"))["state"]
        return state

    async def plan_state(self) -> str:
        """Return what the plan is at; empty while Home Assistant does not answer."""
        try:
            return await self.state("sensor.plan_state")
        except ApiError, OSError:
            return ""

    async def press(self, key: str) -> None:
        """Turn a switch of the UPS on."""
        await self.api.call("switch.turn_on", self.entities[key])

    async def act(self, action: str, **data: object) -> Any:
        """Perform an action of the integration and return its response."""
        answer = await self.api.post(f"services/{DOMAIN}/{action}?return_response", data)
        return answer["service_response"]

    async def last_run(self) -> Json:
        """Return the post-mortem of the last run."""
        run: Json | None = (await self.act("preview_shutdown"))["last_run"]
        assert run is not None, "no plan has run"
        return run

    async def served(self, name: str) -> str | None:
        """Return a variable that NUT clients are served; None where they get none."""
        try:
            lines = (await upsc("ups", self.nut_port)).splitlines()
        except NutError:
            return None
        return dict(line.split(": ", 1) for line in lines).get(name)

    def journal(self) -> list[Json]:
        """Return what the journal on disk says, oldest first."""
        path = self.folder / f".storage/{DOMAIN}.{self.entry_id}.plan_journal"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]

    async def arm(self) -> None:
        """Arm the plan, as a person does."""
        await self.press("switch.plan_armed")
        assert await self.state("switch.plan_armed") == "on"

    async def bring_back(self) -> None:
        """Start what is off, as hosts do that get power again."""
        for host in self.hosts:
            if not host.is_up:
                host.start()
        if not self.secondary.is_up and "FSD" not in (await self.served("ups.status") or "FSD"):
            await self.secondary.start()


@asynccontextmanager
async def home(
    folder: Path, *, triggers: Mapping[str, object], program: str = "scripts.lib.hass"
) -> AsyncIterator[Home]:
    """Run all of it: two hosts and a NUT client stop side by side, then a host that they use.

    Args:
        folder: is made, and holds everything.
        triggers: what the options step is told; nothing of it means that only low battery begins
            a plan by itself.
        program: the module that starts Home Assistant.

    """
    async with AsyncExitStack() as stack:
        ups = SimulatedUps()
        device = await stack.enter_async_context(TcpServer(ups))
        hosts = tuple(
            Host(name=name, stage=stage, sshd=stack.enter_context(running_sshd(_new(folder, name))))
            for name, stage in (("worker1", 10), ("worker2", 10), ("storage", 30))
        )
        for host in hosts:
            host.prepare()
        port, nut_port = unused_port(), unused_port()
        config = folder / "config"
        write_config_folder(config, port=port, locale=Locale())
        process = HassProcess(folder=config, port=port, log=folder / "hass.log", program=program)
        hass = await stack.enter_async_context(process)
        login = onboarded(hass.address, username="plan", password="plan", language="en")
        api = await stack.enter_async_context(login)
        secondary = Secondary(
            name="secondary",
            stage=10,
            folder=_new(folder, "upsmon"),
            port=nut_port,
            stack=stack,
        )
        found = Home(
            folder=config,
            ups=ups,
            hass=hass,
            api=api,
            nut_port=nut_port,
            hosts=hosts,
            secondary=secondary,
        )
        await _set_up(found, f"socket://{device.place}", triggers)
        yield found


async def _set_up(found: Home, device: str, triggers: Mapping[str, object]) -> None:
    """Configure everything as a person does, step by step."""
    api = found.api
    server = {"enabled": True, "host": "127.0.0.1", "port": found.nut_port, "ups_name": "ups"}
    found.entry_id = await api.create_entry(
        DOMAIN,
        {"user": {"next_step_id": "serial"}, "serial": {"device": device}, "nut_server": server},
    )
    await walk(
        api,
        SUBENTRY_FLOW,
        [found.entry_id, "nut_account"],
        {"user": {"next_step_id": "account"}, "account": {**ACCOUNT, "role": "monitor"}},
    )
    await found.secondary.start()
    for host in found.hosts:
        await _add_host(found, host)
    await _add_secondary(found)
    options = {
        "home_assistant_host": "not_in_plan",
        "triggers": triggers,
        "restore": {"mains_stable": 5},
    }
    answers: dict[str, Answer] = {
        "init": {"next_step_id": "shutdown_plan"},
        "shutdown_plan": options,
    }
    await walk(api, OPTIONS_FLOW, found.entry_id, answers)
    await becomes(expected=True, look=lambda: _has_plan(found))
    await _learn_ids(found)
    # Home Assistant writes them a second late, and would know nothing of them after a crash.
    stored = found.folder / ".storage/core.config_entries"
    await becomes(expected=True, look=lambda: _holds(stored, "not_in_plan"))


async def _holds(path: Path, text: str) -> bool:
    content = await asyncio.to_thread(lambda: path.read_text() if path.exists() else "")
    return text in content


async def _has_plan(found: Home) -> bool:
    found.entities = await found.api.entities(found.entry_id)
    return {"sensor.plan_state", "switch.plan_armed"} <= found.entities.keys()


async def _add_host(found: Home, host: Host) -> None:
    ports = [str(host.sshd.port), str(host.sshd.second_port)]
    verify = {"address": "127.0.0.1", "ports": ports, "ping": False, "grace": 0}
    plan = {"stage": host.stage, "time_limit": 30, "verify": verify, "wake": {"wake_limit": 60}}

    def confirm(step: Json) -> Json:
        shown = step["description_placeholders"]
        assert shown["fingerprint"].startswith("SHA256:"), shown
        host.authorize(shown["public_key"])
        return {}

    sshd = host.sshd
    user = {"name": host.name, "host": "127.0.0.1", "port": sshd.port, "username": sshd.username}
    answers: dict[str, Answer] = {"user": user, "identity": confirm, "plan": plan}
    await walk(found.api, SUBENTRY_FLOW, [found.entry_id, "ssh"], answers)


async def _add_secondary(found: Home) -> None:
    async def is_logged_in() -> bool:
        # Before, the flow would warn that nobody would be stopped.
        return await found.served("ups.status") is not None and found.secondary.is_up

    await becomes(expected=True, look=is_logged_in)
    plan = {
        "stage": found.secondary.stage,
        "time_limit": 30,
        "verify": {"grace": 1},
        "wake": {"wake_limit": 60},
    }
    user = {"name": found.secondary.name, "alias": "ups", "advanced": {"hostsync": 1}}
    await walk(
        found.api,
        SUBENTRY_FLOW,
        [found.entry_id, "nut_clients"],
        {"user": user, "check": {"save_anyway": True}, "plan": plan},
    )


async def _learn_ids(found: Home) -> None:
    rows = await found.api.command("config_entries/subentries/list", entry_id=found.entry_id)
    ids = {row["title"]: row["subentry_id"] for row in rows}
    for host in found.everybody:
        host.target_id = ids[host.name]


type Answer = Mapping[str, object] | Callable[[Json], Mapping[str, object]]


async def walk(api: HassApi, path: str, handler: object, answers: Mapping[str, Answer]) -> Json:
    """Walk through a flow as its user would; other fields keep what the form shows."""
    step: Json = await api.post(path, {"handler": handler})
    while step["type"] in {"menu", "form"}:
        assert not step.get("errors"), step
        answer = answers[step["step_id"]]
        given = answer(step) if callable(answer) else answer
        body = _merged(form_defaults(step.get("data_schema") or ()), given)
        step = await api.post(f"{path}/{step['flow_id']}", body)
    assert step["type"] == "create_entry", step
    return step


def _merged(defaults: Json, given: Mapping[str, object]) -> Json:
    """Return a form's answer, where a section that is given keeps its other fields."""
    body = {**defaults, **given}
    for key, value in given.items():
        if isinstance(value, Mapping):
            body[key] = {**defaults.get(key, {}), **value}
    return body


def _new(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    return path


def _is_open(port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port or 0)) == 0
