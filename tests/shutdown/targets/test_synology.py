"""A Synology NAS is stopped with a login each time, and with a token in place of a code."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import logging
from typing import Any

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.errors import OptionError, RequestError
from custom_components.omron_ups.shutdown.models import HostState, Outcome, Reason, Severity
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets.synology import SHUTDOWN, SynologyTarget
from custom_components.omron_ups.shutdown.targets.synology_api import DEVICE_NAME, TwoStepError
from tests.shutdown.fakes.server import LOOPBACK
from tests.shutdown.fakes.synology import CODE, PASSWORD, USERNAME, FakeSynology

CONTEXT = StopContext(plan_id="p", reason=Reason.REQUEST, time_left_s=100)


@pytest.fixture
async def nas() -> AsyncIterator[FakeSynology]:
    async with FakeSynology() as fake:
        yield fake


@asynccontextmanager
async def target_of(nas: FakeSynology, **more: Any) -> AsyncIterator[SynologyTarget]:
    options = {
        "host": LOOPBACK,
        "port": nas.port,
        "username": USERNAME,
        "password": PASSWORD,
        "tls_trust": "fingerprint",
        "tls_fingerprint": nas.certificate.fingerprint,
        **more,
    }
    spec = TargetSpec(
        target_id="s1", name="NAS", kind="synology", stage=9, time_limit_s=180, options=options
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        target = SynologyTarget(spec, session)
        await target.open()
        yield target
        await target.close()


def keys(findings: Any) -> dict[str, Severity]:
    return {finding.key: finding.severity for finding in findings}


async def test_each_command_logs_in_anew(nas: FakeSynology) -> None:
    nas.ignores_shutdown = True
    async with target_of(nas) as target:
        for _ in range(2):
            assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED
    assert (nas.shutdowns, nas.logins) == (2, 2)
    asked = [a for a in nas.asked if a.params["method"] == "shutdown"]
    assert [a.params["_sid"] for a in asked] == ["sid1", "sid2"]
    assert {(a.method, a.params["version"], a.params["local"]) for a in asked} == {
        ("POST", "1", "true")
    }


async def test_no_secret_stands_in_a_url(nas: FakeSynology) -> None:
    async with target_of(nas, device_token="devicetoken") as target:
        await target.send(SHUTDOWN, CONTEXT)
    assert [a.query for a in nas.asked if a.method == "POST"] == ["", ""]
    assert "SYNO.API.Auth" in nas.asked[0].query


@pytest.mark.parametrize("code", [106, 107, 119])
async def test_a_session_lost_in_between_is_replaced_once(nas: FakeSynology, code: int) -> None:
    nas.lost_sessions = [code]
    async with target_of(nas) as target:
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED
    assert (nas.shutdowns, nas.logins) == (1, 2)


@pytest.mark.parametrize(
    ("code", "words"),
    [(101, "parameter"), (102, "the API"), (103, "the method"), (104, "the version")],
)
async def test_a_dsm_that_lacks_the_request_is_refused_in_words(
    nas: FakeSynology, code: int, words: str
) -> None:
    nas.lost_sessions = [code]
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert (reply.outcome, nas.shutdowns, nas.logins) == (Outcome.REFUSED, 0, 1)
    assert words in reply.detail
    assert str(code) in reply.detail


async def test_a_session_lost_again_is_refused_in_words(nas: FakeSynology) -> None:
    nas.lost_sessions = [119, 107]
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert "another login has ended the session" in reply.detail
    assert (nas.shutdowns, nas.logins) == (0, 2)


async def test_a_careful_dsm_wants_its_token(nas: FakeSynology) -> None:
    nas.has_syno_token = True
    async with target_of(nas) as target:
        assert await target.preflight() == []
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("version", [6, 7, 9])
async def test_a_code_is_entered_once(nas: FakeSynology, version: int) -> None:
    nas.has_two_step, nas.auth_version = True, version
    async with target_of(nas) as target:
        assert keys(await target.preflight()) == {"synology_two_step": Severity.ERROR}
        with pytest.raises(TwoStepError, match="404"):
            await target.obtain_device_token("000000")
        token = await target.obtain_device_token(CODE)
    assert nas.device_tokens == {token: DEVICE_NAME}
    async with target_of(nas, device_token=token) as target:
        assert await target.preflight() == []
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED


async def test_a_token_that_dsm_has_forgotten(nas: FakeSynology) -> None:
    nas.has_two_step = True
    async with target_of(nas, device_token="forgotten") as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
        assert keys(await target.preflight()) == {"synology_two_step": Severity.ERROR}
    assert reply.outcome is Outcome.REFUSED
    assert "2-factor" in reply.detail


@pytest.mark.parametrize(
    ("code", "words", "key"),
    [
        (401, "disabled", "synology_account"),
        (402, "may not log in", "synology_account"),
        (403, "code is wanted", "synology_two_step"),
        (404, "code is wrong", "synology_code_refused"),
        (406, "insists", "synology_no_second_factor"),
        (407, "blocked our IP address", "synology_blocked"),
        (408, "expired", "synology_account"),
        (409, "expired", "synology_account"),
        (410, "must be changed", "synology_account"),
        (411, "locked", "target_credentials_refused"),
        (105, "no administrator", "synology_not_administrator"),
        (999, "999", "target_refused"),
    ],
)
async def test_codes_of_the_login_become_words(
    nas: FakeSynology, code: int, words: str, key: str
) -> None:
    nas.login_error = code
    async with target_of(nas) as target:
        [found] = await target.preflight()
        assert found.key == key
        assert words in found.placeholders["detail"]
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert words in reply.detail
    assert str(code) in reply.detail


async def test_a_wrong_password_is_never_tried_twice(nas: FakeSynology) -> None:
    async with target_of(nas, password="wrong") as target:
        for _ in range(10):
            assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.REFUSED
        assert keys(await target.preflight()) == {"target_credentials_refused": Severity.ERROR}
    assert nas.failures == 1


async def test_only_administrators_may(nas: FakeSynology) -> None:
    nas.is_administrator = False
    async with target_of(nas) as target:
        assert keys(await target.preflight()) == {"synology_not_administrator": Severity.ERROR}
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert "105" in reply.detail


async def test_preflight_logs_in_once_and_leaves_no_session(nas: FakeSynology) -> None:
    async with target_of(nas) as target:
        assert await target.preflight() == []
        assert nas.logins == 1
        assert nas.sessions == set()
        assert await target.rehearse() == (f"would shut down the NAS at {LOOPBACK}:{nas.port}",)
        await target.observe()
        await target.is_ready()
        assert (await target.escalate(SHUTDOWN, CONTEXT)).outcome is Outcome.NOTHING_TO_DO
    assert nas.logins == 1
    assert {a.params["method"] for a in nas.asked} == {"query", "login", "info", "logout"}


async def test_a_lost_answer_is_unknown_and_not_sent_again(nas: FakeSynology) -> None:
    nas.dies_while_answering = True
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, True)
    assert nas.shutdowns == 1


async def test_the_web_page_ends_before_the_disks(nas: FakeSynology) -> None:
    nas.web_stop_s = 100
    async with target_of(nas) as target:
        assert (await target.observe()).state is HostState.UP
        assert await target.is_ready() is True
        await target.send(SHUTDOWN, CONTEXT)
        await nas.stopped.wait()
        assert nas.is_on
        assert (await target.observe()).state is HostState.UNKNOWN
        assert await target.is_ready() is False
        assert keys(await target.preflight()) == {"target_unreachable": Severity.ERROR}
        reply = await target.send(SHUTDOWN, CONTEXT)
        await nas.settle()
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)
    assert nas.shutdowns == 1


@pytest.mark.parametrize(("status", "body"), [(502, "<html>"), (200, "[]"), (200, "<html>")])
async def test_what_is_no_dsm(
    nas: FakeSynology, monkeypatch: pytest.MonkeyPatch, status: int, body: str
) -> None:
    async def answer(*_: object) -> aiohttp.web.Response:
        return aiohttp.web.Response(text=body, status=status)

    monkeypatch.setattr(nas, "answer", answer)
    async with target_of(nas) as target:
        assert (await target.observe()).state is HostState.GOING
        assert keys(await target.preflight()) == {"target_check_failed": Severity.ERROR}
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)


async def test_another_certificate_gets_no_password(nas: FakeSynology) -> None:
    async with target_of(nas) as target:
        await nas.renew_certificate("renewed")
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.REFUSED
        assert keys(await target.preflight()) == {"target_identity_changed": Severity.ERROR}
    assert nas.asked == []


async def test_no_secret_appears_anywhere(
    nas: FakeSynology, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    nas.has_syno_token = nas.has_two_step = True
    nas.device_tokens["secret-device"] = DEVICE_NAME
    original = nas.answer

    async def answer(asked: Any, request: Any) -> aiohttp.web.StreamResponse:
        if asked.params.get("method") == "shutdown":
            return aiohttp.web.Response(text=str(dict(asked.params)), status=500)
        return await original(asked, request)

    monkeypatch.setattr(nas, "answer", answer)
    async with target_of(nas, device_token="secret-device") as target:
        session = await target._api.log_in(await target._api.apis())
        shown = [repr(target.__dict__), repr(target.spec), repr(session)]
        reply = await target.send(SHUTDOWN, CONTEXT)
        assert "'_sid': '**'" in reply.detail
        shown.append(repr(reply))
    async with target_of(nas, password="wrong-5ecret") as target:
        shown += [repr(await target.send(SHUTDOWN, CONTEXT)), repr(await target.preflight())]
    shown += [record.getMessage() for record in caplog.records]
    secrets = (PASSWORD, "wrong-5ecret", "secret-device", "sid1", "sid2", "token-of")
    assert [text for text in shown for secret in secrets if secret in text] == []


async def test_a_code_appears_nowhere(
    nas: FakeSynology, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    original = nas.answer

    async def answer(asked: Any, request: Any) -> aiohttp.web.StreamResponse:
        if asked.params.get("otp_code"):
            return aiohttp.web.Response(text=str(dict(asked.params)), status=500)
        return await original(asked, request)

    monkeypatch.setattr(nas, "answer", answer)
    async with target_of(nas) as target:
        with pytest.raises(RequestError) as raised:
            await target.obtain_device_token(CODE)
        told = target.explain(raised.value)
    shown = [str(raised.value), repr(told), caplog.text, *(asked.query for asked in nas.asked)]
    assert "'otp_code': '**'" in shown[0]
    assert [text for text in shown if CODE in text or PASSWORD in text] == []


@pytest.mark.parametrize("missing", ["host", "username", "password"])
async def test_options_are_needed(nas: FakeSynology, missing: str) -> None:
    with pytest.raises(OptionError, match=missing):
        async with target_of(nas, **{missing: ""}):
            pass
