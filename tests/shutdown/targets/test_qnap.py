"""A QNAP NAS is stopped once, with a session of its own, and never by a password tried twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import logging
from typing import Any

import aiohttp
import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.models import HostState, Outcome, Reason, Severity
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets.qnap import SHUTDOWN, QnapTarget
from tests.shutdown.fakes.qnap import LOGIN, PASSWORD, POWER, USERNAME, FakeQnap
from tests.shutdown.fakes.server import LOOPBACK

CONTEXT = StopContext(plan_id="p", reason=Reason.REQUEST, time_left_s=100)


@pytest.fixture
async def nas() -> AsyncIterator[FakeQnap]:
    async with FakeQnap() as fake:
        yield fake


@asynccontextmanager
async def target_of(nas: FakeQnap, **more: Any) -> AsyncIterator[QnapTarget]:
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
        target_id="n1", name="NAS", kind="qnap", stage=9, time_limit_s=180, options=options
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        target = QnapTarget(spec, session)
        await target.open()
        yield target
        await target.close()


def keys(findings: Any) -> dict[str, Severity]:
    return {finding.key: finding.severity for finding in findings}


async def test_each_command_logs_in_anew(nas: FakeQnap) -> None:
    nas.ignores_power = True
    async with target_of(nas) as target:
        for _ in range(2):
            reply = await target.send(SHUTDOWN, CONTEXT)
            assert reply.outcome is Outcome.ACCEPTED
    asked = [(a.method, a.path) for a in nas.asked]
    assert asked == [("POST", LOGIN), ("POST", POWER)] * 2
    assert (nas.shutdowns, nas.logins) == (2, 2)
    sessions = [a.params["sid"] for a in nas.asked if a.path == POWER]
    assert sessions == ["sid1", "sid2"]


async def test_neither_password_nor_session_stands_in_the_url(nas: FakeQnap) -> None:
    async with target_of(nas) as target:
        await target.send(SHUTDOWN, CONTEXT)
    assert [a.query for a in nas.asked] == ["", "subfunc=power_mgmt"]


async def test_a_session_lost_in_between_is_noticed(nas: FakeQnap) -> None:
    """HTTP 200, one digit in the body, and the NAS has done nothing."""
    nas.lost_sessions = 1
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    assert (nas.shutdowns, nas.logins) == (1, 2)


async def test_a_session_lost_again_is_refused_in_words(nas: FakeQnap) -> None:
    nas.lost_sessions = 2
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert "authPassed 0" in reply.detail
    assert (nas.shutdowns, nas.logins) == (0, 2)


async def test_firmware_that_looks_for_the_session_in_the_url_only(nas: FakeQnap) -> None:
    nas.looks_for_session_in = {"query"}
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    assert nas.shutdowns == 1


async def test_a_model_that_gives_no_session_for_a_post(nas: FakeQnap) -> None:
    nas.gives_session_for_get_only = nas.ignores_power = True
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED
        assert nas.shutdowns == 1
        found = keys(await target.preflight())
    assert found == {"qnap_password_in_url": Severity.WARNING}


async def test_a_model_without_a_session_for_a_post_is_not_asked_twice_with_a_wrong_password(
    nas: FakeQnap,
) -> None:
    nas.gives_session_for_get_only = True
    async with target_of(nas, password="wrong") as target:
        await target.send(SHUTDOWN, CONTEXT)
    assert nas.logins == 1


async def test_a_wrong_password_is_never_tried_twice(nas: FakeQnap) -> None:
    """Five failures within a minute would block us, and the request that counts."""
    async with target_of(nas, password="wrong") as target:
        for _ in range(10):
            reply = await target.send(SHUTDOWN, CONTEXT)
            assert reply.outcome is Outcome.REFUSED
        assert keys(await target.preflight()) == {"target_credentials_refused": Severity.ERROR}
    assert (nas.failures, nas.is_blocked) == (1, False)
    assert "blocked" in reply.detail


async def test_after_a_pause_it_is_tried_again(
    nas: FakeQnap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may have put the account in order on the NAS."""
    monkeypatch.setattr("custom_components.omron_ups.shutdown.targets.login_pause.LOGIN_PAUSE_S", 0)
    async with target_of(nas, username="other") as target:
        for _ in range(2):
            assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.REFUSED
    assert nas.failures == 2


async def test_a_blocked_address_is_not_heard(nas: FakeQnap) -> None:
    nas.failures = 5
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
        assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)
        assert (await target.observe()).state is HostState.UNKNOWN
    assert nas.shutdowns == 0


@pytest.mark.parametrize("passes", [False, True])
async def test_two_step_accounts_are_refused_in_words(nas: FakeQnap, passes: bool) -> None:
    nas.has_two_step, nas.first_step_passes = True, passes
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
        assert reply.outcome is Outcome.REFUSED
        assert "2-step verification" in reply.detail
        assert keys(await target.preflight()) == {"qnap_two_step": Severity.ERROR}


async def test_a_second_step_that_is_only_asked_for_does_not_lock_us_out(nas: FakeQnap) -> None:
    nas.wants_two_step_soon = True
    async with target_of(nas) as target:
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED


async def test_an_expired_password_has_its_own_words(nas: FakeQnap) -> None:
    nas.is_password_expired = True
    async with target_of(nas) as target:
        assert keys(await target.preflight()) == {"qnap_password_expired": Severity.ERROR}
        assert "expired" in (await target.send(SHUTDOWN, CONTEXT)).detail


