"""The policy for HTTP, against a real server."""

import asyncio
from collections.abc import AsyncGenerator
import logging
import socket
import traceback

import aiohttp
from aiohttp import web
import pytest

from custom_components.omron_ups.shutdown import http as module
from custom_components.omron_ups.shutdown.errors import (
    BadAnswerError,
    IdentityChangedError,
    IdentityError,
    NoAnswerError,
    OptionError,
    RequestError,
    ShutdownError,
    UnreachableError,
)
from custom_components.omron_ups.shutdown.http import Http, HttpReply
from custom_components.omron_ups.shutdown.models import Outcome
from custom_components.omron_ups.shutdown.tls import Tls, Trust
from tests.shutdown.web import Answer, Identity, hang, make_identity, say, serving, vanish

SECRET = 'planted"secret'
IDENTITY = make_identity("self")
EXPIRED = make_identity("self", is_expired=True)
OTHER = make_identity("renewed")


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def pin(fingerprint: str) -> Tls:
    return Tls(trust=Trust.FINGERPRINT, fingerprint=fingerprint)


async def error_of(http: Http, *, limit_s: float = 15.0) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await http.request("POST", "/power?token=x", limit_s=limit_s)
    return caught.value


async def test_each_request_has_a_connection_of_its_own(session: aiohttp.ClientSession) -> None:
    async with serving(identity=IDENTITY) as server:
        http = Http(session, server.url, tls=pin(IDENTITY.fingerprint))
        await http.request("POST", "/one")
        await http.request("POST", "/two")
    assert [asked.path for asked in server.asked] == ["/one", "/two"]
    assert {asked.headers["Connection"] for asked in server.asked} == {"close"}
    assert len({asked.connection for asked in server.asked}) == 2


async def test_no_pooled_connection_of_somebody_else_is_taken(
    session: aiohttp.ClientSession,
) -> None:
    async with serving() as server:
        async with session.get(f"{server.url}/another") as response:
            await response.read()
        await Http(session, server.url, tls=Tls()).request("GET", "/ours")
    assert len({asked.connection for asked in server.asked}) == 2


async def test_what_is_sent_arrives(session: aiohttp.ClientSession) -> None:
    async with serving(say(text='{"data": 1}')) as server:
        http = Http(session, f"{server.url}/api/", tls=Tls())
        reply = await http.request(
            "PUT", "/a%2Fb?c=d", json={"x": [1]}, headers={"X-Key": "k"}, params={"e": "f"}
        )
        await http.request("POST", data={"user": "ä"})
    put, post = server.asked
    assert (put.method, put.path, put.body) == ("PUT", "/api/a%2Fb?c=d&e=f", '{"x": [1]}')
    assert put.headers["X-Key"] == "k"
    assert (post.path, post.body) == ("/api", "user=%C3%A4")
    assert reply.json() == {"data": 1}
    assert reply.is_success


@pytest.mark.parametrize("identity", [IDENTITY, EXPIRED], ids=["self-signed", "expired"])
async def test_a_confirmed_certificate_is_enough(
    session: aiohttp.ClientSession, identity: Identity
) -> None:
    async with serving(identity=identity) as server:
        http = Http(session, server.url, tls=pin(identity.fingerprint))
        assert (await http.request("GET")).status == 200


async def test_a_changed_certificate_has_its_own_error_and_hears_nothing(
    session: aiohttp.ClientSession,
) -> None:
    async with serving(identity=IDENTITY) as server:
        http = Http(session, server.url, tls=pin(IDENTITY.fingerprint))
        await http.request("GET")
    async with serving(identity=OTHER, port=server.port) as renewed:
        error = await error_of(http)
        assert renewed.asked == []
    assert isinstance(error, IdentityChangedError)
    assert error.fingerprint == OTHER.fingerprint
    assert OTHER.fingerprint in str(error)
    assert (error.reply.outcome, error.reply.was_sent) == (Outcome.REFUSED, False)


@pytest.mark.parametrize("identity", [IDENTITY, EXPIRED], ids=["self-signed", "expired"])
async def test_a_certificate_that_nobody_vouches_for_hears_nothing(
    session: aiohttp.ClientSession, identity: Identity
) -> None:
    async with serving(identity=identity) as server:
        error = await error_of(Http(session, server.url, tls=Tls()))
        assert server.asked == []
    assert isinstance(error, IdentityError)
    assert (error.outcome, error.was_sent) == (Outcome.REFUSED, False)


async def test_the_name_in_the_certificate_may_differ_from_the_address(
    session: aiohttp.ClientSession,
) -> None:
    identity = make_identity("nas.example", address="")
    tls = Tls(trust=Trust.AUTHORITY, authority=identity.pem, server_name="nas.example")
    by_address = Tls(trust=Trust.AUTHORITY, authority=identity.pem)
    async with serving(identity=identity) as server:
        named = Http(session, server.url, tls=tls)
        assert (await named.request("GET")).status == 200
        assert isinstance(await error_of(Http(session, server.url, tls=by_address)), IdentityError)


async def test_nothing_was_sent_where_nobody_listens(session: aiohttp.ClientSession) -> None:
    async with serving() as server:
        pass
    error = await error_of(Http(session, server.url, tls=Tls()))
    assert isinstance(error, UnreachableError)
    assert (error.reply.outcome, error.reply.was_sent) == (Outcome.UNKNOWN, False)


