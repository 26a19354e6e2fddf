"""Webhook targets against a real server on loopback."""

from collections.abc import AsyncGenerator
import json
import logging

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.findings import FindingKey
from custom_components.omron_ups.shutdown.models import HostState, Outcome, Reason
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets.webhook import (
    METHODS,
    REQUEST,
    WebhookTarget,
    fill_body,
    parse_headers,
    parse_statuses,
)
from tests.shutdown.web import WebServer, make_identity, say, serving, vanish

CONTEXT = StopContext(plan_id="p1", reason=Reason.LOW_BATTERY, time_left_s=59.7)
IDENTITY = make_identity("self")
RENEWED = make_identity("renewed")
VALUES = {"action": "stop", "target": 'the "big" one & more', "plan_id": "p1"}


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def server() -> AsyncGenerator[WebServer]:
    async with serving() as server:
        yield server


def target(session: aiohttp.ClientSession, **options: object) -> WebhookTarget:
    spec = TargetSpec(
        target_id="t1", name="nas", kind="webhook", stage=1, time_limit_s=60, options=options
    )
    return WebhookTarget(spec, session)


@pytest.mark.parametrize("method", METHODS)
async def test_the_request_is_sent_once_as_described(
    session: aiohttp.ClientSession, server: WebServer, method: str
) -> None:
    hook = target(
        session,
        url=f"{server.url}/power?host=1%2F2",
        method=method,
        headers="X-Key: k:1\n\nAccept: text/plain",
        body='{"do": "{action}", "why": "{reason}", "who": "{target}", "in": {time_left}}',
    )
    reply = await hook.send(REQUEST, CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    (asked,) = server.asked
    assert (asked.method, asked.path) == (method, "/power?host=1%2F2")
    assert (asked.headers["X-Key"], asked.headers["Accept"]) == ("k:1", "text/plain")
    assert asked.headers["Content-Type"] == "application/json"
    assert json.loads(asked.body) == {
        "do": "stop",
        "why": "low_battery",
        "who": "nas",
        "in": 59,
    }


@pytest.mark.parametrize(
    ("status", "expected", "outcome"),
    [
        (200, None, Outcome.ACCEPTED),
        (204, "200-299", Outcome.ACCEPTED),
        (302, "200, 302", Outcome.ACCEPTED),
        (302, None, Outcome.REFUSED),
        (200, "204", Outcome.REFUSED),
        (403, None, Outcome.REFUSED),
        (502, None, Outcome.UNKNOWN),
    ],
)
async def test_which_statuses_are_a_success_is_for_the_user_to_say(
    session: aiohttp.ClientSession,
    server: WebServer,
    status: int,
    expected: str | None,
    outcome: Outcome,
) -> None:
    server.answer = say(status)
    hook = target(session, url=server.url, expected_status=expected)
    assert (await hook.send(REQUEST, CONTEXT)).outcome is outcome


@pytest.mark.parametrize("method", METHODS)
async def test_a_host_that_dies_while_answering_is_unknown_and_not_asked_again(
    session: aiohttp.ClientSession, server: WebServer, method: str
) -> None:
    server.answer = vanish
    reply = await target(session, url=server.url, method=method).send(REQUEST, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, True)
    assert len(server.asked) == 1


async def test_a_changed_certificate_hears_nothing(session: aiohttp.ClientSession) -> None:
    async with serving(identity=RENEWED) as renewed:
        hook = target(
            session,
            url=renewed.url,
            tls_trust="fingerprint",
            tls_fingerprint=IDENTITY.fingerprint,
        )
        reply = await hook.send(REQUEST, CONTEXT)
        (found,) = await hook.preflight()
        assert renewed.asked == []
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert found.key == FindingKey.IDENTITY_CHANGED
    assert RENEWED.fingerprint in found.placeholders["detail"]


async def test_restoring_and_waking_have_urls_of_their_own(
    session: aiohttp.ClientSession, server: WebServer
) -> None:
    plain = target(session, url=server.url)
    assert not plain.can_wake
    assert (await plain.wake()).outcome is Outcome.NOTHING_TO_DO
    assert (await plain.restore((REQUEST,))).outcome is Outcome.NOTHING_TO_DO
    full = target(
        session,
        url=server.url,
        restore_url=f"{server.url}/restore",
        wake_url=f"{server.url}/wake",
        body="{action}",
    )
    assert full.can_wake
    assert (await full.restore(())).outcome is Outcome.NOTHING_TO_DO
    assert server.asked == []
    assert (await full.wake()).outcome is Outcome.ACCEPTED
    assert (await full.restore((REQUEST,))).outcome is Outcome.ACCEPTED
    assert [(asked.path, asked.body) for asked in server.asked] == [
        ("/wake", "wake"),
        ("/restore", "restore"),
    ]


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (('{"output": false}', "output", "false"), HostState.DOWN),
        (('{"output": true}', "output", "false"), HostState.UP),
        (('{"a": [{"b": "off"}]}', "a.0.b", "off"), HostState.DOWN),
        (('{"a": null}', "a", "null"), HostState.DOWN),
        (('{"other": 1}', "output", "false"), HostState.UNKNOWN),
        (("[]", "0", "off"), HostState.UNKNOWN),
        (("no JSON", "output", "false"), HostState.UNKNOWN),
        (("power: OFF", "", "OFF"), HostState.DOWN),
        (("power: ON", "", "OFF"), HostState.UP),
    ],
)
async def test_a_url_can_confirm_that_it_is_off(
    session: aiohttp.ClientSession, server: WebServer, shown: tuple[str, str, str], state: HostState
) -> None:
    text, path, value = shown
    server.answer = say(text=text)
    hook = target(
        session,
        url=f"{server.url}/stop",
        confirm_url=f"{server.url}/state",
        confirm_path=path,
        confirm_value=value,
    )
    assert hook.has_own_evidence
    seen = await hook.observe()
    assert seen.state is state
    assert seen.is_conclusive is (state is HostState.DOWN)
    ready = {HostState.UP: True, HostState.DOWN: False, HostState.UNKNOWN: None}[state]
    assert await hook.is_ready() is ready
    assert {(asked.method, asked.path) for asked in server.asked} == {("GET", "/state")}


