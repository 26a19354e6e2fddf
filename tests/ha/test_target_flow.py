"""The flow of targets: enter, confirm, check, put in order; and change."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.omron_ups.shutdown.kinds import KINDS
from custom_components.omron_ups.target_form import plan_part_schema
from tests.contract.source import translation
from tests.ha.common import LOOPBACK, MockConfigEntry, unused_port
from tests.ha.plan import PART, Host, add_target, begin_flow, plan_of, submit, suggestions
from tests.shutdown.sshd import Sshd, running_sshd
from tests.shutdown.web import make_identity, serving

PLAN = {"stage": 20, "time_limit": 90, **PART}


@pytest.fixture
def sshd(tmp_path: Path, socket_enabled: None) -> Iterator[Sshd]:
    """Return an sshd that lets nobody in yet."""
    with running_sshd(tmp_path) as server:
        yield server


def ssh_input(sshd: Sshd, **changes: Any) -> dict[str, Any]:
    """Return what the form of an SSH host sends."""
    return {
        "name": "pve1",
        "host": LOOPBACK,
        "port": sshd.port,
        "username": sshd.username,
        "command": "true",
        "advanced": {},
        **changes,
    }


async def add_ssh(
    hass: HomeAssistant, entry: MockConfigEntry, sshd: Sshd, **plan: Any
) -> dict[str, Any]:
    """Add an SSH host through its flow, and return what is stored."""
    form = await submit(hass, await begin_flow(hass, entry, "ssh"), ssh_input(sshd))
    assert form["step_id"] == "identity"
    sshd.authorize(form["description_placeholders"]["public_key"])
    form = await submit(hass, form, {})
    assert form["step_id"] == "plan"
    done = await submit(hass, form, {**PLAN, **plan})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    return dict(next(iter(entry.subentries.values())).data)


def section_texts(kind: str) -> dict[str, str]:
    """Return the names of the fields by which a kind is seen to be off."""
    steps = translation("en")["config_subentries"][kind]["step"]
    texts: dict[str, str] = steps["plan"]["sections"].get("verify", {"data": {}})["data"]
    return texts


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_has_a_form(
    hass: HomeAssistant, loaded: MockConfigEntry, kind: str
) -> None:
    form = await begin_flow(hass, loaded, kind)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "user")
    schema = form["data_schema"].schema
    shown = {str(marker) for marker in schema}
    shown |= {
        str(inner) for name in schema if name == "advanced" for inner in schema[name].schema.schema
    }
    by_dialogue = {"private_key", "host_key", "tls_fingerprint", "device_token"}
    names = {field.name for field in KINDS[kind].fields} - by_dialogue
    assert shown - {"advanced"} == names | {"name"}


async def test_an_ssh_host(hass: HomeAssistant, loaded: MockConfigEntry, sshd: Sshd) -> None:
    form = await submit(hass, await begin_flow(hass, loaded, "ssh"), ssh_input(sshd))
    assert (form["step_id"], form["description_placeholders"]["name"]) == ("identity", "pve1")
    shown = form["description_placeholders"]
    assert shown["fingerprint"].startswith("SHA256:")
    assert shown["public_key"].startswith("ssh-ed25519 ")
    assert shown["forced_line"].endswith(shown["public_key"])
    sshd.authorize(shown["public_key"])
    form = await submit(hass, form, {})
    assert form["step_id"] == "plan"
    proposed = suggestions(form)
    assert (proposed["address"], proposed["ports"]) == (LOOPBACK, [str(sshd.port)])
    done = await submit(hass, form, PLAN)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    (target,) = loaded.subentries.values()
    assert target.title == "pve1"
    assert target.data["stage"] == 20
    options = target.data["options"]
    assert options["host_key"] == sshd.host_key
    assert options["public_key"] == shown["public_key"]
    assert "PRIVATE KEY" in options["private_key"]
    assert options["port"] == sshd.port


async def test_a_check_that_fails_can_be_corrected_with_the_same_key(
    hass: HomeAssistant, loaded: MockConfigEntry, sshd: Sshd
) -> None:
    form = await submit(hass, await begin_flow(hass, loaded, "ssh"), ssh_input(sshd))
    public_key = form["description_placeholders"]["public_key"]
    form = await submit(hass, form, {})
    assert form["step_id"] == "check"
    assert "❌" in form["description_placeholders"]["findings"]
    form = await submit(hass, form, {"save_anyway": False})
    assert form["step_id"] == "user"
    assert suggestions(form)["username"] == sshd.username
    assert suggestions(form)["name"] == "pve1"
    sshd.authorize(public_key)
    form = await submit(hass, form, ssh_input(sshd))
    # Neither the key of the host nor ours has changed: nothing to confirm or to paste anew.
    assert form["step_id"] == "plan"


async def test_a_host_that_is_wrong_can_be_saved_anyway(
    hass: HomeAssistant, loaded: MockConfigEntry, sshd: Sshd
) -> None:
    form = await submit(hass, await begin_flow(hass, loaded, "ssh"), ssh_input(sshd))
    form = await submit(hass, await submit(hass, form, {}), {"save_anyway": True})
    assert form["step_id"] == "plan"
    done = await submit(hass, form, PLAN)
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_a_host_that_is_off_shows_no_key(
    hass: HomeAssistant, loaded: MockConfigEntry, sshd: Sshd
) -> None:
    sshd.stop()
    form = await submit(hass, await begin_flow(hass, loaded, "ssh"), ssh_input(sshd))
    assert (form["step_id"], form["errors"]) == ("user", {"base": "cannot_connect"})
    assert form["description_placeholders"]["detail"]
    assert suggestions(form)["host"] == LOOPBACK
    sshd.start()
    form = await submit(hass, form, ssh_input(sshd))
    assert form["step_id"] == "identity"


async def test_reconfigure_keeps_secrets_and_the_key_of_the_host(
    hass: HomeAssistant, loaded: MockConfigEntry, sshd: Sshd
) -> None:
    before = await add_ssh(hass, loaded, sshd)
    (owner,) = loaded.subentries
    form = await begin_flow(hass, loaded, "ssh", owner)
    assert suggestions(form)["name"] == "pve1"
    assert before["options"]["private_key"] not in str(form["data_schema"].schema)
    form = await submit(hass, form, ssh_input(sshd, name="pve2", command="echo stop"))
    assert form["step_id"] == "plan"
    assert suggestions(form)["stage"] == 20
    done = await submit(hass, form, {**PLAN, "stage": 30})
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    (target,) = loaded.subentries.values()
    assert (target.title, target.data["stage"]) == ("pve2", 30)
    assert dict(target.data["options"]) == {**before["options"], "command": "echo stop"}


async def test_a_host_that_shows_another_key_is_confirmed_again(
    hass: HomeAssistant, loaded: MockConfigEntry, sshd: Sshd
) -> None:
    before = await add_ssh(hass, loaded, sshd)
    (owner,) = loaded.subentries
    sshd.stop()
    sshd.change_host_key()
    sshd.start()
    form = await submit(hass, await begin_flow(hass, loaded, "ssh", owner), ssh_input(sshd))
    assert form["step_id"] == "identity"
    assert form["description_placeholders"]["public_key"] == before["options"]["public_key"]
    assert loaded.subentries[owner].data["options"]["host_key"] != sshd.host_key
    form = await submit(hass, form, {})
    await submit(hass, form, PLAN)
    options = loaded.subentries[owner].data["options"]
    assert options["host_key"] == sshd.host_key
    assert options["private_key"] == before["options"]["private_key"]


async def test_another_host_is_confirmed_again(
    hass: HomeAssistant, loaded: MockConfigEntry, sshd: Sshd
) -> None:
    before = await add_ssh(hass, loaded, sshd)
    (owner,) = loaded.subentries
    form = await begin_flow(hass, loaded, "ssh", owner)
    form = await submit(hass, form, ssh_input(sshd, port=sshd.second_port))
    assert form["step_id"] == "identity"
    assert form["description_placeholders"]["public_key"] == before["options"]["public_key"]


async def test_a_port_and_a_mac_that_cannot_be(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    host = Host(hass, "nas")
    form = await begin_flow(hass, loaded, "ha_action")
    form = await submit(hass, form, {"name": "nas", **host.options})
    assert form["step_id"] == "plan"
    wrong = {**PLAN, "verify": {**PART["verify"], "ports": ["22", "70000"]}}
    form = await submit(hass, form, wrong)
    assert form["errors"] == {"verify": "invalid_port"}
    wrong = {**PLAN, "wake": {**PART["wake"], "mac": "02:00:5e:00:53"}}
    form = await submit(hass, form, wrong)
    assert form["errors"] == {"wake": "invalid_mac"}
    good = {**PLAN, "wake": {**PART["wake"], "mac": "02:00:5e:00:53:01", "secure_on": ""}}
    done = await submit(hass, form, good)
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_what_a_target_runs_on_must_not_run_on_it(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    hosts = {name: Host(hass, name) for name in ("pve", "k8s")}
    ids: dict[str, str] = {}
    for name, runs_on in (("pve", []), ("k8s", ["pve"])):
        relations = {**PART["relations"], "runs_on": [ids[item] for item in runs_on]}
        options = hosts[name].options
        ids[name] = await add_target(hass, loaded, "ha_action", name, options, relations=relations)
    form = await begin_flow(hass, loaded, "ha_action", ids["pve"])
    form = await submit(hass, form, {"name": "pve", **hosts["pve"].options})
    circle = {**PART["relations"], "runs_on": [ids["k8s"]]}
    form = await submit(hass, form, {**PLAN, "relations": circle})
    assert form["errors"] == {"relations": "runs_on_circle"}
    with pytest.raises(InvalidData):
        await submit(hass, form, {**PLAN, "relations": {**circle, "runs_on": ["deleted"]}})
    done = await submit(hass, form, PLAN)
    assert done["type"] is FlowResultType.ABORT


async def test_a_relation_to_a_target_that_was_deleted_is_not_suggested(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    nas, k8s = Host(hass, "nas"), Host(hass, "k8s")
    storage = await add_target(hass, loaded, "ha_action", "nas", nas.options)
    relations = {**PART["relations"], "uses": ["deleted", storage], "runs_on": ["deleted"]}
    owner = await add_target(hass, loaded, "ha_action", "k8s", k8s.options, relations=relations)
    form = await begin_flow(hass, loaded, "ha_action", owner)
    form = await submit(hass, form, {"name": "k8s", **k8s.options})
    shown = suggestions(form)
    assert (shown["uses"], shown["runs_on"]) == ([storage], [])


async def test_a_secure_on_password_is_kept_and_never_shown(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    host = Host(hass, "nas")
    wake = {**PART["wake"], "mac": "02:00:5e:00:53:01", "secure_on": "00:11:22:33:44:55"}
    owner = await add_target(hass, loaded, "ha_action", "nas", host.options, wake=wake)
    form = await begin_flow(hass, loaded, "ha_action", owner)
    form = await submit(hass, form, {"name": "nas", **host.options})
    shown = suggestions(form)
    assert shown["mac"] == wake["mac"]
    assert "secure_on" not in shown
    await submit(hass, form, {**PLAN, "wake": {**PART["wake"], "mac": wake["mac"]}})
    assert loaded.subentries[owner].data["wake"]["secure_on"] == wake["secure_on"]
    form = await begin_flow(hass, loaded, "ha_action", owner)
    form = await submit(hass, form, {"name": "nas", **host.options})
    other = {**PART["wake"], "mac": "02:00:5e:00:53:02"}
    await submit(hass, form, {**PLAN, "wake": other})
    assert "secure_on" not in loaded.subentries[owner].data["wake"]


async def test_a_secure_on_password_can_be_removed(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    host = Host(hass, "nas")
    wake = {**PART["wake"], "mac": "02:00:5e:00:53:01"}
    stored = {**wake, "secure_on": "00:11:22:33:44:55"}
    owner = await add_target(hass, loaded, "ha_action", "nas", host.options, wake=stored)
    form = await begin_flow(hass, loaded, "ha_action", owner)
    form = await submit(hass, form, {"name": "nas", **host.options})
    await submit(hass, form, {**PLAN, "wake": {**wake, "remove_secure_on": True}})
    kept = loaded.subentries[owner].data["wake"]
    assert kept == wake
    form = await begin_flow(hass, loaded, "ha_action", owner)
    form = await submit(hass, form, {"name": "nas", **host.options})
    with pytest.raises(InvalidData):
        await submit(hass, form, {**PLAN, "wake": {**wake, "remove_secure_on": True}})


async def test_optional_secrets_are_kept_or_removed(
    hass: HomeAssistant, loaded: MockConfigEntry, socket_enabled: None
) -> None:
    async with serving() as server:
        url = f"http://{LOOPBACK}:{server.port}/"
        secrets = {"url": url, "headers": "X-Key: 5ecret", "body": "{}", "wake_url": f"{url}wake"}
        entered = {"name": "hook", "method": "POST", "tls_trust": "system", "advanced": {}}
        owner = await add_target(hass, loaded, "webhook", "hook", {**entered, **secrets})
        form = await begin_flow(hass, loaded, "webhook", owner)
        removable = form["data_schema"].schema["remove"].config["options"]
        assert removable == ["headers", "body", "wake_url"], "stored, secret and not required"
        changes = {**entered, "remove": ["headers", "wake_url"], "wake_url": f"{url}other"}
        form = await submit(hass, form, changes)
        await submit(hass, form, PLAN)
    options = loaded.subentries[owner].data["options"]
    assert {name: options.get(name) for name in (*secrets, "remove")} == {
        "url": url,
        "headers": None,
        "body": "{}",
        "wake_url": f"{url}other",
        "remove": None,
    }


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("kubernetes", set[str]()),
        ("nut_clients", {"grace"}),
        ("ssh", {"address", "ports", "ping", "grace"}),
    ],
)
def test_kinds_that_tell_by_themselves_are_not_looked_at(
    hass: HomeAssistant, loaded: MockConfigEntry, kind: str, asked: set[str]
) -> None:
    form = plan_part_schema(hass, loaded, kind=KINDS[kind], subentry_id=None, has_secure_on=False)
    verify = form.schema.get("verify")
    assert {str(name) for name in (verify.schema.schema if verify else ())} == asked
    texts = {str(name) for name in section_texts(kind)}
    assert texts == asked, "and nothing else has words"


async def test_the_form_says_whether_a_drill_has_succeeded(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = await begin_flow(hass, loaded, "qnap")
    said = form["description_placeholders"]["confirmation"]
    assert said.startswith("Not confirmed on hardware")
    options = {"host": LOOPBACK, "username": "ups", "password": "x", "tls_trust": "system"}
    owner = await add_target(hass, loaded, "qnap", "nas", options)
    spec = plan_of(loaded).runner.plan.target(owner)
    assert spec is not None
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    await plan_of(loaded)._store.confirmed.add(spec, at, keep=[owner])
    form = await begin_flow(hass, loaded, "qnap", owner)
    said = form["description_placeholders"]["confirmation"]
    assert "2026-11-22" in said
    assert "Not confirmed" not in said
    await hass.config_entries.async_unload(loaded.entry_id)
    form = await begin_flow(hass, loaded, "qnap", owner)
    assert form["description_placeholders"]["confirmation"].startswith("Not confirmed")


async def test_nut_clients_are_added_with_their_grace_alone(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    form = await begin_flow(hass, loaded, "nut_clients")
    form = await submit(hass, form, {"name": "hosts", "alias": "ups", "advanced": {}})
    if form["step_id"] == "check":
        form = await submit(hass, form, {"save_anyway": True})
    assert suggestions(form) == {"grace": round(KINDS["nut_clients"].grace_s)}
    done = await submit(hass, form, {**PLAN, "verify": {"grace": 40}})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    (target,) = loaded.subentries.values()
    assert target.data["verify"] == {"grace": 40}


async def test_a_certificate_is_shown_and_pinned(
    hass: HomeAssistant, loaded: MockConfigEntry, socket_enabled: None
) -> None:
    identity = make_identity("hook.test")
    async with serving(identity=identity) as server:
        entered = {
            "name": "hook",
            "url": f"https://{LOOPBACK}:{server.port}/stop?token=planted-secret",
            "method": "POST",
            "expected_status": "200-299",
            "tls_trust": "fingerprint",
            "advanced": {},
        }
        form = await submit(hass, await begin_flow(hass, loaded, "webhook"), entered)
        assert form["step_id"] == "identity"
        assert form["description_placeholders"]["fingerprint"] == identity.fingerprint
        form = await submit(hass, form, {})
        if form["step_id"] == "check":
            form = await submit(hass, form, {"save_anyway": True})
        await submit(hass, form, PLAN)
        assert server.asked == []
        (owner,) = loaded.subentries
        options = loaded.subentries[owner].data["options"]
        assert options["tls_fingerprint"] == identity.fingerprint
        form = await begin_flow(hass, loaded, "webhook", owner)
        assert "planted-secret" not in str(suggestions(form))
        del entered["url"]
        form = await submit(hass, form, {**entered, "method": "PUT"})
        assert form["step_id"] in {"check", "plan"}


async def test_an_option_that_cannot_be_used_is_named(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    entered = {
        "name": "hook",
        "url": "no address",
        "method": "POST",
        "tls_trust": "system",
        "advanced": {},
    }
    form = await submit(hass, await begin_flow(hass, loaded, "webhook"), entered)
    assert (form["step_id"], form["errors"]) == ("user", {"base": "options_invalid"})
    assert "url" in form["description_placeholders"]["detail"]
    assert "no address" not in form["description_placeholders"]["detail"]


async def test_a_defect_does_not_end_the_flow(
    hass: HomeAssistant, loaded: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(hass, "nas")

    def fail(*_args: object) -> None:
        raise RuntimeError

    form = await begin_flow(hass, loaded, "ha_action")
    with monkeypatch.context() as patched:
        patched.setattr("custom_components.omron_ups.target_flow.make_target", fail)
        form = await submit(hass, form, {"name": "nas", **host.options})
        assert form["errors"] == {"base": "unknown"}
    form = await submit(hass, form, {"name": "nas", **host.options})
    assert form["step_id"] == "plan"
    assert host.calls == []


async def test_nobody_is_asked_for_an_identity_where_nobody_answers(
    hass: HomeAssistant, loaded: MockConfigEntry, socket_enabled: None
) -> None:
    entered = {
        "name": "hook",
        "url": f"https://{LOOPBACK}:{unused_port()}/",
        "method": "POST",
        "tls_trust": "fingerprint",
        "advanced": {},
    }
    async with asyncio.timeout(20):
        form = await submit(hass, await begin_flow(hass, loaded, "webhook"), entered)
    assert form["errors"] == {"base": "cannot_connect"}