async def test_nothing_was_sent_where_the_handshake_hangs(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_LIMIT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        error = await error_of(Http(session, url, tls=Tls()))
    assert isinstance(error, UnreachableError)


@pytest.mark.parametrize("answer", [vanish, hang])
async def test_a_lost_answer_leaves_the_outcome_unknown(
    session: aiohttp.ClientSession, answer: Answer
) -> None:
    async with serving(answer) as server:
        error = await error_of(Http(session, server.url, tls=Tls()), limit_s=0.5)
        assert len(server.asked) == 1
    assert isinstance(error, NoAnswerError)
    assert (error.reply.outcome, error.reply.was_sent) == (Outcome.UNKNOWN, True)


async def test_a_lost_answer_is_not_asked_for_again(session: aiohttp.ClientSession) -> None:
    """Left to itself aiohttp repeats PUT and DELETE when a pooled connection dies."""
    async with serving() as server:
        http = Http(session, server.url, tls=Tls())
        await http.request("GET")
        server.answer = vanish
        for method in ("GET", "PUT", "DELETE", "POST"):
            with pytest.raises(NoAnswerError):
                await http.request(method)
    assert len(server.asked) == 5


async def test_half_an_answer_is_none(session: aiohttp.ClientSession) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        return await vanish(request)

    async with serving(half) as server:
        error = await error_of(Http(session, server.url, tls=Tls()))
    assert isinstance(error, NoAnswerError)


async def test_an_answer_without_an_end_is_not_read_for_ever(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    async with serving(say(text="x" * 1001)) as server:
        error = await error_of(Http(session, server.url, tls=Tls()))
        server.answer = say(text="x" * 1000)
        assert (await Http(session, server.url, tls=Tls()).request("GET")).is_success
    assert isinstance(error, NoAnswerError)


async def test_what_is_no_http_is_a_bad_answer(session: aiohttp.ClientSession) -> None:
    async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(chat, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        error = await error_of(Http(session, url, tls=Tls()))
    assert isinstance(error, BadAnswerError)
    assert error.outcome is Outcome.UNKNOWN


async def test_redirects_are_not_followed(session: aiohttp.ClientSession) -> None:
    async with serving() as elsewhere:
        async with serving(say(307, Location=elsewhere.url)) as server:
            reply = await Http(session, server.url, tls=Tls()).request("POST", data="x")
        assert elsewhere.asked == []
    assert reply.reply().outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.ACCEPTED),
        (202, Outcome.ACCEPTED),
        (204, Outcome.ACCEPTED),
        (302, Outcome.REFUSED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (403, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (429, Outcome.REFUSED),
        (500, Outcome.REFUSED),
        (501, Outcome.REFUSED),
        (502, Outcome.UNKNOWN),
        (503, Outcome.REFUSED),
        (504, Outcome.UNKNOWN),
        (595, Outcome.UNKNOWN),
        (599, Outcome.UNKNOWN),
    ],
)
def test_what_a_status_means(status: int, outcome: Outcome) -> None:
    assert HttpReply(status=status).reply().outcome is outcome


def test_other_statuses_may_be_expected() -> None:
    assert HttpReply(status=302).reply({302}).outcome is Outcome.ACCEPTED
    assert HttpReply(status=200).reply({302}).outcome is Outcome.REFUSED


async def test_a_refusal_carries_the_hosts_words(session: aiohttp.ClientSession) -> None:
    async with serving(say(403, "Permission check failed\n" + "x" * 600)) as server:
        reply = await Http(session, server.url, tls=Tls()).request("POST")
    detail = reply.reply().detail
    assert detail.startswith("HTTP 403 Forbidden: Permission check failed xxx")
    assert len(detail) == 500


async def all_that_is_said(http: Http) -> list[str]:
    """Return what a request leaves behind in its reply or its error."""
    said = [repr(http)]
    try:
        reply = await http.request(
            "POST",
            "/planted%22secret",
            headers={"Authorization": SECRET},
            data={"password": SECRET},
        )
        said += [repr(reply), reply.detail]
        reply.json()
    except ShutdownError as err:
        said += [repr(err), *traceback.format_exception(err), repr(err.__context__)]
    return said


async def test_secrets_show_nowhere(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    tls = pin(IDENTITY.fingerprint)
    answers = [say(401, f"no {SECRET}"), say(200, f"<{SECRET}>"), vanish]
    async with serving(identity=IDENTITY) as server:
        for answer in answers:
            server.answer = answer
            http = Http(session, server.url, tls=tls, secrets=[SECRET])
            seen += await all_that_is_said(http)
    off = Http(session, server.url, tls=tls, secrets=[SECRET])
    with pytest.raises(UnreachableError) as caught:
        await off.request("POST", "/x", headers={"Bad\nName": SECRET})
    seen += traceback.format_exception(caught.value)
    text = "\n".join((*seen, caplog.text))
    assert "HTTP 401" in text
    assert "planted" not in text


async def test_secrets_that_were_learned_later_are_taken_out_too(
    session: aiohttp.ClientSession,
) -> None:
    async with serving(say(403, "sid=planted-later")) as server:
        http = Http(session, server.url, tls=Tls())
        http.add_secrets(["planted-later"])
        assert "planted" not in (await http.request("GET")).detail


async def test_what_is_no_json_is_a_bad_answer(session: aiohttp.ClientSession) -> None:
    async with serving(say(200, "<html>")) as server:
        reply = await Http(session, server.url, tls=Tls()).request("GET")
    with pytest.raises(BadAnswerError, match="HTTP 200"):
        reply.json()


@pytest.mark.parametrize("url", ["", "nas", "ftp://nas", "http://", "http://nas:planted"])
async def test_an_address_that_is_none(session: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises(OptionError) as caught:
        Http(session, url, tls=Tls())
    assert "planted" not in repr(caught.value)


async def test_a_trust_that_cannot_be_read_is_told_when_it_is_opened(
    session: aiohttp.ClientSession,
) -> None:
    http = Http(session, "https://127.0.0.1", tls=pin("nothing"))
    with pytest.raises(OptionError, match="tls_fingerprint"):
        await http.open()
