"""Configures the homelab as a person does: through the forms, with a mistake here and there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scripts.lib.bench_discord import add_webhook
from scripts.lib.hass_api import Json, form_defaults
from tests.e2e.waiting import becomes
from tests.shutdown.fakes import kubernetes, proxmox_tokens, qnap, synology
from tests.shutdown.fakes.kubernetes_world import DRIVER
from tests.shutdown.fakes.server import LOOPBACK

from .lab import AMPLIFIER, DOMAIN, NUT_LOGIN, Lab
from .machines import HOME_ASSISTANT, QNAP_ADDRESS, SYNOLOGY_ADDRESS
from .small_hosts import HEADER_TOKEN, SSH_COMMAND, URL_TOKEN

SUBENTRY_FLOW: Final = "config/config_entries/subentries/flow"
OPTIONS_FLOW: Final = "config/config_entries/options/flow"
MISTAKE: Final = "mistyped-51c8-planted"
"""What somebody enters first where a secret belongs."""
SECURE_ON: Final = "50:6c:61:6e:74:21"
NAMES: Final = (
    "qnap",
    "synology",
    "kubernetes",
    "pve1",
    "pve2",
    "pve3",
    "desktop",
    "plug",
    "amplifier",
    "workstation",
)
"""The targets, one of every kind at least."""
TIME_LIMIT_S: Final = 15
"""How long each target may take; the fake hosts are quick."""

type Form = Mapping[str, Any]


async def set_up(lab: Lab) -> None:
    """Add the UPS, who watches it, all targets, the output and the plan."""
    api = lab.api
    server = {
        "enabled": True,
        "host": LOOPBACK,
        "port": lab.machines.nut_port,
        "ups_name": "ups",
    }
    lab.entry_id = await api.create_entry(
        DOMAIN,
        {
            "user": {"next_step_id": "serial"},
            "serial": {"device": lab.device},
            "nut_server": server,
        },
    )
    account = {"username": NUT_LOGIN[0], "password": NUT_LOGIN[1], "role": "monitor"}
    await Walk(lab, "nut_account").through(
        {"user": {"next_step_id": "account"}, "account": account}
    )
    events = ["power_lost", "power_restored", "plan_started", "plan_finished"]
    await add_webhook(api, lab.entry_id, events)
    await lab.machines.workstation.power_on()
    await _add_targets(lab)
    await Walk(lab, "ups_output").through({"user": {"confirmed": True}})
    await _set_plan(lab)


async def _add_targets(lab: Lab) -> None:
    nas = [await _add_qnap(lab), await _add_synology(lab)]
    nodes = [await _add_node(lab, node, uses=nas) for node in ("pve2", "pve3")]
    await _add_kubernetes(lab, uses=nas, runs_on=nodes)
    await _add_node(lab, "pve1", uses=())
    await _add_small_hosts(lab)


class Walk:
    """A walk through the flow of a subentry; what a form shows stays as it is unless answered."""

    def __init__(self, lab: Lab, kind: str) -> None:
        """Begin with nothing entered."""
        self._lab = lab
        self._handler = [lab.entry_id, kind]
        self.shown: list[str] = []
        """What the step `check` said."""

    async def through(self, answers: Form, *, mistake: Form | None = None) -> str:
        """Walk to the end and return the title.

        Args:
            answers: the answers by step.
            mistake: what is entered in the first step before it is corrected.

        """
        api = self._lab.api
        step: Json = await api.post(SUBENTRY_FLOW, {"handler": self._handler})
        if mistake is not None:
            step = await self._mistake(step, {**answers["user"], **mistake})
        while step["type"] in {"menu", "form"}:
            assert not step.get("errors"), step
            if step["step_id"] == "check":
                self.shown.append(step["description_placeholders"]["findings"])
            if step["step_id"] == "identity":
                self._confirm(step)
            step = await self._answer(step, answers.get(step["step_id"], {}))
        assert step["type"] == "create_entry", step
        return str(step["title"])

    async def _mistake(self, step: Json, wrong: Form) -> Json:
        """Enter what is wrong, see that it is refused, and go back."""
        step = await self._answer(step, wrong)
        while step["step_id"] == "identity":
            step = await self._answer(step, {})
        assert step["step_id"] == "check", step
        return await self._answer(step, {"save_anyway": False})

    async def _answer(self, step: Json, answer: Form) -> Json:
        body = _merged(form_defaults(step.get("data_schema") or ()), answer)
        if step["step_id"] == "check":
            body = {"save_anyway": True, **answer}
        answered: Json = await self._lab.api.post(f"{SUBENTRY_FLOW}/{step['flow_id']}", body)
        return answered

    def _confirm(self, step: Json) -> None:
        """Do on the host what the form asks for: let the key in."""
        if key := step["description_placeholders"].get("public_key"):
            self._lab.machines.desktop.authorize(key)


def _merged(defaults: Json, given: Form) -> Json:
    body = {**defaults, **given}
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(defaults.get(key), Mapping):
            body[key] = {**defaults[key], **value}
    return body


def _plan_part(
    stage: int,
    *ports: int,
    grace: int = 0,
    uses: Sequence[str] = (),
    runs_on: Sequence[str] = (),
    **wake: object,
) -> Form:
    relations = {"uses": uses, "runs_on": runs_on}
    part: dict[str, Any] = {
        "stage": stage,
        "time_limit": TIME_LIMIT_S,
        "wake": {"wake_limit": 120, **wake},
        "relations": {key: [*ids] for key, ids in relations.items() if ids},
    }
    if ports:
        verify = {"address": LOOPBACK, "ports": [str(port) for port in ports], "ping": False}
        part["verify"] = {**verify, "grace": grace}
    return part


async def _id_of(lab: Lab, title: str) -> str:
    rows = await lab.api.command("config_entries/subentries/list", entry_id=lab.entry_id)
    return next(str(row["subentry_id"]) for row in rows if row["title"] == title)


async def _add_qnap(lab: Lab) -> str:
    nas, port = lab.machines.qnap, lab.machines.second_ports["qnap"]
    user = {
        "name": "qnap",
        "host": LOOPBACK,
        "port": nas.port,
        "username": qnap.USERNAME,
        "password": qnap.PASSWORD,
        "tls_trust": "fingerprint",
    }
    await Walk(lab, "qnap").through(
        {"user": user, "plan": _plan_part(70, nas.port, port.number, grace=2)},
        mistake={"password": MISTAKE},
    )
    return await _id_of(lab, "qnap")


async def _add_synology(lab: Lab) -> str:
    nas, port = lab.machines.synology, lab.machines.second_ports["synology"]
    user = {
        "name": "synology",
        "host": LOOPBACK,
        "port": nas.port,
        "username": synology.USERNAME,
        "password": synology.PASSWORD,
        "tls_trust": "authority",
        "tls_authority": nas.certificate.pem,
    }
    wake: dict[str, Any] = {
        "mac": "02:00:00:00:00:21",
        "broadcast": "127.255.255.255",
        "secure_on": SECURE_ON,
    }
    answers = {
        "user": user,
        "one_time_code": {"otp_code": synology.CODE},
        "plan": _plan_part(70, nas.port, port.number, grace=2, **wake),
    }
    await Walk(lab, "synology").through(answers, mistake={"password": MISTAKE})
    return await _id_of(lab, "synology")


async def _add_kubernetes(lab: Lab, *, uses: Sequence[str], runs_on: Sequence[str]) -> None:
    cluster = lab.machines.kubernetes
    user = {
        "name": "kubernetes",
        "host": LOOPBACK,
        "port": cluster.port,
        "token": kubernetes.TOKEN,
        "nas_addresses": [QNAP_ADDRESS, SYNOLOGY_ADDRESS],
        "csi_drivers": [DRIVER],
        "tls_trust": "authority",
        "tls_authority": cluster.authority.pem,
    }
    await Walk(lab, "kubernetes").through(
        {"user": user, "plan": _plan_part(30, uses=uses, runs_on=runs_on)},
        mistake={"token": MISTAKE},
    )


async def _add_node(lab: Lab, node: str, *, uses: Sequence[str]) -> str:
    servers = lab.machines.proxmox.servers
    port = lab.machines.second_ports[node]
    peers = [
        f"{name} {LOOPBACK}:{server.port} {server.certificate.fingerprint}"
        for name, server in servers.items()
        if name != node
    ]
    user: dict[str, Any] = {
        "name": node,
        "host": LOOPBACK,
        "port": servers[node].port,
        "node": node,
        "token_id": proxmox_tokens.TOKEN_ID,
        "token_secret": proxmox_tokens.TOKEN_SECRET,
        "tls_trust": "fingerprint",
        "advanced": {"peers": peers},
    }
    if node == "pve1":
        user["home_assistant_guest"] = HOME_ASSISTANT
    plan = _plan_part(
        50,
        servers[node].port,
        port.number,
        uses=uses,
        returns_by_itself=node != "pve3",
    )
    await Walk(lab, "proxmox").through(
        {"user": user, "plan": plan}, mistake={"token_secret": MISTAKE}
    )
    return await _id_of(lab, node)


async def _add_small_hosts(lab: Lab) -> None:
    desktop, plug = lab.machines.desktop, lab.machines.plug
    ssh = {
        "name": "desktop",
        "host": LOOPBACK,
        "port": desktop.port,
        "username": "ups",
        "command": SSH_COMMAND,
    }
    await Walk(lab, "ssh").through(
        {"user": ssh, "plan": _plan_part(30, desktop.port, desktop.second.number)}
    )
    url = f"https://{LOOPBACK}:{plug.port}/{URL_TOKEN}"
    webhook = {
        "name": "plug",
        "url": f"{url}/off",
        "wake_url": f"{url}/on",
        "confirm_url": f"{url}/state",
        "confirm_path": "power",
        "confirm_value": "off",
        "headers": f"Authorization: Bearer {HEADER_TOKEN}",
        "tls_trust": "fingerprint",
    }
    await Walk(lab, "webhook").through({"user": webhook, "plan": _plan_part(30)})
    action = {
        "name": "amplifier",
        "action": "input_boolean.turn_off",
        "action_target": {"entity_id": [AMPLIFIER]},
        "confirm_entity": AMPLIFIER,
        "confirm_states": ["off"],
        "wake_action": "input_boolean.turn_on",
        "wake_target": {"entity_id": [AMPLIFIER]},
    }
    await lab.api.call("input_boolean.turn_on", AMPLIFIER)
    await Walk(lab, "ha_action").through({"user": action, "plan": _plan_part(30)})

    async def is_logged_in() -> bool:
        return lab.machines.workstation.is_logged_in

    await becomes(expected=True, look=is_logged_in)
    clients = {"name": "workstation", "alias": "ups", "advanced": {"hostsync": 2}}
    plan = {**_plan_part(30), "verify": {"grace": 1}}
    await Walk(lab, "nut_clients").through({"user": clients, "plan": plan})


async def _set_plan(lab: Lab) -> None:
    """Answer the options step; the plan begins as soon as it may."""
    api = lab.api
    own = await _id_of(lab, "pve1")
    step = await api.post(OPTIONS_FLOW, {"handler": lab.entry_id})
    answers: Form = {
        "init": {"next_step_id": "shutdown_plan"},
        "shutdown_plan": {
            "home_assistant_host": own,
            "triggers": {"time_on_battery": 1},
            "restore": {"mains_stable": 5},
        },
    }
    while step["type"] in {"menu", "form"}:
        assert not step.get("errors"), step
        body = _merged(form_defaults(step.get("data_schema") or ()), answers[step["step_id"]])
        step = await api.post(f"{OPTIONS_FLOW}/{step['flow_id']}", body)
    assert step["type"] == "create_entry", step

    async def has_plan() -> bool:
        lab.entities = await api.entities(lab.entry_id)
        return {"sensor.plan_state", "switch.plan_armed"} <= lab.entities.keys()

    await becomes(expected=True, look=has_plan)