async def test_a_confirmation_that_is_silent_or_an_error_proves_nothing(
    session: aiohttp.ClientSession, server: WebServer
) -> None:
    options = {"url": server.url, "confirm_url": server.url, "confirm_value": "off"}
    for answer in (say(500, "off"), vanish):
        server.answer = answer
        assert (await target(session, **options).observe()).state is HostState.UNKNOWN
    unconfirmed = target(session, url=server.url)
    assert not unconfirmed.has_own_evidence
    assert (await unconfirmed.observe()).state is HostState.UNKNOWN


async def test_preflight_asks_nothing_but_the_confirmation(
    session: aiohttp.ClientSession,
) -> None:
    async with serving(identity=IDENTITY) as server:
        server.answer = say(text="on")
        options = {"tls_trust": "fingerprint", "tls_fingerprint": IDENTITY.fingerprint}
        hook = target(session, url=f"{server.url}/stop", **options)
        assert await hook.preflight() == ()
        assert await hook.rehearse() == (f"POST to 127.0.0.1:{server.port}",)
        assert server.asked == []
        confirmed = target(
            session,
            url=f"{server.url}/stop",
            confirm_url=f"{server.url}/state",
            confirm_value="off",
            **options,
        )
        assert await confirmed.preflight() == ()
        assert [asked.path for asked in server.asked] == ["/state"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"url": ""}, FindingKey.OPTIONS_INVALID),
        ({"url": "nas/planted"}, FindingKey.OPTIONS_INVALID),
        ({"url": "http://user:planted@192.0.2.1"}, FindingKey.OPTIONS_INVALID),
        ({"method": "planted"}, FindingKey.OPTIONS_INVALID),
        ({"headers": "planted"}, FindingKey.OPTIONS_INVALID),
        ({"headers": "X-Key: a\nplanted secret: b"}, FindingKey.OPTIONS_INVALID),
        ({"expected_status": "planted"}, FindingKey.OPTIONS_INVALID),
        ({"tls_trust": "none"}, FindingKey.OPTIONS_INVALID),
        ({"confirm_url": "http://127.0.0.1:{port}"}, FindingKey.OPTIONS_INVALID),
        ({"url": "http://127.0.0.1:1/planted"}, FindingKey.UNREACHABLE),
        ({"url": "http://localhost:{port}/planted"}, FindingKey.ADDRESS_IS_NAME),
    ],
)
async def test_preflight_names_what_is_wrong_and_repeats_no_secret(
    session: aiohttp.ClientSession, server: WebServer, options: dict[str, str], key: str
) -> None:
    filled = {name: text.replace("{port}", str(server.port)) for name, text in options.items()}
    (found,) = await target(session, **{"url": server.url, **filled}).preflight()
    assert found.key == key
    assert "planted" not in repr(found)
    assert server.asked == []


async def test_options_that_cannot_be_used_are_a_refusal_of_which_nothing_was_sent(
    session: aiohttp.ClientSession, server: WebServer
) -> None:
    hook = target(session, url=server.url, headers="nonsense")
    reply = await hook.send(REQUEST, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert server.asked == []


async def test_secrets_of_url_and_headers_show_nowhere(
    session: aiohttp.ClientSession, server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook = target(
        session,
        url=f"{server.url}/api/planted-path/x?token=planted-query",
        headers="Authorization: Bearer planted-header",
        body="planted-body",
    )
    said = [repr(hook), repr(hook.spec)]
    server.answer = say(403, "/api/planted-path/x planted-query Bearer planted-header")
    for answer in (server.answer, vanish):
        server.answer = answer
        said.append(repr(await hook.send(REQUEST, CONTEXT)))
    said += [*await hook.rehearse(), repr(await hook.preflight()), caplog.text]
    text = "\n".join(said)
    assert "HTTP 403" in text
    assert "planted" not in text


def test_values_are_spelled_as_the_type_of_the_body_wants() -> None:
    text = '{"t": "{target}", "other": {"x": "{unknown}"}}'
    assert json.loads(fill_body(text, VALUES, {})) == {
        "t": VALUES["target"],
        "other": {"x": "{unknown}"},
    }
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert fill_body("t={target}", VALUES, form) == "t=the+%22big%22+one+%26+more"
    plain: dict[str, str] = {}
    assert fill_body("{target}", VALUES, plain) == VALUES["target"]
    assert plain == {"Content-Type": "text/plain; charset=utf-8"}
    none: dict[str, str] = {}
    assert fill_body("", VALUES, none) == ""
    assert none == {}


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert fill_body("{target}", {**VALUES, "target": "{plan_id}"}, {}) == "{plan_id}"


def test_headers_are_lines() -> None:
    assert parse_headers(" A: b \n\nC:d:e\n") == {"A": "b", "C": "d:e"}
    for text in ("no colon", "bad name: x", ": x"):
        with pytest.raises(OptionError, match="line 1"):
            parse_headers(text)


def test_statuses_are_a_list_of_ranges() -> None:
    assert parse_statuses("200-202, 302") == {200, 201, 202, 302}
    for text in ("", "99", "600", "200-", "2xx", "200;201"):
        with pytest.raises(OptionError):
            parse_statuses(text)
