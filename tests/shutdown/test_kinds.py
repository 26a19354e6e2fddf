"""The table of kinds."""

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.fields import Field
from custom_components.omron_ups.shutdown.kinds import (
    KINDS,
    Kind,
    Tools,
    make_target,
    secret_names,
    server_of,
)
from custom_components.omron_ups.shutdown.specs import TargetSpec
from tests.shutdown.targets.test_ha_action import Home
from tests.shutdown.targets.test_nut_clients import Aliases

NUMBERS = {"integer"}
UNDONE = {"kubernetes"}
"""Kinds that stop no host: all that they do can be taken back."""
SAMPLES = {
    "url": "https://192.0.2.7/stop",
    "token_id": "ups@pve!plan",
    "tls_fingerprint": "AB" * 32,
}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def sample(field: Field) -> object:
    if field.default is not None:
        return field.default
    if field.type in NUMBERS:
        return field.minimum or 1
    return SAMPLES.get(field.name, "192.0.2.7" if field.name == "host" else "x")


def options_of(kind: Kind) -> dict[str, object]:
    return {field.name: sample(field) for field in kind.fields if field.is_required}


@kinds
async def test_each_kind_is_made_from_its_required_fields(kind: Kind) -> None:
    async with aiohttp.ClientSession() as session:
        tools = Tools(session=session, actions=Home(), aliases=Aliases())
        spec = TargetSpec(
            target_id="t1",
            name="host",
            kind=kind.name,
            stage=kind.stage,
            time_limit_s=kind.time_limit_s,
            options=options_of(kind),
        )
        target = make_target(spec, tools)
        await target.close()
    assert target.spec is spec
    assert target.steps, "at least one"
    points_of_no_return = [step for step in target.steps if step.irreversible]
    assert points_of_no_return == ([] if kind.name in UNDONE else [target.steps[-1]])


async def test_a_kind_that_is_not_there() -> None:
    async with aiohttp.ClientSession() as session:
        tools = Tools(session=session, actions=Home(), aliases=Aliases())
        spec = TargetSpec(target_id="t1", name="x", kind="toaster", stage=1, time_limit_s=1)
        with pytest.raises(OptionError, match="toaster"):
            make_target(spec, tools)


@kinds
def test_rows_are_whole(kind: Kind) -> None:
    assert KINDS[kind.name] is kind
    names = [field.name for field in kind.fields]
    assert len(set(names)) == len(names)
    for field in kind.fields:
        assert bool(field.choices) is (field.type == "choice"), field.name
        assert not field.choices or field.default in field.choices, field.name
    assert kind.time_limit_s > kind.grace_s


@kinds
def test_what_sounds_like_a_secret_is_one(kind: Kind) -> None:
    for field in kind.fields:
        if any(word in field.name for word in ("password", "secret", "private", "headers", "url")):
            assert field.is_secret, field.name
    assert secret_names(kind) == {field.name for field in kind.fields if field.is_secret}


def test_storage_stops_after_those_who_use_it() -> None:
    assert KINDS["qnap"].stage > KINDS["proxmox"].stage > KINDS["ssh"].stage
    assert KINDS["proxmox"].stage > KINDS["kubernetes"].stage, "its nodes run the API server"


@pytest.mark.parametrize(
    ("kind", "options", "server"),
    [
        ("ssh", {"host": "192.0.2.7"}, ("192.0.2.7", 22)),
        ("qnap", {"host": "[2001:db8::7]", "port": 8443}, ("2001:db8::7", 8443)),
        ("webhook", {"url": "https://192.0.2.7/x"}, ("192.0.2.7", 443)),
        ("webhook", {"url": "https://192.0.2.7:8443/x"}, ("192.0.2.7", 8443)),
    ],
)
def test_whose_certificate_is_to_be_confirmed(
    kind: str, options: dict[str, object], server: tuple[str, int]
) -> None:
    assert server_of(KINDS[kind], options) == server


def test_kinds_without_a_server_have_nothing_to_confirm() -> None:
    for kind in ("ha_action", "nut_clients"):
        with pytest.raises(OptionError):
            server_of(KINDS[kind], {})