async def test_only_administrators_may(nas: FakeQnap) -> None:
    nas.is_administrator = False
    async with target_of(nas) as target:
        assert keys(await target.preflight()) == {"qnap_not_administrator": Severity.ERROR}
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.REFUSED


async def test_an_answer_that_is_no_xml_is_read_all_the_same(nas: FakeQnap) -> None:
    nas.is_well_formed = False
    async with target_of(nas) as target:
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED


async def test_a_lost_answer_is_unknown_and_not_sent_again(nas: FakeQnap) -> None:
    nas.dies_while_answering = True
    async with target_of(nas) as target:
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, True)
    assert nas.shutdowns == 1


async def test_what_was_accepted_and_ignored_shows(nas: FakeQnap) -> None:
    nas.ignores_power = True
    async with target_of(nas) as target:
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED
        assert (await target.observe()).state is HostState.UP
    assert SHUTDOWN.resend_after_s == 20


async def test_the_web_page_ends_before_the_disks(nas: FakeQnap) -> None:
    nas.web_stop_s = 500
    async with target_of(nas) as target:
        assert (await target.observe()).state is HostState.UP
        await target.send(SHUTDOWN, CONTEXT)
        assert (await target.observe()).state is HostState.GOING
        await nas.stopped.wait()
        assert nas.is_on, "the disks still run"
        assert (await target.observe()).state is HostState.UNKNOWN
        await nas.settle()


async def test_something_else_in_its_place_is_no_nas(
    nas: FakeQnap, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(*_: object) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="<html>502</html>", status=502)

    monkeypatch.setattr(nas, "answer", answer)
    async with target_of(nas) as target:
        assert (await target.observe()).state is HostState.GOING
        assert keys(await target.preflight()) == {"target_check_failed": Severity.ERROR}
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)


async def test_it_is_ready_when_it_has_booted(nas: FakeQnap) -> None:
    async with target_of(nas) as target:
        assert await target.is_ready() is True
        await target.send(SHUTDOWN, CONTEXT)
        await nas.settle()
        assert await target.is_ready() is False
        await nas.power_on()
        assert await target.is_ready() is False
        assert (await target.observe()).state is HostState.UP
        assert keys(await target.preflight()) == {"qnap_still_booting": Severity.WARNING}
        nas.is_booting, nas.is_media_ready = False, False
        assert await target.is_ready() is False, "its volumes are not there yet"
        nas.is_media_ready = True
        assert await target.is_ready() is True


async def test_preflight_logs_in_once_and_changes_nothing(nas: FakeQnap) -> None:
    async with target_of(nas) as target:
        assert await target.preflight() == []
        assert nas.logins == 1
        lines = await target.rehearse()
        await target.observe()
        await target.is_ready()
        assert await target.uses_left() is None
        assert (await target.escalate(SHUTDOWN, CONTEXT)).outcome is Outcome.NOTHING_TO_DO
        assert (await target.restore((SHUTDOWN,))).outcome is Outcome.NOTHING_TO_DO
    assert lines == (f"would shut down the NAS at {LOOPBACK}:{nas.port} (TS-453D 4.5.2)",)
    assert nas.logins == 1
    assert [a for a in nas.asked if a.path != LOGIN] == []


async def test_another_certificate_gets_no_password(nas: FakeQnap) -> None:
    async with target_of(nas) as target:
        await nas.renew_certificate("renewed")
        reply = await target.send(SHUTDOWN, CONTEXT)
        assert keys(await target.preflight()) == {"target_identity_changed": Severity.ERROR}
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    assert nas.asked == []


async def test_a_nas_that_is_off(nas: FakeQnap) -> None:
    async with target_of(nas) as target:
        await nas.stop()
        assert keys(await target.preflight()) == {"target_unreachable": Severity.ERROR}
        reply = await target.send(SHUTDOWN, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)


async def test_no_secret_appears_anywhere(
    nas: FakeQnap, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    async with target_of(nas) as target:
        shown += [repr(target.__dict__), repr(target.spec), repr(await target._api.log_in())]
        nas.lost_sessions = 2
        shown.append(repr(await target.send(SHUTDOWN, CONTEXT)))

        original = nas.answer

        async def answer(asked: Any, request: Any) -> aiohttp.web.StreamResponse:
            if asked.path == POWER or not asked.params:
                return aiohttp.web.Response(text=str(dict(asked.params)), status=500)
            return await original(asked, request)

        monkeypatch.setattr(nas, "answer", answer)
        reply = await target.send(SHUTDOWN, CONTEXT)
        assert "'sid': '**'" in reply.detail
        shown.append(repr(reply))
        shown.append(repr(await target.preflight()))
        shown.append(repr(await target.observe()))
    shown += [record.getMessage() for record in caplog.records]
    secrets = (PASSWORD, "cMOkc3M", "sid1", "sid2", "sid3", "sid4")
    assert [text for text in shown for secret in secrets if secret in text] == []


@pytest.mark.parametrize("missing", ["host", "username", "password"])
async def test_options_are_needed(nas: FakeQnap, missing: str) -> None:
    with pytest.raises(OptionError, match=missing):
        async with target_of(nas, **{missing: ""}):
            pass


async def test_cancelling_leaves_it_usable(nas: FakeQnap) -> None:
    async with target_of(nas) as target:
        sending = asyncio.create_task(target.send(SHUTDOWN, CONTEXT))
        await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert (await target.send(SHUTDOWN, CONTEXT)).outcome is Outcome.ACCEPTED
