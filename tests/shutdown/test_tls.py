"""Who vouches for a server, against real TLS servers."""

from datetime import UTC, datetime, timedelta
import socket
import ssl

import aiohttp
import pytest

from custom_components.omron_ups.shutdown import tls as module
from custom_components.omron_ups.shutdown.errors import (
    IdentityChangedError,
    IdentityError,
    OptionError,
    UnreachableError,
)
from custom_components.omron_ups.shutdown.tls import (
    Tls,
    Trust,
    check_identity,
    fetch_certificate,
    format_fingerprint,
    load_trust,
    parse_fingerprint,
)
from tests.shutdown.web import Identity, make_identity, serving

AUTHORITY = make_identity("authority", address="", is_authority=True)
SIGNED = make_identity("nas.example", signed_by=AUTHORITY)
SIGNED_NAME_ONLY = make_identity("nas.example", address="", signed_by=AUTHORITY)
SIGNED_EXPIRED = make_identity("nas.example", signed_by=AUTHORITY, is_expired=True)
SELF_SIGNED = make_identity("self")
EXPIRED = make_identity("self", is_expired=True)
RENEWED = make_identity("renewed")


def pin(fingerprint: str) -> Tls:
    return Tls(trust=Trust.FINGERPRINT, fingerprint=fingerprint)


def pasted(pem: str, **options: str) -> Tls:
    return Tls(trust=Trust.AUTHORITY, authority=pem, **options)


@pytest.mark.parametrize(
    ("identity", "tls"),
    [
        pytest.param(SELF_SIGNED, pin(SELF_SIGNED.fingerprint), id="confirmed"),
        pytest.param(EXPIRED, pin(EXPIRED.fingerprint), id="confirmed and expired"),
        pytest.param(SIGNED, pasted(AUTHORITY.pem), id="signed by the pasted authority"),
        pytest.param(
            SIGNED_NAME_ONLY,
            pasted(AUTHORITY.pem, server_name="nas.example"),
            id="for a name, addressed by IP",
        ),
        pytest.param(SELF_SIGNED, pasted(SELF_SIGNED.pem), id="itself pasted"),
        pytest.param(
            SIGNED, pasted(f"{SELF_SIGNED.pem}\n{AUTHORITY.pem}"), id="several authorities"
        ),
    ],
)
async def test_a_server_that_proves_itself_is_trusted(identity: Identity, tls: Tls) -> None:
    async with serving(identity=identity) as server:
        await check_identity("127.0.0.1", server.port, tls)
        assert server.asked == []


@pytest.mark.parametrize(
    ("identity", "tls"),
    [
        pytest.param(SELF_SIGNED, Tls(), id="self-signed"),
        pytest.param(SIGNED, Tls(), id="of an unknown authority"),
        pytest.param(SELF_SIGNED, pasted(AUTHORITY.pem), id="of another authority"),
        pytest.param(SIGNED_EXPIRED, pasted(AUTHORITY.pem), id="expired"),
        pytest.param(SIGNED_NAME_ONLY, pasted(AUTHORITY.pem), id="for another address"),
        pytest.param(
            SIGNED, pasted(AUTHORITY.pem, server_name="other.example"), id="for another name"
        ),
    ],
)
async def test_a_server_that_does_not_is_not(identity: Identity, tls: Tls) -> None:
    async with serving(identity=identity) as server:
        with pytest.raises(IdentityError) as caught:
            await check_identity("127.0.0.1", server.port, tls)
        assert not isinstance(caught.value, IdentityChangedError)


async def test_a_renewed_certificate_is_another_one_and_is_named() -> None:
    async with serving(identity=RENEWED) as server:
        with pytest.raises(IdentityChangedError) as caught:
            await check_identity("127.0.0.1", server.port, pin(SELF_SIGNED.fingerprint))
    assert caught.value.fingerprint == RENEWED.fingerprint


async def test_the_authorities_of_this_machine_are_the_default() -> None:
    trust = await load_trust(Tls())
    assert isinstance(trust, ssl.SSLContext)
    assert trust.verify_mode is ssl.CERT_REQUIRED
    assert trust.check_hostname


@pytest.mark.parametrize("trust", Trust)
async def test_no_choice_leaves_a_server_unchecked(trust: Trust) -> None:
    loaded = await load_trust(
        Tls(trust=trust, authority=AUTHORITY.pem, fingerprint=SELF_SIGNED.fingerprint)
    )
    if isinstance(loaded, ssl.SSLContext):
        assert loaded.verify_mode is ssl.CERT_REQUIRED
        assert loaded.check_hostname
    else:
        assert isinstance(loaded, aiohttp.Fingerprint)


async def test_the_certificate_for_the_dialogue() -> None:
    async with serving(identity=SIGNED) as server:
        shown = await fetch_certificate("127.0.0.1", server.port)
        assert server.asked == []
    assert shown.fingerprint == SIGNED.fingerprint
    assert (shown.subject, shown.issuer) == ("CN=nas.example", "CN=authority")
    assert shown.names == ("nas.example", "127.0.0.1")
    assert not shown.is_self_signed
    assert shown.not_after < datetime.now(UTC) + timedelta(days=2)
    async with serving(identity=SELF_SIGNED) as server:
        assert (await fetch_certificate("127.0.0.1", server.port)).is_self_signed


async def test_no_certificate_where_nobody_speaks_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FETCH_LIMIT_S", 0.3)
    async with serving() as plain:
        with pytest.raises(UnreachableError):
            await fetch_certificate("127.0.0.1", plain.port)
    with pytest.raises(UnreachableError):
        await fetch_certificate("127.0.0.1", plain.port)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(UnreachableError):
        await fetch_certificate("127.0.0.1", mute.getsockname()[1])


@pytest.mark.parametrize(
    "authority",
    ["", "no certificate", SELF_SIGNED.pem[:100]],
    ids=["empty", "no certificate", "cut"],
)
async def test_an_authority_that_cannot_be_read(authority: str) -> None:
    with pytest.raises(OptionError, match="tls_authority"):
        await load_trust(pasted(authority))


@pytest.mark.parametrize("text", ["", "AB", "zz" * 32, "ab" * 20, "ab" * 33])
def test_what_is_no_sha_256_fingerprint(text: str) -> None:
    with pytest.raises(OptionError, match="tls_fingerprint"):
        parse_fingerprint(text)


def test_fingerprints_are_taken_in_every_usual_spelling() -> None:
    digest = bytes(range(32))
    shown = format_fingerprint(digest)
    assert shown.startswith("00:01:02:")
    for text in (shown, shown.lower(), digest.hex(), f" {shown}\n", f"SHA256:{digest.hex()}"):
        assert parse_fingerprint(text) == digest


def test_options_are_read() -> None:
    assert Tls.from_options({}) == Tls()
    assert Tls.from_options({"tls_trust": "fingerprint", "tls_fingerprint": "AB"}) == pin("AB")
    assert Tls.from_options(
        {"tls_trust": "authority", "tls_authority": "PEM", "tls_name": "nas"}
    ) == pasted("PEM", server_name="nas")
    for off in ("none", "off", "False"):
        with pytest.raises(OptionError, match="tls_trust"):
            Tls.from_options({"tls_trust": off})
